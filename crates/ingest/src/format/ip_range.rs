//! `ip-range` and `ip-range-csv`: everything that spells a run of addresses: `a-b`, netmasks, stars, `start,end,label`.

use super::{Format, Head, LineReader, OpenError, Shape, header, ranges};
use crate::options::Options;
use crate::scribe::{Details, Scribe, Skip};
use crate::token;
use rapsheet_snapshot::{Address, AddressRange, Kinds, ParseError};

/// The row of the table.
pub static FORMAT: Format = Format {
    id: "ip-range",
    about: "runs of addresses: a-b, a/len, a/netmask, 1.2.3.*, or start,end,label",
    example: "192.0.2.4-192.0.2.9",
    kinds: Kinds::ADDRESS,
    shape: Shape::Lines(open),
    ..Format::DEFAULT
};

/// The row of the table for the same runs with the columns start, end, label.
pub static CSV_FORMAT: Format = Format {
    id: "ip-range-csv",
    about: "runs of addresses as a table: start,end,label,reference",
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
    fn line(&self, line: &[u8], scribe: &mut Scribe<'_>) {
        if let Some(comment) = token::comment(line) {
            return header::comment(comment, scribe);
        }
        let plain;
        let line = if line.contains(&b'"') {
            plain = line.iter().copied().filter(|byte| *byte != b'"').collect::<Vec<u8>>();
            plain.as_slice()
        } else {
            line
        };
        let text = token::unwrap(token::before_comment(line));
        if is_head(text) {
            return scribe.skip(Skip::Header);
        }
        match special(text) {
            Some(read) => ranges::emit(read, &Details::NONE, scribe),
            None => scribe.address(text, &Details::NONE),
        }
    }
}

/// The names of the columns, where somebody wrote them down.
fn is_head(text: &[u8]) -> bool {
    let first = token::before(text, b',');
    first.len() < text.len()
        && !first.is_empty()
        && first.iter().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b' '))
}

/// The spellings that only this format has.
fn special(text: &[u8]) -> Option<Result<AddressRange, ParseError>> {
    if let Some((first, rest)) = token::split_once(text, b',') {
        return Some(first_and_last(first, token::before(rest, b',')));
    }
    if text.contains(&b'*') || text.ends_with(b".") {
        return Some(ranges::wildcard(text));
    }
    let (address, mask) = token::split_once(text, b'/')?;
    mask.contains(&b'.').then(|| ranges::netmask(address, mask))
}

fn first_and_last(first: &[u8], last: &[u8]) -> Result<AddressRange, ParseError> {
    AddressRange::from_ends(Address::parse(first.trim_ascii())?, Address::parse(last.trim_ascii())?)
}

#[cfg(test)]
mod tests {
    use crate::transcript::tests::render;

    #[test]
    fn every_spelling_of_a_run() {
        let text = "45.9.20.0 - 45.9.20.255\n45.9.20.4-45.9.20.9\n45.9.20.7-45.9.20.7\n45.9.20.9-45.9.20.4\n\
                    45.9.20.1-2a06:e480::1\n45.9.20.0/255.255.255.0\n45.9.20.0/255.0.255.0\n45.9.20.*\n45.9.*.*\n\
                    45.*.20.1\n45.9.20.\n3.8.0.0,3.11.255.255,Some Cloud,http://cloud.example/\n192.168.1.1-192.168.1.9\n\
                    45.9.20.5 # one\n";
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
        ];
        assert_eq!(render("ip-range", &[], text), expected);
    }
}
