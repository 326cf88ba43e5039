//! Where tokens are that may hold an indicator, sixty-four bytes at a time.
//!
//! Most of a log is neither an address nor a name. Every byte is told apart once, into a bit of each of six words: what
//! ends a token, dots, colons, letters, slashes, line ends. All else is arithmetic on those words: an indicator shows a
//! *sign* (a letter behind a dot, a slash or colon behind a colon, three dots as far apart as in an address, seven colons
//! as in one), and where there is a sign, the edges around it are the token. What has none is passed over without a
//! look; what has one may still be nothing. Bytes are told apart by one look-up in a table of 128 where the processor
//! can, by two in tables of sixteen on others (Langdale and Lemire, "Parsing Gigabytes of JSON per Second", 2019), and by
//! a plain loop elsewhere, which tests compare both with.
#![allow(unsafe_code)]

/// What ends every token: control characters, blanks, quotes, angle brackets.
const EDGE: u8 = 1;
/// `.`
const DOT: u8 = 2;
/// `:`
const COLON: u8 = 4;
/// A letter.
const LETTER: u8 = 8;
/// `/` or `\`
const SLASH: u8 = 16;
/// The end of a line, which is an edge, too.
const LINE_END: u8 = 32;

/// What ends a token.
pub(crate) const fn is_edge(byte: u8) -> bool {
    matches!(byte, 0..=b' ' | 0x7F | b'"' | b'\'' | b'<' | b'>' | b'`')
}

const fn mark_of(byte: u8) -> u8 {
    match byte {
        b'.' => DOT,
        b':' => COLON,
        b'a'..=b'z' | b'A'..=b'Z' => LETTER,
        b'/' | b'\\' => SLASH,
        b'\n' => EDGE | LINE_END,
        byte if is_edge(byte) => EDGE,
        _ => 0,
    }
}

/// The marks of ASCII; other bytes have none.
// A `for` over a slice is not const yet; the index is below 128 by the loop's own condition.
#[allow(clippy::indexing_slicing)]
const MARKS: [u8; 128] = {
    let mut table = [0; 128];
    let mut byte = 0;
    while byte < 128 {
        table[byte] = mark_of(byte as u8);
        byte += 1;
    }
    table
};

/// Sixty-four bytes: a bit for each byte of a kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Word {
    edges: u64,
    dots: u64,
    colons: u64,
    letters: u64,
    slashes: u64,
    line_ends: u64,
}

/// How many words are marked and walked at a time: what is between the two stays in the nearest cache.
const WINDOW: usize = 64;

/// What may hold an indicator, between two edges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    /// Where it begins.
    pub(crate) start: usize,
    /// Where it ends.
    pub(crate) end: usize,
    /// How many lines end before it.
    pub(crate) line: usize,
}

/// Cuts a text into tokens, window by window. What follows its end counts as an edge.
pub(crate) struct Tokens<'t> {
    text: &'t [u8],
    /// How much of the text was walked.
    at: usize,
    walk: Walk,
}

impl<'t> Tokens<'t> {
    /// Begins.
    pub(crate) fn new(text: &'t [u8]) -> Tokens<'t> {
        Tokens { text, at: 0, walk: Walk::default() }
    }

    /// The tokens that end in the next window; `false` where there was none any more.
    pub(crate) fn next_window(&mut self, tokens: &mut Vec<Token>) -> bool {
        tokens.clear();
        let Some(rest) = self.text.get(self.at..) else { return false };
        let mut words = [Word::default(); WINDOW];
        let (chunks, tail) = rest.as_chunks::<64>();
        if let Some(chunks) = chunks.get(..WINDOW) {
            mark(chunks, &mut words);
            self.walk.words(&words, self.at, tokens);
            self.at += WINDOW * 64;
            return true;
        }
        mark(chunks, &mut words);
        let mut last = [b' '; 64];
        last.iter_mut().zip(tail).for_each(|(place, byte)| *place = *byte);
        let (used, others) = words.split_at_mut(chunks.len());
        mark(&[last], others);
        self.walk.words(used, self.at, tokens);
        self.walk.words(others.get(..1).unwrap_or(&[]), self.at + used.len() * 64, tokens);
        self.at = usize::MAX;
        true
    }
}

/// What a walk knows of the words that it has seen.
#[derive(Default)]
struct Walk {
    /// Behind the last edge.
    start: usize,
    /// Whether the token that begins there has shown a sign.
    is_open: bool,
    line: usize,
    dots: u64,
    pairs: u64,
    colons: u64,
}

impl Walk {
    fn words(&mut self, words: &[Word], at: usize, tokens: &mut Vec<Token>) {
        #[cfg(target_arch = "x86_64")]
        if has_bit_counts() {
            // SAFETY: the processor has what the function was compiled for.
            return unsafe { self.words_by_counts(words, at, tokens) };
        }
        self.each_word(words, at, tokens);
    }

    /// The same code, for processors that find and count bits at once.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "bmi1,bmi2,lzcnt,popcnt")]
    fn words_by_counts(&mut self, words: &[Word], at: usize, tokens: &mut Vec<Token>) {
        self.each_word(words, at, tokens);
    }

    #[inline(always)]
    fn each_word(&mut self, words: &[Word], mut at: usize, tokens: &mut Vec<Token>) {
        for word in words {
            self.word(word, at, tokens);
            at += 64;
        }
    }

    #[inline(always)]
    fn word(&mut self, word: &Word, at: usize, tokens: &mut Vec<Token>) {
        let mut signs = self.signs(word);
        if self.is_open {
            if word.edges == 0 {
                return;
            }
            let edge = word.edges.trailing_zeros();
            tokens.push(Token { start: self.start, end: at + edge as usize, line: self.line });
            self.is_open = false;
            signs &= !0 << edge;
        }
        while signs != 0 {
            let below = (signs & signs.wrapping_neg()) - 1;
            let (before, ahead) = (word.edges & below, word.edges & !below);
            if ahead == 0 {
                self.is_open = true;
                break;
            }
            let start = if before == 0 { self.start } else { at + behind_last(before) };
            let edge = ahead.trailing_zeros();
            let line = self.line + (word.line_ends & below).count_ones() as usize;
            tokens.push(Token { start, end: at + edge as usize, line });
            signs &= !0 << edge;
        }
        if word.edges != 0 {
            self.start = at + behind_last(word.edges);
        }
        self.line += word.line_ends.count_ones() as usize;
    }

    /// Where something shows that every indicator has; see the top of this file.
    #[inline(always)]
    fn signs(&mut self, word: &Word) -> u64 {
        let next_to = |marks: u64, before: u64| marks << 1 | before >> 63;
        let names = word.letters & next_to(word.dots, self.dots);
        let links = (word.colons | word.slashes) & next_to(word.colons, self.colons);
        let pairs = word.dots & quad_behind(word.dots, self.dots);
        let quads = pairs & quad_behind(pairs, self.pairs);
        let groups = match word.colons.count_ones() + self.colons.count_ones() {
            0..7 => 0,
            _ => groups(word.colons, self.colons),
        };
        (self.dots, self.pairs, self.colons) = (word.dots, pairs, word.colons);
        names | links | quads | groups
    }
}

/// The place behind the last of some marks, of which there is one.
#[inline(always)]
fn behind_last(marks: u64) -> usize {
    64 - marks.leading_zeros() as usize
}

/// Where the number behind a mark can end, if it has one to three digits. `before` are the marks of the word before.
#[inline(always)]
fn quad_behind(marks: u64, before: u64) -> u64 {
    marks << 2 | before >> 62 | marks << 3 | before >> 61 | marks << 4 | before >> 60
}

/// The seventh colons of eight groups of up to four digits.
#[cold]
fn groups(colons: u64, before: u64) -> u64 {
    let all = u128::from(colons) << 64 | u128::from(before);
    let next = |nth: u128| all & (nth << 2 | nth << 3 | nth << 4 | nth << 5);
    let third = next(next(all));
    if third == 0 {
        return 0;
    }
    (next(next(next(next(third)))) >> 64) as u64
}

#[cfg(target_arch = "x86_64")]
fn has_bit_counts() -> bool {
    std::is_x86_feature_detected!("bmi1")
        && std::is_x86_feature_detected!("bmi2")
        && std::is_x86_feature_detected!("lzcnt")
        && std::is_x86_feature_detected!("popcnt")
}

/// Marks as many chunks as there are words for.
fn mark(chunks: &[[u8; 64]], words: &mut [Word]) {
    #[cfg(target_arch = "x86_64")]
    if std::is_x86_feature_detected!("avx512vbmi") && std::is_x86_feature_detected!("avx512bw") {
        // SAFETY: the processor has what the function was compiled for.
        return unsafe { avx512::mark(chunks, words) };
    } else if std::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has what the function was compiled for.
        return unsafe { avx2::mark(chunks, words) };
    }
    plain::mark(chunks, words);
}

mod plain {
    use super::{COLON, DOT, EDGE, LETTER, LINE_END, MARKS, SLASH, Word};

    pub(super) fn mark(chunks: &[[u8; 64]], words: &mut [Word]) {
        for (chunk, word) in chunks.iter().zip(words) {
            *word = Word::default();
            for (byte, bit) in chunk.iter().zip(0..) {
                let mark = MARKS.get(usize::from(*byte)).copied().unwrap_or(0);
                let has = |kind: u8| u64::from(mark & kind != 0) << bit;
                word.edges |= has(EDGE);
                word.dots |= has(DOT);
                word.colons |= has(COLON);
                word.letters |= has(LETTER);
                word.slashes |= has(SLASH);
                word.line_ends |= has(LINE_END);
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod avx512 {
    use super::{COLON, DOT, EDGE, LETTER, LINE_END, MARKS, SLASH, Word};
    use std::arch::x86_64::{
        __m512i, _mm512_loadu_si512, _mm512_maskz_permutex2var_epi8, _mm512_movepi8_mask, _mm512_set1_epi8,
        _mm512_test_epi8_mask,
    };

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
    fn load(bytes: &[u8; 64]) -> __m512i {
        // SAFETY: there are sixty-four bytes, and the load asks for no alignment.
        unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
    pub(super) fn mark(chunks: &[[u8; 64]], words: &mut [Word]) {
        let ([lower, upper], []) = MARKS.as_chunks::<64>() else { return };
        let (lower, upper) = (load(lower), load(upper));
        // A loop and no closure, which would not be compiled for the same processor.
        for (chunk, word) in chunks.iter().zip(words) {
            let bytes = load(chunk);
            let is_ascii = !_mm512_movepi8_mask(bytes);
            let marks = _mm512_maskz_permutex2var_epi8(is_ascii, lower, bytes, upper);
            *word = Word {
                edges: _mm512_test_epi8_mask(marks, _mm512_set1_epi8(EDGE.cast_signed())),
                dots: _mm512_test_epi8_mask(marks, _mm512_set1_epi8(DOT.cast_signed())),
                colons: _mm512_test_epi8_mask(marks, _mm512_set1_epi8(COLON.cast_signed())),
                letters: _mm512_test_epi8_mask(marks, _mm512_set1_epi8(LETTER.cast_signed())),
                slashes: _mm512_test_epi8_mask(marks, _mm512_set1_epi8(SLASH.cast_signed())),
                line_ends: _mm512_test_epi8_mask(marks, _mm512_set1_epi8(LINE_END.cast_signed())),
            };
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use super::Word;
    use std::arch::x86_64::{
        __m256i, _mm_set_epi64x, _mm256_add_epi8, _mm256_and_si256, _mm256_broadcastsi128_si256,
        _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_min_epu8, _mm256_movemask_epi8, _mm256_or_si256,
        _mm256_set1_epi8, _mm256_setzero_si256, _mm256_shuffle_epi8, _mm256_srli_epi16, _mm256_sub_epi8,
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

    #[inline]
    #[target_feature(enable = "avx2")]
    fn equal(bytes: __m256i, byte: u8) -> __m256i {
        _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(byte.cast_signed()))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn half(part: &[u8; 32]) -> Word {
        let half = _mm256_set1_epi8(15);
        // SAFETY: the part has thirty-two bytes, and the load asks for no alignment.
        let bytes = unsafe { _mm256_loadu_si256(part.as_ptr().cast()) };
        let below = _mm256_shuffle_epi8(table(LOWER), _mm256_and_si256(bytes, half));
        let above = _mm256_shuffle_epi8(table(UPPER), _mm256_and_si256(_mm256_srli_epi16(bytes, 4), half));
        let marks = _mm256_and_si256(below, above);
        let inner = _mm256_cmpeq_epi8(_mm256_and_si256(marks, _mm256_set1_epi8(63)), _mm256_setzero_si256());
        let lower_case = _mm256_or_si256(bytes, _mm256_set1_epi8(0x20));
        let letter = _mm256_sub_epi8(lower_case, _mm256_set1_epi8(b'a'.cast_signed()));
        let in_order = _mm256_min_epu8(letter, _mm256_set1_epi8(25));
        Word {
            edges: bits(inner) ^ 0xFFFF_FFFF,
            dots: bits(marks),
            colons: bits(_mm256_add_epi8(marks, marks)),
            letters: bits(_mm256_cmpeq_epi8(letter, in_order)),
            slashes: bits(_mm256_or_si256(equal(bytes, b'/'), equal(bytes, b'\\'))),
            line_ends: bits(equal(bytes, b'\n')),
        }
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn mark(chunks: &[[u8; 64]], words: &mut [Word]) {
        // A loop and no closure, which would not be compiled for the same processor.
        for (chunk, word) in chunks.iter().zip(words) {
            let ([low, high], []) = chunk.as_chunks::<32>() else { return };
            let (low, high) = (half(low), half(high));
            *word = Word {
                edges: low.edges | high.edges << 32,
                dots: low.dots | high.dots << 32,
                colons: low.colons | high.colons << 32,
                letters: low.letters | high.letters << 32,
                slashes: low.slashes | high.slashes << 32,
                line_ends: low.line_ends | high.line_ends << 32,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Kernel = fn(&[[u8; 64]], &mut [Word]);

    /// Every kernel that this processor has.
    fn kernels() -> Vec<Kernel> {
        let mut kernels: Vec<Kernel> = vec![mark];
        #[cfg(target_arch = "x86_64")]
        if std::is_x86_feature_detected!("avx2") {
            // SAFETY: it has just been seen that the processor can.
            kernels.push(|chunks, words| unsafe { avx2::mark(chunks, words) });
        }
        kernels
    }

    #[test]
    fn every_byte_is_marked_as_it_is_by_the_plain_loop() {
        let chunks: Vec<[u8; 64]> =
            (0..=255u8).map(|byte| std::array::from_fn(|at| byte.wrapping_add(at as u8 * 3))).collect();
        let mut slow = vec![Word::default(); chunks.len()];
        plain::mark(&chunks, &mut slow);
        for kernel in kernels() {
            let mut fast = vec![Word::default(); chunks.len()];
            kernel(&chunks, &mut fast);
            assert_eq!(fast, slow);
        }
    }

    /// Whether so many marks stand one behind the other, each at most so many bytes from the next.
    fn has_chain(token: &[u8], mark: u8, count: usize, most: usize) -> bool {
        let mut lengths = vec![0; token.len()];
        for (at, _) in token.iter().enumerate().filter(|(_, byte)| **byte == mark) {
            let before = (2..=most).filter_map(|back| lengths.get(at.wrapping_sub(back)).copied());
            lengths[at] = 1 + before.max().unwrap_or(0);
        }
        lengths.contains(&count)
    }

    fn has_sign(token: &[u8]) -> bool {
        let pair = |is: fn(u8, u8) -> bool| token.windows(2).any(|pair| is(pair[0], pair[1]));
        pair(|a, b| a == b'.' && b.is_ascii_alphabetic())
            || pair(|a, b| a == b':' && matches!(b, b':' | b'/' | b'\\'))
            || has_chain(token, b'.', 3, 4)
            || has_chain(token, b':', 7, 5)
    }

    /// What lies between edges, and whether it must be looked into.
    fn anybodys_cut(text: &[u8]) -> Vec<(Token, bool)> {
        let (mut tokens, mut start, mut line) = (Vec::new(), 0, 0);
        for token in text.split(|byte| is_edge(*byte)) {
            let end = start + token.len();
            tokens.push((Token { start, end, line }, has_sign(token)));
            line += usize::from(text.get(end) == Some(&b'\n'));
            start = end + 1;
        }
        tokens
    }

    fn cut(text: &[u8]) -> Vec<Token> {
        let (mut tokens, mut window, mut all) = (Tokens::new(text), Vec::new(), Vec::new());
        while tokens.next_window(&mut window) {
            all.append(&mut window);
        }
        all
    }

    proptest! {
        #[test]
        fn tokens_are_those_that_anybody_would_cut(
            text in proptest::collection::vec(proptest::sample::select(b"aab.:/\\ \n\"12".to_vec()), 0..400),
            groups in proptest::collection::vec(proptest::sample::select(b"12.:. ".to_vec()), 0..300),
            longer in proptest::collection::vec(proptest::sample::select(b"abcdefgh..:: \n".to_vec()), 0..800),
        ) {
            let longer: Vec<u8> = longer.iter().flat_map(|byte| [*byte; 13]).collect();
            for text in [text, groups, longer] {
                let (cut, tokens) = (cut(&text), anybodys_cut(&text));
                prop_assert!(cut.is_sorted_by(|one, next| one.start < next.start));
                for (token, is_needed) in &tokens {
                    prop_assert!(!is_needed || cut.contains(token), "{:?}", token);
                }
                // Dots on both sides of an edge may look like those of an address; nothing else is cut in vain.
                for token in &cut {
                    let near = &text[token.start.saturating_sub(32)..token.end];
                    prop_assert!(tokens.contains(&(*token, true))
                        || tokens.contains(&(*token, false)) && (has_chain(near, b'.', 3, 4) || has_chain(near, b':', 7, 5)));
                }
            }
        }
    }

    #[test]
    fn a_token_may_be_longer_than_a_window() {
        for length in [63, 64, 65, 4095, 4096, 4097, 9000] {
            for sign in [0, length / 2, length - 2] {
                let mut text = vec![b'x'; length];
                text[sign] = b'.';
                assert_eq!(cut(&text), [Token { start: 0, end: length, line: 0 }], "{length} {sign}");
                let text = [b"a\n".as_slice(), &text, b"\n"].concat();
                assert_eq!(cut(&text), [Token { start: 2, end: length + 2, line: 1 }], "{length} {sign}");
            }
        }
    }
}
