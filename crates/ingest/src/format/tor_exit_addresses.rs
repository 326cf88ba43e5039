//! `tor-exit-addresses`: the exit addresses of Tor, as TorDNSEL publishes them.
//!
//! Four kinds of lines describe a node: `ExitNode`, `Published`, `LastStatus`, and one or more
//! `ExitAddress 192.0.2.7 2026-08-22 08:10:51`, with the time when traffic was last seen to leave from that
//! address. Only the last kind has addresses, and each of its lines is complete, so lines may be read in any
//! order.

use super::{Format, Head, LineReader, OpenError, Shape};
use crate::entry::timestamp;
use crate::entry::{Details, Normalizer, Skip};
use crate::format::options::Options;
use crate::format::token;
use rapsheet_snapshot::{Assessment, Assessments, Kinds, ParseError};

/// The row of the table.
pub(super) static FORMAT: Format = Format {
    id: "tor-exit-addresses",
    about: "exit addresses of Tor (TorDNSEL): ExitNode, Published, LastStatus, ExitAddress",
    example: "ExitAddress 192.0.2.7 2026-08-22 08:10:51",
    kinds: Kinds::ADDRESS,
    shape: Shape::Lines(open),
    ..Format::DEFAULT
};

struct ExitAddresses;

fn open(_: &Options, _: Head<'_>) -> Result<Box<dyn LineReader>, OpenError> {
    Ok(Box::new(ExitAddresses))
}

impl LineReader for ExitAddresses {
    fn line(&self, line: &[u8], normalizer: &mut Normalizer<'_>) {
        let (word, rest) = token::first(line);
        match word {
            b"ExitAddress" => {
                let (address, time) = token::first(rest.trim_ascii());
                let assessments = Assessments::EMPTY.with(Assessment::Tor);
                let details = Details { last_seen: timestamp::parse(time), assessments, ..Details::NONE };
                normalizer.address(address, &details);
            }
            b"ExitNode" | b"Published" | b"LastStatus" => normalizer.skip(Skip::Record),
            _ if line.starts_with(b"#") => normalizer.skip(Skip::Comment),
            _ => normalizer.reject(ParseError::BadColumns),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::pipeline::testing::{read_events, render};

    #[test]
    fn reads_addresses_with_their_times() {
        let text = "ExitNode FE39F07EBE7870DCE124AB30DF3ABD0700A43F75\nPublished 2026-08-22 02:00:00\nLastStatus 2026-08-22 08:00:00\n\
                    ExitAddress 45.9.20.5 2026-08-22 08:10:51\n45.9.20.6\n";
        let expected = ["SKIP record", "SKIP record", "SKIP record", "ip 45.9.20.5", "REJECT bad-columns"];
        assert_eq!(render("tor-exit-addresses", &[], text), expected);
        let events = read_events("tor-exit-addresses", &[], text);
        assert_eq!(events[3].detect_time.as_deref(), Some("2026-08-22T08:10:51Z"));
        assert_eq!(events[3].assessments, ["tor"]);
    }
}
