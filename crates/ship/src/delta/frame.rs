//! The outside of a delta: what it leads from and to, the lengths of its parts, and its digest.

use crate::error::ShipError;
use crate::fields::Fields;
use crate::limits::Limits;
use rapsheet_assemble::SnapshotId;
use rapsheet_snapshot::Time;

const MAGIC: [u8; 8] = *b"\x89RSD\r\n\x1a\n";
const VERSION: u32 = 1;
/// The length of the header, in bytes.
const HEADER_LEN: usize = 192;
/// The length of the digest at the end.
const DIGEST_LEN: usize = blake3::OUT_LEN;
/// The parts: origin, feeds and classes, then those of the snapshot.
const PARTS: usize = 6;
/// The largest origin that a snapshot can have.
const ORIGIN_MAX: u64 = 16 << 20;
/// How many rows a snapshot has at most for each of its bytes.
const ROWS_PER_BYTE: u64 = 256;

/// The header of a delta.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeltaHeader {
    /// The snapshot that it leads from.
    pub from: SnapshotId,
    /// The snapshot that it leads to.
    pub to: SnapshotId,
    /// The instant of that one's build.
    pub built_at: Time,
    /// How many items its origin section counts.
    pub(crate) origin_count: u64,
    /// The length of its origin section.
    pub(crate) origin_len: u64,
    /// How many rows each of its parts has: IPv4, IPv6, names, URLs.
    pub(crate) rows: [u64; 4],
}

impl DeltaHeader {
    /// An error unless what was made is what the delta leads to.
    pub(crate) fn check(&self, found: &SnapshotId) -> Result<(), ShipError> {
        match *found == self.to {
            true => Ok(()),
            false => Err(ShipError::malformed("delta", format_args!("what gives {}", self.to), found)),
        }
    }
}

/// A delta, taken apart.
pub(crate) struct Frame<'a> {
    pub(crate) header: DeltaHeader,
    /// The origin; feeds and classes.
    pub(crate) tables: [&'a [u8]; 2],
    /// What differs in each part.
    pub(crate) parts: [&'a [u8]; 4],
}

impl Frame<'_> {
    /// The bytes of the delta.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let DeltaHeader { from, to, built_at, origin_count, origin_len, rows } = self.header;
        let mut out = MAGIC.to_vec();
        out.extend(VERSION.to_le_bytes());
        out.extend([0; 4]);
        out.extend(from.hash);
        out.extend(to.hash);
        let numbers = [from.byte_len, to.byte_len, built_at.unix().cast_unsigned(), origin_count, origin_len];
        out.extend(numbers.into_iter().flat_map(u64::to_le_bytes));
        // Each is shorter than the snapshot, and has fewer rows than 2^32.
        let parts = self.tables.iter().chain(&self.parts);
        out.extend(parts.clone().flat_map(|part| (part.len() as u32).to_le_bytes()));
        out.extend(rows.into_iter().flat_map(|rows| (rows as u32).to_le_bytes()));
        out.resize(HEADER_LEN, 0);
        parts.for_each(|part| out.extend_from_slice(part));
        let digest = blake3::hash(&out);
        out.extend(digest.as_bytes());
        out
    }
}

fn malformed(expected: &'static str, found: impl std::fmt::Display) -> ShipError {
    ShipError::malformed("delta", expected, found)
}

impl<'a> Frame<'a> {
    /// Takes a delta apart, and proves that it is as it was written.
    pub(crate) fn decode(bytes: &'a [u8], limits: &Limits) -> Result<Frame<'a>, ShipError> {
        let whole = || malformed("a header, parts and a digest", format_args!("{} bytes", bytes.len()));
        let (body, digest) = bytes.split_last_chunk::<DIGEST_LEN>().ok_or_else(whole)?;
        let (header, mut rest) = body.split_at_checked(HEADER_LEN).ok_or_else(whole)?;
        check_version(header)?;
        if blake3::hash(body) != *digest {
            return Err(malformed("the digest of its bytes", "another one"));
        }
        let (header, lengths) = decode_header(header, limits)?;
        let mut parts = [&[][..]; PARTS];
        for (part, length) in parts.iter_mut().zip(lengths) {
            let (bytes, others) = rest.split_at_checked(length as usize).ok_or_else(whole)?;
            (*part, rest) = (bytes, others);
        }
        if !rest.is_empty() {
            return Err(malformed("parts up to the digest", format_args!("{} bytes more", rest.len())));
        }
        let [origin, redating, ipv4, ipv6, names, urls] = parts;
        Ok(Frame { header, tables: [origin, redating], parts: [ipv4, ipv6, names, urls] })
    }
}

fn check_version(header: &[u8]) -> Result<(), ShipError> {
    let mut fields = Fields(header);
    if fields.array() != MAGIC {
        return Err(malformed("the mark of a delta", "another kind of file"));
    }
    match fields.short() {
        VERSION => Ok(()),
        other => Err(malformed("version 1", format_args!("version {other}"))),
    }
}

/// The header, and the lengths of the parts.
fn decode_header(header: &[u8], limits: &Limits) -> Result<(DeltaHeader, [u32; PARTS]), ShipError> {
    let mut fields = Fields(header.get(MAGIC.len() + 4..).unwrap_or(&[]));
    let reserved = fields.short();
    let (from, to) = (fields.array(), fields.array());
    let [from_len, to_len, built_at, origin_count, origin_len] = [0; 5].map(|_| fields.number());
    let lengths = [0; PARTS].map(|_| fields.short());
    let rows = [0; 4].map(|_| u64::from(fields.short()));
    if reserved != 0 || fields.0.iter().any(|byte| *byte != 0) {
        return Err(malformed("zeros where nothing is stored", "other bytes"));
    }
    if to_len > limits.snapshot_len {
        return Err(ShipError::malformed("delta", limits, format_args!("one of {to_len} bytes")));
    }
    if origin_len > ORIGIN_MAX || rows.iter().any(|rows| *rows > to_len.saturating_mul(ROWS_PER_BYTE)) {
        return Err(malformed("what the new snapshot has room for", "more"));
    }
    let header = DeltaHeader {
        from: SnapshotId { hash: from, byte_len: from_len },
        to: SnapshotId { hash: to, byte_len: to_len },
        built_at: Time::from_unix(built_at.cast_signed()),
        origin_count,
        origin_len,
        rows,
    };
    Ok((header, lengths))
}

/// How many bytes the texts of new keys have at most, without what they share with their neighbours: a
/// snapshot has more than a bit for each.
pub(crate) fn text_bytes_max(snapshot: u64) -> u64 {
    snapshot.saturating_mul(8)
}
