//! Blocks of lines: an input cut at line ends, so that many threads can read it and every line is whole.

use std::io::{self, Read};

/// The length of a block, in bytes, where lines are shorter. Large enough that its costs vanish, small enough
/// that a ring of blocks fits the cache of a modest host.
const BLOCK_LEN: usize = 512 << 10;
/// A line is whole up to this length, in bytes; what is longer is read in pieces, so that memory is bounded.
pub(crate) const LINE_MAX: usize = 8 << 20;
/// The length of such a piece. As all that stands in one may be held at once, it is shorter than a block.
const PIECE_LEN: usize = 96 << 10;
/// How much is asked of a live input at a time.
const LIVE_LEN: usize = 64 << 10;

/// Some whole lines of an input.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Block {
    /// The lines, with their ends.
    pub(crate) bytes: Vec<u8>,
    /// The byte offset of the first one in the input.
    pub(crate) offset: u64,
    /// The number of the first one, counted from 1.
    pub(crate) line: u64,
    /// Whether it ends within a line that is too long to be whole.
    pub(crate) is_piece: bool,
}

/// Cuts an input.
pub(crate) struct BlockReader<R> {
    reader: R,
    live: bool,
    block_len: usize,
    line_max: usize,
    piece_len: usize,
    rest: Vec<u8>,
    offset: u64,
    line: u64,
    ended: bool,
    failed: Option<io::Error>,
    quoted: bool,
    /// Whether what comes next stands in a line that is too long to be whole.
    within: bool,
}

impl<R: Read> BlockReader<R> {
    /// Cuts `reader`; a live one is not waited for when it has given a whole line.
    pub(crate) fn new(reader: R, live: bool) -> BlockReader<R> {
        BlockReader {
            reader,
            live,
            block_len: BLOCK_LEN,
            line_max: LINE_MAX,
            piece_len: PIECE_LEN,
            rest: Vec::new(),
            offset: 0,
            line: 1,
            ended: false,
            failed: None,
            quoted: false,
            within: false,
        }
    }

    /// How the input begins: what is there of the first block. Nothing is lost by looking.
    pub(crate) fn head(&mut self) -> &[u8] {
        let mut head = std::mem::take(&mut self.rest);
        while !self.ended && memchr::memchr(b'\n', &head).is_none() && head.len() < self.block_len {
            self.read_behind(&mut head);
        }
        self.rest = head;
        &self.rest
    }

    /// Passes over the first bytes, and counts their lines. An input that ends before has nothing to give.
    pub(crate) fn skip_to(&mut self, offset: u64) -> io::Result<()> {
        while self.offset < offset {
            let mut bytes = std::mem::take(&mut self.rest);
            if bytes.is_empty() && !self.ended {
                self.read_behind(&mut bytes);
            }
            if bytes.is_empty() {
                return self.failed.take().map_or(Ok(()), Err);
            }
            let skipped = usize::try_from(offset - self.offset).unwrap_or(usize::MAX).min(bytes.len());
            self.rest = bytes.split_off(skipped);
            self.block(bytes);
        }
        Ok(())
    }

    /// From now on, no block ends between two quotation marks.
    pub(crate) fn keep_quotes(&mut self) {
        self.quoted = true;
    }

    /// Where the last line ends that may end a block.
    fn last_end(&self, text: &[u8], from: usize) -> Option<usize> {
        if !self.quoted {
            return memchr::memrchr(b'\n', text.get(from..)?).map(|at| from + at);
        }
        let mut quotes = memchr::memchr_iter(b'"', text).count();
        memchr::memrchr2_iter(b'"', b'\n', text).find(|at| {
            let is_quote = text.get(*at) == Some(&b'"');
            quotes -= usize::from(is_quote);
            !is_quote && quotes.is_multiple_of(2)
        })
    }

    /// The next block, in `buffer`, whose memory is used again as it is: what stands in it is overwritten, and only what
    /// was never used is made zeros first. `None` at the end. What was read before an error comes before it.
    pub(crate) fn next_block(&mut self, mut buffer: Vec<u8>) -> io::Result<Option<Block>> {
        // So much may have been read of a long line that its next piece is there.
        let is_read = self.within && self.rest.len() >= self.piece_len;
        if let Some((cut, within)) = self.cut_of(&self.rest, 0).filter(|_| is_read) {
            buffer.clear();
            buffer.extend(self.rest.drain(..cut));
            self.rest.shrink_to(self.block_len);
            self.within = within;
            return Ok(Some(Block { is_piece: within, ..self.block(buffer) }));
        }
        let (mut have, mut searched) = (self.rest.len(), 0);
        self.make_room(&mut buffer, have);
        buffer.iter_mut().zip(self.rest.drain(..)).for_each(|(place, byte)| *place = byte);
        let is_piece = loop {
            let text = buffer.get(..have).unwrap_or(&[]);
            if self.live || have >= self.block_len || self.within && have >= self.piece_len {
                if let Some((cut, within)) = self.cut_of(text, searched) {
                    self.rest.extend_from_slice(text.get(cut..).unwrap_or(&[]));
                    (have, self.within) = (cut, within);
                    break within;
                }
                searched = have;
            }
            if self.ended {
                break false;
            }
            have = self.read_more(&mut buffer, have);
        };
        buffer.truncate(have);
        match self.failed.take_if(|_| buffer.is_empty()) {
            Some(error) => Err(error),
            None => Ok((!buffer.is_empty()).then(|| Block { is_piece, ..self.block(buffer) })),
        }
    }

    /// Where a block ends that begins with a text, and whether that is within a line that is too long to be whole; `None`
    /// where more must be read. What is a long line, and where its pieces end, does not depend on how much was read.
    fn cut_of(&self, text: &[u8], searched: usize) -> Option<(usize, bool)> {
        let most = if self.within { self.piece_len } else { self.line_max };
        let known = text.get(..most).unwrap_or(text);
        if let Some(end) = self.last_end(known, searched.min(known.len())) {
            return Some((end + 1, false));
        }
        let piece = || safe_cut(text.get(..self.piece_len).unwrap_or(text));
        (text.len() >= most).then(|| (piece(), true))
    }

    /// Reads more behind what a buffer has.
    fn read_behind(&mut self, buffer: &mut Vec<u8>) {
        let have = self.read_more(buffer, buffer.len());
        buffer.truncate(have);
    }

    /// Reads more behind the first `have` bytes of a buffer. Returns how many it has then.
    fn read_more(&mut self, buffer: &mut Vec<u8>, have: usize) -> usize {
        let wanted = if self.live { LIVE_LEN } else { self.block_len.saturating_sub(have).max(LIVE_LEN) };
        self.make_room(buffer, have + wanted);
        let place = buffer.get_mut(have..have + wanted).unwrap_or(&mut []);
        let read = loop {
            match self.reader.read(place) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        let count = read.as_ref().map_or(0, |read| *read);
        self.ended = count == 0;
        self.failed = read.err();
        have + count
    }

    /// Makes a buffer at least so long; it is never made shorter, so that nothing is made zeros twice. It grows by
    /// doubling, but not beyond what a line may need.
    fn make_room(&self, buffer: &mut Vec<u8>, length: usize) {
        if buffer.capacity() < length {
            let wanted = (2 * buffer.capacity()).min(self.line_max + LIVE_LEN).max(length);
            buffer.reserve_exact(wanted - buffer.len());
        }
        if buffer.len() < length {
            buffer.resize(length, 0);
        }
    }

    fn block(&mut self, bytes: Vec<u8>) -> Block {
        let block = Block { offset: self.offset, line: self.line, bytes, is_piece: false };
        self.offset += block.bytes.len() as u64;
        self.line += memchr::memchr_iter(b'\n', &block.bytes).count() as u64;
        block
    }
}

/// Where an endless line may be cut without tearing an indicator apart: behind the last blank or quotation mark, if there
/// is one nearby, or else behind the last of the other signs that stand between indicators.
pub(crate) fn safe_cut(line: &[u8]) -> usize {
    let near = line.len().saturating_sub(LIVE_LEN);
    let rest = line.get(near..).unwrap_or(&[]);
    let edge = memchr::memrchr3(b' ', b'"', b'\t', rest)
        .or_else(|| rest.iter().rposition(|byte| b",;|'<>(){}\\".contains(byte)))
        .or_else(|| rest.iter().rposition(|byte| b"=&".contains(byte)));
    edge.map_or(line.len(), |at| near + at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Gives its bytes a few at a time, then an error if it has one.
    struct Dribble<'a>(&'a [u8], usize, bool);

    impl Read for Dribble<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() && self.2 {
                return Err(io::Error::other("cut off"));
            }
            let (now, later) = self.0.split_at(self.1.min(self.0.len()).min(out.len()));
            out[..now.len()].copy_from_slice(now);
            self.0 = later;
            Ok(now.len())
        }
    }

    fn cut(text: &[u8], step: usize, lengths: (usize, usize), live: bool, fails: bool) -> (Vec<Block>, bool) {
        let mut cutter = BlockReader::new(Dribble(text, step, fails), live);
        (cutter.block_len, cutter.line_max) = lengths;
        cutter.piece_len = cutter.block_len;
        let mut blocks = Vec::new();
        loop {
            match cutter.next_block(Vec::new()) {
                Ok(Some(block)) => blocks.push(block),
                Ok(None) => return (blocks, false),
                Err(_) => return (blocks, true),
            }
        }
    }

    proptest! {
        #[test]
        fn blocks_are_the_input_cut_at_line_ends(
            text in "[a\\n]{0,200}", step in 1usize..40, block in 1usize..30, live: bool, fails: bool,
        ) {
            let (blocks, failed) = cut(text.as_bytes(), step, (block, 1 << 20), live, fails);
            prop_assert_eq!(failed, fails);
            let whole: Vec<u8> = blocks.iter().flat_map(|block| block.bytes.clone()).collect();
            prop_assert_eq!(&whole, text.as_bytes());
            let last = blocks.len().saturating_sub(1);
            for (at, block) in blocks.iter().enumerate() {
                prop_assert!(at == last || block.bytes.ends_with(b"\n"));
                let before = &whole[..block.offset as usize];
                prop_assert_eq!(block.line, 1 + before.iter().filter(|byte| **byte == b'\n').count() as u64);
            }
        }
    }

    #[test]
    fn pieces_are_the_same_however_much_is_read_at_a_time() {
        let line = |length: usize| format!("{}\n", "abc,".repeat(length / 4));
        let text = [39, 41, 40, 100, 3, 44, 38].map(line).concat();
        let pieces = |step: usize, live: bool| -> Vec<(u64, u64)> {
            let (blocks, _) = cut(text.as_bytes(), step, (12, 40), live, false);
            let is_long = |block: &&Block| block.is_piece;
            blocks.iter().filter(is_long).map(|block| (block.offset, block.bytes.len() as u64)).collect()
        };
        let expected = pieces(7, false);
        assert!(expected.len() > 15, "{expected:?}");
        assert!(expected.iter().all(|(_, length)| length % 4 == 0), "{expected:?}");
        for step in [1, 5, 13, 41, 1000] {
            assert_eq!(
                [pieces(step, false), pieces(step, true)],
                [expected.clone(), expected.clone()],
                "{step}"
            );
        }
    }

    #[test]
    fn a_line_beyond_the_limit_is_read_in_pieces() {
        let text = [b"x".repeat(100).as_slice(), b"\ny\n"].concat();
        let (blocks, _) = cut(&text, 7, (5, 40), false, false);
        assert!(blocks.len() >= 10 && blocks.iter().all(|block| block.bytes.len() < 5 + 7));
        let whole: Vec<u8> = blocks.iter().flat_map(|block| block.bytes.clone()).collect();
        assert_eq!(whole, text);
        let pieces: Vec<bool> = blocks.iter().map(|block| block.is_piece).collect();
        assert!(pieces.iter().is_sorted_by(|one, other| one >= other) && pieces[8], "{pieces:?}");
        assert_eq!(
            blocks.last().map(|block| block.line),
            Some(1 + u64::from(blocks.last().unwrap().bytes == b"y\n"))
        );
    }
}
