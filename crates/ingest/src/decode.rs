//! From a downloaded file to its text: decompression, byte order marks, and what is no list at all.
//!
//! A container is found by its content. Publishers rename files, mirrors unpack them, and a URL's extension
//! says what was once there. All of it streams: memory does not grow with the file, and both the size and
//! the ratio of what comes out are capped, so that no download can fill the machine.
//!
//! A read error that comes out of here carries a [`FileRefusal`], and [`refusal`] takes it back out. What
//! was read before the error is never used alone: half a list would look like a list of delistings.

mod archive;
mod charset;
mod folder;
mod parts;
mod tar;

use crate::download::refusal::FileRefusal;
use archive::Members;
use bzip2::bufread::MultiBzDecoder;
use charset::Utf8;
use flate2::bufread::MultiGzDecoder;
use liblzma::bufread::XzDecoder;
use liblzma::stream::{CONCATENATED, Stream};
use parts::{One, Parts};
pub use parts::{Part, Text};
use std::fs;
use std::io::{self, BufReader, Chain, Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The longest magic that tells containers apart.
const MAGIC_BYTES: u64 = 6;
/// The ratio is judged only after so much output: a small file of one repeated line may pack very well.
const RATIO_FROM: u64 = 8 << 20;
/// What an xz file may ask the decoder to allocate; `xz -9` needs 65 MiB.
const XZ_MEMORY: u64 = 256 << 20;
/// How far into a file a NUL byte is looked for.
const NUL_WITHIN: usize = 4096;
/// How many of them a text may have there.
const NULS_MAX: usize = 4;

/// How much may come out of one file.
#[derive(Clone, Copy, Debug)]
pub struct Caps {
    /// Bytes of text.
    pub bytes: u64,
    /// Text to compressed bytes, judged after the first 8 MiB of text.
    pub ratio: u64,
}

impl Default for Caps {
    fn default() -> Caps {
        Caps { bytes: 1 << 30, ratio: 500 }
    }
}

/// Opens a file as UTF-8 text, decompressing by content. A zip's members are read where they lie.
pub fn open<S: Read + Seek + Send + 'static>(mut source: S, caps: Caps) -> Result<Text, FileRefusal> {
    let head = head_of(&mut source)?;
    if Container::of(&head) != Container::Zip {
        return streamed(head, source, caps, true);
    }
    source.seek(SeekFrom::Start(0)).map_err(|error| refusal(&error))?;
    zipped(source, caps)
}

/// Opens what lies at a path: a file, or a folder of files, each decompressed by content. A device or a pipe is
/// read as it comes.
pub fn open_path(path: &Path, caps: Caps) -> Result<Text, FileRefusal> {
    let about = fs::metadata(path).map_err(|error| refusal(&error))?;
    if about.is_dir() {
        return Ok(Text::new(folder::Files::open(path, caps)?));
    }
    let file = fs::File::open(path).map_err(|error| refusal(&error))?;
    if about.is_file() { open(file, caps) } else { open_stream(file, caps) }
}

/// The files of a folder that is one download, in the order in which they are read, with their names inside it.
pub fn files_of(folder: &Path) -> Result<Vec<(String, PathBuf)>, FileRefusal> {
    folder::files_of(folder)
}

/// Opens a pipe as UTF-8 text, decompressing by content. A zip's table stands at its end, so a zip is first
/// read into memory, up to the cap.
pub fn open_stream<S: Read + Send + 'static>(mut source: S, caps: Caps) -> Result<Text, FileRefusal> {
    let head = head_of(&mut source)?;
    if Container::of(&head) != Container::Zip {
        return streamed(head, source, caps, false);
    }
    let mut whole = head;
    let room = caps.bytes.saturating_add(1).saturating_sub(MAGIC_BYTES);
    source.take(room).read_to_end(&mut whole).map_err(|error| refusal(&error))?;
    if whole.len() as u64 > caps.bytes {
        return Err(FileRefusal::TooLarge(caps.bytes));
    }
    zipped(Cursor::new(whole), caps)
}

/// The refusal that a read error carries.
pub fn refusal(error: &io::Error) -> FileRefusal {
    match carried(error) {
        Some(refusal) => refusal.clone(),
        None if error.kind() == io::ErrorKind::NotFound => FileRefusal::Missing,
        None => FileRefusal::Unreadable(error.to_string()),
    }
}

/// What a page where a list should be says against it. Servers answer with a page when the list has moved, when
/// a key is missing or when somebody asks too often, and they say 200 all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Markup {
    /// Everything: the format has none.
    Refused,
    /// Nothing, if it is `<pre>` alone: some lists are sent so.
    Preformatted,
}

/// What the first bytes of decoded text say against it.
pub fn kind_of(head: &[u8], markup: Markup) -> Option<FileRefusal> {
    const BINARY: [&[u8]; 6] = [
        b"\xff\xff\xff\xffP2B",
        b"\x7fELF",
        b"\x89PNG",
        b"SQLite format 3",
        b"%PDF-",
        &rapsheet_snapshot::layout::MAGIC,
    ];
    let early = head.get(..NUL_WITHIN).unwrap_or(head);
    // One stray NUL belongs to a line, which is refused for it; a binary file is full of them.
    let nuls = memchr::memchr_iter(0, early).count();
    if BINARY.iter().any(|magic| head.starts_with(magic)) || nuls > NULS_MAX {
        return Some(FileRefusal::Binary);
    }
    let head = head.trim_ascii_start();
    let is_page = opens_page(head) || markup == Markup::Refused && opens_preformatted(head);
    is_page.then_some(FileRefusal::Html)
}

/// Whether a page starts here. `<?xml` is not in the list: feeds come in XML too.
fn opens_page(text: &[u8]) -> bool {
    const OPENINGS: [&[u8]; 5] = [b"<!doctype", b"<html", b"<head", b"<script", b"<?php"];
    let opens = |with: &[u8]| text.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with));
    OPENINGS.into_iter().any(opens)
}

fn opens_preformatted(text: &[u8]) -> bool {
    let line = text.split(|&byte| byte == b'\n').next().unwrap_or_default().trim_ascii_end();
    line.eq_ignore_ascii_case(b"<pre>")
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Container {
    Gzip,
    Zstd,
    Xz,
    Bzip2,
    Zip,
    Plain,
}

impl Container {
    fn of(head: &[u8]) -> Container {
        match head {
            [0x1f, 0x8b, ..] => Container::Gzip,
            // A frame, or a frame to be skipped before it.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Container::Zstd,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Container::Xz,
            // The first block, or the end of a stream without one.
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, ..]
            | [b'B', b'Z', b'h', b'1'..=b'9', 0x17, 0x72, ..] => Container::Bzip2,
            // The first member, or the table of an archive without one.
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Container::Zip,
            _ => Container::Plain,
        }
    }
}

fn head_of<S: Read>(source: &mut S) -> Result<Vec<u8>, FileRefusal> {
    let mut head = Vec::new();
    source.take(MAGIC_BYTES).read_to_end(&mut head).map_err(|error| refusal(&error))?;
    Ok(head)
}

type Input<S> = BufReader<Counted<Chain<Cursor<Vec<u8>>, S>>>;

/// `patient` says that waiting for half a kilobyte costs nothing: a pipe may be somebody's live log.
fn streamed<S: Read + Send + 'static>(
    head: Vec<u8>,
    source: S,
    caps: Caps,
    patient: bool,
) -> Result<Text, FileRefusal> {
    let container = Container::of(&head);
    let (counted, consumed) = Counted::new(Cursor::new(head).chain(source));
    let input: Input<S> = BufReader::with_capacity(1 << 16, counted);
    let damaged = |error: io::Error| FileRefusal::Damaged(error.to_string());
    match container {
        Container::Gzip => unpacked(Decoded(MultiGzDecoder::new(input)), caps, consumed),
        Container::Bzip2 => unpacked(Decoded(MultiBzDecoder::new(input)), caps, consumed),
        Container::Zstd => {
            unpacked(Decoded(zstd::Decoder::with_buffer(input).map_err(damaged)?), caps, consumed)
        }
        Container::Xz => {
            let stream = Stream::new_stream_decoder(XZ_MEMORY, CONCATENATED);
            let stream = stream.map_err(|error| damaged(error.into()))?;
            unpacked(Decoded(XzDecoder::new_stream(input, stream)), caps, consumed)
        }
        Container::Zip | Container::Plain if patient => unpacked(input, caps, consumed),
        Container::Zip | Container::Plain => {
            Ok(Text::new(One::new(Utf8::new(Metered::new(input, caps, consumed)))))
        }
    }
}

/// The text of an unpacked stream, which may be an archive of several.
fn unpacked<D: Read + Send + 'static>(
    decoder: D,
    caps: Caps,
    consumed: Consumed,
) -> Result<Text, FileRefusal> {
    let mut stream = Metered::new(decoder, caps, consumed);
    let mut head = Vec::with_capacity(tar::BLOCK);
    stream.by_ref().take(tar::BLOCK as u64).read_to_end(&mut head).map_err(|error| refusal(&error))?;
    let is_archive = tar::begins(&head);
    let stream = Cursor::new(head).chain(stream);
    Ok(if is_archive { Text::new(tar::Members::new(stream)) } else { Text::new(One::new(Utf8::new(stream))) })
}

fn zipped<S: Read + Seek + Send + 'static>(source: S, caps: Caps) -> Result<Text, FileRefusal> {
    let (counted, consumed) = Counted::new(source);
    Ok(Text::new(Metered::new(Members::open(counted)?, caps, consumed)))
}

fn carried(error: &io::Error) -> Option<&FileRefusal> {
    error.get_ref()?.downcast_ref()
}

fn refused(refusal: FileRefusal) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, refusal)
}

fn damaged(why: impl Into<String>) -> io::Error {
    refused(FileRefusal::Damaged(why.into()))
}

/// How many bytes a decoder has drawn so far.
type Consumed = Arc<AtomicU64>;

/// Counts the compressed side, and marks what the system says before a decoder can mistake it for damage.
struct Counted<S> {
    source: S,
    consumed: Consumed,
}

impl<S> Counted<S> {
    fn new(source: S) -> (Counted<S>, Consumed) {
        let consumed = Consumed::default();
        (Counted { source, consumed: Arc::clone(&consumed) }, consumed)
    }
}

impl<S: Read> Read for Counted<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.source.read(buffer) {
            Ok(count) => {
                self.consumed.fetch_add(count as u64, Ordering::Relaxed);
                Ok(count)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => Err(io::Error::new(error.kind(), refusal(&error))),
        }
    }
}

impl<S: Seek> Seek for Counted<S> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.source.seek(to)
    }
}

/// A decoder whose own errors mean that the data is damaged.
struct Decoded<D>(D);

impl<D: Read> Read for Decoded<D> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|error| match carried(&error) {
            None if error.kind() != io::ErrorKind::Interrupted => damaged(error.to_string()),
            _ => error,
        })
    }
}

/// Holds the output to its caps.
struct Metered<T> {
    text: T,
    caps: Caps,
    consumed: Consumed,
    given: u64,
}

impl<T: Read> Metered<T> {
    fn new(text: T, caps: Caps, consumed: Consumed) -> Metered<T> {
        Metered { text, caps, consumed, given: 0 }
    }

    fn excess(&self) -> Option<FileRefusal> {
        let drawn = self.consumed.load(Ordering::Relaxed).max(1);
        if self.given > self.caps.bytes {
            return Some(FileRefusal::TooLarge(self.caps.bytes));
        }
        let bomb = self.given > RATIO_FROM && self.given / drawn > self.caps.ratio;
        bomb.then_some(FileRefusal::Bomb(self.caps.ratio))
    }
}

impl<T: Read> Read for Metered<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.text.read(buffer)?;
        self.given = self.given.saturating_add(count as u64);
        self.excess().map_or(Ok(count), |excess| Err(refused(excess)))
    }
}

impl<T: Parts> Parts for Metered<T> {
    fn next_part(&mut self) -> io::Result<Option<String>> {
        self.text.next_part()
    }
}

#[cfg(test)]
mod tests;
