//! Slim files: a whole snapshot, compressed, without the sections that follow from others.
//!
//! A host that has no earlier snapshot, or little memory, takes it. It is written where it belongs while it
//! is read; then the sections that are missing are made, and the whole is compared with the publisher's hash.

use crate::error::ShipError;
use crate::fields::Fields;
use crate::hashed::Hashed;
use crate::limits::Limits;
use rapsheet_assemble::SnapshotId;
use rapsheet_snapshot::{AtomicFile, ColumnStore, DERIVED, Snapshot, derive};
use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::Path;

const MAGIC: [u8; 8] = *b"\x89RSZ\r\n\x1a\n";
const VERSION: u32 = 1;
const HEADER_LEN: usize = 56;
const PIECE_LEN: usize = 24;
/// A slim file that states more pieces is malformed: a snapshot has at most 256 sections.
const PIECES_MAX: u32 = 257;
/// How hard pieces are compressed.
const LEVEL: i32 = 19;
/// What a reader keeps of what it has decompressed: 2^22 bytes.
const WINDOW_LOG: u32 = 22;
/// How many bytes are decompressed together.
const BLOCK: usize = 64 << 10;

/// Bytes of the snapshot: where they begin, how many they are, and what they take here.
#[derive(Clone, Copy, Debug)]
struct Piece {
    offset: u64,
    length: u64,
    frame_len: u64,
}

/// Writes a snapshot as a slim file. Returns its length in bytes.
///
/// # Errors
/// `out` cannot be written.
pub fn write(snapshot: &Snapshot, out: &mut impl Write) -> Result<u64, ShipError> {
    let id = SnapshotId::of(snapshot);
    let (mut pieces, mut frames) = (Vec::new(), Vec::new());
    for range in shipped(snapshot) {
        let bytes = snapshot.file_bytes().get(range.clone()).unwrap_or(&[]);
        let frame = compressed(bytes).map_err(|source| ShipError::Io { doing: "compressing", source })?;
        let lengths = [range.start, bytes.len(), frame.len()].map(|number| number as u64);
        pieces.extend(lengths.into_iter().flat_map(u64::to_le_bytes));
        frames.push(frame);
    }
    let mut header = MAGIC.to_vec();
    header.extend(VERSION.to_le_bytes());
    header.extend((frames.len() as u32).to_le_bytes());
    header.extend(id.hash);
    header.extend(id.byte_len.to_le_bytes());
    header.extend(pieces);
    let mut hashed = Hashed::new(out);
    let body = std::iter::once(&header).chain(&frames);
    let length = body.clone().map(|bytes| bytes.len() as u64).sum::<u64>() + blake3::OUT_LEN as u64;
    let written = body.into_iter().try_for_each(|bytes| hashed.write_all(bytes));
    let (out, digest) = hashed.finish();
    let written = written.and_then(|()| out.write_all(digest.as_bytes()));
    written.map_err(|source| ShipError::Io { doing: "writing the slim file", source })?;
    Ok(length)
}

/// What of a snapshot is shipped: header and section table, and each section that follows from no other. What
/// is between them is zero.
fn shipped(snapshot: &Snapshot) -> Vec<Range<usize>> {
    let rows = &snapshot.table().rows;
    let head = rows.first().map_or(snapshot.file_bytes().len(), |row| row.range().start);
    let is_shipped = |row: &&rapsheet_snapshot::layout::SectionRow| {
        !row.section().is_some_and(|section| DERIVED.contains(&section))
    };
    std::iter::once(0..head).chain(rows.iter().filter(is_shipped).map(|row| row.range())).collect()
}

fn compressed(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), LEVEL)?;
    encoder.window_log(WINDOW_LOG)?;
    encoder.set_pledged_src_size(Some(bytes.len() as u64))?;
    encoder.write_all(bytes)?;
    encoder.finish()
}

fn malformed(expected: &'static str, found: impl std::fmt::Display) -> ShipError {
    ShipError::malformed("slim file", expected, found)
}

fn reading(source: io::Error) -> ShipError {
    match source.kind() {
        io::ErrorKind::UnexpectedEof => malformed("all that the header states", "the end of the file"),
        _ => ShipError::Io { doing: "reading the slim file", source },
    }
}

fn writing(source: io::Error) -> ShipError {
    ShipError::Io { doing: "writing the snapshot", source }
}

/// Makes the snapshot of a slim file under a temporary name beside `target`, and proves that it is the
/// publisher's, byte for byte. The caller verifies its references, and publishes it.
///
/// # Errors
/// A slim file that is not sound or cannot be read, one that gives other bytes than stated, and a snapshot that
/// cannot be written.
pub fn apply(
    slim: &mut impl Read,
    target: &Path,
    limits: &Limits,
) -> Result<(AtomicFile, SnapshotId), ShipError> {
    let mut input = Hashed::new(slim);
    let (id, pieces) = read_header(&mut input, limits)?;
    let mut file = AtomicFile::create(target)?;
    let path = file.temporary_path().to_owned();
    let out = file.file_mut();
    out.set_len(id.byte_len).map_err(writing)?;
    for piece in &pieces {
        copy_piece(&mut input, piece, out)?;
    }
    let (rest, hash) = input.finish();
    let mut digest = [0; blake3::OUT_LEN];
    rest.read_exact(&mut digest).map_err(reading)?;
    if hash != digest {
        return Err(malformed("the digest of its bytes", "another one"));
    }
    if rest.read(&mut [0]).map_err(reading)? > 0 {
        return Err(malformed("the end of the file behind the digest", "more bytes"));
    }
    add_derived(&path, out)?;
    let found = SnapshotId::of(&Snapshot::open_trusted(&path)?);
    if found != id {
        return Err(ShipError::malformed("slim file", format_args!("what gives {id}"), found));
    }
    file.sync()?;
    Ok((file, id))
}

fn read_header(input: &mut impl Read, limits: &Limits) -> Result<(SnapshotId, Vec<Piece>), ShipError> {
    let mut header = [0; HEADER_LEN];
    input.read_exact(&mut header).map_err(reading)?;
    let mut fields = Fields(&header);
    if fields.array() != MAGIC {
        return Err(malformed("the mark of a slim file", "another kind of file"));
    }
    match fields.short() {
        VERSION => {}
        other => return Err(malformed("version 1", format_args!("version {other}"))),
    }
    let count = fields.short();
    let id = SnapshotId { hash: fields.array(), byte_len: fields.number() };
    if id.byte_len > limits.snapshot_len {
        return Err(ShipError::malformed("slim file", limits, format_args!("one of {} bytes", id.byte_len)));
    }
    if count > PIECES_MAX {
        return Err(malformed("at most 257 pieces", count));
    }
    let mut end = 0;
    let pieces = (0..count).map(|_| {
        let mut bytes = [0; PIECE_LEN];
        input.read_exact(&mut bytes).map_err(reading)?;
        let mut fields = Fields(&bytes);
        let [offset, length, frame_len] = [0; 3].map(|_| fields.number());
        let is_next = offset >= end;
        let piece_end = offset.checked_add(length).filter(|end| is_next && *end <= id.byte_len);
        end = piece_end.ok_or_else(|| malformed("pieces in order, in the snapshot", "others"))?;
        Ok(Piece { offset, length, frame_len })
    });
    let pieces = pieces.collect::<Result<Vec<Piece>, ShipError>>()?;
    Ok((id, pieces))
}

/// Decompresses a piece to its place.
fn copy_piece(input: &mut impl Read, piece: &Piece, out: &mut File) -> Result<(), ShipError> {
    out.seek(SeekFrom::Start(piece.offset)).map_err(writing)?;
    let mut frame = input.take(piece.frame_len);
    let mut decoder = zstd::stream::read::Decoder::new(&mut frame).map_err(reading)?.single_frame();
    decoder.window_log_max(WINDOW_LOG).map_err(reading)?;
    let (mut buffer, mut left) = (vec![0; BLOCK], piece.length);
    loop {
        let length = decoder.read(&mut buffer).map_err(|error| match error.kind() {
            io::ErrorKind::Other | io::ErrorKind::InvalidData => malformed("a zstd frame", error),
            _ => reading(error),
        })?;
        let Some(bytes) = buffer.get(..length).filter(|bytes| !bytes.is_empty()) else { break };
        left = left
            .checked_sub(length as u64)
            .ok_or_else(|| malformed("pieces of the stated lengths", "a longer one"))?;
        out.write_all(bytes).map_err(writing)?;
    }
    drop(decoder);
    match (left, frame.limit()) {
        (0, 0) => Ok(()),
        _ => Err(malformed("pieces of the stated lengths", "a shorter one")),
    }
}

/// Writes the sections that follow from those that are there.
fn add_derived(path: &Path, out: &mut File) -> Result<(), ShipError> {
    let (snapshot, store) = (Snapshot::open_trusted(path)?, ColumnStore::files(path));
    for section in DERIVED {
        let Some(row) = snapshot.table().row(section) else { continue };
        let mut writer =
            OffsetWriter { out: BufWriter::with_capacity(BLOCK, &mut *out), at: None, result: Ok(()) };
        let mut is_outside = false;
        derive(&snapshot, section, &store, |at, bytes| {
            match at.checked_add(bytes.len() as u64).is_some_and(|end| end <= row.length) {
                true => writer.write(row.offset + at, bytes),
                false => is_outside = true,
            }
        })?;
        writer.finish().map_err(writing)?;
        if is_outside {
            return Err(malformed("room for what follows from the names and URLs", "less"));
        }
    }
    Ok(())
}

/// Writes bytes where they belong. After an error it does nothing.
struct OffsetWriter<'f> {
    out: BufWriter<&'f mut File>,
    /// Where the next bytes go, once that is known.
    at: Option<u64>,
    result: io::Result<()>,
}

impl OffsetWriter<'_> {
    fn write(&mut self, at: u64, bytes: &[u8]) {
        if self.result.is_ok() {
            self.result = self.try_write(at, bytes);
        }
    }

    fn try_write(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        if self.at != Some(at) {
            self.out.seek(SeekFrom::Start(at))?;
        }
        self.at = at.checked_add(bytes.len() as u64);
        self.out.write_all(bytes)
    }

    fn finish(mut self) -> io::Result<()> {
        self.result?;
        self.out.flush()
    }
}
