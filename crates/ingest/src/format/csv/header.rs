//! The header of a table: where it is, and what its names say of the columns.
//!
//! A name may mean several things: `prefix` is an address with its length, or the length alone; `url` is an
//! indicator, or a link to a report about one. The first rows decide.

use super::{Column, PLAIN, Profile, Table, infer};
use crate::download::lines;
use crate::format::extent;
use crate::format::options::Options;
use crate::format::polarity::Polarity;
use crate::format::role::{self, Role};
use std::borrow::Cow;

/// The delimiter that the first line declares (`sep=;`, as spreadsheets write and read it), and the text
/// below it; all of the text where there is none.
pub(super) fn declared_delimiter(head: &[u8]) -> (Option<u8>, &[u8]) {
    let first = lines::split(head).next().unwrap_or(0..0);
    match head.get(first.clone()).and_then(|line| declaration(lines::trim(line))) {
        Some(mark) => (Some(mark), head.get(first.end..).unwrap_or(&[])),
        None => (None, head),
    }
}

/// The delimiter in a line such as `sep=;` or `"sep=,"`.
pub(super) fn declaration(line: &[u8]) -> Option<u8> {
    let line = line.strip_prefix(b"\"").unwrap_or(line);
    match line.get(..4)?.eq_ignore_ascii_case(b"sep=").then(|| line.get(4..))?? {
        [mark] | [mark, b'"'] if !mark.is_ascii_alphanumeric() => Some(*mark),
        // A TAB at the end of a line is trimmed with the blanks.
        [] => Some(b'\t'),
        _ => None,
    }
}

/// The names that a header may have for a role's column, the best first.
fn column_names(role: Role, options: &Options, profile: Option<&Profile>) -> Vec<String> {
    let names = role::names(role, options);
    match profile {
        Some(profile) if options.list(role.option()).is_empty() => {
            let by_profile = profile.names.iter().filter(|(of, _)| *of == role);
            by_profile.map(|(_, name)| role::normal(name)).chain(names).collect()
        }
        _ => names,
    }
}

/// Finds the header: the first comment, or else the first row, in which a column has a name for indicators.
pub(super) fn find(
    head: &[u8],
    delimiter: u8,
    options: &Options,
    profile: Option<&Profile>,
) -> Option<Vec<String>> {
    let [values, starts, ends] =
        [Role::Value, Role::Start, Role::End].map(|role| column_names(role, options, profile));
    for line in lines::trimmed(head) {
        let is_comment = line.starts_with(b"#") || line.starts_with(b";");
        let names = names(line, delimiter);
        let first_is_named = names.first().is_some_and(|name| !name.is_empty());
        let is_header = first_is_named && !names.iter().any(|name| is_data(name));
        let has = |known: &[String]| names.iter().any(|name| known.contains(&role::normal(name)));
        if is_header && (has(&values) || has(&starts) && has(&ends)) && !is_row(&names) {
            return Some(names);
        }
        if !is_comment && !line.is_empty() {
            return None;
        }
    }
    None
}

/// Whether the first row of a file names columns with this delimiter between them.
pub(super) fn names_columns(head: &[u8], delimiter: u8) -> bool {
    let first = lines::trimmed(head).find(|line| !line.is_empty()).unwrap_or(&[]);
    first.contains(&delimiter) && find(first, delimiter, &Options::default(), None).is_some()
}

/// Whether a text is a number, a time or a URL, and so the name of no column. A row may hold the word
/// `domain` and look like a header otherwise.
fn is_data(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_digit()) || name.contains("://")
}

/// Whether one of the texts is an indicator, which is the name of no column either.
fn is_row(names: &[String]) -> bool {
    names.iter().any(|name| infer::is_indicator(name.as_bytes()))
}

/// The names of a header's columns, lower-case. It is one line per file, so the `csv` crate reads it;
/// [`super::split::fields`] is for rows, of which there are millions.
pub(super) fn names(line: &[u8], delimiter: u8) -> Vec<String> {
    let marks = line.iter().take_while(|byte| matches!(byte, b'#' | b';' | b' ')).count();
    let mut reader = ::csv::ReaderBuilder::new()
        .has_headers(false)
        .delimiter(delimiter)
        .trim(::csv::Trim::All)
        .from_reader(line.get(marks..).unwrap_or(&[]));
    let mut record = ::csv::ByteRecord::new();
    if !reader.read_byte_record(&mut record).unwrap_or(false) {
        return Vec::new();
    }
    record.iter().map(|field| String::from_utf8_lossy(field).to_ascii_lowercase()).collect()
}

/// The names of a table's columns and its first rows.
struct Columns<'h> {
    names: Vec<String>,
    rows: Vec<Vec<Cow<'h, [u8]>>>,
}

impl Columns<'_> {
    /// The fields of a column in the first rows that are not empty.
    fn fields(&self, at: usize) -> impl Iterator<Item = &[u8]> {
        let all = self.rows.iter().map(move |row| Column::Left(at).of(row));
        all.filter(|field| !field.is_empty())
    }

    /// The columns with these names, the best name first.
    fn named(&self, names: &[String]) -> Vec<usize> {
        names.iter().filter_map(|name| self.names.iter().position(|column| column == name)).collect()
    }

    fn name(&self, at: usize) -> &str {
        self.names.get(at).map_or("", String::as_str)
    }

    fn has(&self, names: &[&str]) -> bool {
        self.names.iter().any(|name| names.contains(&name.as_str()))
    }

    /// Whether a column holds masks or lengths, and not addresses that have one.
    fn is_mask(&self, at: usize) -> bool {
        let mut fields = self.fields(at).peekable();
        fields.peek().is_some() && fields.all(extent::is_mask)
    }
}

/// Binds a table's columns by the names of its header, and by what its first rows hold under them.
pub(super) fn bind(table: &mut Table, header: &[String], options: &Options, profile: &Profile, head: &[u8]) {
    let names = header.iter().map(|name| role::normal(name)).collect();
    let columns = Columns { names, rows: infer::rows_below(head, table.delimiter, header) };
    for role in Role::ALL {
        let names = column_names(role, options, Some(profile));
        let found: Vec<usize> = columns.named(&names);
        let is_free = options.list(role.option()).is_empty();
        match role {
            Role::Value if is_free => bind_values(table, &columns, found, profile),
            Role::Mask if is_free => {
                let found = mask(&columns, &found, table);
                table.bind(role, found.map(Column::Left).into_iter().collect());
            }
            _ if found.is_empty() => {}
            _ => table.bind(role, found.into_iter().map(Column::Left).collect()),
        }
    }
    bind_ends(table, &columns);
    bind_polarity(table, &columns);
}

/// The column with masks.
fn mask(columns: &Columns<'_>, found: &[usize], table: &Table) -> Option<usize> {
    let value = table.values.first().and_then(|group| match group.first() {
        Some(Column::Left(at)) => Some(columns.name(*at)),
        _ => None,
    });
    let holds = |at: &usize| {
        let name = columns.name(*at);
        columns.fields(*at).all(|field| extent::is_mask_field(name, field, value))
            && (columns.fields(*at).next().is_some() || extent::is_mask_field(name, &[], value))
    };
    found.iter().copied().find(holds)
}

/// Columns that name what an address belongs to. A domain beside them is its operator's.
const OPERATORS: &[&str] = &["isp", "usagetype", "asdomain", "asname", "asorg", "asnorg", "asnname"];

/// Names for an indicator of any kind. A column with one of them counts alone.
const ANY_KIND: &[&str] = &["value", "iocvalue", "indicator", "ioc"];

/// Names of columns by kind of indicator; an address may have one of both families.
const BY_KIND: [&[&str]; 3] = [
    &["url", "urls", "srcurl"],
    &["domain", "domainname", "fqdn"],
    &["ipv6", "ipv6address", "ipv6prefix", "networksourceipv6"],
];

/// Names of hosts, which may be the reverse name of an address: they count where nothing else is filled.
const HOSTS: &[&str] = &["hostname", "host"];

/// Binds the columns with indicators. Those whose fields really are indicators come first; links to reports
/// and masks are none.
fn bind_values(table: &mut Table, columns: &Columns<'_>, mut found: Vec<usize>, profile: &Profile) {
    let is_of_operator = columns.has(OPERATORS) && found.iter().any(|at| columns.name(*at).contains("ip"));
    let is_context = |at: usize| {
        let name = columns.name(at);
        let of_operator = is_of_operator && (HOSTS.contains(&name) || name.starts_with("domain"));
        of_operator || columns.is_mask(at) || infer::are_references(columns.fields(at))
    };
    if found.iter().any(|at| !is_context(*at)) {
        found.retain(|at| !is_context(*at));
    }
    // Prose under the name of an indicator is none.
    if found.iter().any(|at| infer::are_indicators(columns.fields(*at))) {
        found.retain(|at| infer::are_indicators(columns.fields(*at)));
    }
    found.sort_by_key(|at| HOSTS.contains(&columns.name(*at)));
    let is_single =
        profile.name != PLAIN.name || found.iter().any(|at| ANY_KIND.contains(&columns.name(*at)));
    let mut groups: Vec<(Option<usize>, Vec<Column>)> = Vec::new();
    for at in found {
        let name = columns.name(at);
        let kind = BY_KIND.iter().position(|names| names.contains(&name)).filter(|_| !is_single);
        // A host that is of no kind of its own joins the first group.
        let joins = |group: &(Option<usize>, Vec<Column>)| group.0 == kind || HOSTS.contains(&name);
        match groups.iter().position(joins).and_then(|place| groups.get_mut(place)) {
            Some((_, group)) => group.push(Column::Left(at)),
            None => groups.push((kind, vec![Column::Left(at)])),
        }
    }
    // Entries come in the order of the columns.
    groups.sort_by_key(|(_, group)| match group.first() {
        Some(Column::Left(at) | Column::Right(at)) => *at,
        None => 0,
    });
    if !groups.is_empty() {
        table.values = groups.into_iter().map(|(_, group)| group).collect();
    }
}

/// Keeps the columns of a range's ends where both are there, and where they are no times.
fn bind_ends(table: &mut Table, columns: &Columns<'_>) {
    let [first, last] = [Role::Start, Role::End].map(|role| table.column(role));
    let are_ends = match (first, last) {
        (Some(first), Some(last)) => {
            let mut rows = columns.rows.iter().map(|row| (first.of(row), last.of(row)));
            let has_values = columns.named(&column_names(Role::Value, &Options::default(), None));
            has_values.is_empty() || rows.any(|(first, last)| extent::are_ends(first, last, false))
        }
        _ => false,
    };
    if !are_ends {
        table.bind(Role::Start, Vec::new());
        table.bind(Role::End, Vec::new());
    } else if columns.named(&column_names(Role::Value, &Options::default(), None)).is_empty() {
        table.values = Vec::new();
    }
}

/// Binds the columns that can say that a row is not bad, except those that already mean something else.
fn bind_polarity(table: &mut Table, columns: &Columns<'_>) {
    let is_taken = |column: Column| {
        table.column(Role::Filter) == Some(column) || table.values.iter().any(|group| group.contains(&column))
    };
    let found = columns.names.iter().enumerate().filter_map(|(at, name)| {
        let column = Column::Left(at);
        let polarity = Polarity::of(name)?;
        (!is_taken(column)).then_some((column, polarity))
    });
    table.polarity = found.collect();
}
