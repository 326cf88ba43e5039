//! Infers the columns of a table without a header and without a profile from its first rows.
//!
//! Each field of a sample of rows is classified (URL, address, name, time, number, category, …), and a column
//! has the class of most of its fields. The value is the column after one that names kinds of indicators;
//! else the first column, which is the key of most tables; else a column of URLs, addresses or names, in this
//! order.

use super::{Column, Table, split};
use crate::download::lines;
use crate::entry::guard::NameGuard;
use crate::entry::taxonomy;
use crate::entry::timestamp;
use crate::entry::token_type::{TokenType, type_of};
use crate::format::role::Role;
use rapsheet_snapshot::refang::refang;
use rapsheet_snapshot::{AddressRange, address, host};

/// The number of rows in the sample.
const ROWS: usize = 64;

/// The number of columns in the sample.
const COLUMNS: usize = 64;

/// The first rows of a table, without comments.
pub(super) fn rows(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    lines::trimmed(head)
        .filter(|line| !line.is_empty() && !line.starts_with(b"#") && !line.starts_with(b";"))
        .take(ROWS)
}

/// The delimiter: the first of TAB, `,`, `;` and `|` that nine of ten rows hold and that does not separate
/// indicators in one field; `,` where there is none.
pub(super) fn delimiter(head: &[u8], multi: Option<u8>) -> u8 {
    let with = |mark: u8| rows(head).filter(|row| row.contains(&mark)).count();
    let all = rows(head).count();
    let candidates = [b'\t', b',', b';', b'|'];
    candidates
        .into_iter()
        .find(|mark| Some(*mark) != multi && all > 0 && with(*mark) * 10 >= all * 9)
        .unwrap_or(b',')
}

/// The class of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FieldType {
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

fn classify(field: &[u8], names: &mut NameGuard) -> FieldType {
    let text = refang(field.trim_ascii());
    if text.is_empty() {
        return FieldType::Empty;
    }
    if let Some(indicator) = classify_indicator(&text, names) {
        return indicator;
    }
    if type_of(&text) == TokenType::Unsupported {
        return FieldType::Unsupported;
    }
    // Ten digits are a time in seconds.
    if text.iter().all(u8::is_ascii_digit) && text.len() < 10 {
        return FieldType::Number;
    }
    if timestamp::parse(&text).is_some() {
        return FieldType::Time;
    }
    let word = std::str::from_utf8(&text).unwrap_or_default();
    match word {
        _ if KINDS.iter().any(|kind| kind.eq_ignore_ascii_case(word)) => FieldType::Kind,
        _ if super::role::is_unsupported(&text) => FieldType::Kind,
        _ if !taxonomy::of_phrases(word, &[',', ';', ' ', '|']).is_empty() => FieldType::Category,
        _ => FieldType::Other,
    }
}

/// Words for kinds of indicators.
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
    classify_indicator(&refang(field.trim_ascii()), &mut NameGuard::default()).is_some()
}

fn classify_indicator(text: &[u8], names: &mut NameGuard) -> Option<FieldType> {
    let is_one_word = text.iter().all(|byte| byte.is_ascii_graphic() || *byte >= 0x80);
    match type_of(text) {
        _ if !is_one_word => None,
        TokenType::Address => AddressRange::parse(text).is_ok().then_some(FieldType::Address),
        TokenType::Url => memchr::memmem::find(text, b"://").map(|_| FieldType::Url),
        TokenType::Host => {
            let (name, _) = address::split_port(text).ok()?;
            let mut canonical = Vec::new();
            let is_name = matches!(host::canonical(name, &mut canonical), Ok(host::Host::Name));
            (is_name && names.check(&canonical).is_ok()).then_some(FieldType::Name)
        }
        TokenType::Path | TokenType::Unsupported => None,
    }
}

fn is_value(class: FieldType) -> bool {
    matches!(class, FieldType::Url | FieldType::Address | FieldType::Name)
}

/// Binds a table's columns by the content of its first rows.
pub(super) fn bind_columns(table: &mut Table, head: &[u8]) {
    let mut names = NameGuard::default();
    let mut columns: Vec<Vec<FieldType>> = Vec::new();
    for row in rows(head) {
        let fields = split::fields(row, table.delimiter).unwrap_or_default();
        for (at, field) in fields.iter().enumerate().take(COLUMNS) {
            columns.extend((columns.len() <= at).then(Vec::new));
            if let Some(column) = columns.get_mut(at) {
                column.push(classify(field, &mut names));
            }
        }
    }
    let types: Vec<FieldType> = columns.iter().map(|column| majority(column)).collect();
    bind(table, &types);
}

/// Sorts the value columns, which a header names: those whose fields really are indicators come first.
pub(super) fn sort_values(table: &mut Table, head: &[u8]) {
    let mut names = NameGuard::default();
    let rows: Vec<_> =
        rows(head).skip(1).filter_map(|row| split::fields(row, table.delimiter).ok()).collect();
    let mut holds = |column: &Column| {
        let fields = rows.iter().map(|fields| column.of(fields)).filter(|field| !field.is_empty());
        let (mut filled, mut indicators) = (0_usize, 0_usize);
        for field in fields {
            filled += 1;
            indicators += usize::from(classify_indicator(&refang(field), &mut names).is_some());
        }
        filled == 0 || indicators * 2 > filled
    };
    if table.values.len() > 1 {
        table.values.sort_by_key(|column| !holds(column));
    }
}

/// The names in a first row that is a header with unknown names: all its fields are words, and its value
/// columns hold no indicator, whereas those of a later row do.
pub(super) fn unknown_header(table: &Table, head: &[u8]) -> Option<Vec<String>> {
    let mut names = NameGuard::default();
    let mut rows = rows(head).filter_map(|row| split::fields(row, table.delimiter).ok());
    let first = rows.next().filter(|fields| fields.len() > 1)?;
    let is_word = |class: FieldType| {
        matches!(class, FieldType::Other | FieldType::Empty | FieldType::Category | FieldType::Kind)
    };
    let has_data = |fields: &[std::borrow::Cow<'_, [u8]>], names: &mut NameGuard| {
        table.values.iter().any(|column| classify_indicator(&refang(column.of(fields)), names).is_some())
    };
    let all_words = first.iter().all(|field| is_word(classify(field, &mut names)));
    let is_header = all_words && !has_data(&first, &mut names) && rows.any(|row| has_data(&row, &mut names));
    is_header.then(|| first.iter().map(|field| String::from_utf8_lossy(field).to_ascii_lowercase()).collect())
}

/// The class of most fields of a column that are not empty. The kinds of indicators may be mixed in one
/// column; it then has the class of its first indicator.
fn majority(column: &[FieldType]) -> FieldType {
    let filled: Vec<FieldType> = column.iter().copied().filter(|class| *class != FieldType::Empty).collect();
    let count = |matches: &dyn Fn(FieldType) -> bool| filled.iter().filter(|class| matches(**class)).count();
    let most_common = filled.iter().copied().max_by_key(|class| count(&|other| other == *class));
    let indicators = count(&|class| is_value(class) || class == FieldType::Unsupported);
    match most_common {
        None => FieldType::Empty,
        Some(class) if count(&|other| other == class) * 2 > filled.len() => class,
        Some(_) if indicators * 2 > filled.len() => {
            filled.iter().copied().find(|class| is_value(*class)).unwrap_or(FieldType::Unsupported)
        }
        Some(_) => FieldType::Other,
    }
}

/// Binds the columns of a table by their classes.
fn bind(table: &mut Table, types: &[FieldType]) {
    let at = |wanted: FieldType| types.iter().position(|class| *class == wanted);
    let filled = types.iter().filter(|class| **class != FieldType::Empty).count();
    // A table of addresses alone: all of its columns are values.
    if filled > 1 && types.iter().all(|class| matches!(class, FieldType::Address | FieldType::Empty)) {
        return table.bind(Role::Value, (0..types.len()).map(Column::Left).collect());
    }
    let is_value = |class: &FieldType| is_value(*class);
    let by_kind = at(FieldType::Kind).and_then(|kind| {
        let after = types.iter().skip(kind).position(is_value).map(|offset| kind + offset);
        after.or_else(|| types.iter().take(kind).rposition(is_value))
    });
    let first = types.first().filter(|class| is_value(class)).map(|_| 0);
    let best = || [FieldType::Url, FieldType::Address, FieldType::Name].into_iter().find_map(at);
    let value = by_kind.or(first).or_else(best).unwrap_or(0);
    table.bind(Role::Value, vec![Column::Left(value)]);
    let one = |at: Option<usize>| at.map(Column::Left).into_iter().collect::<Vec<Column>>();
    // A number right after an address is its port.
    let is_port =
        types.get(value) == Some(&FieldType::Address) && types.get(value + 1) == Some(&FieldType::Number);
    let mut times =
        types.iter().enumerate().filter(|(_, class)| **class == FieldType::Time).map(|(at, _)| at);
    table.bind(Role::Kind, one(at(FieldType::Kind)));
    table.bind(Role::Port, one(is_port.then_some(value + 1)));
    table.bind(Role::FirstSeen, one(times.next()));
    table.bind(Role::LastSeen, one(times.next()));
    table.bind(Role::Category, one(at(FieldType::Category)));
}
