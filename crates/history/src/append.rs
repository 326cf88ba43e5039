//! Adding a build to a history: what changed since the one before becomes a segment.

use crate::builds::Build;
use crate::compact;
use crate::dates::{FeedNumbers, describe};
use crate::error::HistoryError;
use crate::history::{History, Slot};
use crate::lock::Lock;
use crate::manifest::{BuildId, Manifest, SegmentFile};
use crate::prior::{Listed, Nothing, OfSegments, OfSnapshot, side_by_side};
use crate::segment::RowWriter;
use crate::version::{KeyHistory, Statement, Version};
use crate::writer::{KeyWriter, SegmentWriter};
use rapsheet_assemble::{Ipv4Keys, Ipv6Keys, NameKeys, PartKeys, Scratch, SnapshotId, UrlKeys};
use rapsheet_snapshot::{Section, Snapshot};
use std::path::Path;

/// What became of a snapshot that was to be added.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Appended {
    /// It was added.
    Added(SegmentFile),
    /// It has been added before.
    AlreadyThere,
}

/// Adds a snapshot to the history in a folder, which need not be there yet.
///
/// The snapshot that was added last makes this fast: it is compared with the new one. Where it is not given,
/// or is another, the new one is compared with the history itself. Where that has lost what was listed last,
/// or has nothing, the new segment holds all that is listed.
///
/// # Errors
/// The snapshot is older than the last one, or something cannot be read or written. Then the history is as
/// it was.
pub fn append(
    folder: &Path,
    previous: Option<&Snapshot>,
    snapshot: &Snapshot,
    scratch: &Scratch,
) -> Result<Appended, HistoryError> {
    let _lock = Lock::take(folder)?;
    let mut manifest = Manifest::read(folder)?.unwrap_or_default();
    compact::remove_strays(folder, &manifest);
    let id = SnapshotId::of(snapshot);
    if manifest.builds.iter().any(|build| build.is(&id)) {
        return Ok(Appended::AlreadyThere);
    }
    let built_at = snapshot.built_at();
    if let Some(last) = manifest.builds.last().filter(|last| last.built_at >= built_at) {
        let (path, last) = (folder.to_owned(), last.built_at);
        return Err(HistoryError::OutOfOrder { path, last, built_at, id });
    }
    snapshot.verify_tables()?;
    let history = History::of_manifest(folder, manifest.clone());
    let numbers = FeedNumbers::new(snapshot, &mut manifest.feeds)?;
    let last = history.last_build();
    manifest.builds.push(BuildId { built_at, blake3: id.hash, bytes: id.byte_len });
    let own = BuildId { built_at, blake3: id.hash, bytes: id.byte_len };
    let build = describe(snapshot, own, &numbers, last)?;
    let new = New { snapshot: OfSnapshot::new(snapshot, &numbers, &build), build: &build };
    let segment = new.write_since(&history, last, previous, folder, &manifest, scratch)?;
    manifest.segments.push(segment.clone());
    manifest.write(folder)?;
    Ok(Appended::Added(segment))
}

/// A snapshot that is added.
struct New<'a> {
    snapshot: OfSnapshot<'a>,
    build: &'a Build,
}

impl New<'_> {
    /// Writes what changed since the last build of the history.
    fn write_since(
        &self,
        history: &History,
        last: Option<&Build>,
        previous: Option<&Snapshot>,
        folder: &Path,
        manifest: &Manifest,
        scratch: &Scratch,
    ) -> Result<SegmentFile, HistoryError> {
        let segments = history.newest_segments();
        let (Some(last), Some(segments)) = (last, segments) else {
            return self.write(&Nothing, true, folder, manifest, scratch);
        };
        match previous.filter(|previous| last.id.is(&SnapshotId::of(previous))) {
            Some(previous) => {
                previous.verify_tables()?;
                let numbers = FeedNumbers::new(previous, &mut manifest.feeds.clone())?;
                let before = OfSnapshot::new(previous, &numbers, last);
                self.write(&before, false, folder, manifest, scratch)
            }
            None => {
                let segments: Vec<_> = segments.iter().filter_map(Slot::segment).collect();
                segments.iter().try_for_each(|segment| segment.verify())?;
                self.write(&OfSegments::new(segments), false, folder, manifest, scratch)
            }
        }
    }

    fn write(
        &self,
        before: &impl Listed,
        is_base: bool,
        folder: &Path,
        manifest: &Manifest,
        scratch: &Scratch,
    ) -> Result<SegmentFile, HistoryError> {
        // The manifest numbers builds in 32 bits.
        let number = manifest.builds.len() as u32 - 1;
        let mut writer = SegmentWriter::new(scratch, (number, number), is_base, manifest);
        self.part::<Ipv4Keys>(before, number, &mut writer)?;
        self.part::<Ipv6Keys>(before, number, &mut writer)?;
        self.part::<NameKeys>(before, number, &mut writer)?;
        self.part::<UrlKeys>(before, number, &mut writer)?;
        let mut build = self.build.clone();
        for feed in &mut build.feeds {
            let seen = writer.rows().newest_seen.get(usize::from(feed.feed)).copied().flatten();
            feed.newest_seen = feed.newest_seen.max(seen);
        }
        let origin = self.snapshot.snapshot.bytes(Section::Origin).to_vec();
        let name = format!("night-{number:06}.raph");
        writer.finish(folder, &name, manifest, &[(build, origin)])
    }

    /// Adds the keys of one part on which something else is stated than before.
    fn part<K: PartKeys>(
        &self,
        before: &impl Listed,
        number: u32,
        writer: &mut SegmentWriter<'_>,
    ) -> Result<(), HistoryError> {
        if let Some(before) = before.as_snapshot() {
            return self.part_of_two::<K>(before, number, writer);
        }
        let scratch = writer.scratch();
        let (gone, changed) = rayon::join(
            || self.gone::<K>(before),
            || {
                let mut keys = KeyWriter::new(scratch);
                self.changed::<K>(before, number, writer.rows(), &mut keys).map(|()| keys)
            },
        );
        writer.add(changed?)?;
        for group in gone? {
            let mut keys = KeyWriter::new(scratch);
            for key in &group {
                let mut history = KeyHistory { changed: number, versions: Vec::new() };
                keys.push::<K>(writer.rows(), key, &mut history)?;
            }
            writer.add(keys)?;
        }
        Ok(())
    }

    /// As [`New::part`], compared with the snapshot before.
    fn part_of_two<K: PartKeys>(
        &self,
        before: &OfSnapshot<'_>,
        number: u32,
        writer: &mut SegmentWriter<'_>,
    ) -> Result<(), HistoryError> {
        let mut keys = KeyWriter::new(writer.scratch());
        side_by_side::<K>(before, &self.snapshot, |key, earlier, now| {
            if earlier == now {
                return Ok(());
            }
            Ok(keys.push::<K>(writer.rows(), key, &mut changed_to(now, number))?)
        })?;
        writer.add(keys)
    }

    /// The keys on which nothing is stated any more, in groups that are in order.
    fn gone<K: PartKeys>(&self, before: &impl Listed) -> Result<Vec<Vec<K::Key>>, HistoryError> {
        let (mut groups, mut rows) = (Vec::new(), Vec::new());
        before.each_key::<K>(&mut |key| {
            let Some(key) = key else {
                groups.push(Vec::new());
                return Ok(());
            };
            K::rows_of(&self.snapshot.index, key, &mut rows);
            if rows.is_empty() {
                groups.last_mut().into_iter().for_each(|group: &mut Vec<K::Key>| group.push(key.clone()));
            }
            Ok(())
        })?;
        Ok(groups)
    }

    fn changed<K: PartKeys>(
        &self,
        before: &impl Listed,
        number: u32,
        rows: &mut RowWriter,
        keys: &mut KeyWriter<'_>,
    ) -> Result<(), HistoryError> {
        let mut earlier = Vec::new();
        self.snapshot.each::<K>(|key, statements| {
            before.statements::<K>(key, &mut earlier);
            if earlier == statements {
                return Ok(());
            }
            Ok(keys.push::<K>(rows, key, &mut changed_to(statements, number))?)
        })
    }
}

/// What became of a key on which something else is stated from a build on.
fn changed_to(statements: &[Statement], build: u32) -> KeyHistory {
    let version = |statement: &Statement| Version { statement: *statement, first: build, last: build };
    KeyHistory { changed: build, versions: statements.iter().map(version).collect() }
}
