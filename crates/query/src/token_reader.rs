//! Reads the tokens of a log that are plain: addresses, names, URLs, paths and lists of them, without escapes.
//!
//! Nearly every token of nearly every log is plain. This reader takes it apart with a few words of class bits
//! and no loop over its bytes, and makes keys, which most often lead nowhere, in place of questions. A token
//! that needs more, it does not read: escapes, IPv6 addresses, names beyond ASCII or with A-labels, URLs that
//! must be rewritten. [`extract`](crate::extract) reads those. What it does read, it reads as `extract` does;
//! tests compare both.
//!
//! The reader is compiled once for each kernel of [`byte_classes`](crate::byte_classes), so that all of it
//! uses the kernel's instructions.

use crate::byte_classes::{Chunk, HalfChunk, Kernel, WithKernel, WordBits, with_best_kernel};
use crate::extract::{TRAILING, is_file_type};
use crate::keys::{Keys, Place};
use crate::tokenizer::Token;
use rapsheet_snapshot::{Kinds, hash_of_url};
use std::marker::PhantomData;
use std::ops::Range;

/// The longest token that is read here, in bytes. Longer ones are few.
const TOKEN_MAX: usize = 1 << 10;
/// How much of a text is read at a time: a chunk but for one byte, so that every offset in it and its end is
/// less than the bits of a word, and no shift needs a check.
const PART: usize = size_of::<Chunk>() - 1;
/// How much needs half a chunk only.
const HALF: usize = size_of::<HalfChunk>() - 1;

/// A token, and its number among those that will be cached.
pub(crate) type Numbered = (Token, u32);

/// Adds the keys of the tokens of a text, and those that are not plain to `others`.
pub(crate) fn read_tokens(text: &[u8], tokens: &[Numbered], keys: &mut Keys, others: &mut Vec<Numbered>) {
    with_best_kernel(Reading { text, tokens, keys, others });
}

/// The arguments of [`read_tokens`].
struct Reading<'a> {
    text: &'a [u8],
    tokens: &'a [Numbered],
    keys: &'a mut Keys,
    others: &'a mut Vec<Numbered>,
}

impl WithKernel for Reading<'_> {
    #[inline(always)]
    fn run<K: Kernel>(self) {
        let Reading { text, tokens, keys, others } = self;
        for (token, number) in tokens {
            let mark = keys.mark();
            let place = Place { line: token.line, token: *number, ..Place::default() };
            let mut reader = Reader::<K> { text, keys, place, is_in_url: false, kernel: PhantomData };
            if reader.token(token.start, token.end).is_none() {
                keys.truncate(mark);
                others.push((*token, *number));
            }
        }
    }
}

/// Adds the keys of values, each of which is one address, name or URL as a whole, with the position of its value as the
/// token's number. `kinds` gets what each value is; of those that are not plain, [`Kinds::NONE`].
pub(crate) fn read_values(text: &[u8], values: &[Range<usize>], keys: &mut Keys, kinds: &mut Vec<Kinds>) {
    with_best_kernel(ReadingValues { text, values, keys, kinds });
}

/// The arguments of [`read_values`].
struct ReadingValues<'a> {
    text: &'a [u8],
    values: &'a [Range<usize>],
    keys: &'a mut Keys,
    kinds: &'a mut Vec<Kinds>,
}

impl WithKernel for ReadingValues<'_> {
    #[inline(always)]
    fn run<K: Kernel>(self) {
        let ReadingValues { text, values, keys, kinds } = self;
        for (number, value) in (0..).zip(values) {
            let mark = keys.mark();
            let place = Place { token: number, ..Place::default() };
            let mut reader = Reader::<K> { text, keys, place, is_in_url: false, kernel: PhantomData };
            let is_of_text = value.start < value.end && value.end <= text.len();
            let read = if is_of_text { reader.value(value.start, value.end) } else { None };
            if read.is_none() {
                keys.truncate(mark);
            }
            kinds.push(read.unwrap_or(Kinds::NONE));
        }
    }
}

/// Bits `from` to `to` of a word.
#[inline(always)]
fn range(from: usize, to: usize) -> u64 {
    below(to) & !below(from)
}

/// The lowest `count` bits of a word, of which there are at most [`PART`].
#[inline(always)]
fn below(count: usize) -> u64 {
    !(u64::MAX << (count & PART))
}

/// The position after the highest bit that is set.
#[inline(always)]
fn after_last(bits: u64) -> usize {
    (u64::BITS - bits.leading_zeros()) as usize
}

/// The position of the lowest bit that is set.
#[inline(always)]
fn first(bits: u64) -> usize {
    bits.trailing_zeros() as usize
}

/// A part of the text, with the classes of its bytes.
#[derive(Clone, Copy)]
struct Part {
    /// The offset of its first byte.
    base: usize,
    /// Those of letters, digits, joiners and dots go beyond the part.
    bits: WordBits,
    /// The bytes of words.
    words: u64,
}

/// What a piece is.
enum Host {
    Address(u32),
    Name,
    Nothing,
}

/// Reads a token. Each function returns `None` where the token is not plain.
struct Reader<'a, 'k, K> {
    text: &'a [u8],
    keys: &'k mut Keys,
    /// The line and the number of the token.
    place: Place,
    /// Whether what is read belongs to a URL.
    is_in_url: bool,
    kernel: PhantomData<K>,
}

impl<K: Kernel> Reader<'_, '_, K> {
    #[inline(always)]
    fn token(&mut self, start: usize, end: usize) -> Option<()> {
        if end - start > PART {
            return self.long_token(start, end);
        }
        let part = self.part(start, end);
        let bits = &part.bits;
        if bits.escapes != 0 {
            return None;
        }
        let schemes = bits.colons & bits.slashes >> 1 & bits.slashes >> 2;
        if schemes != 0 || bits.ampersands != 0 {
            return self.marked_token(&part, end - start, schemes);
        }
        let (own, colons) = (below(end - start), bits.colons);
        if part.words != own || colons & colons.wrapping_sub(1) != 0 {
            return self.words(&part, 0, end - start);
        }
        // One word between two edges, with at most one colon.
        self.pieces(&part, 0, end - start)
    }

    /// Reads a text that is one address, name or URL. Returns what it is.
    #[inline(always)]
    fn value(&mut self, start: usize, end: usize) -> Option<Kinds> {
        let len = end - start;
        let part = self.part(start, start + len.min(PART));
        let own = below(len.min(PART));
        if len > PART || part.words != own || part.bits.colons != 0 {
            return self.url_value(&part, start, end);
        }
        let inner = (part.bits.letters | part.bits.digits) & own;
        let dots = part.bits.dots & own;
        // Begins with no dot, ends with a letter or digit.
        if dots == 0 || dots & 1 != 0 || after_last(inner) != len {
            return None;
        }
        let place = Place { at: start, len: len as u32, ..self.place };
        match self.host(&part, 0, len)? {
            Host::Name => {
                self.keys.push_name(self.text, end, len, place);
                Some(Kinds::NAME)
            }
            Host::Address(number) => {
                self.keys.push_address(number, place);
                Some(Kinds::IPV4)
            }
            Host::Nothing => None,
        }
    }

    /// Reads a text that is one URL.
    #[inline(always)]
    fn url_value(&mut self, part: &Part, start: usize, end: usize) -> Option<Kinds> {
        let text = self.slice(start, end);
        let colon = if text.starts_with(b"https://") { 5 } else { 4 };
        if !text.starts_with(b"http") || text.get(colon..colon + 3) != Some(b"://") || text.len() > TOKEN_MAX
        {
            return None;
        }
        let (mut escapes, mut ampersands) = (part.bits.escapes, part.bits.ampersands);
        for at in (start..end).step_by(PART).skip(1) {
            let bits = self.part(at, end.min(at + PART)).bits;
            (escapes, ampersands) = (escapes | bits.escapes, ampersands | bits.ampersands);
        }
        let text = self.slice(start, end);
        let has_other = memchr::memmem::find(text.get(colon + 3..)?, b"://").is_some();
        // No token has a blank or a control character. Without an early end, this is a few vector instructions.
        let is_graphic = text.iter().fold(true, |all, byte| all & byte.is_ascii_graphic());
        if escapes != 0 || !is_graphic || has_other || ampersands != 0 && may_have_entity(text) {
            return None;
        }
        let mark = self.keys.mark();
        self.url(part, colon + 3, start, end)?;
        let is_address = self.keys.has_more_addresses(mark);
        // A bracket or a full stop at the end is no part of a URL in a log, and one of this.
        self.keys.ends_at(end).then(|| Kinds::URL.union(if is_address { Kinds::IPV4 } else { Kinds::NAME }))
    }

    /// Reads a token that has `&` or `://`.
    #[inline(always)]
    fn marked_token(&mut self, part: &Part, len: usize, schemes: u64) -> Option<()> {
        let text = self.slice(part.base, part.base + len);
        if part.bits.ampersands != 0 && may_have_entity(text) {
            return None;
        }
        if schemes == 0 {
            return self.words(part, 0, len);
        }
        let colon = first(schemes);
        let scheme = scheme_start(text, colon)?;
        if schemes & (schemes - 1) != 0 {
            return None;
        }
        self.words(part, 0, scheme)?;
        let host_end = self.url(part, colon + 3, part.base + scheme, part.base + len)?;
        self.is_in_url = true;
        self.words(part, host_end, len)
    }

    /// Reads a token that is longer than a chunk.
    #[inline(never)]
    fn long_token(&mut self, start: usize, end: usize) -> Option<()> {
        let text = self.text.get(start..end).filter(|text| text.len() <= TOKEN_MAX)?;
        let mut ampersands = 0;
        for at in (start..end).step_by(PART) {
            let bits = self.part(at, end.min(at + PART)).bits;
            ampersands |= bits.ampersands;
            if bits.escapes != 0 {
                return None;
            }
        }
        if ampersands != 0 && may_have_entity(text) {
            return None;
        }
        let Some(colon) = memchr::memmem::find(text, b"://") else { return self.long_words(start, end) };
        let scheme = scheme_start(text, colon)?;
        if memchr::memmem::find(text.get(colon + 3..)?, b"://").is_some() {
            return None;
        }
        self.long_words(start, start + scheme)?;
        let host_at = start + colon + 3;
        let part = self.part(host_at, end.min(host_at + PART));
        let host_end = self.url(&part, 0, start + scheme, end)?;
        self.is_in_url = true;
        self.long_words(host_at + host_end, end)
    }

    /// Reads the words of a text of any length, chunk by chunk. A chunk ends after a byte that is in no word.
    #[inline(always)]
    fn long_words(&mut self, mut start: usize, end: usize) -> Option<()> {
        while start < end {
            let stop = end.min(start + PART);
            let part = self.part(start, stop);
            let len = if stop == end { stop - start } else { after_last(!part.words & below(PART)) };
            if len == 0 {
                return None;
            }
            self.words(&part, 0, len)?;
            start += len;
        }
        Some(())
    }

    /// The classes of up to [`PART`] bytes of the text.
    #[inline(always)]
    fn part(&self, start: usize, end: usize) -> Part {
        let rest = self.text.get(start..).unwrap_or(&[]);
        let bits = match (rest.first_chunk(), rest.first_chunk()) {
            (Some(half), _) if end - start <= HALF => K::half_word_bits(half),
            (_, Some(chunk)) => K::word_bits(chunk),
            _ => K::word_bits(&self.last_chunk(start)),
        };
        let own = below(end - start);
        let bits = WordBits {
            colons: bits.colons & own,
            slashes: bits.slashes & own,
            ampersands: bits.ampersands & own,
            escapes: bits.escapes & own,
            ..bits
        };
        let words = bits.letters | bits.digits | bits.joiners | bits.dots | bits.colons;
        Part { base: start, bits, words: words & own }
    }

    /// The end of the text, with blanks behind it.
    #[cold]
    fn last_chunk(&self, start: usize) -> Chunk {
        let mut chunk = [b' '; size_of::<Chunk>()];
        chunk.iter_mut().zip(self.text.iter().skip(start)).for_each(|(place, byte)| *place = *byte);
        chunk
    }

    #[inline(always)]
    fn slice(&self, start: usize, end: usize) -> &[u8] {
        self.text.get(start..end).unwrap_or(&[])
    }

    #[inline(always)]
    fn byte(&self, at: usize) -> u8 {
        self.text.get(at).copied().unwrap_or(b' ')
    }

    /// Reads the words between two offsets of a part: sequences of the bytes that addresses and names consist
    /// of. Words without a dot are nothing, unless their colons make an IPv6 address.
    #[inline(always)]
    fn words(&mut self, part: &Part, from: usize, to: usize) -> Option<()> {
        let own = range(from, to);
        let words = part.words & own;
        let colons = part.bits.colons & own;
        if colons & (colons.wrapping_sub(1)) != 0 && has_two_in_one_word(colons, words) {
            return None;
        }
        let mut dots = part.bits.dots & own;
        while dots != 0 {
            let dot = first(dots);
            let start = after_last(!words & below(dot));
            let end = first(!words & !below(dot));
            dots &= !below(end);
            self.word(part, start, end, to)?;
        }
        Some(())
    }

    /// Reads a word with at most one colon. `limit` is the end of the text that is read.
    #[inline(always)]
    fn word(&mut self, part: &Part, start: usize, end: usize, limit: usize) -> Option<()> {
        if end < limit && self.byte(part.base + end) == b'@' {
            return self.user(part.base + start);
        }
        if let Some(before) = (part.base + start).checked_sub(1).map(|at| self.byte(at))
            && matches!(before, b'[' | b';')
            && may_be_colour(self.slice(part.base + start, part.base + end))
        {
            return None;
        }
        self.pieces(part, start, end)
    }

    /// Reads a word with at most one colon, which separates two pieces.
    #[inline(always)]
    fn pieces(&mut self, part: &Part, start: usize, end: usize) -> Option<()> {
        let colon = part.bits.colons & range(start, end);
        if colon == 0 {
            return self.piece(part, start, end);
        }
        self.piece(part, start, first(colon))?;
        self.piece(part, first(colon) + 1, end)
    }

    /// A word before an `@` is no host, unless it is that of a share.
    #[inline(always)]
    fn user(&self, start: usize) -> Option<()> {
        let before = self.slice(start.saturating_sub(2), start);
        if before == b"//" { None } else { Some(()) }
    }

    /// Reads a piece of letters, digits, dots, `-` and `_`: an address, a name, or nothing.
    #[inline(always)]
    fn piece(&mut self, part: &Part, start: usize, end: usize) -> Option<()> {
        let (bits, own) = (&part.bits, range(start, end));
        let inner = (bits.letters | bits.digits) & own;
        if bits.dots & own == 0 || inner == 0 {
            return Some(());
        }
        // A name ends with `_` in Markdown only.
        if self.byte(part.base + end - 1) == b'_' {
            return None;
        }
        let (from, to) = (first(own & !bits.dots), after_last(inner));
        if bits.dots & range(from, to) == 0 {
            return Some(());
        }
        let place = Place { at: part.base + from, len: (to - from) as u32, ..self.place };
        match self.host(part, from, to)? {
            Host::Name => {
                self.keys.push_name(self.text, part.base + to, to - from, place);
            }
            Host::Address(number) => self.keys.push_address(number, place),
            Host::Nothing => {}
        }
        Some(())
    }

    /// What the text of a piece is, which has a dot, begins with none, and ends with a letter or digit.
    #[inline(always)]
    fn host(&self, part: &Part, from: usize, to: usize) -> Option<Host> {
        let (bits, own) = (&part.bits, range(from, to));
        let (dots, joiners) = (bits.dots & own, bits.joiners & own);
        let last_at = after_last(dots);
        let last = range(last_at, to);
        if bits.letters & last == last {
            // Two hyphens in a row may belong to an A-label.
            if joiners & joiners >> 1 != 0 {
                return None;
            }
            let is_name = to - last_at >= 2 && dots & dots >> 1 == 0;
            let is_file = || self.is_in_url && is_file_type(self.slice(part.base + last_at, part.base + to));
            return Some(if is_name && !is_file() { Host::Name } else { Host::Nothing });
        }
        if bits.digits & last != last {
            // `i2p`, or an A-label.
            let is_special = matches!(self.byte(part.base + last_at) | 0x20, b'i' | b'x');
            return if is_special { None } else { Some(Host::Nothing) };
        }
        // Two addresses may be joined by a hyphen.
        if joiners != 0 {
            return None;
        }
        if bits.letters & own != 0 {
            return Some(Host::Nothing);
        }
        Some(self.address(part.base + from, dots >> from, to - from).map_or(Host::Nothing, Host::Address))
    }

    /// The number of a dotted quad of digits, given its dots.
    #[inline(always)]
    fn address(&self, at: usize, dots: u64, len: usize) -> Option<u32> {
        if len > 15 || dots.count_ones() != 3 {
            return None;
        }
        let second = dots & (dots - 1);
        let ends = [first(dots), first(second), first(second & (second - 1)), len];
        let (mut start, mut number, mut is_valid) = (0, 0, true);
        for end in ends {
            // The digits of an octet, the last one in the highest byte, zeros below them.
            let width = (end - start).clamp(1, 3);
            let digits = self.four_before(at + end) & 0x0F0F_0F0F & u32::MAX << (32 - 8 * width);
            let in_order = digits.swap_bytes();
            // The first digit is not zero, but for the octet 0; and the octet is at most 255.
            let is_short = width == 1 || in_order >> (8 * (width - 1)) != 0;
            is_valid &= width == end - start && is_short && in_order <= 0x02_0505;
            // The highest byte of the product is a hundred times the first digit, ten times the second one,
            // and the last one.
            number = number << 8 | digits.wrapping_mul(0x64_0A01) >> 24;
            start = end + 1;
        }
        is_valid.then_some(number)
    }

    /// The four bytes before an offset, the last one in the highest bits.
    #[inline(always)]
    fn four_before(&self, end: usize) -> u32 {
        match end.checked_sub(4).and_then(|start| self.text.get(start..)).and_then(<[u8]>::first_chunk) {
            Some(bytes) => u32::from_le_bytes(*bytes),
            None => self.first_bytes(end),
        }
    }

    #[cold]
    fn first_bytes(&self, end: usize) -> u32 {
        let bytes = self.text.get(..end).unwrap_or(&[]);
        bytes.iter().fold(0, |word, byte| word >> 8 | u32::from(*byte) << 24)
    }

    /// Reads a URL up to `end`, whose host begins at an offset of a part, and which begins at `start`. Returns
    /// the offset in the part of the end of the host. Only URLs that are canonical as they are, are plain.
    #[inline(always)]
    fn url(&mut self, part: &Part, host_at: usize, start: usize, end: usize) -> Option<usize> {
        let slashes = part.bits.slashes & !below(host_at);
        let host_end = if slashes == 0 { return None } else { first(slashes) };
        let own = range(host_at, host_end);
        let inner = part.words & !part.bits.colons & own;
        let last_byte = if host_end > host_at { 1 << (host_end - 1) } else { return None };
        let is_whole = inner == own && part.bits.dots & own != 0;
        let edges = part.bits.dots & (1 << host_at | last_byte) | part.bits.joiners & last_byte;
        if !is_whole || edges != 0 {
            return None;
        }
        let url = self.slice(start, end);
        let last = end - url.iter().rev().take_while(|byte| TRAILING.contains(byte)).count();
        if part.base + host_end >= last
            || !self.is_one_url(start, part.base + host_at, last, host_end - host_at)
        {
            return None;
        }
        let place = Place { at: start, len: (last - start) as u32, is_host: true, ..self.place };
        match self.host(part, host_at, host_end)? {
            Host::Nothing => return None,
            Host::Address(number) => self.keys.push_address(number, place),
            Host::Name => {
                self.keys.push_name(self.text, part.base + host_end, host_end - host_at, place);
            }
        }
        let hash = hash_of_url(self.slice(part.base + host_at - 2, last));
        self.keys.push_url(hash, Place { is_host: false, ..place });
        Some(host_end)
    }

    /// Whether a URL ends nowhere before its end, has its host in lower case, and is not written as mail is.
    #[inline(always)]
    fn is_one_url(&self, start: usize, host_at: usize, end: usize, host_len: usize) -> bool {
        let is_value = start.checked_sub(1).is_some_and(|at| matches!(self.byte(at), b'=' | b'&'));
        let mut at = host_at;
        while at < end {
            let bits = match self.text.get(at..).and_then(<[u8]>::first_chunk) {
                Some(chunk) => K::url_bits(chunk),
                None => K::url_bits(&self.last_chunk(at)),
            };
            let own = below(PART.min(end - at));
            let mut equals = bits.equals & own;
            let host = if at == host_at { below(host_len) } else { 0 };
            if bits.delimiters & own | bits.capitals & host != 0
                || is_value && self.slice(at, end.min(at + PART)).contains(&b'&')
            {
                return false;
            }
            while equals != 0 {
                let after = at + first(equals) + 1;
                if after + 2 <= end && self.slice(after, after + 2) == b"3D" {
                    return false;
                }
                equals &= equals - 1;
            }
            at += PART;
        }
        true
    }
}

/// Whether a text with an `&` may have an entity.
#[inline(always)]
fn may_have_entity(text: &[u8]) -> bool {
    memchr::memchr(b';', text).is_some()
}

/// The start of the scheme before the `://` at `colon`, if it is `http` or `https` in lower case.
#[inline(always)]
fn scheme_start(text: &[u8], colon: usize) -> Option<usize> {
    let before = text.get(..colon)?;
    let rest = before.strip_suffix(b"s").unwrap_or(before).strip_suffix(b"http")?;
    let is_whole_word = !rest.last().is_some_and(u8::is_ascii_alphabetic);
    is_whole_word.then_some(rest.len())
}

/// Whether two colons stand in one word.
#[inline(always)]
fn has_two_in_one_word(mut colons: u64, words: u64) -> bool {
    while colons != 0 {
        let colon = first(colons);
        let end = first(!words & !below(colon));
        colons &= colons - 1;
        if colons & below(end) != 0 {
            return true;
        }
    }
    false
}

/// Whether a word after a bracket or semicolon may begin with the rest of a colour whose ESC is lost.
#[inline(always)]
fn may_be_colour(word: &[u8]) -> bool {
    matches!(
        word,
        [b'K', ..]
            | [b'0'..=b'9', b'm', ..]
            | [b'0'..=b'9', b'0'..=b'9', b'm', ..]
            | [b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', b'm', ..]
    )
}
