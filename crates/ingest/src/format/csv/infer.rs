//! Infers the columns of a table without a header and without a profile from its first rows.
//!
//! Each field of a sample of rows is classified (URL, address, name, time, number, category, …), and a column
//! has the class of most of its fields. Two columns of addresses may be the ends of ranges, and a mask or
//! length may follow an address. The value is the column that agrees with one that names kinds of indicators;
//! else the first column, which is the key of most tables; else a column of URLs, addresses or names, in this
//! order. Links to pages about indicators are no values.

use super::{Column, Table, split};
use crate::download::lines;
use crate::entry::guard::NameGuard;
use crate::entry::taxonomy;
use crate::entry::timestamp;
use crate::entry::token_type::{TokenType, type_of};
use crate::format::extent;
use crate::format::role::{self, Role};
use crate::format::token;
use rapsheet_snapshot::refang::refang;
use rapsheet_snapshot::{Address, AddressRange, address, host};
use std::borrow::Cow;

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
    /// A netmask.
    Mask,
    Name,
    /// A link to a page about an indicator.
    Reference,
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
    match &text[..] {
        [] => return FieldType::Empty,
        text if extent::is_netmask(text) => return FieldType::Mask,
        text if is_reference(text) => return FieldType::Reference,
        _ => {}
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
        _ if role::is_unsupported(&text) => FieldType::Kind,
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
    let rows: Vec<Vec<Cow<'_, [u8]>>> =
        rows(head).filter_map(|row| split::fields(row, table.delimiter).ok()).collect();
    for (number, fields) in rows.iter().enumerate() {
        for (at, field) in fields.iter().enumerate().take(COLUMNS) {
            columns.extend((columns.len() <= at).then(|| vec![FieldType::Empty; number]));
            if let Some(column) = columns.get_mut(at) {
                column.push(classify(field, &mut names));
            }
        }
        for column in columns.iter_mut().skip(fields.len()) {
            column.push(FieldType::Empty);
        }
    }
    let types: Vec<FieldType> = columns.iter().map(|column| majority(column)).collect();
    bind(table, &Sample { rows, columns, types });
}

/// The first rows of a table without a header.
struct Sample<'h> {
    rows: Vec<Vec<Cow<'h, [u8]>>>,
    /// The class of each field, by column.
    columns: Vec<Vec<FieldType>>,
    /// The class of each column.
    types: Vec<FieldType>,
}

impl Sample<'_> {
    fn at(&self, wanted: FieldType) -> Option<usize> {
        self.types.iter().position(|class| *class == wanted)
    }

    fn is_value(&self, at: usize) -> bool {
        self.types.get(at).is_some_and(|class| is_value(*class))
    }

    /// The fields of two neighbouring columns, row by row.
    fn pairs(&self, at: usize) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.rows.iter().map(move |row| (Column::Left(at).of(row), Column::Left(at + 1).of(row)))
    }

    /// Whether a column and the next one are the ends of ranges: never the last address before the first, and
    /// mostly whole networks of 256 addresses or more. Two addresses that have nothing to do with each other
    /// are not.
    fn are_ends(&self, at: usize) -> bool {
        let both = self.types.get(at..at + 2) == Some(&[FieldType::Address; 2]);
        let ranges: Vec<_> = self.pairs(at).map(|(first, last)| extent::ends(first, last)).collect();
        let whole = |range: &AddressRange| match (range.first(), range.last()) {
            (Address::V4(first), Address::V4(last)) => first & 255 == 0 && last & 255 == 255,
            (Address::V6(first), Address::V6(last)) => first & 0xffff == 0 && last & 0xffff == 0xffff,
            _ => false,
        };
        let count = ranges.iter().flatten().filter(|range| whole(range)).count();
        both && ranges.iter().all(Result::is_ok) && count * 2 > ranges.len()
    }

    /// The value column that agrees with a column of kinds in most rows; of equals, the first one after it.
    fn of_kind(&self, kind: usize) -> Option<usize> {
        let agrees = |at: usize, row: usize| {
            let class = self.columns.get(at).and_then(|column| column.get(row));
            let word = self.rows.get(row).map_or(&[][..], |fields| Column::Left(kind).of(fields));
            class.is_some_and(|class| class_of_kind(word) == Some(*class))
        };
        let score = |at: &usize| {
            let count = (0..self.rows.len()).filter(|row| agrees(*at, *row)).count();
            (count, *at > kind, std::cmp::Reverse(at.abs_diff(kind)))
        };
        let is_candidate =
            |at: &usize| self.is_value(*at) || self.types.get(*at) == Some(&FieldType::Unsupported);
        (0..self.types.len()).filter(is_candidate).max_by_key(score)
    }
}

/// The class of the fields that a word for a kind announces.
fn class_of_kind(word: &[u8]) -> Option<FieldType> {
    let word = word.to_ascii_lowercase();
    let has = |part: &str| memchr::memmem::find(&word, part.as_bytes()).is_some();
    match () {
        () if role::is_unsupported(&word) => Some(FieldType::Unsupported),
        () if has("url") => Some(FieldType::Url),
        () if has("domain") || has("host") => Some(FieldType::Name),
        () if has("ip") || has("addr") || has("cidr") || has("range") => Some(FieldType::Address),
        () => None,
    }
}

/// The fields of the first rows below a header.
pub(super) fn rows_below<'h>(head: &'h [u8], delimiter: u8, header: &[String]) -> Vec<Vec<Cow<'h, [u8]>>> {
    let all = rows(head).filter_map(|row| split::fields(row, delimiter).ok());
    let is_header = |fields: &Vec<Cow<'_, [u8]>>| {
        let first = fields.first().map_or(&[][..], |field| field.trim_ascii());
        header.first().is_some_and(|name| name.as_bytes().eq_ignore_ascii_case(first))
    };
    all.filter(|fields| !is_header(fields)).collect()
}

/// Whether half of a column's fields are indicators, or it has none.
pub(super) fn are_indicators<'f>(fields: impl Iterator<Item = &'f [u8]>) -> bool {
    let mut names = NameGuard::default();
    let (mut filled, mut indicators) = (0_usize, 0_usize);
    for field in fields {
        filled += 1;
        indicators += usize::from(classify_indicator(&refang(field), &mut names).is_some());
    }
    filled == 0 || indicators * 2 > filled
}

/// Whether most of a column's fields are links to pages about indicators.
pub(super) fn are_references<'f>(fields: impl Iterator<Item = &'f [u8]>) -> bool {
    let (mut filled, mut links) = (0_usize, 0_usize);
    for field in fields {
        filled += 1;
        links += usize::from(is_reference(field));
    }
    links * 2 > filled
}

/// Sites whose pages are about indicators.
const REFERENCES: &[&[u8]] = &[
    b"abuse.ch",
    b"abuseipdb.com",
    b"any.run",
    b"greynoise.io",
    b"hybrid-analysis.com",
    b"joesandbox.com",
    b"malpedia.caad.fkie.fraunhofer.de",
    b"otx.alienvault.com",
    b"phishtank.com",
    b"phishtank.org",
    b"shodan.io",
    b"tria.ge",
    b"twitter.com",
    b"urlscan.io",
    b"virustotal.com",
    b"x.com",
];

/// Whether a field is a link to a page about an indicator.
fn is_reference(field: &[u8]) -> bool {
    let Some(at) = memchr::memmem::find(field, b"://") else { return false };
    let host = token::before(field.get(at + 3..).unwrap_or(&[]), b'/');
    REFERENCES
        .iter()
        .any(|site| host.strip_suffix(*site).is_some_and(|below| below.is_empty() || below.ends_with(b".")))
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
    let has_data = |fields: &[Cow<'_, [u8]>], names: &mut NameGuard| {
        let ends = [Role::Start, Role::End].into_iter().filter_map(|role| table.column(role));
        let mut columns = table.values.iter().flatten().copied().chain(ends);
        columns.any(|column| classify_indicator(&refang(column.of(fields)), names).is_some())
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
fn bind(table: &mut Table, sample: &Sample<'_>) {
    let types = &sample.types;
    let one = |at: Option<usize>| at.map(Column::Left).into_iter().collect::<Vec<Column>>();
    let ends = (0..types.len()).find(|at| sample.are_ends(*at));
    let mask = sample.at(FieldType::Mask);
    let filled = types.iter().filter(|class| **class != FieldType::Empty).count();
    // A table of addresses alone: all of its columns are values.
    let is_addresses = filled > 1 && ends.is_none() && mask.is_none();
    if is_addresses && types.iter().all(|class| matches!(class, FieldType::Address | FieldType::Empty)) {
        return table.bind(Role::Value, (0..types.len()).map(Column::Left).collect());
    }
    let kind = sample.at(FieldType::Kind);
    let first = Some(0).filter(|at| sample.is_value(*at));
    let by_class = [FieldType::Url, FieldType::Address, FieldType::Name, FieldType::Unsupported];
    let best = || by_class.into_iter().find_map(|class| sample.at(class));
    let value = kind.and_then(|kind| sample.of_kind(kind)).or(first).or_else(best).unwrap_or(0);
    match ends {
        Some(first) => {
            table.bind(Role::Value, Vec::new());
            table.bind(Role::Start, one(Some(first)));
            table.bind(Role::End, one(Some(first + 1)));
        }
        None => table.bind(Role::Value, vec![Column::Left(value)]),
    }
    // A number right after an address is its port, unless it is its length.
    let is_numbered =
        types.get(value) == Some(&FieldType::Address) && types.get(value + 1) == Some(&FieldType::Number);
    let number = Some(value + 1).filter(|_| is_numbered);
    let length = number.filter(|at| extent::are_lengths(sample.pairs(at - 1)));
    let mut times =
        types.iter().enumerate().filter(|(_, class)| **class == FieldType::Time).map(|(at, _)| at);
    table.bind(Role::Kind, one(kind));
    table.bind(Role::Mask, one(mask.or(length)));
    table.bind(Role::Port, one(number.filter(|_| length.is_none())));
    table.bind(Role::FirstSeen, one(times.next()));
    table.bind(Role::LastSeen, one(times.next()));
    table.bind(Role::Category, one(sample.at(FieldType::Category)));
}
