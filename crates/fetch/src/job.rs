//! What to fetch.

use std::fmt;

/// One feed to fetch.
#[derive(Clone, Debug)]
pub struct Job {
    /// The id of the feed.
    pub id: String,
    /// Its name in the folder of downloads.
    pub file: String,
    /// Where it is published, and then its mirrors, in the order in which they are tried.
    pub urls: Vec<String>,
    /// How long it is not asked for again, in seconds.
    pub min_interval_seconds: i64,
    /// The most bytes that it may have, decoded and on the wire.
    pub max_bytes: u64,
    /// What its host wants to see.
    pub credential: Credential,
    /// Where its SHA-256 is published.
    pub sha256_url: Option<String>,
    /// Whether it may come from loopback, private and link-local addresses. A URL that names one says so itself.
    pub private_network: bool,
}

/// What a host wants to see before it answers.
#[derive(Clone, Debug)]
pub enum Credential {
    /// Nothing.
    None,
    /// A header with a secret.
    Header {
        /// The header.
        name: String,
        /// The secret.
        value: Secret,
    },
    /// A secret that is not there; what is missing, and where it is looked for. The feed is skipped.
    Missing(String),
}

impl Credential {
    /// A text without the secret: a server may repeat it, and in lower case, too.
    pub(crate) fn redacted(&self, text: &str) -> String {
        let Credential::Header { value: Secret(secret), .. } = self else { return text.to_owned() };
        let (lower, secret) = (text.to_ascii_lowercase(), secret.to_ascii_lowercase());
        let mut shown = String::new();
        let mut done = 0;
        for (at, found) in lower.match_indices(&secret) {
            shown.push_str(text.get(done..at).unwrap_or_default());
            shown.push_str("***");
            done = at + found.len();
        }
        shown.push_str(text.get(done..).unwrap_or_default());
        shown
    }

    /// Whether a text is free of the secret.
    pub(crate) fn is_absent_from(&self, text: &str) -> bool {
        self.redacted(text) == text
    }
}

/// A secret. No output shows it.
///
/// ```
/// use rapsheet_fetch::Secret;
///
/// assert_eq!(format!("{:?}", Secret::new("hunter2".to_owned())), "Secret(***)");
/// ```
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Keeps a secret.
    pub fn new(text: String) -> Secret {
        Secret(text)
    }

    /// The secret, for the request that needs it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_secret_is_not_shown() {
        let value = Secret::new("HuntER2".to_owned());
        let credential = Credential::Header { name: "Key".to_owned(), value };
        assert_eq!(credential.redacted("ä hunter2, HUNTER2!"), "ä ***, ***!");
        assert!(credential.is_absent_from("hunter") && !credential.is_absent_from("xhunter2"));
        assert_eq!(Credential::None.redacted("hunter2"), "hunter2");
    }
}
