//! A file that others go on writing: what was added since it was last looked at, whatever happens to its name.
//!
//! Logs are rotated in two ways. The file gets another name and a new one takes its place: what the old one still gets is
//! read first, then the new one from its beginning. Or it is copied and cut to nothing: then it is shorter than what was
//! read of it, and is read again from its beginning.

use crate::blocks::{Block, LINE_MAX};
use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// How much is read at a time.
const READ_LEN: usize = 1 << 20;

/// A file that is being followed.
pub(crate) struct Tail {
    path: PathBuf,
    file: Option<File>,
    /// How much of the file was read.
    read: u64,
    /// Of the first byte that was not given yet.
    offset: u64,
    line: u64,
    rest: Vec<u8>,
    /// Whether nothing of this file was given yet.
    fresh: bool,
}

impl Tail {
    /// Follows a file from a byte on, or from its end. One that is not there yet is waited for.
    pub(crate) fn new(path: &Path, from: Option<u64>) -> io::Result<Tail> {
        let mut tail = Tail {
            path: path.to_owned(),
            file: None,
            read: 0,
            offset: 0,
            line: 1,
            rest: Vec::new(),
            fresh: true,
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
        (self.read, self.offset, self.line, self.fresh) = (0, 0, 1, true);
        self.rest.clear();
    }

    /// Whole lines that were added, and whether they are the first of a file; `None` where there are none yet.
    pub(crate) fn poll(&mut self) -> io::Result<Option<(Block, bool)>> {
        if self.file.is_none() {
            self.open()?;
        }
        let Some(file) = &mut self.file else { return Ok(None) };
        let read = file.take(READ_LEN as u64).read_to_end(&mut self.rest)?;
        self.read += read as u64;
        if let Some(block) = self.whole_lines() {
            return Ok(Some(block));
        }
        if read > 0 {
            return Ok(None);
        }
        match self.fate()? {
            Fate::Same => Ok(None),
            Fate::Cut => {
                let file = self.file.as_mut().map(|file| file.seek(SeekFrom::Start(0)));
                file.transpose()?;
                self.start_over();
                Ok(None)
            }
            Fate::Gone => {
                self.file = None;
                let length = self.rest.len();
                Ok(self.give(length))
            }
        }
    }

    fn whole_lines(&mut self) -> Option<(Block, bool)> {
        let length = match memchr::memrchr(b'\n', &self.rest) {
            Some(at) => at + 1,
            None if self.rest.len() >= LINE_MAX => self.rest.len(),
            None => 0,
        };
        self.give(length)
    }

    /// Gives the first `length` bytes that wait, if there are any.
    fn give(&mut self, length: usize) -> Option<(Block, bool)> {
        let later = self.rest.split_off(length);
        let bytes = std::mem::replace(&mut self.rest, later);
        if bytes.is_empty() {
            return None;
        }
        let block = Block { offset: self.offset, line: self.line, bytes, is_piece: false };
        self.offset += block.bytes.len() as u64;
        self.line += memchr::memchr_iter(b'\n', &block.bytes).count() as u64;
        Some((block, std::mem::take(&mut self.fresh)))
    }

    /// What became of the file of which there is nothing more to read.
    fn fate(&self) -> io::Result<Fate> {
        let Some(file) = &self.file else { return Ok(Fate::Gone) };
        let mine = file.metadata()?;
        if mine.len() < self.read {
            return Ok(Fate::Cut);
        }
        match std::fs::metadata(&self.path) {
            Ok(now) if is_same(&mine, &now) => Ok(Fate::Same),
            Ok(_) => Ok(Fate::Gone),
            // Between its renaming and the next one's creation; what is written until then is read, too.
            Err(_) => Ok(Fate::Same),
        }
    }
}

enum Fate {
    /// It is still the one with this name.
    Same,
    /// It was cut to nothing.
    Cut,
    /// Another file has its name.
    Gone,
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
    fn nothing_is_lost_however_a_log_is_rotated() {
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
