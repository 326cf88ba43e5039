//! Sets whose numbers are too large for the width that the entries of a part share.
//!
//! Sets are numbered by use, so that a few bits name the set of nearly every entry. An entry with all bits set
//! has its set here instead, under its ordinal: a few in a thousand pay a search, and all the others need a bit or two less.

use crate::layout::u32_at;

const ROW_LEN: usize = 8;
const HEAD_LEN: usize = 8;
/// How many rows' bytes a row must save: it is found by a search, which waits for memory several times.
const WORTH: usize = 3;

/// One part's sets, divided: what stands in the packed array, and what stands here.
pub struct Divided {
    /// For each entry its set, or the largest number of the width.
    pub packed: Vec<u64>,
    /// The entries whose sets stand here, in order.
    pub rare: Vec<(u32, u32)>,
}

/// Divides the sets of a part's entries at the width that takes the fewest bytes, where a row here counts for more than it
/// takes.
pub fn divide(sets: &[u32]) -> Divided {
    let cost = |width: u32| {
        let escaped = sets.iter().filter(|set| **set >= escape(width)).count();
        sets.len() * width as usize + escaped * ROW_LEN * 8 * WORTH
    };
    let largest = sets.iter().max().map_or(0, |set| 32 - (set + 1).leading_zeros());
    let width = (1..=largest).min_by_key(|width| cost(*width)).unwrap_or(1);
    let escape = escape(width);
    let packed = sets.iter().map(|set| u64::from((*set).min(escape))).collect();
    let rare = (0u32..).zip(sets).filter(|(_, set)| **set >= escape).map(|(at, set)| (at, *set)).collect();
    Divided { packed, rare }
}

/// The number that says "not here".
fn escape(width: u32) -> u32 {
    u32::MAX >> (32 - width)
}

/// The bytes of the section: for each part the id of its sets and the number of its rows, then all rows.
pub fn encode(parts: &[(u16, Vec<(u32, u32)>)]) -> Vec<u8> {
    let mut out = Vec::new();
    let word = |out: &mut Vec<u8>, number: u32| out.extend(number.to_le_bytes());
    word(&mut out, parts.len() as u32);
    for (id, rows) in parts {
        word(&mut out, u32::from(*id));
        word(&mut out, rows.len() as u32);
    }
    for (ordinal, set) in parts.iter().flat_map(|(_, rows)| rows) {
        word(&mut out, *ordinal);
        word(&mut out, *set);
    }
    out
}

/// The rows of one part.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rare<'a>(&'a [[u8; ROW_LEN]]);

impl<'a> Rare<'a> {
    /// The rows of the part whose sets have this section id; none where there are none.
    pub fn new(bytes: &'a [u8], id: u16) -> Rare<'a> {
        let parts = u32_at(bytes, 0) as usize;
        let heads = bytes.get(4..).unwrap_or(&[]).as_chunks::<HEAD_LEN>().0;
        let Some(heads) = heads.get(..parts) else { return Rare::default() };
        let rows = bytes.get(4 + parts * HEAD_LEN..).unwrap_or(&[]).as_chunks::<ROW_LEN>().0;
        let place = heads.iter().position(|head| u32_at(head, 0) == u32::from(id));
        let rows = place.and_then(|place| {
            let (before, head) = (heads.get(..place)?, heads.get(place)?);
            let start = before.iter().map(|head| u32_at(head, 4) as usize).sum::<usize>();
            rows.get(start..)?.get(..u32_at(head, 4) as usize)
        });
        Rare(rows.unwrap_or_default())
    }

    /// Whether no entry of the part has its set here.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// How many entries have their sets here.
    pub fn len(self) -> usize {
        self.0.len()
    }

    /// The set of an entry.
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
    fn rare_sets_stand_apart() {
        let sets: Vec<u32> = (0..10_000).map(|at| if at % 500 == 7 { 9_000 + at } else { at % 5 }).collect();
        let divided = divide(&sets);
        assert_eq!((divided.rare.len(), divided.packed.iter().max()), (20, Some(&7)));
        let bytes = encode(&[(18, vec![(1, 2)]), (33, divided.rare)]);
        let rare = Rare::new(&bytes, 33);
        for (at, set) in (0..).zip(&sets) {
            let found = if divided.packed[at as usize] == 7 { rare.get(at) } else { None };
            assert_eq!(found.unwrap_or(divided.packed[at as usize] as u32), *set);
        }
        assert_eq!(Rare::new(&bytes, 18).get(1), Some(2));
        assert!(Rare::new(&bytes, 20).is_empty() && Rare::new(&bytes[..30], 33).is_empty());
        assert!(Rare::new(&[255; 12], 33).is_empty());
    }

    #[test]
    fn sets_that_fit_are_not_rare() {
        for sets in [vec![], vec![0], vec![0, 1, 2, 3, 4, 5, 6, 6, 6]] {
            let divided = divide(&sets);
            assert!(divided.rare.is_empty(), "{sets:?}");
        }
    }
}
