//! `bind-zones`: configuration of BIND, whose `zone` statements make names resolve to an empty zone file.
//!
//! `zone "evil.example.com" { type master; file "null.zone"; };` covers the name and everything below it.
//!
//! A statement may be on one line or on several, and it may hold comments of three kinds (`#`, `//`,
//! `/* */`), so the reader works word by word, in order. A zone counts when its type is known: forward, hint
//! and stub zones block nothing. Files that a statement names are never opened.

use super::{Format, Head, OpenError, OrderedReader, Shape};
use crate::entry::{Details, Normalizer, Skip};
use crate::format::options::Options;
use rapsheet_snapshot::{Kinds, ParseError, Scope};

/// The row of the table.
pub(super) static FORMAT: Format = Format {
    id: "bind-zones",
    about: "BIND zone statements",
    example: r#"zone "evil.example.com" { type master; file "null.zone.file"; };"#,
    kinds: Kinds::NAME,
    shape: Shape::Ordered(open),
    ..Format::DEFAULT
};

#[derive(Default)]
struct Zones {
    in_comment: bool,
    /// The previous word, which is the key of the next one.
    previous: Vec<u8>,
    /// The name of a zone whose type has not been read yet.
    pending: Option<Vec<u8>>,
}

fn open(_: &Options, _: Head<'_>) -> Result<Box<dyn OrderedReader>, OpenError> {
    Ok(Box::new(Zones::default()))
}

impl OrderedReader for Zones {
    fn line(&mut self, line: &[u8], normalizer: &mut Normalizer<'_>) {
        let mut rest = line;
        let mut words = 0;
        while let Some(word) = self.next_word(&mut rest) {
            words += 1;
            self.read_word(word, normalizer);
        }
        if normalizer.outcomes() > 0 {
            return;
        }
        match words {
            0 => normalizer.skip(Skip::Comment),
            // A single word with a dot is an entry of a list in another format.
            1 if line.contains(&b'.') && self.pending.is_none() => normalizer.reject(ParseError::BadColumns),
            _ => normalizer.skip(Skip::Directive),
        }
    }
}

impl Zones {
    /// The next word of a line: a name, a quoted text without its quotes, or one of `{`, `}`, `;`.
    fn next_word<'l>(&mut self, rest: &mut &'l [u8]) -> Option<&'l [u8]> {
        loop {
            if self.in_comment {
                let end = memchr::memmem::find(rest, b"*/")?;
                *rest = rest.get(end + 2..)?;
                self.in_comment = false;
            }
            *rest = rest.trim_ascii_start();
            match *rest {
                [] | [b'#', ..] | [b'/', b'/', ..] => return None,
                [b'/', b'*', ..] => {
                    self.in_comment = true;
                    *rest = rest.get(2..)?;
                }
                [b'"', inner @ ..] => {
                    let end = memchr::memchr(b'"', inner).unwrap_or(inner.len());
                    *rest = inner.get(end + 1..).unwrap_or(&[]);
                    return inner.get(..end);
                }
                [b'{' | b'}' | b';', ..] => return split_off(rest, 1),
                text => {
                    let ends =
                        |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'{' | b'}' | b';' | b'"');
                    return split_off(rest, text.iter().position(ends).unwrap_or(text.len()));
                }
            }
        }
    }

    fn read_word(&mut self, word: &[u8], normalizer: &mut Normalizer<'_>) {
        match (self.previous.as_slice(), word) {
            (b"zone", name) => self.pending = Some(name.to_vec()),
            (b"type", kind) => self.emit_pending(kind, normalizer),
            // A zone without a type is an error to BIND, but the list still means to block it.
            (_, b"}") => self.emit_pending(b"master", normalizer),
            _ => {}
        }
        word.clone_into(&mut self.previous);
    }

    fn emit_pending(&mut self, kind: &[u8], normalizer: &mut Normalizer<'_>) {
        let Some(name) = self.pending.take() else { return };
        let routed: [&[u8]; 5] = [b"forward", b"hint", b"stub", b"static-stub", b"delegation-only"];
        if routed.contains(&kind) {
            normalizer.skip(Skip::Routing);
        } else {
            normalizer.host(&name, Scope::Tree, &Details::NONE);
        }
    }
}

/// Takes the first `at` bytes off `rest`.
fn split_off<'l>(rest: &mut &'l [u8], at: usize) -> Option<&'l [u8]> {
    let (word, tail) = rest.split_at_checked(at)?;
    *rest = tail;
    Some(word)
}

#[cfg(test)]
mod tests {
    use crate::pipeline::testing::render;

    #[test]
    fn reads_statements_on_one_line_and_on_several() {
        let text = "// a comment\nzone \"evilpanel.com\" { type master; notify no; file \"null.zone.file\"; };\nzone \"evilpanel.net\" IN\n{\n  /* why\n  */ type primary;\n};\n\
                    zone \".\" { type hint; file \"root\"; };\ninclude \"/etc/passwd\";\nzone evilpanel.org { file \"x\"; };\nzone \"a.evilpanel.com\" { type master; }; zone \"b.evilpanel.com\" { type master; };\n";
        let expected = [
            "SKIP comment",
            "domain-tree evilpanel.com",
            "SKIP directive",
            "SKIP directive",
            "SKIP comment",
            "domain-tree evilpanel.net",
            "SKIP directive",
            "SKIP routing",
            "SKIP directive",
            "domain-tree evilpanel.org",
            "domain-tree a.evilpanel.com",
            "domain-tree b.evilpanel.com",
        ];
        assert_eq!(render("bind-zones", &[], text), expected);
    }
}
