//! `spamhaus-drop-text`: the DROP lists of Spamhaus as text: `prefix ; reference`.
//!
//! `192.0.2.0/24 ; SBL000001`. Lines that begin with `;` are comments; the last of them may be `; EOF`, which
//! marks a complete file. The list of autonomous systems has the same syntax (`AS64496 ; EX | EXAMPLE`); its
//! rows are skipped, because autonomous systems are not indexed.

use super::{Format, Head, LineReader, OpenError, Shape, header};
use crate::entry::{Details, Normalizer, Skip};
use crate::format::options::Options;
use crate::format::token;
use rapsheet_snapshot::Kinds;

/// The row of the table.
pub(super) static FORMAT: Format = Format {
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
    fn line(&self, line: &[u8], normalizer: &mut Normalizer<'_>) {
        if let [b';' | b'#', comment @ ..] = line {
            return header::comment(comment.trim_ascii(), normalizer);
        }
        let prefix = token::before(line, b';').trim_ascii();
        if is_autonomous_system(prefix) {
            return normalizer.skip(Skip::UnsupportedKind);
        }
        normalizer.address(prefix, &Details::NONE);
    }
}

fn is_autonomous_system(text: &[u8]) -> bool {
    text.strip_prefix(b"AS").is_some_and(token::is_digits)
}

#[cfg(test)]
mod tests {
    use crate::pipeline::testing::render;

    #[test]
    fn reads_prefixes_with_references() {
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
