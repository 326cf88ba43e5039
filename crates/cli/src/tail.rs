//! Follows a growing file through log rotation, as `tail -F` does.
//!
//! Logs are rotated in two ways. Renamed and replaced: the old file is read to its end, then the new one from
//! its beginning. Copied and truncated: the file is shorter than what was read of it, and is read again from
//! its beginning.
//!
//! Memory: the bytes of the last, incomplete line and one read of 1 MiB; a line of `LINE_MAX` or more is
//! returned in pieces.

use crate::blocks::{Block, LINE_MAX};
use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// How much is read at a time, in bytes.
const READ_LEN: usize = 1 << 20;

/// A followed file.
pub(crate) struct Tail {
    path: PathBuf,
    file: Option<File>,
    /// How much of the file was read.
    read: u64,
    /// The offset of the first byte of `pending`.
    offset: u64,
    /// The number of the line that it begins, counted from 1.
    line: u64,
    /// Bytes that were read and not returned yet.
    pending: Vec<u8>,
    /// Whether no block of this file was returned yet.
    is_first: bool,
}

impl Tail {
    /// Follows a file from an offset, or from its end. A missing file is opened when it appears.
    pub(crate) fn new(path: &Path, from: Option<u64>) -> io::Result<Tail> {
        let mut tail = Tail {
            path: path.to_owned(),
            file: None,
            read: 0,
            offset: 0,
            line: 1,
            pending: Vec::new(),
            is_first: true,
        };
        tail.open()?;
        if let Some(file) = &mut tail.file {
            let at = from.map_or(SeekFrom::End(0), SeekFrom::Start);
            tail.read = file.seek(at)?;
            tail.offset = tail.read;
        }
        Ok(tail)
    }

    /// The file's name.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn open(&mut self) -> io::Result<()> {
        match File::open(&self.path) {
            Ok(file) => self.file = Some(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        }
        self.start_over();
        Ok(())
    }

    fn start_over(&mut self) {
        (self.read, self.offset, self.line, self.is_first) = (0, 0, 1, true);
        self.pending.clear();
    }

    /// Complete lines that were added, and whether they are the first of a file; `None` if there are none.
    pub(crate) fn poll(&mut self) -> io::Result<Option<(Block, bool)>> {
        if self.file.is_none() {
            self.open()?;
        }
        let Some(file) = &mut self.file else { return Ok(None) };
        let read = file.take(READ_LEN as u64).read_to_end(&mut self.pending)?;
        self.read += read as u64;
        if let Some(block) = self.whole_lines() {
            return Ok(Some(block));
        }
        if read > 0 {
            return Ok(None);
        }
        match self.rotation()? {
            Rotation::None => Ok(None),
            Rotation::Truncated => {
                let file = self.file.as_mut().map(|file| file.seek(SeekFrom::Start(0)));
                file.transpose()?;
                self.start_over();
                Ok(None)
            }
            Rotation::Replaced => {
                self.file = None;
                let length = self.pending.len();
                Ok(self.take_block(length))
            }
        }
    }

    fn whole_lines(&mut self) -> Option<(Block, bool)> {
        let length = match memchr::memrchr(b'\n', &self.pending) {
            Some(at) => at + 1,
            None if self.pending.len() >= LINE_MAX => self.pending.len(),
            None => 0,
        };
        self.take_block(length)
    }

    /// Takes the first `length` pending bytes; `None` for none.
    fn take_block(&mut self, length: usize) -> Option<(Block, bool)> {
        let later = self.pending.split_off(length);
        let bytes = std::mem::replace(&mut self.pending, later);
        if bytes.is_empty() {
            return None;
        }
        let block = Block { offset: self.offset, line: self.line, bytes, is_piece: false };
        self.offset += block.bytes.len() as u64;
        self.line += memchr::memchr_iter(b'\n', &block.bytes).count() as u64;
        Some((block, std::mem::take(&mut self.is_first)))
    }

    /// What happened to a file that was read to its end.
    fn rotation(&self) -> io::Result<Rotation> {
        let Some(file) = &self.file else { return Ok(Rotation::Replaced) };
        let mine = file.metadata()?;
        if mine.len() < self.read {
            return Ok(Rotation::Truncated);
        }
        match std::fs::metadata(&self.path) {
            Ok(now) if is_same(&mine, &now) => Ok(Rotation::None),
            Ok(_) => Ok(Rotation::Replaced),
            // Renamed, and the next file is not created yet: the old one may still grow.
            Err(_) => Ok(Rotation::None),
        }
    }
}

enum Rotation {
    /// The path still names this file.
    None,
    /// It is shorter than what was read.
    Truncated,
    /// The path names another file.
    Replaced,
}

#[cfg(unix)]
fn is_same(a: &Metadata, b: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

#[cfg(not(unix))]
fn is_same(a: &Metadata, b: &Metadata) -> bool {
    a.created().ok() == b.created().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, OpenOptions};
    use std::io::Write;

    fn polled(tail: &mut Tail) -> Vec<(u64, u64, String)> {
        let mut all = Vec::new();
        for _ in 0..4 {
            while let Some((block, _)) = tail.poll().expect("it can be read") {
                all.push((block.offset, block.line, String::from_utf8_lossy(&block.bytes).into_owned()));
            }
        }
        all
    }

    #[test]
    fn reads_every_line_through_rotations() {
        let dir = tempfile::TempDir::new().expect("a folder");
        let path = dir.path().join("x.log");
        let add = |path: &Path, text: &str| {
            let mut file = OpenOptions::new().create(true).append(true).open(path).expect("a file");
            file.write_all(text.as_bytes()).expect("written");
        };
        let mut tail = Tail::new(&path, None).expect("it need not be there");
        assert_eq!(polled(&mut tail), []);
        add(&path, "a\nb");
        assert_eq!(polled(&mut tail), [(0, 1, "a\n".to_owned())]);
        add(&path, "c\n");
        assert_eq!(polled(&mut tail), [(2, 2, "bc\n".to_owned())]);
        let old = dir.path().join("x.log.1");
        fs::rename(&path, &old).expect("renamed");
        add(&old, "late\nhalf");
        assert_eq!(polled(&mut tail), [(5, 3, "late\n".to_owned())]);
        add(&path, "new\n");
        assert_eq!(polled(&mut tail), [(10, 4, "half".to_owned()), (0, 1, "new\n".to_owned())]);
        fs::write(&path, "").expect("cut");
        assert_eq!(polled(&mut tail), []);
        add(&path, "x\n");
        assert_eq!(polled(&mut tail), [(0, 1, "x\n".to_owned())]);
        let mut late = Tail::new(&path, None).expect("it is there");
        assert_eq!(polled(&mut late), []);
        let mut from = Tail::new(&path, Some(1)).expect("it is there");
        assert_eq!(polled(&mut from), [(1, 1, "\n".to_owned())]);
    }
}
