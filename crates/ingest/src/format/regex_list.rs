//! `regex-list`: regular expressions, as Pi-hole takes them.
//!
//! An expression cannot be indexed, with one exception: `(^|\.)name\.tld$` says exactly what a tree says, and many
//! lists are written with it.

use super::{Format, Head, LineReader, OpenError, Shape, header};
use crate::options::Options;
use crate::scribe::{Details, Scribe};
use rapsheet_snapshot::{Kinds, ParseError, Scope};

/// The row of the table.
pub static FORMAT: Format = Format {
    id: "regex-list",
    about: "regular expressions (Pi-hole); only (^|\\.)name\\.tld$ can be indexed",
    example: r"(^|\.)evil\.example\.com$",
    kinds: Kinds::NAME,
    shape: Shape::Lines(open),
    ..Format::DEFAULT
};

struct Expressions;

fn open(_: &Options, _: Head<'_>) -> Result<Box<dyn LineReader>, OpenError> {
    Ok(Box::new(Expressions))
}

impl LineReader for Expressions {
    fn line(&self, line: &[u8], scribe: &mut Scribe<'_>) {
        if let [b'#', comment @ ..] = line {
            return header::comment(comment.trim_ascii(), scribe);
        }
        match tree(line) {
            Some(name) => scribe.host(&name, Scope::Tree, &Details::NONE),
            None => scribe.reject(ParseError::Pattern),
        }
    }
}

/// The name of an expression that is a tree.
fn tree(line: &[u8]) -> Option<Vec<u8>> {
    let heads: [&[u8]; 3] = [br"(^|\.)", br"(\.|^)", br"^(.+\.)?"];
    let rest = heads.iter().find_map(|head| line.strip_prefix(*head))?.strip_suffix(b"$")?;
    let mut name = Vec::with_capacity(rest.len());
    let mut bytes = rest.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => name.push(*bytes.next().filter(|byte| matches!(byte, b'.' | b'-'))?),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => name.push(*byte),
            _ => return None,
        }
    }
    Some(name)
}

#[cfg(test)]
mod tests {
    use crate::transcript::tests::render;

    #[test]
    fn one_idiom_is_a_tree() {
        let text = "# a comment\n(^|\\.)evil-panel\\.com$\n(\\.|^)evil\\-panel\\.net$\n(^|\\.)evil.com$\n^[a-rt-z][a-z]{10,14}$$\n(^|\\.)ads?\\.com$\n(^|\\.)a\\.com$;querytype=A\n";
        let expected = [
            "SKIP comment",
            "domain-tree evil-panel.com",
            "domain-tree evil-panel.net",
            "REJECT pattern",
            "REJECT pattern",
            "REJECT pattern",
            "REJECT pattern",
        ];
        assert_eq!(render("regex-list", &[], text), expected);
    }
}
