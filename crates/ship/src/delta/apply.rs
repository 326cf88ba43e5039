//! Making the snapshot that a delta leads to.

use crate::delta::frame::{DeltaHeader, Frame, text_bytes_max};
use crate::delta::origin;
use crate::delta::part::{Context, PartReader};
use crate::delta::redating::Redating;
use crate::error::ShipError;
use crate::hashed::Hashed;
use crate::keys::{Ipv4Keys, Ipv6Keys, Keys, NameKeys, UrlKeys};
use crate::limits::Limits;
use rapsheet_assemble::Row;
use rapsheet_assemble::Scratch;
use rapsheet_assemble::SnapshotId;
use rapsheet_assemble::{Collected, Collector, SizeLimits};
use rapsheet_snapshot::{AtomicFile, Image, Section, SectionBytes, Snapshot, StoredImage, Time};
use std::io;
use std::path::Path;

/// Makes the snapshot that a delta leads to in memory, and proves that it is the publisher's, byte for byte.
/// Rows that do not fit the memory of `scratch` go to its file.
///
/// # Errors
/// A delta that is not sound or leads from another snapshot, and one that gives other bytes than it says.
pub fn apply(from: &Snapshot, delta: &[u8], limits: &Limits, scratch: &Scratch) -> Result<Image, ShipError> {
    let frame = Frame::decode(delta, limits)?;
    let mut sections = Vec::new();
    compose(from, &frame, scratch, &mut |section| sections.push(section))?;
    let image = Image::new(frame.header.built_at, sections);
    let mut hashed = Hashed::new(io::sink());
    let written = image.write(&mut hashed).map_err(|source| ShipError::Io { doing: "hashing", source })?;
    frame.header.check(&hashed.id(written))?;
    Ok(image)
}

/// As [`apply`], under a temporary name beside `target`, in as little memory as that can be, with what its bytes are.
/// The caller verifies its references, and publishes it.
///
/// # Errors
/// As those of [`apply`], and a snapshot that cannot be written.
pub fn apply_to(
    from: &Snapshot,
    delta: &[u8],
    limits: &Limits,
    target: &Path,
) -> Result<(AtomicFile, SnapshotId), ShipError> {
    let frame = Frame::decode(delta, limits)?;
    // On a thread of the pool from the beginning: allocators keep memory apart by threads, and what this one frees
    // would be of no use to that one.
    rayon::scope(|_| stage(from, &frame, target))
}

/// Writes the snapshot that a delta leads to.
fn stage(from: &Snapshot, frame: &Frame<'_>, target: &Path) -> Result<(AtomicFile, SnapshotId), ShipError> {
    let mut image = StoredImage::new(frame.header.built_at, target)?;
    compose(from, frame, &Scratch::new(ROWS, target), &mut |section| image.push(section))?;
    let mut file = AtomicFile::create(target)?;
    let id = file.fill(|out| {
        let mut hashed = Hashed::new(out);
        let written = image.write(&mut hashed)?;
        Ok(hashed.id(written))
    })?;
    frame.header.check(&id)?;
    Ok((file, id))
}

/// The memory of rows before they go to a file.
const ROWS: u64 = 1 << 20;

/// Makes the sections of the snapshot that a delta leads to.
fn compose(
    from: &Snapshot,
    frame: &Frame<'_>,
    scratch: &Scratch,
    finished: &mut dyn FnMut(SectionBytes),
) -> Result<(), ShipError> {
    let Frame { header, tables: [origin, redating], parts } = frame;
    let found = SnapshotId::of(from);
    if found != header.from {
        return Err(ShipError::OtherSnapshot { expected: header.from, found });
    }
    from.verify_tables()?;
    let origin = origin::decompressed(origin, from.bytes(Section::Origin), header.origin_len)?;
    let origin_count = usize::try_from(header.origin_count).unwrap_or(usize::MAX);
    finished(SectionBytes::new(Section::Origin, origin_count, origin));
    let redating = Redating::decode(redating).map_err(ShipError::unsound)?;
    let built_at = [from.built_at(), header.built_at].map(Time::stored);
    let applied = Applied { from, context: Context { redating: &redating, built_at }, header: *header };
    let [ipv4, ipv6, names, urls] = parts;
    let [ipv4_rows, ipv6_rows, name_rows, url_rows] = header.rows;
    let addresses = || {
        rayon::join(
            || applied.part::<Ipv4Keys>(ipv4, ipv4_rows, scratch),
            || applied.part::<Ipv6Keys>(ipv6, ipv6_rows, scratch),
        )
    };
    let texts = || {
        rayon::join(
            || applied.part::<NameKeys>(names, name_rows, scratch),
            || applied.part::<UrlKeys>(urls, url_rows, scratch),
        )
    };
    let ((ipv4, ipv6), (names, urls)) = rayon::join(addresses, texts);
    let parts = [ipv4?, ipv6?, names?, urls?];
    scratch.check()?;
    let (feeds, limits) = (redating.feed_count(), SizeLimits::default());
    rapsheet_assemble::compose(parts, scratch, feeds, limits, finished)?;
    Ok(())
}

/// What is equal for all parts of a delta that is applied.
struct Applied<'a> {
    from: &'a Snapshot,
    context: Context<'a>,
    header: DeltaHeader,
}

impl Applied<'_> {
    /// The rows of a part of the new snapshot.
    fn part<K: Keys>(&self, bytes: &[u8], count: u64, scratch: &Scratch) -> Result<Collected, ShipError> {
        let mut rows = Collector::new(scratch);
        let index = self.from.index();
        let keys = K::new(&index, text_bytes_max(self.header.to.byte_len));
        let mut reader = PartReader::new(self.context, keys, bytes, count);
        let mut too_large = Ok(());
        let mut push = |key: &K::Key, row: Row| {
            rows.push::<K::Of>(key, row).map_err(|error| {
                too_large = Err(error);
                "too many rows"
            })
        };
        let mut result = Ok(());
        let is_whole = K::walk(&index, |key, before| {
            if result.is_ok() {
                result = reader.key(key, before, &mut push);
            }
        });
        let result = result.and_then(|()| reader.finish(&mut push));
        too_large?;
        result.map_err(ShipError::unsound)?;
        if !is_whole {
            return Err(self.from.unwalkable(K::PART).into());
        }
        rows.finish().ok_or_else(|| ShipError::unsound("rows that are out of order"))
    }
}
