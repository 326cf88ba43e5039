//! Reads an input in blocks of whole lines, so that threads can process them independently.
//!
//! Memory of an input: one block and the beginning of the next. A block grows beyond [`BLOCK_LEN`] only to
//! complete its last line, up to [`LINE_MAX`]; a longer line is read in pieces of at most [`PIECE_LEN`], so
//! memory is bounded for any input. Where a piece ends depends on the bytes alone, not on how many a read
//! returned: every run gives the same results.

use crate::quoted::QuotedRecords;
use std::cell::RefCell;
use std::io::{self, Read};

/// The length of a block, in bytes. Large enough that the costs of a block do not matter, small enough that
/// the blocks in flight fit into the cache of a small host.
const BLOCK_LEN: usize = 512 << 10;
/// The longest line that is never cut, in bytes.
pub(crate) const LINE_MAX: usize = 8 << 20;
/// The length of a piece of a longer line, in bytes. Shorter than a block: all matches of a piece may be held
/// at once, because they are in one record.
const PIECE_LEN: usize = 96 << 10;
/// The length of a read from a stream, in bytes, and the least of any other.
const READ_LEN: usize = 64 << 10;

/// Whole lines of an input, or a piece of a long one.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Block {
    /// The lines, with their line ends.
    pub(crate) bytes: Vec<u8>,
    /// The offset of the first byte in the input.
    pub(crate) offset: u64,
    /// The number of the first line, counted from 1.
    pub(crate) line: u64,
    /// Whether the block ends inside a line of more than [`LINE_MAX`].
    pub(crate) is_piece: bool,
}

/// Records of a table with a quotation mark that opens a cell and does not close it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Runaways {
    pub(crate) count: u64,
    /// The line of the first.
    pub(crate) first_line: u64,
}

/// Cuts an input into blocks.
pub(crate) struct BlockReader<R> {
    reader: R,
    is_stream: bool,
    block_len: usize,
    line_max: usize,
    piece_len: usize,
    /// Bytes that were read behind the last block.
    pending: Vec<u8>,
    offset: u64,
    line: u64,
    ended: bool,
    error: Option<io::Error>,
    quoted: Option<QuotedRecords>,
    runaways: Runaways,
    /// The marks of records that run away in the text that was cut last.
    marks: RefCell<Vec<usize>>,
    /// Whether `pending` begins inside a line of more than `line_max`.
    in_long_line: bool,
}

impl<R: Read> BlockReader<R> {
    /// Cuts the bytes of `reader`. Blocks of a stream end at the last complete line that was read, so that
    /// lines are processed as they arrive.
    pub(crate) fn new(reader: R, is_stream: bool) -> BlockReader<R> {
        BlockReader {
            reader,
            is_stream,
            block_len: BLOCK_LEN,
            line_max: LINE_MAX,
            piece_len: PIECE_LEN,
            pending: Vec::new(),
            offset: 0,
            line: 1,
            ended: false,
            error: None,
            quoted: None,
            runaways: Runaways::default(),
            marks: RefCell::default(),
            in_long_line: false,
        }
    }

    /// The beginning of the input, up to one block, without consuming it: enough to detect the kind of log.
    pub(crate) fn head(&mut self) -> &[u8] {
        let mut head = std::mem::take(&mut self.pending);
        while !self.ended && memchr::memchr(b'\n', &head).is_none() && head.len() < self.block_len {
            self.append_read(&mut head);
        }
        self.pending = head;
        &self.pending
    }

    /// Skips the bytes before `offset`, and counts their lines. A shorter input is skipped whole.
    pub(crate) fn skip_to(&mut self, offset: u64) -> io::Result<()> {
        while self.offset < offset {
            let mut bytes = std::mem::take(&mut self.pending);
            if bytes.is_empty() && !self.ended {
                self.append_read(&mut bytes);
            }
            if bytes.is_empty() {
                return self.error.take().map_or(Ok(()), Err);
            }
            let skipped = usize::try_from(offset - self.offset).unwrap_or(usize::MAX).min(bytes.len());
            self.pending = bytes.split_off(skipped);
            self.count(bytes);
        }
        Ok(())
    }

    /// From now on, no block ends inside a record whose quoted cells contain line ends.
    pub(crate) fn keep_records(&mut self, quoted: QuotedRecords) {
        self.quoted = Some(quoted);
    }

    /// The records so far that ran away.
    pub(crate) fn runaways(&self) -> Runaways {
        self.runaways
    }

    /// The last line end at which a block may end.
    fn last_line_end(&self, text: &[u8], from: usize) -> Option<usize> {
        match self.quoted {
            None => memchr::memrchr(b'\n', text.get(from..)?).map(|at| from + at),
            Some(quoted) => {
                let whole = quoted.whole(text, false);
                self.marks.replace(whole.runaways);
                whole.end.map(|end| end - 1)
            }
        }
    }

    /// Counts the records of a block that run away. The last block was not cut, so its marks are not known.
    fn count_runaways(&mut self, bytes: &[u8], is_last: bool) {
        let Some(quoted) = self.quoted else { return };
        let mut marks = self.marks.take();
        if is_last {
            marks = quoted.whole(bytes, true).runaways;
        }
        marks.retain(|mark| *mark < bytes.len());
        if let (Some(first), 0) = (marks.first(), self.runaways.count) {
            let before = bytes.get(..*first).unwrap_or(&[]);
            self.runaways.first_line = self.line + memchr::memchr_iter(b'\n', before).count() as u64;
        }
        self.runaways.count += marks.len() as u64;
    }

    /// The next block, in the memory of `buffer`; `None` at the end. Bytes that were read before an error are
    /// returned before it. The contents of `buffer` are overwritten; zeroing them first would be one more
    /// pass over all input.
    pub(crate) fn next_block(&mut self, mut buffer: Vec<u8>) -> io::Result<Option<Block>> {
        // The next piece of a long line may have been read with the piece before it.
        let is_pending = self.in_long_line && self.pending.len() >= self.piece_len;
        if let Some((end, in_long_line)) = self.block_end(&self.pending, 0).filter(|_| is_pending) {
            buffer.clear();
            buffer.extend(self.pending.drain(..end));
            self.pending.shrink_to(self.block_len);
            self.in_long_line = in_long_line;
            return Ok(Some(Block { is_piece: in_long_line, ..self.count(buffer) }));
        }
        let (mut have, mut searched, mut is_last) = (self.pending.len(), 0, false);
        self.ensure_len(&mut buffer, have);
        buffer.iter_mut().zip(self.pending.drain(..)).for_each(|(to, byte)| *to = byte);
        let is_piece = loop {
            let text = buffer.get(..have).unwrap_or(&[]);
            if self.is_stream || have >= self.block_len || self.in_long_line && have >= self.piece_len {
                if let Some((end, in_long_line)) = self.block_end(text, searched) {
                    self.pending.extend_from_slice(text.get(end..).unwrap_or(&[]));
                    (have, self.in_long_line) = (end, in_long_line);
                    break in_long_line;
                }
                searched = have;
            }
            if self.ended {
                is_last = true;
                break false;
            }
            have = self.read_more(&mut buffer, have);
        };
        buffer.truncate(have);
        if !is_piece {
            self.count_runaways(&buffer, is_last);
        }
        match self.error.take_if(|_| buffer.is_empty()) {
            Some(error) => Err(error),
            None => Ok((!buffer.is_empty()).then(|| Block { is_piece, ..self.count(buffer) })),
        }
    }

    /// The end of the block that a text begins with, and whether it is inside a long line; `None` where more
    /// must be read. The first `searched` bytes have no line end. Only the first `line_max` or `piece_len`
    /// bytes count, so the answer does not depend on how much was read.
    fn block_end(&self, text: &[u8], searched: usize) -> Option<(usize, bool)> {
        let most = if self.in_long_line { self.piece_len } else { self.line_max };
        let known = text.get(..most).unwrap_or(text);
        if let Some(end) = self.last_line_end(known, searched.min(known.len())) {
            return Some((end + 1, false));
        }
        let piece = || safe_cut(text.get(..self.piece_len).unwrap_or(text));
        (text.len() >= most).then(|| (piece(), true))
    }

    /// Appends the bytes of one read to a buffer.
    fn append_read(&mut self, buffer: &mut Vec<u8>) {
        let have = self.read_more(buffer, buffer.len());
        buffer.truncate(have);
    }

    /// Reads once behind the first `have` bytes of a buffer, and returns how many are valid then.
    fn read_more(&mut self, buffer: &mut Vec<u8>, have: usize) -> usize {
        let wanted =
            if self.is_stream { READ_LEN } else { self.block_len.saturating_sub(have).max(READ_LEN) };
        self.ensure_len(buffer, have + wanted);
        let unused = buffer.get_mut(have..have + wanted).unwrap_or(&mut []);
        let read = loop {
            match self.reader.read(unused) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        let count = read.as_ref().map_or(0, |read| *read);
        self.ended = count == 0;
        self.error = read.err();
        have + count
    }

    /// Makes a buffer at least `length` bytes long. It never gets shorter, so no byte is zeroed twice. Its
    /// memory grows by doubling, but not beyond what the longest line needs.
    fn ensure_len(&self, buffer: &mut Vec<u8>, length: usize) {
        if buffer.capacity() < length {
            let wanted = (2 * buffer.capacity()).min(self.line_max + READ_LEN).max(length);
            buffer.reserve_exact(wanted - buffer.len());
        }
        if buffer.len() < length {
            buffer.resize(length, 0);
        }
    }

    /// Makes the next block, and counts its bytes and lines.
    fn count(&mut self, bytes: Vec<u8>) -> Block {
        let block = Block { offset: self.offset, line: self.line, bytes, is_piece: false };
        self.offset += block.bytes.len() as u64;
        self.line += memchr::memchr_iter(b'\n', &block.bytes).count() as u64;
        block
    }
}

/// Where a long line may be cut without cutting an indicator: behind the last blank or quotation mark of its
/// last 64 KiB, or else behind the last of the other bytes that separate indicators, or else at its end.
pub(crate) fn safe_cut(line: &[u8]) -> usize {
    let near = line.len().saturating_sub(READ_LEN);
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

    /// Returns a few bytes at a time, then an error if the last field is set.
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

    fn cut(
        text: &[u8],
        step: usize,
        lengths: (usize, usize),
        is_stream: bool,
        fails: bool,
    ) -> (Vec<Block>, bool) {
        let mut reader = BlockReader::new(Dribble(text, step, fails), is_stream);
        (reader.block_len, reader.line_max) = lengths;
        reader.piece_len = reader.block_len;
        let mut blocks = Vec::new();
        loop {
            match reader.next_block(Vec::new()) {
                Ok(Some(block)) => blocks.push(block),
                Ok(None) => return (blocks, false),
                Err(_) => return (blocks, true),
            }
        }
    }

    proptest! {
        #[test]
        fn cuts_the_input_at_line_ends(
            text in "[a\\n]{0,200}", step in 1usize..40, block in 1usize..30, is_stream: bool, fails: bool,
        ) {
            let (blocks, failed) = cut(text.as_bytes(), step, (block, 1 << 20), is_stream, fails);
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
    fn pieces_do_not_depend_on_the_length_of_reads() {
        let line = |length: usize| format!("{}\n", "abc,".repeat(length / 4));
        let text = [39, 41, 40, 100, 3, 44, 38].map(line).concat();
        let pieces = |step: usize, is_stream: bool| -> Vec<(u64, u64)> {
            let (blocks, _) = cut(text.as_bytes(), step, (12, 40), is_stream, false);
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
    fn reads_a_line_beyond_the_limit_in_pieces() {
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
