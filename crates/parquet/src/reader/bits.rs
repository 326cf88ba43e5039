//! Small numbers packed in bits or as runs: levels, and places in a dictionary.

/// What is being read.
#[derive(Clone, Copy)]
enum Part {
    /// The same number again and again.
    Repeated { value: u32, left: u64 },
    /// Numbers packed behind each other, from a bit on.
    Packed { bit: usize, left: u64 },
}

/// Numbers of one width in a part of a page. They follow each other without end: the page says how many there
/// are.
pub(super) struct Numbers {
    at: usize,
    end: usize,
    width: usize,
    part: Part,
}

impl Numbers {
    /// The numbers in this part of a page; `None` where they are wider than a level or a place can be.
    pub(super) fn new(at: usize, end: usize, width: usize) -> Option<Numbers> {
        let part = Part::Repeated { value: 0, left: 0 };
        (width <= 32).then_some(Numbers { at, end, width, part })
    }

    /// Zeros, where nothing is written.
    pub(super) fn zeros() -> Numbers {
        Numbers { at: 0, end: 0, width: 0, part: Part::Repeated { value: 0, left: u64::MAX } }
    }

    /// The next number; `None` where the page ends before.
    pub(super) fn next(&mut self, page: &[u8]) -> Option<u32> {
        loop {
            match &mut self.part {
                Part::Repeated { value, left } if *left > 0 => {
                    *left -= 1;
                    return Some(*value);
                }
                Part::Packed { bit, left } if *left > 0 => {
                    let value = packed(page.get(..self.end)?, *bit, self.width)?;
                    (*bit, *left) = (*bit + self.width, *left - 1);
                    return Some(value);
                }
                _ => self.part = self.part(page.get(..self.end)?)?,
            }
        }
    }

    /// Begins the next part. One without numbers is damage, so that reading always ends.
    fn part(&mut self, page: &[u8]) -> Option<Part> {
        let head = self.varint(page)?;
        let count = head >> 1;
        if head & 1 == 1 {
            let begin = self.at;
            let bytes = usize::try_from(count).ok()?.checked_mul(self.width)?;
            // The last part may be cut off where the numbers end.
            self.at = begin.checked_add(bytes)?.min(self.end);
            return (count > 0)
                .then(|| Part::Packed { bit: begin.saturating_mul(8), left: count.saturating_mul(8) });
        }
        let length = self.width.div_ceil(8);
        let bytes = page.get(self.at..self.at.checked_add(length)?)?;
        self.at += length;
        let value = bytes.iter().rev().fold(0, |value, byte| value << 8 | u32::from(*byte));
        (count > 0).then_some(Part::Repeated { value, left: count })
    }

    fn varint(&mut self, page: &[u8]) -> Option<u64> {
        let mut value = 0;
        for shift in (0..63).step_by(7) {
            let byte = *page.get(self.at)?;
            self.at += 1;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }
}

/// The number of a width at a bit; the lowest bits of a byte are the first.
fn packed(page: &[u8], bit: usize, width: usize) -> Option<u32> {
    if width == 0 {
        return Some(0);
    }
    let (first, shift) = (bit / 8, bit % 8);
    let bytes = page.get(first..first + (shift + width).div_ceil(8))?;
    let all = bytes.iter().rev().fold(0u64, |all, byte| all << 8 | u64::from(*byte));
    // At most 32 bits are left.
    Some((all >> shift & ((1 << width) - 1)) as u32)
}

/// How many bits numbers up to this one have.
pub(super) fn width_of(largest: u32) -> usize {
    (32 - largest.leading_zeros()) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_and_packed_numbers_of_the_specification() {
        // Three sevens, then 0 to 7 in three bits.
        let page = [0x06, 7, 0x03, 0b1000_1000, 0b1100_0110, 0b1111_1010];
        let mut numbers = Numbers::new(0, page.len(), 3).expect("a width");
        let found: Vec<u32> = std::iter::from_fn(|| numbers.next(&page)).collect();
        assert_eq!(found, [7, 7, 7, 0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(Numbers::new(0, 1, 3).expect("a width").next(&[0x00]), None);
        assert!(Numbers::new(0, 1, 33).is_none());
        assert_eq!([0, 1, 2, 255, u32::MAX].map(width_of), [0, 1, 2, 8, 32]);
    }
}
