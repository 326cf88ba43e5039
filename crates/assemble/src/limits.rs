//! How much one snapshot may hold, and the error for more.
//!
//! Row numbers, group numbers and set numbers are 32 bits wide. Checking the number of rows once, before anything
//! is numbered, keeps the checks out of the loops that visit every row.

use std::fmt;

/// The largest snapshot that [`assemble`](crate::assemble) builds. The default is what the format can hold; lower
/// limits serve tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Distinct claims.
    pub claims: usize,
    /// Rows of one kind of key: IPv4 addresses, IPv6 addresses, names or URLs.
    pub rows: usize,
}

/// A tag holds a claim's number in 30 bits.
const CLAIMS_MAX: usize = (1 << 30) - 1;
/// Flattening cuts at most two ranges for a row, so 2^30 rows give numbers below 2^32.
const ROWS_MAX: usize = 1 << 30;

impl Default for Limits {
    fn default() -> Limits {
        Limits { claims: CLAIMS_MAX, rows: ROWS_MAX }
    }
}

/// The contents exceed what a snapshot can hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TooLarge {
    /// What there is too much of, as a plural: `distinct claims`.
    pub what: &'static str,
    /// How many there are; `None` where counting stopped at the limit.
    pub found: Option<u64>,
    /// How many there may be.
    pub limit: u64,
}

impl TooLarge {
    /// An error if `found` exceeds `limit`.
    pub fn check(what: &'static str, found: usize, limit: usize) -> Result<(), TooLarge> {
        if found <= limit {
            Ok(())
        } else {
            Err(TooLarge { what, found: Some(found as u64), limit: limit as u64 })
        }
    }

    /// The next number of a 32-bit numbering that has given out `count` of them.
    pub(crate) fn next_number(what: &'static str, count: usize) -> Result<u32, TooLarge> {
        let limit = u64::from(u32::MAX);
        u32::try_from(count).map_err(|_| TooLarge { what, found: None, limit })
    }
}

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TooLarge { what, found, limit } = self;
        match found {
            Some(found) => write!(f, "a snapshot holds at most {limit} {what}, and these are {found}"),
            None => write!(f, "a snapshot holds at most {limit} {what}, and there are more"),
        }
    }
}

impl std::error::Error for TooLarge {}
