//! Bringing a snapshot to the newest generation of a publication, and proving it.
//!
//! Nothing is believed before it is proved: the signature before the manifest is looked at, length and digest
//! of a file before it is opened, the digest of the snapshot and all its checksums before it is renamed into
//! place. A delta that fails falls back to the whole file. Whatever else fails leaves the old snapshot where
//! it is.

mod accepted;
mod download;
mod rebuild;

pub use accepted::Accepted;

use crate::limits::Limits;
use crate::manifest::{Digest, MANIFEST, MANIFEST_MAX, Manifest, SIGNATURE, signature_path};
use crate::origin::{Origin, Unavailable};
use crate::pull_error::{Cause, PullError};
use crate::route::Route;
use crate::trust::{PublicKeys, admit};
use download::Small;
use rapsheet_snapshot::{Time, remove_stale_temp_files};
use std::cell::Cell;
use std::path::Path;
use std::time::Duration;

/// How often manifest and signature are asked for together. A publication replaces one after the other.
const PAIR_TRIES: u32 = 4;

/// What to pull, and how.
pub struct Pull<'p> {
    /// Where the files are.
    pub origin: &'p dyn Origin,
    /// The path of the snapshot.
    pub snapshot: &'p Path,
    /// Whose signatures are taken.
    pub keys: &'p PublicKeys,
    /// The channel.
    pub channel: &'p str,
    /// The present.
    pub now: Time,
    /// How many threads may apply a delta.
    pub threads: usize,
    /// The largest snapshot that is accepted.
    pub limits: Limits,
    /// The most bytes of memory that a delta may be applied with; the whole file needs 16 MiB.
    pub memory_max: u64,
    /// How often what may pass is tried again.
    pub retries: u32,
    /// Waits between two tries; the argument is how often it was tried. Returns whether to go on.
    pub pause: &'p dyn Fn(u32) -> bool,
    /// Whether to go on; looked at while files come.
    pub goes_on: &'p dyn Fn() -> bool,
    /// Is told what begins, for people.
    pub begins: &'p dyn Fn(&str),
    /// The bytes that came.
    pub received: Cell<u64>,
}

/// What a pull did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pulled {
    /// The generation that is in place.
    pub generation: u64,
    /// Its snapshot.
    pub snapshot: Digest,
    /// When it was published, and until when it holds.
    pub published_at: Time,
    /// Until when it holds.
    pub expires: Time,
    /// The way that was taken: `none`, `delta` or `full`.
    pub path: &'static str,
    /// How many files were applied.
    pub files: usize,
    /// The bytes that came, the manifest's among them.
    pub received: u64,
    /// What did not work, so that another way was taken.
    pub fallback: Option<PullError>,
    /// Whether this host had accepted nothing before, so that an old publication would have been taken, too.
    pub is_first: bool,
}

impl Pull<'_> {
    /// Brings the snapshot to the newest generation. Only one process may do so for a snapshot.
    ///
    /// # Errors
    /// What was refused and why; the old snapshot stays.
    pub fn run(&self) -> Result<Pulled, PullError> {
        self.remove_leftovers();
        let before = Accepted::read(self.snapshot, self.channel)?;
        let here = rebuild::digest_at(self.snapshot)?;
        let Some((manifest, accepted)) = self.newest(before.as_ref(), here)? else {
            return self.unchanged(before.as_ref());
        };
        let (published_at, expires) = manifest.times()?;
        let mut pulled = Pulled {
            generation: manifest.generation,
            snapshot: manifest.snapshot.blake3,
            published_at,
            expires,
            path: Route::Here.word(),
            files: 0,
            received: 0,
            fallback: None,
            is_first: before.is_none(),
        };
        self.take(&manifest, here, &accepted, &mut pulled)?;
        // What came of a delta that another way made needless.
        download::remove_stale_parts(self.snapshot, &[]);
        pulled.received = self.received.get();
        Ok(pulled)
    }

    /// Removes what killed pulls left. What had come of a file stays, to go on with.
    fn remove_leftovers(&self) {
        remove_stale_temp_files(self.snapshot);
        remove_stale_temp_files(Accepted::path(self.snapshot));
        rebuild::remove_steps(self.snapshot);
    }

    /// Gets and proves the manifest; `None` where it is the one that was accepted last, whose snapshot is
    /// here.
    fn newest(
        &self,
        before: Option<&Accepted>,
        here: Option<Digest>,
    ) -> Result<Option<(Manifest, Accepted)>, PullError> {
        let is_in_place = before.filter(|before| Some(before.snapshot) == here);
        let mut unless = is_in_place.and_then(|before| before.validator.clone());
        let mut tried = 1;
        (self.begins)("looking for a publication");
        loop {
            let manifest =
                self.try_often(|| download::small(self, MANIFEST, MANIFEST_MAX, unless.as_deref()))?;
            let Small::Bytes(bytes, validator) = manifest else { return Ok(None) };
            match self.signed(&bytes) {
                // One of the two may be of the next generation already.
                Err(refusal) if refusal.cause == Cause::Signature && tried < PAIR_TRIES => {
                    if !(self.pause)(tried) {
                        return Err(Unavailable::ended().into());
                    }
                    (tried, unless) = (tried + 1, None);
                }
                Err(refusal) => return Err(refusal),
                Ok(manifest) => {
                    self.admit(&manifest, &bytes, before)?;
                    let accepted = Accepted::of(&manifest, &bytes, validator);
                    return Ok(Some((manifest, accepted)));
                }
            }
        }
    }

    /// The manifest of these bytes, if the signature beside it or the one that its digest names is one of
    /// ours.
    fn signed(&self, bytes: &[u8]) -> Result<Manifest, PullError> {
        let next_to_it = self.try_often(|| download::signature(self, SIGNATURE)).map_err(PullError::from);
        match next_to_it.and_then(|signature| self.keys.open(bytes, &signature)) {
            Err(refusal) if matches!(refusal.cause, Cause::Signature | Cause::Unreachable) => {
                let by_name = download::signature(self, &signature_path(bytes));
                by_name.map_or(Err(refusal), |signature| self.keys.open(bytes, &signature))
            }
            opened => opened,
        }
    }

    fn admit(&self, manifest: &Manifest, bytes: &[u8], before: Option<&Accepted>) -> Result<(), PullError> {
        admit(manifest, self.channel, before.map(|before| before.generation), self.now)?;
        let is_other = |before: &&Accepted| {
            before.generation == manifest.generation && before.manifest != Digest::of(bytes)
        };
        match before.filter(is_other) {
            None => Ok(()),
            Some(before) => Err(PullError::new(
                Cause::Rollback,
                format!(
                    "{MANIFEST}: another one of generation {}, which this host has taken",
                    before.generation
                ),
            )),
        }
    }

    /// The manifest is the one of the last pull. It may have expired since.
    fn unchanged(&self, before: Option<&Accepted>) -> Result<Pulled, PullError> {
        download::remove_stale_parts(self.snapshot, &[]);
        let before = before.ok_or_else(|| Unavailable::unasked(self.origin, MANIFEST))?;
        let time = |text: &str| {
            let why =
                || PullError::damaged(&Accepted::path(self.snapshot), &format_args!("`{text}` is no time"));
            Time::parse_rfc3339(text).ok_or_else(why)
        };
        let (published_at, expires) = (time(&before.published_at)?, time(&before.expires)?);
        if expires <= self.now {
            let text = format!(
                "{MANIFEST}: expired at {expires}, and nothing newer was published; the snapshot stays"
            );
            return Err(PullError::new(Cause::Expired, text));
        }
        Ok(Pulled {
            generation: before.generation,
            snapshot: before.snapshot,
            published_at,
            expires,
            path: Route::Here.word(),
            files: 0,
            received: self.received.get(),
            fallback: None,
            is_first: false,
        })
    }

    /// Takes the cheapest way, and the whole file if that fails.
    fn take(
        &self,
        manifest: &Manifest,
        here: Option<Digest>,
        accepted: &Accepted,
        pulled: &mut Pulled,
    ) -> Result<(), PullError> {
        download::check_snapshot(self, &manifest.snapshot)?;
        download::remove_stale_parts(self.snapshot, &manifest.files().collect::<Vec<_>>());
        let route = Route::cheapest(manifest, here, rebuild::snapshot_len_max(self.memory_max));
        (pulled.path, pulled.files) = (route.word(), 1);
        match &route {
            Route::Here => {
                pulled.files = 0;
                return accepted.write(self.snapshot, self.channel);
            }
            Route::Deltas(deltas) => match rebuild::by_deltas(self, manifest, deltas) {
                Ok(new) => {
                    pulled.files = deltas.len();
                    return new.place(self, accepted);
                }
                Err(refusal) if refusal.cause == Cause::Ended => return Err(refusal),
                Err(refusal) => pulled.fallback = Some(refusal),
            },
            Route::Full => {}
        }
        pulled.path = Route::Full.word();
        let whole = rebuild::whole(self, manifest).and_then(|new| new.place(self, accepted));
        whole.map_err(|refusal| match pulled.fallback.take() {
            None => refusal,
            Some(first) => PullError::new(refusal.cause, format!("{first}; and the whole file: {refusal}")),
        })
    }

    /// Tries what may pass again.
    fn try_often<T>(&self, mut attempt: impl FnMut() -> Result<T, Unavailable>) -> Result<T, Unavailable> {
        let mut tried = 0;
        loop {
            match attempt() {
                Err(unavailable) if unavailable.may_pass && tried < self.retries => {
                    tried += 1;
                    if !(self.pause)(tried) {
                        return Err(Unavailable::ended());
                    }
                }
                other => return other,
            }
        }
    }

    fn count(&self, bytes: u64) {
        self.received.set(self.received.get() + bytes);
    }
}

/// How long to wait after so many tries: longer each time, up to a minute.
pub fn pause_after(tries: u32) -> Duration {
    Duration::from_millis(250).saturating_mul(1 << tries.min(8))
}
