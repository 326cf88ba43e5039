//! Fewer, larger segments: builds become weeks, and weeks a year.
//!
//! A look-up asks every segment since the newest base, so that there are few. Seven builds become a week;
//! once there are five weeks, four of them join the year before. A file goes only after a manifest that does
//! not name it is placed, and readers that have it mapped go on.

use crate::error::HistoryError;
use crate::history::{History, Slot};
use crate::lock::Lock;
use crate::manifest::{MANIFEST, Manifest, SegmentFile};
use crate::prior::unwalkable;
use crate::segment::Segment;
use crate::version::KeyHistory;
use crate::writer::{KeyWriter, SegmentWriter};
use rapsheet_assemble::{Ipv4Keys, Ipv6Keys, NameKeys, PartKeys, Row, Scratch, UrlKeys};
use rapsheet_snapshot::Index;
use std::fs;
use std::ops::Range;
use std::path::Path;

/// How many builds a week has.
const WEEK: u32 = 7;
/// As many builds are no week any more.
const YEAR_MIN: u32 = 28;
/// How many builds a year has at most.
const YEAR_MAX: u32 = 366;
/// How many weeks join a year, and how many there are then.
const WEEKS_JOINED: usize = 4;
const WEEKS_MAX: usize = 5;

/// Segments that became one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Compacted {
    /// The files that are gone.
    pub from: Vec<SegmentFile>,
    /// The new one.
    pub to: SegmentFile,
}

/// Makes fewer segments of the history in a folder, if there are many. The answers stay the same.
///
/// # Errors
/// A segment is damaged, or something cannot be read or written. Then the history is as it was, or as it
/// became by the steps before.
pub fn compact(folder: &Path, scratch: &Scratch) -> Result<Vec<Compacted>, HistoryError> {
    let _lock = Lock::take(folder)?;
    let mut manifest = Manifest::read(folder)?.ok_or_else(|| HistoryError::Missing(folder.to_owned()))?;
    remove_strays(folder, &manifest);
    let (mut done, mut skipped) = (Vec::new(), Vec::new());
    loop {
        let history = History::of_manifest(folder, manifest.clone());
        let Some(group) = group_to_join(history.slots(), &skipped) else { return Ok(done) };
        match join(folder, &history, group.clone(), &manifest, scratch) {
            Ok(to) => {
                let from: Vec<SegmentFile> = manifest.segments.splice(group, [to.clone()]).collect();
                manifest.write(folder)?;
                // What cannot be removed now is removed by the next one.
                from.iter().for_each(|segment| _ = fs::remove_file(folder.join(&segment.file)));
                done.push(Compacted { from, to });
            }
            // What one segment cannot number stays in two.
            Err(HistoryError::TooLarge(_)) => skipped.extend(manifest.segments.get(group.start).cloned()),
            Err(error) => return Err(error),
        }
    }
}

/// Removes files that writers left which were killed. The lock is held.
pub(crate) fn remove_strays(folder: &Path, manifest: &Manifest) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        let is_segment = name.ends_with(".raph") && KINDS.iter().any(|kind| name.starts_with(kind));
        let is_stray = is_segment && !manifest.segments.iter().any(|segment| segment.file == name);
        let is_temporary = name.starts_with('.')
            && (name.contains(".raph.tmp-") || name.starts_with(&format!(".{MANIFEST}.tmp-")));
        if is_stray || is_temporary {
            // A file that cannot be removed does no harm.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// What the names of segments begin with.
const KINDS: [&str; 3] = ["night-", "week-", "year-"];

/// The size of a segment: 0 for builds, 1 for weeks, 2 for years.
fn size(slot: &Slot) -> u8 {
    match slot.file().len() {
        ..WEEK => 0,
        WEEK..YEAR_MIN => 1,
        _ => 2,
    }
}

/// The segments that should be one, if there are any. A base begins a group, and one that is lost ends it.
fn group_to_join(slots: &[Slot], skipped: &[SegmentFile]) -> Option<Range<usize>> {
    let mut start = 0;
    while start < slots.len() {
        let alike = |slot: &Slot| slots.get(start).is_some_and(|first| size(first) == size(slot));
        let continues = |slot: &&Slot| alike(slot) && slot.segment().is_some() && !slot.file().is_base;
        let followers = slots.iter().skip(start + 1).take_while(continues).count();
        let is_sound = slots.get(start).is_some_and(|slot| slot.segment().is_some());
        let end = start + 1 + followers;
        if is_sound && let Some(group) = group_among(slots, start..end, skipped) {
            return Some(group);
        }
        start = end;
    }
    None
}

/// The first segments of several of one size that should be one. Those that nothing of their size will follow
/// any more are joined although they are few.
fn group_among(slots: &[Slot], alike: Range<usize>, skipped: &[SegmentFile]) -> Option<Range<usize>> {
    let first = slots.get(alike.start)?;
    let is_skipped = |at: usize| slots.get(at).is_some_and(|slot| skipped.contains(slot.file()));
    if is_skipped(alike.start) {
        return None;
    }
    match size(first) {
        0 => {
            let (mut builds, mut end) = (0, alike.start);
            while builds < WEEK && end < alike.end {
                builds += slots.get(end).map_or(0, |slot| slot.file().len());
                end += 1;
            }
            let is_closed = alike.end < slots.len();
            (end - alike.start > 1 && (builds >= WEEK || is_closed)).then_some(alike.start..end)
        }
        1 if alike.len() >= WEEKS_MAX => {
            let end = alike.start + WEEKS_JOINED;
            let year = alike.start.checked_sub(1).filter(|year| {
                let joins = !first.file().is_base && !is_skipped(*year);
                let builds = |slots: &[Slot]| slots.iter().map(|slot| slot.file().len()).sum::<u32>();
                let is_year =
                    slots.get(*year).is_some_and(|slot| size(slot) == 2 && slot.segment().is_some());
                joins && is_year && slots.get(*year..end).is_some_and(|joined| builds(joined) <= YEAR_MAX)
            });
            Some(year.unwrap_or(alike.start)..end)
        }
        _ => None,
    }
}

/// Writes one segment in place of several.
fn join(
    folder: &Path,
    history: &History,
    group: Range<usize>,
    manifest: &Manifest,
    scratch: &Scratch,
) -> Result<SegmentFile, HistoryError> {
    let slots = history.slots().get(group).unwrap_or(&[]);
    let segments: Vec<&Segment> = slots.iter().filter_map(Slot::segment).collect();
    segments.iter().try_for_each(|segment| segment.verify())?;
    let (Some(first), Some(last)) = (segments.first(), segments.last()) else {
        return Err(HistoryError::Missing(folder.to_owned()));
    };
    let builds = (first.builds.first, last.builds.last());
    let mut writer = SegmentWriter::new(scratch, builds, first.builds.is_base, manifest);
    let joined = Joined { segments: segments.iter().map(|segment| (*segment, segment.index())).collect() };
    joined.part::<Ipv4Keys>(&mut writer, builds.1)?;
    joined.part::<Ipv6Keys>(&mut writer, builds.1)?;
    joined.part::<NameKeys>(&mut writer, builds.1)?;
    joined.part::<UrlKeys>(&mut writer, builds.1)?;
    let mut described = Vec::new();
    for segment in &segments {
        for (number, build) in (segment.builds.first..).zip(&segment.builds.builds) {
            let origin = segment.builds.origin_bytes(segment.builds_section(), number);
            let origin = origin.map_err(|source| {
                HistoryError::io(segment.snapshot().path(), "reading an origin of", source)
            })?;
            described.push((build.clone(), origin));
        }
    }
    let kind = if builds.1 - builds.0 + 1 < YEAR_MIN { "week" } else { "year" };
    let name = format!("{kind}-{:06}-{:06}.raph", builds.0, builds.1);
    writer.finish(folder, &name, manifest, &described)
}

/// Segments one after another, each with its index.
struct Joined<'a> {
    segments: Vec<(&'a Segment, Index<'a>)>,
}

impl Joined<'_> {
    /// Adds the keys of one part. The keys of each segment are visited, but for those that an older one has,
    /// which were visited there.
    fn part<K: PartKeys>(&self, writer: &mut SegmentWriter<'_>, last: u32) -> Result<(), HistoryError> {
        let mut found = Vec::new();
        for (at, (segment, index)) in self.segments.iter().enumerate() {
            let (mut keys, mut result) = (KeyWriter::new(writer.scratch()), Ok(()));
            let is_whole = K::walk(index, |key, rows| {
                let mut older = self.segments.iter().take(at);
                if result.is_err() || older.any(|(segment, index)| segment.has::<K>(index, key, &mut found)) {
                    return;
                }
                if let Some(mut history) = self.history_of::<K>(at, key, rows, last) {
                    result = keys.push::<K>(writer.rows(), key, &mut history);
                }
            });
            result?;
            if !is_whole {
                return Err(unwalkable::<K>(segment.snapshot()).into());
            }
            writer.add(keys)?;
        }
        Ok(())
    }

    /// What became of a key, which this segment is the first to have.
    fn history_of<K: PartKeys>(
        &self,
        at: usize,
        key: &K::Key,
        rows: &[Row],
        last: u32,
    ) -> Option<KeyHistory> {
        let (first, _) = self.segments.get(at)?;
        let (mut all, mut end) = (first.history_of(rows)?, first.builds.last());
        let mut found = Vec::new();
        for (segment, index) in self.segments.iter().skip(at + 1) {
            K::rows_of(index, key, &mut found);
            if let Some(later) = segment.history_of(&found) {
                all.append(&later, end);
                end = segment.builds.last();
            }
        }
        all.extend(end, last);
        Some(all)
    }
}
