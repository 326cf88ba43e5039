//! The memory that the rows of all downloads may take.
//!
//! Feeds are read at the same time, and the cost of each is counted while it is read. Where the sum exceeds
//! the bound, the feed that is being read loses its rows and is counted to its end. Once all costs are known,
//! [`over`] chooses which feeds are held, by these alone: the choice depends neither on threads nor on the
//! order of files.

use std::sync::atomic::{AtomicU64, Ordering};

/// How much may be used, and is.
#[derive(Debug)]
pub(crate) struct MemoryBudget {
    limit: u64,
    used: AtomicU64,
}

impl MemoryBudget {
    /// A budget of so many bytes.
    pub(crate) fn new(limit: u64) -> MemoryBudget {
        MemoryBudget { limit, used: AtomicU64::new(0) }
    }

    /// The bytes of the budget.
    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }

    /// Takes bytes, if so many are left.
    pub(crate) fn take(&self, bytes: u64) -> bool {
        let taken = |used: u64| used.checked_add(bytes).filter(|used| *used <= self.limit);
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken).is_ok()
    }

    /// Gives bytes back.
    pub(crate) fn release(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// The positions of the feeds to hold so that the costs of the others fit the limit: the largest first, and
/// of equal ones the last.
pub(crate) fn over(costs: &[u64], limit: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..costs.len()).collect();
    let cost = |at: &usize| costs.get(*at).copied().unwrap_or(0);
    order.sort_by_key(|at| (cost(at), *at));
    let mut sum = costs.iter().fold(0u64, |sum, cost| sum.saturating_add(*cost));
    let mut held = Vec::new();
    while sum > limit {
        let Some(largest) = order.pop() else { break };
        sum = costs.iter().enumerate().filter(|(at, _)| order.contains(at)).map(|(_, cost)| *cost).sum();
        held.push(largest);
    }
    held
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_feeds_are_held_until_the_rest_fits() {
        assert_eq!(over(&[5, 90, 7, 40], 200), [0usize; 0]);
        assert_eq!(over(&[5, 90, 7, 40], 60), [1]);
        assert_eq!(over(&[5, 90, 7, 40], 12), [1, 3]);
        assert_eq!(over(&[9, 9, 9], 18), [2]);
        assert_eq!(over(&[9, 9, u64::MAX], 0), [2, 1, 0]);
    }

    #[test]
    fn what_is_taken_is_released() {
        let budget = MemoryBudget::new(10);
        assert!(budget.take(6) && !budget.take(5) && budget.take(4));
        budget.release(6);
        assert!(budget.take(5) && !budget.take(u64::MAX));
    }
}
