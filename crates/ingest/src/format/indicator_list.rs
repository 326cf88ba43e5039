//! `indicator-list`: indicators as people note them down: addresses, names and URLs mixed, one a line, several
//! with commas between them, with a remark behind, defanged, or in the sentences of a report.
//!
//! Where a whole line or a cell of it is one word, that word is meant as an indicator, and a word that is none
//! is rejected. Elsewhere the text is prose, and a bare name in it may be a file name or the author's own site,
//! so only whole URLs, whole addresses and defanged names are taken, as in `freetext`.

use super::{Format, Head, LineReader, OpenError, Shape, freetext, header};
use crate::entry::token_type::{TokenType, type_of};
use crate::entry::{Details, Normalizer, Skip};
use crate::format::options::Options;
use crate::format::token;
use rapsheet_snapshot::refang::refang;
use rapsheet_snapshot::{Kinds, Scope};

/// The row of the table.
pub(super) static FORMAT: Format = Format {
    id: "indicator-list",
    about: "indicators of all kinds as people note them: one a line, in cells, defanged, in prose",
    example: "evil[.]example[.]com, 192.0.2.7",
    kinds: Kinds::ALL,
    shape: Shape::Lines(open),
    ..Format::DEFAULT
};

struct IndicatorList {
    /// Whether lines begin with their indicator, and what follows is a remark.
    has_remarks: bool,
}

fn open(_: &Options, head: Head<'_>) -> Result<Box<dyn LineReader>, OpenError> {
    Ok(Box::new(IndicatorList { has_remarks: begin_with_indicators(head.bytes) }))
}

/// Whether most lines of a text begin with an indicator. Sentences do not.
fn begin_with_indicators(head: &[u8]) -> bool {
    let lines = head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let data = lines.filter(|line| !line.is_empty() && token::comment(line).is_none());
    let begins = |line: &[u8]| {
        let first = refang(token::unwrap(token::first(without_bullet(line)).0)).into_owned();
        let is_dotted = first.iter().any(|byte| matches!(byte, b'.' | b':'));
        is_dotted && matches!(type_of(&first), TokenType::Url | TokenType::Address | TokenType::Host)
    };
    let (all, found) = data.fold((0, 0), |(all, found), line| (all + 1, found + usize::from(begins(line))));
    found * 2 > all
}

impl LineReader for IndicatorList {
    fn line(&self, line: &[u8], normalizer: &mut Normalizer<'_>) {
        if let Some(comment) = token::comment(line) {
            return header::comment(comment, normalizer);
        }
        let text = without_bullet(token::before_comment(line).trim_ascii());
        if is_word(text) {
            return word(token::unwrap(text), normalizer);
        }
        let (first, rest) = token::first(text);
        if self.has_remarks && is_word(first) {
            let found = scan_cell(token::unwrap(first), normalizer)
                + freetext::scan(rest, false, &Details::NONE, normalizer);
            if found == 0 {
                normalizer.skip(Skip::NoIndicator);
            }
            return;
        }
        // In a URL these characters separate nothing.
        let has_url = memchr::memmem::find(text, b"://").is_some();
        let is_separator = |byte: &u8| !has_url && matches!(byte, b',' | b';' | b'|' | b'\t');
        let found =
            text.split(is_separator).map(|cell| scan_cell(token::unwrap(cell.trim_ascii()), normalizer));
        if found.sum::<usize>() == 0 {
            normalizer.skip(Skip::NoIndicator);
        }
    }
}

/// A line without the mark of a list in a report: `- `, `* `, `• `.
fn without_bullet(line: &[u8]) -> &[u8] {
    let marks = ["- ", "* ", "+ ", "•", "–"].map(str::as_bytes);
    marks.iter().find_map(|mark| line.strip_prefix(*mark)).unwrap_or(line).trim_ascii_start()
}

/// Whether a text is one word without separators, so that it can only be one indicator.
fn is_word(text: &[u8]) -> bool {
    let inner = token::unwrap(text);
    let is_url = memchr::memmem::find(inner, b"://").is_some();
    !inner.iter().any(|byte| byte.is_ascii_whitespace() || !is_url && matches!(byte, b',' | b';' | b'|'))
}

/// A whole line. The marks of a scope mean what they mean in lists of names.
fn word(text: &[u8], normalizer: &mut Normalizer<'_>) {
    let (rest, scope) = match text {
        [b'*', b'.', rest @ ..] | [b'+', b'.', rest @ ..] => (rest, Scope::Tree),
        [b'.', rest @ ..] if !rest.is_empty() => (rest, Scope::Tree),
        _ => return normalizer.any(text, normalizer.rules().scope, &Details::NONE),
    };
    normalizer.host(rest, scope, &Details::NONE);
}

/// A cell of a line; returns how many indicators it holds.
fn scan_cell(cell: &[u8], normalizer: &mut Normalizer<'_>) -> usize {
    freetext::scan(cell, is_word(cell), &Details::NONE, normalizer)
}

#[cfg(test)]
mod tests {
    use crate::pipeline::testing::render;

    #[test]
    fn takes_what_is_meant_as_an_indicator() {
        let text = "# from the case\nevilpanel.com\nhxxp://evilpanel[.]net/a,b;c\n45.9.20[.]5\n45.9.20.0/24   # the whole net\n\
                    - evilpanel.org\nevilpanel.com, 45.9.20.6; evilpanel[.]net\n45.9.20.7\tthe second panel\n\
                    We saw evilpanel.com and 45.9.20.8, then loader.exe\n*.evilpanel.org\nnonsense\n\
                    d41d8cd98f00b204e9800998ecf8427e\nnothing here\n";
        let expected = [
            "SKIP comment",
            "domain-tree evilpanel.com",
            "url http://evilpanel.net/a,b;c",
            "ip 45.9.20.5",
            "cidr 45.9.20.0/24",
            "domain-tree evilpanel.org",
            "domain evilpanel.com",
            "ip 45.9.20.6",
            "domain evilpanel.net",
            "ip 45.9.20.7",
            "ip 45.9.20.8",
            "domain-tree evilpanel.org",
            "REJECT single-label",
            "SKIP unsupported-kind",
            "SKIP no-indicator",
        ];
        assert_eq!(render("indicator-list", &[], text), expected);
    }
}
