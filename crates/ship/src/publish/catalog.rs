//! What was published before: a file in the folder that only the publisher reads.
//!
//! Deltas are made from earlier snapshots, whose slim files lie in the folder. The manifest does not name
//! those, because hosts have no use for them.

use super::error::PublishError;
use crate::manifest::{Digest, MANIFEST, PublishedDelta, PublishedFile, PublishedSnapshot, signature_path};
use rapsheet_snapshot::{AtomicFile, Time};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// Its name.
pub(super) const PUBLICATIONS: &str = "publications.json";

/// The publications of a channel, the latest last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Publications {
    pub(super) channel: String,
    pub(super) rows: Vec<Publication>,
}

/// One publication.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Publication {
    pub(super) generation: u64,
    /// In seconds since 1970.
    pub(super) published_at: i64,
    pub(super) snapshot: PublishedSnapshot,
    pub(super) full: PublishedFile,
    /// The deltas that lead to it, that of the shortest step first.
    pub(super) deltas: Vec<PublishedDelta>,
    /// The signatures of its manifests, the latest last: a snapshot may be signed anew.
    #[serde(default)]
    pub(super) signatures: Vec<SignatureRow>,
}

/// A signature under the name that its manifest gives, and what that manifest names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SignatureRow {
    #[serde(flatten)]
    pub(super) file: FileRow,
    pub(super) named: Vec<FileRow>,
    /// Since when another manifest is the newest, in seconds since 1970.
    pub(super) replaced_at: Option<i64>,
}

/// A file, and its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileRow {
    pub(super) path: String,
    pub(super) bytes: u64,
}

impl SignatureRow {
    /// For how long its manifest has not been the newest, in seconds.
    pub(super) fn age(&self, now: Time) -> i64 {
        self.replaced_at.map_or(0, |replaced_at| now.unix().saturating_sub(replaced_at))
    }

    fn files(&self) -> impl Iterator<Item = (&str, u64)> {
        std::iter::once(&self.file).chain(&self.named).map(|file| (file.path.as_str(), file.bytes))
    }
}

impl Publication {
    /// For how long it has not been the newest, in seconds.
    pub(super) fn age(&self, now: Time) -> i64 {
        self.signatures.last().map_or(0, |signature| signature.age(now))
    }

    /// The delta to it from a snapshot.
    pub(super) fn delta_from(&self, from: Digest) -> Option<&PublishedDelta> {
        self.deltas.iter().find(|delta| delta.from == from)
    }

    /// The paths of its files and of those that its manifests name, and their bytes.
    pub(super) fn files(&self) -> impl Iterator<Item = (&str, u64)> {
        let named = std::iter::once(&self.full).chain(self.deltas.iter().map(|delta| &delta.file));
        let signatures = self.signatures.iter().flat_map(SignatureRow::files);
        named.map(|file| (file.path.as_str(), file.bytes)).chain(signatures)
    }
}

impl Publications {
    /// Reads them; none where there is no such file.
    pub(super) fn read(folder: &Path, channel: &str) -> Result<Publications, PublishError> {
        let path = folder.join(PUBLICATIONS);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Publications { channel: channel.to_owned(), rows: Vec::new() });
            }
            Err(error) => return Err(PublishError::io(&path)(error)),
        };
        let publications: Publications = serde_json::from_slice(&bytes).map_err(|error| {
            let why = format_args!(
                "expected what the last publication wrote, found: {error}; remove the file, and hosts get the whole \
                 snapshot once"
            );
            PublishError::damaged(&path, why)
        })?;
        match publications.channel == channel {
            true => Ok(publications),
            false => {
                let found = &publications.channel;
                let why = format_args!(
                    "expected the channel `{channel}`, found `{found}`; a channel has a folder of its own"
                );
                Err(PublishError::damaged(&path, why))
            }
        }
    }

    /// Notes that another manifest becomes the newest. The one that was served until now is known by its file: a
    /// publication that was killed may have noted this too early.
    pub(super) fn replace(&mut self, folder: &Path, now: Time) {
        let served = fs::read(folder.join(MANIFEST)).ok().map(|bytes| signature_path(&bytes));
        for signature in self.rows.iter_mut().flat_map(|row| &mut row.signatures) {
            if signature.replaced_at.is_none() || served.as_ref() == Some(&signature.file.path) {
                signature.replaced_at = Some(now.unix());
            }
        }
    }

    pub(super) fn write(&self, folder: &Path) -> Result<(), PublishError> {
        // It has nothing that JSON cannot say.
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        place(&folder.join(PUBLICATIONS), &bytes)
    }
}

/// Puts a file in place, wholly or not at all.
pub(super) fn place(path: &Path, bytes: &[u8]) -> Result<(), PublishError> {
    let mut file = AtomicFile::create(path)?;
    file.fill(|out| out.write_all(bytes))?;
    Ok(file.publish()?)
}
