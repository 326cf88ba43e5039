//! One download in the folder of downloads: what it is, when it was retrieved, and its digest.
//!
//! The digest is that of the file as it was downloaded, so that an operator who accepts a held download by
//! its digest can check it with `sha256sum`. It is computed from the same open file that is parsed
//! afterwards: a downloader that renames a new file over it meanwhile changes neither.

use super::refusal::FileRefusal;
use crate::download::decode::{self, Limits, Text};
use rapsheet_snapshot::Time;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use std::fs::{self, File, Metadata};
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// The SHA-256 of a download.
pub(crate) type Digest = [u8; 32];

/// A download that exists and can be read.
pub(crate) struct Download {
    path: PathBuf,
    /// `None` for a folder.
    file: Option<File>,
    /// Of the file, or of all files of a folder with their names and lengths.
    pub(crate) digest: Digest,
    /// When it was retrieved, at most the instant of the build.
    pub(crate) update_time: Time,
    /// The time that its sidecar or the file system states, if that is in the future.
    pub(crate) in_future: Option<Time>,
    /// When its content last changed, if its sidecar states that and it is not after the retrieval.
    pub(crate) changed_at: Option<Time>,
    /// Whether its sidecar exists and cannot be read.
    pub(crate) has_bad_sidecar: bool,
}

impl Download {
    /// Opens the file or folder at a path, and reads it once for its digest.
    pub(crate) fn open(path: &Path, now: Time, limits: Limits) -> Result<Download, FileRefusal> {
        let about = fs::metadata(path).map_err(|error| decode::refusal(&error))?;
        let sidecar = Sidecar::of(path);
        let stated = sidecar.retrieved.map_or_else(|| modified(&about), Ok)?;
        let (update_time, in_future) = (stated.min(now), Some(stated).filter(|stated| *stated > now));
        let (file, digest) = if about.is_dir() {
            (None, digest_of_folder(path, limits)?)
        } else {
            let mut file = open_file(path, &about, limits)?;
            let digest = digest_of(&mut file).map_err(|error| decode::refusal(&error))?;
            file.rewind().map_err(|error| decode::refusal(&error))?;
            sidecar.check(about.len(), &digest)?;
            (Some(file), digest)
        };
        let changed_at = sidecar.changed.filter(|changed| *changed <= update_time);
        let (path, has_bad_sidecar) = (path.to_owned(), sidecar.is_bad);
        Ok(Download { path, file, digest, update_time, in_future, changed_at, has_bad_sidecar })
    }

    /// Its text.
    pub(crate) fn text(self, limits: Limits) -> Result<Text, FileRefusal> {
        match self.file {
            Some(file) => decode::open(file, limits),
            None => decode::open_path(&self.path, limits),
        }
    }
}

/// Opens a regular file. A pipe or a device could block for ever.
fn open_file(path: &Path, about: &Metadata, limits: Limits) -> Result<File, FileRefusal> {
    if !about.is_file() {
        return Err(FileRefusal::Unreadable("it is neither a regular file nor a folder".to_owned()));
    }
    if about.len() > limits.bytes {
        return Err(FileRefusal::TooLarge(limits.bytes));
    }
    File::open(path).map_err(|error| decode::refusal(&error))
}

fn digest_of(file: &mut File) -> io::Result<Digest> {
    let mut sum = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(sum.finalize().into()),
            count => sum.update(buffer.get(..count).unwrap_or(&[])),
        }
    }
}

fn digest_of_folder(path: &Path, limits: Limits) -> Result<Digest, FileRefusal> {
    let mut sum = Sha256::new();
    for (name, path) in decode::files_of(path)? {
        let about = fs::metadata(&path).map_err(|error| decode::refusal(&error))?;
        let mut file = open_file(&path, &about, limits)?;
        let digest = digest_of(&mut file).map_err(|error| decode::refusal(&error))?;
        sum.update((name.len() as u64).to_le_bytes());
        sum.update(name.as_bytes());
        sum.update(digest);
    }
    Ok(sum.finalize().into())
}

/// Reads a sidecar from a regular file. A pipe or a device could block for ever.
fn read_sidecar(path: &Path) -> io::Result<Vec<u8>> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    let mut text = Vec::new();
    File::open(path)?.take(SIDECAR_MAX).read_to_end(&mut text)?;
    Ok(text)
}

/// A digest in hexadecimal.
pub(crate) fn hex(digest: &Digest) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn modified(about: &Metadata) -> Result<Time, FileRefusal> {
    let modified = about.modified().map_err(|error| decode::refusal(&error))?;
    let seconds = modified.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    Ok(Time::from_unix(i64::try_from(seconds).unwrap_or(i64::MAX)))
}

/// What a downloader notes about a file beside it, in `<file>.meta.json`.
#[derive(Default)]
struct Sidecar {
    retrieved: Option<Time>,
    changed: Option<Time>,
    bytes: Option<u64>,
    sha256: Option<String>,
    /// It exists and cannot be read.
    is_bad: bool,
}

/// The longest sidecar that is read, in bytes. Some downloaders keep all response headers in it.
const SIDECAR_MAX: u64 = 1 << 20;

/// The fields of a sidecar that are read; it may have others.
#[derive(Deserialize)]
struct SidecarJson {
    fetched_at: Option<String>,
    changed_at: Option<String>,
    bytes: Option<u64>,
    sha256: Option<String>,
}

impl Sidecar {
    /// Reads the sidecar of the download at a path. Without one, nothing is stated and nothing is bad.
    fn of(path: &Path) -> Sidecar {
        let mut path = path.as_os_str().to_owned();
        path.push(".meta.json");
        let path = PathBuf::from(path);
        if fs::symlink_metadata(&path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            return Sidecar::default();
        }
        let read = read_sidecar(&path).ok().and_then(|text| serde_json::from_slice(&text).ok());
        let Some(SidecarJson { fetched_at, changed_at, bytes, sha256 }) = read else {
            return Sidecar { is_bad: true, ..Sidecar::default() };
        };
        let [retrieved, changed] =
            [&fetched_at, &changed_at].map(|time| time.as_deref().and_then(Time::parse_rfc3339));
        let is_bad = fetched_at.is_some() && retrieved.is_none() || changed_at.is_some() && changed.is_none();
        Sidecar { retrieved, changed, bytes, sha256, is_bad }
    }

    /// A file with another length or digest than its sidecar states is a broken transfer.
    fn check(&self, length: u64, digest: &Digest) -> Result<(), FileRefusal> {
        if let Some(bytes) = self.bytes.filter(|bytes| *bytes != length) {
            return Err(FileRefusal::Truncated(format!(
                "{length} bytes instead of the {bytes} in its sidecar"
            )));
        }
        let differs = |stated: &&String| !stated.eq_ignore_ascii_case(&hex(digest));
        match self.sha256.as_ref().filter(differs) {
            Some(_) => Err(FileRefusal::Truncated("its SHA-256 is not the one in its sidecar".to_owned())),
            None => Ok(()),
        }
    }
}
