//! The guards: what a download and its entries must pass, and how an operator sets them.
//!
//! The defaults are the two columns of one table, [`Guard::of`]: lists that allow are held tighter, because what
//! they say makes people look away. `[guard]` in a catalogue moves the defaults of all feeds, `[feed.guard]` those of
//! one; nothing in a feed's own text can.

use super::{DAY, Reading};
use rapsheet_snapshot::{AddressRange, ListKind, Scope, name, url};
use toml::Value;

/// The guards of one feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guard {
    /// A download without data is normal.
    pub can_be_empty: bool,
    /// Special-use address space may be listed.
    pub allow_bogons: bool,
    /// What must never be blocked may be: lists of resolvers, of social networks.
    pub allow_canaries: bool,
    /// An allowlist may hold everything below a private suffix, such as all pages of a code host.
    pub allow_private_suffixes: bool,
    /// The shortest IPv4 prefix that may be listed.
    pub widest_v4: u8,
    /// The shortest IPv6 prefix that may be listed.
    pub widest_v6: u8,
    /// Fewer indicators than this share of the last good download are held.
    pub shrunk_below: Share,
    /// Shrinking is judged where the last good download had so many indicators.
    pub shrunk_floor: u64,
    /// More indicators than this share of the last good download are held.
    pub grown_above: Share,
    /// Growing is judged where a download has more indicators than this.
    pub grown_floor: u64,
    /// A larger share of rejected lines is held.
    pub rejects_above: Share,
    /// The share is judged where so many lines are rejected.
    pub rejects_floor: u64,
    /// A download that covers more of the address space anew is held.
    pub new_coverage_above: Share,
    /// A download that covers more of the address space is held.
    pub coverage_above: Share,
    /// How much of the list's age is too much: a time of its own that is older is told.
    pub frozen_after_seconds: i64,
    /// What the download must list.
    pub must_contain: Vec<Sentinel>,
    /// What the download must not touch.
    pub must_not_contain: Vec<Sentinel>,
    /// What the last line that says anything must begin with; empty where nothing is asked.
    pub end_mark: String,
}

impl Guard {
    /// The defaults of a kind of list.
    pub fn of(list: ListKind) -> Guard {
        let pick = |block, allow| if list == ListKind::Block { block } else { allow };
        let percent = |block, allow| Share::percent(if list == ListKind::Block { block } else { allow });
        Guard {
            can_be_empty: false,
            allow_bogons: false,
            allow_canaries: false,
            allow_private_suffixes: false,
            widest_v4: pick(8, 10),
            widest_v6: pick(19, 24),
            shrunk_below: percent(50, 50),
            shrunk_floor: 100,
            grown_above: percent(300, 200),
            grown_floor: 1000,
            rejects_above: percent(20, 10),
            rejects_floor: 5,
            new_coverage_above: percent(2, 1),
            coverage_above: percent(15, 5),
            frozen_after_seconds: 30 * DAY,
            must_contain: Vec::new(),
            must_not_contain: Vec::new(),
            end_mark: String::new(),
        }
    }
}

/// A share of something, exact to a millionth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share {
    millionths: u64,
}

impl Share {
    /// So many hundredths.
    pub const fn percent(hundredths: u64) -> Share {
        Share { millionths: hundredths * 10_000 }
    }

    /// Reads `20%` or `0.5%`.
    pub fn parse(text: &str) -> Option<Share> {
        let number: f64 = text.strip_suffix('%')?.trim_end().parse().ok()?;
        let fits = (0.0..=1_000_000.0).contains(&number);
        fits.then(|| Share { millionths: (number * 10_000.0).round() as u64 })
    }

    /// How much of `whole` a part is.
    pub fn of(part: u128, whole: u128) -> Share {
        Share { millionths: u64::try_from(part * 1_000_000 / whole.max(1)).unwrap_or(u64::MAX) }
    }

    /// Whether `part` is more than this share of `whole`; both are far below 2^90.
    pub fn is_exceeded_by(self, part: u128, whole: u128) -> bool {
        part * 1_000_000 > whole * u128::from(self.millionths)
    }

    /// Whether `part` is less than this share of `whole`.
    pub fn is_missed_by(self, part: u64, whole: u64) -> bool {
        u128::from(part) * 1_000_000 < u128::from(whole) * u128::from(self.millionths)
    }
}

impl std::fmt::Display for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} %", self.millionths as f64 / 10_000.0)
    }
}

/// An indicator that a download must list, or must not touch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentinel {
    /// As it was written.
    pub text: String,
    /// What it means.
    pub mark: Mark,
}

/// An indicator in its canonical form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Addresses.
    Range(AddressRange),
    /// A name, and everything below it where it was written as `*.name`.
    Name(Vec<u8>, Scope),
    /// A URL.
    Url(Vec<u8>),
}

impl Mark {
    /// Reads an address, a prefix, a range, a name, `*.name` for a name and all below it, or a URL.
    pub fn parse(text: &str) -> Option<Mark> {
        let bytes = text.trim().as_bytes();
        if let Ok(read) = AddressRange::parse(bytes) {
            return Some(Mark::Range(read.range));
        }
        let mut out = Vec::new();
        if text.contains("://") {
            return url::canonical(bytes, &mut out).ok().map(|_| Mark::Url(out));
        }
        let (bytes, scope) = match bytes.strip_prefix(b"*.") {
            Some(below) => (below, Scope::Tree),
            None => (bytes, Scope::Exact),
        };
        name::canonical(bytes, &mut out).ok().map(|()| Mark::Name(out, scope))
    }
}

/// Reads a table of guards, whose other keys stay as `defaults` has them.
pub(super) fn read(inner: &mut Reading<'_>, defaults: Guard) -> Guard {
    Guard {
        can_be_empty: inner.flag("can_be_empty", defaults.can_be_empty),
        allow_bogons: inner.flag("allow_bogons", defaults.allow_bogons),
        allow_canaries: inner.flag("allow_canaries", defaults.allow_canaries),
        allow_private_suffixes: inner.flag("allow_private_suffixes", defaults.allow_private_suffixes),
        widest_v4: inner.prefix_length("widest_v4", defaults.widest_v4, 32),
        widest_v6: inner.prefix_length("widest_v6", defaults.widest_v6, 128),
        shrunk_below: share(inner, "shrunk_below", defaults.shrunk_below),
        shrunk_floor: number(inner, "shrunk_floor", defaults.shrunk_floor),
        grown_above: share(inner, "grown_above", defaults.grown_above),
        grown_floor: number(inner, "grown_floor", defaults.grown_floor),
        rejects_above: share(inner, "rejects_above", defaults.rejects_above),
        rejects_floor: number(inner, "rejects_floor", defaults.rejects_floor),
        new_coverage_above: share(inner, "new_coverage_above", defaults.new_coverage_above),
        coverage_above: share(inner, "coverage_above", defaults.coverage_above),
        frozen_after_seconds: inner.span("frozen_after", defaults.frozen_after_seconds),
        must_contain: sentinels(inner, "must_contain", defaults.must_contain),
        must_not_contain: sentinels(inner, "must_not_contain", defaults.must_not_contain),
        end_mark: inner.text("end_mark").unwrap_or(defaults.end_mark),
    }
}

fn share(inner: &mut Reading<'_>, key: &str, default: Share) -> Share {
    let Some(text) = inner.text(key) else { return default };
    Share::parse(&text).unwrap_or_else(|| {
        inner.problem(key, format!("expected a share such as \"20%\", found `{}`", text.escape_debug()));
        default
    })
}

fn number(inner: &mut Reading<'_>, key: &str, default: u64) -> u64 {
    match inner.table.remove(key) {
        None => default,
        Some(Value::Integer(number)) if number >= 0 => number.unsigned_abs(),
        Some(other) => {
            inner.problem(key, format!("expected a number that is not negative, found {other}"));
            default
        }
    }
}

fn sentinels(inner: &mut Reading<'_>, key: &str, default: Vec<Sentinel>) -> Vec<Sentinel> {
    if !inner.table.contains_key(key) {
        return default;
    }
    let texts = inner.texts(key);
    texts.into_iter().filter_map(|text| sentinel(inner, key, text)).collect()
}

fn sentinel(inner: &mut Reading<'_>, key: &str, text: String) -> Option<Sentinel> {
    let mark = Mark::parse(&text);
    if mark.is_none() {
        let found = text.escape_debug();
        inner.problem(key, format!("expected an address, a prefix, a name or a URL, found `{found}`"));
    }
    mark.map(|mark| Sentinel { text, mark })
}

/// What `never_block` adds to what is never blocked anyway.
pub(super) fn never_block(inner: &mut Reading<'_>) -> Vec<Mark> {
    sentinels(inner, "never_block", Vec::new()).into_iter().map(|sentinel| sentinel.mark).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_exact_at_their_edges() {
        let two = Share::parse("2%").expect("a share");
        assert_eq!(two, Share::percent(2));
        let v4 = 1u128 << 32;
        let edge = v4 * 2 / 100;
        assert!(!two.is_exceeded_by(edge, v4) && two.is_exceeded_by(edge + 1, v4));
        assert!(!Share::percent(20).is_exceeded_by(20, 100) && Share::percent(20).is_exceeded_by(21, 100));
        assert!(Share::percent(50).is_missed_by(49, 100) && !Share::percent(50).is_missed_by(50, 100));
        assert_eq!(Share::parse("0.5%").map(|share| share.to_string()).as_deref(), Some("0.5 %"));
        for bad in ["20", "-1%", "x%", "", "nan%"] {
            assert_eq!(Share::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn marks_are_read_as_what_they_are() {
        assert_eq!(Mark::parse("Example.COM."), Some(Mark::Name(b"example.com".to_vec(), Scope::Exact)));
        assert_eq!(Mark::parse("*.example.com"), Some(Mark::Name(b"example.com".to_vec(), Scope::Tree)));
        assert!(matches!(Mark::parse("203.0.113.0/24"), Some(Mark::Range(_))));
        assert_eq!(Mark::parse("HTTP://example.com"), Some(Mark::Url(b"http://example.com/".to_vec())));
        assert_eq!(Mark::parse("no name"), None);
    }
}
