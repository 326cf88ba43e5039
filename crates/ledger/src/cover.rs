//! A set of feeds that covers a share of all indicators, chosen greedily.
//!
//! Finding the smallest set takes time exponential in the number of feeds. A greedy one has at most `ln n +
//! 1` times as many feeds, where `n` is the number of indicators.

use crate::feeds::Position;
use std::collections::HashMap;

/// A share in hundredths of a percent.
///
/// ```
/// use rapsheet_ledger::CoverShare;
///
/// assert_eq!(CoverShare::parse("95").map(|share| share.to_string()).as_deref(), Some("95"));
/// assert_eq!(CoverShare::parse("99.5%").map(|share| share.to_string()).as_deref(), Some("99.5"));
/// assert_eq!(CoverShare::parse("101"), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CoverShare(u16);

impl CoverShare {
    /// Reads a number of percent from 0 to 100, with at most two digits behind the point.
    pub fn parse(text: &str) -> Option<CoverShare> {
        let text = text.strip_suffix('%').unwrap_or(text);
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number(whole) || !is_number(fraction) || fraction.len() > 2 || whole.len() > 3 {
            return None;
        }
        let tens = if fraction.len() == 1 { 10 } else { 1 };
        let hundredths = whole.parse::<u16>().ok()? * 100 + fraction.parse::<u16>().ok()? * tens;
        (hundredths <= 10_000).then_some(CoverShare(hundredths))
    }

    /// Whether `part` is at least this share of `whole`.
    fn is_reached_by(self, part: u64, whole: u64) -> bool {
        u128::from(part) * 10_000 >= u128::from(whole) * u128::from(self.0)
    }
}

impl std::fmt::Display for CoverShare {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", f64::from(self.0) / 100.0)
    }
}

/// The feeds that were chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cover {
    /// One feed after another.
    pub steps: Vec<Step>,
    /// How many indicators they cover.
    pub covered: u64,
    /// How many there are.
    pub indicators: u64,
}

/// A feed that was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step {
    /// Its position in [`Ledger::feeds`](crate::Ledger::feeds).
    pub feed: usize,
    /// How many indicators it covers that those before it do not.
    pub added: u64,
    /// How many it covers together with those before it.
    pub covered: u64,
}

/// Chooses feeds until the share is covered. Of feeds that add alike, the one with more entries is chosen,
/// then the first.
pub(crate) fn choose(
    combinations: &HashMap<Box<[Position]>, u64>,
    entries: &[u64],
    indicators: u64,
    share: CoverShare,
) -> Cover {
    let mut rest: Vec<(&[Position], u64)> =
        combinations.iter().map(|(feeds, count)| (feeds.as_ref(), *count)).collect();
    let mut cover = Cover { steps: Vec::new(), covered: 0, indicators };
    let mut gains = gains(&rest, entries.len());
    while !share.is_reached_by(cover.covered, indicators) {
        let rank =
            |feed: &usize| (gains.get(*feed).copied(), entries.get(*feed).copied(), std::cmp::Reverse(*feed));
        let best = (0..entries.len()).max_by_key(rank);
        let Some((feed, added)) = best.and_then(|feed| Some((feed, gains.get(feed).copied()?))) else {
            break;
        };
        if added == 0 {
            break;
        }
        cover.covered = cover.covered.saturating_add(added);
        cover.steps.push(Step { feed, added, covered: cover.covered });
        rest.retain(|(feeds, count)| {
            let is_covered = feeds.iter().any(|other| usize::from(*other) == feed);
            for other in feeds.iter().filter(|_| is_covered) {
                let gain = gains.get_mut(usize::from(*other));
                gain.into_iter().for_each(|gain| *gain = gain.saturating_sub(*count));
            }
            !is_covered
        });
    }
    cover
}

/// How many indicators each feed covers.
fn gains(combinations: &[(&[Position], u64)], feeds: usize) -> Vec<u64> {
    let mut gains = vec![0u64; feeds];
    for (feeds, count) in combinations {
        for feed in *feeds {
            let gain = gains.get_mut(usize::from(*feed));
            gain.into_iter().for_each(|gain| *gain = gain.saturating_add(*count));
        }
    }
    gains
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cover(rows: &[(&[Position], u64)], share: &str) -> Vec<(usize, u64)> {
        let combinations: HashMap<Box<[Position]>, u64> =
            rows.iter().map(|(feeds, count)| (Box::from(*feeds), *count)).collect();
        let all = rows.iter().map(|(_, count)| count).sum();
        let share = CoverShare::parse(share).expect("a share");
        let cover = choose(&combinations, &[10, 20, 10], all, share);
        cover.steps.iter().map(|step| (step.feed, step.covered)).collect()
    }

    #[test]
    fn takes_what_adds_most() {
        let rows: &[(&[Position], u64)] = &[(&[0, 1], 5), (&[0], 3), (&[1, 2], 3), (&[2], 1)];
        assert_eq!(cover(rows, "100"), [(1, 8), (0, 11), (2, 12)], "1 has more entries than 0");
        assert_eq!(cover(rows, "91.66"), [(1, 8), (0, 11)]);
        assert_eq!(cover(rows, "91.67"), [(1, 8), (0, 11), (2, 12)]);
        assert_eq!(cover(rows, "0"), []);
        assert_eq!(cover(&[], "100"), []);
    }

    #[test]
    fn reads_shares() {
        for bad in ["", "-1", "100.01", "1.", ".5", "1.234", "abc", "9999", "5 %"] {
            assert_eq!(CoverShare::parse(bad), None, "{bad}");
        }
        assert_eq!(CoverShare::parse("0.05").map(|share| share.0), Some(5));
        assert_eq!(CoverShare::parse("100"), Some(CoverShare(10_000)));
    }
}
