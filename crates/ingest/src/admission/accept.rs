//! An operator's decision to accept a held download.
//!
//! A digest names exactly one download, so an operator accepts only what has been looked at. The state file
//! keeps the digests of accepted downloads.

/// A held download that an operator accepts, whichever guard holds it.
///
/// ```
/// use rapsheet_ingest::build::Accept;
///
/// let accept = Accept::parse("spamhaus-drop-v4=0123456789ab").expect("an id and twelve digits");
/// assert_eq!(accept.feed(), "spamhaus-drop-v4");
/// assert_eq!(Accept::parse("spamhaus-drop-v4=0123"), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accept {
    feed: String,
    digest: String,
}

impl Accept {
    /// The fewest hexadecimal digits of a digest that name a download.
    pub const DIGITS_MIN: usize = 12;

    /// Parses `FEED=DIGEST`: a feed's id and the SHA-256 of its download, or the first twelve or more of its
    /// digits.
    pub fn parse(text: &str) -> Option<Accept> {
        let (feed, digest) = text.split_once('=')?;
        let is_hex = digest.bytes().all(|byte| byte.is_ascii_hexdigit());
        let fits = (Accept::DIGITS_MIN..=64).contains(&digest.len());
        let accept = || Accept { feed: feed.to_owned(), digest: digest.to_ascii_lowercase() };
        (is_hex && fits && !feed.is_empty()).then(accept)
    }

    /// The feed.
    pub fn feed(&self) -> &str {
        &self.feed
    }

    /// Whether this is the download that is accepted.
    pub(crate) fn matches(&self, feed: &str, digest: &str) -> bool {
        self.feed == feed && digest.starts_with(&self.digest)
    }
}
