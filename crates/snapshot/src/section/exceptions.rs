//! Exceptions: sets whose numbers are too large for the width that a part's packed array uses.
//!
//! Sets are numbered by use, so that few bits number the set of nearly every entry. An entry whose bits are
//! all set has its set here instead, under its ordinal, as in PFOR (M. Zukowski et al., "Super-Scalar RAM-CPU
//! Cache Compression", 2006). A few entries in a thousand pay for a search, and all others take a bit or two
//! less.

use crate::error::TooLarge;
use crate::layout::u32_at;

const ROW_LEN: usize = 8;
const HEAD_LEN: usize = 8;
/// What an exception costs, in rows: finding its row takes a search, which misses the cache several times.
const ROWS_PER_EXCEPTION: usize = 3;

/// The sets of a part's entries, divided.
pub struct Divided {
    /// The largest number of the width, which stands for any set that is not below it.
    pub mark: u32,
    /// The entries whose sets are exceptions, in order: ordinal and set.
    pub exceptions: Vec<(u32, u32)>,
}

/// Divides the sets of a part's entries at the width that costs the fewest bytes, where an exception costs
/// as much as three rows.
pub fn divide(sets: impl ExactSizeIterator<Item = u32> + Clone) -> Result<Divided, TooLarge> {
    let last = sets.clone().max().unwrap_or(0);
    // All 32 bits set is no set number: it marks an exception at the largest width.
    TooLarge::check("sets", "sets", u64::from(last) + 1, u64::from(u32::MAX))?;
    TooLarge::fit_u32("a part of the snapshot", "entries", sets.len())?;
    // How many sets have so many bits when one is added to them, which makes a mark the least number of its bits.
    let mut lengths = [0usize; 33];
    for set in sets.clone() {
        let length = 32 - set.wrapping_add(1).leading_zeros();
        lengths.get_mut(length as usize).into_iter().for_each(|count| *count += 1);
    }
    let cost = |width: u32| {
        let exceptions = lengths.iter().skip(width as usize + 1).sum::<usize>();
        sets.len() * width as usize + exceptions * ROW_LEN * 8 * ROWS_PER_EXCEPTION
    };
    let largest = if sets.len() == 0 { 0 } else { 32 - (last + 1).leading_zeros() };
    let width = (1..=largest).min_by_key(|width| cost(*width)).unwrap_or(1);
    let mark = mark(width);
    let exceptions = (0u32..).zip(sets).filter(|(_, set)| *set >= mark).collect();
    Ok(Divided { mark, exceptions })
}

/// The number that marks an exception: all bits set.
fn mark(width: u32) -> u32 {
    u32::MAX >> (32 - width)
}

/// The bytes of the section: for each part the id of its sets and the number of its rows, then all rows.
pub fn encode(parts: &[(u16, Vec<(u32, u32)>)]) -> Result<Vec<u8>, TooLarge> {
    let mut words = vec![TooLarge::fit_u32("set-exceptions", "parts", parts.len())?];
    for (id, rows) in parts {
        words.extend([u32::from(*id), TooLarge::fit_u32("set-exceptions", "rows", rows.len())?]);
    }
    words.extend(parts.iter().flat_map(|(_, rows)| rows).flat_map(|(ordinal, set)| [*ordinal, *set]));
    Ok(words.into_iter().flat_map(u32::to_le_bytes).collect())
}

/// The exceptions of one part.
#[derive(Clone, Copy, Debug, Default)]
pub struct Exceptions<'a>(&'a [[u8; ROW_LEN]]);

impl<'a> Exceptions<'a> {
    /// The exceptions of the part whose sets have this section id; none where there are none.
    pub fn new(bytes: &'a [u8], id: u16) -> Exceptions<'a> {
        let parts = u32_at(bytes, 0) as usize;
        let heads = bytes.get(4..).unwrap_or(&[]).as_chunks::<HEAD_LEN>().0;
        let Some(heads) = heads.get(..parts) else { return Exceptions::default() };
        let rows = bytes.get(4 + parts * HEAD_LEN..).unwrap_or(&[]).as_chunks::<ROW_LEN>().0;
        let place = heads.iter().position(|head| u32_at(head, 0) == u32::from(id));
        let rows = place.and_then(|place| {
            let (before, head) = (heads.get(..place)?, heads.get(place)?);
            let start = before.iter().map(|head| u32_at(head, 4) as usize).sum::<usize>();
            rows.get(start..)?.get(..u32_at(head, 4) as usize)
        });
        Exceptions(rows.unwrap_or_default())
    }

    /// How many rows all parts have by their heads, and how many bytes such a section takes.
    pub(crate) fn total(bytes: &[u8]) -> Option<(usize, usize)> {
        if bytes.is_empty() {
            return Some((0, 0));
        }
        let parts = u32_at(bytes, 0) as usize;
        let heads = bytes.get(4..)?.as_chunks::<HEAD_LEN>().0.get(..parts)?;
        let rows = heads.iter().map(|head| u32_at(head, 4) as usize).sum::<usize>();
        Some((rows, 4 + parts * HEAD_LEN + rows * ROW_LEN))
    }

    /// Whether the part has no exceptions.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// How many exceptions the part has.
    pub fn len(self) -> usize {
        self.0.len()
    }

    /// The set of an entry that is an exception.
    pub fn get(self, ordinal: u32) -> Option<u32> {
        let at = self.0.partition_point(|row| u32_at(row, 0) < ordinal);
        let row = self.0.get(at).filter(|row| u32_at(*row, 0) == ordinal)?;
        Some(u32_at(row, 4))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_and_infrequent_sets_are_exceptions() {
        let sets: Vec<u32> = (0..10_000).map(|at| if at % 500 == 7 { 9_000 + at } else { at % 5 }).collect();
        let divided = divide(sets.iter().copied()).expect("few");
        assert_eq!((divided.exceptions.len(), divided.mark), (20, 7));
        let bytes = encode(&[(18, vec![(1, 2)]), (33, divided.exceptions)]).expect("few");
        let exceptions = Exceptions::new(&bytes, 33);
        for (at, set) in (0..).zip(&sets) {
            let found = if *set >= 7 { exceptions.get(at) } else { None };
            assert_eq!(found.unwrap_or((*set).min(7)), *set);
        }
        assert_eq!(Exceptions::new(&bytes, 18).get(1), Some(2));
        assert!(Exceptions::new(&bytes, 20).is_empty() && Exceptions::new(&bytes[..30], 33).is_empty());
        assert!(Exceptions::new(&[255; 12], 33).is_empty());
    }

    #[test]
    fn sets_that_fit_are_no_exceptions() {
        for sets in [vec![], vec![0], vec![0, 1, 2, 3, 4, 5, 6, 6, 6], vec![u32::MAX - 1]] {
            let divided = divide(sets.iter().copied()).expect("few");
            assert!(divided.exceptions.is_empty(), "{sets:?}");
        }
    }

    #[test]
    fn the_last_number_is_too_large() {
        assert!(divide([0, u32::MAX].into_iter()).is_err());
    }
}
