//! From a downloaded file to its text: decompression, archives, folders, character sets.
//!
//! `rapsheet-decompress` finds and undoes the compression; this module reads what may be inside it. All of it
//! streams: memory does not grow with the file, and both the size of the text and its ratio to the file are
//! limited. Files that are no lists, such as HTML pages, are refused.
//!
//! Read errors of this module carry a [`FileRefusal`], which [`refusal`] extracts. What was read before an
//! error is never used alone: half a list would look like a list whose other half was delisted.
//!
//! ```
//! use rapsheet_ingest::decode::{self, Limits};
//! use std::io::{Cursor, Read};
//!
//! let mut text = decode::open(Cursor::new(b"\xef\xbb\xbf45.9.20.5\n".to_vec()), Limits::default())?;
//! let mut decoded = String::new();
//! text.read_to_string(&mut decoded)?;
//! assert_eq!(decoded, "45.9.20.5\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod archive;
mod charset;
mod folder;
mod parts;
mod tar;

use crate::download::refusal::FileRefusal;
use archive::Members;
use charset::Utf8;
pub use parts::{Part, Text};
use parts::{Parts, SinglePart};
pub use rapsheet_decompress::Limits;
use rapsheet_decompress::{Container, CountingReader, Error, LimitedReader, MAGIC_LEN, Reader};
use std::fs;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// How far into a text NUL bytes are counted.
const NUL_WITHIN: usize = 4096;
/// How many NUL bytes a text may have there.
const NULS_MAX: usize = 4;

/// Opens a file as UTF-8 text, decompressed by content. The members of a zip are decoded in place.
pub fn open<S: Read + Seek + Send + 'static>(mut source: S, limits: Limits) -> Result<Text, FileRefusal> {
    let head = Container::head_of(&mut source)?;
    if Container::of(&head) != Container::Zip {
        return streamed(head, source, limits, true);
    }
    source.seek(SeekFrom::Start(0)).map_err(|error| refusal(&error))?;
    zipped(source, limits)
}

/// Opens a file, or a folder of files, each decompressed by content. A device or a pipe is read as a stream.
pub fn open_path(path: &Path, limits: Limits) -> Result<Text, FileRefusal> {
    let about = fs::metadata(path).map_err(|error| refusal(&error))?;
    if about.is_dir() {
        let files = folder::Files::open(path, limits)?;
        let trailing = files.trailing().clone();
        return Ok(Text::with_trailing(files, trailing));
    }
    let file = fs::File::open(path).map_err(|error| refusal(&error))?;
    if about.is_file() { open(file, limits) } else { open_stream(file, limits) }
}

/// The files of a folder that is one download, in the order in which they are read, with their names inside
/// it.
pub(crate) fn files_of(folder: &Path) -> Result<Vec<(String, PathBuf)>, FileRefusal> {
    folder::files_of(folder)
}

/// Opens a pipe as UTF-8 text, decompressed by content. The directory of a zip is at its end, so a zip is
/// first read into memory, up to the limit.
pub fn open_stream<S: Read + Send + 'static>(mut source: S, limits: Limits) -> Result<Text, FileRefusal> {
    let head = Container::head_of(&mut source)?;
    if Container::of(&head) != Container::Zip {
        return streamed(head, source, limits, false);
    }
    let mut whole = head;
    let room = limits.bytes.saturating_add(1).saturating_sub(MAGIC_LEN);
    source.take(room).read_to_end(&mut whole).map_err(|error| refusal(&error))?;
    if whole.len() as u64 > limits.bytes {
        return Err(FileRefusal::TooLarge(limits.bytes));
    }
    zipped(Cursor::new(whole), limits)
}

/// The refusal that a read error carries; any other error is one of the system.
pub fn refusal(error: &io::Error) -> FileRefusal {
    match refusal_inside(error) {
        Some(refusal) => refusal,
        None if error.kind() == io::ErrorKind::NotFound => FileRefusal::Missing,
        None => FileRefusal::Unreadable(error.to_string()),
    }
}

/// Which HTML a format admits. Servers send a page with status 200 in place of a list that has moved, or
/// where a key is missing or a rate limit is exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Markup {
    /// None.
    Refused,
    /// A `<pre>` around the list.
    Preformatted,
}

/// Refuses a text whose beginning shows that it is no list.
pub(crate) fn check_head(head: &[u8], markup: Markup) -> Result<(), FileRefusal> {
    const BINARY: [&[u8]; 6] = [
        b"\xff\xff\xff\xffP2B",
        b"\x7fELF",
        b"\x89PNG",
        b"SQLite format 3",
        b"%PDF-",
        &rapsheet_snapshot::layout::MAGIC,
    ];
    let early = head.get(..NUL_WITHIN).unwrap_or(head);
    // A line with a stray NUL is rejected on its own. A binary file is full of them.
    let nuls = memchr::memchr_iter(0, early).count();
    if BINARY.iter().any(|magic| head.starts_with(magic)) || nuls > NULS_MAX {
        return Err(FileRefusal::Binary);
    }
    let head = head.trim_ascii_start();
    let is_page = opens_page(head) || markup == Markup::Refused && opens_preformatted(head);
    if is_page { Err(FileRefusal::Html) } else { Ok(()) }
}

/// Whether an HTML page starts here. `<?xml` is not in the list, because some feeds are XML.
fn opens_page(text: &[u8]) -> bool {
    const OPENINGS: [&[u8]; 5] = [b"<!doctype", b"<html", b"<head", b"<script", b"<?php"];
    let opens = |with: &[u8]| text.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with));
    OPENINGS.into_iter().any(opens)
}

fn opens_preformatted(text: &[u8]) -> bool {
    let line = text.split(|&byte| byte == b'\n').next().unwrap_or_default().trim_ascii_end();
    line.eq_ignore_ascii_case(b"<pre>")
}

/// Opens a compressed or plain stream. A tar is recognized by its first 512 bytes, and a live pipe must not
/// wait for so many, so an uncompressed tar is recognized only if `may_wait`.
fn streamed<S: Read + Send + 'static>(
    head: Vec<u8>,
    source: S,
    limits: Limits,
    may_wait: bool,
) -> Result<Text, FileRefusal> {
    let may_wait = may_wait || Container::of(&head) != Container::Plain;
    let mut stream = Reader::with_head(head, source, limits)?;
    if !may_wait {
        let trailing = stream.trailing().clone();
        return Ok(Text::with_trailing(SinglePart::new(Utf8::new(stream)), trailing));
    }
    let trailing = stream.trailing().clone();
    let mut head = Vec::with_capacity(tar::BLOCK);
    let error = stream.by_ref().take(tar::BLOCK as u64).read_to_end(&mut head).err();
    if let Some(error) = error.as_ref().filter(|_| head.is_empty()) {
        return Err(refusal(error));
    }
    let is_archive = tar::begins(&head);
    let stream = Cursor::new(head).chain(FailOnce(error)).chain(stream);
    Ok(if is_archive {
        Text::with_trailing(tar::Members::new(stream), trailing)
    } else {
        Text::with_trailing(SinglePart::new(Utf8::new(stream)), trailing)
    })
}

/// An error behind the bytes that were read before it: a log is searched up to there.
struct FailOnce(Option<io::Error>);

impl Read for FailOnce {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

fn zipped<S: Read + Seek + Send + 'static>(source: S, limits: Limits) -> Result<Text, FileRefusal> {
    let (counted, consumed) = CountingReader::new(source);
    Ok(Text::new(LimitedReader::new(Members::open(counted)?, limits, consumed)))
}

/// The refusal inside a read error of this module or of the decompressor.
fn refusal_inside(error: &io::Error) -> Option<FileRefusal> {
    let refusal = error.get_ref()?.downcast_ref::<FileRefusal>().cloned();
    refusal.or_else(|| Error::of(error).cloned().map(FileRefusal::from))
}

/// A read error that carries a refusal.
pub(crate) fn refused(refusal: FileRefusal) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, refusal)
}

fn damaged(why: impl Into<String>) -> io::Error {
    Error::Damaged(why.into()).into()
}

impl From<Error> for FileRefusal {
    fn from(error: Error) -> FileRefusal {
        match error {
            Error::Unreadable(why) => FileRefusal::Unreadable(why),
            Error::Damaged(why) => FileRefusal::Damaged(why),
            Error::TooLarge(limit) => FileRefusal::TooLarge(limit),
            Error::Bomb(ratio) => FileRefusal::Bomb(ratio),
            // `Unsupported` does not occur, because every decoder is compiled in. The enum may grow.
            _ => FileRefusal::Binary,
        }
    }
}

impl<T: Parts> Parts for LimitedReader<T> {
    fn next_part(&mut self) -> io::Result<Option<String>> {
        self.get_mut().next_part()
    }
}

#[cfg(test)]
mod tests;
