//! A range of addresses, the input of the encoders of both families.

/// A range of addresses with its record set and the position of its own times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RangeEntry<N> {
    /// The lowest address.
    pub first: N,
    /// The highest address.
    pub last: N,
    /// The number of its record set.
    pub set: u32,
    /// Where its own times begin in the caller's list, if its set has records with own times.
    pub own: u32,
}
