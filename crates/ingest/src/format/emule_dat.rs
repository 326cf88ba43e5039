//! `emule-dat`: the `ipfilter.dat` of eMule and its successors: `first - last , level , label`.
//!
//! `192.000.002.000 - 192.000.002.255 , 000 , Some Hosting`. The octets may be padded with zeros, which this
//! format defines as decimal. An older form has a netmask and blanks: `192.0.2.0/255.255.255.0   1   label`.
//!
//! A range with a level of 127 or more is not filtered. That is not a statement of trust, so such a range is
//! skipped and not read as an exception.

use super::{Format, Head, LineReader, OpenError, Shape, header, ranges};
use crate::entry::{Details, Normalizer, Skip};
use crate::format::options::Options;
use crate::format::token;
use rapsheet_snapshot::{AddressRange, Kinds, ParseError};

/// The row of the table.
pub(super) static FORMAT: Format = Format {
    id: "emule-dat",
    about: "eMule ipfilter.dat: first - last , level , label",
    example: "192.000.002.000 - 192.000.002.255 , 000 , Some Hosting",
    kinds: Kinds::ADDRESS,
    shape: Shape::Lines(open),
    ..Format::DEFAULT
};

/// The lowest level at which a range is not filtered.
const NOT_FILTERED: u32 = 127;

struct Dat;

fn open(_: &Options, _: Head<'_>) -> Result<Box<dyn LineReader>, OpenError> {
    Ok(Box::new(Dat))
}

impl LineReader for Dat {
    fn line(&self, line: &[u8], normalizer: &mut Normalizer<'_>) {
        if let Some(comment) = token::comment(line) {
            return header::comment(comment, normalizer);
        }
        let (range, level) = match token::split_once(line, b',') {
            Some((range, rest)) => (range, token::before(rest, b',')),
            None => older_form(line),
        };
        let level: Option<u32> = token::number(level.trim_ascii());
        if level.is_some_and(|level| level >= NOT_FILTERED) {
            return normalizer.skip(Skip::AccessLevel);
        }
        ranges::emit(parse_range(range.trim_ascii()), &Details::NONE, normalizer);
    }
}

/// The range and the level of `192.0.2.0/255.255.255.0   1   label`, or of `first - last` alone, which has no
/// level.
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
    use crate::pipeline::testing::render;

    #[test]
    fn reads_padding_levels_and_both_forms() {
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
