//! `emule-dat`: `start - end , level , label`, with addresses that are padded with zeros.
//!
//! The padding is decimal by definition of this format, and of few others. A level of 127 or more means that the
//! range is not filtered; that is no statement of trust. An older form has a netmask instead of an end.

use super::{Format, Head, LineReader, OpenError, Shape, header, ranges};
use crate::options::Options;
use crate::scribe::{Details, Scribe, Skip};
use crate::token;
use rapsheet_snapshot::{AddressRange, Kinds, ParseError};

/// The row of the table.
pub static FORMAT: Format = Format {
    id: "emule-dat",
    about: "eMule ipfilter.dat: start - end , level , label",
    example: "192.000.002.000 - 192.000.002.255 , 000 , Some Hosting",
    kinds: Kinds::ADDRESS,
    shape: Shape::Lines(open),
    ..Format::DEFAULT
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
        let (range, level) = match token::split_once(line, b',') {
            Some((range, rest)) => (range, token::before(rest, b',')),
            None => older_form(line),
        };
        let level: Option<u32> = token::number(level.trim_ascii());
        if level.is_some_and(|level| level >= NOT_FILTERED) {
            return scribe.skip(Skip::AccessLevel);
        }
        ranges::emit(parse_range(range.trim_ascii()), &Details::NONE, scribe);
    }
}

/// `192.168.0.0/255.255.0.0   1   label`, and `start - end` alone.
fn older_form(line: &[u8]) -> (&[u8], &[u8]) {
    let (first, rest) = token::first(line);
    if first.contains(&b'/') { (first, token::first(rest.trim_ascii_start()).0) } else { (line, &[]) }
}

fn parse_range(text: &[u8]) -> Result<AddressRange, ParseError> {
    match token::split_once(text, b'/') {
        Some((address, mask)) if mask.contains(&b'.') => {
            ranges::netmask(&ranges::without_zero_padding(address), mask)
        }
        Some(_) => AddressRange::parse(&ranges::without_zero_padding(text)).map(|read| read.range),
        None => {
            let (first, last) = token::split_once(text, b'-').ok_or(ParseError::BadRange)?;
            ranges::zero_padded_range(first, last)
        }
    }
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
