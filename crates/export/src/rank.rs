//! Which entries are written under a limit: those that most providers agree on, and of these the freshest.

use crate::statement::Statement;
use rapsheet_snapshot::Time;
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// The larger, the sooner it is written: how many providers agree, then when one of them last confirmed it.
type Rank = (u16, Time);

fn rank(statement: &Statement) -> Rank {
    (statement.providers, statement.detect_time)
}

/// The highest ranks of all entries, no more than the limit lets through: 16 bytes each.
pub(crate) struct Ranks {
    limit: u64,
    highest: BinaryHeap<Reverse<Rank>>,
    is_over: bool,
}

impl Ranks {
    pub(crate) fn new(limit: u64) -> Ranks {
        Ranks { limit, highest: BinaryHeap::new(), is_over: false }
    }

    /// Counts entries of one statement.
    pub(crate) fn add(&mut self, statement: &Statement, entries: u64) {
        let rank = rank(statement);
        for _ in 0..entries.min(self.limit) {
            if (self.highest.len() as u64) < self.limit {
                self.highest.push(Reverse(rank));
                continue;
            }
            self.is_over = true;
            match self.highest.peek_mut() {
                Some(mut lowest) if lowest.0 < rank => *lowest = Reverse(rank),
                _ => return,
            }
        }
        self.is_over |= entries > self.limit;
    }

    /// What the limit lets through.
    pub(crate) fn cut(self) -> Cut {
        let lowest = self.highest.peek().map(|lowest| lowest.0);
        match (self.is_over, lowest) {
            (false, _) => Cut::Nothing,
            (true, None) => Cut::Everything,
            (true, Some(lowest)) => {
                let ties = self.highest.iter().filter(|rank| rank.0 == lowest).count();
                Cut::Below { lowest, ties }
            }
        }
    }
}

/// What a limit lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// All entries: there are no more than the limit.
    Nothing,
    /// None: the limit is 0.
    Everything,
    /// Those above a rank, and so many of that rank, the first in the order of the snapshot.
    Below { lowest: Rank, ties: usize },
}

impl Cut {
    /// Whether an entry is let through wherever it comes.
    pub(crate) fn surely_takes(&self, statement: &Statement) -> bool {
        match self {
            Cut::Nothing => true,
            Cut::Everything => false,
            Cut::Below { lowest, .. } => rank(statement) > *lowest,
        }
    }

    /// Whether the next entry is let through.
    pub(crate) fn takes(&mut self, statement: &Statement) -> bool {
        let (lowest, ties) = match self {
            Cut::Nothing => return true,
            Cut::Everything => return false,
            Cut::Below { lowest, ties } => (lowest, ties),
        };
        match rank(statement).cmp(lowest) {
            Ordering::Greater => true,
            Ordering::Less => false,
            Ordering::Equal => {
                let left = ties.checked_sub(1);
                *ties = left.unwrap_or(0);
                left.is_some()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rapsheet_snapshot::{Assessments, ListKind};

    fn statement((providers, detect_time): (u16, i64)) -> Statement {
        let time = Time::from_unix(detect_time);
        Statement {
            list: ListKind::Block,
            assessments: Assessments::EMPTY,
            providers,
            first_seen: time,
            detect_time: time,
            expires: time,
            feeds: Vec::new(),
        }
    }

    proptest! {
        #[test]
        fn the_first_of_all_sorted_by_rank(
            rows in proptest::collection::vec((1u16..4, 0i64..4), 0..60),
            limit in 0u64..70,
        ) {
            let mut ranks = Ranks::new(limit);
            rows.iter().for_each(|row| ranks.add(&statement(*row), 1));
            let mut cut = ranks.cut();
            let taken: Vec<usize> = (0..rows.len()).filter(|at| cut.takes(&statement(rows[*at]))).collect();
            let mut expected: Vec<usize> = (0..rows.len()).collect();
            expected.sort_by_key(|at| Reverse(rows[*at]));
            expected.truncate(limit as usize);
            expected.sort_unstable();
            prop_assert_eq!(taken, expected);
        }

        #[test]
        fn many_entries_of_a_statement_count_as_many(
            rows in proptest::collection::vec(((1u16..4, 0i64..4), 1u64..9), 0..30),
            limit in 0u64..70,
        ) {
            let (mut ranks, mut slow) = (Ranks::new(limit), Ranks::new(limit));
            for (row, entries) in &rows {
                ranks.add(&statement(*row), *entries);
                (0..*entries).for_each(|_| slow.add(&statement(*row), 1));
            }
            prop_assert_eq!(ranks.cut(), slow.cut());
        }
    }
}
