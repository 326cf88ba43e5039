//! The members of a tar archive, in archive order.
//!
//! A tar is a stream of headers and bodies, so it is read while it is decompressed. The `tar` crate parses
//! headers; this module walks from one to the next, because members are parts of one text and are never
//! written to disk. Links, folders and devices are skipped, and so are names that are absolute or leave the
//! archive (`../`).

use super::charset::Utf8;
use super::parts::Parts;
use super::{damaged, refused};
use crate::download::refusal::FileRefusal;
use std::io::{self, Read, Take};
use tar::{EntryType, Header};

/// The size of a header, and the alignment of bodies.
pub(super) const BLOCK: usize = 512;
/// The longest name in a GNU long-name header.
const NAME_MAX: u64 = 4096;
/// The most members of a list.
const MEMBERS_MAX: u32 = 100_000;

/// Whether an archive begins here.
pub(super) fn begins(head: &[u8]) -> bool {
    head.get(257..262) == Some(b"ustar")
}

/// The members of an archive.
pub(super) struct Members<R> {
    state: State<R>,
    /// The padding after the current member, in bytes.
    padding: u64,
    seen: u32,
}

enum State<R> {
    Between(R),
    Inside(Utf8<Take<R>>),
    Ended,
}

impl<R: Read> Members<R> {
    pub(super) fn new(source: R) -> Members<R> {
        Members { state: State::Between(source), padding: 0, seen: 0 }
    }

    /// Skips the rest of the current member; the stream is then at the next header.
    fn leave(&mut self) -> io::Result<Option<R>> {
        let mut source = match std::mem::replace(&mut self.state, State::Ended) {
            State::Ended => return Ok(None),
            State::Between(source) => source,
            State::Inside(text) => {
                let mut body = text.into_inner();
                io::copy(&mut body, &mut io::sink())?;
                expect_none_missing(body.limit())?;
                body.into_inner()
            }
        };
        skip(&mut source, self.padding)?;
        self.padding = 0;
        Ok(Some(source))
    }

    /// Reads headers up to that of the next regular file. `None` at the end of the archive.
    fn find(&mut self, source: &mut R) -> io::Result<Option<(String, u64)>> {
        let mut name_before = None;
        loop {
            let Some(header) = header(source)? else { return Ok(None) };
            self.seen += 1;
            if self.seen > MEMBERS_MAX {
                return Err(refused(FileRefusal::Damaged(format!("it has more than {MEMBERS_MAX} members"))));
            }
            let size = header.entry_size().map_err(|error| damaged(error.to_string()))?;
            match header.entry_type() {
                EntryType::GNULongName => name_before = Some(long_name(source, size)?),
                EntryType::Regular | EntryType::Continuous => {
                    let short = String::from_utf8_lossy(&header.path_bytes()).into_owned();
                    let name = name_before.take().unwrap_or(short);
                    if stays_inside(&name) {
                        return Ok(Some((name, size)));
                    }
                    skip(source, padded(size))?;
                }
                _ => skip(source, padded(size))?,
            }
        }
    }
}

impl<R: Read + Send> Parts for Members<R> {
    fn next_part(&mut self) -> io::Result<Option<String>> {
        let Some(mut source) = self.leave()? else { return Ok(None) };
        let Some((name, size)) = self.find(&mut source)? else { return Ok(None) };
        self.padding = padded(size) - size;
        self.state = State::Inside(Utf8::new(source.take(size)));
        Ok(Some(name))
    }
}

impl<R: Read> Read for Members<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.state {
            State::Inside(text) => text.read(buffer),
            State::Between(_) | State::Ended => Ok(0),
        }
    }
}

/// The next header; `None` at the end of the archive, which may lack its two blocks of zeros.
fn header(source: &mut impl Read) -> io::Result<Option<Header>> {
    let mut block = [0; BLOCK];
    let mut filled = Vec::with_capacity(BLOCK);
    source.by_ref().take(BLOCK as u64).read_to_end(&mut filled)?;
    if filled.is_empty() || filled.iter().all(|byte| *byte == 0) && filled.len() == BLOCK {
        // Reading on to the end of the stream makes the decompressor verify its checksum.
        io::copy(source, &mut io::sink())?;
        return Ok(None);
    }
    expect_none_missing((BLOCK - filled.len()) as u64)?;
    block.copy_from_slice(&filled);
    let header = Header::from_byte_slice(&block).clone();
    let sum: u32 = block.iter().enumerate().map(|(at, byte)| counted(at, *byte)).sum();
    if header.cksum().ok() == Some(sum) {
        Ok(Some(header))
    } else {
        Err(damaged("a header's checksum is wrong"))
    }
}

/// A byte of a header in its checksum, where the checksum field itself counts as blanks.
fn counted(at: usize, byte: u8) -> u32 {
    u32::from(if (148..156).contains(&at) { b' ' } else { byte })
}

/// The body of a GNU long-name header: the name of the next member.
fn long_name(source: &mut impl Read, size: u64) -> io::Result<String> {
    let mut name = Vec::new();
    source.by_ref().take(size.min(NAME_MAX)).read_to_end(&mut name)?;
    skip(source, padded(size).saturating_sub(name.len() as u64))?;
    Ok(String::from_utf8_lossy(name.split(|byte| *byte == 0).next().unwrap_or(&[])).into_owned())
}

fn padded(size: u64) -> u64 {
    size.checked_next_multiple_of(BLOCK as u64).unwrap_or(u64::MAX)
}

fn skip(source: &mut impl Read, bytes: u64) -> io::Result<()> {
    let skipped = io::copy(&mut source.take(bytes), &mut io::sink())?;
    expect_none_missing(bytes - skipped)
}

fn expect_none_missing(missing: u64) -> io::Result<()> {
    if missing == 0 { Ok(()) } else { Err(damaged("the archive is cut off")) }
}

/// Whether a name stays inside the archive. Names are never used as paths; an archive that tries is not
/// trusted with its members.
pub(super) fn stays_inside(name: &str) -> bool {
    !name.starts_with(['/', '\\']) && name.split(['/', '\\']).all(|part| part != "..")
}
