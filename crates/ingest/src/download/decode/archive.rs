//! The members of a zip archive, one after another.
//!
//! The `zip` crate reads the central directory, and each member is then decoded in place. So an archive
//! streams like any other container, and a member's name is never used as a path.

use super::charset::Utf8;
use super::parts::Parts;
use super::tar::stays_inside;
use super::{damaged, refusal_inside};
use crate::download::refusal::FileRefusal;
use crc32fast::Hasher;
use flate2::read::DeflateDecoder;
use rapsheet_decompress::DamageReader;
use std::io::{self, Read, Seek, SeekFrom, Take};
use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

/// The position of a member, and its checksum.
struct Member {
    name: String,
    start: u64,
    length: u64,
    deflated: bool,
    checksum: u32,
}

/// The members, each a part of the text.
pub(super) struct Members<S> {
    members: std::vec::IntoIter<Member>,
    state: State<S>,
}

enum State<S> {
    Between(S),
    Inside(Utf8<DamageReader<Verified<S>>>),
    Broken,
}

impl<S: Read + Seek> Members<S> {
    /// Reads the central directory.
    pub(super) fn open(source: S) -> Result<Members<S>, FileRefusal> {
        let mut archive = ZipArchive::new(source).map_err(refusal_of)?;
        let mut members = Vec::new();
        for index in 0..archive.len() {
            members.extend(member(&mut archive, index)?);
        }
        let state = State::Between(archive.into_inner());
        Ok(Members { members: members.into_iter(), state })
    }
}

impl<S: Read + Seek + Send> Parts for Members<S> {
    fn next_part(&mut self) -> io::Result<Option<String>> {
        let mut source = match std::mem::replace(&mut self.state, State::Broken) {
            State::Between(source) => source,
            State::Inside(text) => text.into_inner().into_inner().into_inner(),
            State::Broken => return Err(damaged("a member could not be read")),
        };
        let Some(member) = self.members.next() else {
            self.state = State::Between(source);
            return Ok(None);
        };
        source.seek(SeekFrom::Start(member.start))?;
        self.state = State::Inside(Utf8::new(DamageReader::new(Verified::new(source, &member))));
        Ok(Some(member.name))
    }
}

impl<S: Read> Read for Members<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.state {
            State::Inside(text) => text.read(buffer),
            State::Between(_) | State::Broken => Ok(0),
        }
    }
}

/// One member of the directory; `None` for a folder, a link, or a name that leaves the archive (`../`).
fn member<S: Read + Seek>(archive: &mut ZipArchive<S>, index: usize) -> Result<Option<Member>, FileRefusal> {
    let file = archive.by_index_raw(index).map_err(refusal_of)?;
    let name = String::from_utf8_lossy(file.name_raw()).into_owned();
    if !file.is_file() || !stays_inside(&name) {
        return Ok(None);
    }
    if file.encrypted() {
        return Err(FileRefusal::Damaged("the archive is encrypted".to_owned()));
    }
    let deflated = match file.compression() {
        CompressionMethod::Stored => false,
        CompressionMethod::Deflated => true,
        other => return Err(FileRefusal::Damaged(format!("a member is compressed with {other}"))),
    };
    let start = file.data_start().ok_or_else(|| FileRefusal::Damaged("a member has no data".to_owned()))?;
    Ok(Some(Member { name, start, length: file.compressed_size(), deflated, checksum: file.crc32() }))
}

fn refusal_of(error: ZipError) -> FileRefusal {
    match &error {
        ZipError::Io(io) => refusal_inside(io),
        _ => None,
    }
    .unwrap_or_else(|| FileRefusal::Damaged(error.to_string()))
}

/// The bytes of a member, whose checksum is verified at the end.
struct Verified<S> {
    body: Body<S>,
    sum: Hasher,
    expected: u32,
}

enum Body<S> {
    Stored(Take<S>),
    Deflated(Box<DeflateDecoder<Take<S>>>),
}

impl<S: Read> Verified<S> {
    fn new(source: S, member: &Member) -> Verified<S> {
        let bytes = source.take(member.length);
        let body = match member.deflated {
            true => Body::Deflated(Box::new(DeflateDecoder::new(bytes))),
            false => Body::Stored(bytes),
        };
        Verified { body, sum: Hasher::new(), expected: member.checksum }
    }

    fn into_inner(self) -> S {
        match self.body {
            Body::Stored(bytes) => bytes.into_inner(),
            Body::Deflated(decoder) => decoder.into_inner().into_inner(),
        }
    }
}

impl<S: Read> Read for Verified<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = match &mut self.body {
            Body::Stored(bytes) => bytes.read(buffer)?,
            Body::Deflated(decoder) => decoder.read(buffer)?,
        };
        self.sum.update(buffer.get(..count).unwrap_or_default());
        if count == 0 && !buffer.is_empty() && self.sum.clone().finalize() != self.expected {
            return Err(damaged("a member's checksum is wrong"));
        }
        Ok(count)
    }
}
