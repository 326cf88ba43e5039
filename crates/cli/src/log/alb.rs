//! Access logs of AWS Application Load Balancers: cells between blanks, quoted where they may contain blanks.
//!
//! Clients and targets are an address and a port. IPv6 addresses have no brackets there, and with its port
//! one reads as another address (`2001:db8::5:80`), so the colon before the port is always blanked. AWS adds
//! cells at the end from time to time and asks readers to ignore unknown ones; an annotation is appended
//! behind all of them.

use super::positional::{Cursor, LineFormat, VisitField, request};
use super::{Annotation, Fields, Kind, Log, RecordFormat, first_line, line_len, text};
use rapsheet_snapshot::Time;
use std::borrow::Cow;
use std::ops::Range;

/// The row of this kind.
pub(super) static KIND: Kind = Kind {
    name: "alb",
    aliases: &[],
    description: "Access logs of AWS Application Load Balancers",
    detect: |head| LINE_FORMAT.detect(head),
    new_log: |_| Log::new(Alb),
    reshape: None,
};

/// The cells, by AWS's names.
const CELLS: [&str; 30] = [
    "type",
    "time",
    "elb",
    "client:port",
    "target:port",
    "request_processing_time",
    "target_processing_time",
    "response_processing_time",
    "elb_status_code",
    "target_status_code",
    "received_bytes",
    "sent_bytes",
    "request",
    "user_agent",
    "ssl_cipher",
    "ssl_protocol",
    "target_group_arn",
    "trace_id",
    "domain_name",
    "chosen_cert_arn",
    "matched_rule_priority",
    "request_creation_time",
    "actions_executed",
    "redirect_url",
    "error_reason",
    "target:port_list",
    "target_status_code_list",
    "classification",
    "classification_reason",
    "conn_trace_id",
];
/// The cells of addresses with ports.
const WITH_PORTS: [&str; 3] = ["client:port", "target:port", "target:port_list"];
/// Parts of cells: of the request, and the addresses of client and target without their ports.
const INNER: [&str; 5] = ["method", "url", "protocol", "client", "target"];

static LINE_FORMAT: LineFormat = LineFormat { fields: &CELLS, read };

fn read(line: &[u8], visit: &mut VisitField<'_>) -> Option<()> {
    let mut cursor = Cursor::new(line, 0);
    let kind = line.get(cursor.word()?)?;
    if ![b"http".as_slice(), b"https", b"h2", b"grpcs", b"ws", b"wss"].contains(&kind) {
        return None;
    }
    let mut cursor = Cursor::new(line, 0);
    for (at, name) in CELLS.iter().enumerate() {
        let Some(cell) = cursor.word_or_quoted() else { return (at > 12).then_some(()) };
        match *name {
            "request" => request(line, &cell, visit),
            "client:port" => visit("client", without_port(line, &cell)),
            "target:port" => visit("target", without_port(line, &cell)),
            "time" if !line.get(cell.clone())?.ends_with(b"Z") => return None,
            _ => {}
        }
        visit(name, cell);
    }
    Some(())
}

/// The range of a cell up to its last colon.
fn without_port(line: &[u8], cell: &Range<usize>) -> Range<usize> {
    let colon = line.get(cell.clone()).and_then(|text| memchr::memrchr(b':', text));
    cell.start..colon.map_or(cell.end, |colon| cell.start + colon)
}

struct Alb;

impl RecordFormat for Alb {
    fn fields(&self) -> Fields<'_> {
        Fields::Named(CELLS.iter().chain(&INNER).map(|name| Cow::Borrowed(*name)).collect())
    }

    fn mask(&self, block: &[u8], fields: &[String], out: &mut Vec<u8>) -> bool {
        let colons = colons_before_ports(block);
        if !(&LINE_FORMAT).mask(block, fields, out) {
            if colons.is_empty() {
                return false;
            }
            out.extend_from_slice(block);
        }
        for at in colons {
            if let Some(byte) = out.get_mut(at) {
                *byte = b' ';
            }
        }
        true
    }

    fn field(&self, record: &[u8], name: &str) -> Option<Vec<u8>> {
        (&LINE_FORMAT).field(record, name)
    }

    fn time_fields(&self) -> &'static [&'static str] {
        (&LINE_FORMAT).time_fields()
    }

    fn time_of_line(&self, record: &[u8], now: Time) -> Option<Time> {
        (&LINE_FORMAT).time_of_line(record, now)
    }

    fn annotate(&self, record: &[u8], annotation: &Annotation<'_>, out: &mut Vec<u8>) {
        out.extend_from_slice(record);
        if record.is_empty() {
            return;
        }
        for cell in annotation.cells(&text::WORDS) {
            out.push(b' ');
            out.extend_from_slice(cell.as_bytes());
        }
    }
}

/// The offsets of the colons between IPv6 addresses without brackets and their ports.
fn colons_before_ports(block: &[u8]) -> Vec<usize> {
    let (mut colons, mut start) = (Vec::new(), 0);
    while start < block.len() {
        let rest = block.get(start..).unwrap_or(&[]);
        let line = first_line(rest);
        let _ = read(line, &mut |name, cell| {
            if !WITH_PORTS.contains(&name) {
                return;
            }
            let mut cursor = Cursor::new(line.get(..cell.end).unwrap_or(line), cell.start);
            while let Some(word) = cursor.word() {
                let text = line.get(word.clone()).unwrap_or(&[]);
                let is_v6 = text.first() != Some(&b'[') && memchr::memchr_iter(b':', text).count() > 1;
                if is_v6 {
                    colons.push(start + without_port(line, &word).end);
                }
            }
        });
        start += line_len(rest);
    }
    colons
}
