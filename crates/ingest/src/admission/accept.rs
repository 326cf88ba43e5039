//! An operator's decision to accept a held download.
//!
//! A digest names exactly one download, so an operator accepts only what has been looked at. The state file
//! keeps the digests of accepted downloads.

use crate::report::FeedReport;

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

    /// A sentence that says so if no download of this build is the one that is accepted.
    pub(crate) fn unmatched(&self, feeds: &[FeedReport]) -> Option<String> {
        let Accept { feed, digest } = self;
        let found = feeds.iter().find(|report| report.id == *feed).map(|report| report.digest.as_deref());
        let found = match found {
            Some(Some(found)) if found.starts_with(digest.as_str()) => return None,
            Some(Some(found)) => {
                let found = found.get(..16).unwrap_or(found);
                format!("its download has the digest {found}…; look at it before you accept it")
            }
            Some(None) => "it has no download that can be read".to_owned(),
            None => "the feed is not in this build".to_owned(),
        };
        Some(format!("--accept {feed}={digest} matches nothing: {found}"))
    }

    /// Whether this is the download that is accepted.
    pub(crate) fn matches(&self, feed: &str, digest: &str) -> bool {
        self.feed == feed && digest.starts_with(&self.digest)
    }
}
