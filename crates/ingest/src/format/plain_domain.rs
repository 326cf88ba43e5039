//! `plain-domain` and `domain-wildcard`: one name per line, bare or with a mark of its scope.
//!
//! `evil.example.com`, `*.evil.example.com`, `.evil.example.com`, `+.evil.example.com`, `=evil.example.com`.
//! Publishers disagree on a bare name, so the feed's `scope` decides. They disagree on `*.x` as well: most of
//! them mean x and everything below it, DNS means only what is below (option `wildcard`).
//!
//! Addresses, URLs, e-mail addresses and hashes occur in such lists; entries are typed by their content.

use super::{Format, Head, LineReader, OpenError, Shape, header};
use crate::entry::{Details, Normalizer};
use crate::format::options::{OptionRow, Options};
use crate::format::token;
use rapsheet_snapshot::{Kinds, Scope};

const WILDCARD: OptionRow = OptionRow {
    key: "wildcard",
    about: "what `*.x` means: `tree` (default), x and everything below; `strict`, only what is below",
};

/// The row of the table.
pub(super) static FORMAT: Format = Format {
    id: "plain-domain",
    about: "one name per line; the feed's `scope` says whether names below it are meant",
    example: "evil.example.com",
    kinds: Kinds::NAME,
    options: &[WILDCARD],
    shape: Shape::Lines(open),
    ..Format::DEFAULT
};

/// The row of the table for lists that mark the scope of each name.
pub(super) static WILDCARD_FORMAT: Format = Format {
    id: "domain-wildcard",
    about: "one name per line with a mark of its scope: *.x, .x, +.x, =x",
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
    fn line(&self, line: &[u8], normalizer: &mut Normalizer<'_>) {
        let scope = normalizer.rules().scope;
        let plain = match line {
            [b'*', b'.', rest @ ..] => normalizer.fast_host(rest, self.star, &Details::NONE),
            _ => normalizer.fast_host(line, scope, &Details::NONE),
        };
        if plain {
            return;
        }
        if let Some(comment) = token::comment(line).or_else(|| line.strip_prefix(b"!")) {
            return header::comment(comment.trim_ascii(), normalizer);
        }
        let text = without_schedule(token::unwrap(token::before_comment(line)));
        match text {
            [b'*', b'.', rest @ ..] => normalizer.host(rest, self.star, &Details::NONE),
            [b'+', b'.', rest @ ..] => normalizer.host(rest, Scope::Tree, &Details::NONE),
            [b'.', rest @ ..] if !rest.is_empty() => normalizer.host(rest, Scope::Tree, &Details::NONE),
            [b'=', rest @ ..] => normalizer.host(rest, Scope::Exact, &Details::NONE),
            _ => normalizer.any(text, scope, &Details::NONE),
        }
    }
}

/// The entry without the ` @schedule` that dnscrypt-proxy allows after a name.
fn without_schedule(text: &[u8]) -> &[u8] {
    let at = memchr::memmem::find(text, b" @");
    at.and_then(|at| text.get(..at)).unwrap_or(text).trim_ascii_end()
}

#[cfg(test)]
mod tests {
    use crate::pipeline::testing::render;

    #[test]
    fn types_entries_by_content() {
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
    fn marks_set_the_scope() {
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
