//! `v2fly`: lists of the v2fly community: a bare name is a tree, `full:` is exact.
//!
//! Attributes behind a name are for routing. A list that is included is another file, and is not followed.

use super::{Format, Head, LineReader, OpenError, Shape, header};
use crate::options::Options;
use crate::scribe::{Details, Scribe, Skip};
use crate::token;
use rapsheet_snapshot::{Kinds, ParseError, Scope};

/// The row of the table.
pub static FORMAT: Format = Format {
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
    fn line(&self, line: &[u8], scribe: &mut Scribe<'_>) {
        if let [b'#', comment @ ..] = line {
            return header::comment(comment.trim_ascii(), scribe);
        }
        let (rule, _) = token::first(token::before_comment(line));
        let (kind, value) = token::split_once(rule, b':').unwrap_or((b"domain", rule));
        match kind {
            b"domain" => scribe.host(value, Scope::Tree, &Details::NONE),
            b"full" => scribe.host(value, Scope::Exact, &Details::NONE),
            b"keyword" | b"regexp" => scribe.reject(ParseError::Pattern),
            b"include" => scribe.skip(Skip::Directive),
            _ => scribe.reject(ParseError::BadHost),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::transcript::tests::render;

    #[test]
    fn rules() {
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
