//! `p2p-plaintext`: `label:start-end`, as PeerGuardian and iBlocklist write.
//!
//! A label may be empty and may hold colons and dashes, so the range is read from the right. Its first word says
//! what the range is for, in the lists that say it at all.

use super::{Format, Head, LineReader, OpenError, Shape, header};
use crate::options::Options;
use crate::scribe::{Details, Scribe};
use crate::token;
use rapsheet_snapshot::{Address, AddressRange, Assessment, Assessments, Kinds, ParseError};

/// The row of the table.
pub static FORMAT: Format = Format {
    id: "p2p-plaintext",
    about: "PeerGuardian and iBlocklist text: label:start-end",
    example: "Some Hosting:192.0.2.0-192.0.2.255",
    kinds: Kinds::ADDRESS,
    shape: Shape::Lines(open),
    ..Format::DEFAULT
};

/// The longest text of an address.
const ADDRESS_MAX: usize = 45;

struct P2p;

fn open(_: &Options, _: Head<'_>) -> Result<Box<dyn LineReader>, OpenError> {
    Ok(Box::new(P2p))
}

impl LineReader for P2p {
    fn line(&self, line: &[u8], scribe: &mut Scribe<'_>) {
        if let Some(comment) = token::comment(line) {
            return header::comment(comment, scribe);
        }
        match split(line) {
            Ok((label, range)) => {
                scribe.range(range, &Details { assessments: purpose(label), ..Details::NONE });
            }
            Err(refusal) => scribe.reject(refusal),
        }
    }
}

fn split(line: &[u8]) -> Result<(&[u8], AddressRange), ParseError> {
    let dash = memchr::memrchr(b'-', line).ok_or(ParseError::BadRange)?;
    let (head, last) = line.split_at_checked(dash).ok_or(ParseError::BadRange)?;
    let last = Address::parse(last.get(1..).unwrap_or(&[]).trim_ascii())?;
    let (label, first) = match last {
        Address::V4(_) => behind_last_colon(head)?,
        Address::V6(_) => behind_label(head)?,
    };
    Ok((label, AddressRange::from_ends(first, last)?))
}

fn behind_last_colon(head: &[u8]) -> Result<(&[u8], Address), ParseError> {
    let colon = memchr::memrchr(b':', head).ok_or(ParseError::BadRange)?;
    let (label, first) = head.split_at_checked(colon).ok_or(ParseError::BadRange)?;
    Ok((label, Address::parse(first.get(1..).unwrap_or(&[]).trim_ascii())?))
}

/// The longest tail behind a colon that is an address.
fn behind_label(head: &[u8]) -> Result<(&[u8], Address), ParseError> {
    let start = head.len().saturating_sub(ADDRESS_MAX + 1);
    let colons = head.iter().enumerate().skip(start).filter(|(_, byte)| **byte == b':');
    let read = |(at, _): (usize, &u8)| {
        Some((head.get(..at)?, Address::parse(head.get(at + 1..)?.trim_ascii()).ok()?))
    };
    let mut tails = colons.filter_map(read);
    tails.next().ok_or(ParseError::BadIp)
}

/// Labels begin with these words where they say what a range is for.
const PURPOSES: &[(&[u8], Assessment)] = &[
    (b"proxy", Assessment::Suspicious),
    (b"tor", Assessment::Tor),
    (b"spam", Assessment::Spam),
    (b"hijack", Assessment::HighRisk),
    (b"malware", Assessment::Malware),
    (b"botnet", Assessment::Botnet),
    (b"scan", Assessment::Scanner),
];

fn purpose(label: &[u8]) -> Assessments {
    let end = label.iter().position(|byte| !byte.is_ascii_alphabetic()).unwrap_or(label.len());
    let word = label.get(..end).unwrap_or(&[]);
    let begins = |with: &[u8]| match with {
        // Many names begin with these three letters.
        b"tor" => word.eq_ignore_ascii_case(with),
        _ => word.get(..with.len()).is_some_and(|head| head.eq_ignore_ascii_case(with)),
    };
    PURPOSES.iter().filter(|(with, _)| begins(with)).map(|(_, purpose)| *purpose).collect()
}

#[cfg(test)]
mod tests {
    use crate::transcript::tests::{read_events, render};

    #[test]
    fn ranges_are_read_from_the_right() {
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
