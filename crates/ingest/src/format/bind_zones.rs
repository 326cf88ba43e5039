//! `bind-zones`: `zone` statements that point names at an empty zone file.
//!
//! A statement may stand on one line or on many, with three kinds of comments in it, so words are read in order and
//! a zone counts when its type is known: a forwarded zone or the hints of the root block nothing. Files that are
//! named are never followed.

use super::{Format, Head, OpenError, OrderedReader, Shape};
use crate::options::Options;
use crate::scribe::{Details, Scribe, Skip};
use rapsheet_snapshot::{Kinds, ParseError, Scope};

/// The row of the table.
pub static FORMAT: Format = Format {
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
    /// The word before, which says what the next one is.
    before: Vec<u8>,
    /// The zone whose type is not known yet.
    pending: Option<Vec<u8>>,
}

fn open(_: &Options, _: Head<'_>) -> Result<Box<dyn OrderedReader>, OpenError> {
    Ok(Box::new(Zones::default()))
}

impl OrderedReader for Zones {
    fn line(&mut self, line: &[u8], scribe: &mut Scribe<'_>) {
        let mut rest = line;
        let mut words = 0;
        while let Some(word) = self.word(&mut rest) {
            words += 1;
            self.take(word, scribe);
        }
        if scribe.told() > 0 {
            return;
        }
        match words {
            0 => scribe.skip(Skip::Comment),
            // One word with a dot in it belongs to a list in some other format.
            1 if line.contains(&b'.') && self.pending.is_none() => scribe.reject(ParseError::BadColumns),
            _ => scribe.skip(Skip::Directive),
        }
    }
}

impl Zones {
    /// The next word: a name, a quoted text without its quotes, or one mark of punctuation.
    fn word<'l>(&mut self, rest: &mut &'l [u8]) -> Option<&'l [u8]> {
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
                [b'{' | b'}' | b';', ..] => return cut(rest, 1),
                text => {
                    let ends =
                        |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'{' | b'}' | b';' | b'"');
                    return cut(rest, text.iter().position(ends).unwrap_or(text.len()));
                }
            }
        }
    }

    fn take(&mut self, word: &[u8], scribe: &mut Scribe<'_>) {
        match (self.before.as_slice(), word) {
            (b"zone", name) => self.pending = Some(name.to_vec()),
            (b"type", kind) => self.settle(kind, scribe),
            // A zone without a type is a fault of its own, and what the list blocks all the same.
            (_, b"}") => self.settle(b"master", scribe),
            _ => {}
        }
        word.clone_into(&mut self.before);
    }

    fn settle(&mut self, kind: &[u8], scribe: &mut Scribe<'_>) {
        let Some(name) = self.pending.take() else { return };
        let passes: [&[u8]; 5] = [b"forward", b"hint", b"stub", b"static-stub", b"delegation-only"];
        if passes.contains(&kind) {
            scribe.skip(Skip::Routing);
        } else {
            scribe.host(&name, Scope::Tree, &Details::NONE);
        }
    }
}

fn cut<'l>(rest: &mut &'l [u8], at: usize) -> Option<&'l [u8]> {
    let (word, tail) = rest.split_at_checked(at)?;
    *rest = tail;
    Some(word)
}

#[cfg(test)]
mod tests {
    use crate::transcript::tests::render;

    #[test]
    fn statements_on_one_line_and_on_many() {
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
