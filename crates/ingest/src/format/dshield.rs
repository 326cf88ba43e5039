//! `dshield`: two tables of the SANS Internet Storm Center, with TABs between their columns.
//!
//! `block.txt` has the first and the last address of a network, its prefix length, counts and contacts. The
//! addresses are read and not the length, because that column has been a netmask at times. `asdetails`, the
//! table of one autonomous system, has an address, counts, and the days of the first and the last report; the
//! octets of its addresses are padded with zeros and decimal.

use super::{Format, Head, LineReader, OpenError, Shape, header, ranges};
use crate::entry::timestamp;
use crate::entry::{Details, Normalizer, Skip};
use crate::format::options::Options;
use rapsheet_snapshot::{Address, Assessment, Assessments, Kinds, ParseError};

/// The row of the table.
pub(super) static FORMAT: Format = Format {
    id: "dshield",
    about: "DShield block.txt (first TAB last TAB length …) and asdetails (address TAB counts TAB days)",
    example: "192.0.2.0\t192.0.2.255\t24\t585\tSome Hosting\tUS\tabuse@example.com",
    kinds: Kinds::ADDRESS,
    shape: Shape::Lines(open),
    ..Format::DEFAULT
};

struct Dshield;

fn open(_: &Options, _: Head<'_>) -> Result<Box<dyn LineReader>, OpenError> {
    Ok(Box::new(Dshield))
}

impl LineReader for Dshield {
    fn line(&self, line: &[u8], normalizer: &mut Normalizer<'_>) {
        if let [b'#', comment @ ..] = line {
            return header::comment(comment.trim_ascii_start(), normalizer);
        }
        let mut columns = line.split(|byte| *byte == b'\t').map(<[u8]>::trim_ascii);
        let first = columns.next().unwrap_or(&[]);
        let is_name = first.first().is_some_and(u8::is_ascii_alphabetic) && !first.contains(&b':');
        match first {
            b"Start" | b"Source IP" => normalizer.skip(Skip::Header),
            // The banner of `asdetails` is an HTML comment.
            [b'<', b'!', ..] | [b'-', b'-', b'>', ..] => normalizer.skip(Skip::Comment),
            _ if is_name => normalizer.reject(ParseError::BadIp),
            _ => {
                let rest: Vec<&[u8]> = columns.collect();
                emit_row(first, &rest, normalizer);
            }
        }
    }
}

/// Emits a row of either table: the second column is an address in `block.txt` and a count in `asdetails`.
fn emit_row(first: &[u8], rest: &[&[u8]], normalizer: &mut Normalizer<'_>) {
    let scanner = Details { assessments: Assessments::EMPTY.with(Assessment::Scanner), ..Details::NONE };
    let second = rest.first().copied().unwrap_or(&[]);
    if second.iter().any(|byte| matches!(byte, b'.' | b':')) {
        return ranges::emit(ranges::zero_padded_range(first, second), &scanner, normalizer);
    }
    let day = |at: usize| rest.get(at).and_then(|text| timestamp::parse(text));
    let details = Details { first_seen: day(2), last_seen: day(3), ..scanner };
    ranges::emit(ranges::zero_padded(first).map(Address::range), &details, normalizer);
}

#[cfg(test)]
mod tests {
    use crate::pipeline::testing::{read_events, render};

    #[test]
    fn reads_both_tables() {
        let text = "#    updated: 2026-07-14T20:45:40\nStart\tEnd\tNetmask\tAttacks\tName\tCountry\temail\n45.9.20.0\t45.9.20.255\t24\t585\t\t\t\n\
                    045.009.021.061\t1\t1\t\t2026-07-10\t2026-07-14 12:40:59\nwords\n45.9.20.9\t45.9.20.1\t24\n";
        let expected = [
            "SKIP header",
            "SKIP header",
            "cidr 45.9.20.0/24",
            "ip 45.9.21.61",
            "REJECT bad-ip",
            "REJECT bad-range",
        ];
        assert_eq!(render("dshield", &[], text), expected);
        let events = read_events("dshield", &[], text);
        assert_eq!(events[0].generated.as_deref(), Some("2026-07-14T20:45:40Z"));
        assert_eq!(events[3].detect_time.as_deref(), Some("2026-07-10T00:00:00Z"));
    }
}
