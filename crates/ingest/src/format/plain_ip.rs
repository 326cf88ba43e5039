//! `plain-ip` and `proxy-list`: one address, prefix or range per line, and nothing else.
//!
//! The most common format: blocklist.de, CINS Army, Emerging Threats and hundreds of others publish it.
//! Comments are whole lines (`#`, `;`, `//`) or follow a blank. A comma or semicolon at the end of an entry,
//! quotes around it, and a port after it are accepted, because lists of proxies have them.
//!
//! Entries are never read as names: in such a list `C91.196.152.28` is a typing error, not a domain.

use super::{Format, Head, LineReader, OpenError, Shape, header, ranges};
use crate::entry::{Details, Normalizer};
use crate::format::options::{OptionRow, Options};
use crate::format::token;
use rapsheet_snapshot::{Assessment, Assessments, Kinds};

/// The row of the table.
pub(super) static FORMAT: Format = Format {
    id: "plain-ip",
    about: "one address, prefix or range per line",
    example: "192.0.2.0/24",
    kinds: Kinds::ADDRESS,
    options: &[SEPARATOR],
    shape: Shape::Lines(open),
    ..Format::DEFAULT
};

/// The row of the table for lists of open proxies, whose entries have an assessment by nature.
pub(super) static PROXY_FORMAT: Format = Format {
    id: "proxy-list",
    about: "open proxies, one address:port per line",
    example: "192.0.2.7:8080",
    kinds: Kinds::ADDRESS,
    options: &[SEPARATOR],
    shape: Shape::Lines(open_proxies),
    ..Format::DEFAULT
};

const SEPARATOR: OptionRow = OptionRow {
    key: "separator",
    about: "a character that ends an entry like a line end, for lists of one line (default none)",
};

struct PlainIp {
    details: Details,
}

fn open(_: &Options, _: Head<'_>) -> Result<Box<dyn LineReader>, OpenError> {
    Ok(Box::new(PlainIp { details: Details::NONE }))
}

fn open_proxies(_: &Options, _: Head<'_>) -> Result<Box<dyn LineReader>, OpenError> {
    let assessments = Assessments::EMPTY.with(Assessment::Suspicious);
    Ok(Box::new(PlainIp { details: Details { assessments, ..Details::NONE } }))
}

impl LineReader for PlainIp {
    fn line(&self, line: &[u8], normalizer: &mut Normalizer<'_>) {
        if normalizer.fast_address(line, &self.details) {
            return;
        }
        match token::comment(line) {
            Some(comment) => header::comment(comment, normalizer),
            None => emit(token::unwrap(token::before_comment(line)), &self.details, normalizer),
        }
    }
}

/// An address, prefix or range, or a wildcard such as `192.0.2.*`.
fn emit(text: &[u8], details: &Details, normalizer: &mut Normalizer<'_>) {
    if !text.contains(&b'*') {
        return normalizer.address(text, details);
    }
    ranges::emit(ranges::wildcard(text), details, normalizer);
}

#[cfg(test)]
mod tests {
    use crate::pipeline::testing::{read_events, render};

    #[test]
    fn reads_a_list_of_one_line() {
        let events = read_events("plain-ip", &[("separator", ",")], "45.9.20.5,45.9.20.6,\n");
        let found: Vec<_> = events.iter().filter_map(|event| event.indicator.as_deref()).collect();
        assert_eq!(found, ["45.9.20.5", "45.9.20.6"]);
    }

    #[test]
    fn proxies_have_a_port_and_are_suspicious() {
        let events = read_events("proxy-list", &[], "45.9.20.5:80\n");
        assert_eq!((events[0].port, &events[0].assessments[..]), (Some(80), &["suspicious"][..]));
        assert_eq!(render("proxy-list", &[], "evilpanel.com:80\n"), ["REJECT bad-ip"]);
    }
}
