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
/// All of them, in the order of [`each_word`].
const KINDS: [u8; 6] = [EDGE, DOT, COLON, LETTER, SLASH, LINE_END];

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

/// How many words are marked and walked at a time: what is between the two stays in the nearest cache.
const WINDOW: usize = 64;

/// A bit for each byte of a window, in words of sixty-four.
type Bits = [u64; WINDOW];

/// The marks of a window, kind by kind, so that the arithmetic on them is done on many words at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Window {
    edges: Bits,
    dots: Bits,
    colons: Bits,
    letters: Bits,
    slashes: Bits,
    line_ends: Bits,
}

const NO_MARKS: Bits = [0; WINDOW];
const UNMARKED: Window = Window {
    edges: NO_MARKS,
    dots: NO_MARKS,
    colons: NO_MARKS,
    letters: NO_MARKS,
    slashes: NO_MARKS,
    line_ends: NO_MARKS,
};

/// What may hold an indicator, between two edges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Token {
    /// Where it begins.
    pub(crate) start: usize,
    /// Where it ends.
    pub(crate) end: usize,
    /// How many lines end before it.
    pub(crate) line: usize,
}

/// How many tokens can end in a window, the shortest being a mark, what follows it, and an edge; and some more, because
/// they are put down a few at a time.
const TOKENS_MAX: usize = WINDOW * 64 / 3 + AT_ONCE + 1;
/// How many tokens of a word are put down at once, whether or not it has so many: that is cheaper than to guess.
const AT_ONCE: usize = 2;

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

    /// How far the windows reach that were given.
    pub(crate) fn read(&self) -> usize {
        self.at.min(self.text.len())
    }

    /// The tokens that end in the next window, in a list whose memory is used again; `None` where there is none any more.
    pub(crate) fn next_window<'l>(&mut self, list: &'l mut Vec<Token>) -> Option<&'l [Token]> {
        let rest = self.text.get(self.at..)?;
        list.resize(TOKENS_MAX, Token::default());
        let mut window = UNMARKED;
        let (chunks, tail) = rest.as_chunks::<64>();
        let (at, count) = match chunks.first_chunk::<WINDOW>() {
            Some(chunks) => {
                mark(chunks, &mut window);
                (self.at + WINDOW * 64, WINDOW)
            }
            None => {
                let mut last = [[b' '; 64]; WINDOW];
                last.iter_mut().zip(chunks).for_each(|(place, chunk)| *place = *chunk);
                let end = last.get_mut(chunks.len()).map_or(&mut [][..], |chunk| chunk);
                end.iter_mut().zip(tail).for_each(|(place, byte)| *place = *byte);
                mark(&last, &mut window);
                (usize::MAX, chunks.len() + 1)
            }
        };
        let count = self.walk.window(&window, count, self.at, list);
        self.at = at;
        list.get(..count)
    }
}

/// What a walk knows of the words that it has seen.
#[derive(Default)]
struct Walk {
    /// Behind the last edge.
    start: usize,
    /// 1 where the token that begins there has shown a sign.
    open: u64,
    line: usize,
    dots: u64,
    pairs: u64,
    colons: u64,
}

impl Walk {
    /// Puts the tokens that end in the first `count` words of a window. Returns how many there are.
    fn window(&mut self, window: &Window, count: usize, at: usize, tokens: &mut [Token]) -> usize {
        #[cfg(target_arch = "x86_64")]
        if has_wide_words() {
            // SAFETY: the processor has what the function was compiled for.
            return unsafe { self.window_by_wide_words(window, count, at, tokens) };
        }
        self.window_anyhow(window, count, at, tokens)
    }

    /// The same code, for processors that find and count bits at once and work on four words together.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
    fn window_by_wide_words(
        &mut self,
        window: &Window,
        count: usize,
        at: usize,
        tokens: &mut [Token],
    ) -> usize {
        self.window_anyhow(window, count, at, tokens)
    }

    #[inline(always)]
    fn window_anyhow(&mut self, window: &Window, count: usize, mut at: usize, tokens: &mut [Token]) -> usize {
        let signs = self.signs(window);
        let mut put = 0;
        for ((signs, edges), line_ends) in signs.iter().zip(&window.edges).zip(&window.line_ends).take(count)
        {
            put += self.word(*signs, *edges, *line_ends, at, tokens.get_mut(put..).unwrap_or(&mut []));
            at += 64;
        }
        put
    }

    /// Puts the tokens that end in a word.
    ///
    /// What is no edge is a run of ones, and a sign added to a run carries into the edge behind it: so one addition finds
    /// every edge that ends a token with a sign, and its carry is a token that goes on in the next word.
    #[inline(always)]
    fn word(&mut self, signs: u64, edges: u64, line_ends: u64, at: usize, tokens: &mut [Token]) -> usize {
        let (sum, carry) = (!edges).overflowing_add(signs);
        let (sum, carry_of_open) = sum.overflowing_add(self.open);
        self.open = u64::from(carry | carry_of_open);
        let mut ends = sum & edges;
        let count = ends.count_ones() as usize;
        let mut rest = tokens;
        while let Some((now, later)) = rest.split_at_mut_checked(AT_ONCE) {
            for token in now {
                let below = (ends & ends.wrapping_neg()).wrapping_sub(1);
                let before = edges & below;
                let start = if before == 0 { self.start } else { at + behind_last(before) };
                let line = self.line + (line_ends & below).count_ones() as usize;
                *token = Token { start, end: at + ends.trailing_zeros() as usize, line };
                ends &= ends.wrapping_sub(1);
            }
            if ends == 0 {
                break;
            }
            rest = later;
        }
        self.start = if edges == 0 { self.start } else { at + behind_last(edges) };
        self.line += line_ends.count_ones() as usize;
        count
    }

    /// Where something shows that every indicator has; see the top of this file.
    #[inline(always)]
    fn signs(&mut self, window: &Window) -> Bits {
        let (mut signs, mut pairs) = (NO_MARKS, NO_MARKS);
        let next_to = |marks: u64, before: u64| marks << 1 | before >> 63;
        let dots = window.dots.iter().zip(behind(&window.dots, &mut self.dots));
        for (((sign, pair), letters), (dots, before)) in
            signs.iter_mut().zip(&mut pairs).zip(&window.letters).zip(dots)
        {
            *sign = letters & next_to(*dots, before);
            *pair = dots & quad_behind(*dots, before);
        }
        let all_pairs = pairs.iter().zip(behind(&pairs, &mut self.pairs));
        for (sign, (pairs, before)) in signs.iter_mut().zip(all_pairs) {
            *sign |= pairs & quad_behind(*pairs, before);
        }
        let colons = window.colons.iter().zip(behind(&window.colons, &mut self.colons));
        for ((sign, slashes), (colons, before)) in signs.iter_mut().zip(&window.slashes).zip(colons) {
            *sign |= (colons | slashes) & next_to(*colons, before);
            if colons.count_ones() + before.count_ones() >= 7 {
                *sign |= groups(*colons, before);
            }
        }
        signs
    }
}

/// The word before each; before the first, the last one of the window before.
#[inline(always)]
fn behind<'b>(bits: &'b Bits, last: &mut u64) -> impl Iterator<Item = u64> + use<'b> {
    let before = std::mem::replace(last, bits.last().copied().unwrap_or(0));
    std::iter::once(before).chain(bits.iter().copied())
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
fn has_wide_words() -> bool {
    std::is_x86_feature_detected!("avx2")
        && std::is_x86_feature_detected!("bmi1")
        && std::is_x86_feature_detected!("bmi2")
        && std::is_x86_feature_detected!("lzcnt")
        && std::is_x86_feature_detected!("popcnt")
}

/// The chunks of a window, and what is marked of them.
#[inline(always)]
fn each_word<'w>(
    chunks: &'w [[u8; 64]; WINDOW],
    window: &'w mut Window,
) -> impl Iterator<Item = (&'w [u8; 64], [&'w mut u64; 6])> {
    let Window { edges, dots, colons, letters, slashes, line_ends } = window;
    let first = edges.iter_mut().zip(dots).zip(colons);
    let second = letters.iter_mut().zip(slashes).zip(line_ends);
    let words = first.zip(second).map(|(((a, b), c), ((d, e), f))| [a, b, c, d, e, f]);
    chunks.iter().zip(words)
}

/// Marks a window.
fn mark(chunks: &[[u8; 64]; WINDOW], window: &mut Window) {
    #[cfg(target_arch = "x86_64")]
    if std::is_x86_feature_detected!("avx512vbmi") && std::is_x86_feature_detected!("avx512bw") {
        // SAFETY: the processor has what the function was compiled for.
        return unsafe { avx512::mark(chunks, window) };
    } else if std::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has what the function was compiled for.
        return unsafe { avx2::mark(chunks, window) };
    }
    plain::mark(chunks, window);
}

mod plain {
    use super::{KINDS, MARKS, WINDOW, Window, each_word};

    pub(super) fn mark(chunks: &[[u8; 64]; WINDOW], window: &mut Window) {
        for (chunk, words) in each_word(chunks, window) {
            let marks = chunk.map(|byte| MARKS.get(usize::from(byte)).copied().unwrap_or(0));
            for (word, kind) in words.into_iter().zip(KINDS) {
                *word = marks.iter().rev().fold(0, |bits, mark| bits << 1 | u64::from(mark & kind != 0));
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod avx512 {
    use super::{KINDS, MARKS, WINDOW, Window, each_word};
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
    pub(super) fn mark(chunks: &[[u8; 64]; WINDOW], window: &mut Window) {
        let ([lower, upper], []) = MARKS.as_chunks::<64>() else { return };
        let (lower, upper) = (load(lower), load(upper));
        // Loops and no closures, which would not be compiled for the same processor.
        for (chunk, words) in each_word(chunks, window) {
            let bytes = load(chunk);
            let is_ascii = !_mm512_movepi8_mask(bytes);
            let marks = _mm512_maskz_permutex2var_epi8(is_ascii, lower, bytes, upper);
            for (word, kind) in words.into_iter().zip(KINDS) {
                *word = _mm512_test_epi8_mask(marks, _mm512_set1_epi8(kind.cast_signed()));
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use super::{WINDOW, Window, each_word};
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
    fn half(part: &[u8; 32]) -> [u64; 6] {
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
        [
            bits(inner) ^ 0xFFFF_FFFF,
            bits(marks),
            bits(_mm256_add_epi8(marks, marks)),
            bits(_mm256_cmpeq_epi8(letter, in_order)),
            bits(_mm256_or_si256(equal(bytes, b'/'), equal(bytes, b'\\'))),
            bits(equal(bytes, b'\n')),
        ]
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn mark(chunks: &[[u8; 64]; WINDOW], window: &mut Window) {
        // Loops and no closures, which would not be compiled for the same processor.
        for (chunk, words) in each_word(chunks, window) {
            let ([low, high], []) = chunk.as_chunks::<32>() else { return };
            for ((word, low), high) in words.into_iter().zip(half(low)).zip(half(high)) {
                *word = low | high << 32;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Kernel = fn(&[[u8; 64]; WINDOW], &mut Window);

    /// Every kernel that this processor has.
    fn kernels() -> Vec<Kernel> {
        let mut kernels: Vec<Kernel> = vec![mark];
        #[cfg(target_arch = "x86_64")]
        if std::is_x86_feature_detected!("avx2") {
            // SAFETY: it has just been seen that the processor can.
            kernels.push(|chunks, window| unsafe { avx2::mark(chunks, window) });
        }
        kernels
    }

    #[test]
    fn every_byte_is_marked_as_it_is_by_the_plain_loop() {
        for (shift, stride) in (0..=255u8).zip([1, 3, 7, 11, 64].into_iter().cycle()) {
            let byte = |chunk: usize, at: usize| shift.wrapping_add((chunk * 5 + at * stride) as u8);
            let chunks = std::array::from_fn(|chunk| std::array::from_fn(|at| byte(chunk, at)));
            let mut slow = UNMARKED;
            plain::mark(&chunks, &mut slow);
            let mut expected = UNMARKED;
            let edges = chunks[3].iter().enumerate().filter(|(_, byte)| is_edge(**byte));
            expected.edges[3] = edges.fold(0, |bits, (at, _)| bits | 1 << at);
            assert_eq!(slow.edges[3], expected.edges[3]);
            for kernel in kernels() {
                let mut fast = UNMARKED;
                kernel(&chunks, &mut fast);
                assert!(fast == slow, "{shift} {stride}");
            }
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
        let (mut tokens, mut list, mut all) = (Tokens::new(text), Vec::new(), Vec::new());
        while let Some(window) = tokens.next_window(&mut list) {
            all.extend_from_slice(window);
        }
        all
    }

    #[test]
    fn there_is_room_for_as_many_tokens_as_there_can_be() {
        for text in ["::\n", ".a ", "x::\n", " "] {
            let text = text.repeat(5000);
            let expected: Vec<Token> = anybodys_cut(text.as_bytes())
                .into_iter()
                .filter(|(_, is_needed)| *is_needed)
                .map(|(token, _)| token)
                .collect();
            assert!(cut(text.as_bytes()) == expected, "{:?}", &text[..3]);
        }
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
