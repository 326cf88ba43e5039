//! Up to sixty-four numbers that make equations true. Each equation says what some of them, xored, are.
//!
//! Filter and locator keep what they know in lines of numbers that nobody can read but by the places of a hash. A line is
//! small, so that plain elimination finds its numbers.

/// How many numbers there are.
pub(super) const NUMBERS: usize = u64::BITS as usize;

/// Equations that do not contradict each other, each with a place of its own, its lowest.
pub(super) struct Equations([(u64, u32); NUMBERS]);

impl Equations {
    /// No equations.
    pub(super) fn new() -> Equations {
        Equations([(0, 0); NUMBERS])
    }

    /// Adds an equation: the numbers at these places, a bit each, are this value when xored. `false` if that contradicts the
    /// others.
    pub(super) fn add(&mut self, mut places: u64, mut value: u32) -> bool {
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
            let kept: Vec<_> = wanted.iter().filter(|(places, value)| any.add(*places, *value)).collect();
            let numbers = any.numbers();
            for (places, value) in &wanted {
                let is_kept = kept.contains(&&(*places, *value));
                prop_assert_eq!(sum(&numbers, *places) == *value, is_kept);
            }
            let mut sound = Equations::new();
            let told = wanted.iter().map(|(places, _)| (*places & 0xFFFF_FFFF, sum(&truth, *places & 0xFFFF_FFFF)));
            for (places, value) in told {
                prop_assert!(sound.add(places, value), "what is true does not contradict itself");
                prop_assert_eq!(sum(&sound.numbers(), places), value);
            }
        }
    }
}
