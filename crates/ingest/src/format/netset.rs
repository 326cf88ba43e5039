//! `netset`: the `.ipset` and `.netset` files of FireHOL: a commented header, then one address or prefix per
//! line.
//!
//! The header states the date of the source above the date of the file. The date of the source is the better
//! confirmation, and the first stated time holds (see [`header`]). An inline comment needs no blank before
//! its mark here, unlike in `plain-ip`.

use super::{Format, Head, LineReader, OpenError, Shape, header};
use crate::entry::{Details, Normalizer};
use crate::format::options::Options;
use crate::format::token;
use rapsheet_snapshot::Kinds;

/// The row of the table.
pub(super) static FORMAT: Format = Format {
    id: "netset",
    about: "FireHOL .ipset and .netset files: a header with dates, then one address or prefix per line",
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
    fn line(&self, line: &[u8], normalizer: &mut Normalizer<'_>) {
        if normalizer.fast_address(line, &Details::NONE) {
            return;
        }
        if let Some(comment) = token::comment(line) {
            return header::comment(comment, normalizer);
        }
        let entry = line.split(|byte| matches!(byte, b'#' | b';')).next().unwrap_or(&[]);
        normalizer.address(entry.trim_ascii(), &Details::NONE);
    }
}

#[cfg(test)]
mod tests {
    use crate::pipeline::testing::render;

    #[test]
    fn reads_header_and_entries() {
        let text = "#\n# Source File Date: Fri Aug  7 09:28:53 UTC 2026\n# Entries         : 46563 unique IPs\n\
                    # Category        : abuse\n45.9.20.5\n45.9.21.0/24#no blank\n";
        let rendered = render("netset", &[], text);
        assert_eq!(rendered[0], "SKIP comment");
        assert_eq!(rendered[2..], ["SKIP header", "SKIP comment", "ip 45.9.20.5", "cidr 45.9.21.0/24"]);
    }
}
