//! Lines of 64 bytes that keep what is known of hashes, and the numbers that make equations true.
//!
//! Filter and locator keep what they know in lines of numbers that nobody can read but by the places of a hash: some of the
//! numbers, xored, are what is known. So what is known of a hash is an equation of its line. A line is small, so that plain
//! elimination finds numbers that make all of its equations true.

/// The length of a line, in bytes.
pub(super) const LINE: usize = 64;
/// How many numbers a line has at most.
pub(super) const NUMBERS: usize = u64::BITS as usize;
/// Spreads a hash to places of its line.
const PLACER: u64 = 0x9E37_79B9_7F4A_7C15;

/// The line of a hash among so many; hashes in order have lines in order.
#[inline]
pub(super) fn line_of(hash: u64, lines: usize) -> usize {
    share_of(hash, lines as u64) as usize
}

/// The share of `whole` that a hash is of all hashes.
#[inline]
pub(super) fn share_of(hash: u64, whole: u64) -> u64 {
    ((u128::from(hash) * u128::from(whole)) >> 64) as u64
}

/// A hash, spread by a seed: its upper bits depend on all bits of both.
#[inline]
pub(super) fn spread(hash: u64, seed: u8) -> u64 {
    (hash ^ u64::from(seed)).wrapping_mul(PLACER)
}

/// What sorted hashes have in each of so many lines.
pub(super) fn in_lines<T>(mut rest: &[(u64, T)], lines: usize) -> impl Iterator<Item = &[(u64, T)]> {
    (0..lines).map(move |line| {
        let (mine, others) = rest.split_at(rest.partition_point(|(hash, _)| line_of(*hash, lines) <= line));
        rest = others;
        mine
    })
}

/// Equations that do not contradict each other, each with a place of its own, its lowest.
pub(super) struct Equations([(u64, u32); NUMBERS]);

impl Equations {
    /// No equations.
    pub(super) fn new() -> Equations {
        Equations([(0, 0); NUMBERS])
    }

    /// Adds an equation: the numbers at these places, xored, are this value; one that occurs twice does not count. `false` if that
    /// contradicts the others.
    pub(super) fn add(&mut self, places: impl IntoIterator<Item = usize>, value: u32) -> bool {
        self.add_mask(places.into_iter().fold(0, |mask, place| mask ^ 1 << place), value)
    }

    fn add_mask(&mut self, mut places: u64, mut value: u32) -> bool {
        while let Some(own) = self.0.get_mut(places.trailing_zeros() as usize) {
            if own.0 == 0 {
                *own = (places, value);
                return true;
            }
            (places, value) = (places ^ own.0, value ^ own.1);
        }
        value == 0
    }

    /// Numbers that make all of them true.
    pub(super) fn numbers(&self) -> [u32; NUMBERS] {
        let mut numbers = [0; NUMBERS];
        for (at, (places, value)) in self.0.iter().enumerate().rev() {
            let (mut others, mut number) = (places & places.wrapping_sub(1), *value);
            while others != 0 {
                number ^= numbers.get(others.trailing_zeros() as usize).copied().unwrap_or(0);
                others &= others - 1;
            }
            numbers.iter_mut().skip(at).take(1).for_each(|place| *place = number);
        }
        numbers
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn equations_come_true_or_contradict(
            wanted in proptest::collection::vec((any::<u64>(), any::<u32>()), 0..90),
            truth in proptest::array::uniform32(any::<u32>()),
        ) {
            let sum = |numbers: &[u32], places: u64| {
                numbers.iter().enumerate().filter(|(at, _)| places >> at & 1 != 0).fold(0, |sum, (_, own)| sum ^ own)
            };
            let mut any = Equations::new();
            let kept: Vec<_> = wanted.iter().filter(|(places, value)| any.add_mask(*places, *value)).collect();
            let numbers = any.numbers();
            for (places, value) in &wanted {
                let is_kept = kept.contains(&&(*places, *value));
                prop_assert_eq!(sum(&numbers, *places) == *value, is_kept);
            }
            let mut sound = Equations::new();
            let told = wanted.iter().map(|(places, _)| (*places & 0xFFFF_FFFF, sum(&truth, *places & 0xFFFF_FFFF)));
            for (places, value) in told {
                prop_assert!(sound.add_mask(places, value), "what is true does not contradict itself");
                prop_assert_eq!(sum(&sound.numbers(), places), value);
            }
        }
    }
}
