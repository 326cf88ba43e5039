//! Palo Alto's firewalls over syslog: cells between commas without a header, whose number grows with every
//! version. TRAFFIC and THREAT have addresses in the same cells.

use super::Kind;
use super::positional::{LineFormat, VisitField};
use super::timestamp::{self, Stated};
use crate::quoted::QuotedRecords;
use rapsheet_snapshot::Time;
use std::ops::Range;

/// The row of this kind.
pub(super) static KIND: Kind = Kind {
    name: "paloalto",
    aliases: &["panos"],
    description: "Palo Alto's firewalls, over syslog",
    detect: |head| LINE_FORMAT.detect(head),
    new_log: |_| LINE_FORMAT.log(),
    reshape: None,
};

/// The cells, by Palo Alto's names; the first has what syslog puts before it.
const CELLS: [&str; 32] = [
    "prefix",
    "receive_time",
    "serial",
    "type",
    "subtype",
    "config_version",
    "time_generated",
    "src",
    "dst",
    "natsrc",
    "natdst",
    "rule",
    "srcuser",
    "dstuser",
    "app",
    "vsys",
    "from",
    "to",
    "inbound_if",
    "outbound_if",
    "logset",
    "time_logged",
    "sessionid",
    "repeatcnt",
    "sport",
    "dport",
    "natsport",
    "natdport",
    "flags",
    "proto",
    "action",
    "misc",
];
/// The types whose cells are these.
const WITH_ADDRESSES: [&[u8]; 2] = [b"TRAFFIC", b"THREAT"];
/// The types whose cells differ from the eighth on.
const OTHERS: [&[u8]; 9] = [
    b"SYSTEM",
    b"CONFIG",
    b"HIPMATCH",
    b"HIP-MATCH",
    b"USERID",
    b"GLOBALPROTECT",
    b"DECRYPTION",
    b"AUTHENTICATION",
    b"CORRELATION",
];
/// How many cells every type has in common.
const COMMON: usize = 7;

static LINE_FORMAT: LineFormat = LineFormat { fields: &CELLS, read, time, ..LineFormat::DEFAULT };

/// `Nov 27 10:00:00 fw1 1,2026/11/27 10:00:00,0011,TRAFFIC,end,2049,2026/11/27
/// 10:00:00,192.0.2.9,10.0.0.1,…`.
fn read(line: &[u8], visit: &mut VisitField<'_>) -> Option<()> {
    let cells = cells(line);
    let kind = line.get(cells.get(3)?.clone())?;
    let received = line.get(cells.get(1)?.clone())?;
    let is_time = received.len() == 19 && received.get(4) == Some(&b'/') && received.get(7) == Some(&b'/');
    let has_addresses = WITH_ADDRESSES.contains(&kind);
    if !is_time || !(has_addresses || OTHERS.contains(&kind)) {
        return None;
    }
    let known = if has_addresses { CELLS.len() } else { COMMON };
    CELLS.iter().zip(cells).take(known).for_each(|(name, cell)| visit(name, cell));
    Some(())
}

fn cells(line: &[u8]) -> Vec<Range<usize>> {
    let (mut cells, mut start) = (Vec::new(), 0);
    while cells.len() < CELLS.len() {
        let rest = line.get(start..).unwrap_or(&[]);
        let quoted = QuotedRecords { delimiter: b',' }.quoted_len(rest);
        let comma = rest.get(quoted..).and_then(|rest| memchr::memchr(b',', rest));
        let end = comma.map_or(line.len(), |comma| start + quoted + comma);
        cells.push(start..end);
        if comma.is_none() {
            break;
        }
        start = end + 1;
    }
    cells
}

/// When the firewall made the record, or received what it tells.
fn time(line: &[u8], now: Time) -> Stated {
    let mut times = [Stated::Nothing; 2];
    let read = read(line, &mut |name, cell| {
        let text = line.get(cell).unwrap_or(&[]);
        match name {
            "time_generated" => times[0] = timestamp::of_field(text, now),
            "receive_time" => times[1] = timestamp::of_field(text, now),
            _ => {}
        }
    });
    let [generated, received] = times;
    if read.is_none() { timestamp::of_line(line, now) } else { generated.or_else(|| received) }
}
