//! `ie-tpl`: Tracking Protection Lists of Internet Explorer, which outlived it.

use super::{Format, Head, LineReader, OpenError, Shape, header};
use crate::options::Options;
use crate::scribe::{Details, Scribe, Skip};
use crate::token;
use rapsheet_snapshot::{Kinds, ParseError, Scope};

/// The row of the table.
pub static FORMAT: Format = Format {
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
    fn line(&self, line: &[u8], scribe: &mut Scribe<'_>) {
        let (mark, rest) = token::first(line);
        match mark {
            b"msFilterList" => scribe.skip(Skip::Header),
            b"-d" => rule(rest.trim_ascii(), false, scribe),
            b"+d" => rule(rest.trim_ascii(), true, scribe),
            b"-" | b"+" => scribe.reject(ParseError::Pattern),
            _ if line.starts_with(b":") => scribe.skip(Skip::Directive),
            _ if line.starts_with(b"#") => {
                header::comment(line.get(1..).unwrap_or(&[]).trim_ascii(), scribe);
            }
            _ => scribe.reject(ParseError::BadHost),
        }
    }
}

/// A host, and perhaps a substring of its paths.
fn rule(text: &[u8], inverted: bool, scribe: &mut Scribe<'_>) {
    let details = Details { inverted, ..Details::NONE };
    let (host, path) = token::first(text);
    match path.trim_ascii() {
        b"" => scribe.host(host, Scope::Tree, &details),
        path if path.starts_with(b"/") => scribe.url(&[host, path].concat(), &details),
        _ => scribe.reject(ParseError::Pattern),
    }
}

#[cfg(test)]
mod tests {
    use crate::transcript::tests::render;

    #[test]
    fn rules() {
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
