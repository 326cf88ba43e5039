//! `crowdsec`: decisions of CrowdSec as tables: what `cscli decisions list -o raw` prints and what
//! `cscli decisions import` reads.
//!
//! `1,crowdsec,Ip:192.0.2.7,crowdsecurity/ssh-bf,ban,NL,64496 X,6,3h59m58s,false,1` has the scope before the
//! value, in column `ip`; an import has columns `scope` and `value`. The first row names the columns. Scopes
//! other than `ip` and `range` (countries, networks by number, users) are no indicators.
//!
//! A decision that is simulated, deleted or over is not in force. An expiry is how long a decision still held
//! when the table was printed, and the table does not say when that was, so it ends nothing but decisions that
//! were over then.

use super::csv::split;
use super::{Format, Head, LineReader, OpenError, Shape, header};
use crate::download::lines;
use crate::entry::{Details, Normalizer, Skip};
use crate::format::options::Options;
use crate::format::token;
use rapsheet_snapshot::{Assessment, Assessments, Kinds, ParseError};
use std::borrow::Cow;

/// The row of the table.
pub(super) static FORMAT: Format = Format {
    id: "crowdsec",
    about: "CrowdSec decisions as CSV: cscli decisions list -o raw, and the CSV that import reads",
    example: "1,crowdsec,Ip:192.0.2.7,crowdsecurity/ssh-bf,ban,NL,64496 X,6,3h59m58s,false,1",
    kinds: Kinds::ADDRESS,
    shape: Shape::Lines(open),
    ..Format::DEFAULT
};

/// The meaning of a column, and its names.
const COLUMNS: [(Column, &[&str]); 7] = [
    (Column::Scope, &["scope"]),
    (Column::Value, &["value", "ip"]),
    (Column::Reason, &["reason", "scenario"]),
    (Column::Action, &["action", "type"]),
    (Column::Expiry, &["expiration", "duration"]),
    (Column::Simulated, &["simulated"]),
    (Column::Created, &["created_at"]),
];

#[derive(Clone, Copy)]
enum Column {
    Scope,
    Value,
    Reason,
    Action,
    Expiry,
    Simulated,
    Created,
}

/// The columns of a list without a header, as `cscli decisions list -o raw` prints them.
const RAW: [Option<usize>; 7] = [None, Some(2), Some(3), Some(4), Some(8), Some(9), None];

struct Decisions {
    /// Where each column is, in the order of [`COLUMNS`].
    at: [Option<usize>; 7],
}

fn open(_: &Options, head: Head<'_>) -> Result<Box<dyn LineReader>, OpenError> {
    let first = lines::trimmed(head.bytes).find(|line| !line.is_empty() && !line.starts_with(b"#"));
    let names = first.filter(|line| is_header(line)).and_then(|line| split::fields(line, b',').ok());
    let of = |wanted: &[&str]| {
        let names = names.as_ref()?;
        wanted.iter().find_map(|name| names.iter().position(|field| is(field, name)))
    };
    Ok(Box::new(Decisions { at: names.as_ref().map_or(RAW, |_| COLUMNS.map(|(_, wanted)| of(wanted))) }))
}

fn is(field: &[u8], name: &str) -> bool {
    field.eq_ignore_ascii_case(name.as_bytes())
}

/// Whether a line names the columns of decisions.
pub(super) fn is_header(line: &[u8]) -> bool {
    let fields = split::fields(line, b',').unwrap_or_default();
    let has = |name: &str| fields.iter().any(|field| is(field, name));
    has("scope") && has("value") || has("ip") && has("source") && has("reason") && has("action")
}

/// Whether a line is a decision as `cscli decisions list -o raw` prints it.
pub(super) fn is_row(line: &[u8]) -> bool {
    let fields = split::fields(line, b',').unwrap_or_default();
    let scoped = |field: &Cow<'_, [u8]>| split_scope(field).is_some();
    fields.len() > 8
        && fields.get(2).is_some_and(scoped)
        && fields.first().is_some_and(|id| token::is_digits(id))
}

/// The kinds of things that decisions are about.
const SCOPES: [&str; 6] = ["ip", "range", "country", "as", "username", "session"];

/// Whether a field of a row is a scope, or begins with one.
pub(super) fn has_scope(line: &[u8]) -> bool {
    let fields = split::fields(line, b',').unwrap_or_default();
    let is_scope = |field: &[u8]| SCOPES.iter().any(|known| is(field, known));
    fields.iter().any(|field| is_scope(field) || split_scope(field).is_some())
}

/// The scope and the value of `Ip:192.0.2.7`.
fn split_scope(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (scope, value) = token::split_once(text, b':')?;
    SCOPES.iter().any(|known| is(scope, known)).then_some((scope, value))
}

impl LineReader for Decisions {
    fn line(&self, line: &[u8], normalizer: &mut Normalizer<'_>) {
        match line {
            [b'#', comment @ ..] => header::comment(comment.trim_ascii(), normalizer),
            _ if is_header(line) => normalizer.skip(Skip::Header),
            _ => match split::fields(line, b',') {
                Ok(fields) => self.row(&fields, normalizer),
                Err(error) => normalizer.reject(error),
            },
        }
    }
}

impl Decisions {
    fn row(&self, fields: &[Cow<'_, [u8]>], normalizer: &mut Normalizer<'_>) {
        let field = |column: Column| {
            let at = self.at.get(column as usize).copied().flatten();
            at.and_then(|at| fields.get(at)).map_or(&[][..], |field| field.trim_ascii())
        };
        let value = field(Column::Value);
        let (scope, value) = split_scope(value).unwrap_or((field(Column::Scope), value));
        let is_over = field(Column::Expiry).starts_with(b"-");
        match judge(field(Column::Action)) {
            _ if value.is_empty() => normalizer.reject(ParseError::BadColumns),
            _ if is(field(Column::Simulated), "true") || is_over => normalizer.skip(Skip::Inactive),
            _ if !(scope.is_empty() || is(scope, "ip") || is(scope, "range")) => {
                normalizer.skip(Skip::UnsupportedKind);
            }
            None => normalizer.skip(Skip::Policy),
            Some(default) => {
                let assessments = assess(field(Column::Reason), default);
                let first_seen = crate::entry::timestamp::parse(field(Column::Created));
                normalizer.address(value, &Details { assessments, first_seen, ..Details::NONE });
            }
        }
    }
}

/// What a kind of decision says of an address by itself; `None` where it says nothing bad.
fn judge(action: &[u8]) -> Option<Assessments> {
    let action = action.to_ascii_lowercase();
    match token::before(&action, b':') {
        b"allow" | b"bypass" | b"whitelist" | b"allowlist" => None,
        b"captcha" | b"throttle" => Some(Assessments::EMPTY.with(Assessment::Suspicious)),
        _ => Some(Assessments::EMPTY),
    }
}

/// Parts of scenario names, such as `crowdsecurity/ssh-slow-bf`, and what they mean.
const SCENARIOS: &[(&[u8], Assessment)] = &[
    (b"-bf", Assessment::Bruteforce),
    (b"bruteforce", Assessment::Bruteforce),
    (b"scan", Assessment::Scanner),
    (b"probing", Assessment::Scanner),
    (b"crawl", Assessment::Scanner),
    (b"spam", Assessment::Spam),
];

fn assess(reason: &[u8], default: Assessments) -> Assessments {
    let known = SCENARIOS.iter().find(|(part, _)| memchr::memmem::find(reason, part).is_some());
    match known {
        Some((_, assessment)) => Assessments::EMPTY.with(*assessment),
        None => default,
    }
}
