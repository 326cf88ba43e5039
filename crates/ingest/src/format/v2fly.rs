//! `v2fly`: the domain lists of the v2fly community.
//!
//! `evil.example.com` and `domain:evil.example.com` are a name and everything below it;
//! `full:evil.example.com` is exact. `keyword:` and `regexp:` cannot be indexed. Attributes after a name
//! (`@ads`, `@!cn`, and `:@ads` in lists that were flattened) and affiliations (`&other`) are for routing and
//! are not read. `include:other` names another list, which is never opened.

use super::{Format, Head, LineReader, OpenError, Shape, header};
use crate::entry::{Details, Normalizer, Skip};
use crate::format::options::Options;
use crate::format::token;
use rapsheet_snapshot::{Kinds, ParseError, Scope};

/// The row of the table.
pub(super) static FORMAT: Format = Format {
    id: "v2fly",
    about: "v2fly domain lists: x, domain:x, full:x, keyword:x, regexp:x",
    example: "full:evil.example.com @ads",
    kinds: Kinds::NAME,
    shape: Shape::Lines(open),
    ..Format::DEFAULT
};

struct V2fly;

fn open(_: &Options, _: Head<'_>) -> Result<Box<dyn LineReader>, OpenError> {
    Ok(Box::new(V2fly))
}

impl LineReader for V2fly {
    fn line(&self, line: &[u8], normalizer: &mut Normalizer<'_>) {
        if let [b'#', comment @ ..] = line {
            return header::comment(comment.trim_ascii(), normalizer);
        }
        let (rule, _) = token::first(token::before_comment(line));
        let (kind, value) = token::split_once(rule, b':').unwrap_or((b"domain", rule));
        let value = token::before(value, b':');
        match kind {
            b"domain" => normalizer.host(value, Scope::Tree, &Details::NONE),
            b"full" => normalizer.host(value, Scope::Exact, &Details::NONE),
            b"keyword" | b"regexp" => normalizer.reject(ParseError::Pattern),
            b"include" => normalizer.skip(Skip::Directive),
            _ => normalizer.reject(ParseError::BadHost),
        }
    }
}

/// Whether a line begins with one of the words of this syntax, or has an attribute.
pub(super) fn is_marked(line: &[u8]) -> bool {
    const KINDS: [&[u8]; 5] = [b"domain", b"full", b"keyword", b"regexp", b"include"];
    let (rule, rest) = token::first(line);
    let has_kind = token::split_once(rule, b':').is_some_and(|(kind, _)| KINDS.contains(&kind));
    let is_mark = |word: &[u8]| matches!(word, [b'@' | b'&', first, ..] if first.is_ascii_graphic());
    let rest = token::before_comment(rest);
    has_kind || token::words(rest).next().is_some() && token::words(rest).all(is_mark)
}

#[cfg(test)]
mod tests {
    use crate::pipeline::testing::render;

    #[test]
    fn reads_rules() {
        let text = "# a comment\nevilpanel.com @ads\ndomain:evilpanel.net\nfull:a.evilpanel.com @!cn # why\nkeyword:evil\nregexp:^adv.+\\.evil\\.com$\ninclude:other\nodd:x\n";
        let expected = [
            "SKIP comment",
            "domain-tree evilpanel.com",
            "domain-tree evilpanel.net",
            "domain a.evilpanel.com",
            "REJECT pattern",
            "REJECT pattern",
            "SKIP directive",
            "REJECT bad-host",
        ];
        assert_eq!(render("v2fly", &[], text), expected);
    }
}
