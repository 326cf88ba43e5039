//! An open history: its segments, its builds, and what is lost.

use crate::builds::Build;
use crate::downloads::{Downloads, downloads};
use crate::error::HistoryError;
use crate::manifest::{Manifest, SegmentFile};
use crate::segment::Segment;
use rapsheet_assemble::SnapshotId;
use rapsheet_snapshot::{Origin, Time};
use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// How often a manifest is read again whose files were removed meanwhile.
const OPENS_MAX: usize = 5;

/// A segment that the manifest names.
#[derive(Debug)]
pub(crate) struct Slot {
    file: SegmentFile,
    segment: Result<Segment, HistoryError>,
}

impl Slot {
    pub(crate) fn file(&self) -> &SegmentFile {
        &self.file
    }

    /// The segment; `None` if it is lost or damaged.
    pub(crate) fn segment(&self) -> Option<&Segment> {
        self.segment.as_ref().ok()
    }
}

/// An open history.
#[derive(Debug)]
pub struct History {
    folder: PathBuf,
    manifest: Manifest,
    slots: Vec<Slot>,
    downloads: OnceLock<Downloads>,
    origins: Mutex<HashMap<u32, Arc<Origin>>>,
}

/// A segment that cannot be read, and what it held.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lost {
    /// The file.
    pub file: String,
    /// When the first and the last snapshot were built that it held.
    pub built_at: (Time, Time),
    /// How many there were.
    pub builds: u32,
    /// What is wrong with it.
    pub reason: String,
}

impl History {
    /// Opens a history. Headers, tables of sections and what describes builds are verified, and the rows of
    /// segments are not: see [`History::verify`]. A segment that is lost or damaged does not keep the others
    /// from answering.
    ///
    /// # Errors
    /// There is no history, or its manifest is damaged.
    pub fn open(folder: impl AsRef<Path>) -> Result<History, HistoryError> {
        let folder = folder.as_ref();
        let read = || Manifest::read(folder)?.ok_or_else(|| HistoryError::Missing(folder.to_owned()));
        let mut manifest = read()?;
        for _ in 0..OPENS_MAX {
            let history = History::of_manifest(folder, manifest);
            let newer =
                if history.slots.iter().all(|slot| slot.segment.is_ok()) { None } else { Some(read()?) };
            // Files may have been joined between the reading of the manifest and the opening of them.
            match newer.filter(|newer| *newer != history.manifest) {
                Some(newer) => manifest = newer,
                None => return Ok(history),
            }
        }
        Ok(History::of_manifest(folder, manifest))
    }

    /// As [`History::open`], and verifies every byte of each segment. One that differs from what was written
    /// is lost.
    ///
    /// # Errors
    /// As those of [`History::open`].
    pub fn open_verified(folder: impl AsRef<Path>) -> Result<History, HistoryError> {
        let mut history = History::open(folder)?;
        history.verify();
        Ok(history)
    }

    /// Opens the segments that a manifest names.
    pub(crate) fn of_manifest(folder: &Path, manifest: Manifest) -> History {
        let open = |file: &SegmentFile| Slot { file: file.clone(), segment: open(folder, &manifest, file) };
        let slots = manifest.segments.iter().map(open).collect();
        let (downloads, origins) = (OnceLock::new(), Mutex::default());
        History { folder: folder.to_owned(), manifest, slots, downloads, origins }
    }

    /// Verifies every byte of each segment, and forgets those that differ from what was written. Returns
    /// whether all are sound.
    pub fn verify(&mut self) -> bool {
        for slot in &mut self.slots {
            let Ok(segment) = &slot.segment else { continue };
            let id = SnapshotId::of(segment.snapshot());
            let found = if id.hash == slot.file.blake3 { Ok(()) } else { Err(id) };
            if let Err(error) = segment.verify() {
                slot.segment = Err(error.into());
            } else if let Err(id) = found {
                let path = self.folder.join(&slot.file.file);
                slot.segment = Err(HistoryError::manifest(&path, "the file that was written", id));
            }
        }
        (self.downloads, self.origins) = (OnceLock::new(), Mutex::default());
        self.slots.iter().all(|slot| slot.segment.is_ok())
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What it holds.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The segments that cannot be read.
    pub fn lost(&self) -> Vec<Lost> {
        let built_at = |number: u32| {
            self.manifest.builds.get(number as usize).map_or(Time::EARLIEST, |build| build.built_at)
        };
        let lost = |slot: &Slot| {
            let SegmentFile { file, first, last, .. } = &slot.file;
            let reason = slot.segment.as_ref().err()?.to_string();
            let built_at = (built_at(*first), built_at(*last));
            Some(Lost { file: file.clone(), built_at, builds: slot.file.len(), reason })
        };
        self.slots.iter().filter_map(lost).collect()
    }

    pub(crate) fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// The place of the segment that holds a build.
    fn slot_of(&self, build: u32) -> Option<usize> {
        let at = self.slots.partition_point(|slot| slot.file.last < build);
        (at < self.slots.len()).then_some(at)
    }

    /// A build; `None` if its segment is lost.
    pub(crate) fn build(&self, number: u32) -> Option<&Build> {
        self.slots.get(self.slot_of(number)?)?.segment()?.builds.get(number)
    }

    /// When the builds were made.
    pub(crate) fn built_at(&self) -> impl Iterator<Item = Time> {
        self.manifest.builds.iter().map(|build| build.built_at)
    }

    /// Whether there was a build of which nothing is known.
    pub(crate) fn is_lost(&self, number: u32) -> bool {
        self.slot_of(number).and_then(|at| self.slots.get(at)).is_some_and(|slot| slot.segment.is_err())
    }

    /// The last build; `None` if its segment is lost.
    pub(crate) fn last_build(&self) -> Option<&Build> {
        self.build(u32::try_from(self.manifest.builds.len().checked_sub(1)?).ok()?)
    }

    /// The segments that tell what was listed at a build, from the newest base on; `None` if one of them is
    /// lost.
    pub(crate) fn segments_of(&self, build: u32) -> Option<Range<usize>> {
        let end = self.slot_of(build)?;
        let begun = self.slots.get(..=end)?;
        let base = begun.iter().rposition(|slot| slot.file.is_base)?;
        let is_whole = begun.iter().skip(base).all(|slot| slot.segment.is_ok());
        is_whole.then_some(base..end + 1)
    }

    /// The segments that tell what was listed last; `None` if one of them is lost.
    pub(crate) fn newest_segments(&self) -> Option<&[Slot]> {
        let last = u32::try_from(self.manifest.builds.len().checked_sub(1)?).ok()?;
        self.slots.get(self.segments_of(last)?)
    }

    /// The feeds of a build as its snapshot had them; `None` if its segment is lost.
    pub(crate) fn origin(&self, build: u32) -> Option<Arc<Origin>> {
        let mut origins = self.origins.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(origin) = origins.get(&build) {
            return Some(Arc::clone(origin));
        }
        let segment = self.slots.get(self.slot_of(build)?)?.segment()?;
        let origin = Arc::new(segment.builds.origin(segment.builds_section(), build).ok()?);
        origins.insert(build, Arc::clone(&origin));
        Some(origin)
    }

    /// The downloads of all feeds.
    pub(crate) fn downloads(&self) -> &Downloads {
        self.downloads.get_or_init(|| {
            // Builds are numbered in 32 bits.
            let numbers = 0..self.manifest.builds.len() as u32;
            let feeds = |number| self.build(number).map_or(&[][..], |build| build.feeds.as_slice());
            downloads(self.manifest.feeds.len(), numbers.map(feeds))
        })
    }
}

/// Opens a segment, which must be the one that the manifest describes.
fn open(folder: &Path, manifest: &Manifest, file: &SegmentFile) -> Result<Segment, HistoryError> {
    let path = folder.join(&file.file);
    let segment = Segment::open(&path)?;
    let builds = &segment.builds;
    let described = manifest.builds.get(file.first as usize..=file.last as usize).unwrap_or(&[]);
    let is_same = builds.first == file.first
        && builds.is_base == file.is_base
        && segment.snapshot().byte_len() == file.bytes
        && builds.builds.iter().map(|build| &build.id).eq(described)
        && manifest.feeds.starts_with(&builds.feeds);
    match is_same {
        true => Ok(segment),
        false => Err(HistoryError::manifest(&path, "the segment that the manifest describes", "another")),
    }
}
