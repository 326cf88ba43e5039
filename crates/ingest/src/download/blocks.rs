//! Cutting a stream into blocks of whole lines, in bounded memory.
//!
//! A block is what one thread reads at a time. A line longer than a block does not fit in memory, and no real
//! list has one: its beginning is passed on, to be rejected as too long, and the rest is dropped as it
//! arrives.

use super::lines::{self, LINE_MAX};
use super::position::Position;
use std::io::{self, Read};

/// The size of a block, in bytes.
pub(crate) const BLOCK_LEN: usize = 1 << 20;

/// Whole lines of a stream.
pub(crate) struct Block {
    /// The lines.
    pub(crate) bytes: Vec<u8>,
    /// Where they begin.
    pub(crate) base: Position,
}

/// Cuts a stream into blocks.
pub(crate) struct Blocks<R> {
    source: R,
    /// What was read after the last line end.
    rest: Vec<u8>,
    next: Position,
    ended: bool,
}

impl<R: Read> Blocks<R> {
    /// The blocks of `source`, which begins at `position` in its file.
    pub(crate) fn starting_at(source: R, position: Position) -> Blocks<R> {
        Blocks { source, rest: Vec::new(), next: position, ended: false }
    }

    /// Where the next block begins.
    pub(crate) fn position(&self) -> Position {
        self.next
    }

    /// The beginning of the stream, at most a block. The next block begins with it again.
    pub(crate) fn head(&mut self) -> io::Result<&[u8]> {
        let mut bytes = std::mem::take(&mut self.rest);
        let read = self.fill(&mut bytes);
        self.rest = bytes;
        read.map(|()| self.rest.as_slice())
    }

    /// The next block; `None` at the end of the stream.
    pub(crate) fn next_block(&mut self) -> io::Result<Option<Block>> {
        self.next_whole(<[u8]>::len)
    }

    /// As [`Blocks::next_block`], without what stands behind the last whole record: `whole` says how many of
    /// the bytes of whole lines are whole records, at least one.
    pub(crate) fn next_whole(&mut self, whole: impl Fn(&[u8]) -> usize) -> io::Result<Option<Block>> {
        let mut bytes = std::mem::take(&mut self.rest);
        self.fill(&mut bytes)?;
        if bytes.is_empty() {
            return Ok(None);
        }
        let base = self.next;
        let whole = match self.ended {
            true => bytes.len(),
            false => whole(bytes.get(..last_line_end(&bytes)).unwrap_or(&[])),
        };
        let passed = if whole > 0 {
            self.rest = bytes.split_off(whole);
            whole as u64
        } else {
            self.cut_long_line(&mut bytes)?
        };
        self.next.offset += passed;
        self.next.line += lines::count_ends(&bytes).max(u64::from(whole == 0));
        Ok(Some(Block { bytes, base }))
    }

    /// The rest of the stream; `None` if it is longer than `max` bytes.
    pub(crate) fn read_whole(&mut self, max: usize) -> io::Result<Option<Vec<u8>>> {
        let mut whole = std::mem::take(&mut self.rest);
        let room = (max + 1).saturating_sub(whole.len()) as u64;
        (&mut self.source).take(room).read_to_end(&mut whole)?;
        self.next.offset += whole.len() as u64;
        self.next.line += lines::count_ends(&whole);
        Ok((whole.len() <= max).then_some(whole))
    }

    fn fill(&mut self, bytes: &mut Vec<u8>) -> io::Result<()> {
        let wanted = BLOCK_LEN.saturating_sub(bytes.len()) as u64;
        if !self.ended {
            let read = (&mut self.source).take(wanted).read_to_end(bytes)? as u64;
            self.ended = read < wanted;
        }
        Ok(())
    }

    /// Keeps the beginning of a line that fills a whole block, and drops the rest of it from the stream.
    fn cut_long_line(&mut self, bytes: &mut Vec<u8>) -> io::Result<u64> {
        let mut passed = bytes.len() as u64;
        bytes.truncate(LINE_MAX + 1);
        loop {
            let mut more = Vec::new();
            self.fill(&mut more)?;
            match memchr::memchr2(b'\n', b'\r', &more) {
                Some(end) => {
                    let crlf = more.get(end..end + 2) == Some(b"\r\n");
                    let width = end + 1 + usize::from(crlf);
                    self.rest = more.split_off(width);
                    return Ok(passed + width as u64);
                }
                None if more.is_empty() => return Ok(passed),
                None => passed += more.len() as u64,
            }
        }
    }
}

/// The bytes up to the last line end. A CR at the very end may be half of a CR LF, so it does not count.
fn last_line_end(bytes: &[u8]) -> usize {
    let lf = memchr::memrchr(b'\n', bytes).map(|at| at + 1);
    let cr = || {
        let inner = bytes.get(..bytes.len().saturating_sub(1)).unwrap_or(&[]);
        memchr::memrchr(b'\r', inner).map(|at| at + 1)
    };
    lf.or_else(cr).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(text: &[u8]) -> Vec<Block> {
        let mut blocks = Blocks::starting_at(text, Position { line: 1, offset: 0 });
        std::iter::from_fn(|| blocks.next_block().expect("memory reads")).collect()
    }

    #[test]
    fn cuts_whole_lines_and_counts_positions() {
        let text: Vec<u8> = (0..200_000).flat_map(|n| format!("line {n}\r\n").into_bytes()).collect();
        let blocks = blocks(&text);
        assert!(blocks.len() > 1);
        let mut joined = Vec::new();
        for block in &blocks {
            assert_eq!(block.base.offset, joined.len() as u64);
            assert_eq!(block.base.line, 1 + lines::count_ends(&joined));
            assert!(block.bytes.ends_with(b"\n"));
            joined.extend_from_slice(&block.bytes);
        }
        assert_eq!(joined, text);
    }

    #[test]
    fn cuts_a_line_that_is_longer_than_a_block() {
        let mut text = vec![b'a'; 3 * BLOCK_LEN + 5];
        text.extend(b"\n45.9.20.5\nlast");
        let blocks = blocks(&text);
        assert_eq!(blocks[0].bytes.len(), LINE_MAX + 1);
        assert_eq!(blocks[1].bytes, b"45.9.20.5\nlast");
        assert_eq!(blocks[1].base, Position { line: 2, offset: 3 * BLOCK_LEN as u64 + 6 });
    }

    #[test]
    fn reads_a_whole_text_after_its_head() {
        let text = vec![b'a'; 2 * BLOCK_LEN];
        let mut blocks = Blocks::starting_at(text.as_slice(), Position { line: 1, offset: 0 });
        assert_eq!(blocks.head().expect("memory reads").len(), BLOCK_LEN);
        assert_eq!(blocks.read_whole(2 * BLOCK_LEN).expect("memory reads"), Some(text.clone()));
        let mut blocks = Blocks::starting_at(text.as_slice(), Position { line: 1, offset: 0 });
        blocks.head().expect("memory reads");
        assert_eq!(blocks.read_whole(BLOCK_LEN).expect("memory reads"), None);
    }

    #[test]
    fn ends_lines_at_lone_carriage_returns() {
        let text = b"abc\r".repeat(BLOCK_LEN / 2);
        let count: u64 = blocks(&text).iter().map(|block| lines::count_ends(&block.bytes)).sum();
        assert_eq!(count, BLOCK_LEN as u64 / 2);
    }
}
