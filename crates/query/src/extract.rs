//! Finding indicators in raw log bytes: addresses, names and URLs, in whatever surrounds them.
//!
//! A log is cut at blanks, quotes and angle brackets, which no indicator contains, and what lies between is
//! looked into: a URL where there is `://`, else runs of the bytes that addresses and names are made of. A run
//! is taken whole or not at all, so `1.2.3.4.5` and `libfoo-1.2.3.4a` are no addresses, and the part before an `@`
//! is nobody's host. Whether a name exists is the index's business: unknown ones simply miss. Names with
//! non-ASCII letters are found in URLs only, because in running text nobody can say where they end. What writers of logs
//! put before a byte (`\n`, `\u0026`, `\x22`, `%2F`) is no part of what follows it, however often it was done; where `\n`
//! may be the end of a path and the beginning of a name, both are asked. The work is linear in the bytes, and nothing is
//! allocated for a token without such.

use crate::escape::{escape_end, unescaped};
use crate::marks::is_edge;
use crate::question::Questions;
use rapsheet_snapshot::{Address, name::NAME_MAX};

/// What a byte can be part of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    /// It ends every token.
    Edge,
    /// It stands between the parts of a token.
    Between,
    /// Letters, digits, `-` and `_`.
    Word,
    /// `.`
    Dot,
    /// `:`
    Colon,
}

const fn class(byte: u8) -> Class {
    match byte {
        byte if is_edge(byte) => Class::Edge,
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => Class::Word,
        b'.' => Class::Dot,
        b':' => Class::Colon,
        _ => Class::Between,
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

/// Marks behind a URL that belong to the sentence around it.
const TRAILING: &[u8] = b".,;:!?)]}|\\";
/// Marks inside a URL at which, in some logs, the next column begins.
const CUTS: &[u8] = b",;|)]}";
/// The longest URL that is asked, in bytes; the tail of a longer one is looked into as text.
const URL_MAX: usize = 8 << 10;
/// How much of a token with escaped slashes is read at a time, in bytes.
const PART_MAX: usize = 256 << 10;
/// How many URLs inside a URL are asked as far as they go.
const NESTED_MAX: usize = 4;
/// The longest text of an IPv6 address.
const V6_MAX: usize = 45;

/// Asks of every indicator in `text`. `offsets` gets the byte offset of each question.
pub fn extract(text: &[u8], questions: &mut Questions, offsets: &mut Vec<usize>) {
    let mut extractor = Extractor { text, questions, offsets };
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

/// Asks of every indicator in the token from `start` to `end`, which lies between two edges.
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

    /// What lies between two edges.
    fn token(&mut self, start: usize, end: usize, colons: u32) {
        if colons > 0 && has_escaped_slash(self.slice(start, end)) {
            return self.escaped(start, end);
        }
        let scheme = if colons > 0 { self.first_scheme(start, end) } else { None };
        match scheme {
            Some(url) => {
                self.runs(start, url);
                self.url(url, end);
            }
            None => self.runs(start, end),
        }
    }

    /// A token of JSON in which slashes are escaped, as some writers do: it is read without the backslashes. An endless
    /// one is read in parts, because it takes many times its memory.
    fn escaped(&mut self, start: usize, end: usize) {
        let (mut plain, mut places) = (Vec::new(), Vec::new());
        let mut from = start;
        while from < end {
            let to = self.part_end(from, end);
            plain.clear();
            places.clear();
            for (byte, at) in self.slice(from, to).iter().zip(from..) {
                while *byte == b'/' && plain.last() == Some(&b'\\') {
                    plain.pop();
                    places.pop();
                }
                plain.push(*byte);
                places.push(at);
            }
            let before = self.offsets.len();
            extract_token(&plain, 0, plain.len(), self.questions, self.offsets);
            for offset in self.offsets.iter_mut().skip(before) {
                *offset = places.get(*offset).copied().unwrap_or(from);
            }
            from = to;
        }
    }

    /// Where a part of a token ends: with the token, or behind a mark that stands in no name or address.
    fn part_end(&self, start: usize, end: usize) -> usize {
        if end - start <= PART_MAX {
            return end;
        }
        let part = self.slice(start, start + PART_MAX);
        let is_mark = |byte: &u8| class_of(*byte) == Class::Between && *byte != b'\\';
        start + part.iter().rposition(is_mark).map_or(PART_MAX, |at| at + 1)
    }

    /// Where the first scheme begins that lists know.
    fn first_scheme(&self, start: usize, end: usize) -> Option<usize> {
        let mut colons = memchr::memmem::find_iter(self.slice(start, end), b"://");
        colons.find_map(|at| self.scheme_start(start, start + at))
    }

    /// Where the word before `://` begins, if it is a scheme that lists know.
    fn scheme_start(&self, start: usize, colon: usize) -> Option<usize> {
        let is_scheme = |scheme: &&[u8]| {
            let from = colon.checked_sub(scheme.len()).filter(|from| *from >= start)?;
            let is_it = self.slice(from, colon).eq_ignore_ascii_case(scheme);
            let before = self.slice(start, from);
            let begins = !before.last().is_some_and(u8::is_ascii_alphabetic) || ends_with_escape(before);
            (is_it && begins).then_some(from)
        };
        [b"http".as_slice(), b"https", b"ftp"].iter().find_map(is_scheme)
    }

    /// A URL that begins at `start`, and those inside it. The first few are asked as far as they go; further ones
    /// only up to the next, or a line of nothing but URLs would cost its length for each of them.
    fn url(&mut self, start: usize, end: usize) {
        let (mut next, mut depth) = (Some(start), 0);
        while let Some(start) = next {
            let host_at = start + memchr::memchr(b':', self.slice(start, end)).map_or(0, |at| at + 3);
            let inner = memchr::memmem::find(self.slice(host_at, end), b"://");
            next = inner.and_then(|at| self.scheme_start(host_at, host_at + at));
            let stop = next.filter(|_| depth >= NESTED_MAX).unwrap_or(end);
            let tail = self.one_url(start, host_at, stop);
            let tail_end = next.unwrap_or(end);
            self.runs(tail.min(tail_end), tail_end);
            depth += 1;
        }
    }

    /// One URL: as far as it goes, and as far as a column's end might be. Returns where to look further.
    fn one_url(&mut self, start: usize, host_at: usize, end: usize) -> usize {
        let stop = end.min(start + URL_MAX);
        if memchr::memchr(b'\\', self.slice(host_at, stop)).is_some() {
            return self.escaped_url(start, host_at, stop);
        }
        let trailing =
            self.slice(start, stop).iter().rev().take_while(|byte| TRAILING.contains(byte)).count();
        let last = stop - trailing;
        self.ask(start, last);
        let cut =
            self.slice(host_at, last).iter().position(|byte| CUTS.contains(byte)).map(|at| host_at + at);
        if let Some(cut) = cut {
            self.ask(start, cut);
        }
        cut.unwrap_or(last)
    }

    /// A URL with backslashes: without them, as far as it goes, and as far as a column's end might be.
    fn escaped_url(&mut self, start: usize, host_at: usize, stop: usize) -> usize {
        let (plain, width) = unescaped(self.slice(start, stop));
        let trailing = plain.iter().rev().take_while(|byte| TRAILING.contains(byte)).count();
        let last = plain.get(..plain.len() - trailing).unwrap_or(&plain);
        self.ask_text(last, start);
        let host = last.get(host_at - start..).unwrap_or(&[]);
        if let Some(cut) = host.iter().position(|byte| CUTS.contains(byte)) {
            self.ask_text(last.get(..host_at - start + cut).unwrap_or(last), start);
        }
        let raw = self.slice(host_at, start + width);
        raw.iter().position(|byte| CUTS.contains(byte)).map_or(start + width, |at| host_at + at)
    }

    /// Runs of bytes that addresses and names are made of.
    fn runs(&mut self, start: usize, end: usize) {
        let mut at = start;
        while at < end {
            let rest = self.slice(at, end);
            let is_part = |byte: &u8| matches!(class_of(*byte), Class::Word | Class::Dot | Class::Colon);
            let width = rest.iter().take_while(|byte| is_part(byte)).count();
            let follows_at = rest.get(width) == Some(&b'@');
            if width > 0 && !follows_at {
                let inner = escape_end(self.text, at, at + width);
                if inner > at {
                    self.run(inner, at + width);
                }
                // A letter behind a backslash may be the first of a name.
                if inner < at + 2 {
                    self.run(at, at + width);
                }
            }
            at += width + 1;
        }
    }

    /// A run of words, dots and colons: an IPv6 address, or pieces between colons.
    fn run(&mut self, start: usize, end: usize) {
        let run = self.slice(start, end);
        let colons = memchr::memchr_iter(b':', run).take(2).count();
        if colons == 2 && run.len() <= V6_MAX + 1 {
            let address = run.strip_suffix(b":").filter(|rest| !rest.ends_with(b":")).unwrap_or(run);
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

    /// Letters, digits, dots, `-` and `_`: an IPv4 address, two with a dash between, a name, or nothing.
    fn piece(&mut self, start: usize, end: usize) {
        let piece = self.slice(start, end);
        let outer = |byte: &&u8| matches!(byte, b'.' | b'-');
        let from = start + piece.iter().take_while(|byte| **byte == b'.').count();
        let to = end - piece.iter().rev().take_while(outer).count();
        if from >= to || to - from > NAME_MAX {
            return;
        }
        let text = self.slice(from, to);
        let Some(dot) = memchr::memrchr(b'.', text) else { return };
        let last = text.get(dot + 1..).unwrap_or(&[]);
        if last.iter().all(u8::is_ascii_digit) {
            return self.quads(from, to);
        }
        let letters = last.len() >= 2 && last.iter().all(u8::is_ascii_alphabetic);
        if letters || last.get(..4).is_some_and(|head| head.eq_ignore_ascii_case(b"xn--")) {
            self.ask(from, to);
        }
    }

    /// One dotted quad, or two that a dash joins.
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

    /// Asks of a name or URL. What turns out to be none is no indicator.
    fn ask(&mut self, start: usize, end: usize) {
        self.ask_text(self.slice(start, end), start);
    }

    fn ask_text(&mut self, text: &[u8], offset: usize) {
        if self.questions.push(text).is_ok() {
            self.offsets.push(offset);
        }
    }
}

/// Whether a scheme may be followed by slashes with backslashes before them.
fn has_escaped_slash(token: &[u8]) -> bool {
    let mut colons = memchr::memmem::find_iter(token, b":\\");
    colons.any(|at| {
        let behind = token.get(at + 1..).unwrap_or(&[]);
        behind.iter().find(|byte| **byte != b'\\') == Some(&b'/')
    })
}

/// Whether what stands before a scheme ends with an escape: `\n`, `\u003c`.
fn ends_with_escape(before: &[u8]) -> bool {
    let near = before.len().saturating_sub(5)..before.len();
    let mut starts = near.filter(|at| *at > 0);
    starts.any(|at| escape_end(before, at, before.len()) == before.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(usize, String)> {
        let (mut questions, mut offsets) = (Questions::new(), Vec::new());
        extract(text.as_bytes(), &mut questions, &mut offsets);
        assert_eq!(questions.list().len(), offsets.len());
        let texts = questions.list().iter().map(|question| questions.text(question));
        offsets.iter().copied().zip(texts).collect()
    }

    fn texts(text: &str) -> Vec<String> {
        found(text).into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn addresses_in_whatever_surrounds_them() {
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
    fn nothing_is_joined_or_torn_apart() {
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
    fn names_and_urls() {
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
    fn escapes_are_no_part_of_what_follows_them() {
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
    fn offsets_point_at_what_was_found() {
        assert_eq!(
            found("ip=45.9.20.5 \"evilpanel.com\""),
            [(3, "45.9.20.5".to_owned()), (14, "evilpanel.com".to_owned())]
        );
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_are_too_strange(text in proptest::collection::vec(proptest::sample::select(b"a1.:-@/h t\"\xff,=[]".to_vec()), 0..300)) {
            let (mut questions, mut offsets) = (Questions::new(), Vec::new());
            extract(&text, &mut questions, &mut offsets);
            proptest::prop_assert_eq!(questions.list().len(), offsets.len());
            proptest::prop_assert!(offsets.iter().all(|at| *at < text.len()));
        }

        #[test]
        fn what_is_hidden_is_found(
            before in "[a-z= ]{0,10}[ =\"(]", indicator in "(45\\.9\\.20\\.[1-9]|[a-z]{1,8}\\.evilpanel\\.com|2a06:e480::[1-9])",
            after in "[ \",;)][a-z= ]{0,10}",
        ) {
            let text = format!("{before}{indicator}{after}");
            proptest::prop_assert!(texts(&text).contains(&indicator), "{}", text);
        }
    }
}
