//! What a host keeps of the publications that it accepted: a small file beside the snapshot, with a row for
//! each channel.
//!
//! The highest generation is what an attacker who offers an old publication has to get past, so it is written
//! before the snapshot is put in place. Where the file is lost, the next pull accepts what is signed and not
//! expired, and says so.

use crate::manifest::{Digest, Manifest};
use crate::pull_error::{Cause, PullError};
use rapsheet_snapshot::AtomicFile;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// What was accepted last of a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// The highest generation that was ever accepted.
    pub generation: u64,
    /// The manifest of that generation: two manifests of one generation are not to be.
    pub manifest: Digest,
    /// The snapshot of it.
    pub snapshot: Digest,
    /// When it was published, and until when it holds.
    pub published_at: String,
    /// Until when it holds.
    pub expires: String,
    /// What the origin calls that state of the manifest, to ask whether there is another one.
    #[serde(default)]
    pub validator: Option<String>,
}

impl Accepted {
    /// The file of a snapshot.
    pub fn path(snapshot: &Path) -> PathBuf {
        let mut path = snapshot.as_os_str().to_owned();
        path.push(".pulled");
        PathBuf::from(path)
    }

    /// Reads what stands for a channel; `None` where it is the first time.
    ///
    /// # Errors
    /// There is a file that cannot be read. It is not taken for missing: that would let old publications in.
    pub fn read(snapshot: &Path, channel: &str) -> Result<Option<Accepted>, PullError> {
        Ok(read_all(snapshot)?.remove(channel))
    }

    /// Of a manifest, whose bytes have a digest.
    pub(super) fn of(manifest: &Manifest, bytes: &[u8], validator: Option<String>) -> Accepted {
        Accepted {
            generation: manifest.generation,
            manifest: Digest::of(bytes),
            snapshot: manifest.snapshot.blake3,
            published_at: manifest.published_at.clone(),
            expires: manifest.expires.clone(),
            validator,
        }
    }

    /// Writes it beside those of other channels, wholly or not at all.
    pub(super) fn write(&self, snapshot: &Path, channel: &str) -> Result<(), PullError> {
        let mut all = read_all(snapshot)?;
        if all.get(channel) == Some(self) {
            return Ok(());
        }
        all.insert(channel.to_owned(), self.clone());
        // It has nothing that JSON cannot say.
        let mut bytes = serde_json::to_vec_pretty(&all).unwrap_or_default();
        bytes.push(b'\n');
        let path = Accepted::path(snapshot);
        let mut file = AtomicFile::create(&path).map_err(|error| PullError::local(&error))?;
        file.fill(|out| out.write_all(&bytes)).map_err(|error| PullError::local(&error))?;
        file.publish().map_err(|error| PullError::local(&error))
    }
}

/// What stands for each channel.
fn read_all(snapshot: &Path) -> Result<BTreeMap<String, Accepted>, PullError> {
    let path = Accepted::path(snapshot);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(PullError::new(Cause::Local, format!("{}: {error}", path.display()))),
    };
    serde_json::from_slice(&bytes).map_err(|error| {
        let why = format_args!(
            "expected what the last pull wrote, found: {error}; to take any generation again, remove the file"
        );
        PullError::damaged(&path, &why)
    })
}
