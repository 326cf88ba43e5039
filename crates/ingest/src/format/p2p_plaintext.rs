//! `p2p-plaintext`: the text format of PeerGuardian, published by iBlocklist: `label:first-last`.
//!
//! `Some Hosting:192.0.2.0-192.0.2.255`. A label may be empty and may hold colons and dashes, so a line is
//! read from the right. In lists that state a category, it is the first word of the label.

use super::{Format, Head, LineReader, OpenError, Shape, header};
use crate::entry::{Details, Normalizer};
use crate::format::options::Options;
use crate::format::token;
use rapsheet_snapshot::{Address, AddressRange, Assessment, Assessments, Kinds, ParseError};

/// The row of the table.
pub(super) static FORMAT: Format = Format {
    id: "p2p-plaintext",
    about: "PeerGuardian and iBlocklist text: label:first-last",
    example: "Some Hosting:192.0.2.0-192.0.2.255",
    kinds: Kinds::ADDRESS,
    shape: Shape::Lines(open),
    ..Format::DEFAULT
};

/// The longest text of an IPv6 address, in bytes (one with an IPv4 address at its end).
const ADDRESS_MAX: usize = 45;

struct P2p;

fn open(_: &Options, _: Head<'_>) -> Result<Box<dyn LineReader>, OpenError> {
    Ok(Box::new(P2p))
}

impl LineReader for P2p {
    fn line(&self, line: &[u8], normalizer: &mut Normalizer<'_>) {
        if let Some(comment) = token::comment(line) {
            return header::comment(comment, normalizer);
        }
        match split(line) {
            Ok((label, range)) => {
                normalizer.range(range, &Details { assessments: category(label), ..Details::NONE });
            }
            Err(error) => normalizer.reject(error),
        }
    }
}

/// Splits a line into its label and its range.
fn split(line: &[u8]) -> Result<(&[u8], AddressRange), ParseError> {
    let dash = memchr::memrchr(b'-', line).ok_or(ParseError::BadRange)?;
    let (head, last) = line.split_at_checked(dash).ok_or(ParseError::BadRange)?;
    let last = Address::parse(last.get(1..).unwrap_or(&[]).trim_ascii())?;
    let (label, first) = match last {
        Address::V4(_) => split_ipv4(head)?,
        Address::V6(_) => split_ipv6(head)?,
    };
    Ok((label, AddressRange::from_ends(first, last)?))
}

/// The label, and the IPv4 address after the last colon.
fn split_ipv4(head: &[u8]) -> Result<(&[u8], Address), ParseError> {
    let colon = memchr::memrchr(b':', head).ok_or(ParseError::BadRange)?;
    let (label, first) = head.split_at_checked(colon).ok_or(ParseError::BadRange)?;
    Ok((label, Address::parse(first.get(1..).unwrap_or(&[]).trim_ascii())?))
}

/// The label, and the IPv6 address after it: the longest tail after a colon that is an address. Only the
/// last [`ADDRESS_MAX`] bytes are tried, so that a label full of colons costs no quadratic time.
fn split_ipv6(head: &[u8]) -> Result<(&[u8], Address), ParseError> {
    let start = head.len().saturating_sub(ADDRESS_MAX + 1);
    let colons = head.iter().enumerate().skip(start).filter(|(_, byte)| **byte == b':');
    let read = |(at, _): (usize, &u8)| {
        Some((head.get(..at)?, Address::parse(head.get(at + 1..)?.trim_ascii()).ok()?))
    };
    let mut tails = colons.filter_map(read);
    tails.next().ok_or(ParseError::BadIp)
}

/// Words at the beginning of labels, and what they mean. All but `tor` are prefixes: `Spammers`, `Hijacked`.
const CATEGORIES: &[(&[u8], Assessment)] = &[
    (b"proxy", Assessment::Suspicious),
    (b"tor", Assessment::Tor),
    (b"spam", Assessment::Spam),
    (b"hijack", Assessment::HighRisk),
    (b"malware", Assessment::Malware),
    (b"botnet", Assessment::Botnet),
    (b"scan", Assessment::Scanner),
];

fn category(label: &[u8]) -> Assessments {
    let end = label.iter().position(|byte| !byte.is_ascii_alphabetic()).unwrap_or(label.len());
    let word = label.get(..end).unwrap_or(&[]);
    let matches = |category: &[u8]| match category {
        // Many names of companies begin with these three letters.
        b"tor" => word.eq_ignore_ascii_case(category),
        _ => word.get(..category.len()).is_some_and(|head| head.eq_ignore_ascii_case(category)),
    };
    CATEGORIES.iter().filter(|(category, _)| matches(category)).map(|(_, meaning)| *meaning).collect()
}

#[cfg(test)]
mod tests {
    use crate::pipeline::testing::{read_events, render};

    #[test]
    fn reads_ranges_from_the_right() {
        let text = "# List distributed by a publisher\nSome-Hosting:45.9.20.0-45.9.20.255\n:45.9.20.4-45.9.20.6\n\
                    Proxy: x:45.9.20.7-45.9.20.7\nKöln: AG:45.9.20.9-45.9.20.4\nno range\n\
                    v6 net:2a06:e480::-2a06:e480::ff\na:45.9.20.1\n";
        let expected = [
            "SKIP comment",
            "cidr 45.9.20.0/24",
            "range 45.9.20.4-45.9.20.6",
            "ip 45.9.20.7",
            "REJECT bad-range",
            "REJECT bad-range",
            "cidr 2a06:e480::/120",
            "REJECT bad-range",
        ];
        assert_eq!(render("p2p-plaintext", &[], text), expected);
        assert_eq!(read_events("p2p-plaintext", &[], text)[3].assessments, ["suspicious"]);
    }
}
