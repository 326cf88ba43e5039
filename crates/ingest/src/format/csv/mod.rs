//! `csv` and `hash-delimited`: delimited tables, whose columns have roles.
//!
//! Publishers differ in what their columns mean, not in syntax, so there is one parser and a table of
//! profiles (`profile.rs`). The columns are bound to roles, in this order of precedence: by the feed's
//! options, by the names in a header, by the numbers in a profile, by what the first rows hold (`infer.rs`).
//! The header is the first row, perhaps below a banner of comments, or the last comment above the rows. Names
//! are preferred to numbers, because feeds get new columns in the middle.
//!
//! Values are typed by their content, whatever their column is called: a column `domain` may hold addresses.
//! Columns of different kinds (`ip,domain,url`) give an entry each, unless a profile or the options name the
//! columns that count; of several columns of one kind the best one counts that is filled. Rows are split in
//! `split.rs`, headers bound in `header.rs`.

mod header;
mod infer;
mod profile;
pub(super) mod split;

use super::extent;
use super::polarity::Polarity;
use super::role::{self, Role};
use super::value;
use super::{Format, Head, LineReader, OpenError, Shape};
use crate::download::refusal::FileRefusal;
use crate::entry::{Details, Normalizer, Skip};
use crate::format::options::{OptionError, OptionRow, Options, error};
use profile::{PLAIN, PROFILES, Profile};
use rapsheet_snapshot::{Assessments, Kinds, ListKind, ParseError, Scope};

/// The row of the table.
pub(super) static FORMAT: Format = Format {
    id: "csv",
    about: "a delimited table; its columns are known by header, number, profile or content",
    example: r#""2026-08-01 10:00:00","192.0.2.7","443","online","2026-08-20","Example""#,
    kinds: Kinds::ALL,
    options: OPTIONS,
    shape: Shape::Lines(open),
    ..Format::DEFAULT
};

/// The row of the table for AlienVault's reputation data. Its delimiter is the comment mark of other tables,
/// so it is a format of its own and not a profile of `csv`.
pub(super) static HASH_FORMAT: Format = Format {
    id: "hash-delimited",
    about: "AlienVault reputation.data: address#reliability#risk#type#country#city#location",
    example: "192.0.2.7#4#2#Scanning Host#US##37.75,-97.82#11",
    kinds: Kinds::ADDRESS,
    shape: Shape::Lines(open_hash_delimited),
    ..Format::DEFAULT
};

const OPTIONS: &[OptionRow] = role::with_role_options![
    OptionRow {
        key: "profile",
        about: "a known table: benkow, bambenek, blackbook, botvrij, c2intel, carbonblack, ctip, feodo, \
                foxit, infoblox, malwaredomains, maltrail, phishstats, phishtank, ponmocup, \
                ransomwaretracker, shadowserver, spamhaus-cert, splunk, sslbl, stopforumspam, threatfox, \
                threatview-c2, tor-nodes, turris, tweetfeed, urlhaus, viriback (default: recognized by its \
                header or first row)",
    },
    OptionRow {
        key: "delimiter",
        about: "the character between columns, or `tab` (default: the one that most rows hold)",
    },
    OptionRow {
        key: "header",
        about: "`auto` (default): a header, where there is one, names the columns; `none`: they have numbers",
    },
    OptionRow { key: "multi", about: "the character between several indicators in one field (default none)" },
    OptionRow {
        key: "separator",
        about: "a character that ends a row like a line end, for lists of one line (default none)",
    },
];

/// A column, counted from 0 from the left, or from the right where a column before it may hold the delimiter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Left(usize),
    Right(usize),
}

impl Column {
    /// The column with a number as in options and profiles: 1 is the first, -1 the last.
    fn numbered(number: isize) -> Option<Column> {
        match number {
            0 => None,
            1.. => Some(Column::Left(number.unsigned_abs() - 1)),
            _ => Some(Column::Right(number.unsigned_abs() - 1)),
        }
    }

    fn of<F: AsRef<[u8]>>(self, fields: &[F]) -> &[u8] {
        let at = match self {
            Column::Left(at) => Some(at),
            Column::Right(at) => fields.len().checked_sub(at + 1),
        };
        at.and_then(|at| fields.get(at)).map_or(&[], |field| role::non_null(field.as_ref()))
    }
}

/// A table whose columns are bound to roles.
struct Table {
    delimiter: u8,
    has_comments: bool,
    /// The header, so that it is skipped wherever it recurs.
    header: Option<Vec<String>>,
    /// Whether the first line declares the delimiter, as spreadsheets read it: `sep=;`.
    declares_delimiter: bool,
    /// The columns with indicators, in groups. Each group gives the first of its fields that is not empty.
    values: Vec<Vec<Column>>,
    /// Whether an address may stand in several columns: as the ends of a range, or beside its mask.
    has_extent: bool,
    /// The columns that can say that a row is not bad.
    polarity: Vec<(Column, Polarity)>,
    /// The columns of the other roles.
    roles: [Option<Column>; Role::ALL.len()],
    /// The values of the filter column with which a row counts; empty where all count.
    keep: Vec<String>,
    /// The character between several indicators in one field.
    multi: Option<u8>,
    /// The column with the path of a URL whose host is the value.
    path: Option<Column>,
    /// The assessments of a row without a category.
    assessments: Assessments,
}

/// Opens a table, whose columns the first rows may name.
pub(super) fn open(options: &Options, head: Head<'_>) -> Result<Box<dyn LineReader>, OpenError> {
    let named = options.text("profile").map(find_profile).transpose()?;
    let (declared, head) = header::declared_delimiter(head.bytes);
    let delimiter = options.byte("delimiter")?.or(declared).or(named.and_then(|profile| profile.delimiter));
    let multi = options.byte("multi")?.or(named.and_then(|profile| profile.multi));
    let delimiter = delimiter.unwrap_or_else(|| infer::delimiter(head, multi));
    let takes_header = options.word("header", &[("auto", true), ("none", false)], true)?;
    let header = takes_header.then(|| header::find(head, delimiter, options, named)).flatten();
    let profile = named.unwrap_or_else(|| detect_profile(header.as_deref(), head));
    let mut table = Table::plain(delimiter, profile);
    table.declares_delimiter = declared.is_some();
    table.multi = multi.or(profile.multi);
    table.assessments = role::default_assessments(options).unwrap_or(table.assessments);
    if !options.list("keep").is_empty() {
        table.keep = options.list("keep").to_vec();
    }
    bind_columns(&mut table, options, profile, header.as_deref(), head)?;
    table.header = header.or_else(|| infer::unknown_header(&table, head).filter(|_| takes_header));
    Ok(Box::new(table))
}

fn open_hash_delimited(_: &Options, _: Head<'_>) -> Result<Box<dyn LineReader>, OpenError> {
    let profile = find_profile("alienvault")?;
    let mut table = Table::plain(b'#', profile);
    table.has_comments = false;
    table.bind_by_number(profile);
    Ok(Box::new(table))
}

fn find_profile(name: &str) -> Result<&'static Profile, OptionError> {
    PROFILES.iter().find(|profile| profile.name == name).ok_or_else(|| {
        let known: Vec<&str> = PROFILES.iter().map(|profile| profile.name).collect();
        error("profile", format!("expected one of {}, found `{name}`", known.join(", ")))
    })
}

/// The profile whose header the table has, or whose mark is in the first row of a table without a header.
fn detect_profile(header: Option<&[String]>, head: &[u8]) -> &'static Profile {
    let by_header = |profile: &&Profile| {
        let names = profile.header;
        !names.is_empty()
            && header.is_some_and(|header| names.iter().all(|name| header.iter().any(|found| found == name)))
    };
    let row = infer::rows(head).next().unwrap_or(&[]);
    // A row that was cut to some columns is no row of that table any more.
    let has_value = |profile: &Profile| {
        let fields = split::fields(row, profile.delimiter.unwrap_or(b',')).unwrap_or_default();
        let mut values = profile.columns.iter().filter(|(role, _)| *role == Role::Value);
        values.any(|(_, number)| Column::numbered(*number).is_some_and(|at| is_indicator(at.of(&fields))))
    };
    let by_mark = |profile: &&Profile| {
        !profile.mark.is_empty() && memchr::memmem::find(row, profile.mark).is_some() && has_value(profile)
    };
    let by_row = || PROFILES.iter().find(by_mark).filter(|_| header.is_none());
    PROFILES.iter().find(by_header).or_else(by_row).unwrap_or(&PLAIN)
}

/// Whether a field is an indicator.
pub(crate) fn is_indicator(field: &[u8]) -> bool {
    infer::is_indicator(field)
}

/// Whether a file begins with the names of columns, with one of these delimiters between them, or declares
/// their delimiter.
pub(crate) fn has_header(head: &[u8], delimiters: &[u8]) -> bool {
    let (declared, head) = header::declared_delimiter(head);
    declared.is_some() || delimiters.iter().any(|mark| header::names_columns(head, *mark))
}

/// Binds the columns to roles: by the header, by the profile, or by the first rows, and then by options with
/// numbers.
fn bind_columns(
    table: &mut Table,
    options: &Options,
    profile: &Profile,
    header: Option<&[String]>,
    head: &[u8],
) -> Result<(), OpenError> {
    match header {
        Some(names) => header::bind(table, names, options, profile, head),
        None if profile.columns.is_empty() && options.list("value").is_empty() => {
            infer::bind_columns(table, head);
        }
        None => table.bind_by_number(profile),
    }
    for role in Role::ALL {
        let named = options.list(role.option());
        let numbers: Vec<Column> =
            named.iter().filter_map(|name| Column::numbered(name.parse().ok()?)).collect();
        if !named.is_empty() && numbers.len() == named.len() {
            table.bind(role, numbers);
        } else if !named.is_empty() && header.is_none() && role == Role::Value && !head.is_empty() {
            return Err(FileRefusal::BadColumns(named.join(", ")).into());
        }
    }
    table.has_extent = [Role::Start, Role::Mask].into_iter().any(|role| table.column(role).is_some());
    Ok(())
}

impl LineReader for Table {
    fn line(&self, line: &[u8], normalizer: &mut Normalizer<'_>) {
        let text = line.trim_ascii_start();
        let mark = text.first().filter(|mark| **mark == b'#' || **mark == b';' && self.delimiter != b';');
        if mark.is_some() && self.has_comments {
            return self.read_comment(text, normalizer);
        }
        if self.declares_delimiter && header::declaration(text).is_some() {
            return normalizer.skip(Skip::Header);
        }
        let mut places = [&[][..]; split::PLAIN_MAX];
        if let Some(fields) = split::plain_fields(line, self.delimiter, &mut places) {
            return self.read_fields(fields, normalizer);
        }
        match split::fields(line, self.delimiter) {
            Ok(fields) => self.read_fields(&fields, normalizer),
            Err(error) => normalizer.reject(error),
        }
    }

    fn keeps_blanks(&self) -> bool {
        // A leading TAB is an empty first column.
        self.delimiter == b'\t'
    }

    fn spans_lines(&self) -> bool {
        true
    }

    fn record_len(&self, text: &[u8], line: usize) -> Option<usize> {
        let first = text.get(..line).unwrap_or(&[]);
        let is_comment = self.has_comments && first.trim_ascii_start().starts_with(b"#");
        // Marks in pairs close on their line.
        let is_open = memchr::memchr_iter(b'"', first).count() % 2 == 1 && !is_comment;
        let record = is_open.then(|| split::record_len(text, self.delimiter));
        record.map_or(Some(line), |end| end.map(|end| end.max(line)))
    }
}

impl Table {
    /// A table whose first column is the indicator.
    fn plain(delimiter: u8, profile: &Profile) -> Table {
        Table {
            delimiter,
            has_comments: true,
            header: None,
            declares_delimiter: false,
            values: vec![vec![Column::Left(0)]],
            has_extent: false,
            polarity: Vec::new(),
            roles: [None; Role::ALL.len()],
            keep: profile.keep.iter().map(|word| (*word).to_owned()).collect(),
            multi: profile.multi,
            path: profile.path.and_then(Column::numbered),
            assessments: profile.assessment.into_iter().collect(),
        }
    }

    /// Binds columns to a role. Each of several value columns gives an entry.
    fn bind(&mut self, role: Role, columns: Vec<Column>) {
        if role == Role::Value {
            self.values = columns.into_iter().map(|column| vec![column]).collect();
        } else if let Some(slot) = self.roles.get_mut(role as usize) {
            *slot = columns.first().copied();
        }
    }

    /// Binds the columns by a profile's numbers.
    fn bind_by_number(&mut self, profile: &Profile) {
        for role in Role::ALL {
            let of_role = profile.columns.iter().filter(|(of, _)| *of == role);
            let columns: Vec<Column> = of_role.filter_map(|(_, number)| Column::numbered(*number)).collect();
            if !columns.is_empty() {
                self.bind(role, columns);
            }
        }
    }

    fn column(&self, role: Role) -> Option<Column> {
        self.roles.get(role as usize).copied().flatten()
    }

    fn read_comment(&self, line: &[u8], normalizer: &mut Normalizer<'_>) {
        if self.header.is_some() && self.header.as_ref() == Some(&header::names(line, self.delimiter)) {
            return normalizer.skip(Skip::Header);
        }
        super::header::comment(line.get(1..).unwrap_or(&[]).trim_ascii_start(), normalizer);
    }

    fn read_fields<F: AsRef<[u8]>>(&self, fields: &[F], normalizer: &mut Normalizer<'_>) {
        if self.is_header(fields) {
            return normalizer.skip(Skip::Header);
        }
        self.read_row(fields, normalizer);
    }

    fn is_header<F: AsRef<[u8]>>(&self, fields: &[F]) -> bool {
        self.header.as_ref().is_some_and(|header| {
            header.len() == fields.len()
                && header
                    .iter()
                    .zip(fields)
                    .all(|(name, field)| name.as_bytes().eq_ignore_ascii_case(field.as_ref().trim_ascii()))
        })
    }

    fn read_row<F: AsRef<[u8]>>(&self, fields: &[F], normalizer: &mut Normalizer<'_>) {
        let field = |role: Role| self.column(role).map_or(&[][..], |column| column.of(fields));
        let is_kept = |word: &String| word.as_bytes().eq_ignore_ascii_case(field(Role::Filter));
        if !self.keep.is_empty() && !self.keep.iter().any(is_kept) {
            return normalizer.skip(Skip::Inactive);
        }
        if role::is_unsupported(field(Role::Kind)) {
            return normalizer.skip(Skip::UnsupportedKind);
        }
        if let Some(why) = self.objection(fields, normalizer) {
            return normalizer.skip(why);
        }
        let assessments = normalizer.assess(field(Role::Category), role::SEPARATORS);
        let assessments = if assessments.is_empty() { self.assessments } else { assessments };
        let details = role::details_with(field, assessments);
        let first_filled = |group: &Vec<Column>| {
            let mut filled = group.iter().map(|column| column.of(fields));
            filled.find(|text| !text.is_empty())
        };
        let mut values = self.values.iter().filter_map(first_filled);
        let Some(first) = values.next() else {
            if !self.has_extent || !extent::emit(field, &[], &details, normalizer) {
                normalizer.reject(ParseError::BadColumns);
            }
            return;
        };
        if self.has_extent && extent::emit(field, first, &details, normalizer) {
            return;
        }
        let path = self.path.map_or(&[][..], |column| column.of(fields));
        let kind = field(Role::Kind);
        let scope = role::scope(field(Role::Scope), normalizer.rules().scope);
        std::iter::once(first).chain(values).for_each(|text| {
            self.emit_value(text, (kind, scope), path, &details, normalizer);
        });
    }

    /// Why a row of a list that blocks does not count, if it says that it is not bad.
    fn objection<F: AsRef<[u8]>>(&self, fields: &[F], normalizer: &mut Normalizer<'_>) -> Option<Skip> {
        if self.polarity.is_empty() || normalizer.rules().list != ListKind::Block {
            return None;
        }
        self.polarity.iter().find_map(|(column, polarity)| polarity.recalled(column.of(fields), normalizer))
    }

    fn emit_value(
        &self,
        text: &[u8],
        (kind, scope): (&[u8], Scope),
        path: &[u8],
        details: &Details,
        normalizer: &mut Normalizer<'_>,
    ) {
        if !path.is_empty() && path != b"/" {
            let joint: &[u8] = if path.starts_with(b"/") { b"" } else { b"/" };
            return normalizer.url(&[text, joint, path].concat(), details);
        }
        let (text, port) = value::composite(kind, text);
        let ported = port.map(|port| Details { port: Some(port), ..details.clone() });
        let details = ported.as_ref().unwrap_or(details);
        match self.multi {
            None => value::emit(text, scope, details, normalizer),
            Some(mark) => {
                let parts = text.split(|byte| *byte == mark).map(<[u8]>::trim_ascii);
                parts
                    .filter(|part| !part.is_empty())
                    .for_each(|part| value::emit(part, scope, details, normalizer));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::pipeline::testing::{read_events, render};

    #[test]
    fn option_text_names_every_profile() {
        let about = super::OPTIONS[0].about;
        // The profile without columns has no name of its own, and AlienVault's table is a format.
        let named = |profile: &&super::Profile| !matches!(profile.name, "none" | "alienvault");
        for profile in super::PROFILES.iter().filter(named) {
            assert!(about.contains(profile.name), "{}", profile.name);
        }
    }

    #[test]
    fn binds_columns_by_a_header_below_a_banner() {
        let text = "################\n# Feodo-like list #\n################\n\"first_seen_utc\",\"dst_ip\",\"dst_port\",\"c2_status\",\"last_online\",\"malware\"\n\
                    \"2026-08-01 10:00:00\",\"45.9.20.5\",\"443\",\"online\",\"2026-08-20\",\"Example\"\n# END 1 entries\n";
        let events = read_events("csv", &[("profile", "feodo")], text);
        let row = events.iter().find(|event| event.indicator.is_some()).expect("a row");
        assert_eq!((row.indicator.as_deref(), row.port), (Some("45.9.20.5"), Some(443)));
        assert_eq!(row.first_seen.as_deref(), Some("2026-08-01T10:00:00Z"));
        assert_eq!(row.detect_time.as_deref(), Some("2026-08-20T00:00:00Z"));
        assert_eq!(row.assessments, ["botnet"]);
        assert_eq!(events[3].reason, Some("header"));
    }

    #[test]
    fn binds_columns_by_a_commented_header() {
        let text = "# \"first_seen_utc\",\"ioc_id\",\"new\",\"ioc_value\",\"ioc_type\",\"threat_type\",\"tags\"\n\
                    \"2026-08-01 10:00:00\", \"1\", \"x\", \"45.9.20.5:443\", \"ip:port\", \"botnet_cc\", \"a,b\"\n\
                    \"2026-08-01 10:00:00\", \"2\", \"x\", \"d41d8cd98f00b204e9800998ecf8427e\", \"md5_hash\", \"payload\", \"None\"\n\
                    \"2026-08-01 10:00:00\", \"3\", \"x\", \"http://evilpanel.com/a,b\", \"url\", \"payload_delivery\", \"None\"\n";
        let rendered = render("csv", &[("profile", "threatfox")], text);
        let expected =
            ["SKIP header", "ip 45.9.20.5", "SKIP unsupported-kind", "url http://evilpanel.com/a,b"];
        assert_eq!(rendered, expected);
        assert_eq!(read_events("csv", &[("profile", "threatfox")], text)[1].assessments, ["botnet"]);
    }

    #[test]
    fn binds_columns_by_numbers_without_a_header() {
        let text = "2026-08-22 04:23:30,user,domain,live-evilpanel.com,#phishing,https://social.example/1\r\n\
                    2026-08-22 05:00:00,user,md5,d41d8cd98f00b204e9800998ecf8427e,#malware,https://social.example/2\r\n";
        let events = read_events("csv", &[("profile", "tweetfeed")], text);
        assert_eq!(events[0].indicator.as_deref(), Some("live-evilpanel.com"));
        assert_eq!(events[0].assessments, ["phishing"]);
        assert_eq!(events[1].reason, Some("unsupported-kind"));
    }

    #[test]
    fn options_name_or_number_columns() {
        let text = "value,first_seen,last_seen,expires\n45.9.20.5,,2026-08-20T00:00:00Z,\nevilpanel.com,2026-08-01T00:00:00Z,,\n";
        let named = [
            ("value", "value"),
            ("first_seen", "first_seen"),
            ("last_seen", "last_seen"),
            ("expires", "expires"),
        ];
        let events = read_events("csv", &named, text);
        assert_eq!(events[0].reason, Some("header"));
        assert_eq!(events[1].detect_time.as_deref(), Some("2026-08-20T00:00:00Z"));
        assert_eq!(events[2].first_seen.as_deref(), Some("2026-08-01T00:00:00Z"));
        let numbered = [("value", "2"), ("header", "none"), ("delimiter", ";")];
        assert_eq!(render("csv", &numbered, "x;45.9.20.6\ny\n"), ["ip 45.9.20.6", "REJECT bad-columns"]);
        let multi = [("value", "1"), ("multi", "|"), ("header", "none")];
        assert_eq!(render("csv", &multi, "45.9.20.6|45.9.20.7\n"), ["ip 45.9.20.6", "ip 45.9.20.7"]);
    }

    #[test]
    fn filters_rows_joins_paths_and_rejects_bad_quotes() {
        let text = "2,\"https://gone.evilpanel.com/old\",x,2026-09-28T10:00:00+00:00,yes,,no,Other\n\
                    3,\"https://on.evilpanel.com/\",x,2026-09-28T10:00:00+00:00,yes,,yes,Other\n4,\"open\n";
        let expected = ["SKIP inactive", "url https://on.evilpanel.com/", "REJECT bad-quote"];
        assert_eq!(render("csv", &[("profile", "phishtank")], text), expected);
        let splunk = "\"host\",\"path\",\"message\",\"updated\"\n\"evilpanel.com\",\"/a\",\"x\",\"2026-01-01\"\n\"45.9.20.5\",\"\",\"x\",\"\"\n";
        let expected = ["SKIP header", "url //evilpanel.com/a", "ip 45.9.20.5"];
        assert_eq!(render("csv", &[("profile", "splunk")], splunk), expected);
    }
}
