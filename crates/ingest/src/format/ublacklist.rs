//! `ublacklist`: subscriptions of the browser extension uBlacklist, which are match patterns.
//!
//! `*://*.evil.example.com/*` is a host and everything below it, `*://evil.example.com/*` the host alone. `@`
//! before a pattern is an exception, and `@1` to `@9` only colour a result. A pattern with a path of its own
//! is a URL where it has no star, and otherwise cannot be indexed, nor can `/expressions/`, `title/…/` and
//! conditions such as `host = "x"`. Front matter of YAML between `---` describes the list.

use super::{Format, Head, LineReader, OpenError, Shape, header};
use crate::entry::{Details, Normalizer, Skip};
use crate::format::options::Options;
use crate::format::token;
use rapsheet_snapshot::{Kinds, ParseError, Scope};

/// The row of the table.
pub(super) static FORMAT: Format = Format {
    id: "ublacklist",
    about: "uBlacklist match patterns: *://*.x/*, @*://x/* for exceptions",
    example: "*://*.evil.example.com/*",
    kinds: Kinds::ALL,
    shape: Shape::Lines(open),
    ..Format::DEFAULT
};

struct Ublacklist;

fn open(_: &Options, _: Head<'_>) -> Result<Box<dyn LineReader>, OpenError> {
    Ok(Box::new(Ublacklist))
}

impl LineReader for Ublacklist {
    fn line(&self, line: &[u8], normalizer: &mut Normalizer<'_>) {
        if let [b'#', comment @ ..] = line {
            return header::comment(comment.trim_ascii(), normalizer);
        }
        if line == b"---" {
            return normalizer.skip(Skip::Header);
        }
        let (rule, mark) = without_mark(token::before_comment(line));
        match (mark, split(rule)) {
            (Mark::Colour, _) => normalizer.skip(Skip::Cosmetic),
            (Mark::Exception, None) => normalizer.skip(Skip::Scoped),
            (mark, Some(pattern)) => pattern.emit(mark == Mark::Exception, normalizer),
            (_, None) if is_metadata(rule) => normalizer.skip(Skip::Metadata),
            (_, None) if rule == b"<all_urls>" => normalizer.reject(ParseError::TooWide),
            (_, None) => normalizer.reject(ParseError::Pattern),
        }
    }
}

/// What stands before a rule.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Nothing,
    Exception,
    Colour,
}

fn without_mark(rule: &[u8]) -> (&[u8], Mark) {
    match rule {
        [b'@', b'0'..=b'9', rest @ ..] => (rest, Mark::Colour),
        [b'@', rest @ ..] => (rest, Mark::Exception),
        _ => (rule, Mark::Nothing),
    }
}

/// A match pattern.
struct Pattern<'l> {
    scheme: &'l [u8],
    host: &'l [u8],
    /// The path, with its `/`.
    path: &'l [u8],
}

/// The parts of a match pattern; `None` where a rule is none.
fn split(rule: &[u8]) -> Option<Pattern<'_>> {
    let at = memchr::memmem::find(rule, b"://")?;
    let (scheme, rest) = (rule.get(..at)?, rule.get(at + 3..)?);
    let (host, path) = rest.split_at_checked(memchr::memchr(b'/', rest).unwrap_or(rest.len()))?;
    let is_scheme = matches!(scheme, b"*" | b"http" | b"https" | b"ftp");
    (is_scheme && !rest.contains(&b' ')).then_some(Pattern { scheme, host, path })
}

/// Whether a rule is a match pattern, with a mark before it or without.
pub(super) fn is_pattern(rule: &[u8]) -> bool {
    let (rule, _) = without_mark(rule);
    let ends_in_star = |pattern: Pattern<'_>| pattern.scheme == b"*" || pattern.path.ends_with(b"*");
    split(rule).is_some_and(ends_in_star)
}

/// `name: Example`, as in front matter.
fn is_metadata(rule: &[u8]) -> bool {
    let key = token::split_once(rule, b':').map_or(&[][..], |(key, _)| key);
    !key.is_empty() && key.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte))
}

impl Pattern<'_> {
    fn emit(&self, inverted: bool, normalizer: &mut Normalizer<'_>) {
        let details = Details { inverted, ..Details::NONE };
        let (name, scope) = match self.host {
            [b'*', b'.', name @ ..] => (name, Scope::Tree),
            name => (name, Scope::Exact),
        };
        match self.path {
            _ if self.host == b"*" => normalizer.reject(ParseError::TooWide),
            _ if name.contains(&b'*') => normalizer.reject(ParseError::Pattern),
            b"/*" | b"" => normalizer.host(name, scope, &details),
            path if path.contains(&b'*') || scope == Scope::Tree => normalizer.reject(ParseError::Pattern),
            path => {
                let scheme: &[&[u8]] = if self.scheme == b"*" { &[b"//"] } else { &[self.scheme, b"://"] };
                normalizer.url(&[&scheme.concat(), name, path].concat(), &details);
            }
        }
    }
}
