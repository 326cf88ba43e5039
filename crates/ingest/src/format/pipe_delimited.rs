//! `pipe-delimited`: the tables of dataplane.org and of Team Cymru, whose columns are separated by `|`.
//!
//! `64496  |  EXAMPLE-AS  |  192.0.2.7  |  2026-08-22 16:08:29  |  sshpwauth` (dataplane.org). The second
//! column is the name of an autonomous system and may hold `|`, so rows are read from the right: category,
//! time, address.
//!
//! `phishing|192.0.2.7|64496|2026-10-31 10:00:02|…` (Team Cymru). The category is first; the order of the
//! other columns has changed over the years. Their free text holds URLs that are not indicators, so only an
//! address is read.

use super::{Format, Head, LineReader, OpenError, Shape, header, role};
use crate::entry::timestamp;
use crate::entry::{Details, Normalizer};
use crate::format::options::Options;
use rapsheet_snapshot::{Address, Assessments, Kinds, ParseError};

/// The row of the table.
pub(super) static FORMAT: Format = Format {
    id: "pipe-delimited",
    about: "tables of dataplane.org and Team Cymru, with | between the columns",
    example: "64496  |  EXAMPLE-AS  |  192.0.2.7  |  2026-08-22 16:08:29  |  sshpwauth",
    kinds: Kinds::ADDRESS,
    shape: Shape::Lines(open),
    ..Format::DEFAULT
};

struct Pipes;

fn open(_: &Options, _: Head<'_>) -> Result<Box<dyn LineReader>, OpenError> {
    Ok(Box::new(Pipes))
}

impl LineReader for Pipes {
    fn line(&self, line: &[u8], normalizer: &mut Normalizer<'_>) {
        if let [b'#' | b';', comment @ ..] = line {
            return header::comment(comment.trim_ascii(), normalizer);
        }
        let columns: Vec<&[u8]> = line.split(|byte| *byte == b'|').map(<[u8]>::trim_ascii).collect();
        let first = columns.first().copied().unwrap_or(&[]);
        // The number of an autonomous system, or `NA`, in dataplane's tables; a category in Team Cymru's.
        let is_dataplane = first == b"NA" || first.iter().all(u8::is_ascii_digit);
        match if is_dataplane { dataplane(&columns) } else { cymru(&columns) } {
            Some((address, details)) => normalizer.address(address, &details),
            None => normalizer.reject(ParseError::BadColumns),
        }
    }
}

/// The address of a row and its details; `None` where columns are missing.
type Row<'l> = Option<(&'l [u8], Details)>;

/// From the right: category, time of the last sighting, perhaps time of the first, address.
fn dataplane<'l>(columns: &[&'l [u8]]) -> Row<'l> {
    let [.., address_or_time, time, category] = columns else { return None };
    // A truncated row lacks a column and has a name where the time should be.
    let last_seen = timestamp::parse(time);
    if last_seen.is_none() && columns.len() < 5 {
        return None;
    }
    let assessments = role::category(category, Assessments::EMPTY);
    match (timestamp::parse(address_or_time), columns) {
        (first_seen @ Some(_), [_, _, .., address, _, _, _]) => {
            Some((address, Details { first_seen, last_seen, assessments, ..Details::NONE }))
        }
        _ => Some((address_or_time, Details { last_seen, assessments, ..Details::NONE })),
    }
}

/// The category, then columns in any order, of which the first address and the first time count.
fn cymru<'l>(columns: &[&'l [u8]]) -> Row<'l> {
    let (category, rest) = columns.split_first()?;
    let address = rest.iter().find(|column| Address::parse(column).is_ok()).or(rest.first())?;
    // Shorter columns are numbers of autonomous systems, which can look like compact dates.
    let last_seen = rest.iter().filter(|column| column.len() > 9).find_map(|column| timestamp::parse(column));
    let assessments = role::category(category, Assessments::EMPTY);
    Some((address, Details { last_seen, assessments, ..Details::NONE }))
}

#[cfg(test)]
mod tests {
    use crate::pipeline::testing::{read_events, render};

    #[test]
    fn reads_both_tables() {
        let text = "# Generated for you\n64496  |  EXAMPLE-AS | With | pipe  |  45.9.20.5  |  2026-04-02 12:00:00  |  sshpwauth\n\
                    NA  |  x  |  2a06:e480::5  |  2026-04-01 12:00:00  |  2026-04-02 12:00:00  |  proto41\n14080 | Some Carrier, CO |\n\
                    phishing|45.9.20.6|64496|2026-10-31 10:00:02|http://www.evil-login.com/|Example AS Name\n";
        let expected =
            ["SKIP comment", "ip 45.9.20.5", "ip 2a06:e480::5", "REJECT bad-columns", "ip 45.9.20.6"];
        assert_eq!(render("pipe-delimited", &[], text), expected);
        let events = read_events("pipe-delimited", &[], text);
        assert_eq!(events[1].assessments, ["bruteforce"]);
        assert_eq!(events[2].first_seen.as_deref(), Some("2026-04-01T12:00:00Z"));
        assert_eq!(events[4].assessments, ["phishing"]);
    }
}
