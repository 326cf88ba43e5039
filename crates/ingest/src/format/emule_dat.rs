//! `emule-dat`: `start - end , level , label`, with addresses that are padded with zeros.
//!
//! The padding is decimal by definition of this format, and of few others. A level of 127 or more means that the
//! range is not filtered; that is no statement of trust. An older form has a netmask instead of an end.

use super::ip_range::netmask;
use super::{Format, Head, LineReader, OpenError, Shape, header};
use crate::options::Options;
use crate::scribe::{Details, Scribe, Skip};
use crate::token;
use rapsheet_snapshot::{Address, AddressRange, Kinds, ParseError};

/// The row of the table.
pub static FORMAT: Format = Format {
    id: "emule-dat",
    about: "eMule ipfilter.dat: start - end , level , label",
    example: "192.000.002.000 - 192.000.002.255 , 000 , Some Hosting",
    kinds: Kinds::ADDRESS,
    shape: Shape::Lines(open),
    ..Format::NONE
};

/// From this level on a range is not filtered.
const NOT_FILTERED: u32 = 127;

struct Dat;

fn open(_: &Options, _: Head<'_>) -> Result<Box<dyn LineReader>, OpenError> {
    Ok(Box::new(Dat))
}

impl LineReader for Dat {
    fn line(&self, line: &[u8], scribe: &mut Scribe<'_>) {
        if let Some(comment) = token::comment(line) {
            return header::comment(comment, scribe);
        }
        let (run, level) = match memchr::memchr(b',', line) {
            Some(comma) => {
                let (run, rest) = line.split_at_checked(comma).unwrap_or((line, &[]));
                (run, rest.get(1..).unwrap_or(&[]).split(|byte| *byte == b',').next().unwrap_or(&[]))
            }
            None => older(line),
        };
        if number(level.trim_ascii()).is_some_and(|level| level >= NOT_FILTERED) {
            return scribe.skip(Skip::AccessLevel);
        }
        match run_of(run.trim_ascii()) {
            Ok(range) => scribe.range(range, &Details::NONE),
            Err(refusal) => scribe.reject(refusal),
        }
    }
}

/// `192.168.0.0/255.255.0.0   1   label`, and `start - end` alone.
fn older(line: &[u8]) -> (&[u8], &[u8]) {
    let (first, rest) = token::first(line);
    if first.contains(&b'/') { (first, token::first(rest.trim_ascii_start()).0) } else { (line, &[]) }
}

fn number(digits: &[u8]) -> Option<u32> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn run_of(text: &[u8]) -> Result<AddressRange, ParseError> {
    if let Some(slash) = memchr::memchr(b'/', text) {
        let mask = text.get(slash + 1..).filter(|mask| mask.contains(&b'.'));
        return match mask {
            Some(mask) => netmask(&unpadded(text.get(..slash).unwrap_or(&[])), mask),
            None => AddressRange::parse(&unpadded(text)).map(|read| read.range),
        };
    }
    let dash = memchr::memchr(b'-', text).ok_or(ParseError::BadRange)?;
    let (first, last) = text.split_at_checked(dash).ok_or(ParseError::BadRange)?;
    let first = padded(first.trim_ascii())?;
    let last = padded(last.get(1..).unwrap_or(&[]).trim_ascii())?;
    AddressRange::from_ends(first, last)
}

/// An address whose numbers may be padded with zeros, read as decimal.
pub(super) fn padded(text: &[u8]) -> Result<Address, ParseError> {
    if text.contains(&b':') { Address::parse(text) } else { Address::parse(&unpadded(text)) }
}

/// The text without zeros at the beginning of its numbers.
fn unpadded(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for (at, byte) in text.iter().enumerate() {
        let begins = out.last().is_none_or(|last: &u8| !last.is_ascii_digit());
        let more = text.get(at + 1).is_some_and(u8::is_ascii_digit);
        if !(*byte == b'0' && begins && more) {
            out.push(*byte);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use crate::transcript::tests::render;

    #[test]
    fn padding_levels_and_both_forms() {
        let text = "# a comment\n045.009.020.000 - 045.009.020.255 , 000 , Some Hosting\n045.009.021.000 - 045.009.021.255 , 200 , friend\n\
                    45.9.22.4 - 45.9.22.9 , 100 , x, y\n2a06:E480:: - 2a06:e480::FFFF , 000 , six\n\
                    45.9.24.0/255.255.255.0   1   Some Networks\n000.000.000.000 - 000.255.255.255 , 000 , Bogon\n45.9.20.300 - 45.9.21.0 , 0 , x\nwords\n";
        let expected = [
            "SKIP comment",
            "cidr 45.9.20.0/24",
            "SKIP access-level",
            "range 45.9.22.4-45.9.22.9",
            "cidr 2a06:e480::/112",
            "cidr 45.9.24.0/24",
            "REJECT bogon",
            "REJECT bad-ip",
            "REJECT bad-range",
        ];
        assert_eq!(render("emule-dat", &[], text), expected);
    }
}
