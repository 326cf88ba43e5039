//! What an operator says to let a held download in.
//!
//! A digest names one download and no other, so that nothing is let in that nobody has looked at. Which were let in is
//! remembered in the state file.

/// A held download that an operator lets in: one download of one feed, whatever guard stops it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accept {
    feed: String,
    digest: String,
}

impl Accept {
    /// The fewest digits of a digest that name a download.
    pub const DIGITS_MIN: usize = 12;

    /// Reads `FEED=DIGEST`: a feed's id and the SHA-256 of its download, or the first twelve or more of its digits.
    pub fn parse(text: &str) -> Option<Accept> {
        let (feed, digest) = text.split_once('=')?;
        let hex = digest.bytes().all(|byte| byte.is_ascii_hexdigit());
        let fits = (Accept::DIGITS_MIN..=64).contains(&digest.len());
        let accept = || Accept { feed: feed.to_owned(), digest: digest.to_ascii_lowercase() };
        (hex && fits && !feed.is_empty()).then(accept)
    }

    /// The feed.
    pub fn feed(&self) -> &str {
        &self.feed
    }

    /// Whether this is the download that is let in.
    pub(crate) fn names(&self, feed: &str, digest: &str) -> bool {
        self.feed == feed && digest.starts_with(&self.digest)
    }
}
