//! The ages of a feed's entries, as counts for each whole hour: so their median takes no more memory than
//! there are hours in which entries were first seen.

use std::collections::BTreeMap;

const HOUR: i64 = 3600;

/// How many entries have an age of so many hours.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ages(BTreeMap<i64, u64>);

impl Ages {
    /// Counts entries of one age, in seconds.
    pub(crate) fn add(&mut self, seconds: i64, count: u64) {
        let hours = self.0.entry(seconds.max(0) / HOUR).or_default();
        *hours = hours.saturating_add(count);
    }

    /// The median in seconds, rounded down to the hour; of an even number of entries the younger of the two
    /// in the middle.
    pub(crate) fn median(&self) -> Option<i64> {
        let all = self.0.values().fold(0u64, |sum, count| sum.saturating_add(*count));
        let middle = all.checked_sub(1)? / 2;
        let mut before = 0u64;
        let mut ages = self.0.iter();
        let (hours, _) = ages.find(|(_, count)| {
            before = before.saturating_add(**count);
            before > middle
        })?;
        Some(hours * HOUR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_lower_of_two() {
        let median = |ages: &[i64]| {
            let mut all = Ages::default();
            ages.iter().for_each(|seconds| all.add(*seconds, 1));
            all.median()
        };
        assert_eq!([median(&[]), median(&[7250]), median(&[-5])], [None, Some(7200), Some(0)]);
        assert_eq!([median(&[0, 90_000]), median(&[0, 7200, 90_000])], [Some(0), Some(7200)]);
    }
}
