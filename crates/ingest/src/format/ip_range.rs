//! `ip-range` and `ip-range-csv`: address ranges in every common spelling.
//!
//! `first-last`, `address/length`, `address/netmask`, `192.0.2.*`, and tables with the columns first, last
//! and label, as published for cloud providers and by country. Both rows of the table have one reader: lists
//! mix the spellings, and a comma shows which line is a row of columns. The second column may be a netmask or
//! a length instead, and the ends may be numbers. Labels are not read.

use super::{Format, Head, LineReader, OpenError, Shape, extent, header, ranges};
use crate::entry::{Details, Normalizer, Skip};
use crate::format::options::Options;
use crate::format::token;
use rapsheet_snapshot::{AddressRange, Kinds, ParseError};

/// The row of the table.
pub(super) static FORMAT: Format = Format {
    id: "ip-range",
    about: "address ranges, one per line: first-last, address/length, address/netmask, 192.0.2.*",
    example: "192.0.2.4-192.0.2.9",
    kinds: Kinds::ADDRESS,
    shape: Shape::Lines(open),
    ..Format::DEFAULT
};

/// The row of the table for ranges with columns.
pub(super) static CSV_FORMAT: Format = Format {
    id: "ip-range-csv",
    about: "address ranges with columns: first,last,label",
    example: "192.0.2.0,192.0.2.255,Some Cloud,https://cloud.example/",
    kinds: Kinds::ADDRESS,
    shape: Shape::Lines(open),
    ..Format::DEFAULT
};

struct IpRange;

fn open(_: &Options, _: Head<'_>) -> Result<Box<dyn LineReader>, OpenError> {
    Ok(Box::new(IpRange))
}

impl LineReader for IpRange {
    fn line(&self, line: &[u8], normalizer: &mut Normalizer<'_>) {
        if let Some(comment) = token::comment(line) {
            return header::comment(comment, normalizer);
        }
        // Addresses hold no quotes and labels are not read, so quotes are dropped without being parsed.
        let unquoted;
        let line = if line.contains(&b'"') {
            unquoted = line.iter().copied().filter(|byte| *byte != b'"').collect::<Vec<u8>>();
            unquoted.as_slice()
        } else {
            line
        };
        let text = token::unwrap(token::before_comment(line));
        if is_header_row(text) {
            return normalizer.skip(Skip::Header);
        }
        match own_spelling(text) {
            Some(read) => ranges::emit(read, &Details::NONE, normalizer),
            None => normalizer.address(text, &Details::NONE),
        }
    }
}

/// Whether a line names the columns: its first field is words, not an address.
fn is_header_row(text: &[u8]) -> bool {
    let first = token::before(text, b',');
    first.len() < text.len()
        && !first.is_empty()
        && first.iter().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b' '))
}

/// Reads the spellings that the canonical parser refuses; `None` for all others.
fn own_spelling(text: &[u8]) -> Option<Result<AddressRange, ParseError>> {
    if let Some((first, rest)) = token::split_once(text, b',') {
        return Some(extent::pair(first.trim_ascii(), token::before(rest, b',').trim_ascii()));
    }
    let mut words = text.split(|byte| matches!(byte, b' ' | b'\t' | b';')).filter(|word| !word.is_empty());
    if let (Some(first), Some(second), None) = (words.next(), words.next(), words.next()) {
        return Some(extent::pair(first, second));
    }
    if text.contains(&b'*') || text.ends_with(b".") {
        return Some(ranges::wildcard(text));
    }
    let (address, mask) = token::split_once(text, b'/')?;
    mask.contains(&b'.').then(|| ranges::netmask(address, mask))
}

#[cfg(test)]
mod tests {
    use crate::pipeline::testing::render;

    #[test]
    fn reads_every_spelling_of_a_range() {
        let text = "45.9.20.0 - 45.9.20.255\n45.9.20.4-45.9.20.9\n45.9.20.7-45.9.20.7\n45.9.20.9-45.9.20.4\n\
                    45.9.20.1-2a06:e480::1\n45.9.20.0/255.255.255.0\n45.9.20.0/255.0.255.0\n45.9.20.*\n45.9.*.*\n\
                    45.*.20.1\n45.9.20.\n3.8.0.0,3.11.255.255,Some Cloud,http://cloud.example/\n192.168.1.1-192.168.1.9\n\
                    45.9.20.5 # one\n45.9.20.0 255.255.255.0\n45.9.20.0;45.9.20.255\n45.9.20.0,255.255.255.0,x\n\
                    45.9.20.0,24,x\n45.9.20.0 255.0.255.0\n755569664,755569919,x\n";
        let expected = [
            "cidr 45.9.20.0/24",
            "range 45.9.20.4-45.9.20.9",
            "ip 45.9.20.7",
            "REJECT bad-range",
            "REJECT bad-range",
            "cidr 45.9.20.0/24",
            "REJECT bad-mask",
            "cidr 45.9.20.0/24",
            "cidr 45.9.0.0/16",
            "REJECT pattern",
            "cidr 45.9.20.0/24",
            "cidr 3.8.0.0/14",
            "REJECT bogon",
            "ip 45.9.20.5",
            "cidr 45.9.20.0/24",
            "cidr 45.9.20.0/24",
            "cidr 45.9.20.0/24",
            "cidr 45.9.20.0/24",
            "REJECT bad-mask",
            "cidr 45.9.20.0/24",
        ];
        assert_eq!(render("ip-range", &[], text), expected);
    }
}
