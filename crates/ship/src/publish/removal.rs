//! Removing files of old publications: by age, and down to a cap on bytes.
//!
//! Whatever the newest manifest names stays. So does what a manifest names that was replaced within the last
//! day, because a reader may have got it before, or a cache may still have it.

use super::catalog::{Publication, Publications};
use super::error::PublishError;
use super::{FOLDERS, KEPT_SECONDS, Publish};
use crate::manifest::Manifest;
use rapsheet_snapshot::Time;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// How long files stay for the sake of readers, in seconds.
const GRACE_SECONDS: i64 = 86_400;

/// What was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// How many files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Removes what is not needed any more, from the list of publications and from the folder.
pub(super) fn remove_old(
    publish: &Publish<'_>,
    publications: &mut Publications,
    manifest: &Manifest,
) -> Result<Removed, PublishError> {
    let first = first_kept(publish, publications, manifest);
    publications.rows.drain(..first);
    publications.rows.iter_mut().for_each(|row| drop_signatures(row, publish.now));
    publications.write(publish.folder)?;
    let kept = kept(publications, 0, manifest);
    let mut removed = Removed::default();
    for part in FOLDERS {
        remove_others(publish.folder, part, &kept, &mut removed)?;
    }
    Ok(removed)
}

/// Drops the signatures of manifests that were replaced more than a day ago.
fn drop_signatures(row: &mut Publication, now: Time) {
    let latest = row.signatures.pop();
    row.signatures.retain(|signature| signature.age(now) < GRACE_SECONDS);
    row.signatures.extend(latest);
}

/// The first publication that stays.
fn first_kept(publish: &Publish<'_>, publications: &Publications, manifest: &Manifest) -> usize {
    let rows = &publications.rows;
    let newest = rows.len().saturating_sub(1);
    let mut first = rows.iter().position(|row| row.age(publish.now) < KEPT_SECONDS).unwrap_or(newest);
    let Some(bytes_max) = publish.bytes_max else { return first };
    let may_go = |first: usize| rows.get(first).is_some_and(|row| row.age(publish.now) >= GRACE_SECONDS);
    let bytes = |first: usize| kept(publications, first, manifest).values().sum::<u64>();
    while first < newest && may_go(first) && bytes(first) > bytes_max {
        first += 1;
    }
    first
}

/// The files of the publications from one on, and of the manifest, with their bytes.
fn kept<'k>(publications: &'k Publications, first: usize, manifest: &'k Manifest) -> BTreeMap<&'k str, u64> {
    let rows = publications.rows.get(first..).unwrap_or_default();
    let of_manifest = manifest.files().map(|file| (file.path.as_str(), file.bytes));
    rows.iter().flat_map(|row| row.files()).chain(of_manifest).collect()
}

/// Removes what killed publications left in a folder. No other process may be publishing there.
pub(super) fn remove_unfinished(folder: &Path) -> Result<(), PublishError> {
    let is_unfinished = |name: &str| name.starts_with('.') && name.contains(".tmp-");
    remove(folder, is_unfinished, &mut Removed::default())
}

/// Removes the files of a folder that are none of those, and that a publication made.
fn remove_others(
    folder: &Path,
    part: &str,
    kept: &BTreeMap<&str, u64>,
    removed: &mut Removed,
) -> Result<(), PublishError> {
    let is_ours = |name: &str| [".rapz", ".rapd", ".minisig"].iter().any(|suffix| name.ends_with(suffix));
    let is_old = |name: &str| is_ours(name) && !kept.contains_key(format!("{part}/{name}").as_str());
    remove(&folder.join(part), is_old, removed)
}

fn remove(
    folder: &Path,
    is_unneeded: impl Fn(&str) -> bool,
    removed: &mut Removed,
) -> Result<(), PublishError> {
    let fail = PublishError::io(folder);
    for entry in fs::read_dir(folder).map_err(&fail)? {
        let entry = entry.map_err(&fail)?;
        if is_unneeded(&entry.file_name().to_string_lossy()) {
            removed.bytes += entry.metadata().map_err(&fail)?.len();
            removed.files += 1;
            fs::remove_file(entry.path()).map_err(&fail)?;
        }
    }
    Ok(())
}
