//! Who is told of the transfers.

use crate::job::Job;
use crate::outcome::Outcome;

/// Is told of the transfers, by several threads.
pub trait Observer: Sync {
    /// How many feeds will be asked for.
    fn starts(&self, _feeds: usize) {}
    /// A feed begins.
    fn begins(&self, _job: &Job) {}
    /// So many bytes of a feed have come, of so many, if that is known.
    fn receives(&self, _job: &Job, _bytes: u64, _total: Option<u64>) {}
    /// A feed has ended.
    fn ends(&self, _outcome: &Outcome) {}
}

/// No one is told.
impl Observer for () {}
