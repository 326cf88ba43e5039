//! Getting one file of a publication: resumed where an earlier try ended, and never longer than was signed.
//!
//! What has come so far stands in `.<snapshot>.part-<digest>` beside the snapshot. The name has the digest of
//! the whole file, so that parts of two files are never put together.

use super::Pull;
use crate::manifest::{Digest, MANIFEST, PublishedFile, PublishedSnapshot, SIGNATURE_MAX};
use crate::origin::{Opened, Unavailable, Wish};
use crate::pull_error::{Cause, PullError};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// How much is read at a time.
const READ_LEN: usize = 64 << 10;

/// A file that is here and is the one that was signed. It is removed when this is dropped.
pub(super) struct Arrived {
    pub(super) path: PathBuf,
}

impl Drop for Arrived {
    fn drop(&mut self) {
        // One that cannot be removed is overwritten or removed by the next pull.
        let _ = fs::remove_file(&self.path);
    }
}

/// What came of a small file.
pub(super) enum Small {
    Unchanged,
    Bytes(Vec<u8>, Option<String>),
}

/// A small file as a whole.
pub(super) fn small(
    pull: &Pull<'_>,
    path: &str,
    most: u64,
    unless: Option<&str>,
) -> Result<Small, Unavailable> {
    let (reader, validator) = match pull.origin.open(path, &Wish { from: 0, unless })? {
        Opened::Unchanged if unless.is_some() => return Ok(Small::Unchanged),
        Opened::Unchanged => return Err(Unavailable::unasked(pull.origin, path)),
        Opened::Bytes { reader, validator, .. } => (reader, validator),
    };
    let mut bytes = Vec::new();
    let read = reader.take(most + 1).read_to_end(&mut bytes);
    read.map_err(|error| broken_off(pull, path, &error))?;
    pull.count(bytes.len() as u64);
    if bytes.len() as u64 > most {
        let text = format!("{}/{path}: expected at most {most} bytes, found more", pull.origin.name());
        return Err(Unavailable::new(text, false));
    }
    Ok(Small::Bytes(bytes, validator))
}

/// A signature.
pub(super) fn signature(pull: &Pull<'_>, path: &str) -> Result<Vec<u8>, Unavailable> {
    match small(pull, path, SIGNATURE_MAX, None)? {
        Small::Bytes(bytes, _) => Ok(bytes),
        Small::Unchanged => Err(Unavailable::unasked(pull.origin, path)),
    }
}

/// A file that the manifest names.
pub(super) fn file(pull: &Pull<'_>, named: &PublishedFile) -> Result<Arrived, PullError> {
    check_length(pull, named)?;
    (pull.begins)(&format!("getting {} bytes", named.bytes));
    let path = part_path(pull.snapshot, &named.blake3);
    let mut part = Part::open(&path, named)?;
    let is_resumed = part.bytes > 0;
    let gets = |part: &mut Part| pull.try_often(|| part.go_on(pull, named)).map_err(PullError::from);
    let mut got = gets(&mut part);
    // A power cut may have damaged what an earlier pull got.
    if got.is_ok() && is_resumed && !part.is_whole() {
        got = part.begin_anew().map_err(|error| PullError::local(&error)).and_then(|()| gets(&mut part));
    }
    // What has come stays for the next pull, unless it is what takes the room.
    let arrived = match got {
        Err(error) if error.cause != Cause::Local => return Err(error),
        _ => Arrived { path },
    };
    got?;
    if part.is_whole() { Ok(arrived) } else { Err(damaged(pull, named)) }
}

fn damaged(pull: &Pull<'_>, named: &PublishedFile) -> PullError {
    let text = format!(
        "{}/{}: expected {} bytes with BLAKE3 {}, found others",
        pull.origin.name(),
        named.path,
        named.bytes,
        named.blake3
    );
    PullError::new(Cause::Damaged, text)
}

/// What leads to a snapshot is no longer than the largest one that is accepted.
fn check_length(pull: &Pull<'_>, named: &PublishedFile) -> Result<(), PullError> {
    within(pull.limits.snapshot_len, named.bytes, &named.path)
}

/// The snapshot is no longer than what is accepted.
pub(super) fn check_snapshot(pull: &Pull<'_>, snapshot: &PublishedSnapshot) -> Result<(), PullError> {
    within(pull.limits.snapshot_len, snapshot.bytes, "a snapshot")
}

fn within(most: u64, bytes: u64, what: &str) -> Result<(), PullError> {
    if bytes <= most {
        return Ok(());
    }
    let text =
        format!("{MANIFEST}: expected at most {most} bytes, found {what} of {bytes} bytes; see --max-bytes");
    Err(PullError::new(Cause::Manifest, text))
}

/// Removes what has come of files that no longer matter.
pub(super) fn remove_stale_parts(snapshot: &Path, keep: &[&PublishedFile]) {
    let kept: Vec<PathBuf> = keep.iter().map(|named| part_path(snapshot, &named.blake3)).collect();
    remove_starting_with(snapshot, &part_start(snapshot), |path| !kept.iter().any(|kept| kept == path));
}

/// Removes files beside the snapshot whose names begin so. One that cannot be removed does no harm.
pub(super) fn remove_starting_with(snapshot: &Path, start: &str, is_unneeded: impl Fn(&Path) -> bool) {
    let folder = snapshot.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        if name.to_string_lossy().starts_with(start) && is_unneeded(&snapshot.with_file_name(name)) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn part_start(snapshot: &Path) -> String {
    format!(".{}.part-", snapshot.file_name().unwrap_or_default().to_string_lossy())
}

fn part_path(snapshot: &Path, digest: &Digest) -> PathBuf {
    snapshot.with_file_name(format!("{}{}", part_start(snapshot), digest))
}

fn broken_off(pull: &Pull<'_>, path: &str, error: &io::Error) -> Unavailable {
    Unavailable::new(format!("{}/{path}: broke off: {error}", pull.origin.name()), true)
}

/// What has come of a file.
struct Part {
    file: File,
    bytes: u64,
    hasher: blake3::Hasher,
    expected: Digest,
    expected_bytes: u64,
}

impl Part {
    /// Goes on with what an earlier pull got, which is hashed again.
    fn open(path: &Path, named: &PublishedFile) -> Result<Part, PullError> {
        let fail = |error: io::Error| PullError::new(Cause::Local, format!("{}: {error}", path.display()));
        // Nothing but a file of ours is written to: a link at this name is not followed.
        if fs::symlink_metadata(path).is_ok_and(|about| !about.is_file()) {
            fs::remove_file(path).map_err(fail)?;
        }
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(path).map_err(fail)?;
        let mut part = Part {
            bytes: 0,
            hasher: blake3::Hasher::new(),
            expected: named.blake3,
            expected_bytes: named.bytes,
            file: file.try_clone().map_err(fail)?,
        };
        let mut buffer = vec![0; READ_LEN];
        loop {
            let count = file.read(&mut buffer).map_err(fail)?;
            if count == 0 || part.bytes + count as u64 > named.bytes {
                break;
            }
            part.hasher.update(buffer.get(..count).unwrap_or_default());
            part.bytes += count as u64;
        }
        // What is too much, or was not read, is none of it.
        if part.bytes == named.bytes && !part.is_whole() {
            part.begin_anew().map_err(fail)?;
        }
        part.file.set_len(part.bytes).map_err(fail)?;
        Ok(part)
    }

    fn is_whole(&self) -> bool {
        self.bytes == self.expected_bytes && Digest(*self.hasher.finalize().as_bytes()) == self.expected
    }

    fn begin_anew(&mut self) -> io::Result<()> {
        self.hasher.reset();
        self.bytes = 0;
        self.file.set_len(0)
    }

    /// Gets the rest, or all of it from an origin that does not begin in the middle.
    fn go_on(&mut self, pull: &Pull<'_>, named: &PublishedFile) -> Result<(), Unavailable> {
        if self.bytes == self.expected_bytes {
            return Ok(());
        }
        let wish = Wish { from: self.bytes, unless: None };
        let Opened::Bytes { mut reader, from, .. } = pull.origin.open(&named.path, &wish)? else {
            return Err(Unavailable::unasked(pull.origin, &named.path));
        };
        let local =
            |error: io::Error| Unavailable::local(format!("writing what came of {}: {error}", named.path));
        if from != self.bytes {
            self.begin_anew().map_err(local)?;
            // It begins later than it was asked to.
            if from != 0 {
                let text =
                    format!("{}/{}: expected byte 0, found byte {from}", pull.origin.name(), named.path);
                return Err(Unavailable::new(text, true));
            }
        }
        self.file.seek(SeekFrom::Start(self.bytes)).map_err(local)?;
        let mut buffer = vec![0; READ_LEN];
        while self.bytes < self.expected_bytes {
            if !(pull.goes_on)() {
                return Err(Unavailable::ended());
            }
            let room = (self.expected_bytes - self.bytes).min(READ_LEN as u64) as usize;
            let into = buffer.get_mut(..room).unwrap_or_default();
            let count = reader.read(into).map_err(|error| broken_off(pull, &named.path, &error))?;
            if count == 0 {
                let text = format!(
                    "{}/{}: expected {} bytes, found {}",
                    pull.origin.name(),
                    named.path,
                    self.expected_bytes,
                    self.bytes
                );
                return Err(Unavailable::new(text, true));
            }
            let bytes = buffer.get(..count).unwrap_or_default();
            self.file.write_all(bytes).map_err(local)?;
            self.hasher.update(bytes);
            self.bytes += count as u64;
            pull.count(count as u64);
        }
        Ok(())
    }
}
