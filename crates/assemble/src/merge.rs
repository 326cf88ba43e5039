//! Grouping the rows of equal keys.
//!
//! Merging sorted runs brings rows with the same key together, whichever feed, file or thread they come from.

use crate::columns::Repeat;
use std::cmp::Ordering;
use std::ops::Range;

/// Sorted runs of rows, which are merged while they are visited. Rows are never moved.
pub(crate) struct SortedRuns<'r, R> {
    rows: &'r [R],
    /// The rows of each run that are not yet visited.
    rest: Vec<Range<usize>>,
    /// The repeats of each run that are not yet visited.
    repeats: Vec<&'r [Repeat]>,
}

impl<'r, R> SortedRuns<'r, R> {
    /// Runs that end at `run_ends`, and further claims about keys of the first run.
    pub(crate) fn new(rows: &'r [R], run_ends: &[usize], repeats: &'r [Vec<Repeat>]) -> SortedRuns<'r, R> {
        let starts = std::iter::once(0).chain(run_ends.iter().copied());
        let rest = starts.zip(run_ends).map(|(start, end)| start..*end).collect();
        SortedRuns { rows, rest, repeats: repeats.iter().map(Vec::as_slice).collect() }
    }

    /// Visits the groups of rows with equal keys, in order: one of the rows, and the tags of all.
    pub(crate) fn each_group(
        mut self,
        order: impl Fn(&R, &R) -> Ordering,
        tag: impl Fn(&R) -> u32,
        mut visit: impl FnMut(&R, &mut Vec<u32>),
    ) {
        let mut tags = Vec::new();
        let rows = self.rows;
        let head = |run: &Range<usize>| rows.get(run.clone()).and_then(<[R]>::first);
        while let Some(first) = self.rest.iter().filter_map(head).min_by(|a, b| order(a, b)) {
            tags.clear();
            for run in &mut self.rest {
                while let Some(row) = head(run).filter(|row| order(row, first) == Ordering::Equal) {
                    tags.push(tag(row));
                    run.start += 1;
                }
            }
            self.take_repeats(&mut tags);
            visit(first, &mut tags);
        }
    }

    /// Adds the tags of the repeats whose rows of the first run have been visited.
    fn take_repeats(&mut self, tags: &mut Vec<u32>) {
        // Rows are fewer than 2^32: see `SizeLimits::rows`.
        let visited = self.rest.first().map_or(0, |run| run.start as u32);
        for list in &mut self.repeats {
            while let Some((repeat, rest)) = list.split_first().filter(|(repeat, _)| repeat.row < visited) {
                tags.push(repeat.tag);
                *list = rest;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merges_sorted_runs_and_repeats_group_by_group() {
        let rows = [(1, 10), (1, 11), (4, 12), (1, 20), (3, 21), (4, 22), (9, 30)];
        let repeat = |row, tag| Repeat { row, tag };
        let repeats = [vec![repeat(0, 40), repeat(2, 41)], vec![repeat(2, 50)]];
        let order = |a: &(u32, u32), b: &(u32, u32)| a.0.cmp(&b.0);
        let runs = SortedRuns::new(&rows, &[3, 6, 7], &repeats);
        let mut groups = Vec::new();
        runs.each_group(order, |row| row.1, |row, tags| groups.push((row.0, tags.clone())));
        let expected = [(1, vec![10, 11, 20, 40]), (3, vec![21]), (4, vec![12, 22, 41, 50]), (9, vec![30])];
        assert_eq!(groups, expected);
    }
}
