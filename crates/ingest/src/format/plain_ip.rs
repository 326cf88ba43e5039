//! `plain-ip` and `proxy-list`: one address, prefix or range a line, and nothing else.
//!
//! The commonest format of all. Comments are whole lines (`#`, `;`, `//`) or follow a blank; a trailing comma or
//! semicolon belongs to the proxy lists that this format also reads. A name here is a mistake of the feed,
//! not a name: `C91.196.152.28` must not become a domain.

use super::{Format, Head, LineReader, OpenError, Shape, header, ranges};
use crate::options::{OptionRow, Options};
use crate::scribe::{Details, Scribe};
use crate::token;
use rapsheet_snapshot::{Assessment, Assessments, Kinds};

/// The row of the table.
pub static FORMAT: Format = Format {
    id: "plain-ip",
    about: "one address, prefix or range a line",
    example: "192.0.2.0/24",
    kinds: Kinds::ADDRESS,
    options: &[SEPARATOR],
    shape: Shape::Lines(open),
    ..Format::DEFAULT
};

/// The row of the table for lists of proxies, which say what each address is for.
pub static PROXY_FORMAT: Format = Format {
    id: "proxy-list",
    about: "open proxies: address:port",
    example: "192.0.2.7:8080",
    kinds: Kinds::ADDRESS,
    options: &[SEPARATOR],
    shape: Shape::Lines(open_proxies),
    ..Format::DEFAULT
};

const SEPARATOR: OptionRow = OptionRow {
    key: "separator",
    about: "a character that ends an entry as a line end does, for lists that are one line (default none)",
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
    fn line(&self, line: &[u8], scribe: &mut Scribe<'_>) {
        if scribe.plain_address(line, &self.details) {
            return;
        }
        match token::comment(line) {
            Some(comment) => header::comment(comment, scribe),
            None => take(token::unwrap(token::before_comment(line)), &self.details, scribe),
        }
    }
}

/// An address, or a wildcard of one.
fn take(text: &[u8], details: &Details, scribe: &mut Scribe<'_>) {
    if !text.contains(&b'*') {
        return scribe.address(text, details);
    }
    ranges::emit(ranges::wildcard(text), details, scribe);
}

#[cfg(test)]
mod tests {
    use crate::transcript::tests::{read_events, render};

    #[test]
    fn a_list_may_be_one_line() {
        let events = read_events("plain-ip", &[("separator", ",")], "45.9.20.5,45.9.20.6,\n");
        let found: Vec<_> = events.iter().filter_map(|event| event.indicator.as_deref()).collect();
        assert_eq!(found, ["45.9.20.5", "45.9.20.6"]);
    }

    #[test]
    fn proxies_are_suspicious() {
        let events = read_events("proxy-list", &[], "45.9.20.5:80\n");
        assert_eq!((events[0].port, &events[0].assessments[..]), (Some(80), &["suspicious"][..]));
        assert_eq!(render("proxy-list", &[], "evilpanel.com:80\n"), ["REJECT bad-ip"]);
    }
}
