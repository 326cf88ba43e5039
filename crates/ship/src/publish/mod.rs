//! Publishing a snapshot: files that any web server or bucket can offer.
//!
//! The files come first, each under a name that its content gives it, and the manifest last. So a reader in
//! the middle of a publication finds a whole generation: the old one, whose files stay for a day at least, or
//! the new one. Manifest and signature are two files; the signature also stands under the digest of what it
//! signs, for readers that got one of each.
//!
//! | module | does |
//! |---|---|
//! | `files` | writes slim files and deltas, and proves them |
//! | `catalog` | keeps what was published before |
//! | `signing` | signs |
//! | `removal` | removes old files |

mod catalog;
mod error;
mod files;
mod removal;
mod signing;

pub use error::PublishError;
pub use removal::Removed;
pub use signing::SigningKey;

use crate::manifest::{
    MANIFEST, Manifest, PRODUCT, PublishedDelta, PublishedFile, PublishedSnapshot, SIGNATURE, SIGNATURES,
    VERSION, signature_path,
};
use catalog::{FileRow, PUBLICATIONS, Publication, Publications, SignatureRow, place};
use files::{Files, digest_of};
use rapsheet_snapshot::{Snapshot, Time, remove_stale_temp_files};
use std::fs;
use std::path::Path;

/// How many publications back single steps are offered.
const STEPS: usize = 14;
/// How many publications back the deltas begin that lead to the newest one at once.
const SPANS: [usize; 2] = [7, 30];
/// For how long files stay that the newest manifest does not name, in seconds.
const KEPT_SECONDS: i64 = 31 * 86_400;
/// The folders of a publication.
const FOLDERS: [&str; 3] = ["full", "delta", SIGNATURES];

/// The longest name of a channel.
const CHANNEL_MAX: usize = 64;

/// What to publish, and how. One process may do so for a folder at a time.
pub struct Publish<'p> {
    /// The snapshot.
    pub snapshot: &'p Path,
    /// The folder.
    pub folder: &'p Path,
    /// The name of the row of publications.
    pub channel: &'p str,
    /// The key that signs.
    pub key: &'p SigningKey,
    /// The present.
    pub now: Time,
    /// For how many seconds hosts take the manifest for the newest.
    pub expires_seconds: i64,
    /// The most bytes of files that the folder may have; the newest publication and those of the last day
    /// stay, whatever they take.
    pub bytes_max: Option<u64>,
    /// How many threads may work.
    pub threads: usize,
    /// Is told what begins, for people.
    pub begins: &'p dyn Fn(&str),
}

/// What was published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// The manifest.
    pub manifest: Manifest,
    /// Whether the snapshot was published before; then only the manifest is new.
    pub is_repeated: bool,
    /// Deltas that were not made, and why.
    pub left_out: Vec<String>,
    /// What was removed.
    pub removed: Removed,
}

impl Publish<'_> {
    /// Publishes the snapshot.
    ///
    /// # Errors
    /// The snapshot is not sound, or a file cannot be written. What was published before stays whole.
    pub fn run(&self) -> Result<Published, PublishError> {
        if !is_channel(self.channel) {
            return Err(PublishError::Channel(self.channel.to_owned()));
        }
        (self.begins)("verifying the snapshot");
        let new = self.sound_snapshot().map_err(PublishError::Snapshot)?;
        let id = self.describe(&new)?;
        self.make_folders()?;
        let mut before = Publications::read(self.folder, self.channel)?;
        let generation = self.generation(before.rows.last());
        let files = Files::new(self.folder, self.threads)?;
        let repeated = before.rows.pop_if(|last| last.snapshot.blake3 == id.blake3);
        let is_repeated = repeated.is_some();
        let mut left_out = Vec::new();
        let row = Publication {
            generation,
            published_at: self.now.unix(),
            full: self.full(&files, &new, &id, repeated.as_ref())?,
            deltas: self.deltas(&files, (&new, &id), repeated.as_ref(), &before, &mut left_out),
            signatures: repeated.map_or_else(Vec::new, |last| last.signatures),
            snapshot: id,
        };
        let manifest = self.manifest(&row, &steps(&files, &before, &mut left_out));
        self.sign(&manifest, row, &mut before)?;
        let removed = removal::remove_old(self, &mut before, &manifest)?;
        Ok(Published { manifest, is_repeated, left_out, removed })
    }

    fn sound_snapshot(&self) -> Result<Snapshot, rapsheet_snapshot::Error> {
        let new = Snapshot::open(self.snapshot)?;
        new.verify_references()?;
        Ok(new)
    }

    fn describe(&self, new: &Snapshot) -> Result<PublishedSnapshot, PublishError> {
        Ok(PublishedSnapshot {
            blake3: digest_of(self.snapshot)?,
            bytes: new.byte_len(),
            built_at: new.built_at().to_string(),
        })
    }

    /// Makes the folders, and removes what killed publications left there: it may be what takes the room.
    fn make_folders(&self) -> Result<(), PublishError> {
        for part in FOLDERS {
            let folder = self.folder.join(part);
            fs::create_dir_all(&folder).map_err(PublishError::io(&folder))?;
            removal::remove_unfinished(&folder)?;
        }
        for file in [PUBLICATIONS, SIGNATURE, MANIFEST] {
            remove_stale_temp_files(self.folder.join(file));
        }
        Ok(())
    }

    /// Grows with each publication, and with the clock, so that a publisher who lost the folder goes on above
    /// what hosts have seen.
    fn generation(&self, last: Option<&Publication>) -> u64 {
        let by_clock = u64::try_from(self.now.unix()).unwrap_or(0);
        last.map_or(by_clock, |last| by_clock.max(last.generation.saturating_add(1)))
    }

    /// The slim file: that of the last publication of this snapshot, if there is one, and it is whole.
    fn full(
        &self,
        files: &Files<'_>,
        new: &Snapshot,
        id: &PublishedSnapshot,
        repeated: Option<&Publication>,
    ) -> Result<PublishedFile, PublishError> {
        if let Some(whole) = repeated.map(|last| &last.full).filter(|full| files.is_whole(full)) {
            return Ok(whole.clone());
        }
        (self.begins)("compressing the whole");
        files.slim(new, id)
    }

    /// The deltas from earlier publications. One that cannot be made is left out: hosts then take a longer way.
    fn deltas(
        &self,
        files: &Files<'_>,
        (new, id): (&Snapshot, &PublishedSnapshot),
        repeated: Option<&Publication>,
        before: &Publications,
        left_out: &mut Vec<String>,
    ) -> Vec<PublishedDelta> {
        let mut deltas = Vec::new();
        for back in [1].iter().chain(&SPANS) {
            let from = before.rows.len().checked_sub(*back).and_then(|at| before.rows.get(at));
            let Some(from) = from.filter(|from| from.snapshot.blake3 != id.blake3) else { continue };
            let made = repeated.and_then(|last| last.delta_from(from.snapshot.blake3));
            if let Some(whole) = made.filter(|delta| files.is_whole(&delta.file)) {
                deltas.push(whole.clone());
                continue;
            }
            (self.begins)(&format!("comparing with {back} publications back"));
            match files.delta(from, new, id) {
                Ok(delta) => deltas.push(delta),
                Err(why) => left_out.push(format!(
                    "the delta from {back} publications back: {why}; hosts take another way, and the next publication \
                     tries again"
                )),
            }
        }
        deltas
    }

    /// With the steps of the last publications, and what leads to the newest one at once.
    fn manifest(&self, row: &Publication, steps: &[PublishedDelta]) -> Manifest {
        Manifest {
            product: PRODUCT.to_owned(),
            version: VERSION,
            channel: self.channel.to_owned(),
            generation: row.generation,
            published_at: self.now.to_string(),
            expires: self.now.plus(self.expires_seconds).to_string(),
            snapshot: row.snapshot.clone(),
            full: row.full.clone(),
            deltas: steps.iter().chain(&row.deltas).cloned().collect(),
        }
    }

    /// Writes what a later publication needs, the signature, and the manifest last.
    fn sign(
        &self,
        manifest: &Manifest,
        row: Publication,
        before: &mut Publications,
    ) -> Result<(), PublishError> {
        let bytes = manifest.to_bytes();
        let comment = format!("rapsheet channel {} generation {}", manifest.channel, manifest.generation);
        let signature = self.key.sign(&bytes, &comment)?;
        let path = signature_path(&bytes);
        place(&self.folder.join(&path), signature.as_bytes())?;
        before.rows.push(row);
        before.replace(self.folder, self.now);
        let named = manifest.files().map(|file| FileRow { path: file.path.clone(), bytes: file.bytes });
        let file = FileRow { path, bytes: signature.len() as u64 };
        let signature_row = SignatureRow { file, named: named.collect(), replaced_at: None };
        before.rows.last_mut().into_iter().for_each(|row| row.signatures.push(signature_row.clone()));
        before.write(self.folder)?;
        place(&self.folder.join(SIGNATURE), signature.as_bytes())?;
        place(&self.folder.join(MANIFEST), &bytes)
    }
}

/// The single steps between the last publications, as far as their files are whole.
fn steps(files: &Files<'_>, before: &Publications, left_out: &mut Vec<String>) -> Vec<PublishedDelta> {
    let earlier = before.rows.get(before.rows.len().saturating_sub(STEPS - 1)..).unwrap_or_default();
    let (whole, damaged): (Vec<_>, Vec<_>) = earlier
        .iter()
        .filter_map(|row| row.deltas.first())
        .cloned()
        .partition(|delta| files.is_whole(&delta.file));
    left_out.extend(damaged.iter().map(|delta| {
        format!(
            "{}: it is missing or not what was published; restore it, or hosts take another way",
            delta.file.path
        )
    }));
    whole
}

/// Whether a name may be one of a channel: it stands in messages and in files.
fn is_channel(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=CHANNEL_MAX).contains(&name.len()) && name.bytes().all(is_allowed)
}
