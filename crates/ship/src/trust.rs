//! Which manifests a host believes: signed by one of its keys, of its channel, not older than what it has,
//! and not expired.
//!
//! Keys and signatures are minisign's. Two keys are enough for a rotation: hosts learn the new one while the
//! old one still signs. Signatures of the whole text, which minisign made before 2019, are not taken, since
//! the check would have to hold all of it; those of its digest are.

use crate::manifest::{MANIFEST, Manifest, SIGNATURE};
use crate::pull_error::{Cause, PullError, shown};
use minisign_verify::{PublicKey, Signature};
use rapsheet_snapshot::Time;

/// The keys that a host trusts.
#[derive(Clone)]
pub struct PublicKeys(Vec<PublicKey>);

impl PublicKeys {
    /// Reads keys: the texts of files of minisign's, which may be put together in one, or lines of base64 alone.
    ///
    /// # Errors
    /// There is none, or one of the lines is no key.
    pub fn parse<'t>(texts: impl IntoIterator<Item = &'t str>) -> Result<PublicKeys, String> {
        let lines = texts.into_iter().flat_map(str::lines).map(str::trim);
        let is_key = |line: &&str| !line.is_empty() && !line.starts_with("untrusted comment:");
        let keys: Vec<PublicKey> = lines.filter(is_key).map(parse).collect::<Result<_, _>>()?;
        match keys.is_empty() {
            true => Err("expected a public key of minisign, found none".to_owned()),
            false => Ok(PublicKeys(keys)),
        }
    }

    /// The manifest, if one of the keys has signed it.
    ///
    /// # Errors
    /// No key has, or what is signed is no manifest.
    pub fn open(&self, manifest: &[u8], signature: &[u8]) -> Result<Manifest, PullError> {
        let text = std::str::from_utf8(signature).ok();
        let signature = text.and_then(|text| Signature::decode(text).ok()).ok_or_else(|| {
            PullError::new(Cause::Signature, format!("{SIGNATURE}: expected a signature of minisign"))
        })?;
        let is_signed = |key: &PublicKey| key.verify(manifest, &signature, false).is_ok();
        if !self.0.iter().any(is_signed) {
            let keys = if self.0.len() == 1 { "the key" } else { "one of the keys" };
            let text = format!(
                "{SIGNATURE}: expected a signature of {MANIFEST} by {keys} of --public-key, found none; it may be in \
                 the course of being published, or signed with another key"
            );
            return Err(PullError::new(Cause::Signature, text));
        }
        Manifest::parse(manifest)
    }
}

/// Reads a key. What is none is not repeated: it may be a secret one.
fn parse(line: &str) -> Result<PublicKey, String> {
    const SECRET: usize = 212;
    PublicKey::from_base64(line).map_err(|_| match line.len() {
        SECRET => "this is a secret key; `minisign -R -s KEY -p PUBLIC` writes the public one".to_owned(),
        length => format!(
            "expected a file with a public key of minisign, or such a key, 56 characters that begin with RW; found no \
             such file, and no key in {length} characters"
        ),
    })
}

/// Whether a host may take a manifest.
///
/// # Errors
/// It is of another channel, older than `highest`, the highest generation that the host ever accepted, or expired.
pub(crate) fn admit(
    manifest: &Manifest,
    channel: &str,
    highest: Option<u64>,
    now: Time,
) -> Result<(), PullError> {
    if manifest.channel != channel {
        let text = format!(
            "{MANIFEST}: expected the channel `{channel}`, found `{}`; see --channel",
            shown(&manifest.channel)
        );
        return Err(PullError::new(Cause::Channel, text));
    }
    if let Some(highest) = highest.filter(|highest| manifest.generation < *highest) {
        let text = format!(
            "{MANIFEST}: expected generation {highest} or later, which this host has seen, found {}: someone offers an \
             old one",
            manifest.generation
        );
        return Err(PullError::new(Cause::Rollback, text));
    }
    let (_, expires) = manifest.times()?;
    if expires <= now {
        let text = format!(
            "{MANIFEST}: expired at {expires}: nothing newer was published, or someone holds it back; the snapshot in \
             place stays"
        );
        return Err(PullError::new(Cause::Expired, text));
    }
    Ok(())
}
