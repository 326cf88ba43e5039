//! A hash table of the places of items that are elsewhere, in eight bytes each or little more.

/// Finds places by the hash of what is there.
#[derive(Debug, Default)]
pub(crate) struct PlaceTable {
    /// Part of the hash, and the place after it; 0 where there is none.
    slots: Vec<(u32, u32)>,
    len: usize,
}

/// How many slots the first table has.
const SLOTS_MIN: usize = 64;

impl PlaceTable {
    /// The place with this hash where `is_there` is true.
    #[inline]
    pub(crate) fn find(&self, hash: u64, mut is_there: impl FnMut(u32) -> bool) -> Option<u32> {
        let hash = part_of(hash);
        let mut at = hash as usize;
        loop {
            let (stored, next) = *self.slots.get(at & self.slots.len().wrapping_sub(1))?;
            let place = next.checked_sub(1)?;
            if stored == hash && is_there(place) {
                return Some(place);
            }
            at += 1;
        }
    }

    /// Adds a place, which is below 2^32 - 1.
    pub(crate) fn insert(&mut self, hash: u64, place: u32) {
        // A quarter of the slots is free, so that every search ends.
        if self.len * 4 >= self.slots.len() * 3 {
            let slots = (self.slots.len() * 2).max(SLOTS_MIN);
            let filled = std::mem::replace(&mut self.slots, vec![(0, 0); slots]);
            filled.into_iter().filter(|(_, next)| *next > 0).for_each(|(hash, next)| self.put(hash, next));
        }
        self.put(part_of(hash), place + 1);
        self.len += 1;
    }

    fn put(&mut self, hash: u32, next: u32) {
        let mask = self.slots.len() - 1;
        let free = (hash as usize..).find(|at| self.slots.get(at & mask).is_none_or(|(_, next)| *next == 0));
        let slot = free.and_then(|at| self.slots.get_mut(at & mask));
        slot.into_iter().for_each(|slot| *slot = (hash, next));
    }
}

/// The upper half, which is the better one of a product.
#[inline]
fn part_of(hash: u64) -> u32 {
    (hash >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found_by_what_is_there() {
        for bits in [64, 3] {
            let hash = |number: u32| {
                (u64::from(number).wrapping_mul(0x9E37_79B9_7F4A_7C15)) >> (64 - bits) << (64 - bits)
            };
            let mut table = PlaceTable::default();
            assert_eq!(table.find(7, |_| true), None);
            let count = if bits == 64 { 5000 } else { 300 };
            (0..count).for_each(|number| table.insert(hash(number), number));
            for number in 0..count {
                assert_eq!(table.find(hash(number), |place| place == number), Some(number));
            }
            assert_eq!(table.find(hash(count), |place| place == count), None);
        }
    }
}
