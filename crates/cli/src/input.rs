//! Inputs: files and stdin, decompressed by content where the parsers are built in.
//!
//! What is compressed is unpacked on a thread of its own, a few buffers ahead of whoever reads, so that unpacking, which
//! takes longest, never waits for anything else to be done.

#[cfg(feature = "ingest")]
use crate::read_ahead::ReadAhead;
use std::fmt;
use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::Path;

/// An open input.
pub(crate) struct Input {
    /// Its bytes, decompressed.
    pub(crate) reader: Box<dyn Read + Send>,
    /// Whether it comes as it happens (a pipe, a terminal), so that what is there should be used at once.
    pub(crate) live: bool,
    /// Tells whether a block of it can be had without waiting, where it is unpacked ahead.
    pub(crate) is_ready: Option<IsReady>,
}

/// Tells at any time whether reading would have to wait.
pub(crate) type IsReady = Box<dyn Fn() -> bool + Send>;

/// Bytes, decompressed, and how far ahead they are.
type Decoded = (Box<dyn Read + Send>, Option<IsReady>);

/// How many buffers of one input are unpacked ahead.
pub(crate) const BUFFERS: usize = 8;

/// Why an input could not be had, in words that name it.
#[derive(Debug)]
pub(crate) struct Unreadable(String);

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Unreadable {
    /// An input of this name, and what is wrong with it.
    pub(crate) fn new(name: &str, why: impl fmt::Display) -> Unreadable {
        Unreadable(format!("{name}: {why}"))
    }
}

/// Whether a path means stdin.
pub(crate) fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Whether a file is the one that our output goes to: reading what one writes never ends.
#[cfg(unix)]
pub(crate) fn is_our_output(path: &Path) -> bool {
    use std::os::fd::AsFd;
    use std::os::unix::fs::MetadataExt;
    let out = io::stdout().as_fd().try_clone_to_owned().and_then(|out| File::from(out).metadata());
    let same = |out: std::fs::Metadata, about: std::fs::Metadata| {
        out.is_file() && (out.dev(), out.ino()) == (about.dev(), about.ino())
    };
    out.ok().zip(std::fs::metadata(path).ok()).is_some_and(|(out, about)| same(out, about))
}

/// Whether a file is the one that our output goes to; nobody knows here.
#[cfg(not(unix))]
pub(crate) fn is_our_output(_: &Path) -> bool {
    false
}

/// Opens a file; `-` is stdin.
pub(crate) fn open(path: &Path) -> Result<Input, Unreadable> {
    open_ahead(path, BUFFERS)
}

/// Opens a file; `-` is stdin. What is compressed is unpacked so many buffers ahead.
pub(crate) fn open_ahead(path: &Path, buffers: usize) -> Result<Input, Unreadable> {
    let name = path.display().to_string();
    let fail = |error: io::Error| Unreadable::new(&name, error);
    if is_stdin(path) {
        return stdin();
    }
    let file = File::open(path).map_err(fail)?;
    let about = file.metadata().map_err(fail)?;
    if about.is_dir() {
        return Err(Unreadable::new(&name, "it is a folder"));
    }
    let decoded = if about.is_file() { decoded_file(file, buffers) } else { decoded_stream(file, buffers) };
    let (reader, is_ready) = decoded.map_err(|why| Unreadable::new(&name, why))?;
    Ok(Input { reader, live: !about.is_file(), is_ready })
}

/// Opens stdin.
pub(crate) fn stdin() -> Result<Input, Unreadable> {
    if io::stdin().is_terminal() {
        return Ok(Input { reader: Box::new(io::stdin()), live: true, is_ready: None });
    }
    let decoded = decoded_stream(io::stdin(), BUFFERS);
    let (reader, is_ready) = decoded.map_err(|why| Unreadable::new("(stdin)", why))?;
    Ok(Input { reader, live: true, is_ready })
}

/// Whoever reads a log trusts its size; only feeds have caps. Numbers that nothing overflows by.
#[cfg(feature = "ingest")]
const UNCAPPED: rapsheet_ingest::decode::Caps =
    rapsheet_ingest::decode::Caps { bytes: 1 << 60, ratio: 1 << 30 };

/// The beginnings of gz, zst, xz, bz2 and zip.
const COMPRESSED: &[&[u8]] = &[b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ", b"BZh", b"PK\x03\x04"];
/// The longest of them.
const MAGIC_LEN: u64 = 5;

/// What begins a stream.
fn head_of(stream: &mut impl Read) -> Result<Vec<u8>, String> {
    let mut head = Vec::new();
    let read = stream.take(MAGIC_LEN).read_to_end(&mut head);
    read.map(|_| head).map_err(|error| error.to_string())
}

fn is_compressed(head: &[u8]) -> bool {
    COMPRESSED.iter().any(|magic| head.starts_with(magic))
}

#[cfg(feature = "ingest")]
fn decoded_file(mut file: File, buffers: usize) -> Result<Decoded, String> {
    use std::io::{Seek, SeekFrom};
    let head = head_of(&mut file)?;
    file.seek(SeekFrom::Start(0)).map_err(|error| error.to_string())?;
    let text = rapsheet_ingest::decode::open(file, UNCAPPED).map_err(|refusal| refusal.to_string())?;
    ahead_if(is_compressed(&head), text, buffers)
}

#[cfg(feature = "ingest")]
fn decoded_stream(mut stream: impl Read + Send + 'static, buffers: usize) -> Result<Decoded, String> {
    let head = head_of(&mut stream)?;
    let is_compressed = is_compressed(&head);
    let stream = io::Cursor::new(head).chain(stream);
    let text =
        rapsheet_ingest::decode::open_stream(stream, UNCAPPED).map_err(|refusal| refusal.to_string())?;
    ahead_if(is_compressed, text, buffers)
}

#[cfg(feature = "ingest")]
fn ahead_if(
    is_compressed: bool,
    text: impl Read + Send + 'static,
    buffers: usize,
) -> Result<Decoded, String> {
    if !is_compressed {
        return Ok((Box::new(text), None));
    }
    let ahead = ReadAhead::new(text, buffers).map_err(|error| format!("no thread to unpack it: {error}"))?;
    let is_ready = ahead.readiness();
    Ok((Box::new(ahead), Some(Box::new(is_ready))))
}

#[cfg(not(feature = "ingest"))]
fn decoded_file(file: File, buffers: usize) -> Result<Decoded, String> {
    decoded_stream(file, buffers)
}

/// Without decompressors, compressed input is refused: to find nothing in it would be a lie.
#[cfg(not(feature = "ingest"))]
fn decoded_stream(mut stream: impl Read + Send + 'static, _: usize) -> Result<Decoded, String> {
    let head = head_of(&mut stream)?;
    if is_compressed(&head) {
        return Err("it is compressed, and this build of rapsheet has no decompressors".to_owned());
    }
    Ok((Box::new(io::Cursor::new(head).chain(stream)), None))
}
