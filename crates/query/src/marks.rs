//! Where tokens are: a bit for each byte of a block that ends a token, and for each dot and colon in one.
//!
//! Most of a log is neither an address nor a name, and every indicator has a dot or a colon. With a bit for each byte,
//! what lies between two of them is passed over sixty-four bytes at a time. Bytes are told apart by two table look-ups on
//! their halves, thirty-two at a time where the processor can (Langdale and Lemire, "Parsing Gigabytes of JSON per
//! Second", 2019); the plain loop beside it does the same, and tests compare them.
#![allow(unsafe_code)]

/// A byte that ends every token: control characters, blanks, quotes, angle brackets.
const EDGE: u8 = 1;
/// `.`
const DOT: u8 = 2;
/// `:`
const COLON: u8 = 4;

/// What ends a token.
pub(crate) const fn is_edge(byte: u8) -> bool {
    matches!(byte, 0..=b' ' | 0x7F | b'"' | b'\'' | b'<' | b'>' | b'`')
}

const fn mark_of(byte: u8) -> u8 {
    match byte {
        b'.' => DOT,
        b':' => COLON,
        byte if is_edge(byte) => EDGE,
        _ => 0,
    }
}

/// Sixty-four bytes: a bit for each edge, dot and colon.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Word {
    edges: u64,
    dots: u64,
    colons: u64,
}

/// The marks of a block, in memory that is used again.
#[derive(Default)]
pub(crate) struct Marks {
    words: Vec<Word>,
}

impl Marks {
    /// Marks a block. What follows its end counts as an edge.
    pub(crate) fn mark(&mut self, text: &[u8]) {
        self.words.clear();
        let (chunks, rest) = text.as_chunks::<64>();
        mark_chunks(chunks, &mut self.words);
        if !rest.is_empty() {
            let mut last = [b' '; 64];
            last.iter_mut().zip(rest).for_each(|(place, byte)| *place = *byte);
            mark_chunks(&[last], &mut self.words);
        }
    }

    /// The tokens with a dot, or with colons as an IPv6 address or a URL has them.
    pub(crate) fn tokens<'t>(&'t self, text: &'t [u8]) -> Tokens<'t> {
        let mut tokens = Tokens { words: &self.words, text, at: 0, left: 0 };
        tokens.left = tokens.word(0).inner();
        tokens
    }
}

impl Word {
    #[inline]
    fn inner(self) -> u64 {
        self.dots | self.colons
    }
}

/// Walks the tokens of a block that may hold an indicator: where each begins and ends.
pub(crate) struct Tokens<'t> {
    words: &'t [Word],
    text: &'t [u8],
    at: usize,
    /// The dots and colons of the word at `at` that were not walked yet.
    left: u64,
}

impl Tokens<'_> {
    #[inline]
    fn word(&self, at: usize) -> Word {
        self.words.get(at).copied().unwrap_or(Word { edges: !0, dots: 0, colons: 0 })
    }

    /// Where the token begins that has a byte at `bit` of the word at `at`.
    #[inline]
    fn start_of(&self, mut at: usize, bit: u32) -> usize {
        let mut before = self.word(at).edges & ((1 << bit) - 1);
        while before == 0 && at > 0 {
            at -= 1;
            before = self.word(at).edges;
        }
        before.checked_ilog2().map_or(0, |edge| at * 64 + edge as usize + 1)
    }
}

impl Iterator for Tokens<'_> {
    type Item = (usize, usize);

    #[inline]
    fn next(&mut self) -> Option<(usize, usize)> {
        loop {
            while self.left == 0 {
                self.at += 1;
                self.left = self.words.get(self.at)?.inner();
            }
            let bit = self.left.trailing_zeros();
            let (start, first) = (self.start_of(self.at, bit), self.at * 64 + bit as usize);
            let mut word = self.word(self.at);
            let mut ahead = !0 << bit;
            let (mut dots, mut colons) = (0, 0);
            while word.edges & ahead == 0 {
                dots += (word.dots & ahead).count_ones();
                colons += (word.colons & ahead).count_ones();
                self.at += 1;
                word = self.word(self.at);
                ahead = !0;
            }
            let edge = (word.edges & ahead).trailing_zeros();
            let inside = ahead & ((1 << edge) - 1);
            dots += (word.dots & inside).count_ones();
            colons += (word.colons & inside).count_ones();
            self.left = word.inner() & !((1 << edge) - 1);
            let end = (self.at * 64 + edge as usize).min(self.text.len());
            let may_hold = match (dots, colons) {
                (0, 0 | 1) => false,
                (0, _) => has_address_or_scheme(self.text, start, end, colons),
                // A name that ends here; not a number, a version or the end of a sentence.
                (1, 0) => self.text.get(first + 1).is_some_and(u8::is_ascii_alphabetic),
                _ => true,
            };
            if may_hold {
                return Some((start, end));
            }
        }
    }
}

/// Whether colons stand as in an IPv6 address or behind a scheme, and not as in a time of day.
fn has_address_or_scheme(text: &[u8], start: usize, end: usize, colons: u32) -> bool {
    let token = text.get(start..end).unwrap_or(&[]);
    colons >= 7 || token.windows(2).any(|pair| matches!(pair, b"::" | b":/" | b":\\"))
}

fn mark_chunks(chunks: &[[u8; 64]], words: &mut Vec<Word>) {
    #[cfg(target_arch = "x86_64")]
    if std::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has what the function was compiled for.
        return unsafe { avx2::mark_chunks(chunks, words) };
    }
    plain::mark_chunks(chunks, words);
}

mod plain {
    use super::{COLON, DOT, EDGE, Word, mark_of};

    // A `for` over a slice is not const yet; the index is below 256 by the loop's own condition.
    #[allow(clippy::indexing_slicing)]
    const MARKS: [u8; 256] = {
        let mut table = [0; 256];
        let mut byte = 0;
        while byte < 256 {
            table[byte] = mark_of(byte as u8);
            byte += 1;
        }
        table
    };

    pub(super) fn mark_chunks(chunks: &[[u8; 64]], words: &mut Vec<Word>) {
        words.extend(chunks.iter().map(|chunk| {
            let mut word = Word::default();
            for (byte, bit) in chunk.iter().zip(0..) {
                let mark = MARKS.get(usize::from(*byte)).copied().unwrap_or(0);
                word.edges |= u64::from(mark & EDGE != 0) << bit;
                word.dots |= u64::from(mark & DOT != 0) << bit;
                word.colons |= u64::from(mark & COLON != 0) << bit;
            }
            word
        }));
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use super::Word;
    use std::arch::x86_64::{
        __m256i, _mm_set_epi64x, _mm256_add_epi8, _mm256_and_si256, _mm256_broadcastsi128_si256,
        _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_movemask_epi8, _mm256_set1_epi8, _mm256_setzero_si256,
        _mm256_shuffle_epi8, _mm256_srli_epi16,
    };

    /// What the lower half of a byte may make it, and what the upper half may; both together make it that. Bit 7 is a
    /// dot, bit 6 a colon, and each of the others an edge, of bytes with the same upper half.
    const LOWER: [u8; 16] = {
        let mut table = [1; 16];
        (table[0x0], table[0x2], table[0x7], table[0xE]) = (1 | 2 | 8, 1 | 2, 1 | 2, 1 | 128 | 4);
        (table[0xC], table[0xA], table[0xF]) = (1 | 4, 1 | 64, 1 | 16);
        table
    };
    const UPPER: [u8; 16] = [1, 1, 2 | 128, 4 | 64, 0, 0, 8, 16, 0, 0, 0, 0, 0, 0, 0, 0];

    #[inline]
    #[target_feature(enable = "avx2")]
    fn table(bytes: [u8; 16]) -> __m256i {
        let number = u128::from_le_bytes(bytes);
        _mm256_broadcastsi128_si256(_mm_set_epi64x((number >> 64) as i64, number as i64))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn bits(lanes: __m256i) -> u64 {
        u64::from(_mm256_movemask_epi8(lanes).cast_unsigned())
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn mark_chunks(chunks: &[[u8; 64]], words: &mut Vec<Word>) {
        let (lower, upper) = (table(LOWER), table(UPPER));
        let (half, edge, zero) = (_mm256_set1_epi8(15), _mm256_set1_epi8(63), _mm256_setzero_si256());
        let before = words.len();
        words.resize(before + chunks.len(), Word::default());
        // A loop and no closure, which would not be compiled for the same processor.
        for (chunk, word) in chunks.iter().zip(words.iter_mut().skip(before)) {
            for (part, at) in chunk.as_chunks::<32>().0.iter().zip([0, 32]) {
                // SAFETY: the part has thirty-two bytes, and the load asks for no alignment.
                let bytes = unsafe { _mm256_loadu_si256(part.as_ptr().cast()) };
                let below = _mm256_shuffle_epi8(lower, _mm256_and_si256(bytes, half));
                let above = _mm256_shuffle_epi8(upper, _mm256_and_si256(_mm256_srli_epi16(bytes, 4), half));
                let marks = _mm256_and_si256(below, above);
                let inner = _mm256_cmpeq_epi8(_mm256_and_si256(marks, edge), zero);
                word.edges |= (bits(inner) ^ 0xFFFF_FFFF) << at;
                word.dots |= bits(marks) << at;
                word.colons |= bits(_mm256_add_epi8(marks, marks)) << at;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_byte_is_marked_as_it_is_by_the_plain_loop() {
        let chunks: Vec<[u8; 64]> =
            (0..=255u8).map(|byte| std::array::from_fn(|at| byte.wrapping_add(at as u8 * 3))).collect();
        let (mut fast, mut slow) = (Vec::new(), Vec::new());
        mark_chunks(&chunks, &mut fast);
        plain::mark_chunks(&chunks, &mut slow);
        assert_eq!(fast, slow);
    }

    proptest! {
        #[test]
        fn tokens_are_those_that_anybody_would_cut(
            text in proptest::collection::vec(proptest::sample::select(b"aab.:/\\ \n\"12".to_vec()), 0..400),
            longer in proptest::collection::vec(proptest::sample::select(b"abcdefgh..:: ".to_vec()), 0..400),
        ) {
            for text in [text, longer.iter().flat_map(|byte| [*byte; 9]).collect()] {
                let mut expected = Vec::new();
                let mut start = 0;
                for token in text.split(|byte| is_edge(*byte)) {
                    let colons = token.iter().filter(|byte| **byte == b':').count();
                    let says = |what: &[u8]| token.windows(2).any(|pair| pair == what);
                    let dots = token.iter().filter(|byte| **byte == b'.').count();
                    let letter_behind = token.windows(2).any(|pair| pair[0] == b'.' && pair[1].is_ascii_alphabetic());
                    let colon_shapes = colons > 6 || says(b"::") || says(b":/") || says(b":\\");
                    let may_hold = match (dots, colons) {
                        (0, _) => colons > 1 && colon_shapes,
                        (1, 0) => letter_behind,
                        _ => true,
                    };
                    if may_hold {
                        expected.push((start, start + token.len()));
                    }
                    start += token.len() + 1;
                }
                let mut marks = Marks::default();
                marks.mark(&text);
                prop_assert_eq!(marks.tokens(&text).collect::<Vec<_>>(), expected);
            }
        }
    }
}
