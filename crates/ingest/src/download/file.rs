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
use std::time::{SystemTime, UNIX_EPOCH};

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
    /// What is wrong with its sidecar, if it has one that cannot be used.
    pub(crate) sidecar_error: Option<String>,
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
        let (path, sidecar_error) = (path.to_owned(), sidecar.error);
        Ok(Download { path, file, digest, update_time, in_future, changed_at, sidecar_error })
    }

    /// Its text.
    pub(crate) fn text(self, limits: Limits) -> Result<Text, FileRefusal> {
        match self.file {
            Some(file) => decode::open(file, limits),
            None => decode::open_path(&self.path, limits),
        }
    }
}

/// What tells whether a download was written to while it was read.
#[derive(PartialEq, Eq)]
pub(crate) struct Version {
    is_folder: bool,
    files: Vec<FileVersion>,
}

#[derive(PartialEq, Eq)]
struct FileVersion {
    path: PathBuf,
    inode: u64,
    length: u64,
    modified: Option<SystemTime>,
}

impl Version {
    /// The version of the download at a path. One that is missing or unreadable has no files.
    pub(crate) fn of(path: &Path) -> Version {
        let is_folder = path.is_dir();
        let files = match is_folder {
            true => decode::files_of(path).unwrap_or_default(),
            false => vec![(String::new(), path.to_owned())],
        };
        let files = files.into_iter().filter_map(|(_, path)| FileVersion::of(path)).collect();
        Version { is_folder, files }
    }

    /// Whether the download that had this version before it was read may have been read in two states. A file
    /// that was renamed over it meanwhile changes nothing: the old one stays open.
    pub(crate) fn is_overwritten(&self, after: &Version) -> bool {
        let inodes = |version: &Version| version.files.iter().map(|file| file.inode).collect::<Vec<_>>();
        self != after && (self.is_folder || inodes(self) == inodes(after))
    }
}

impl FileVersion {
    fn of(path: PathBuf) -> Option<FileVersion> {
        let about = fs::metadata(&path).ok()?;
        let modified = about.modified().ok();
        Some(FileVersion { path, inode: inode(&about), length: about.len(), modified })
    }
}

#[cfg(unix)]
fn inode(about: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(about)
}

#[cfg(not(unix))]
fn inode(_: &Metadata) -> u64 {
    0
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
        return Err(io::Error::other("it is not a regular file"));
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
    /// Why it cannot be used.
    error: Option<String>,
}

/// The longest sidecar that is read, in bytes. Some downloaders keep all response headers in it.
const SIDECAR_MAX: u64 = 1 << 20;

/// The fields of a sidecar that are read; it may have others.
#[derive(Deserialize)]
#[serde(expecting = "an object with fetched_at, bytes, sha256")]
struct SidecarJson {
    fetched_at: Option<String>,
    changed_at: Option<String>,
    bytes: Option<u64>,
    sha256: Option<String>,
}

impl Sidecar {
    /// Reads the sidecar of the download at a path. Without one, nothing is stated and nothing is wrong.
    fn of(path: &Path) -> Sidecar {
        let mut path = path.as_os_str().to_owned();
        path.push(".meta.json");
        let path = PathBuf::from(path);
        if fs::symlink_metadata(&path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            return Sidecar::default();
        }
        let failed = |error: String| Sidecar { error: Some(error), ..Sidecar::default() };
        match read_sidecar(&path).map(|text| Sidecar::parse(&text)) {
            Ok(Ok(sidecar)) => sidecar,
            Ok(Err(error)) => failed(error.to_string()),
            Err(error) => failed(error.to_string()),
        }
    }

    fn parse(text: &[u8]) -> Result<Sidecar, serde_json::Error> {
        let SidecarJson { fetched_at, changed_at, bytes, sha256 } = serde_json::from_slice(text)?;
        let mut error = None;
        let [retrieved, changed] =
            [("fetched_at", fetched_at), ("changed_at", changed_at)].map(|(key, text)| {
                let text = text?;
                let time = Time::parse_rfc3339(&text);
                if time.is_none() {
                    let found = text.escape_debug();
                    error = Some(format!("{key} is `{found}`, expected a time such as 2026-08-23T03:00:00Z"));
                }
                time
            });
        Ok(Sidecar { retrieved, changed, bytes, sha256, error })
    }

    /// A file with another length or digest than its sidecar states is a broken transfer, or another file.
    fn check(&self, length: u64, digest: &Digest) -> Result<(), FileRefusal> {
        let other = |how| Err(FileRefusal::OtherThanSidecar(how));
        if let Some(stated) = self.bytes.filter(|stated| *stated != length) {
            return other(format!("it has {length} bytes, and the sidecar states {stated}"));
        }
        let differs = |stated: &&String| !stated.eq_ignore_ascii_case(&hex(digest));
        match self.sha256.as_ref().filter(differs) {
            Some(stated) => other(format!(
                "its SHA-256 is {}, and the sidecar states {}",
                hex(digest),
                stated.escape_debug()
            )),
            None => Ok(()),
        }
    }
}
