//! How much one snapshot may hold.
//!
//! Row numbers, group numbers and set numbers are 32 bits wide. Checking the number of rows once, before
//! anything is numbered, keeps the checks out of the loops that visit every row.

/// The largest snapshot that [`assemble`](crate::assemble) builds. The default is what the format can hold;
/// lower limits serve tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SizeLimits {
    /// Distinct claims.
    pub claims: u64,
    /// Rows of one kind of key: IPv4 addresses, IPv6 addresses, names or URLs.
    pub rows: u64,
    /// Ranges that are no prefix, and cover the same address. The ranges of real lists hardly overlap.
    pub overlaps: usize,
}

impl SizeLimits {
    /// The same, but that so many ranges may overlap.
    #[must_use]
    pub fn with_overlaps(self, overlaps: usize) -> SizeLimits {
        SizeLimits { overlaps, ..self }
    }
}

/// The number of a rare group is a claim's number, a scope of two bits, and two bits that say what it is: see
/// `groups`.
const CLAIMS_MAX: u64 = (1 << 28) - 1;
/// Flattening cuts at most two ranges for a row, so 2^30 rows give numbers below 2^32.
const ROWS_MAX: u64 = 1 << 30;

/// A hostile list could make thousands of ranges overlap, with a set of its own at every cut.
pub(crate) const OVERLAP_MAX: usize = 16;

impl Default for SizeLimits {
    fn default() -> SizeLimits {
        SizeLimits { claims: CLAIMS_MAX, rows: ROWS_MAX, overlaps: OVERLAP_MAX }
    }
}
