//! `ie-tpl`: Tracking Protection Lists, a format of Internet Explorer that is still published.
//!
//! The first line is `msFilterList`; lines that begin with `:` are settings. `-d host` blocks a host and
//! everything below it, `+d host` is an exception, and a path after the host narrows the rule to a URL.
//! `- text` matches a substring of URLs, which cannot be indexed.

use super::{Format, Head, LineReader, OpenError, Shape, header};
use crate::entry::{Details, Normalizer, Skip};
use crate::format::options::Options;
use crate::format::token;
use rapsheet_snapshot::{Kinds, ParseError, Scope};

/// The row of the table.
pub(super) static FORMAT: Format = Format {
    id: "ie-tpl",
    about: "Tracking Protection Lists: -d host, +d host, - substring",
    example: "-d evil.example.com",
    kinds: Kinds::NAME,
    shape: Shape::Lines(open),
    ..Format::DEFAULT
};

struct Tpl;

fn open(_: &Options, _: Head<'_>) -> Result<Box<dyn LineReader>, OpenError> {
    Ok(Box::new(Tpl))
}

impl LineReader for Tpl {
    fn line(&self, line: &[u8], normalizer: &mut Normalizer<'_>) {
        let (mark, rest) = token::first(line);
        match mark {
            b"msFilterList" => normalizer.skip(Skip::Header),
            b"-d" => emit_rule(rest.trim_ascii(), false, normalizer),
            b"+d" => emit_rule(rest.trim_ascii(), true, normalizer),
            b"-" | b"+" => normalizer.reject(ParseError::Pattern),
            _ if line.starts_with(b":") => normalizer.skip(Skip::Directive),
            _ if line.starts_with(b"#") => {
                header::comment(line.get(1..).unwrap_or(&[]).trim_ascii(), normalizer);
            }
            _ => normalizer.reject(ParseError::BadHost),
        }
    }
}

/// Emits `host`, or `host /path` as a URL. Any other text after the host is a substring.
fn emit_rule(text: &[u8], inverted: bool, normalizer: &mut Normalizer<'_>) {
    let details = Details { inverted, ..Details::NONE };
    let (host, path) = token::first(text);
    match path.trim_ascii() {
        b"" => normalizer.host(host, Scope::Tree, &details),
        path if path.starts_with(b"/") => normalizer.url(&[host, path].concat(), &details),
        _ => normalizer.reject(ParseError::Pattern),
    }
}

#[cfg(test)]
mod tests {
    use crate::pipeline::testing::render;

    #[test]
    fn reads_rules() {
        let text = "msFilterList\n: Expires=1\n# Updated: 2026-08-20T10:00:00Z\n-d 45.9.20.5\n-d evilpanel.com\n+d good.com\n-d evilpanel.net /gate.php\n- /ads/\nevilpanel.com\n";
        let expected = [
            "SKIP header",
            "SKIP directive",
            "SKIP header",
            "ip 45.9.20.5",
            "domain-tree evilpanel.com",
            "allow domain-tree good.com",
            "url //evilpanel.net/gate.php",
            "REJECT pattern",
            "REJECT bad-host",
        ];
        assert_eq!(render("ie-tpl", &[], text), expected);
    }
}
