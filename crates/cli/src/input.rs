//! Inputs: files and stdin, decompressed by content.
//!
//! Compressed input is decompressed on its own thread, a few buffers ahead of the reader: decompression takes
//! longest, and never waits for anything else.

use crate::exit::Exit;
use crate::read_ahead::ReadAhead;
use rapsheet_decompress::{Container, MAGIC_LEN, TrailingBytes};
use std::fmt;
use std::fs::File;
use std::io::{self, Cursor, IsTerminal, Read, Seek, SeekFrom};
use std::path::Path;

/// An open input.
pub(crate) struct Input {
    /// Its bytes, decompressed.
    pub(crate) reader: Box<dyn Read + Send>,
    /// Whether it is a pipe or a terminal, whose lines are handled as soon as they arrive.
    pub(crate) is_stream: bool,
    /// Where it is decompressed ahead: whether a block can be read without waiting.
    pub(crate) is_ready: Option<IsReady>,
    /// What its decoder remarks at its end.
    pub(crate) trailing: Option<TrailingBytes>,
}

/// Returns whether a block can be read without waiting.
pub(crate) type IsReady = Box<dyn Fn() -> bool + Send>;

/// A decompressed input, its readiness, and what its decoder remarks.
type Decoded = (Box<dyn Read + Send>, Option<IsReady>, Option<TrailingBytes>);

/// How many buffers of one input are decompressed ahead.
pub(crate) const BUFFERS: usize = 8;

/// Why an input cannot be read: a message that names it, and its exit code.
#[derive(Debug)]
pub(crate) struct Unreadable {
    message: String,
    pub(crate) exit: Exit,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Unreadable {
    /// A message of an input's name and the reason.
    pub(crate) fn new(name: &str, why: impl fmt::Display) -> Unreadable {
        Unreadable { message: format!("{name}: {why}"), exit: Exit::Refused }
    }

    /// A message of an input's name and an error of the system.
    fn of_error(name: &str, error: &io::Error) -> Unreadable {
        Unreadable { exit: Exit::of_unread(error), ..Unreadable::new(name, error) }
    }
}

/// Whether a path means stdin.
pub(crate) fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Whether a path is a device, a pipe or a socket.
pub(crate) fn is_stream(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|about| !about.is_file() && !about.is_dir())
}

/// Whether a file is our stdout: reading one's own output never ends.
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

/// Whether a file is our stdout, which is not known on this system.
#[cfg(not(unix))]
pub(crate) fn is_our_output(_: &Path) -> bool {
    false
}

/// Opens a file; `-` is stdin.
pub(crate) fn open(path: &Path) -> Result<Input, Unreadable> {
    open_ahead(path, BUFFERS)
}

/// Opens a file; `-` is stdin. Compressed input is decompressed `buffers` ahead.
pub(crate) fn open_ahead(path: &Path, buffers: usize) -> Result<Input, Unreadable> {
    let name = path.display().to_string();
    let fail = |error: io::Error| Unreadable::of_error(&name, &error);
    if is_stdin(path) {
        return stdin();
    }
    let file = File::open(path).map_err(fail)?;
    let about = file.metadata().map_err(fail)?;
    if about.is_dir() {
        return Err(Unreadable::new(&name, "it is a folder"));
    }
    let decoded = if about.is_file() { decoded_file(file, buffers) } else { decoded_stream(file, buffers) };
    let (reader, is_ready, trailing) = decoded.map_err(|why| Unreadable::new(&name, why))?;
    Ok(Input { reader, is_stream: !about.is_file(), is_ready, trailing })
}

/// Opens stdin.
pub(crate) fn stdin() -> Result<Input, Unreadable> {
    if io::stdin().is_terminal() {
        return Ok(Input { reader: Box::new(io::stdin()), is_stream: true, is_ready: None, trailing: None });
    }
    let decoded = decoded_stream(io::stdin(), BUFFERS);
    let (reader, is_ready, trailing) = decoded.map_err(|why| Unreadable::new("(stdin)", why))?;
    Ok(Input { reader, is_stream: true, is_ready, trailing })
}

/// Opens stdin for questions, each of which is to be answered once its line is complete: how many bytes the first
/// has does not matter.
pub(crate) fn questions() -> Result<Input, Unreadable> {
    if io::stdin().is_terminal() {
        return stdin();
    }
    let fail = |why: String| Unreadable::new("(stdin)", why);
    let head = head_of_questions(&mut io::stdin()).map_err(|error| fail(error.to_string()))?;
    let stream = Cursor::new(head.clone()).chain(io::stdin());
    if is_plain_text(&head) {
        return Ok(Input { reader: Box::new(stream), is_stream: true, is_ready: None, trailing: None });
    }
    let (reader, is_ready, trailing) = decoded_stream(stream, BUFFERS).map_err(fail)?;
    Ok(Input { reader, is_stream: true, is_ready, trailing })
}

/// The bytes up to the first line end, or as many as tell a compression.
fn head_of_questions(stream: &mut impl Read) -> io::Result<Vec<u8>> {
    let (mut head, mut buffer) = (Vec::new(), [0; 4096]);
    while (head.len() as u64) < MAGIC_LEN && !head.contains(&b'\n') {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => head.extend_from_slice(buffer.get(..count).unwrap_or(&[])),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(head)
}

/// Whether a text that begins so needs no decoding: it has neither a compression's mark, nor a byte order mark, nor
/// the NUL bytes of UTF-16.
fn is_plain_text(head: &[u8]) -> bool {
    let marks: [&[u8]; 3] = [b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"];
    let has_mark = marks.iter().any(|mark| head.starts_with(mark));
    Container::of(head) == Container::Plain && !has_mark && !head.contains(&0)
}

/// Opens the text of a file. A zip is read where it lies, which needs a file that seeks.
fn decoded_file(mut file: File, buffers: usize) -> Result<Decoded, String> {
    let head = Container::head_of(&mut file).map_err(|error| error.to_string())?;
    let container = Container::of(&head);
    file.seek(SeekFrom::Start(0)).map_err(|error| error.to_string())?;
    let text = text::of_file(file)?;
    let trailing = text.trailing().clone();
    read_ahead(container, text, trailing, buffers)
}

/// Opens the text of a pipe.
fn decoded_stream(mut stream: impl Read + Send + 'static, buffers: usize) -> Result<Decoded, String> {
    let head = Container::head_of(&mut stream).map_err(|error| error.to_string())?;
    let container = Container::of(&head);
    let text = text::of_stream(head, stream)?;
    let trailing = text.trailing().clone();
    read_ahead(container, text, trailing, buffers)
}

/// Reads compressed input ahead. Plain input is not worth a thread.
fn read_ahead(
    container: Container,
    text: impl Read + Send + 'static,
    trailing: TrailingBytes,
    buffers: usize,
) -> Result<Decoded, String> {
    if container == Container::Plain {
        return Ok((Box::new(text), None, None));
    }
    let ahead = ReadAhead::new(text, buffers).map_err(|error| {
        format!("starting a thread to decompress it failed: {error}; ask for fewer with --threads")
    })?;
    let is_ready = ahead.readiness();
    Ok((Box::new(ahead), Some(Box::new(is_ready)), Some(trailing)))
}

/// With `ingest`: every compression, archives, and text in UTF-16. Logs have no limits, because the operator
/// chooses them.
#[cfg(feature = "ingest")]
mod text {
    use rapsheet_decompress::Limits;
    use rapsheet_ingest::decode::{self, Text};
    use std::fs::File;
    use std::io::{Cursor, Read};

    pub(super) fn of_file(file: File) -> Result<Text, String> {
        decode::open(file, Limits::NONE).map_err(|refusal| refusal.to_string())
    }

    pub(super) fn of_stream(head: Vec<u8>, stream: impl Read + Send + 'static) -> Result<Text, String> {
        decode::open_stream(Cursor::new(head).chain(stream), Limits::NONE)
            .map_err(|refusal| refusal.to_string())
    }
}

/// The edge build: gzip and zstd. Other compressions are refused: searched as they are, they would seem to
/// contain no indicators.
#[cfg(not(feature = "ingest"))]
mod text {
    use rapsheet_decompress::{Container, Limits, Reader};
    use std::fs::File;
    use std::io::Read;

    pub(super) fn of_file(mut file: File) -> Result<Reader, String> {
        let head = Container::head_of(&mut file).map_err(|error| error.to_string())?;
        of_stream(head, file)
    }

    pub(super) fn of_stream(head: Vec<u8>, stream: impl Read + Send + 'static) -> Result<Reader, String> {
        if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
            return Err("it is text in UTF-16, which this build of rapsheet does not read".to_owned());
        }
        Reader::with_head(head, stream, Limits::NONE).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::io::Write;

    fn gz(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(text).expect("memory takes it");
        encoder.finish().expect("memory takes it")
    }

    /// One line, in one raw block of a frame without checksum (RFC 8878, 3.1.1).
    fn zst(text: &[u8]) -> Vec<u8> {
        let length = u8::try_from(text.len()).expect("a short line");
        let block = [length << 3 | 1, length >> 5, 0];
        [b"\x28\xb5\x2f\xfd\x20".as_slice(), &[length], &block, text].concat()
    }

    fn read(path: &Path) -> Result<String, String> {
        let mut input = open(path).map_err(|error| error.to_string())?;
        let mut text = String::new();
        input.reader.read_to_string(&mut text).map_err(|error| error.to_string())?;
        Ok(text)
    }

    #[test]
    fn reads_plain_gzip_and_zstd_in_every_build() {
        const LINE: &str = "GET / from 45.9.20.5\n";
        let dir = tempfile::TempDir::new().expect("a folder");
        for (name, bytes) in [
            ("plain.log", LINE.as_bytes().to_vec()),
            ("misnamed.txt", gz(LINE.as_bytes())),
            ("a.zst", zst(LINE.as_bytes())),
        ] {
            let path = dir.path().join(name);
            fs::write(&path, &bytes).expect("written");
            assert_eq!(read(&path).as_deref(), Ok(LINE), "{name}");
            let (mut text, ..) = decoded_stream(io::Cursor::new(bytes), BUFFERS).expect("a stream");
            let mut piped = String::new();
            text.read_to_string(&mut piped).expect("read");
            assert_eq!(piped, LINE, "{name} from a pipe");
        }
    }

    #[test]
    fn questions_are_plain_text_unless_their_beginning_says_otherwise() {
        for (text, is_plain) in [
            (b"a\n".as_slice(), true),
            (b"", true),
            (b"PK\n", true),
            ("\u{e9}.example\n".as_bytes(), true),
            (b"\xef\xbb\xbf45.9.20.5\n", false),
            (b"4\x005\0.\0", false),
            (&gz(b"45.9.20.5\n"), false),
            (&zst(b"45.9.20.5\n"), false),
        ] {
            let head = head_of_questions(&mut &*text).expect("memory");
            assert_eq!(is_plain_text(&head), is_plain, "{text:?}");
        }
    }

    #[test]
    fn a_truncated_gzip_file_is_an_error() {
        let dir = tempfile::TempDir::new().expect("a folder");
        let path = dir.path().join("cut.gz");
        let bytes = gz(b"GET / from 45.9.20.5\n");
        fs::write(&path, &bytes[..bytes.len() - 4]).expect("written");
        assert!(read(&path).is_err_and(|error| error.contains("damaged or cut off")));
    }

    #[cfg(not(feature = "ingest"))]
    #[test]
    fn an_edge_build_names_what_it_does_not_read() {
        let dir = tempfile::TempDir::new().expect("a folder");
        for (bytes, word) in [(b"PK\x03\x04\0\0".as_slice(), "zip"), (b"\xff\xfea\0\n\0", "UTF-16")] {
            let path = dir.path().join(word);
            fs::write(&path, bytes).expect("written");
            assert!(read(&path).is_err_and(|error| error.contains(word)), "{word}");
        }
    }
}
