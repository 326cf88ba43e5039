//! The guards: what a download and its entries must pass, and how an operator sets them.
//!
//! The defaults are the two columns of one table, [`Guard::of`]. Lists that allow have stricter ones, because
//! an entry of theirs hides a threat. `[guard]` in a catalogue changes the defaults of all feeds,
//! `[feed.guard]` those of one. Nothing in a feed's own text changes them.

use super::DAY;
use super::table_reader::TableReader;
use crate::entry::indicator::Indicator;
use rapsheet_snapshot::ListKind;
use toml::Value;

/// The guards of one feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guard {
    /// A download without data is a valid list.
    pub can_be_empty: bool,
    /// Special-use address space may be listed.
    pub allow_bogons: bool,
    /// The list may block what the never-block list protects: a list of resolvers, of social networks.
    pub allow_never_block: bool,
    /// An allowlist may cover everything below a private suffix, such as all pages of a code host.
    pub allow_private_suffixes: bool,
    /// The shortest IPv4 prefix that may be listed.
    pub widest_v4: u8,
    /// The shortest IPv6 prefix that may be listed.
    pub widest_v6: u8,
    /// A download with fewer indicators than this share of the last accepted one is held.
    pub shrunk_below: Share,
    /// Shrinking counts if the last accepted download had at least so many indicators.
    pub shrunk_floor: u64,
    /// A download with more indicators than this share of the last accepted one is held.
    pub grown_above: Share,
    /// Growing counts if the download has more indicators than this.
    pub grown_floor: u64,
    /// A download with a larger share of rejected lines is held.
    pub rejects_above: Share,
    /// The share counts if at least so many lines are rejected.
    pub rejects_floor: u64,
    /// A download that newly covers a larger share of the address space is held.
    pub new_coverage_above: Share,
    /// A download that covers a larger share of the address space is held.
    pub coverage_above: Share,
    /// After how many seconds an unchanged list is noted in the report.
    pub frozen_after_seconds: i64,
    /// Indicators that the download must list.
    pub must_contain: Vec<NamedIndicator>,
    /// Indicators of which the download must not list any part.
    pub must_not_contain: Vec<NamedIndicator>,
    /// What the last line that is not blank must begin with; empty for any line.
    pub end_mark: String,
    /// A download is held that newly flags more hits in an operator's logs, where the build is compared with
    /// any.
    pub max_new_hits: Option<u64>,
}

impl Guard {
    /// The defaults of a kind of list.
    pub fn of(list: ListKind) -> Guard {
        let pick = |block, allow| if list == ListKind::Block { block } else { allow };
        let percent = |block, allow| Share::percent(if list == ListKind::Block { block } else { allow });
        Guard {
            can_be_empty: false,
            allow_bogons: false,
            allow_never_block: false,
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
            max_new_hits: None,
        }
    }

    /// Takes off the guards that compare a download with the last one, and the one on its rejected lines: a
    /// person's own list may change as it likes, and may hold notes.
    pub(crate) fn hold_nothing(&mut self) {
        (self.shrunk_floor, self.grown_floor, self.rejects_floor) = (u64::MAX, u64::MAX, u64::MAX);
        self.new_coverage_above = self.coverage_above;
        self.frozen_after_seconds = i64::from(u32::MAX);
    }
}

/// A share of something, exact to a millionth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share {
    millionths: u64,
}

impl Share {
    /// So many hundredths.
    pub(crate) const fn percent(hundredths: u64) -> Share {
        Share { millionths: hundredths * 10_000 }
    }

    /// Reads `20%` or `0.5%`.
    fn parse(text: &str) -> Option<Share> {
        let number: f64 = text.strip_suffix('%')?.trim_end().parse().ok()?;
        let fits = (0.0..=1_000_000.0).contains(&number);
        fits.then(|| Share { millionths: (number * 10_000.0).round() as u64 })
    }

    /// The share of `part` in `whole`.
    pub(crate) fn of(part: u128, whole: u128) -> Share {
        Share { millionths: u64::try_from(part * 1_000_000 / whole.max(1)).unwrap_or(u64::MAX) }
    }

    /// The next multiple of so many hundredths above this share, in hundredths: what a limit may be set to.
    pub(crate) const fn next(self, hundredths: u64) -> u64 {
        (self.millionths / (hundredths * 10_000) + 1) * hundredths
    }

    /// Whether `part` is more than this share of `whole`. Neither product overflows: both are far below 2^90,
    /// and a share is below 2^34.
    pub(crate) fn is_exceeded_by(self, part: u128, whole: u128) -> bool {
        part * 1_000_000 > whole * u128::from(self.millionths)
    }

    /// Whether `part` is less than this share of `whole`.
    pub(crate) fn is_missed_by(self, part: u64, whole: u64) -> bool {
        u128::from(part) * 1_000_000 < u128::from(whole) * u128::from(self.millionths)
    }
}

impl std::fmt::Display for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} %", self.millionths as f64 / 10_000.0)
    }
}

/// An indicator of a guard, as written and as parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedIndicator {
    /// As it was written.
    pub text: String,
    /// As it was parsed.
    pub indicator: Indicator,
}

/// Reads a table of guards. Keys that it lacks keep their defaults.
pub(super) fn read(table: &mut TableReader<'_>, defaults: Guard) -> Guard {
    // The former spelling of `allow_never_block`, which older catalogues have.
    let former = table.flag("allow_canaries", defaults.allow_never_block);
    Guard {
        can_be_empty: table.flag("can_be_empty", defaults.can_be_empty),
        allow_bogons: table.flag("allow_bogons", defaults.allow_bogons),
        allow_never_block: table.flag("allow_never_block", former),
        allow_private_suffixes: table.flag("allow_private_suffixes", defaults.allow_private_suffixes),
        widest_v4: table.prefix_length("widest_v4", defaults.widest_v4, 32),
        widest_v6: table.prefix_length("widest_v6", defaults.widest_v6, 128),
        shrunk_below: share(table, "shrunk_below", defaults.shrunk_below),
        shrunk_floor: number(table, "shrunk_floor", defaults.shrunk_floor),
        grown_above: share(table, "grown_above", defaults.grown_above),
        grown_floor: number(table, "grown_floor", defaults.grown_floor),
        rejects_above: share(table, "rejects_above", defaults.rejects_above),
        rejects_floor: number(table, "rejects_floor", defaults.rejects_floor),
        new_coverage_above: share(table, "new_coverage_above", defaults.new_coverage_above),
        coverage_above: share(table, "coverage_above", defaults.coverage_above),
        frozen_after_seconds: table.span("frozen_after", defaults.frozen_after_seconds),
        must_contain: indicators(table, "must_contain", defaults.must_contain),
        must_not_contain: indicators(table, "must_not_contain", defaults.must_not_contain),
        end_mark: table.text("end_mark").unwrap_or(defaults.end_mark),
        max_new_hits: limit(table, "max_new_hits", defaults.max_new_hits),
    }
}

fn share(table: &mut TableReader<'_>, key: &str, default: Share) -> Share {
    let Some(text) = table.text(key) else { return default };
    Share::parse(&text).unwrap_or_else(|| {
        table.problem(key, format!("expected a share such as \"20%\", found `{}`", text.escape_debug()));
        default
    })
}

fn number(table: &mut TableReader<'_>, key: &str, default: u64) -> u64 {
    match table.take(key) {
        None => default,
        Some(Value::Integer(number)) if number >= 0 => number.unsigned_abs(),
        Some(other) => {
            table.problem(key, format!("expected a number that is not negative, found {other}"));
            default
        }
    }
}

/// A number where the table has one.
fn limit(table: &mut TableReader<'_>, key: &str, default: Option<u64>) -> Option<u64> {
    let is_there = table.unread.contains_key(key);
    let number = number(table, key, default.unwrap_or(0));
    if is_there { Some(number) } else { default }
}

fn indicators(table: &mut TableReader<'_>, key: &str, default: Vec<NamedIndicator>) -> Vec<NamedIndicator> {
    if !table.unread.contains_key(key) {
        return default;
    }
    let texts = table.texts(key);
    texts.into_iter().filter_map(|text| indicator(table, key, text)).collect()
}

fn indicator(table: &mut TableReader<'_>, key: &str, text: String) -> Option<NamedIndicator> {
    let indicator = Indicator::parse(&text);
    if indicator.is_none() {
        let found = text.escape_debug();
        table.problem(key, format!("expected an address, a prefix, a name or a URL, found `{found}`"));
    }
    indicator.map(|indicator| NamedIndicator { text, indicator })
}

/// What `never_block` adds to the built-in list.
pub(super) fn never_block(table: &mut TableReader<'_>) -> Vec<Indicator> {
    indicators(table, "never_block", Vec::new()).into_iter().map(|named| named.indicator).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compares_shares_exactly() {
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
}
