//! The manifest: which snapshot is the newest of a channel, and the files by which a host gets it.
//!
//! It is JSON, so that people can read it, and is signed as bytes: nothing in it is looked at before its
//! signature is checked. It names every file by its length and its BLAKE3, so that a server of the files
//! can neither change one nor make a host read more than was signed.

use crate::pull_error::{Cause, PullError, shown};
use rapsheet_snapshot::Time;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::{fmt, io};

/// The name of the manifest in the folder of a publication.
pub const MANIFEST: &str = "latest.json";
/// The name of its signature.
pub const SIGNATURE: &str = "latest.json.minisig";
/// The most bytes of a manifest. One with thirty deltas has 10 kB.
pub(crate) const MANIFEST_MAX: u64 = 256 << 10;
/// The most bytes of a signature.
pub(crate) const SIGNATURE_MAX: u64 = 4 << 10;

/// The folder of signatures that are named by the digest of what they sign.
pub(crate) const SIGNATURES: &str = "signature";

/// What a manifest is of. A signature for another program is none for this one.
pub(crate) const PRODUCT: &str = "rapsheet snapshot";
/// The version of the manifest; a reader refuses later ones.
pub(crate) const VERSION: u32 = 1;

/// A manifest. Members that a reader does not know are later additions, which it may ignore.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// What it is of.
    pub product: String,
    /// The version of its form.
    pub version: u32,
    /// The name of the row of snapshots that it belongs to.
    pub channel: String,
    /// Grows with each publication of the channel.
    pub generation: u64,
    /// When it was published.
    pub published_at: String,
    /// Until when a host may take it for the newest.
    pub expires: String,
    /// The newest snapshot.
    pub snapshot: PublishedSnapshot,
    /// All of it, without what can be derived.
    pub full: PublishedFile,
    /// Ways from earlier snapshots.
    #[serde(default)]
    pub deltas: Vec<PublishedDelta>,
}

/// A snapshot file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedSnapshot {
    /// The BLAKE3 of its bytes.
    pub blake3: Digest,
    /// How many bytes it has.
    pub bytes: u64,
    /// When it was built.
    pub built_at: String,
}

/// A file of the publication.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedFile {
    /// Its path below the folder of the publication.
    pub path: String,
    /// How many bytes it has.
    pub bytes: u64,
    /// The BLAKE3 of its bytes.
    pub blake3: Digest,
}

/// A delta of the publication.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedDelta {
    /// The snapshot that it is applied to.
    pub from: Digest,
    /// The snapshot that comes out.
    pub to: Digest,
    /// How many bytes that has.
    pub to_bytes: u64,
    /// The file.
    #[serde(flatten)]
    pub file: PublishedFile,
}

/// A BLAKE3, which is written in hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(pub [u8; 32]);

impl Manifest {
    /// Reads a manifest whose signature was checked.
    ///
    /// # Errors
    /// It is no manifest, not one of this product, or one that a newer version wrote.
    pub fn parse(bytes: &[u8]) -> Result<Manifest, PullError> {
        // Product and version first: what they say of the rest is worth more than that the rest is strange.
        #[derive(Deserialize)]
        struct Head {
            product: String,
            version: u32,
        }
        let head: Head = serde_json::from_slice(bytes).map_err(unreadable)?;
        if head.product != PRODUCT {
            let text =
                format!("{MANIFEST}: expected the product `{PRODUCT}`, found `{}`", shown(&head.product));
            return Err(PullError::new(Cause::Product, text));
        }
        if !(1..=VERSION).contains(&head.version) {
            let text = format!(
                "{MANIFEST}: version {} of the manifest; this program reads up to {VERSION}; update it",
                head.version
            );
            return Err(PullError::new(Cause::Product, text));
        }
        let manifest: Manifest = serde_json::from_slice(bytes).map_err(unreadable)?;
        manifest.check_paths()?;
        manifest.times()?;
        Ok(manifest)
    }

    /// When it was published, and until when it holds.
    ///
    /// # Errors
    /// One of them is no time.
    pub fn times(&self) -> Result<(Time, Time), PullError> {
        let time = |text: &str| {
            Time::parse_rfc3339(text).ok_or_else(|| {
                PullError::new(
                    Cause::Manifest,
                    format!("{MANIFEST}: expected a time, found `{}`", shown(text)),
                )
            })
        };
        Ok((time(&self.published_at)?, time(&self.expires)?))
    }

    /// The bytes that are signed.
    pub fn to_bytes(&self) -> Vec<u8> {
        // A manifest has no map with other keys than texts, and memory takes it.
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// All files that it names.
    pub fn files(&self) -> impl Iterator<Item = &PublishedFile> {
        std::iter::once(&self.full).chain(self.deltas.iter().map(|delta| &delta.file))
    }

    fn check_paths(&self) -> Result<(), PullError> {
        match self.files().find(|file| !is_plain(&file.path)) {
            None => Ok(()),
            Some(file) => {
                let text = format!(
                    "{MANIFEST}: expected a path below its own folder, found `{}`",
                    shown(&file.path)
                );
                Err(PullError::new(Cause::Manifest, text))
            }
        }
    }
}

/// Where the signature of a manifest stands a second time, under a name that only that manifest gives.
///
/// `latest.json` and `latest.json.minisig` are two files, and no web server replaces both at one instant: a
/// reader may get one of each generation, for a moment, or for as long as a cache between keeps one of them.
pub(crate) fn signature_path(manifest: &[u8]) -> String {
    format!("{SIGNATURES}/{}.minisig", Digest::of(manifest))
}

/// Whether a path leads to a file below its folder, on every system and in every URL.
fn is_plain(path: &str) -> bool {
    let is_part = |part: &str| {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        !part.is_empty() && !part.starts_with('.') && part.bytes().all(is_allowed)
    };
    path.len() <= 256 && path.split('/').all(is_part)
}

fn unreadable(error: serde_json::Error) -> PullError {
    PullError::new(Cause::Manifest, format!("{MANIFEST}: expected a manifest, found: {error}"))
}

impl Digest {
    /// Of bytes.
    pub fn of(bytes: &[u8]) -> Digest {
        Digest(*blake3::hash(bytes).as_bytes())
    }

    /// Of a file, which is read in pieces.
    pub(crate) fn of_file(file: &File) -> io::Result<Digest> {
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(file)?;
        Ok(Digest(*hasher.finalize().as_bytes()))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Digest, D::Error> {
        let text = String::deserialize(deserializer)?;
        blake3::Hash::from_hex(text.as_bytes()).map(|hash| Digest(*hash.as_bytes())).map_err(|_| {
            serde::de::Error::custom(format_args!("expected 64 hexadecimal digits, found `{}`", shown(&text)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn manifest() -> Manifest {
        let named = |path: &str| PublishedFile {
            path: path.to_owned(),
            bytes: 10,
            blake3: Digest::of(path.as_bytes()),
        };
        Manifest {
            product: PRODUCT.to_owned(),
            version: VERSION,
            channel: "default".to_owned(),
            generation: 7,
            published_at: "2026-11-30T03:00:00Z".to_owned(),
            expires: "2026-12-07T03:00:00Z".to_owned(),
            snapshot: PublishedSnapshot {
                blake3: Digest::of(b"new"),
                bytes: 3,
                built_at: "2026-11-30T02:00:00Z".to_owned(),
            },
            full: named("full/a.rapz"),
            deltas: vec![PublishedDelta {
                from: Digest::of(b"old"),
                to: Digest::of(b"new"),
                to_bytes: 3,
                file: named("delta/a-b.rapd"),
            }],
        }
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(Manifest::parse(&manifest().to_bytes()), Ok(manifest()));
    }

    #[test]
    fn a_manifest_of_another_product_or_a_later_version_is_refused_as_such() {
        let cause = |manifest: &Manifest| Manifest::parse(&manifest.to_bytes()).expect_err("refused").cause;
        assert_eq!(cause(&Manifest { product: "other".to_owned(), ..manifest() }), Cause::Product);
        assert_eq!(cause(&Manifest { version: 2, ..manifest() }), Cause::Product);
        assert_eq!(cause(&Manifest { expires: "soon".to_owned(), ..manifest() }), Cause::Manifest);
        assert_eq!(Manifest::parse(b"{}").expect_err("refused").cause, Cause::Manifest);
        assert_eq!(Manifest::parse(b"").expect_err("refused").cause, Cause::Manifest);
    }

    #[test]
    fn paths_stay_in_their_folder() {
        for path in
            ["", "/a", "a/../b", "../a", "a//b", ".a", "a/.b", "a\\b", "a%2e", "http://b/a", "a\0", "é"]
        {
            assert!(!is_plain(path), "{path}");
            let mut bad = manifest();
            bad.full.path = path.to_owned();
            assert_eq!(Manifest::parse(&bad.to_bytes()).expect_err("refused").cause, Cause::Manifest);
        }
        assert!(is_plain("full/0a9f.rapz"));
    }
}
