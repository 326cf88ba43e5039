//! The vocabulary of sightings: list kind, scope, mode, status, assessments, kinds of indicators, and times.
//!
//! Every number here is part of the file format and never changes its meaning.

use crate::Time;
use std::fmt;

/// The position of a feed in the snapshot's feed table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FeedId(pub u16);

/// Whether a feed, or one sighting of it, blocks or allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ListKind {
    /// A blocklist.
    Block,
    /// An allowlist.
    Allow,
}

impl ListKind {
    /// `block` or `allow`.
    pub const fn word(self) -> &'static str {
        match self {
            ListKind::Block => "block",
            ListKind::Allow => "allow",
        }
    }

    /// The assessment of an entry for which neither the row nor the feed states one.
    pub const fn plain_assessment(self) -> Assessment {
        match self {
            ListKind::Block => Assessment::Blacklist,
            ListKind::Allow => Assessment::Trustworthy,
        }
    }

    /// The other kind: an exception in a list of this kind has it.
    #[must_use]
    pub const fn inverted(self) -> ListKind {
        match self {
            ListKind::Block => ListKind::Allow,
            ListKind::Allow => ListKind::Block,
        }
    }
}

/// Whether an entry lists a name, the names below it, or both.
///
/// ```
/// use rapsheet_snapshot::Scope;
///
/// let is_below = true;
/// assert!(Scope::Tree.covers(is_below) && !Scope::Exact.covers(is_below));
/// assert_eq!(Scope::parse("subdomains"), Some(Scope::Subdomains));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// The name alone. Addresses and URLs always have this scope.
    Exact,
    /// The name and every name below it.
    Tree,
    /// Only the names below it.
    Subdomains,
}

impl Scope {
    /// `exact`, `tree` or `subdomains`.
    pub const fn word(self) -> &'static str {
        match self {
            Scope::Exact => "exact",
            Scope::Tree => "tree",
            Scope::Subdomains => "subdomains",
        }
    }

    /// Parses [`Scope::word`].
    pub fn parse(word: &str) -> Option<Scope> {
        [Scope::Exact, Scope::Tree, Scope::Subdomains].into_iter().find(|scope| scope.word() == word)
    }

    /// Whether a sighting of this scope covers a name below the listed one, or the listed name itself.
    pub const fn covers(self, below: bool) -> bool {
        match self {
            Scope::Exact => !below,
            Scope::Tree => true,
            Scope::Subdomains => below,
        }
    }
}

/// How a feed's download relates to the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Every download is complete: what is absent is no longer listed.
    Reset,
    /// Every download adds entries: what is absent stays until it expires.
    Accumulated,
}

impl Mode {
    /// `reset` or `accumulated`.
    pub const fn word(self) -> &'static str {
        match self {
            Mode::Reset => "reset",
            Mode::Accumulated => "accumulated",
        }
    }
}

/// The status of an indicator. Its numbers are those of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Status {
    /// Allowlisted.
    Allowed = 0,
    /// Blocklisted.
    Blocked = 1,
    /// This provider's data is missing or too old.
    Failed = 3,
    /// Not listed.
    Unknown = 5,
}

impl Status {
    /// `allowlisted`, `blocklisted`, `failed` or `unknown`.
    pub const fn verdict(self) -> &'static str {
        match self {
            Status::Allowed => "allowlisted",
            Status::Blocked => "blocklisted",
            Status::Failed => "failed",
            Status::Unknown => "unknown",
        }
    }

    /// 0, 1, 3 or 5.
    pub const fn number(self) -> u8 {
        self as u8
    }
}

macro_rules! assessments {
    ($($variant:ident $bit:literal $word:literal;)+) => {
        /// What a sighting claims about an indicator, from the strongest to the weakest.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        #[repr(u8)]
        pub enum Assessment { $(#[doc = $word] $variant = $bit,)+ }

        impl Assessment {
            /// All of them, strongest first.
            pub const ALL: &'static [Assessment] = &[$(Assessment::$variant,)+];

            /// The word that answers print.
            pub const fn word(self) -> &'static str {
                match self { $(Assessment::$variant => $word,)+ }
            }
        }
    };
}

assessments! {
    Botnet 0 "botnet";
    Malware 1 "malware";
    Phishing 2 "phishing";
    Bruteforce 3 "bruteforce";
    Spam 4 "spam";
    Scanner 5 "scanner";
    Tor 6 "tor";
    HighRisk 7 "high risk";
    Suspicious 8 "suspicious";
    Blacklist 9 "blacklist";
    Trustworthy 10 "trustworthy";
}

impl Assessment {
    /// Parses [`Assessment::word`].
    pub fn parse(word: &str) -> Option<Assessment> {
        Assessment::ALL.iter().copied().find(|assessment| assessment.word() == word)
    }
}

/// A set of assessments.
///
/// ```
/// use rapsheet_snapshot::{Assessment, Assessments};
///
/// let set: Assessments = [Assessment::Scanner, Assessment::Botnet].into_iter().collect();
/// assert_eq!(set.to_string(), "botnet, scanner");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Assessments(u16);

impl Assessments {
    /// None.
    pub const EMPTY: Assessments = Assessments(0);

    /// The set with these bits; unknown bits are dropped.
    pub const fn from_bits(bits: u16) -> Assessments {
        Assessments(bits & ((1 << Assessment::ALL.len()) - 1))
    }

    /// One bit per assessment, as the file stores them.
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// Whether it holds none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// This set and one more.
    #[must_use]
    pub const fn with(self, assessment: Assessment) -> Assessments {
        Assessments(self.0 | 1 << assessment as u8)
    }

    /// The members of either set.
    #[must_use]
    pub const fn union(self, other: Assessments) -> Assessments {
        Assessments(self.0 | other.0)
    }

    /// The members, strongest first.
    pub fn iter(self) -> impl Iterator<Item = Assessment> {
        Assessment::ALL.iter().copied().filter(move |assessment| self.0 >> *assessment as u8 & 1 == 1)
    }
}

impl FromIterator<Assessment> for Assessments {
    fn from_iter<I: IntoIterator<Item = Assessment>>(members: I) -> Assessments {
        members.into_iter().fold(Assessments::EMPTY, Assessments::with)
    }
}

impl fmt::Display for Assessments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, assessment) in self.iter().enumerate() {
            let comma = if position == 0 { "" } else { ", " };
            write!(f, "{comma}{}", assessment.word())?;
        }
        Ok(())
    }
}

/// A set of kinds of indicators.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Kinds(u8);

impl Kinds {
    /// None.
    pub const NONE: Kinds = Kinds(0);
    /// IPv4 addresses, prefixes and ranges.
    pub const IPV4: Kinds = Kinds(1);
    /// IPv6 addresses, prefixes and ranges.
    pub const IPV6: Kinds = Kinds(2);
    /// Domain names.
    pub const NAME: Kinds = Kinds(4);
    /// URLs.
    pub const URL: Kinds = Kinds(8);
    /// Addresses of both families.
    pub const ADDRESS: Kinds = Kinds(3);
    /// Everything.
    pub const ALL: Kinds = Kinds(15);

    /// The set with these bits; unknown bits are dropped.
    pub const fn from_bits(bits: u8) -> Kinds {
        Kinds(bits & 15)
    }

    /// One bit per kind, as the file stores them.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Whether it holds none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The members of either set.
    #[must_use]
    pub const fn union(self, other: Kinds) -> Kinds {
        Kinds(self.0 | other.0)
    }

    /// Whether the sets share a member.
    pub const fn intersects(self, other: Kinds) -> bool {
        self.0 & other.0 != 0
    }
}

/// The times of a sighting.
///
/// ```
/// use rapsheet_snapshot::{Time, Times};
///
/// let at = |day: i64| Time::from_unix(day * 86_400);
/// let times = Times { first_seen: at(20_000), detect_time: at(20_010), row_expiry: None };
/// let retention = 15 * 86_400;
/// assert_eq!(times.expires(retention), at(20_025));
/// assert!(times.live(at(20_024), retention) && !times.live(at(20_025), retention));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Times {
    /// When the feed first listed the indicator, as far as is known.
    pub first_seen: Time,
    /// When the feed last confirmed it.
    pub detect_time: Time,
    /// The expiry that the row states. The earlier of it and the feed's retention holds.
    pub row_expiry: Option<Time>,
}

impl Times {
    /// What the end of the sighting depends on.
    pub fn confirmation(&self) -> Confirmation {
        Confirmation { detect_time: self.detect_time, row_expiry: self.row_expiry }
    }

    /// The instant at which the sighting expires, under a retention in seconds.
    pub fn expires(&self, retention_seconds: i64) -> Time {
        self.confirmation().expires(retention_seconds)
    }

    /// Whether the sighting is live at `at`: `first_seen <= at < expires`.
    pub fn live(&self, at: Time, retention_seconds: i64) -> bool {
        self.first_seen <= at && at < self.expires(retention_seconds)
    }
}

/// The times of a sighting without its first_seen: what its end depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Confirmation {
    /// When the feed last confirmed the indicator.
    pub detect_time: Time,
    /// The expiry that the row states. The earlier of it and the feed's retention holds.
    pub row_expiry: Option<Time>,
}

impl Confirmation {
    /// The instant at which the sighting expires, under a retention in seconds.
    pub fn expires(&self, retention_seconds: i64) -> Time {
        let by_retention = self.detect_time.plus(retention_seconds);
        self.row_expiry.map_or(by_retention, |end| end.min(by_retention))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assessments_print_strongest_first() {
        let set: Assessments = [Assessment::Scanner, Assessment::Botnet].into_iter().collect();
        assert_eq!(set.to_string(), "botnet, scanner");
        assert_eq!(Assessments::from_bits(set.bits()), set);
        assert_eq!(Assessments::from_bits(u16::MAX).iter().count(), Assessment::ALL.len());
    }

    #[test]
    fn the_earlier_expiry_holds_and_is_exclusive() {
        let (first_seen, detect_time) = (Time::from_unix(1_000_000_000), Time::from_unix(1_000_000_100));
        let mut times = Times { first_seen, detect_time, row_expiry: None };
        assert!(!times.live(first_seen.plus(-1), 50) && times.live(first_seen, 50));
        assert!(times.live(detect_time.plus(49), 50) && !times.live(detect_time.plus(50), 50));
        times.row_expiry = Some(detect_time.plus(10));
        assert!(times.live(detect_time.plus(9), 50) && !times.live(detect_time.plus(10), 50));
    }
}
