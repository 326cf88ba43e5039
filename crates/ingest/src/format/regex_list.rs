//! `regex-list`: regular expressions, one per line, as Pi-hole takes them.
//!
//! An expression cannot be indexed, with one exception: `(^|\.)evil\.example\.com$` matches a name and
//! everything below it, which is the scope `tree`, and whole lists are written that way. All other
//! expressions are rejected as patterns.

use super::{Format, Head, LineReader, OpenError, Shape, header};
use crate::entry::{Details, Normalizer};
use crate::format::options::Options;
use rapsheet_snapshot::{Kinds, ParseError, Scope};

/// The row of the table.
pub(super) static FORMAT: Format = Format {
    id: "regex-list",
    about: "regular expressions, as for Pi-hole; only (^|\\.)name\\.tld$ can be indexed",
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
    fn line(&self, line: &[u8], normalizer: &mut Normalizer<'_>) {
        if let [b'#', comment @ ..] = line {
            return header::comment(comment.trim_ascii(), normalizer);
        }
        match tree(line) {
            Some(name) => normalizer.host(&name, Scope::Tree, &Details::NONE),
            None => normalizer.reject(ParseError::Pattern),
        }
    }
}

/// The name that an expression matches together with everything below it; `None` for any other expression.
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
    use crate::pipeline::testing::render;

    #[test]
    fn reads_the_idiom_for_a_tree() {
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
