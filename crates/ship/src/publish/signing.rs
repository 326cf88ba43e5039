//! Signing a manifest with a secret key of minisign's.

use super::error::PublishError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use minisign::{PublicKey, SecretKey, SecretKeyBox};
use std::io::Cursor;

/// A secret key.
pub struct SigningKey(SecretKey);

impl SigningKey {
    /// Reads the text of a key file; one that minisign encrypted needs its password.
    ///
    /// # Errors
    /// It is no such file, needs a password, or has another one.
    pub fn parse(text: &str, password: Option<&str>) -> Result<SigningKey, String> {
        let key = match (parse_box(text)?, password) {
            (key, _) if !key.is_encrypted() => key,
            (_, Some(password)) => SecretKeyBox::from_string(text)
                .and_then(|boxed| boxed.into_secret_key(Some(password.to_owned())))
                .map_err(|error| format!("the password does not fit the key: {error}"))?,
            (_, None) => {
                return Err("the key is encrypted, and needs its password, as the secret `minisign`; `minisign -G -W` \
                            makes one without"
                    .to_owned());
            }
        };
        SigningKey(key).proved()
    }

    /// The key, if its own public key takes what it signs. minisign writes no checksum into keys without a
    /// password.
    fn proved(self) -> Result<SigningKey, String> {
        const PROBE: &[u8] = b"rapsheet";
        let is_whole = minisign::sign(None, &self.0, Cursor::new(PROBE), None, None).and_then(|signature| {
            let public = PublicKey::from_secret_key(&self.0)?;
            minisign::verify(&public, &signature, Cursor::new(PROBE), true, false, false)
        });
        match is_whole {
            Ok(()) => Ok(self),
            Err(_) => Err("the key is damaged: its own public key does not take what it signs".to_owned()),
        }
    }

    /// The text of the signature file; `comment` is signed, too.
    pub(super) fn sign(&self, bytes: &[u8], comment: &str) -> Result<String, PublishError> {
        let signature = minisign::sign(None, &self.0, Cursor::new(bytes), Some(comment), None);
        signature
            .map(|signature| signature.into_string())
            .map_err(|error| PublishError::Signing(error.to_string()))
    }
}

/// The key as it stands, which may be encrypted.
fn parse_box(text: &str) -> Result<SecretKey, String> {
    let line = text.lines().nth(1).unwrap_or_default().trim();
    let bytes = STANDARD.decode(line).ok();
    bytes
        .and_then(|bytes| SecretKey::from_bytes(&bytes).ok())
        .ok_or_else(|| "expected a secret key of `minisign -G`, found something else".to_owned())
}
