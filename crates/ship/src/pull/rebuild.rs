//! From files to a snapshot that is proved, and into its place.

use super::{Accepted, Pull, download};
use crate::error::ShipError;
use crate::limits::Limits;
use crate::manifest::{Digest, Manifest, PublishedDelta, PublishedFile, PublishedSnapshot};
use crate::pull_error::{Cause, PullError};
use crate::{delta, slim};
use rapsheet_assemble::SnapshotId;
use rapsheet_snapshot::{AtomicFile, Error, ReferenceCheck, Snapshot};
use rayon::ThreadPool;
use std::fs::File;
use std::io;
use std::path::Path;

/// A snapshot that is proved and synced, and not in its place yet.
pub(super) struct New(AtomicFile);

impl New {
    /// Renames it over the old one. What was accepted is noted first: a crash in between leaves the old
    /// snapshot, and a host that takes nothing older than the new one.
    pub(super) fn place(self, pull: &Pull<'_>, accepted: &Accepted) -> Result<(), PullError> {
        accepted.write(pull.snapshot, pull.channel)?;
        self.0.publish().map_err(|error| PullError::local(&error))
    }
}

/// The largest snapshot that a delta is made into within so much memory: 1.2 times its length.
pub(super) fn snapshot_len_max(memory_max: u64) -> u64 {
    memory_max / 12 * 10
}

/// The digest of the file at a path; `None` where there is none.
pub(super) fn digest_at(path: &Path) -> Result<Option<Digest>, PullError> {
    let fail = |error: io::Error| PullError::new(Cause::Local, format!("{}: {error}", path.display()));
    match std::fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(fail(error)),
        Ok(about) if !about.is_file() => Err(fail(io::Error::other("no regular file"))),
        Ok(_) => File::open(path).and_then(|file| Digest::of_file(&file)).map(Some).map_err(fail),
    }
}

/// One delta after another. What is made in between goes when the next one is made.
pub(super) fn by_deltas(
    pull: &Pull<'_>,
    manifest: &Manifest,
    deltas: &[&PublishedDelta],
) -> Result<New, PullError> {
    let Some((last, first)) = deltas.split_last() else {
        return Err(PullError::new(Cause::Manifest, "a way of no deltas"));
    };
    let pool = pool(pull)?;
    let mut from = pull.snapshot.to_owned();
    let mut between = None;
    for (step, delta) in first.iter().enumerate() {
        let target = pull.snapshot.with_file_name(step_name(pull.snapshot, step));
        let (made, _) = by_delta((pull, &pool), &from, delta, &target)?;
        from = made.temporary_path().to_owned();
        between = Some(made);
    }
    let new = by_delta((pull, &pool), &from, last, pull.snapshot)?;
    drop(between);
    pool.install(|| proved(new, &manifest.snapshot))
}

/// The threads that a pull may have.
fn pool(pull: &Pull<'_>) -> Result<ThreadPool, PullError> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(pull.threads).build();
    pool.map_err(|error| PullError::local(&error))
}

fn step_name(snapshot: &Path, step: usize) -> String {
    format!("{}.step-{step}", snapshot.file_name().unwrap_or_default().to_string_lossy())
}

/// Removes what killed pulls made between two deltas.
pub(super) fn remove_steps(snapshot: &Path) {
    let name = snapshot.file_name().unwrap_or_default().to_string_lossy();
    download::remove_starting_with(snapshot, &format!(".{name}.step-"), |_| true);
}

/// One delta: what it makes of the snapshot at `from`.
fn by_delta(
    (pull, pool): (&Pull<'_>, &ThreadPool),
    from: &Path,
    delta: &PublishedDelta,
    target: &Path,
) -> Result<(AtomicFile, SnapshotId), PullError> {
    let arrived = download::file(pull, &delta.file)?;
    (pull.begins)("applying what changed");
    let refused = |error: ShipError| refusal(&delta.file, &error);
    let old = Snapshot::open(from).map_err(|error| refused(error.into()))?;
    let bytes = std::fs::read(&arrived.path).map_err(|error| PullError::local(&error))?;
    let limits = limits(pull, delta.to_bytes);
    let (new, id) = pool.install(|| delta::apply_to(&old, &bytes, &limits, target)).map_err(refused)?;
    match Digest(id.hash) == delta.to {
        true => Ok((new, id)),
        false => Err(unsound(&delta.file.path, &delta.to, &id)),
    }
}

/// What a file may give: no more than the manifest says, and no more than this host takes.
fn limits(pull: &Pull<'_>, stated: u64) -> Limits {
    Limits::new(stated.min(pull.limits.snapshot_len))
}

/// The whole file.
pub(super) fn whole(pull: &Pull<'_>, manifest: &Manifest) -> Result<New, PullError> {
    let arrived = download::file(pull, &manifest.full)?;
    let mut file = File::open(&arrived.path).map_err(|error| PullError::local(&error))?;
    (pull.begins)("unpacking the whole");
    let limits = limits(pull, manifest.snapshot.bytes);
    let new =
        slim::apply(&mut file, pull.snapshot, &limits).map_err(|error| refusal(&manifest.full, &error))?;
    pool(pull)?.install(|| proved(new, &manifest.snapshot))
}

/// A file that could not be applied: through its own fault, or through this host's.
fn refusal(file: &PublishedFile, error: &ShipError) -> PullError {
    let cause = match error {
        ShipError::Io { .. } | ShipError::Snapshot(Error::Io { .. }) => Cause::Local,
        _ => Cause::Damaged,
    };
    PullError::new(cause, format!("{}: {error}", file.path))
}

/// Proves that a file whose bytes were written as `id` is the snapshot that was signed, then all that a reader relies
/// on: opening it reads its bytes again and compares their checksums.
fn proved((new, id): (AtomicFile, SnapshotId), expected: &PublishedSnapshot) -> Result<New, PullError> {
    if Digest(id.hash) != expected.blake3 {
        return Err(unsound("the rebuilt snapshot", &expected.blake3, &id));
    }
    if id.byte_len != expected.bytes {
        let text = format!("the rebuilt snapshot: expected {} bytes, found {}", expected.bytes, id.byte_len);
        return Err(PullError::new(Cause::Unsound, text));
    }
    let snapshot = Snapshot::open(new.temporary_path());
    let verified = snapshot.and_then(|snapshot| passed(&snapshot.reference_checks()));
    verified.map_err(|error| PullError::new(Cause::Unsound, error.to_string()))?;
    new.sync().map_err(|error| PullError::local(&error))?;
    Ok(New(new))
}

/// Whether all checks pass, which the threads share: as halves, which takes less code than an iterator of rayon, and small
/// hosts have this.
fn passed(checks: &[ReferenceCheck<'_>]) -> Result<(), Error> {
    match checks {
        [] => Ok(()),
        [check] => check.run(),
        _ => {
            let (first, second) = checks.split_at(checks.len() / 2);
            let (first, second) = rayon::join(|| passed(first), || passed(second));
            first.and(second)
        }
    }
}

fn unsound(what: &str, expected: &Digest, found: &SnapshotId) -> PullError {
    PullError::new(
        Cause::Unsound,
        format!("{what}: expected BLAKE3 {expected}, found {}", Digest(found.hash)),
    )
}
