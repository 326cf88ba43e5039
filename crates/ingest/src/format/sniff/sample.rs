//! What rules look at: the first megabyte of a file, and lines from all over it.

use super::keys::Keys;
use crate::download::lines;
use crate::entry::token_type::{TokenType, type_of};
use crate::format::token;
use std::cell::OnceCell;

/// How many lines are examined. They lie at equal distances in the whole text: sorted lists begin with their
/// addresses, and headers are no data.
const LINES: usize = 600;

/// The beginning of a file.
pub(super) struct Sample<'h> {
    /// The text, without blanks and a byte order mark before it.
    pub(super) text: &'h [u8],
    /// The first lines that are not blank, comments or not.
    pub(super) opening: Vec<&'h [u8]>,
    /// Comments.
    pub(super) comments: Vec<&'h [u8]>,
    /// Lines that are neither blank nor comments. Hashes and mail addresses, which no format indexes, are left
    /// out where there are other lines: they say nothing about what stands among them.
    pub(super) data: Vec<&'h [u8]>,
    /// How many lines of data the text has.
    pub(super) total: usize,
    /// The keys of a JSON text. Several rules ask for them, and most texts are not JSON.
    keys: OnceCell<Option<Keys<'h>>>,
}

/// How many lines the opening has: enough for a title and a header.
const OPENING: usize = 16;

impl<'h> Sample<'h> {
    pub(super) fn new(head: &'h [u8]) -> Sample<'h> {
        let text = head.trim_ascii_start();
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text).trim_ascii_start();
        let filled = || lines::trimmed(text).filter(|line| !line.is_empty());
        let opening = filled().take(OPENING).collect();
        let (comments, data): (Vec<&[u8]>, Vec<&[u8]>) = filled().partition(|line| is_comment(line));
        let known: Vec<&[u8]> = data.iter().copied().filter(|line| !is_unsupported(line)).collect();
        let data = if known.is_empty() { data } else { known };
        let total = data.len();
        Sample {
            text,
            opening,
            comments: spread(&comments),
            data: spread(&data),
            total,
            keys: OnceCell::new(),
        }
    }

    pub(super) fn contains(&self, mark: &[u8]) -> bool {
        memchr::memmem::find(self.text, mark).is_some()
    }

    /// The first of these texts that a line of data contains, wherever it is.
    pub(super) fn holds(&self, texts: &[&str]) -> Option<String> {
        let in_data = |mark: &&&str| {
            let found = memchr::memmem::find_iter(self.text, mark.as_bytes());
            found.take(LINES).any(|at| !is_comment(self.line_at(at)))
        };
        texts.iter().find(in_data).map(|mark| format!("it holds `{mark}`"))
    }

    /// The line around an offset.
    fn line_at(&self, at: usize) -> &'h [u8] {
        let (before, after) = self.text.split_at_checked(at).unwrap_or((self.text, &[]));
        let start = memchr::memrchr2(b'\n', b'\r', before).map_or(0, |end| end + 1);
        let end = memchr::memchr2(b'\n', b'\r', after).map_or(self.text.len(), |end| at + end);
        lines::trim(self.text.get(start..end).unwrap_or(&[]))
    }

    /// How many lines of data match.
    pub(super) fn count(&self, is_match: impl Fn(&[u8]) -> bool) -> usize {
        self.data.iter().filter(|line| is_match(line)).count()
    }

    /// Whether this percentage of the lines of data matches.
    pub(super) fn share(&self, percent: usize, is_match: impl Fn(&[u8]) -> bool) -> bool {
        let count = self.count(is_match);
        count > 0 && count * 100 >= self.data.len() * percent
    }

    /// The evidence, if this percentage of the lines of data matches.
    pub(super) fn most(
        &self,
        percent: usize,
        what: &str,
        is_match: impl Fn(&[u8]) -> bool,
    ) -> Option<String> {
        let count = self.count(is_match);
        let enough = count > 0 && count * 100 >= self.data.len() * percent;
        enough.then(|| match (self.data.len(), self.total) {
            (examined, total) if examined < total => {
                format!("{count} of {examined} lines of data, from all over the first megabyte, are {what}")
            }
            (examined, _) => format!("{count} of {examined} lines of data are {what}"),
        })
    }

    /// The header among the first lines: the one that begins so.
    pub(super) fn header(&self, texts: &[&str]) -> Option<String> {
        let begins = |mark: &&&str| self.opening.iter().any(|line| line.starts_with(mark.as_bytes()));
        texts.iter().find(begins).map(|mark| format!("a line of its header begins with `{mark}`"))
    }

    pub(super) fn is_json(&self) -> bool {
        match self.text {
            [b'{', ..] => true,
            [b'[', rest @ ..] => {
                matches!(rest.trim_ascii_start().first(), None | Some(b'"' | b'{' | b'[' | b']'))
            }
            _ => false,
        }
    }

    /// The keys of a JSON text; `None` where it is none.
    pub(super) fn keys(&self) -> Option<&Keys<'h>> {
        self.keys.get_or_init(|| self.is_json().then(|| Keys::of(self.text))).as_ref()
    }

    pub(super) fn is_xml(&self) -> bool {
        self.text.starts_with(b"<")
    }
}

/// Lines at equal distances.
fn spread<'h>(lines: &[&'h [u8]]) -> Vec<&'h [u8]> {
    let step = lines.len().div_ceil(LINES).max(1);
    lines.iter().step_by(step).copied().collect()
}

/// Whether a line is a comment in most formats. `##x` is a rule of a filter list.
fn is_comment(line: &[u8]) -> bool {
    match line {
        [b'#', b'#', b'#' | b' ' | b'\t', ..] | [b'#'] | [b'#', b'#'] => true,
        [b'#', next, ..] => *next != b'#',
        [b';' | b'!', ..] | [b'/', b'/', ..] => true,
        _ => false,
    }
}

/// Whether a line is one hash or mail address and nothing more.
fn is_unsupported(line: &[u8]) -> bool {
    // Most lines are shorter than any hash.
    if line.len() < 32 && !line.contains(&b'@') {
        return false;
    }
    let (word, rest) = token::first(token::before_comment(line));
    let word = token::unwrap(word);
    let may_be = word.len() >= 32 && word.iter().all(u8::is_ascii_hexdigit) || word.contains(&b'@');
    may_be
        && rest.trim_ascii().is_empty()
        && word.first() != Some(&b'@')
        && type_of(word) == TokenType::Unsupported
}
