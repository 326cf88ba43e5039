//! Access logs of AWS Application Load Balancers: cells between blanks, quoted where they may contain blanks.
//!
//! Clients and targets are an address and a port, IPv6 addresses without brackets. AWS adds
//! cells at the end from time to time and asks readers to ignore unknown ones; an annotation is appended
//! behind all of them.

use super::positional::{Cursor, LineFormat, VisitField, request, without_port};
use super::timestamp::Stated;
use super::{Annotation, Fields, Kind, Log, RecordFormat, text};
use rapsheet_snapshot::Time;
use std::borrow::Cow;

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

static LINE_FORMAT: LineFormat =
    LineFormat { fields: &CELLS, read, with_ports: &WITH_PORTS, ..LineFormat::DEFAULT };

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

struct Alb;

impl RecordFormat for Alb {
    fn fields(&self) -> Fields<'_> {
        Fields::Named(CELLS.iter().chain(&INNER).map(|name| Cow::Borrowed(*name)).collect())
    }

    fn mask(&self, block: &[u8], fields: &[String], out: &mut Vec<u8>) -> bool {
        (&LINE_FORMAT).mask(block, fields, out)
    }

    fn field(&self, record: &[u8], name: &str) -> Option<Vec<u8>> {
        (&LINE_FORMAT).field(record, name)
    }

    fn time_fields(&self) -> &'static [&'static str] {
        (&LINE_FORMAT).time_fields()
    }

    fn time_of_line(&self, record: &[u8], now: Time) -> Stated {
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
