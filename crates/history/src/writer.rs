//! Writing a segment: keys in order in, a file that is verified out.

use crate::builds::{self, Build};
use crate::error::HistoryError;
use crate::manifest::{Manifest, SegmentFile};
use crate::segment::RowWriter;
use crate::spans::SpanTable;
use crate::version::KeyHistory;
use rapsheet_assemble::{Collected, Collector, PartKeys, Scratch, SizeLimits, SnapshotId, compose};
use rapsheet_snapshot::{AtomicFile, ReferenceCheck, Section, SectionBytes, Snapshot, StoredImage, TooLarge};
use rayon::prelude::*;
use std::path::Path;

/// How many ranges that are no prefix may overlap in a segment. A snapshot has 16 at most; a segment has
/// those of several.
const OVERLAPS: usize = 16 * 64;

/// A segment that is being made.
pub(crate) struct SegmentWriter<'s> {
    scratch: &'s Scratch,
    rows: RowWriter,
    is_base: bool,
    parts: Vec<Collected>,
}

/// Keys of one part, in order.
pub(crate) struct KeyWriter<'s>(Collector<'s>);

impl<'s> KeyWriter<'s> {
    pub(crate) fn new(scratch: &'s Scratch) -> KeyWriter<'s> {
        KeyWriter(Collector::new(scratch))
    }

    /// Adds a key.
    pub(crate) fn push<K: PartKeys>(
        &mut self,
        rows: &mut RowWriter,
        key: &K::Key,
        history: &mut KeyHistory,
    ) -> Result<(), TooLarge> {
        rows.rows(history, |row| self.0.push::<K>(key, row))
    }
}

impl<'s> SegmentWriter<'s> {
    /// A segment of builds, the first of which was built at a time.
    pub(crate) fn new(
        scratch: &'s Scratch,
        builds: (u32, u32),
        is_base: bool,
        manifest: &Manifest,
    ) -> SegmentWriter<'s> {
        let built_at = manifest.builds.get(builds.0 as usize).map_or(0, |build| build.built_at.stored());
        let rows = RowWriter {
            builds,
            feeds: manifest.feeds.len(),
            spans: SpanTable::default(),
            time: built_at,
            row_feeds: 1,
            newest_seen: vec![None; manifest.feeds.len()],
        };
        SegmentWriter { scratch, rows, is_base, parts: Vec::new() }
    }

    pub(crate) fn scratch(&self) -> &'s Scratch {
        self.scratch
    }

    /// What makes rows of what becomes of keys.
    pub(crate) fn rows(&mut self) -> &mut RowWriter {
        &mut self.rows
    }

    /// Adds keys.
    pub(crate) fn add(&mut self, keys: KeyWriter<'s>) -> Result<(), HistoryError> {
        match keys.0.finish() {
            Some(keys) => self.parts.push(keys),
            // A walk over a sound file is in order.
            None => TooLarge::check("history", "keys out of order", 1, 0)?,
        }
        Ok(())
    }

    /// Writes and places the file, which is verified before it has its name.
    pub(crate) fn finish(
        self,
        folder: &Path,
        name: &str,
        manifest: &Manifest,
        builds: &[(Build, Vec<u8>)],
    ) -> Result<SegmentFile, HistoryError> {
        let target = folder.join(name);
        let (first, last) = self.rows.builds;
        let built_at = manifest.builds.get(last as usize).map(|build| build.built_at);
        let built_at = built_at.unwrap_or(rapsheet_snapshot::Time::EARLIEST);
        let mut image = StoredImage::new(built_at, &target)?;
        let limits = SizeLimits::default().with_overlaps(OVERLAPS);
        let made = compose(self.parts, self.scratch, self.rows.row_feeds, limits, &mut |section| {
            image.push(section);
        })?;
        let refused: u64 = made.overlap_refused.values().sum();
        TooLarge::check("history", "ranges that overlap too many others", refused, 0)?;
        let spans = self.rows.spans;
        image.push(SectionBytes::new(Section::HistorySpans, spans.len(), spans.encode()));
        let bytes = builds::encode((self.is_base, first), &manifest.feeds, builds)?;
        image.push(SectionBytes::new(Section::HistoryBuilds, builds.len(), bytes));
        let mut file = AtomicFile::create(&target)?;
        file.fill(|out| image.write(out))?;
        let written = Snapshot::open_segment(file.temporary_path())?;
        written.reference_checks().par_iter().try_for_each(ReferenceCheck::run)?;
        let id = SnapshotId::of(&written);
        drop(written);
        file.publish()?;
        let (bytes, blake3) = (id.byte_len, id.hash);
        Ok(SegmentFile { file: name.to_owned(), first, last, is_base: self.is_base, bytes, blake3 })
    }
}
