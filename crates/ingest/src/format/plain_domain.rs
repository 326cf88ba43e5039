//! `plain-domain` and `domain-wildcard`: one name a line, bare or with a mark of its reach.
//!
//! What a bare name means differs by publisher and is the feed's `scope`. What `*.x` means differs too: most
//! publishers mean the name and everything below it, DNS itself means only what is below; option `wildcard`.
//! Addresses, URLs and e-mail addresses turn up in such lists and are typed by content.

use super::{Format, Head, LineReader, OpenError, Shape, header};
use crate::options::{OptionRow, Options};
use crate::scribe::{Details, Scribe};
use crate::token;
use rapsheet_snapshot::{Kinds, Scope};

const WILDCARD: OptionRow = OptionRow {
    key: "wildcard",
    about: "what `*.x` means: `tree`, x and below (default), or `strict`, only below",
};

/// The row of the table.
pub static FORMAT: Format = Format {
    id: "plain-domain",
    about: "one name a line; its reach is the feed's scope",
    example: "evil.example.com",
    kinds: Kinds::NAME,
    options: &[WILDCARD],
    shape: Shape::Lines(open),
    ..Format::DEFAULT
};

/// The row of the table for lists that mark the reach of each name.
pub static WILDCARD_FORMAT: Format = Format {
    id: "domain-wildcard",
    about: "one name a line with a mark of its reach: *.x, .x, +.x, =x",
    example: "*.evil.example.com",
    kinds: Kinds::NAME,
    options: &[WILDCARD],
    shape: Shape::Lines(open),
    ..Format::DEFAULT
};

struct PlainDomain {
    star: Scope,
}

fn open(options: &Options, _: Head<'_>) -> Result<Box<dyn LineReader>, OpenError> {
    let star =
        options.word("wildcard", &[("tree", Scope::Tree), ("strict", Scope::Subdomains)], Scope::Tree)?;
    Ok(Box::new(PlainDomain { star }))
}

impl LineReader for PlainDomain {
    fn line(&self, line: &[u8], scribe: &mut Scribe<'_>) {
        let scope = scribe.rules().scope;
        let plain = match line {
            [b'*', b'.', rest @ ..] => scribe.plain(rest, self.star, &Details::NONE),
            _ => scribe.plain(line, scope, &Details::NONE),
        };
        if plain {
            return;
        }
        if let Some(comment) = token::comment(line).or_else(|| line.strip_prefix(b"!")) {
            return header::comment(comment.trim_ascii(), scribe);
        }
        let text = without_schedule(token::unwrap(token::before_comment(line)));
        match text {
            [b'*', b'.', rest @ ..] => scribe.host(rest, self.star, &Details::NONE),
            [b'+', b'.', rest @ ..] => scribe.host(rest, Scope::Tree, &Details::NONE),
            [b'.', rest @ ..] if !rest.is_empty() => scribe.host(rest, Scope::Tree, &Details::NONE),
            [b'=', rest @ ..] => scribe.host(rest, Scope::Exact, &Details::NONE),
            _ => scribe.any(text, scope, &Details::NONE),
        }
    }
}

/// dnscrypt-proxy lets a name end in ` @schedule`.
fn without_schedule(text: &[u8]) -> &[u8] {
    let at = memchr::memmem::find(text, b" @");
    at.and_then(|at| text.get(..at)).unwrap_or(text).trim_ascii_end()
}

#[cfg(test)]
mod tests {
    use crate::transcript::tests::render;

    #[test]
    fn names_and_what_stands_among_them() {
        let text = "EvilPanel.com\nevilpanel.com.\n# Domains: 9\n! comment\nxn--eepass-vbb.info    # was: ķeepass.info\n\
                    http://evilpanel.com/gate.php\nuser@evilpanel.com\nd41d8cd98f00b204e9800998ecf8427e\n45.9.20.5\n\
                    corona helden\nco.uk\nlocalhost\nloader.exe\nevil\u{200b}panel.com\nevilpanel.com @work\n";
        let expected = [
            "domain-tree evilpanel.com",
            "domain-tree evilpanel.com",
            "SKIP header",
            "SKIP comment",
            "domain-tree xn--eepass-vbb.info",
            "url http://evilpanel.com/gate.php",
            "SKIP unsupported-kind",
            "SKIP unsupported-kind",
            "ip 45.9.20.5",
            "REJECT bad-host",
            "REJECT public-suffix",
            "REJECT single-label",
            "REJECT bad-host",
            "REJECT bad-idna",
            "domain-tree evilpanel.com",
        ];
        assert_eq!(render("plain-domain", &[], text), expected);
    }

    #[test]
    fn marks_of_reach() {
        let text = "*.evilpanel.com\n.evilpanel.com\n+.evilpanel.com\n=evilpanel.com\n*.45.9.20.5\n*.ads*.evilpanel.com\n*.com\n";
        let expected = [
            "domain-tree evilpanel.com",
            "domain-tree evilpanel.com",
            "domain-tree evilpanel.com",
            "domain evilpanel.com",
            "ip 45.9.20.5",
            "REJECT pattern",
            "REJECT single-label",
        ];
        assert_eq!(render("domain-wildcard", &[], text), expected);
        assert_eq!(
            render("domain-wildcard", &[("wildcard", "strict")], "*.evilpanel.com\n"),
            ["subdomains evilpanel.com"]
        );
    }
}
