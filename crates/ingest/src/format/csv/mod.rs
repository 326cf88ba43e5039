//! `csv`: delimited tables, with roles for their columns.
//!
//! One parser and a table of profiles, because what differs between publishers is which column means what. The
//! header binds the roles by name wherever there is one: in the first data line, behind a banner of comments, or
//! in the last comment before the data. Values are typed by content, whatever their column is called.

mod profile;
mod split;

use super::{Format, LineReader, OpenError, Shape};
use crate::lines;
use crate::moment;
use crate::options::{OptionError, OptionRow, Options, error};
use crate::scribe::{Details, Scribe, Skip};
use crate::words;
use profile::{PROFILES, Profile, Role};
use snapshot::{Assessments, Kinds, Refusal, Scope, address::parse_port};
use std::borrow::Cow;

/// The row of the table.
pub static FORMAT: Format = Format {
    id: "csv",
    about: "a delimited table; roles of columns by header name, number or profile",
    example: r#""2026-08-01 10:00:00","192.0.2.7","443","online","2026-08-20","Example""#,
    kinds: Kinds::ALL,
    options: &[
        OptionRow {
            key: "profile",
            about: "a known table: feodo, sslbl, urlhaus, threatfox, tor-nodes, tweetfeed, turris, foxit, bambenek, \
                    splunk, phishtank, c2intel, threatview-c2, viriback, blackbook, stopforumspam (default none)",
        },
        OptionRow { key: "delimiter", about: "one character, or `tab` (default `,`)" },
        OptionRow {
            key: "header",
            about: "`auto` (default): bound where one is found; `none`: columns by number",
        },
        OptionRow { key: "value", about: "the columns with indicators: names or numbers from 1" },
        OptionRow { key: "type", about: "the column with the kind of indicator" },
        OptionRow { key: "port", about: "the column with the port" },
        OptionRow { key: "first_seen", about: "the column with the time of the first sight" },
        OptionRow { key: "last_seen", about: "the column with the time of the last sight" },
        OptionRow { key: "expires", about: "the column with the end" },
        OptionRow { key: "category", about: "the column with the provider's word for what is bad" },
        OptionRow { key: "filter", about: "the column that says whether a row counts" },
        OptionRow { key: "keep", about: "the words of the filter column with which a row counts" },
        OptionRow { key: "multi", about: "what separates several indicators in one field" },
    ],
    shape: Shape::Lines(open),
};

/// A table whose columns are bound.
struct Table {
    delimiter: u8,
    /// The header, to be recognised where it recurs.
    header: Option<Vec<String>>,
    values: Vec<usize>,
    roles: [Option<usize>; Role::ALL.len()],
    keep: Vec<String>,
    multi: Option<u8>,
    path: Option<usize>,
    assessments: Assessments,
}

fn open(options: &Options, head: &[u8]) -> Result<Box<dyn LineReader>, OpenError> {
    let profile = find_profile(options)?;
    let delimiter = one_byte(options, "delimiter")?.unwrap_or(b',');
    let takes_header = options.word("header", &[("auto", true), ("none", false)], true)?;
    let wanted = |role: Role| wanted_names(role, options, profile);
    let header = if takes_header { find_header(head, delimiter, &wanted) } else { None };
    let bind = |role: Role| bind(role, options, profile, header.as_deref());
    let mut values = bind(Role::Value)?;
    if values.is_empty() {
        values.push(0);
    }
    let mut roles = [None; Role::ALL.len()];
    for (slot, role) in roles.iter_mut().zip(Role::ALL) {
        *slot = bind(role)?.first().copied();
    }
    let keep = match options.list("keep") {
        [] => profile.keep.iter().map(|word| (*word).to_owned()).collect(),
        words => words.to_vec(),
    };
    let path = profile.path.map(|number| number - 1);
    let (multi, assessments) = (one_byte(options, "multi")?, profile.default_assessments());
    Ok(Box::new(Table { delimiter, header, values, roles, keep, multi, path, assessments }))
}

fn find_profile(options: &Options) -> Result<&'static Profile, OptionError> {
    let name = options.text("profile").unwrap_or("none");
    PROFILES.iter().find(|profile| profile.name == name).ok_or_else(|| {
        let known: Vec<&str> = PROFILES.iter().map(|profile| profile.name).collect();
        error("profile", format!("expected one of {}, found `{name}`", known.join(", ")))
    })
}

fn one_byte(options: &Options, key: &str) -> Result<Option<u8>, OptionError> {
    match options.text(key).map(str::as_bytes) {
        None => Ok(None),
        Some(b"tab" | b"\\t") => Ok(Some(b'\t')),
        Some([byte]) if byte.is_ascii() && *byte != b'"' => Ok(Some(*byte)),
        Some(_) => Err(error(key, "expected one character, or `tab`".to_owned())),
    }
}

/// The names by which a role's column may be found, best first.
fn wanted_names(role: Role, options: &Options, profile: &Profile) -> Vec<String> {
    let named = options.list(role.option());
    if !named.is_empty() {
        return named.iter().map(|name| name.to_ascii_lowercase()).collect();
    }
    let own = profile.names.iter().filter(|(of, _)| *of == role).map(|(_, name)| *name);
    own.chain(role.usual_names().iter().copied()).map(str::to_owned).collect()
}

/// The header: the first line, commented or not, in which a column is called as an indicator's column would be.
fn find_header(head: &[u8], delimiter: u8, wanted: &dyn Fn(Role) -> Vec<String>) -> Option<Vec<String>> {
    let values = wanted(Role::Value);
    for at in lines::split(head) {
        let line = lines::trim(head.get(at).unwrap_or(&[]));
        let commented = line.starts_with(b"#") || line.starts_with(b";");
        let names = header_names(line, delimiter);
        let first_is_named = names.first().is_some_and(|name| !name.is_empty());
        let is_header = first_is_named && !names.iter().any(|name| is_data(name));
        if is_header && names.iter().any(|name| values.contains(name)) {
            return Some(names);
        }
        if !commented && !line.is_empty() {
            return None;
        }
    }
    None
}

/// No column is called by a number, a time or a URL: a row whose kind is `domain` is no header.
fn is_data(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_digit()) || name.contains("://")
}

/// The names of a header's columns. It is one line a file, so the `csv` crate reads it, with all its care.
fn header_names(line: &[u8], delimiter: u8) -> Vec<String> {
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

/// The columns of a role, from 0: by the header's names, else by the numbers of options or profile.
fn bind(
    role: Role,
    options: &Options,
    profile: &Profile,
    header: Option<&[String]>,
) -> Result<Vec<usize>, OpenError> {
    let named = options.list(role.option());
    let numbers: Vec<usize> =
        named.iter().filter_map(|name| name.parse::<usize>().ok()?.checked_sub(1)).collect();
    if !named.is_empty() && numbers.len() == named.len() {
        return Ok(numbers);
    }
    let wanted = wanted_names(role, options, profile);
    if let Some(header) = header {
        let found: Vec<usize> =
            wanted.iter().filter_map(|name| header.iter().position(|column| column == name)).collect();
        let all_named = !named.is_empty();
        if !found.is_empty() || all_named {
            let count = if all_named { found.len() } else { 1 };
            return Ok(found.into_iter().take(count).collect());
        }
        if header.len() > 1 && role != Role::Value {
            return Ok(Vec::new());
        }
    }
    if !named.is_empty() && header.is_none() && role == Role::Value {
        let missing = crate::refused::FileRefusal::BadColumns(named.join(", "));
        return Err(missing.into());
    }
    Ok(profile.columns.iter().filter(|(of, _)| *of == role).map(|(_, number)| number - 1).collect())
}

impl LineReader for Table {
    fn line(&self, line: &[u8], scribe: &mut Scribe<'_>) {
        let mark = line.first().filter(|mark| **mark == b'#' || **mark == b';' && self.delimiter != b';');
        if mark.is_some() {
            return self.comment(line.get(1..).unwrap_or(&[]), line, scribe);
        }
        let fields = match split::fields(line, self.delimiter) {
            Ok(fields) => fields,
            Err(refusal) => return scribe.reject(refusal),
        };
        if self.is_header(&fields) {
            return scribe.skip(Skip::Header);
        }
        let field = |at: usize| fields.get(at).map(|field| present(field)).unwrap_or(&[]);
        let role = |role: Role| self.role(role).map(field).unwrap_or(&[]);
        if !self.keep.is_empty()
            && !self.keep.iter().any(|word| word.as_bytes().eq_ignore_ascii_case(role(Role::Filter)))
        {
            return scribe.skip(Skip::Inactive);
        }
        if is_unsupported(role(Role::Kind)) {
            return scribe.skip(Skip::UnsupportedKind);
        }
        let details = Details {
            first_seen: moment::parse(role(Role::FirstSeen)),
            last_seen: moment::parse(role(Role::LastSeen)),
            expires: moment::parse(role(Role::Expires)),
            port: parse_port(role(Role::Port)).ok(),
            assessments: self.category(role(Role::Category)),
            ..Details::NONE
        };
        let path = self.path.map(field).unwrap_or(&[]);
        self.values.iter().for_each(|at| self.value(field(*at), path, &details, scribe));
    }
}

impl Table {
    fn role(&self, role: Role) -> Option<usize> {
        self.roles.get(role as usize).copied().flatten()
    }

    fn comment(&self, comment: &[u8], line: &[u8], scribe: &mut Scribe<'_>) {
        let names = header_names(line, self.delimiter);
        if self.header.as_ref() == Some(&names) {
            return scribe.skip(Skip::Header);
        }
        match end_mark(comment) {
            Some(count) => {
                scribe.declared(count);
                scribe.skip(Skip::Comment);
            }
            None => super::header::comment(comment.trim_ascii_start(), scribe),
        }
    }

    fn is_header(&self, fields: &[Cow<'_, [u8]>]) -> bool {
        self.header.as_ref().is_some_and(|header| {
            header.len() == fields.len()
                && header
                    .iter()
                    .zip(fields)
                    .all(|(name, field)| name.as_bytes().eq_ignore_ascii_case(field.trim_ascii()))
        })
    }

    fn category(&self, text: &[u8]) -> Assessments {
        if text.is_empty() {
            return self.assessments;
        }
        let found = std::str::from_utf8(text)
            .map_or(Assessments::EMPTY, |text| words::all(text, &[',', ';', ' ', '|']));
        if found.is_empty() { self.assessments } else { found }
    }

    fn value(&self, text: &[u8], path: &[u8], details: &Details, scribe: &mut Scribe<'_>) {
        if text.is_empty() {
            if self.values.len() == 1 {
                scribe.reject(Refusal::BadColumns);
            }
            return;
        }
        let scope = scribe.rules().scope;
        if !path.is_empty() {
            return scribe.url(&[text, path].concat(), details);
        }
        match self.multi {
            None => indicator(text, scope, details, scribe),
            Some(mark) => {
                let parts = text.split(|byte| *byte == mark).map(<[u8]>::trim_ascii);
                parts
                    .filter(|part| !part.is_empty())
                    .for_each(|part| indicator(part, scope, details, scribe));
            }
        }
    }
}

/// One indicator. A spreadsheet's guard against formulas is not part of it.
fn indicator(text: &[u8], scope: Scope, details: &Details, scribe: &mut Scribe<'_>) {
    scribe.any(text.strip_prefix(b"'").unwrap_or(text), scope, details);
}

/// The field without blanks; nothing where it is a word for nothing.
fn present(field: &[u8]) -> &[u8] {
    let field = field.trim_ascii();
    match field {
        b"None" | b"null" | b"NULL" | b"-" | b"?" => &[],
        _ => field,
    }
}

/// Kinds that are recognised and not indexed.
fn is_unsupported(kind: &[u8]) -> bool {
    const PREFIXES: [&[u8]; 9] =
        [b"md5", b"sha", b"ssdeep", b"imphash", b"tlsh", b"envelope", b"email", b"ja3", b"filename"];
    PREFIXES
        .iter()
        .any(|prefix| kind.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix)))
}

/// `END 3 entries`.
fn end_mark(comment: &[u8]) -> Option<u64> {
    let rest = comment.trim_ascii().strip_prefix(b"END ")?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(rest.get(..digits)?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use crate::transcript::tests::{read_events, render};

    #[test]
    fn a_quoted_header_behind_a_banner_binds_the_columns() {
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
    fn a_commented_header_binds_columns_that_moved() {
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
    fn tables_without_a_header_have_numbers() {
        let text = "2026-08-22 04:23:30,user,domain,live-evilpanel.com,#phishing,https://social.example/1\r\n\
                    2026-08-22 05:00:00,user,md5,d41d8cd98f00b204e9800998ecf8427e,#malware,https://social.example/2\r\n";
        let events = read_events("csv", &[("profile", "tweetfeed")], text);
        assert_eq!(events[0].indicator.as_deref(), Some("live-evilpanel.com"));
        assert_eq!(events[0].assessments, ["phishing"]);
        assert_eq!(events[1].reason, Some("unsupported-kind"));
    }

    #[test]
    fn roles_may_be_named_or_numbered() {
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
    fn bad_quotes_filters_and_paths() {
        let text = "2,\"https://gone.evilpanel.com/old\",x,2026-09-28T10:00:00+00:00,yes,,no,Other\n\
                    3,\"https://on.evilpanel.com/\",x,2026-09-28T10:00:00+00:00,yes,,yes,Other\n4,\"open\n";
        let expected = ["SKIP inactive", "url https://on.evilpanel.com/", "REJECT bad-quote"];
        assert_eq!(render("csv", &[("profile", "phishtank")], text), expected);
        let splunk = "\"host\",\"path\",\"message\",\"updated\"\n\"evilpanel.com\",\"/a\",\"x\",\"2026-01-01\"\n\"45.9.20.5\",\"\",\"x\",\"\"\n";
        let expected = ["SKIP header", "url //evilpanel.com/a", "ip 45.9.20.5"];
        assert_eq!(render("csv", &[("profile", "splunk")], splunk), expected);
    }
}
