//! Classes of bytes: for sixty-four bytes at a time, which of them are letters, digits, dots and so on.
//!
//! The token reader takes a token apart with arithmetic on these words. There is a kernel for AVX-512 VBMI,
//! one for AVX2, and a plain loop that serves elsewhere and as the reference in tests.
#![allow(unsafe_code)]

/// The bytes that are classified together.
pub(crate) type Chunk = [u8; 64];
/// Half a chunk: enough for most tokens.
pub(crate) type HalfChunk = [u8; 32];

/// The classes of the bytes of a chunk, a bit for each byte, the first byte in the lowest bit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct WordBits {
    /// `a` to `z`, `A` to `Z`.
    pub(crate) letters: u64,
    /// `0` to `9`.
    pub(crate) digits: u64,
    /// `-` and `_`.
    pub(crate) joiners: u64,
    /// `.`
    pub(crate) dots: u64,
    /// `:`
    pub(crate) colons: u64,
    /// `/`
    pub(crate) slashes: u64,
    /// `&`
    pub(crate) ampersands: u64,
    /// What may begin an escape, and bytes beyond ASCII.
    pub(crate) escapes: u64,
}

/// Further classes, which matter in URLs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct UrlBits {
    /// Brackets, and what may be the delimiter of a column.
    pub(crate) delimiters: u64,
    /// `=`
    pub(crate) equals: u64,
    /// `A` to `Z`.
    pub(crate) capitals: u64,
}

// The classes of `WordBits`, as bits of a byte of a table.
const LETTER: u8 = 1;
const DIGIT: u8 = 2;
const JOINER: u8 = 4;
const DOT: u8 = 8;
const COLON: u8 = 16;
const SLASH: u8 = 32;
const AMPERSAND: u8 = 64;
const ESCAPE: u8 = 128;

// Those of `UrlBits`.
const DELIMITER: u8 = 1;
const EQUALS: u8 = 2;
const CAPITAL: u8 = 4;

const fn word_class(byte: u8) -> u8 {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' => LETTER,
        b'0'..=b'9' => DIGIT,
        b'-' | b'_' => JOINER,
        b'.' => DOT,
        b':' => COLON,
        b'/' => SLASH,
        b'&' => AMPERSAND,
        0x1B | b'\\' | b'#' | b'^' | b'%' | 128.. => ESCAPE,
        _ => 0,
    }
}

const fn url_class(byte: u8) -> u8 {
    match byte {
        b',' | b';' | b'|' | b'[' | b']' | b'(' | b')' | b'{' | b'}' => DELIMITER,
        b'=' => EQUALS,
        b'A'..=b'Z' => CAPITAL,
        _ => 0,
    }
}

/// A table of 256 classes.
macro_rules! table {
    ($class:path) => {{
        let mut table = [0; 256];
        let mut byte = 0;
        while byte < 256 {
            table[byte] = $class(byte as u8);
            byte += 1;
        }
        table
    }};
}

// A `for` over a slice is not const yet; the index is below 256 by the loop's own condition.
#[allow(clippy::indexing_slicing)]
const WORD_CLASSES: [u8; 256] = table!(word_class);
#[allow(clippy::indexing_slicing)]
const URL_CLASSES: [u8; 256] = table!(url_class);

/// Classifies chunks. A type for each set of instructions, so that the reader is compiled once for each.
pub(crate) trait Kernel {
    /// The classes of words.
    fn word_bits(chunk: &Chunk) -> WordBits;
    /// The same, of half a chunk.
    fn half_word_bits(half: &HalfChunk) -> WordBits;
    /// The classes of URLs.
    fn url_bits(chunk: &Chunk) -> UrlBits;
}

/// Work that a kernel is for. `run` must be `#[inline(always)]`, and all that it calls for each chunk: then it
/// is compiled with the kernel's instructions.
pub(crate) trait WithKernel {
    /// Does the work.
    fn run<K: Kernel>(self);
}

/// Does work with the best kernel that the processor has.
pub(crate) fn with_best_kernel(work: impl WithKernel) {
    #[cfg(target_arch = "x86_64")]
    if x86::Avx512::is_available() {
        // SAFETY: the processor has the features that the function is compiled for.
        return unsafe { x86::run_with_avx512(work) };
    } else if x86::Avx2::is_available() {
        // SAFETY: the processor has the features that the function is compiled for.
        return unsafe { x86::run_with_avx2(work) };
    }
    work.run::<Plain>();
}

/// A plain loop.
struct Plain;

impl Kernel for Plain {
    fn word_bits(chunk: &Chunk) -> WordBits {
        let classes = chunk.map(|byte| class_in(&WORD_CLASSES, byte));
        let [letters, digits, joiners, dots, colons, slashes, ampersands, escapes] =
            [LETTER, DIGIT, JOINER, DOT, COLON, SLASH, AMPERSAND, ESCAPE].map(|class| bits(&classes, class));
        WordBits { letters, digits, joiners, dots, colons, slashes, ampersands, escapes }
    }

    fn half_word_bits(half: &HalfChunk) -> WordBits {
        let mut chunk = [b' '; 64];
        chunk.iter_mut().zip(half).for_each(|(place, byte)| *place = *byte);
        Plain::word_bits(&chunk)
    }

    fn url_bits(chunk: &Chunk) -> UrlBits {
        let classes = chunk.map(|byte| class_in(&URL_CLASSES, byte));
        let [delimiters, equals, capitals] = [DELIMITER, EQUALS, CAPITAL].map(|class| bits(&classes, class));
        UrlBits { delimiters, equals, capitals }
    }
}

fn class_in(table: &[u8; 256], byte: u8) -> u8 {
    table.get(usize::from(byte)).copied().unwrap_or(0)
}

fn bits(classes: &Chunk, class: u8) -> u64 {
    classes.iter().rev().fold(0, |bits, of| bits << 1 | u64::from(of & class != 0))
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{
        AMPERSAND, CAPITAL, COLON, Chunk, DELIMITER, DIGIT, DOT, EQUALS, ESCAPE, HalfChunk, JOINER, Kernel,
        LETTER, SLASH, URL_CLASSES, UrlBits, WORD_CLASSES, WithKernel, WordBits,
    };
    use std::arch::x86_64::{
        __m256i, __m512i, _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_min_epu8, _mm256_movemask_epi8,
        _mm256_or_si256, _mm256_set1_epi8, _mm256_sub_epi8, _mm512_loadu_si512,
        _mm512_maskz_permutex2var_epi8, _mm512_movepi8_mask, _mm512_permutex2var_epi8, _mm512_set1_epi8,
        _mm512_test_epi8_mask,
    };

    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,avx2,bmi1,bmi2,lzcnt,popcnt")]
    pub(super) fn run_with_avx512(work: impl WithKernel) {
        work.run::<Avx512>();
    }

    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
    pub(super) fn run_with_avx2(work: impl WithKernel) {
        work.run::<Avx2>();
    }

    /// For processors with AVX-512 VBMI: one look-up in a table of 128.
    pub(super) struct Avx512;

    impl Avx512 {
        /// Whether this processor has what [`Avx512`] and the reader compiled for it need.
        pub(super) fn is_available() -> bool {
            std::is_x86_feature_detected!("avx512vbmi")
                && std::is_x86_feature_detected!("avx512bw")
                && Avx2::is_available()
        }
    }

    impl Kernel for Avx512 {
        #[inline(always)]
        fn word_bits(chunk: &Chunk) -> WordBits {
            // SAFETY: the reader uses this kernel where `is_available`.
            unsafe { word_bits_512(chunk) }
        }

        #[inline(always)]
        fn half_word_bits(half: &HalfChunk) -> WordBits {
            // SAFETY: the reader uses this kernel where `is_available`.
            unsafe { half_word_bits_256(half) }
        }

        #[inline(always)]
        fn url_bits(chunk: &Chunk) -> UrlBits {
            // SAFETY: the reader uses this kernel where `is_available`.
            unsafe { url_bits_512(chunk) }
        }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
    fn load(bytes: &Chunk) -> __m512i {
        // SAFETY: `bytes` has 64 bytes, and the load needs no alignment.
        unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
    }

    /// The halves of the ASCII part of a table.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
    fn halves(table: &'static [u8; 256]) -> (__m512i, __m512i) {
        match table.as_chunks::<64>().0 {
            [lower, upper, ..] => (load(lower), load(upper)),
            _ => (_mm512_set1_epi8(0), _mm512_set1_epi8(0)),
        }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
    fn word_bits_512(chunk: &Chunk) -> WordBits {
        let (lower, upper) = halves(&WORD_CLASSES);
        let bytes = load(chunk);
        let wide = _mm512_movepi8_mask(bytes);
        // The lower seven bits of a byte select an entry of the table of 128.
        let classes = _mm512_maskz_permutex2var_epi8(!wide, lower, bytes, upper);
        WordBits {
            letters: _mm512_test_epi8_mask(classes, _mm512_set1_epi8(LETTER.cast_signed())),
            digits: _mm512_test_epi8_mask(classes, _mm512_set1_epi8(DIGIT.cast_signed())),
            joiners: _mm512_test_epi8_mask(classes, _mm512_set1_epi8(JOINER.cast_signed())),
            dots: _mm512_test_epi8_mask(classes, _mm512_set1_epi8(DOT.cast_signed())),
            colons: _mm512_test_epi8_mask(classes, _mm512_set1_epi8(COLON.cast_signed())),
            slashes: _mm512_test_epi8_mask(classes, _mm512_set1_epi8(SLASH.cast_signed())),
            ampersands: _mm512_test_epi8_mask(classes, _mm512_set1_epi8(AMPERSAND.cast_signed())),
            escapes: _mm512_test_epi8_mask(classes, _mm512_set1_epi8(ESCAPE.cast_signed())) | wide,
        }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
    fn url_bits_512(chunk: &Chunk) -> UrlBits {
        let (lower, upper) = halves(&URL_CLASSES);
        // Bytes beyond ASCII get the class of another byte; tokens with such bytes are read elsewhere.
        let bytes = load(chunk);
        let is_ascii = !_mm512_movepi8_mask(bytes);
        let classes = _mm512_permutex2var_epi8(lower, bytes, upper);
        UrlBits {
            delimiters: _mm512_test_epi8_mask(classes, _mm512_set1_epi8(DELIMITER.cast_signed())) & is_ascii,
            equals: _mm512_test_epi8_mask(classes, _mm512_set1_epi8(EQUALS.cast_signed())) & is_ascii,
            capitals: _mm512_test_epi8_mask(classes, _mm512_set1_epi8(CAPITAL.cast_signed())) & is_ascii,
        }
    }

    /// For processors with AVX2: comparisons of thirty-two bytes.
    pub(super) struct Avx2;

    impl Avx2 {
        /// Whether this processor has what [`Avx2`] and the reader compiled for it need.
        pub(super) fn is_available() -> bool {
            std::is_x86_feature_detected!("avx2")
                && std::is_x86_feature_detected!("bmi1")
                && std::is_x86_feature_detected!("bmi2")
                && std::is_x86_feature_detected!("lzcnt")
                && std::is_x86_feature_detected!("popcnt")
        }
    }

    impl Kernel for Avx2 {
        #[inline(always)]
        fn word_bits(chunk: &Chunk) -> WordBits {
            // SAFETY: the reader uses this kernel where `is_available`.
            unsafe { word_bits_256(chunk) }
        }

        #[inline(always)]
        fn half_word_bits(half: &HalfChunk) -> WordBits {
            // SAFETY: the reader uses this kernel where `is_available`.
            unsafe { half_word_bits_256(half) }
        }

        #[inline(always)]
        fn url_bits(chunk: &Chunk) -> UrlBits {
            // SAFETY: the reader uses this kernel where `is_available`.
            unsafe { url_bits_256(chunk) }
        }
    }

    type Halves = [__m256i; 2];

    #[inline]
    #[target_feature(enable = "avx2")]
    fn load_halves(bytes: &Chunk) -> Halves {
        let halves: [*const u8; 2] = [0, 32].map(|at| bytes.as_ptr().wrapping_add(at));
        // SAFETY: each half has 32 bytes, and the load needs no alignment.
        unsafe { [_mm256_loadu_si256(halves[0].cast()), _mm256_loadu_si256(halves[1].cast())] }
    }

    /// Bit 7 of each byte.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn mask([low, high]: Halves) -> u64 {
        let (low, high) = (_mm256_movemask_epi8(low), _mm256_movemask_epi8(high));
        u64::from(low.cast_unsigned()) | u64::from(high.cast_unsigned()) << 32
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn equal([low, high]: Halves, byte: u8) -> u64 {
        let byte = _mm256_set1_epi8(byte.cast_signed());
        mask([_mm256_cmpeq_epi8(low, byte), _mm256_cmpeq_epi8(high, byte)])
    }

    /// The bytes from `first` to `first + width`. AVX2 compares signed bytes only; `x.min(w) == x` is the
    /// unsigned `x <= w`.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn within([low, high]: Halves, first: u8, width: u8) -> u64 {
        let first = _mm256_set1_epi8(first.cast_signed());
        let width = _mm256_set1_epi8(width.cast_signed());
        let (low, high) = (_mm256_sub_epi8(low, first), _mm256_sub_epi8(high, first));
        mask([
            _mm256_cmpeq_epi8(low, _mm256_min_epu8(low, width)),
            _mm256_cmpeq_epi8(high, _mm256_min_epu8(high, width)),
        ])
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn half_equal(half: __m256i, byte: u8) -> __m256i {
        _mm256_cmpeq_epi8(half, _mm256_set1_epi8(byte.cast_signed()))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn half_within(half: __m256i, first: u8, width: u8) -> __m256i {
        let half = _mm256_sub_epi8(half, _mm256_set1_epi8(first.cast_signed()));
        _mm256_cmpeq_epi8(half, _mm256_min_epu8(half, _mm256_set1_epi8(width.cast_signed())))
    }

    /// The same of half as many bytes, with one register a class.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn half_word_bits_256(half: &HalfChunk) -> WordBits {
        // SAFETY: `half` has 32 bytes, and the load needs no alignment.
        let bytes = unsafe { _mm256_loadu_si256(half.as_ptr().cast()) };
        let lower_case = _mm256_or_si256(bytes, _mm256_set1_epi8(0x20));
        let joiners = _mm256_or_si256(half_equal(bytes, b'-'), half_equal(bytes, b'_'));
        let first = _mm256_or_si256(half_equal(bytes, 0x1B), half_equal(bytes, b'\\'));
        let second = _mm256_or_si256(half_equal(bytes, b'#'), half_equal(bytes, b'^'));
        // Bytes beyond ASCII have bit 7 set themselves.
        let others = _mm256_or_si256(half_equal(bytes, b'%'), bytes);
        let bits = |lanes: __m256i| u64::from(_mm256_movemask_epi8(lanes).cast_unsigned());
        WordBits {
            letters: bits(half_within(lower_case, b'a', 25)),
            digits: bits(half_within(bytes, b'0', 9)),
            joiners: bits(joiners),
            dots: bits(half_equal(bytes, b'.')),
            colons: bits(half_equal(bytes, b':')),
            slashes: bits(half_equal(bytes, b'/')),
            ampersands: bits(half_equal(bytes, b'&')),
            escapes: bits(_mm256_or_si256(_mm256_or_si256(first, second), others)),
        }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn word_bits_256(chunk: &Chunk) -> WordBits {
        let bytes = load_halves(chunk);
        let case = _mm256_set1_epi8(0x20);
        let lower_case = [_mm256_or_si256(bytes[0], case), _mm256_or_si256(bytes[1], case)];
        WordBits {
            letters: within(lower_case, b'a', 25),
            digits: within(bytes, b'0', 9),
            joiners: equal(bytes, b'-') | equal(bytes, b'_'),
            dots: equal(bytes, b'.'),
            colons: equal(bytes, b':'),
            slashes: equal(bytes, b'/'),
            ampersands: equal(bytes, b'&'),
            escapes: mask(bytes)
                | equal(bytes, 0x1B)
                | equal(bytes, b'\\')
                | equal(bytes, b'#')
                | equal(bytes, b'^')
                | equal(bytes, b'%'),
        }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn url_bits_256(chunk: &Chunk) -> UrlBits {
        let bytes = load_halves(chunk);
        UrlBits {
            delimiters: within(bytes, b'{', 2)
                | within(bytes, b'(', 1)
                | equal(bytes, b',')
                | equal(bytes, b';')
                | equal(bytes, b'[')
                | equal(bytes, b']'),
            equals: equal(bytes, b'='),
            capitals: within(bytes, b'A', 25),
        }
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "x86_64")]
    use super::x86::{Avx2, Avx512};
    use super::*;

    #[test]
    fn kernels_classify_bytes_as_the_plain_loop_does() {
        for (shift, stride) in (0..=255u8).zip([1, 3, 7, 11, 64].into_iter().cycle()) {
            let chunk: Chunk = std::array::from_fn(|at| shift.wrapping_add((at * stride) as u8));
            let (words, urls) = (Plain::word_bits(&chunk), Plain::url_bits(&chunk));
            for (at, byte) in chunk.iter().enumerate() {
                assert_eq!(words.letters >> at & 1 == 1, byte.is_ascii_alphabetic());
                assert_eq!(words.escapes >> at & 1 == 1, !byte.is_ascii() || b"\x1b\\#^%".contains(byte));
                assert_eq!(urls.delimiters >> at & 1 == 1, b",;|[](){}".contains(byte));
            }
            let half: HalfChunk = std::array::from_fn(|at| chunk[at]);
            let of_half = Plain::half_word_bits(&half);
            assert_eq!(
                (of_half.letters, of_half.dots),
                (words.letters as u32 as u64, words.dots as u32 as u64)
            );
            #[cfg(target_arch = "x86_64")]
            if Avx2::is_available() {
                assert_eq!(Avx2::half_word_bits(&half), of_half);
                assert_eq!((Avx2::word_bits(&chunk), Avx2::url_bits(&chunk)), (words, urls));
            }
            #[cfg(target_arch = "x86_64")]
            if Avx512::is_available() {
                assert_eq!((Avx512::word_bits(&chunk), Avx512::url_bits(&chunk)), (words, urls));
            }
        }
    }
}
