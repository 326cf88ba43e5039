//! Sorted runs of rows, encoded: each key without what it shares with the one before.
//!
//! A run is written from its first row to its last, and read so, any number of times. A row takes about a third
//! of what it takes in [`Columns`](crate::Columns), and runs are all that is ever written to the file of
//! [`Scratch`].

use crate::flatten::AddressNumber;
use crate::scratch::Scratch;
use std::marker::PhantomData;

/// How many bytes a chunk in memory has, more or less: the allocator returns blocks of this size to the system.
const CHUNK: usize = 2 << 20;
/// How many bytes a chunk in the file has: every run that is merged has one in memory.
const FILE_CHUNK: usize = 64 << 10;
/// A chunk is closed when it has less room than a row takes that is not unusually long.
const ROOM: usize = 512;

/// Encoded rows in the order of their keys.
#[derive(Debug, Default)]
pub(crate) struct SortedRun {
    chunks: Vec<Chunk>,
    /// How many rows there are.
    pub(crate) rows: u64,
    /// How many bytes of memory the chunks take.
    memory: u64,
    /// What is added to the tag of each row.
    pub(crate) tag_shift: u32,
}

#[derive(Debug)]
enum Chunk {
    Memory(Vec<u8>),
    File { at: u64, len: usize },
}

impl SortedRun {
    /// Frees the rows.
    pub(crate) fn free(&mut self, scratch: &Scratch) {
        scratch.release(std::mem::take(&mut self.memory));
        *self = SortedRun::default();
    }
}

/// Writes chunks.
struct ChunkWriter<'s> {
    scratch: &'s Scratch,
    run: SortedRun,
    open: Vec<u8>,
    /// The length at which the open chunk is closed.
    full: usize,
    is_in_memory: bool,
}

impl<'s> ChunkWriter<'s> {
    fn new(scratch: &'s Scratch) -> ChunkWriter<'s> {
        ChunkWriter { scratch, run: SortedRun::default(), open: Vec::new(), full: 0, is_in_memory: false }
    }

    /// Counts a row, and returns the chunk that it is written to.
    #[inline]
    fn row(&mut self) -> &mut Vec<u8> {
        if self.open.len() >= self.full {
            self.close();
            self.is_in_memory = self.scratch.take(CHUNK as u64);
            let capacity = if self.is_in_memory { CHUNK } else { FILE_CHUNK };
            self.full = capacity - ROOM;
            self.open.reserve_exact(capacity);
        }
        self.run.rows += 1;
        &mut self.open
    }

    fn close(&mut self) {
        if self.open.is_empty() {
            return;
        }
        if self.is_in_memory {
            let chunk = std::mem::take(&mut self.open);
            self.run.memory += CHUNK as u64;
            self.run.chunks.push(Chunk::Memory(chunk));
        } else {
            let at = self.scratch.write(&self.open);
            self.run.chunks.push(Chunk::File { at, len: self.open.len() });
            self.open.clear();
        }
    }

    fn finish(mut self) -> SortedRun {
        self.open.shrink_to_fit();
        let length = self.open.len() as u64;
        let was_open = !self.open.is_empty();
        self.close();
        if was_open && self.is_in_memory {
            let unused = (CHUNK as u64).saturating_sub(length);
            self.scratch.release(unused);
            self.run.memory -= unused;
        }
        self.run
    }
}

/// Reads chunks.
struct ChunkReader<'r> {
    scratch: &'r Scratch,
    chunks: &'r [Chunk],
    /// What was read from the file, if the current chunk is there.
    buffer: Vec<u8>,
    memory: Option<&'r [u8]>,
    at: usize,
}

impl<'r> ChunkReader<'r> {
    fn new(run: &'r SortedRun, scratch: &'r Scratch) -> ChunkReader<'r> {
        ChunkReader { scratch, chunks: &run.chunks, buffer: Vec::new(), memory: None, at: 0 }
    }

    /// The bytes from the next row on; none after the last row.
    #[inline]
    fn rest(&mut self) -> &[u8] {
        if self.at >= self.memory.unwrap_or(&self.buffer).len() {
            self.next_chunk();
        }
        self.memory.unwrap_or(&self.buffer).get(self.at..).unwrap_or(&[])
    }

    fn next_chunk(&mut self) {
        self.at = 0;
        self.memory = None;
        self.buffer.clear();
        let Some((chunk, others)) = self.chunks.split_first() else { return };
        self.chunks = others;
        match chunk {
            Chunk::Memory(bytes) => self.memory = Some(bytes),
            Chunk::File { at, len } => {
                self.buffer.resize(*len, 0);
                if !self.scratch.read(*at, &mut self.buffer) {
                    self.buffer.clear();
                    self.chunks = &[];
                }
            }
        }
    }
}

/// Appends a number in LEB128: seven bits a byte, the lowest first; the highest bit is set in all bytes but the
/// last.
#[inline]
fn push_number(out: &mut Vec<u8>, mut number: u128) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// As [`push_number`], for what fits a word.
#[inline]
fn push_word(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// The inverse of [`push_number`], for what it wrote.
#[inline]
fn take_number(bytes: &mut &[u8]) -> u128 {
    let (mut number, mut shift) = (0, 0);
    while let Some((byte, rest)) = bytes.split_first() {
        *bytes = rest;
        number |= u128::from(byte & 0x7F) << shift;
        shift += 7;
        if *byte < 0x80 || shift >= u128::BITS {
            break;
        }
    }
    number
}

/// The inverse of [`push_word`], for what it wrote.
#[inline]
fn take_word(bytes: &mut &[u8]) -> u64 {
    match bytes.split_first() {
        Some((byte, rest)) if *byte < 0x80 => {
            *bytes = rest;
            u64::from(*byte)
        }
        _ => take_number(bytes) as u64,
    }
}

/// Writes a run of names or URLs.
pub(crate) struct TextRunWriter<'s> {
    chunks: ChunkWriter<'s>,
    last: Vec<u8>,
    /// Whether every key was at least the one before.
    is_sorted: bool,
}

impl<'s> TextRunWriter<'s> {
    /// A run without rows.
    pub(crate) fn new(scratch: &'s Scratch) -> TextRunWriter<'s> {
        TextRunWriter { chunks: ChunkWriter::new(scratch), last: Vec::new(), is_sorted: true }
    }

    /// Appends a row.
    #[inline]
    pub(crate) fn push(&mut self, key: &[u8], tag: u32) {
        let shared = self.last.iter().zip(key).take_while(|(a, b)| a == b).count();
        let rest = key.get(shared..).unwrap_or(&[]);
        self.is_sorted &= self.last.get(shared..).unwrap_or(&[]) <= rest;
        let out = self.chunks.row();
        push_word(out, shared as u64);
        push_word(out, rest.len() as u64);
        push_word(out, tag.into());
        out.extend_from_slice(rest);
        self.last.truncate(shared);
        self.last.extend_from_slice(rest);
    }

    /// The run; `None` if its keys were out of order.
    pub(crate) fn finish(self) -> Option<SortedRun> {
        let run = self.chunks.finish();
        self.is_sorted.then_some(run)
    }
}

/// Reads a run of names or URLs.
pub(crate) struct TextRunReader<'r> {
    chunks: ChunkReader<'r>,
    /// The key of the current row.
    pub(crate) key: Vec<u8>,
    /// The tag of the current row.
    pub(crate) tag: u32,
    tag_shift: u32,
}

impl<'r> TextRunReader<'r> {
    /// A reader before the first row.
    pub(crate) fn new(run: &'r SortedRun, scratch: &'r Scratch) -> TextRunReader<'r> {
        let chunks = ChunkReader::new(run, scratch);
        TextRunReader { chunks, key: Vec::new(), tag: 0, tag_shift: run.tag_shift }
    }

    /// Goes to the next row. Returns `false` after the last one.
    #[inline]
    pub(crate) fn advance(&mut self) -> bool {
        let bytes = self.chunks.rest();
        let mut rest = bytes;
        if rest.is_empty() {
            return false;
        }
        let (shared, len, tag) = (take_word(&mut rest), take_word(&mut rest), take_word(&mut rest));
        let (key, rest) = rest.split_at_checked(len as usize).unwrap_or((&[], &[]));
        self.key.truncate(shared as usize);
        self.key.extend_from_slice(key);
        let taken = bytes.len() - rest.len();
        self.chunks.at += taken;
        self.tag = (tag as u32).wrapping_add(self.tag_shift);
        true
    }
}

/// Writes a run of addresses of one family.
pub(crate) struct RangeRunWriter<'s, N> {
    chunks: ChunkWriter<'s>,
    last: (u128, u128),
    is_sorted: bool,
    family: PhantomData<N>,
}

impl<'s, N: AddressNumber> RangeRunWriter<'s, N> {
    /// A run without rows.
    pub(crate) fn new(scratch: &'s Scratch) -> RangeRunWriter<'s, N> {
        let chunks = ChunkWriter::new(scratch);
        RangeRunWriter { chunks, last: (0, u128::MAX), is_sorted: true, family: PhantomData }
    }

    /// Appends a row: how far its first address is from the one before, how far its last address is from there,
    /// and the tag.
    #[inline]
    pub(crate) fn push(&mut self, first: N, last: N, tag: u32) {
        let (first, last): (u128, u128) = (first.into(), last.into());
        self.is_sorted &= self.last.0 < first || self.last.0 == first && last <= self.last.1;
        let out = self.chunks.row();
        push_number(out, first.wrapping_sub(self.last.0));
        push_number(out, last.wrapping_sub(first));
        push_word(out, tag.into());
        self.last = (first, last);
    }

    /// The run; `None` if its keys were out of order.
    pub(crate) fn finish(self) -> Option<SortedRun> {
        let run = self.chunks.finish();
        self.is_sorted.then_some(run)
    }
}

/// Reads a run of addresses of one family.
pub(crate) struct RangeRunReader<'r, N> {
    chunks: ChunkReader<'r>,
    before: u128,
    /// The first and the last address of the current row.
    pub(crate) ends: (N, N),
    /// The tag of the current row.
    pub(crate) tag: u32,
    tag_shift: u32,
}

impl<'r, N: AddressNumber> RangeRunReader<'r, N> {
    /// A reader before the first row.
    pub(crate) fn new(run: &'r SortedRun, scratch: &'r Scratch) -> RangeRunReader<'r, N> {
        let ends = (N::from_low_bits(0), N::from_low_bits(0));
        RangeRunReader {
            chunks: ChunkReader::new(run, scratch),
            before: 0,
            ends,
            tag: 0,
            tag_shift: run.tag_shift,
        }
    }

    /// Goes to the next row. Returns `false` after the last one.
    #[inline]
    pub(crate) fn advance(&mut self) -> bool {
        let bytes = self.chunks.rest();
        let mut rest = bytes;
        if rest.is_empty() {
            return false;
        }
        let first = self.before.wrapping_add(take_number(&mut rest));
        let last = first.wrapping_add(take_number(&mut rest));
        let tag = take_word(&mut rest) as u32;
        let taken = bytes.len() - rest.len();
        self.chunks.at += taken;
        self.before = first;
        self.ends = (N::from_low_bits(first), N::from_low_bits(last));
        self.tag = tag.wrapping_add(self.tag_shift);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(scratch: &Scratch, rows: &[(Vec<u8>, u32)]) -> Vec<(Vec<u8>, u32)> {
        let mut writer = TextRunWriter::new(scratch);
        rows.iter().for_each(|(key, tag)| writer.push(key, *tag));
        let mut run = writer.finish().expect("sorted");
        assert_eq!(run.rows, rows.len() as u64);
        let mut reader = TextRunReader::new(&run, scratch);
        let mut found = Vec::new();
        while reader.advance() {
            found.push((reader.key.clone(), reader.tag));
        }
        run.free(scratch);
        found
    }

    fn ranges<N: AddressNumber>(scratch: &Scratch, rows: &[(N, N, u32)]) -> Vec<(N, N, u32)> {
        let mut writer = RangeRunWriter::new(scratch);
        rows.iter().for_each(|(first, last, tag)| writer.push(*first, *last, *tag));
        let run = writer.finish().expect("sorted");
        let mut reader = RangeRunReader::<N>::new(&run, scratch);
        let mut found = Vec::new();
        while reader.advance() {
            found.push((reader.ends.0, reader.ends.1, reader.tag));
        }
        found
    }

    #[test]
    fn long_runs_are_read_as_they_were_written_from_memory_and_from_the_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut rows: Vec<(Vec<u8>, u32)> = (0..200_000u32)
            .map(|n| (format!("moc.{:x}.{}", n.wrapping_mul(40_503) % 65_536, n % 7).into_bytes(), n << 9))
            .collect();
        rows.push((vec![b'z'; 200_000], u32::MAX));
        rows.sort();
        for limit in [0, 3 << 20, u64::MAX] {
            let scratch = Scratch::new(limit, folder.path().join("x.rap"));
            assert_eq!(texts(&scratch, &rows), rows);
            assert!(limit > 0 || scratch.written() > 0);
            assert!(limit < u64::MAX || scratch.written() == 0);
            assert!(scratch.check().is_ok() && scratch.take(limit), "all memory was given back");
        }
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0, "the file has no name");
    }

    #[test]
    fn a_file_that_cannot_be_made_is_an_error() {
        let scratch = Scratch::new(0, "/nowhere/at/all/x.rap");
        assert_eq!(texts(&scratch, &[(b"moc.a".to_vec(), 1)]), []);
        let error = scratch.check().expect_err("no such folder").to_string();
        assert!(error.contains("/nowhere/at/all/"), "{error}");
    }

    #[test]
    fn rows_out_of_order_are_no_run() {
        let scratch = Scratch::unlimited();
        let mut writer = TextRunWriter::new(&scratch);
        ["b", "ab"].iter().for_each(|key| writer.push(key.as_bytes(), 0));
        assert!(writer.finish().is_none());
        let mut writer = RangeRunWriter::<u32>::new(&scratch);
        [(5, 6), (5, 9)].iter().for_each(|(first, last)| writer.push(*first, *last, 0));
        assert!(writer.finish().is_none(), "wider ranges come first");
    }

    proptest! {
        #[test]
        fn any_rows_are_read_as_they_were_written(
            names in proptest::collection::vec(("[a-c.]{0,9}", any::<u32>()), 0..60),
            v4 in proptest::collection::vec((any::<u32>(), any::<u32>(), any::<u32>()), 0..60),
            v6 in proptest::collection::vec((any::<u128>(), any::<u128>(), any::<u32>()), 0..60),
        ) {
            let scratch = Scratch::unlimited();
            let mut names: Vec<(Vec<u8>, u32)> = names.into_iter().map(|(key, tag)| (key.into_bytes(), tag)).collect();
            names.sort();
            prop_assert_eq!(texts(&scratch, &names), names);
            let mut v4: Vec<(u32, u32, u32)> = v4.into_iter().map(|(a, b, tag)| (a.min(b), a.max(b), tag)).collect();
            v4.sort_by_key(|(first, last, tag)| (*first, std::cmp::Reverse(*last), *tag));
            prop_assert_eq!(ranges(&scratch, &v4), v4);
            let mut v6: Vec<(u128, u128, u32)> = v6.into_iter().map(|(a, b, tag)| (a.min(b), a.max(b), tag)).collect();
            v6.sort_by_key(|(first, last, tag)| (*first, std::cmp::Reverse(*last), *tag));
            prop_assert_eq!(ranges(&scratch, &v6), v6);
        }
    }
}
