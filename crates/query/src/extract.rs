//! Extraction: finds the addresses, names and URLs in raw log bytes.
//!
//! A log is cut at blanks, quotes and angle brackets, which no indicator contains. In each of these tokens a
//! URL begins where there is `://`; the rest is cut into words of the bytes that addresses and names consist
//! of.
//!
//! - A word is an indicator as a whole or not at all: `1.2.3.4.5` and `libfoo-1.2.3.4a` are not addresses,
//!   and the part before an `@` is not a host.
//! - Whether a name exists is left to the index: an unknown name is a miss.
//! - Names with non-ASCII letters are found in URLs only, because in running text their end is ambiguous.
//! - An escape (`\n`, `\u0026`, `\x22`, `%2F`; see the module `escape`) is no part of the word after it.
//!   Where `\n` may also be the end of a Windows path and the first letter of a name, both readings become
//!   questions.
//!
//! The work is linear in the bytes. Tokens without escapes are read in place; nothing is allocated for them.

use crate::batch::Batch;
use crate::escape::{escape_end, unescaped};
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
const TRAILING: &[u8] = b".,;:!?)]}|\\";
/// Punctuation inside a URL that may be the delimiter before the next column of a log. The text up to it
/// becomes a question of its own.
const DELIMITERS: &[u8] = b",;|)]}";
/// The longest URL that becomes a question, in bytes; the tail of a longer one is searched as text.
const URL_MAX: usize = 8 << 10;
/// How much of a token with escaped slashes is unescaped at a time, in bytes.
const PART_MAX: usize = 256 << 10;
/// How many URLs nested in a URL become questions up to the end of the token.
const NESTED_MAX: usize = 4;
/// The longest text of an IPv6 address.
const V6_MAX: usize = 45;

/// Adds every indicator in `text` to the batch, and the byte offset of each to `offsets`.
///
/// This is the reference that tests compare [`Scorer`](crate::Scorer) with: it looks at each byte in turn,
/// and has neither the kernels of the tokenizer nor a cache.
pub fn extract(text: &[u8], batch: &mut Batch, offsets: &mut Vec<usize>) {
    let mut extractor = Extractor { text, questions: &mut batch.questions, offsets };
    let mut start = 0;
    while start < text.len() {
        let rest = text.get(start..).unwrap_or(&[]);
        let (mut dots, mut colons, mut width) = (0u32, 0u32, 0);
        for byte in rest {
            match class_of(*byte) {
                Class::Edge => break,
                Class::Dot => dots += 1,
                Class::Colon => colons += 1,
                _ => {}
            }
            width += 1;
        }
        if dots > 0 || colons > 0 {
            extractor.token(start, start + width, colons);
        }
        start += width + 1;
    }
}

/// Adds every indicator in the token from `start` to `end`, which lies between two edges.
pub(crate) fn extract_token(
    text: &[u8],
    start: usize,
    end: usize,
    questions: &mut Questions,
    offsets: &mut Vec<usize>,
) {
    let token = text.get(start..end).unwrap_or(&[]);
    let colons = memchr::memchr_iter(b':', token).take(2).count();
    Extractor { text, questions, offsets }.token(start, end, colons as u32);
}

struct Extractor<'a> {
    text: &'a [u8],
    questions: &'a mut Questions,
    offsets: &'a mut Vec<usize>,
}

impl<'a> Extractor<'a> {
    fn slice(&self, start: usize, end: usize) -> &'a [u8] {
        self.text.get(start..end).unwrap_or(&[])
    }

    /// Reads the text between two edges. `colons` may be any number above 0 where there are colons.
    fn token(&mut self, start: usize, end: usize, colons: u32) {
        if colons > 0 && has_escaped_slash(self.slice(start, end)) {
            return self.escaped(start, end);
        }
        let scheme = if colons > 0 { self.first_scheme(start, end) } else { None };
        match scheme {
            Some(url) => {
                self.words(start, url);
                self.url(url, end);
            }
            None => self.words(start, end),
        }
    }

    /// Reads a token of JSON whose slashes are escaped, without their backslashes. A very long one is read in
    /// parts, because its copy takes nine bytes of memory a byte.
    fn escaped(&mut self, start: usize, end: usize) {
        let (mut plain, mut positions) = (Vec::new(), Vec::new());
        let mut from = start;
        while from < end {
            let to = self.part_end(from, end);
            plain.clear();
            positions.clear();
            for (byte, at) in self.slice(from, to).iter().zip(from..) {
                while *byte == b'/' && plain.last() == Some(&b'\\') {
                    plain.pop();
                    positions.pop();
                }
                plain.push(*byte);
                positions.push(at);
            }
            let before = self.offsets.len();
            extract_token(&plain, 0, plain.len(), self.questions, self.offsets);
            for offset in self.offsets.iter_mut().skip(before) {
                *offset = positions.get(*offset).copied().unwrap_or(from);
            }
            from = to;
        }
    }

    /// The end of a part of a token: that of the token, or the offset after a byte that is in no name or
    /// address.
    fn part_end(&self, start: usize, end: usize) -> usize {
        if end - start <= PART_MAX {
            return end;
        }
        let part = self.slice(start, start + PART_MAX);
        let is_separator = |byte: &u8| class_of(*byte) == Class::Separator && *byte != b'\\';
        start + part.iter().rposition(is_separator).map_or(PART_MAX, |at| at + 1)
    }

    /// The start of the first URL whose scheme occurs on lists.
    fn first_scheme(&self, start: usize, end: usize) -> Option<usize> {
        let mut colons = memchr::memmem::find_iter(self.slice(start, end), b"://");
        colons.find_map(|at| self.scheme_start(start, start + at))
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
    fn url(&mut self, start: usize, end: usize) {
        let (mut next, mut depth) = (Some(start), 0);
        while let Some(start) = next {
            let host_at = start + memchr::memchr(b':', self.slice(start, end)).map_or(0, |at| at + 3);
            let inner = memchr::memmem::find(self.slice(host_at, end), b"://");
            next = inner.and_then(|at| self.scheme_start(host_at, host_at + at));
            let stop = next.filter(|_| depth >= NESTED_MAX).unwrap_or(end);
            let tail = self.one_url(start, host_at, stop);
            let tail_end = next.unwrap_or(end);
            self.words(tail.min(tail_end), tail_end);
            depth += 1;
        }
    }

    /// Adds one URL up to `end`, and up to its first delimiter. Returns where the search continues.
    fn one_url(&mut self, start: usize, host_at: usize, end: usize) -> usize {
        let stop = end.min(start + URL_MAX);
        if memchr::memchr(b'\\', self.slice(host_at, stop)).is_some() {
            return self.escaped_url(start, host_at, stop);
        }
        let trailing =
            self.slice(start, stop).iter().rev().take_while(|byte| TRAILING.contains(byte)).count();
        let last = stop - trailing;
        self.push(start, last);
        let cut = self
            .slice(host_at, last)
            .iter()
            .position(|byte| DELIMITERS.contains(byte))
            .map(|at| host_at + at);
        if let Some(cut) = cut {
            self.push(start, cut);
        }
        cut.unwrap_or(last)
    }

    /// As [`Extractor::one_url`], for a URL with backslashes, which is added without its escapes.
    fn escaped_url(&mut self, start: usize, host_at: usize, stop: usize) -> usize {
        let (plain, width) = unescaped(self.slice(start, stop));
        let trailing = plain.iter().rev().take_while(|byte| TRAILING.contains(byte)).count();
        let last = plain.get(..plain.len() - trailing).unwrap_or(&plain);
        self.push_text(last, start);
        let host = last.get(host_at - start..).unwrap_or(&[]);
        if let Some(cut) = host.iter().position(|byte| DELIMITERS.contains(byte)) {
            self.push_text(last.get(..host_at - start + cut).unwrap_or(last), start);
        }
        let raw = self.slice(host_at, start + width);
        raw.iter().position(|byte| DELIMITERS.contains(byte)).map_or(start + width, |at| host_at + at)
    }

    /// Reads the words of a text: sequences of the bytes that addresses and names consist of.
    fn words(&mut self, start: usize, end: usize) {
        let mut at = start;
        while at < end {
            let rest = self.slice(at, end);
            let is_in_word =
                |byte: &u8| matches!(class_of(*byte), Class::Alphanumeric | Class::Dot | Class::Colon);
            let width = rest.iter().take_while(|byte| is_in_word(byte)).count();
            let follows_at = rest.get(width) == Some(&b'@');
            if width > 0 && !follows_at {
                let inner = escape_end(self.text, at, at + width);
                if inner > at {
                    self.word(inner, at + width);
                }
                // An escape of one letter may be no escape, but the first letter of a name after a
                // backslash.
                if inner < at + 2 {
                    self.word(at, at + width);
                }
            }
            at += width + 1;
        }
    }

    /// Reads a word: an IPv6 address, or pieces between colons.
    fn word(&mut self, start: usize, end: usize) {
        let word = self.slice(start, end);
        let colons = memchr::memchr_iter(b':', word).take(2).count();
        if colons == 2 && word.len() <= V6_MAX + 1 {
            // A colon after the address belongs to the sentence, but two are a part of it.
            let address = word.strip_suffix(b":").filter(|rest| !rest.ends_with(b":")).unwrap_or(word);
            if let Ok(address) = Address::parse(address) {
                self.questions.push_address(address);
                return self.offsets.push(start);
            }
        }
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
        let is_outer = |byte: &&u8| matches!(byte, b'.' | b'-');
        let from = start + piece.iter().take_while(|byte| **byte == b'.').count();
        let to = end - piece.iter().rev().take_while(is_outer).count();
        if from >= to || to - from > NAME_MAX {
            return;
        }
        let text = self.slice(from, to);
        let Some(dot) = memchr::memrchr(b'.', text) else { return };
        let last = text.get(dot + 1..).unwrap_or(&[]);
        if last.iter().all(u8::is_ascii_digit) {
            return self.quads(from, to);
        }
        if name::is_last_label(last) {
            self.push(from, to);
        }
    }

    /// Adds one dotted quad, or two joined by a dash. Both must be addresses.
    fn quads(&mut self, start: usize, end: usize) {
        let text = self.slice(start, end);
        let parts: [Option<Result<Address, _>>; 2] = match memchr::memchr(b'-', text) {
            None => [Some(Address::parse(text)), None],
            Some(at) => {
                let (first, second) = text.split_at_checked(at).unwrap_or((text, &[]));
                [Some(Address::parse(first)), Some(Address::parse(second.get(1..).unwrap_or(&[])))]
            }
        };
        if parts.iter().flatten().all(Result::is_ok) {
            for address in parts.into_iter().flatten().flatten() {
                self.questions.push_address(address);
                self.offsets.push(start);
            }
        }
    }

    /// Adds a name or a URL, unless the text is neither.
    fn push(&mut self, start: usize, end: usize) {
        self.push_text(self.slice(start, end), start);
    }

    fn push_text(&mut self, text: &[u8], offset: usize) {
        if self.questions.push(text).is_ok() {
            self.offsets.push(offset);
        }
    }
}

/// Whether a colon is followed by an escaped slash, as after a scheme.
fn has_escaped_slash(token: &[u8]) -> bool {
    let mut colons = memchr::memmem::find_iter(token, b":\\");
    colons.any(|at| {
        let behind = token.get(at + 1..).unwrap_or(&[]);
        behind.iter().find(|byte| **byte != b'\\') == Some(&b'/')
    })
}

/// Whether the text before a scheme ends with an escape: `\n`, `\u003c`.
fn ends_with_escape(before: &[u8]) -> bool {
    // The longest escape has five bytes after its backslash.
    let near = before.len().saturating_sub(5)..before.len();
    let mut starts = near.filter(|at| *at > 0);
    starts.any(|at| escape_end(before, at, before.len()) == before.len())
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
            (
                "http://a.example.com/?u=http://evilpanel.com/",
                vec!["http://a.example.com/?u=http://evilpanel.com/", "http://evilpanel.com/"],
            ),
            ("http://45.9.20.5:8080/bin.sh", vec!["http://45.9.20.5:8080/bin.sh"]),
            ("ws://a/http://evilpanel.com/b", vec!["http://evilpanel.com/b"]),
        ] {
            assert_eq!(texts(text), expected, "{text}");
        }
    }

    #[test]
    fn separates_escapes_from_what_follows() {
        for (text, expected) in [
            (r#""x\n45.9.20.5\t2a06:e480::7\r""#, vec!["45.9.20.5", "2a06:e480::7"]),
            (r#""a\nevilpanel.com""#, vec!["evilpanel.com", "nevilpanel.com"]),
            (r"\x22evilpanel.com\x22", vec!["evilpanel.com"]),
            (r"\\u0022evilpanel.com\\u0022", vec!["evilpanel.com"]),
            (r"u=http%3A%2F%2Fevilpanel.com%2Fa", vec!["evilpanel.com"]),
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
        ] {
            assert_eq!(texts(text), expected, "{text}");
        }
        assert_eq!(found(r"\n45.9.20.5"), [(2, "45.9.20.5".to_owned())]);
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
            text in vec(select(b"a1.:-@/h t\"\xff,=[]".to_vec()), 0..300),
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
