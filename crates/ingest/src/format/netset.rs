//! `netset`: FireHOL's `.ipset` and `.netset` files: a header that says much, then addresses and prefixes.
//!
//! The source's own date stands above the file's date and is the better confirmation; it comes first, and the
//! first stated time holds. Inline comments need no blank before the mark here.

use super::{Format, Head, LineReader, OpenError, Shape, header};
use crate::options::Options;
use crate::scribe::{Details, Scribe};
use crate::token;
use rapsheet_snapshot::Kinds;

/// The row of the table.
pub static FORMAT: Format = Format {
    id: "netset",
    about: "FireHOL .ipset and .netset files",
    example: "192.0.2.0/24",
    kinds: Kinds::ADDRESS,
    shape: Shape::Lines(open),
    ..Format::DEFAULT
};

struct Netset;

fn open(_: &Options, _: Head<'_>) -> Result<Box<dyn LineReader>, OpenError> {
    Ok(Box::new(Netset))
}

impl LineReader for Netset {
    fn line(&self, line: &[u8], scribe: &mut Scribe<'_>) {
        if scribe.plain_address(line, &Details::NONE) {
            return;
        }
        if let Some(comment) = token::comment(line) {
            return header::comment(comment, scribe);
        }
        let entry = line.split(|byte| matches!(byte, b'#' | b';')).next().unwrap_or(&[]);
        scribe.address(entry.trim_ascii(), &Details::NONE);
    }
}

#[cfg(test)]
mod tests {
    use crate::transcript::tests::render;

    #[test]
    fn header_and_entries() {
        let text = "#\n# Source File Date: Fri Aug  7 09:28:53 UTC 2026\n# Entries         : 46563 unique IPs\n\
                    # Category        : abuse\n45.9.20.5\n45.9.21.0/24#no blank\n";
        let rendered = render("netset", &[], text);
        assert_eq!(rendered[0], "SKIP comment");
        assert_eq!(rendered[2..], ["SKIP header", "SKIP comment", "ip 45.9.20.5", "cidr 45.9.21.0/24"]);
    }
}
