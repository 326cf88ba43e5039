//! Extraction: finds the addresses, names and URLs in raw log bytes.
//!
//! A log is cut at blanks, quotes and angle brackets, which no indicator contains. From each of these tokens
//! the escapes of writers are removed, and what they stand for is cut again (see the module `escape`). In
//! what remains, a URL begins where there is `://`; all else is cut into words of the bytes that addresses
//! and names consist of.
//!
//! - A word is an indicator as a whole or not at all: `1.2.3.4.5` and `libfoo-1.2.3.4a` are not addresses,
//!   and the part before an `@` is not a host.
//! - Whether a name exists is left to the index: an unknown name is a miss.
//! - Names with non-ASCII letters are found in URLs only, because in running text their end is ambiguous.
//! - A URL hides nothing: its path, query and fragment are read as other text is, plain and percent-decoded,
//!   and so is all of a text that only looks like a URL.
//! - Where `\n` may also be the end of a Windows path and the first letter of a name, both readings become
//!   questions.
//!
//! The work is linear in the bytes, at each of a few levels of escapes. Tokens without escapes are read in
//! place; nothing is allocated for them.

use crate::batch::Batch;
use crate::escape::{Sequences, Unescaped, escape_end, percent_decoded, remove};
use crate::ipv6;
use crate::question::Questions;
use crate::tokenizer::is_edge;
use rapsheet_snapshot::Address;
use rapsheet_snapshot::name::{self, NAME_MAX};

/// The role of a byte.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Ends every token.
    Edge,
    /// Separates the words of a token.
    Separator,
    /// A letter, a digit, `-` or `_`.
    Alphanumeric,
    /// `.`
    Dot,
    /// `:`
    Colon,
}

const fn class(byte: u8) -> Class {
    match byte {
        byte if is_edge(byte) => Class::Edge,
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => Class::Alphanumeric,
        b'.' => Class::Dot,
        b':' => Class::Colon,
        _ => Class::Separator,
    }
}

// A `for` over a slice is not const yet; the index is below 256 by the loop's own condition.
#[allow(clippy::indexing_slicing)]
const CLASSES: [Class; 256] = {
    let mut table = [Class::Edge; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = class(byte as u8);
        byte += 1;
    }
    table
};

#[inline]
fn class_of(byte: u8) -> Class {
    CLASSES.get(usize::from(byte)).copied().unwrap_or(Class::Edge)
}

/// Punctuation at the end of a URL that belongs to the sentence around it.
pub(crate) const TRAILING: &[u8] = b".,;:!?)]}|\\";
/// Punctuation inside a URL that may be the delimiter before the next column of a log. The text up to it
/// becomes a question of its own.
const DELIMITERS: &[u8] = b",;|^)]}";
/// The longest URL that becomes a question, in bytes; the tail of a longer one is searched as text.
const URL_MAX: usize = 8 << 10;
/// How much of a token with escapes is unescaped at a time, in bytes. A part and its copies at all levels
/// take up to nine times [`LEVELS_MAX`] as much.
const PART_MAX: usize = 64 << 10;
/// How many levels of escapes are removed: those of a terminal within JSON within JSON, and a percent-encoded
/// URL within another.
const LEVELS_MAX: usize = 5;
/// How many URLs nested in a URL become questions up to the end of the token.
const NESTED_MAX: usize = 4;

/// Adds every indicator in `text` to the batch, and the byte offset of each to `offsets`.
///
/// This is the reference that tests compare [`Scorer`](crate::Scorer) with: it looks at each byte in turn,
/// and has neither the kernels of the tokenizer nor a cache.
pub fn extract(text: &[u8], batch: &mut Batch, offsets: &mut Vec<usize>) {
    Extractor::new(text, &mut batch.questions, offsets).tokens();
}

/// Adds every indicator in the token from `start` to `end`, which lies between two edges.
pub(crate) fn extract_token(
    text: &[u8],
    start: usize,
    end: usize,
    questions: &mut Questions,
    offsets: &mut Vec<usize>,
) {
    Extractor::new(text, questions, offsets).token(start, end);
}

struct Extractor<'a> {
    text: &'a [u8],
    questions: &'a mut Questions,
    offsets: &'a mut Vec<usize>,
    /// How many levels of escapes were removed from the text.
    level: usize,
    /// Whether percent escapes were among them.
    is_decoded: bool,
    /// Whether what is read belongs to a URL.
    is_in_url: bool,
}

impl<'a> Extractor<'a> {
    fn new(text: &'a [u8], questions: &'a mut Questions, offsets: &'a mut Vec<usize>) -> Extractor<'a> {
        Extractor { text, questions, offsets, level: 0, is_decoded: false, is_in_url: false }
    }

    fn slice(&self, start: usize, end: usize) -> &'a [u8] {
        self.text.get(start..end).unwrap_or(&[])
    }

    /// Reads the tokens of the text.
    fn tokens(&mut self) {
        let mut start = 0;
        for token in self.text.split(|byte| class_of(*byte) == Class::Edge) {
            self.token(start, start + token.len());
            start += token.len() + 1;
        }
    }

    /// Reads the text between two edges.
    fn token(&mut self, start: usize, end: usize) {
        let token = self.slice(start, end);
        let marks = token.iter().fold(0, |marks, byte| marks | marks_of(*byte));
        if marks & (SIGNS | ESCAPES) == 0 {
            return;
        }
        if marks & ESCAPES == 0 {
            return self.plain(start, end);
        }
        // An escape may stand for a dot or a colon. The tokenizer reads no escapes and skips such a token.
        if self.level > 0 || has_sign(token) {
            self.escaped(start, end);
        }
    }

    /// Reads a token without the escapes of writers. A very long one is read in parts.
    fn escaped(&mut self, start: usize, end: usize) {
        let mut from = start;
        while from < end {
            let to = self.part_end(from, end);
            match self.unescaped(from, to, Sequences::Cut) {
                None => self.plain(from, to),
                Some(text) => {
                    self.inner(from, &text, self.is_decoded);
                    if let Some(joined) =
                        text.cuts_words.then(|| self.unescaped(from, to, Sequences::Join)).flatten()
                    {
                        self.inner(from, &joined, self.is_decoded);
                    }
                }
            }
            from = to;
        }
    }

    fn unescaped(&self, start: usize, end: usize, sequences: Sequences) -> Option<Unescaped> {
        if self.level < LEVELS_MAX { remove(self.slice(start, end), sequences) } else { None }
    }

    /// Reads a text without one level of escapes; its original begins at `start`.
    fn inner(&mut self, start: usize, text: &Unescaped, is_decoded: bool) {
        let before = self.offsets.len();
        let (level, is_in_url) = (self.level + 1, self.is_in_url);
        let (questions, offsets) = (&mut *self.questions, &mut *self.offsets);
        Extractor { text: &text.text, questions, offsets, level, is_decoded, is_in_url }.tokens();
        for offset in self.offsets.iter_mut().skip(before) {
            *offset = start + text.original_offset(*offset);
        }
    }

    /// The end of a part of a token: that of the token, or the offset after a byte that is in no name,
    /// address or escape.
    fn part_end(&self, start: usize, end: usize) -> usize {
        if end - start <= PART_MAX {
            return end;
        }
        let part = self.slice(start, start + PART_MAX);
        let is_separator = |byte: &u8| class_of(*byte) == Class::Separator && marks_of(*byte) == 0;
        start + part.iter().rposition(is_separator).map_or(PART_MAX, |at| at + 1)
    }

    /// Reads a text that has no escapes but percent escapes.
    fn plain(&mut self, start: usize, end: usize) {
        match self.first_scheme(start, start, end) {
            Some(url) => {
                self.decoded(start, url);
                self.urls(url, end);
            }
            None => self.decoded(start, end),
        }
    }

    /// The start of the first URL whose scheme occurs on lists and whose `://` is at `from` or behind.
    fn first_scheme(&self, start: usize, from: usize, end: usize) -> Option<usize> {
        let mut colons = memchr::memmem::find_iter(self.slice(from, end), b"://");
        colons.find_map(|at| self.scheme_start(start, from + at))
    }

    /// The start of the scheme before the `://` at `colon`, if it is one that occurs on lists.
    fn scheme_start(&self, start: usize, colon: usize) -> Option<usize> {
        let is_scheme = |scheme: &&[u8]| {
            let from = colon.checked_sub(scheme.len()).filter(|from| *from >= start)?;
            let is_equal = self.slice(from, colon).eq_ignore_ascii_case(scheme);
            let before = self.slice(start, from);
            let is_whole_word =
                !before.last().is_some_and(u8::is_ascii_alphabetic) || ends_with_escape(before);
            (is_equal && is_whole_word).then_some(from)
        };
        [b"http".as_slice(), b"https", b"ftp"].iter().find_map(is_scheme)
    }

    /// Reads the URL that begins at `start`, and those nested in it. The first few become questions up to the
    /// end of the token. Further ones end where the next begins; otherwise a line of URLs alone would take
    /// quadratic time.
    fn urls(&mut self, start: usize, end: usize) {
        let (mut next, mut depth) = (Some(start), 0);
        let was_in_url = std::mem::replace(&mut self.is_in_url, true);
        while let Some(start) = next {
            let host_at = start + memchr::memchr(b':', self.slice(start, end)).map_or(0, |at| at + 3);
            next = self.first_scheme(host_at, host_at, end);
            let stop = next.filter(|_| depth >= NESTED_MAX).unwrap_or(end);
            let tail = self.one_url(start, host_at, stop);
            let tail_end = next.unwrap_or(end);
            self.decoded(tail.min(tail_end), tail_end);
            depth += 1;
        }
        self.is_in_url = was_in_url;
    }

    /// Adds one URL up to `end`, and up to where it may end before. Returns where the search continues: after
    /// its host and port, or at its host if that is no question yet.
    fn one_url(&mut self, start: usize, host_at: usize, end: usize) -> usize {
        let stop = self.url_end(host_at, end.min(start + URL_MAX));
        let stop = host_at + quoted_host(self.slice(host_at, stop)).unwrap_or(stop - host_at);
        let last = self.without_trailing(start, stop);
        let mut is_url = self.push(start, last);
        let is_value = start > 0 && matches!(self.slice(start - 1, start), [b'=' | b'&']);
        let cuts = url_cuts(self.slice(host_at, last), is_value || self.is_decoded);
        for cut in cuts.iter().flatten().map(|cut| host_at + cut) {
            let is_new = cuts.iter().flatten().filter(|other| host_at + **other == cut).count() == 1;
            is_url |= is_new && self.push(start, self.without_trailing(start, cut));
        }
        self.quoted_printable(start, last);
        let first_cut = cuts.iter().flatten().min().map_or(last, |cut| host_at + cut);
        let tail = self.authority_end(host_at, first_cut);
        if !is_url {
            self.unreadable(host_at, tail);
        } else if self.is_decoded {
            self.words(host_at, tail);
        }
        tail
    }

    /// Where a URL ends: before a backslash, but for that of a defanged dot, or before a control character.
    fn url_end(&self, host_at: usize, end: usize) -> usize {
        let url = self.slice(host_at, end);
        let is_end = |at: &usize| match url.get(*at) {
            Some(b'\\') => url.get(at + 1) != Some(&b'.'),
            Some(byte) => byte.is_ascii_control(),
            None => false,
        };
        let mut candidates = memchr::memchr2_iter(b'\\', 0x1B, url);
        candidates.find(is_end).map_or(end, |at| host_at + at)
    }

    fn without_trailing(&self, start: usize, end: usize) -> usize {
        end - self.slice(start, end).iter().rev().take_while(|byte| TRAILING.contains(byte)).count()
    }

    /// The end of the host and port of a URL.
    fn authority_end(&self, host_at: usize, end: usize) -> usize {
        let url = self.slice(host_at, end);
        url.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#')).map_or(end, |at| host_at + at)
    }

    /// Adds a URL of a mail's source, where `=` is `=3D`, as it was sent.
    fn quoted_printable(&mut self, start: usize, end: usize) {
        let url = self.slice(start, end);
        let is_mark = |at: &usize| url.get(*at..).is_some_and(|rest| rest.starts_with(b"=3D"));
        let Some(first) = memchr::memchr_iter(b'=', url).find(is_mark) else { return };
        let mut sent = url.get(..first).unwrap_or(&[]).to_vec();
        let mut rest = url.get(first..).unwrap_or(&[]);
        while let Some(byte) = rest.first() {
            sent.push(*byte);
            rest = rest.get(if rest.starts_with(b"=3D") { 3 } else { 1 }..).unwrap_or(&[]);
        }
        self.push_text(&sent, start);
    }

    /// Reads the authority of what only looks like a URL, and what stands before an `@` in it.
    fn unreadable(&mut self, start: usize, end: usize) {
        let mut from = start;
        for part in self.slice(start, end).split(|byte| *byte == b'@') {
            self.decoded(from, from + part.len());
            from += part.len() + 1;
        }
    }

    /// Reads a text with percent escapes decoded, each parameter by itself: what is decoded to `&` belongs to
    /// a URL within, and what is `&` already ends it.
    fn decoded(&mut self, start: usize, end: usize) {
        let text = self.slice(start, end);
        if self.level >= LEVELS_MAX || memchr::memchr(b'%', text).is_none() {
            return self.words(start, end);
        }
        let mut from = start;
        for parameter in text.split(|byte| *byte == b'&') {
            let end = from + parameter.len();
            while from < end {
                let to = self.part_end(from, end);
                match percent_decoded(self.slice(from, to)) {
                    None => self.words(from, to),
                    Some(text) => self.inner(from, &text, true),
                }
                from = to;
            }
            from = end + 1;
        }
    }

    /// Reads the words of a text: sequences of the bytes that addresses and names consist of.
    fn words(&mut self, start: usize, end: usize) {
        let mut at = start;
        while at < end {
            let rest = self.slice(at, end);
            let is_in_word =
                |byte: &u8| matches!(class_of(*byte), Class::Alphanumeric | Class::Dot | Class::Colon);
            let width = rest.iter().take_while(|byte| is_in_word(byte)).count();
            let is_user = rest.get(width) == Some(&b'@') && !self.is_share_host(at, at + width);
            if width > 0 && !is_user {
                let inner = escape_end(self.text, at, at + width);
                if inner > at {
                    self.word(inner, at + width);
                    // It may be no escape, but the beginning of a name after a backslash. An address of it
                    // and a tag was found already.
                    self.pieces(at, at + width);
                } else {
                    self.word(at, at + width);
                }
            }
            at += width + 1;
        }
    }

    /// Whether a word before an `@` is the host of a share: `\\host@8080\share`, `\\host@SSL@8443\share`.
    fn is_share_host(&self, start: usize, end: usize) -> bool {
        let before = self.slice(start.saturating_sub(2), start);
        let port = self.text.get(end + 1..).unwrap_or(&[]);
        let is_ssl = port.get(..3).is_some_and(|word| word.eq_ignore_ascii_case(b"ssl"));
        let port = if is_ssl { port.get(3..).unwrap_or(&[]) } else { port };
        let port = port.strip_prefix(b"@").filter(|_| is_ssl).unwrap_or(port);
        let digits = port.iter().take(6).take_while(|byte| byte.is_ascii_digit()).count();
        let is_end =
            port.get(digits).is_none_or(|byte| matches!(class_of(*byte), Class::Edge | Class::Separator));
        matches!(before, b"\\\\" | b"//") && (is_ssl || digits > 0) && is_end
    }

    /// Reads a word: IPv6 addresses, and pieces between colons.
    fn word(&mut self, start: usize, end: usize) {
        let word = self.slice(start, end);
        let mut at = 0;
        if memchr::memchr_iter(b':', word).take(2).count() == 2 {
            if let Some(addresses) = ipv6::range(word) {
                return addresses.into_iter().for_each(|address| self.push_address(address, start));
            }
            let mut from = word.iter().take_while(|byte| matches!(byte, b'.' | b'-' | b'_')).count();
            while let Some((found, address)) = ipv6::find(word, from) {
                self.pieces(start + at, start + found.start);
                self.push_address(address, start + found.start);
                (at, from) = (found.end, found.end);
            }
        }
        self.pieces(start + at, end);
    }

    fn push_address(&mut self, address: Address, offset: usize) {
        self.questions.push_address(address);
        self.offsets.push(offset);
    }

    fn pieces(&mut self, start: usize, end: usize) {
        let mut at = start;
        while at < end {
            let width = memchr::memchr(b':', self.slice(at, end)).unwrap_or(end - at);
            self.piece(at, at + width);
            at += width + 1;
        }
    }

    /// Reads a piece of letters, digits, dots, `-` and `_`: an IPv4 address, two joined by a dash, a name, or
    /// nothing.
    fn piece(&mut self, start: usize, end: usize) {
        let piece = self.slice(start, end);
        let is_outer = |byte: &&u8| matches!(byte, b'.' | b'-' | b'_');
        let to = end - piece.iter().rev().take_while(is_outer).count();
        // Names may begin with `_`, and end with it in Markdown only: `_example.com_`.
        let is_marked = piece.ends_with(b"_");
        let is_before = |byte: &&u8| **byte == b'.' || **byte == b'_' && is_marked;
        let from = start + piece.iter().take_while(is_before).count();
        if from >= to || to - from > NAME_MAX {
            return;
        }
        let text = self.slice(from, to);
        let Some(dot) = memchr::memrchr(b'.', text) else { return };
        let last = text.get(dot + 1..).unwrap_or(&[]);
        if last.iter().all(u8::is_ascii_digit) {
            return self.quads(from, to);
        }
        if self.is_in_url && is_file_type(last) {
            return;
        }
        if name::is_last_label(last) {
            self.push(from, to);
        }
    }

    /// Adds one dotted quad, or two joined by a dash. Both must be addresses.
    fn quads(&mut self, start: usize, end: usize) {
        let dashes = self.slice(start, end).iter().take_while(|byte| **byte == b'-').count();
        let start = start + dashes;
        let text = self.slice(start, end);
        let parts: [Option<Result<Address, _>>; 2] = match memchr::memchr(b'-', text) {
            None => [Some(Address::parse(text)), None],
            Some(at) => {
                let (first, second) = text.split_at_checked(at).unwrap_or((text, &[]));
                [Some(Address::parse(first)), Some(Address::parse(second.get(1..).unwrap_or(&[])))]
            }
        };
        if parts.iter().flatten().all(Result::is_ok) {
            parts.into_iter().flatten().flatten().for_each(|address| self.push_address(address, start));
        }
    }

    /// Adds a name or a URL, unless the text is neither. Returns whether it was one.
    fn push(&mut self, start: usize, end: usize) -> bool {
        self.push_text(self.slice(start, end), start)
    }

    fn push_text(&mut self, text: &[u8], offset: usize) -> bool {
        let is_question = self.questions.push(text).is_ok();
        if is_question {
            self.offsets.push(offset);
        }
        is_question
    }
}

/// Types of files that are no top-level domains. In a URL, what ends with one is a file; in other text, the
/// lists decide.
const FILE_TYPES: [&[u8]; 24] = [
    b"html", b"htm", b"php", b"css", b"js", b"png", b"jpg", b"jpeg", b"gif", b"svg", b"ico", b"webp", b"xml",
    b"json", b"txt", b"asp", b"aspx", b"jsp", b"pdf", b"exe", b"dll", b"cgi", b"swf", b"woff",
];

pub(crate) fn is_file_type(last: &[u8]) -> bool {
    last.len() <= 4 && FILE_TYPES.iter().any(|one| one.eq_ignore_ascii_case(last))
}

// What a byte of a token may be a part of, as bits.
/// A dot or a colon: an indicator.
const SIGNS: u8 = 1;
/// An escape.
const ESCAPES: u8 = 2;

#[inline]
fn marks_of(byte: u8) -> u8 {
    match byte {
        b'.' | b':' => SIGNS,
        0x1B | 0x9B | b'\\' | b'&' | b'#' | b'^' | b'%' => ESCAPES,
        _ => 0,
    }
}

/// Whether a token shows one of the signs that the tokenizer looks for.
fn has_sign(token: &[u8]) -> bool {
    let mut pairs = token.iter().zip(token.iter().skip(1));
    let is_sign = |(one, next): (&u8, &u8)| match one {
        b'.' => next.is_ascii_alphabetic(),
        b':' => matches!(next, b':' | b'/' | b'\\'),
        _ => false,
    };
    let mut escapes = token.iter().zip(token.iter().skip(3));
    pairs.any(is_sign)
        || has_chain(token, b'.', 3, 4)
        || has_chain(token, b':', 7, 5)
        || escapes.any(|pair| pair == (&b'%', &b'%'))
}

/// Whether `count` bytes of this value follow each other, each 2 to `distance` bytes after the one before.
fn has_chain(token: &[u8], value: u8, count: u32, distance: usize) -> bool {
    // The lengths of the chains that end at the last few bytes.
    let mut lengths = [0; 5];
    token.iter().any(|byte| {
        let before = lengths.iter().take(distance).skip(1).max().copied().unwrap_or(0);
        lengths.rotate_right(1);
        lengths[0] = if *byte == value { before + 1 } else { 0 };
        lengths[0] == count
    })
}

/// Where a URL may end before its end: at a delimiter, at punctuation beyond ASCII, at an escaped quote or
/// control character, and, where it is the value of a parameter, at the next parameter.
fn url_cuts(url: &[u8], is_value: bool) -> [Option<usize>; 4] {
    let parameter = if is_value { memchr::memchr(b'&', url) } else { None };
    let delimiter = url.iter().position(|byte| DELIMITERS.contains(byte));
    [delimiter, parameter, punctuation(url), escaped_edge(url)]
}

/// The first percent escape of a byte that ends every token, but for a blank, which occurs in names of files.
fn escaped_edge(url: &[u8]) -> Option<usize> {
    let is_edge = |at: &usize| match url.get(at + 1..at + 3) {
        Some([b'2', digit]) => matches!(digit, b'2' | b'7'),
        Some([b'3', digit]) => matches!(digit, b'c' | b'C' | b'e' | b'E'),
        Some([b'0', digit]) => digit.is_ascii_hexdigit(),
        _ => false,
    };
    memchr::memchr_iter(b'%', url).find(is_edge)
}

/// The first punctuation mark beyond ASCII: typographic quotes, CJK and full-width punctuation.
fn punctuation(text: &[u8]) -> Option<usize> {
    // Vectorized, unlike a search for the first such byte.
    if text.is_ascii() {
        return None;
    }
    let first = text.iter().position(|byte| !byte.is_ascii())?;
    let is_mark = |at: &usize| {
        matches!(
            text.get(*at..*at + 3),
            Some(
                [0xC2, 0xA0 | 0xAB | 0xBB, _]
                | [0xE2, 0x80, _]
                | [0xE3, 0x80, _]
                | [0xEF, 0xBC, 0x80..=0x8F | 0x9A..=0x9F | 0xBB..=0xBF]
                | [0xEF, 0xBD, 0x9B..=0xA5],
            )
        ) || matches!(text.get(*at..), Some([0xC2, 0xA0 | 0xAB | 0xBB]))
    };
    (first..text.len()).find(is_mark)
}

/// Where a host is followed by a punctuation mark beyond ASCII, which IDNA would take for a letter; the full
/// stops of CJK are dots there.
fn quoted_host(url: &[u8]) -> Option<usize> {
    if url.is_ascii() {
        return None;
    }
    let host = url.split(|byte| matches!(byte, b'/' | b'?' | b'#')).next()?;
    let is_dot = |at: &usize| {
        ["。", "．", "｡"]
            .iter()
            .any(|dot| host.get(*at..).is_some_and(|rest| rest.starts_with(dot.as_bytes())))
    };
    punctuation(host).filter(|at| !is_dot(at))
}

/// Whether the text before a scheme ends with an escape: `\n`, `=3D`.
fn ends_with_escape(before: &[u8]) -> bool {
    // The longest one has four bytes after its first: `[31m`.
    let near = before.len().saturating_sub(4)..before.len();
    let mut starts = near.filter(|at| *at > 0);
    before.ends_with(b"=3D") || starts.any(|at| escape_end(before, at, before.len()) == before.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::sample::select;

    fn found(text: &str) -> Vec<(usize, String)> {
        let (mut batch, mut offsets) = (Batch::new(), Vec::new());
        extract(text.as_bytes(), &mut batch, &mut offsets);
        assert_eq!(batch.len(), offsets.len());
        let texts = batch.iter().map(|question| question.to_string());
        offsets.iter().copied().zip(texts).collect()
    }

    fn texts(text: &str) -> Vec<String> {
        found(text).into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn finds_addresses_in_log_lines() {
        for (text, expected) in [
            ("45.9.20.5 - - [17/May/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200", vec!["45.9.20.5"]),
            ("src=45.9.20.5:443;dst=[2a06:e480::7]:80", vec!["45.9.20.5", "2a06:e480::7"]),
            ("{\"ip\":\"45.9.20.5\",\"v6\":\"2A06:E480::7\"}", vec!["45.9.20.5", "2a06:e480::7"]),
            ("from ::ffff:45.9.20.5, and 45.9.20.4-45.9.20.6.", vec!["45.9.20.5", "45.9.20.4", "45.9.20.6"]),
            ("45.9.20.0/24 (45.9.20.9)", vec!["45.9.20.0", "45.9.20.9"]),
            ("-45.9.20.5- _45.9.20.6_", vec!["45.9.20.5", "45.9.20.6"]),
        ] {
            assert_eq!(texts(text), expected, "{text}");
        }
    }

    #[test]
    fn does_not_take_part_of_a_word() {
        for text in [
            "1.2.3.4.5",
            "v1.2.3.4a",
            "libfoo-1.2.3.4",
            "10.0.0.256",
            "01.2.3.4",
            "12:34:56",
            "aa:bb:cc:dd:ee:ff",
            "a.b",
            "...",
            "e.g.",
        ] {
            assert_eq!(texts(text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn finds_names_and_urls() {
        for (text, expected) in [
            ("user@Mail.EvilPanel.com: ok", vec!["mail.evilpanel.com"]),
            ("john.doe@evilpanel.com", vec!["evilpanel.com"]),
            ("_evilpanel.com_ _dmarc.evilpanel.com", vec!["evilpanel.com", "_dmarc.evilpanel.com"]),
            (
                "query: evilpanel.com. IN A host:8080 x=evil-bank.com:8443",
                vec!["evilpanel.com", "evil-bank.com"],
            ),
            ("see http://EvilPanel.com/a?b=1.", vec!["http://evilpanel.com/a?b=1"]),
            (
                "(https://evilpanel.com/x),next.evilpanel.com",
                vec![
                    "https://evilpanel.com/x),next.evilpanel.com",
                    "https://evilpanel.com/x",
                    "next.evilpanel.com",
                ],
            ),
            ("/r?to=http://evilpanel.com/b", vec!["http://evilpanel.com/b"]),
            ("http://evilpanel.com/index.html?a.PHP", vec!["http://evilpanel.com/index.html?a.PHP"]),
            ("GET /index.html", vec!["index.html"]),
            (
                "http://a.example.com/?u=http://evilpanel.com/",
                vec!["http://a.example.com/?u=http://evilpanel.com/", "http://evilpanel.com/"],
            ),
            ("http://45.9.20.5:8080/bin.x", vec!["http://45.9.20.5:8080/bin.x"]),
            ("ws://a/http://evilpanel.com/b", vec!["http://evilpanel.com/b"]),
        ] {
            assert_eq!(texts(text), expected, "{text}");
        }
    }

    #[test]
    fn separates_escapes_from_what_stands_around_them() {
        for (text, expected) in [
            (r#""x\n45.9.20.5\t2a06:e480::7\r""#, vec!["45.9.20.5", "2a06:e480::7"]),
            (r#""a\nevilpanel.com""#, vec!["evilpanel.com", "nevilpanel.com"]),
            (r"\x22evilpanel.com\x22", vec!["evilpanel.com"]),
            (r"\\u0022evilpanel.com\\u0022", vec!["evilpanel.com"]),
            (r#"<a href=\"http://evilpanel.com/a\">"#, vec!["http://evilpanel.com/a"]),
            (r"http://evilpanel.com/a?b=1\u0026c=2", vec!["http://evilpanel.com/a?b=1&c=2"]),
            (
                r"http://evilpanel.com/a\nhttp://evilpanel.com/b",
                vec!["http://evilpanel.com/a", "http://evilpanel.com/b"],
            ),
            (
                r"\u003chttps://evilpanel.com/a,b\u003e",
                vec!["https://evilpanel.com/a,b", "https://evilpanel.com/a"],
            ),
            (r"http:\/\/evilpanel.com\/a", vec!["http://evilpanel.com/a"]),
            (r"http:\\/\\/evilpanel.com\\/a\\nx", vec!["http://evilpanel.com/a"]),
            (r"C:\Users\me.x", vec![]),
            ("\u{1b}[31m45.9.20.5\u{1b}[0m", vec!["45.9.20.5"]),
            ("\u{1b}[1mhttp://evilpanel.com/a\u{1b}[0m", vec!["http://evilpanel.com/a"]),
            (r"\u001b[31mhttp://evilpanel.com/a\u001b[0m", vec!["http://evilpanel.com/a"]),
            (r"#033[31mevilpanel.com#033[0m", vec!["evilpanel.com"]),
            (r"^[[31mevilpanel.com^[[0m", vec!["evilpanel.com"]),
            (r"[31m45.9.20.5[0m", vec!["45.9.20.5"]),
            ("a#01145.9.20.5#011", vec!["45.9.20.5"]),
            (r"a\01145.9.20.5\012", vec!["45.9.20.5"]),
            (r"dhost\=evilpanel.com\|src=1", vec!["evilpanel.com"]),
            ("&quot;http://evilpanel.com/a?b=1&amp;c=2&quot;", vec!["http://evilpanel.com/a?b=1&c=2"]),
            ("&amp;lt;evilpanel.com&amp;gt;", vec!["evilpanel.com"]),
            (r"\\u0026amp;evilpanel.com", vec!["evilpanel.com"]),
            ("e\u{1b}[1mvilpanel\u{1b}[0m.com", vec!["evilpanel.com"]),
        ] {
            assert_eq!(texts(text), expected, "{text}");
        }
        assert_eq!(found(r"\n45.9.20.5"), [(2, "45.9.20.5".to_owned())]);
        assert_eq!(found("x=&quot;45.9.20.5"), [(8, "45.9.20.5".to_owned())]);
    }

    #[test]
    fn a_text_that_only_looks_like_a_url_is_a_text_with_a_host() {
        for text in [
            "http://evilpanel.com:99999/x",
            "http://evilpanel.com:80:80/x",
            "http:///evilpanel.com/x",
            "http:/evilpanel.com/x",
            "http:evilpanel.com/x",
            r"http:\\evilpanel.com\x",
            "ftp://evilpanel.com..:21/x",
            "http://evilpanel.com@99999/",
            "http://evil%70anel.com/",
            r"\\evilpanel.com@8080\share",
            r"\\evilpanel.com@SSL\share",
            r"\\\\evilpanel.com@SSL@8443\\share",
            "“http://evilpanel.com”",
        ] {
            let found = texts(text);
            assert!(found == ["evilpanel.com"] || found == ["http://evilpanel.com/"], "{text}: {found:?}");
        }
    }

    #[test]
    fn a_url_hides_nothing() {
        for (text, inner) in [
            ("https://a.example.org/?x=${jndi:ldap://45.9.20.5:1389/a", vec!["45.9.20.5"]),
            ("http://a.example.org/t?ip=45.9.20.5#x", vec!["45.9.20.5"]),
            ("http://a.example.org/r/evilpanel.com/x", vec!["evilpanel.com"]),
            (
                "http://a.example.org/?u=https%3A%2F%2Fevilpanel.com%2Fx%3Fa%26b&c=1",
                vec!["https://evilpanel.com/x?a&b", "https://evilpanel.com/x?a", "evilpanel.com"],
            ),
            (
                "http://a.example.org/?u=http%253A%252F%252Fevilpanel.com%252Fx",
                vec!["http://evilpanel.com/x", "evilpanel.com"],
            ),
            ("http://a.example.org/?ip=2a06%3Ae480%3A%3A7", vec!["2a06:e480::7"]),
        ] {
            let found = texts(text);
            assert_eq!(found[0], text.split('#').next().unwrap_or(text), "{text}");
            assert_eq!(found[1..], inner, "{text}");
        }
        assert_eq!(texts("u=http%3A%2F%2Fevilpanel.com%2Fa"), ["http://evilpanel.com/a", "evilpanel.com"]);
        assert!(texts("/r?to=http://evilpanel.com/b&x=1").contains(&"http://evilpanel.com/b".to_owned()));
        let nested = "http://a.example.org/?u=ldap://b.example.org/http://evilpanel.com/z";
        assert!(texts(nested).contains(&"http://evilpanel.com/z".to_owned()));
    }

    #[test]
    fn offsets_are_those_of_the_indicators() {
        assert_eq!(
            found("ip=45.9.20.5 \"evilpanel.com\""),
            [(3, "45.9.20.5".to_owned()), (14, "evilpanel.com".to_owned())]
        );
    }

    proptest::proptest! {
        #[test]
        fn accepts_any_bytes(
            text in vec(select(b"a1.:-@/h t\"\xff,=[]%&;\\#\x1b2e".to_vec()), 0..300),
        ) {
            let (mut batch, mut offsets) = (Batch::new(), Vec::new());
            extract(&text, &mut batch, &mut offsets);
            proptest::prop_assert_eq!(batch.len(), offsets.len());
            proptest::prop_assert!(offsets.iter().all(|at| *at < text.len()));
        }

        #[test]
        fn finds_an_indicator_between_other_text(
            before in "[a-z= ]{0,10}[ =\"(]",
            indicator in "(45\\.9\\.20\\.[1-9]|[a-z]{1,8}\\.evilpanel\\.com|2a06:e480::[1-9])",
            after in "[ \",;)][a-z= ]{0,10}",
        ) {
            let text = format!("{before}{indicator}{after}");
            proptest::prop_assert!(texts(&text).contains(&indicator), "{}", text);
        }
    }
}
