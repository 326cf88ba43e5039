//! A tokenizer for logs: finds the tokens that may hold an indicator, 64 bytes at a time.
//!
//! Most of a log is neither an address nor a name. The tokenizer classifies every byte once, into one bit of
//! each of seven words: edges (bytes that end a token), dots, colons, letters, slashes, line ends, percent
//! signs. The rest is arithmetic on those words. Every indicator shows a *sign*: a letter after a dot, a slash
//! or a colon after a colon, three dots as far apart as in an IPv4 address, seven colons as far apart as in an
//! IPv6 address, or, where its dots and colons are escaped, two percent escapes in a row. Where there is a sign, the text between the surrounding edges is a token. Text without a sign is
//! skipped; a token may still hold no indicator.
//!
//! With AVX-512 VBMI, bytes are classified by one look-up in a table of 128; with AVX2 by two look-ups in
//! tables of 16 (Langdale and Lemire, "Parsing Gigabytes of JSON per Second", 2019); elsewhere by a plain
//! loop. Tests compare the kernels with the plain loop.
#![allow(unsafe_code)]

// The classes of a byte, as bits.
/// Ends every token: a control character but ESC, blank, quote or angle bracket.
const EDGE: u8 = 1;
/// `.`
const DOT: u8 = 2;
/// `:`
const COLON: u8 = 4;
/// A letter.
const LETTER: u8 = 8;
/// `/` or `\`
const SLASH: u8 = 16;
/// The end of a line, which is also an edge.
const LINE_END: u8 = 32;
/// `%`
const PERCENT: u8 = 64;
/// All classes, in the order of [`each_word`].
const CLASSES: [u8; 7] = [EDGE, DOT, COLON, LETTER, SLASH, LINE_END, PERCENT];

/// Whether a byte ends every token. ESC does not: it begins an escape, and what follows it is no part of the
/// next token.
pub(crate) const fn is_edge(byte: u8) -> bool {
    matches!(byte, 0..=0x1A | 0x1C..=b' ' | 0x7F | b'"' | b'\'' | b'<' | b'>' | b'`')
}

const fn classes_of(byte: u8) -> u8 {
    match byte {
        b'.' => DOT,
        b':' => COLON,
        b'a'..=b'z' | b'A'..=b'Z' => LETTER,
        b'/' | b'\\' => SLASH,
        b'%' => PERCENT,
        b'\n' => EDGE | LINE_END,
        byte if is_edge(byte) => EDGE,
        _ => 0,
    }
}

/// The classes of ASCII; other bytes have none.
// A `for` over a slice is not const yet; the index is below 128 by the loop's own condition.
#[allow(clippy::indexing_slicing)]
const CLASSES_OF: [u8; 128] = {
    let mut table = [0; 128];
    let mut byte = 0;
    while byte < 128 {
        table[byte] = classes_of(byte as u8);
        byte += 1;
    }
    table
};

/// How many words are classified and scanned at a time. The bits between the two passes, 3.5 KiB, stay in the
/// L1 cache.
const WINDOW: usize = 64;

/// A bit for each byte of a window. Bit `n` of a word is for byte `n` of its 64 bytes.
type Bits = [u64; WINDOW];

/// The bits of a window, class by class, so that the compiler vectorizes the arithmetic across words.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Window {
    edges: Bits,
    dots: Bits,
    colons: Bits,
    letters: Bits,
    slashes: Bits,
    line_ends: Bits,
    percents: Bits,
}

const NO_BITS: Bits = [0; WINDOW];
const NO_CLASSES: Window = Window {
    edges: NO_BITS,
    dots: NO_BITS,
    colons: NO_BITS,
    letters: NO_BITS,
    slashes: NO_BITS,
    line_ends: NO_BITS,
    percents: NO_BITS,
};

/// A text between two edges that may hold an indicator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Token {
    /// The offset of its first byte.
    pub(crate) start: usize,
    /// The offset of the edge after it.
    pub(crate) end: usize,
    /// How many lines end before it.
    pub(crate) line: usize,
}

/// Room for the tokens that can end in a window. The shortest token with its edge has two bytes, since a sign
/// spans edges: in `. . .`, the third dot is one. One more token may have begun in the window before, and
/// [`TOKENS_AT_ONCE`] are written where fewer remain.
const TOKENS_MAX: usize = WINDOW * 64 / 2 + TOKENS_AT_ONCE + 1;
/// How many tokens of a word are written at once, whether or not the word has so many: a surplus write costs
/// less than a mispredicted branch.
const TOKENS_AT_ONCE: usize = 2;

/// Cuts a text into tokens, window by window. The end of the text counts as an edge.
pub(crate) struct Tokenizer<'t> {
    text: &'t [u8],
    /// Where the next window begins; beyond the text after the last one.
    at: usize,
    state: State,
}

impl<'t> Tokenizer<'t> {
    pub(crate) fn new(text: &'t [u8]) -> Tokenizer<'t> {
        Tokenizer { text, at: 0, state: State::default() }
    }

    /// The number of bytes in the windows so far.
    pub(crate) fn bytes_read(&self) -> usize {
        self.at.min(self.text.len())
    }

    /// The tokens that end in the next window; `None` after the last one. They are written to `list`, whose
    /// memory is reused.
    pub(crate) fn next_window<'l>(&mut self, list: &'l mut Vec<Token>) -> Option<&'l [Token]> {
        let rest = self.text.get(self.at..)?;
        list.resize(TOKENS_MAX, Token::default());
        let mut window = NO_CLASSES;
        let (chunks, tail) = rest.as_chunks::<64>();
        let (at, count) = match chunks.first_chunk::<WINDOW>() {
            Some(chunks) => {
                classify(chunks, &mut window);
                (self.at + WINDOW * 64, WINDOW)
            }
            None => {
                // Padded with edges, of which the first one ends the last token.
                let mut last = [[b' '; 64]; WINDOW];
                last.iter_mut().zip(chunks).for_each(|(place, chunk)| *place = *chunk);
                let end = last.get_mut(chunks.len()).map_or(&mut [][..], |chunk| chunk);
                end.iter_mut().zip(tail).for_each(|(place, byte)| *place = *byte);
                classify(&last, &mut window);
                (usize::MAX, chunks.len() + 1)
            }
        };
        let count = self.state.window(&window, count, self.at, list);
        self.at = at;
        list.get(..count)
    }
}

/// What is carried from word to word, and from window to window.
#[derive(Default)]
struct State {
    /// The offset after the last edge.
    start: usize,
    /// 1 where the text since then has shown a sign, else 0.
    open: u64,
    /// The number of line ends so far.
    line: usize,
    /// The last words of the window before; see [`State::signs`].
    dots: u64,
    pairs: u64,
    colons: u64,
    percents: u64,
}

impl State {
    /// Writes the tokens that end in the first `count` words of a window, which begins at `at`. Returns their
    /// number.
    fn window(&mut self, window: &Window, count: usize, at: usize, tokens: &mut [Token]) -> usize {
        #[cfg(target_arch = "x86_64")]
        if has_avx2_and_bmi() {
            // SAFETY: the processor has the features that the function is compiled for.
            return unsafe { self.window_with_avx2(window, count, at, tokens) };
        }
        self.window_inline(window, count, at, tokens)
    }

    /// The same code, compiled for processors that count and find bits in one instruction and work on four
    /// words at once.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
    fn window_with_avx2(&mut self, window: &Window, count: usize, at: usize, tokens: &mut [Token]) -> usize {
        self.window_inline(window, count, at, tokens)
    }

    #[inline(always)]
    fn window_inline(&mut self, window: &Window, count: usize, mut at: usize, tokens: &mut [Token]) -> usize {
        let signs = self.signs(window);
        let mut put = 0;
        for ((signs, edges), line_ends) in signs.iter().zip(&window.edges).zip(&window.line_ends).take(count)
        {
            put += self.word(*signs, *edges, *line_ends, at, tokens.get_mut(put..).unwrap_or(&mut []));
            at += 64;
        }
        put
    }

    /// Writes the tokens that end in a word. Returns their number.
    ///
    /// In `!edges`, the text between two edges is a sequence of ones. Adding the signs carries from each sign
    /// to the edge after it, so one addition finds every edge that ends a token with a sign. A carry out of
    /// the word means that a token with a sign continues in the next word.
    #[inline(always)]
    fn word(&mut self, signs: u64, edges: u64, line_ends: u64, at: usize, tokens: &mut [Token]) -> usize {
        // Several signs of one token carry once: the first carry leaves zeros after it. No sign is an edge
        // itself.
        let (sum, carry) = (!edges).overflowing_add(signs);
        let (sum, carry_of_open) = sum.overflowing_add(self.open);
        self.open = u64::from(carry | carry_of_open);
        let mut ends = sum & edges;
        let count = ends.count_ones() as usize;
        let mut rest = tokens;
        while let Some((now, later)) = rest.split_at_mut_checked(TOKENS_AT_ONCE) {
            for token in now {
                // All bits below the lowest end; all 64 where no end is left, and the token is surplus.
                let below = (ends & ends.wrapping_neg()).wrapping_sub(1);
                let before = edges & below;
                let start = if before == 0 { self.start } else { at + after_last(before) };
                let line = self.line + (line_ends & below).count_ones() as usize;
                *token = Token { start, end: at + ends.trailing_zeros() as usize, line };
                ends &= ends.wrapping_sub(1);
            }
            if ends == 0 {
                break;
            }
            rest = later;
        }
        self.start = if edges == 0 { self.start } else { at + after_last(edges) };
        self.line += line_ends.count_ones() as usize;
        count
    }

    /// The signs of a window; see the head of this file.
    #[inline(always)]
    fn signs(&mut self, window: &Window) -> Bits {
        let (mut signs, mut pairs) = (NO_BITS, NO_BITS);
        // Shifting left moves a bit to the following bytes; what leaves the word before comes in from below.
        let next_to = |bits: u64, before: u64| bits << 1 | before >> 63;
        let dots = window.dots.iter().zip(words_before(&window.dots, &mut self.dots));
        for (((sign, pair), letters), (dots, before)) in
            signs.iter_mut().zip(&mut pairs).zip(&window.letters).zip(dots)
        {
            *sign = letters & next_to(*dots, before);
            // A dot that is the second of two, then below the third of three.
            *pair = dots & octet_after(*dots, before);
        }
        let all_pairs = pairs.iter().zip(words_before(&pairs, &mut self.pairs));
        for (sign, (pairs, before)) in signs.iter_mut().zip(all_pairs) {
            *sign |= pairs & octet_after(*pairs, before);
        }
        let colons = window.colons.iter().zip(words_before(&window.colons, &mut self.colons));
        for ((sign, slashes), (colons, before)) in signs.iter_mut().zip(&window.slashes).zip(colons) {
            *sign |= (colons | slashes) & next_to(*colons, before);
            if colons.count_ones() + before.count_ones() >= 7 {
                *sign |= seventh_colons(*colons, before);
            }
        }
        let percents = window.percents.iter().zip(words_before(&window.percents, &mut self.percents));
        for (sign, (percents, before)) in signs.iter_mut().zip(percents) {
            *sign |= percents & (percents << 3 | before >> 61);
        }
        signs
    }
}

/// The word before each word of a window; before the first, `last`, the last word of the window before. Sets
/// `last` for the next window.
#[inline(always)]
fn words_before<'b>(bits: &'b Bits, last: &mut u64) -> impl Iterator<Item = u64> + use<'b> {
    let before = std::mem::replace(last, bits.last().copied().unwrap_or(0));
    std::iter::once(before).chain(bits.iter().copied())
}

/// The position after the highest bit that is set.
#[inline(always)]
fn after_last(bits: u64) -> usize {
    64 - bits.leading_zeros() as usize
}

/// The positions two to four bytes after a dot: an octet later. `before` are the dots of the word before.
#[inline(always)]
fn octet_after(dots: u64, before: u64) -> u64 {
    dots << 2 | before >> 62 | dots << 3 | before >> 61 | dots << 4 | before >> 60
}

/// The colons that are the seventh in a row, each with one to four bytes between it and the one before. The
/// text of an IPv6 address without `::` spans at most 39 bytes, so two words hold it.
#[cold]
fn seventh_colons(colons: u64, before: u64) -> u64 {
    let all = u128::from(colons) << 64 | u128::from(before);
    let next = |nth: u128| all & (nth << 2 | nth << 3 | nth << 4 | nth << 5);
    let third = next(next(all));
    if third == 0 {
        return 0;
    }
    (next(next(next(next(third)))) >> 64) as u64
}

#[cfg(target_arch = "x86_64")]
fn has_avx2_and_bmi() -> bool {
    std::is_x86_feature_detected!("avx2")
        && std::is_x86_feature_detected!("bmi1")
        && std::is_x86_feature_detected!("bmi2")
        && std::is_x86_feature_detected!("lzcnt")
        && std::is_x86_feature_detected!("popcnt")
}

/// The chunks of a window, each with its words in the order of [`CLASSES`].
#[inline(always)]
fn each_word<'w>(
    chunks: &'w [[u8; 64]; WINDOW],
    window: &'w mut Window,
) -> impl Iterator<Item = (&'w [u8; 64], [&'w mut u64; 7])> {
    let Window { edges, dots, colons, letters, slashes, line_ends, percents } = window;
    let first = edges.iter_mut().zip(dots).zip(colons);
    let second = letters.iter_mut().zip(slashes).zip(line_ends).zip(percents);
    let words = first.zip(second).map(|(((a, b), c), (((d, e), f), g))| [a, b, c, d, e, f, g]);
    chunks.iter().zip(words)
}

/// Classifies the bytes of a window, with the best kernel that the processor has.
fn classify(chunks: &[[u8; 64]; WINDOW], window: &mut Window) {
    #[cfg(target_arch = "x86_64")]
    if std::is_x86_feature_detected!("avx512vbmi") && std::is_x86_feature_detected!("avx512bw") {
        // SAFETY: the processor has the features that the function is compiled for.
        return unsafe { avx512::classify(chunks, window) };
    } else if std::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has the features that the function is compiled for.
        return unsafe { avx2::classify(chunks, window) };
    }
    plain::classify(chunks, window);
}

mod plain {
    use super::{CLASSES, CLASSES_OF, WINDOW, Window, each_word};

    pub(super) fn classify(chunks: &[[u8; 64]; WINDOW], window: &mut Window) {
        for (chunk, words) in each_word(chunks, window) {
            let classes = chunk.map(|byte| CLASSES_OF.get(usize::from(byte)).copied().unwrap_or(0));
            for (word, class) in words.into_iter().zip(CLASSES) {
                *word = classes.iter().rev().fold(0, |bits, of| bits << 1 | u64::from(of & class != 0));
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod avx512 {
    use super::{CLASSES, CLASSES_OF, WINDOW, Window, each_word};
    use std::arch::x86_64::{
        __m512i, _mm512_loadu_si512, _mm512_maskz_permutex2var_epi8, _mm512_movepi8_mask, _mm512_set1_epi8,
        _mm512_test_epi8_mask,
    };

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
    fn load(bytes: &[u8; 64]) -> __m512i {
        // SAFETY: `bytes` has 64 bytes, and the load needs no alignment.
        unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
    pub(super) fn classify(chunks: &[[u8; 64]; WINDOW], window: &mut Window) {
        let ([lower, upper], []) = CLASSES_OF.as_chunks::<64>() else { return };
        let (lower, upper) = (load(lower), load(upper));
        // Loops instead of closures, because a closure is not compiled with the features of its function.
        for (chunk, words) in each_word(chunks, window) {
            let bytes = load(chunk);
            let is_ascii = !_mm512_movepi8_mask(bytes);
            // The lower seven bits of a byte select an entry of the table of 128.
            let classes = _mm512_maskz_permutex2var_epi8(is_ascii, lower, bytes, upper);
            for (word, class) in words.into_iter().zip(CLASSES) {
                *word = _mm512_test_epi8_mask(classes, _mm512_set1_epi8(class.cast_signed()));
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

    /// The classes that a byte may have by its lower half, and below by its upper half; it has those that are
    /// in both. Bit 7 is a dot and bit 6 a colon. The other bits are edges, one for each group of bytes with
    /// the same upper half: bit 0 for 0x0_, bit 1 for 0x2_ (blank, `"`, `'`), bit 2 for 0x3_ (`<`, `>`), bit 3
    /// for 0x6_ (`` ` ``), bit 4 for 0x7_ (DEL), bit 5 for 0x1_ without ESC.
    const LOWER: [u8; 16] = {
        let mut table = [1 | 32; 16];
        (table[0x0], table[0x2], table[0x7]) = (1 | 32 | 2 | 8, 1 | 32 | 2, 1 | 32 | 2);
        (table[0xC], table[0xA], table[0xF]) = (1 | 32 | 4, 1 | 32 | 64, 1 | 32 | 16);
        (table[0xB], table[0xE]) = (1, 1 | 32 | 128 | 4);
        table
    };
    const UPPER: [u8; 16] = [1, 32, 2 | 128, 4 | 64, 0, 0, 8, 16, 0, 0, 0, 0, 0, 0, 0, 0];

    /// The same table in both halves of a register, as a shuffle within 128 bits needs it.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn table(bytes: [u8; 16]) -> __m256i {
        let number = u128::from_le_bytes(bytes);
        _mm256_broadcastsi128_si256(_mm_set_epi64x((number >> 64) as i64, number as i64))
    }

    /// Bit 7 of each byte.
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

    /// The classes of 32 bytes, in the order of [`super::CLASSES`].
    #[inline]
    #[target_feature(enable = "avx2")]
    fn half(part: &[u8; 32]) -> [u64; 7] {
        let low_half = _mm256_set1_epi8(15);
        // SAFETY: `part` has 32 bytes, and the load needs no alignment.
        let bytes = unsafe { _mm256_loadu_si256(part.as_ptr().cast()) };
        let below = _mm256_shuffle_epi8(table(LOWER), _mm256_and_si256(bytes, low_half));
        // There is no shift of bytes; the mask removes the bits that a shift of 16 brings in from the
        // neighbour.
        let above = _mm256_srli_epi16(bytes, 4);
        let above = _mm256_shuffle_epi8(table(UPPER), _mm256_and_si256(above, low_half));
        let classes = _mm256_and_si256(below, above);
        let edges = _mm256_and_si256(classes, _mm256_set1_epi8(0b0011_1111));
        let is_no_edge = _mm256_cmpeq_epi8(edges, _mm256_setzero_si256());
        let lower_case = _mm256_or_si256(bytes, _mm256_set1_epi8(0x20));
        let letter = _mm256_sub_epi8(lower_case, _mm256_set1_epi8(b'a'.cast_signed()));
        // AVX2 compares signed bytes only; `x.min(25) == x` is the unsigned `x <= 25`.
        let at_most_z = _mm256_min_epu8(letter, _mm256_set1_epi8(25));
        [
            bits(is_no_edge) ^ 0xFFFF_FFFF,
            bits(classes),
            // Doubling moves bit 6 to bit 7.
            bits(_mm256_add_epi8(classes, classes)),
            bits(_mm256_cmpeq_epi8(letter, at_most_z)),
            bits(_mm256_or_si256(equal(bytes, b'/'), equal(bytes, b'\\'))),
            bits(equal(bytes, b'\n')),
            bits(equal(bytes, b'%')),
        ]
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn classify(chunks: &[[u8; 64]; WINDOW], window: &mut Window) {
        // Loops instead of closures, because a closure is not compiled with the features of its function.
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
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    type Kernel = fn(&[[u8; 64]; WINDOW], &mut Window);

    /// The kernels that this processor can run.
    fn kernels() -> Vec<Kernel> {
        let mut kernels: Vec<Kernel> = vec![classify];
        #[cfg(target_arch = "x86_64")]
        if std::is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has AVX2.
            kernels.push(|chunks, window| unsafe { avx2::classify(chunks, window) });
        }
        kernels
    }

    #[test]
    fn kernels_classify_bytes_as_the_plain_loop_does() {
        for (shift, stride) in (0..=255u8).zip([1, 3, 7, 11, 64].into_iter().cycle()) {
            let byte = |chunk: usize, at: usize| shift.wrapping_add((chunk * 5 + at * stride) as u8);
            let chunks = std::array::from_fn(|chunk| std::array::from_fn(|at| byte(chunk, at)));
            let mut slow = NO_CLASSES;
            plain::classify(&chunks, &mut slow);
            let mut expected = NO_CLASSES;
            let edges = chunks[3].iter().enumerate().filter(|(_, byte)| is_edge(**byte));
            expected.edges[3] = edges.fold(0, |bits, (at, _)| bits | 1 << at);
            assert_eq!(slow.edges[3], expected.edges[3]);
            for kernel in kernels() {
                let mut fast = NO_CLASSES;
                kernel(&chunks, &mut fast);
                assert!(fast == slow, "{shift} {stride}");
            }
        }
    }

    /// Whether `count` bytes of this value follow each other, each 2 to `distance` bytes after the one
    /// before.
    fn has_chain(token: &[u8], value: u8, count: usize, distance: usize) -> bool {
        let mut lengths = vec![0; token.len()];
        for (at, _) in token.iter().enumerate().filter(|(_, byte)| **byte == value) {
            let before = (2..=distance).filter_map(|back| lengths.get(at.wrapping_sub(back)).copied());
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
            || has_escapes(token)
    }

    /// Whether one percent sign is three bytes after another.
    fn has_escapes(token: &[u8]) -> bool {
        token.windows(4).any(|bytes| bytes[0] == b'%' && bytes[3] == b'%')
    }

    /// Splits a text at edges, without bit arithmetic: the tokens, and whether each has a sign.
    fn plain_tokens(text: &[u8]) -> Vec<(Token, bool)> {
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
        let (mut tokens, mut list, mut all) = (Tokenizer::new(text), Vec::new(), Vec::new());
        while let Some(window) = tokens.next_window(&mut list) {
            all.extend_from_slice(window);
        }
        all
    }

    #[test]
    fn dense_tokens_fit_into_the_list() {
        for text in ["::\n", ".a ", "x::\n", " "] {
            let text = text.repeat(5000);
            let expected: Vec<Token> = plain_tokens(text.as_bytes())
                .into_iter()
                .filter(|(_, has_sign)| *has_sign)
                .map(|(token, _)| token)
                .collect();
            assert!(cut(text.as_bytes()) == expected, "{:?}", &text[..3]);
        }
    }

    proptest! {
        #[test]
        fn tokens_match_a_plain_split(
            text in vec(select(b"aab.:/\\ \n\"12%".to_vec()), 0..400),
            groups in vec(select(b"12.:. ".to_vec()), 0..300),
            longer in vec(select(b"abcdefgh..:: \n".to_vec()), 0..800),
        ) {
            let longer: Vec<u8> = longer.iter().flat_map(|byte| [*byte; 13]).collect();
            for text in [text, groups, longer] {
                let (cut, tokens) = (cut(&text), plain_tokens(&text));
                prop_assert!(cut.is_sorted_by(|one, next| one.start < next.start));
                for (token, has_sign) in &tokens {
                    prop_assert!(!has_sign || cut.contains(token), "{:?}", token);
                }
                // Dots, colons or percent signs on both sides of an edge may look like those of an address.
                // Nothing else gives a token without a sign.
                for token in &cut {
                    let near = &text[token.start.saturating_sub(32)..token.end];
                    let is_near_chain = has_chain(near, b'.', 3, 4)
                        || has_chain(near, b':', 7, 5)
                        || has_escapes(near);
                    prop_assert!(
                        tokens.contains(&(*token, true))
                            || tokens.contains(&(*token, false)) && is_near_chain
                    );
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
