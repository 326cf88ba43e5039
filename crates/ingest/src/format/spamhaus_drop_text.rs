//! `spamhaus-drop-text`: `prefix ; reference`, comments by `;`, and an end mark.
//!
//! The list of autonomous systems has the same shape and is no list of addresses: its rows are skipped as a
//! kind that is not indexed.

use super::{Format, Head, LineReader, OpenError, Shape, header};
use crate::options::Options;
use crate::scribe::{Details, Scribe, Skip};
use crate::token;
use rapsheet_snapshot::Kinds;

/// The row of the table.
pub static FORMAT: Format = Format {
    id: "spamhaus-drop-text",
    about: "Spamhaus DROP as text: prefix ; reference",
    example: "192.0.2.0/24 ; SBL000001",
    kinds: Kinds::ADDRESS,
    shape: Shape::Lines(open),
    ..Format::DEFAULT
};

struct DropText;

fn open(_: &Options, _: Head<'_>) -> Result<Box<dyn LineReader>, OpenError> {
    Ok(Box::new(DropText))
}

impl LineReader for DropText {
    fn line(&self, line: &[u8], scribe: &mut Scribe<'_>) {
        if let [b';' | b'#', comment @ ..] = line {
            return header::comment(comment.trim_ascii(), scribe);
        }
        let prefix = token::before(line, b';').trim_ascii();
        if is_autonomous_system(prefix) {
            return scribe.skip(Skip::UnsupportedKind);
        }
        scribe.address(prefix, &Details::NONE);
    }
}

fn is_autonomous_system(text: &[u8]) -> bool {
    text.strip_prefix(b"AS").is_some_and(token::is_digits)
}

#[cfg(test)]
mod tests {
    use crate::transcript::tests::render;

    #[test]
    fn prefixes_with_references() {
        let text = "; Spamhaus DROP List 2026/08/22\n45.9.20.0/22;SBL1\n2a06:e480::/29 ; SBL2\nAS64496 ; EX | EXAMPLE\n; EOF\n";
        let expected = [
            "SKIP comment",
            "cidr 45.9.20.0/22",
            "cidr 2a06:e480::/29",
            "SKIP unsupported-kind",
            "SKIP comment",
        ];
        assert_eq!(render("spamhaus-drop-text", &[], text), expected);
    }
}
