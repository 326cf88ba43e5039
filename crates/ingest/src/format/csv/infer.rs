//! What a table without a header and without a profile is likely to mean.
//!
//! The first rows are looked at, column by column: which holds indicators, which times, which a word for the kind of
//! indicator. The first column is the key of most tables; else a URL says more than a name, and a name more than
//! an address.

use super::{Column, Table, split};
use crate::format::role::Role;
use crate::guard::{self, Names, TokenType};
use crate::lines;
use crate::timestamp;
use crate::words;
use rapsheet_snapshot::refang::refang;
use rapsheet_snapshot::{AddressRange, address, host};

/// How many rows are looked at.
const ROWS: usize = 64;

/// How many columns of them.
const COLUMNS: usize = 64;

/// The first rows of a table that are no comments.
pub(super) fn rows(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    lines::trimmed(head)
        .filter(|line| !line.is_empty() && !line.starts_with(b"#") && !line.starts_with(b";"))
        .take(ROWS)
}

/// What separates the columns: what nearly every row holds, and does not separate indicators in one field.
pub(super) fn delimiter(head: &[u8], multi: Option<u8>) -> u8 {
    let with = |mark: u8| rows(head).filter(|row| row.contains(&mark)).count();
    let all = rows(head).count();
    let candidates = [b'\t', b',', b';', b'|'];
    candidates
        .into_iter()
        .find(|mark| Some(*mark) != multi && all > 0 && with(*mark) * 10 >= all * 9)
        .unwrap_or(b',')
}

/// What a field looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    Empty,
    Url,
    Address,
    Name,
    /// A hash or an e-mail address: an indicator of a kind that is not indexed.
    Unsupported,
    Time,
    Number,
    Kind,
    Category,
    Other,
}

fn look(field: &[u8], names: &mut Names) -> Look {
    let text = refang(field.trim_ascii());
    if text.is_empty() {
        return Look::Empty;
    }
    if let Some(indicator) = indicator(&text, names) {
        return indicator;
    }
    if guard::type_of(&text) == TokenType::Unsupported {
        return Look::Unsupported;
    }
    if text.iter().all(u8::is_ascii_digit) && text.len() < 10 {
        return Look::Number;
    }
    if timestamp::parse(&text).is_some() {
        return Look::Time;
    }
    let word = std::str::from_utf8(&text).unwrap_or_default();
    match word {
        _ if KINDS.iter().any(|kind| kind.eq_ignore_ascii_case(word)) => Look::Kind,
        _ if super::role::is_unsupported(&text) => Look::Kind,
        _ if !words::all(word, &[',', ';', ' ', '|']).is_empty() => Look::Category,
        _ => Look::Other,
    }
}

const KINDS: &[&str] = &[
    "domain",
    "url",
    "ip",
    "ip:port",
    "ipv4",
    "ipv6",
    "hostname",
    "ip-dst",
    "ip-src",
    "address",
    "host",
    "ipv4-addr",
];

/// Whether a field is an indicator.
pub(super) fn is_indicator(field: &[u8]) -> bool {
    indicator(&refang(field.trim_ascii()), &mut Names::default()).is_some()
}

fn indicator(text: &[u8], names: &mut Names) -> Option<Look> {
    let plain = text.iter().all(|byte| byte.is_ascii_graphic() || *byte >= 0x80);
    match guard::type_of(text) {
        _ if !plain => None,
        TokenType::Address => AddressRange::parse(text).is_ok().then_some(Look::Address),
        TokenType::Url => memchr::memmem::find(text, b"://").map(|_| Look::Url),
        TokenType::Host => {
            let (name, _) = address::split_port(text).ok()?;
            let mut canonical = Vec::new();
            let is_name = matches!(host::canonical(name, &mut canonical), Ok(host::Host::Name));
            (is_name && names.judge(&canonical).is_ok()).then_some(Look::Name)
        }
        TokenType::Path | TokenType::Unsupported => None,
    }
}

fn is_value(look: Look) -> bool {
    matches!(look, Look::Url | Look::Address | Look::Name)
}

/// Binds a table's columns by what its first rows hold.
pub(super) fn columns(table: &mut Table, head: &[u8]) {
    let mut names = Names::default();
    let mut seen: Vec<Vec<Look>> = Vec::new();
    for row in rows(head) {
        let fields = split::fields(row, table.delimiter).unwrap_or_default();
        for (at, field) in fields.iter().enumerate().take(COLUMNS) {
            seen.extend((seen.len() <= at).then(Vec::new));
            if let Some(column) = seen.get_mut(at) {
                column.push(look(field, &mut names));
            }
        }
    }
    let looks: Vec<Look> = seen.iter().map(|column| most(column)).collect();
    bind(table, &looks);
}

/// Of several columns that may hold the indicator by their names, those come first that do hold some.
pub(super) fn order(table: &mut Table, head: &[u8]) {
    let mut names = Names::default();
    let rows: Vec<_> =
        rows(head).skip(1).filter_map(|row| split::fields(row, table.delimiter).ok()).collect();
    let mut holds = |column: &Column| {
        let fields = rows.iter().map(|fields| column.of(fields)).filter(|field| !field.is_empty());
        let (mut filled, mut good) = (0_usize, 0_usize);
        for field in fields {
            filled += 1;
            good += usize::from(indicator(&refang(field), &mut names).is_some());
        }
        filled == 0 || good * 2 > filled
    };
    if table.values.len() > 1 {
        table.values.sort_by_key(|column| !holds(column));
    }
}

/// The names of a first row that is a header although none of its names is known: it holds nothing that a row would.
pub(super) fn unknown_header(table: &Table, head: &[u8]) -> Option<Vec<String>> {
    let mut names = Names::default();
    let mut rows = rows(head).filter_map(|row| split::fields(row, table.delimiter).ok());
    let first = rows.next().filter(|fields| fields.len() > 1)?;
    let is_word = |look: Look| matches!(look, Look::Other | Look::Empty | Look::Category | Look::Kind);
    let has_data = |fields: &[std::borrow::Cow<'_, [u8]>], names: &mut Names| {
        table.values.iter().any(|column| indicator(&refang(column.of(fields)), names).is_some())
    };
    let all_words = first.iter().all(|field| is_word(look(field, &mut names)));
    let named = all_words && !has_data(&first, &mut names) && rows.any(|row| has_data(&row, &mut names));
    named.then(|| first.iter().map(|field| String::from_utf8_lossy(field).to_ascii_lowercase()).collect())
}

/// What most of the filled fields of a column look like. A column of indicators may mix their kinds.
fn most(column: &[Look]) -> Look {
    let filled: Vec<Look> = column.iter().copied().filter(|look| *look != Look::Empty).collect();
    let count = |such: &dyn Fn(Look) -> bool| filled.iter().filter(|look| such(**look)).count();
    let common = filled.iter().copied().max_by_key(|look| count(&|other| other == *look));
    let indicators = count(&|look| is_value(look) || look == Look::Unsupported);
    match common {
        None => Look::Empty,
        Some(look) if count(&|other| other == look) * 2 > filled.len() => look,
        Some(_) if indicators * 2 > filled.len() => {
            filled.iter().copied().find(|look| is_value(*look)).unwrap_or(Look::Unsupported)
        }
        Some(_) => Look::Other,
    }
}

fn bind(table: &mut Table, looks: &[Look]) {
    let at = |wanted: Look| looks.iter().position(|look| *look == wanted);
    let filled = looks.iter().filter(|look| **look != Look::Empty).count();
    if filled > 1 && looks.iter().all(|look| matches!(look, Look::Address | Look::Empty)) {
        return table.set(Role::Value, (0..looks.len()).map(Column::Left).collect());
    }
    let is_value = |look: &Look| is_value(*look);
    let behind_kind = at(Look::Kind).and_then(|kind| {
        let behind = looks.iter().skip(kind).position(is_value).map(|offset| kind + offset);
        behind.or_else(|| looks.iter().take(kind).rposition(is_value))
    });
    let first = looks.first().filter(|look| is_value(look)).map(|_| 0);
    let best = || [Look::Url, Look::Address, Look::Name].into_iter().find_map(at);
    let value = behind_kind.or(first).or_else(best).unwrap_or(0);
    table.set(Role::Value, vec![Column::Left(value)]);
    let one = |at: Option<usize>| at.map(Column::Left).into_iter().collect::<Vec<Column>>();
    let is_port = looks.get(value) == Some(&Look::Address) && looks.get(value + 1) == Some(&Look::Number);
    let mut times = looks.iter().enumerate().filter(|(_, look)| **look == Look::Time).map(|(at, _)| at);
    table.set(Role::Kind, one(at(Look::Kind)));
    table.set(Role::Port, one(is_port.then_some(value + 1)));
    table.set(Role::FirstSeen, one(times.next()));
    table.set(Role::LastSeen, one(times.next()));
    table.set(Role::Category, one(at(Look::Category)));
}
