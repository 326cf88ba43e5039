//! Messages of Cisco's firewalls and routers, `%ASA-6-106015: …`, with what syslog puts before them.

use super::Kind;
use super::positional::{LineFormat, VisitField};
use super::timestamp::{self, Stated};
use rapsheet_snapshot::Time;
use std::ops::Range;

/// The row of this kind.
pub(super) static KIND: Kind = Kind {
    name: "asa",
    aliases: &["cisco", "ftd"],
    description: "Cisco's messages: ASA, FTD, IOS",
    detect: |head| LINE_FORMAT.detect(head),
    new_log: |_| LINE_FORMAT.log(),
    reshape: None,
};

static LINE_FORMAT: LineFormat = LineFormat {
    fields: &["time", "facility", "severity", "id", "src", "dst", "message"],
    read,
    time,
    ..LineFormat::DEFAULT
};
/// What a source follows, and a destination, the likelier first.
const SOURCES: [&[u8]; 4] = [b" src ", b" from ", b" for ", b"denied "];
const DESTINATIONS: [&[u8]; 3] = [b" dst ", b" to ", b" -> "];

/// `Nov 27 2026 10:00:00 fw1 : %ASA-4-106023: Deny udp src outside:192.0.2.9/5 dst inside:10.0.0.1/53`.
fn read(line: &[u8], visit: &mut VisitField<'_>) -> Option<()> {
    let (start, mnemonic) = mnemonic(line)?;
    let mut parts = line.get(mnemonic.clone())?.split(|byte| *byte == b'-');
    let facility = parts.next()?.len();
    let severity = mnemonic.start + facility + 1;
    let message = mnemonic.end + 1..line.len();
    visit("time", 0..start);
    visit("facility", mnemonic.start..mnemonic.start + facility);
    visit("severity", severity..severity + 1);
    visit("id", severity + 2..mnemonic.end);
    for (name, marks) in [("src", SOURCES.as_slice()), ("dst", DESTINATIONS.as_slice())] {
        visit(name, end_of(line, &message, marks).unwrap_or_default());
    }
    visit("message", message);
    Some(())
}

/// The offset of `%ASA-6-106015:`, and the range of its text.
fn mnemonic(line: &[u8]) -> Option<(usize, Range<usize>)> {
    let starts = memchr::memchr_iter(b'%', line.get(..line.len().min(200))?);
    starts.into_iter().find_map(|start| {
        let text = line.get(start + 1..)?;
        let length = memchr::memchr(b':', text.get(..text.len().min(60))?)?;
        let mut parts = text.get(..length)?.splitn(3, |byte| *byte == b'-');
        let is_name = |part: &[u8]| !part.is_empty() && part.iter().all(|byte| is_of_name(*byte));
        let fits = is_name(parts.next()?) && matches!(parts.next()?, [b'0'..=b'7']) && is_name(parts.next()?);
        fits.then_some((start, start + 1..start + 1 + length))
    })
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"_-".contains(&byte)
}

/// The address of an end of a connection: without the zone before it and the port behind it.
fn end_of(line: &[u8], message: &Range<usize>, marks: &[&[u8]]) -> Option<Range<usize>> {
    let text = line.get(message.clone())?;
    let start = marks.iter().find_map(|mark| Some(memchr::memmem::find(text, mark)? + mark.len()))?;
    let word = text.get(start..)?.split(|byte| b" (,".contains(byte)).next()?;
    let host = memchr::memchr(b'/', word).map_or(word.len(), |slash| slash);
    // `outside:192.0.2.9`, and `outside:2001:db8::5`: a zone is no number.
    let zone = word.get(..host)?.iter().rposition(|byte| !byte.is_ascii_hexdigit() && !b".:".contains(byte));
    let zone_end =
        zone.and_then(|zone| memchr::memchr(b':', word.get(zone..host)?).map(|colon| zone + colon + 1));
    let from = message.start + start;
    Some(from + zone_end.unwrap_or(0)..from + host)
}

/// The last time before the message: the device's own, which may have a year where syslog's has none.
fn time(line: &[u8], now: Time) -> Stated {
    let prefix = mnemonic(line).and_then(|(start, _)| line.get(..start)).unwrap_or(line);
    let months = memchr::memchr_iter(b' ', prefix).map(|blank| blank + 1);
    let mut own = months.filter_map(|at| prefix.get(at..)).map(|text| timestamp::of_name(text, now));
    let own = own.rfind(|stated| *stated != Stated::Nothing).unwrap_or(Stated::Nothing);
    own.or_else(|| timestamp::of_line(prefix, now))
}
