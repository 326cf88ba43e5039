//! `json` and `ndjson`: records with named fields, at any place in a document.
//!
//! `[{"ip_address":"192.0.2.7","port":443,"last_online":"2026-08-20","malware":"Example"}]`. Publishers put
//! records into arrays, below members, or into objects keyed by id. One walker reads them all: a feed may
//! state where its records are (option `path`) and what their fields mean; otherwise an object that has a
//! value field with a known name, or the ends of a range, is a record, and all other objects and arrays are
//! searched for records. Texts in an array near the top are indicators by themselves, and so are prefixes
//! under any name, which are nothing else.
//!
//! JSON formats with a meaning beyond records have files of their own beside this one.

pub(super) mod cloud;
mod document;
pub(super) mod lsrules;
pub(super) mod misp_feed;
pub(super) mod misp_warninglist;
mod node;
pub(super) mod onionoo;
pub(super) mod otx;
mod pattern;
pub(super) mod stix;

use super::extent;
use super::polarity::Polarity;
use super::record::RecordRules;
use super::role::{self, Role};
use super::value;
use super::{Format, Head, LineReader, OpenError, Shape};
use crate::entry::timestamp;
use crate::entry::{Normalizer, Skip};
use crate::format::options::{OptionRow, Options, error};
use document::TextBase;
use node::{DEPTH_MAX, Kind, Raw};
use rapsheet_snapshot::{AddressRange, Kinds, ListKind, ParseError};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// The row of the table.
pub(super) static FORMAT: Format = Format {
    id: "json",
    about: "JSON: records in arrays or keyed by id, arrays of texts, or one object per line",
    example: r#"[{"ip_address":"192.0.2.7","port":443,"last_online":"2026-08-20","malware":"Example"}]"#,
    kinds: Kinds::ALL,
    options: OPTIONS,
    shape: Shape::Document(read),
    ..Format::DEFAULT
};

/// The row of the table for one value per line, which is streamed.
pub(super) static LINES_FORMAT: Format = Format {
    id: "ndjson",
    about: "JSON lines: one record per line, for files of any size",
    example: r#"{"url":"http://evil.example.com/","first_seen":"2026-08-20T10:00:00Z"}"#,
    kinds: Kinds::ALL,
    options: OPTIONS,
    shape: Shape::Lines(open_lines),
    ..Format::DEFAULT
};

const OPTIONS: &[OptionRow] = role::with_role_options![OptionRow {
    key: "path",
    about: "where the records are: $ is the document, .name a member, [*] every element, .* every member \
            (default: wherever an object has a field with a known name)",
}];

/// Finds and reads the records of a document.
struct Walker {
    path: Vec<Step>,
    rules: RecordRules,
}

/// The depth down to which a text by itself is an indicator: in an array, or in an array that is a member of
/// an object. Deeper texts are descriptions.
const TEXTS_DEPTH: usize = 2;

/// One step of a path.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Member(String),
    Every,
}

fn read(options: &Options, whole: Head<'_>, normalizer: &mut Normalizer<'_>) -> Result<(), OpenError> {
    let walker = Walker::new(options)?;
    document::for_each_value(whole.bytes, normalizer, |value, base, normalizer| {
        walker.start(value, base, normalizer);
    })?;
    Ok(())
}

/// Reads one value per line.
pub(super) fn open_lines(options: &Options, _: Head<'_>) -> Result<Box<dyn LineReader>, OpenError> {
    Ok(Box::new(Walker::new(options)?))
}

impl LineReader for Walker {
    fn line(&self, line: &[u8], normalizer: &mut Normalizer<'_>) {
        if line.starts_with(b"#") || line.starts_with(b";") {
            return normalizer.skip(Skip::Comment);
        }
        match serde_json::from_slice::<&RawValue>(line) {
            Ok(value) => self.walk(value, &self.path, 0, &mut |_, _| {}, normalizer),
            Err(_) => normalizer.reject(ParseError::BadJson),
        }
    }
}

/// Parses a path such as `$.data[*].name` or `$.*[*]`.
fn parse_path(text: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    for part in text.strip_prefix('$')?.split('.').skip(usize::from(text.starts_with("$."))) {
        let (name, stars) = part.split_at(part.find('[').unwrap_or(part.len()));
        match name {
            "" => {}
            "*" => steps.push(Step::Every),
            name => steps.push(Step::Member(name.to_owned())),
        }
        let count = stars.matches("[*]").count();
        steps.extend((0..count).map(|_| Step::Every));
        (stars.len() == 3 * count).then_some(())?;
    }
    Some(steps)
}

impl Walker {
    fn new(options: &Options) -> Result<Walker, OpenError> {
        let path = options.text("path").map_or(Some(Vec::new()), parse_path);
        let path = path.ok_or_else(|| error("path", "expected a path such as `$.member[*]`".to_owned()))?;
        Ok(Walker { path, rules: RecordRules::new(options) })
    }

    fn start(&self, value: Raw<'_>, base: &TextBase, normalizer: &mut Normalizer<'_>) {
        let mut begin =
            |raw: Raw<'_>, normalizer: &mut Normalizer<'_>| normalizer.record_at(base.offset(raw));
        self.walk(value, &self.path, 0, &mut begin, normalizer);
    }

    /// Follows the path, and searches for records from its end on. `begin` is called before each record; it
    /// is a no-op for JSON lines, where a record is a line.
    fn walk(
        &self,
        raw: Raw<'_>,
        path: &[Step],
        depth: usize,
        begin: &mut dyn FnMut(Raw<'_>, &mut Normalizer<'_>),
        normalizer: &mut Normalizer<'_>,
    ) {
        if depth > DEPTH_MAX {
            begin(raw, normalizer);
            return normalizer.reject(ParseError::BadJson);
        }
        match path.split_first() {
            Some((Step::Member(name), rest)) => {
                if let Some(value) = node::member(raw, name) {
                    self.walk(value, rest, depth + 1, begin, normalizer);
                }
            }
            Some((Step::Every, rest)) => {
                node::elements(raw, |value| self.walk(value, rest, depth + 1, begin, normalizer));
                node::members(raw, |_, value| self.walk(value, rest, depth + 1, begin, normalizer));
            }
            None => self.search(raw, depth, begin, normalizer),
        }
    }

    /// Reads a value that may be a record, an indicator, or something that holds them.
    fn search(
        &self,
        raw: Raw<'_>,
        depth: usize,
        begin: &mut dyn FnMut(Raw<'_>, &mut Normalizer<'_>),
        normalizer: &mut Normalizer<'_>,
    ) {
        match node::kind(raw) {
            Kind::Object => self.object(raw, depth, begin, normalizer),
            Kind::Array => node::elements(raw, |value| self.element(value, depth + 1, begin, normalizer)),
            Kind::Text if depth <= TEXTS_DEPTH || !self.path.is_empty() || is_prefix(raw) => {
                begin(raw, normalizer);
                self.emit_value(raw, &Fields::default(), normalizer);
            }
            Kind::Text | Kind::Number | Kind::Word => {}
        }
    }

    /// Reads an element of an array. One near the top that is an object is a record, even where none of its
    /// fields is known.
    fn element(
        &self,
        raw: Raw<'_>,
        depth: usize,
        begin: &mut dyn FnMut(Raw<'_>, &mut Normalizer<'_>),
        normalizer: &mut Normalizer<'_>,
    ) {
        let mut has_begun = false;
        let mut begin_inner = |raw: Raw<'_>, normalizer: &mut Normalizer<'_>| {
            has_begun = true;
            begin(raw, normalizer);
        };
        self.walk(raw, &[], depth, &mut begin_inner, normalizer);
        if !has_begun && depth <= TEXTS_DEPTH && node::kind(raw) == Kind::Object {
            begin(raw, normalizer);
            normalizer.skip(Skip::NoIndicator);
        }
    }

    /// Reads an object: a record, or an object that may hold records.
    fn object(
        &self,
        raw: Raw<'_>,
        depth: usize,
        begin: &mut dyn FnMut(Raw<'_>, &mut Normalizer<'_>),
        normalizer: &mut Normalizer<'_>,
    ) {
        let fields = self.fields(raw);
        if fields.of(Role::Value).is_some() || fields.are_ends() {
            begin(raw, normalizer);
            return match fields.objection(normalizer) {
                Some(why) => normalizer.skip(why),
                None => self.read_record(&fields, normalizer),
            };
        }
        // An alert of CrowdSec is in force by its decisions, not by its source.
        let decisions = node::member(raw, "decisions").filter(|list| node::kind(list) == Kind::Array);
        if let Some(decisions) = decisions.filter(|_| node::member(raw, "source").is_some()) {
            return self.walk(decisions, &[], depth + 1, begin, normalizer);
        }
        node::members(raw, |name, value| match node::kind(value) {
            Kind::Array if is_texts(value) && fields.objection(normalizer).is_some() => {
                begin(value, normalizer);
                normalizer.skip(fields.objection(normalizer).unwrap_or(Skip::Benign));
            }
            Kind::Array if LISTS.contains(&role::normal(name).as_str()) && is_texts(value) => {
                node::elements(value, |text| {
                    begin(text, normalizer);
                    self.emit_value(text, &fields, normalizer);
                });
            }
            Kind::Array | Kind::Object => self.walk(value, &[], depth + 1, begin, normalizer),
            Kind::Text if is_prefix(value) => {
                begin(raw, normalizer);
                match fields.objection(normalizer) {
                    Some(why) => normalizer.skip(why),
                    None => self.emit_value(value, &fields, normalizer),
                }
            }
            Kind::Text | Kind::Number => read_generated(name, value, normalizer),
            Kind::Word => {}
        });
    }

    /// The fields of an object that have a role. Where several have the same role, the one with the best name
    /// that is not empty counts.
    fn fields<'a>(&self, raw: Raw<'a>) -> Fields<'a> {
        let mut fields = Fields::default();
        let mut normal = String::new();
        node::members(raw, |name, value| {
            role::normal_into(name, &mut normal);
            let Some(meaning) = self.rules.meaning(&normal) else { return };
            if let Some(polarity) = meaning.polarity.filter(|_| node::kind(value) != Kind::Object) {
                fields.objections.push((polarity, value));
            }
            for (role, rank) in &meaning.roles {
                fields.set_if_better(*role, *rank, value, is_filled(*role, &normal, value));
            }
        });
        if !self.is_mask_of_value(&fields) {
            fields.clear(Role::Mask);
        }
        fields
    }

    /// Whether the mask is one: a `length` is only beside a network.
    fn is_mask_of_value(&self, fields: &Fields<'_>) -> bool {
        let name = |role: Role| fields.ranked(role).and_then(|(rank, _)| self.rules.name(role, rank));
        let text = fields.text(Role::Mask);
        name(Role::Mask).is_none_or(|mask| extent::is_mask_field(mask, text.as_bytes(), name(Role::Value)))
    }

    fn read_record(&self, fields: &Fields<'_>, normalizer: &mut Normalizer<'_>) {
        let filter = fields.text(Role::Filter);
        let kind = fields.text(Role::Kind);
        let keep = &self.rules.keep;
        if !keep.is_empty() && !keep.iter().any(|word| word.eq_ignore_ascii_case(&filter)) {
            return normalizer.skip(Skip::Inactive);
        }
        if role::is_unsupported(kind.as_bytes()) {
            return normalizer.skip(Skip::UnsupportedKind);
        }
        match fields.of(Role::Value) {
            Some(values) if node::kind(values) == Kind::Array => {
                node::elements(values, |value| self.emit_value(value, fields, normalizer));
            }
            Some(value) => self.emit_value(value, fields, normalizer),
            None => self.emit_text("", fields, normalizer),
        }
    }

    fn emit_value(&self, raw: Raw<'_>, fields: &Fields<'_>, normalizer: &mut Normalizer<'_>) {
        self.emit_text(node::text(raw).trim(), fields, normalizer);
    }

    /// Emits an indicator, or the range of a record without one, for which `text` is empty.
    fn emit_text(&self, text: &str, fields: &Fields<'_>, normalizer: &mut Normalizer<'_>) {
        let texts: Vec<Cow<'_, str>> = Role::ALL.iter().map(|role| fields.text(*role)).collect();
        let field =
            |role: Role| texts.get(role as usize).map_or(&[][..], |text| role::non_null(text.as_bytes()));
        let (text, port) = value::composite(field(Role::Kind), text.as_bytes());
        let mut details = role::details(field, self.rules.default);
        details.port = port.or(details.port);
        if field(Role::Category).is_empty() {
            // Some publishers write the category where others write the kind of indicator.
            details.assessments = role::category(field(Role::Kind), self.rules.default);
        }
        let scope = role::scope(field(Role::Scope), normalizer.rules().scope);
        if !extent::emit(field, text, &details, normalizer) {
            value::emit(text, scope, &details, normalizer);
        }
    }
}

/// Whether a text is an address with its prefix length.
fn is_prefix(raw: Raw<'_>) -> bool {
    let text = node::text(raw);
    text.contains('/') && text.len() <= PREFIX_MAX && AddressRange::parse(text.trim().as_bytes()).is_ok()
}

/// Names of members with a list of indicators. An object may have several.
const LISTS: &[&str] = &["ips", "ranges", "nets", "networks", "addresses", "hosts"];

/// The longest text of a prefix, with some room.
const PREFIX_MAX: usize = 64;

/// Whether an array has at least one text.
fn is_texts(raw: Raw<'_>) -> bool {
    let mut texts = false;
    node::elements(raw, |element| texts |= node::kind(element) == Kind::Text);
    texts
}

/// Whether a field holds what its role needs.
fn is_filled(role: Role, name: &str, value: Raw<'_>) -> bool {
    let text = || node::text(value);
    match (node::kind(value), role) {
        (Kind::Object, _) => false,
        (Kind::Array, Role::Value) => is_texts(value),
        // A range of times or numbers is as common as one of addresses.
        (_, Role::Value) if name == "range" => {
            let text = text();
            AddressRange::parse(text.split('-').next().unwrap_or_default().trim().as_bytes()).is_ok()
        }
        // The length of a prefix under a name that others give the prefix.
        (Kind::Number, Role::Value) if extent::is_mask(text().as_bytes()) => false,
        (Kind::Text, Role::Value) if value.get().len() <= MASK_MAX && extent::is_mask(text().as_bytes()) => {
            false
        }
        (_, Role::Mask) => {
            extent::is_mask(text().as_bytes()) || extent::is_mask_field(name, text().as_bytes(), None)
        }
        _ => {
            // `@ipv4_NXDOMAIN` and the like stand for "no value".
            let text = node::joined(value);
            !role::non_null(text.as_bytes()).is_empty() && !text.starts_with('@')
        }
    }
}

/// The longest text of a mask, with its quotes.
const MASK_MAX: usize = 17;

/// The fields of one record.
#[derive(Default)]
struct Fields<'a> {
    /// By role, each with the rank of its name; rank 0 is the best.
    roles: [Option<(usize, Raw<'a>)>; Role::ALL.len()],
    /// Those that can say that the record does not count.
    objections: Vec<(Polarity, Raw<'a>)>,
}

impl<'a> Fields<'a> {
    /// Why the record does not count, if it says that it was withdrawn, or is not bad.
    fn objection(&self, normalizer: &Normalizer<'_>) -> Option<Skip> {
        let blocks = normalizer.rules().list == ListKind::Block;
        self.objections.iter().find_map(|(polarity, value)| {
            let why = polarity.objection(node::joined(value).as_bytes());
            why.filter(|why| blocks || *why == Skip::Inactive)
        })
    }

    fn clear(&mut self, role: Role) {
        if let Some(slot) = self.roles.get_mut(role as usize) {
            *slot = None;
        }
    }

    fn ranked(&self, role: Role) -> Option<(usize, Raw<'a>)> {
        self.roles.get(role as usize).copied().flatten()
    }

    /// Sets the field of a role, unless it has a value with a better name.
    fn set_if_better(&mut self, role: Role, rank: usize, value: Raw<'a>, filled: bool) {
        if let Some(slot) = self.roles.get_mut(role as usize)
            && filled
            && slot.is_none_or(|(best, _)| rank <= best)
        {
            *slot = Some((rank, value));
        }
    }

    /// Whether the object has the ends of a range.
    fn are_ends(&self) -> bool {
        if self.ranked(Role::Start).is_none() && self.ranked(Role::End).is_none() {
            return false;
        }
        let [first, last] = [Role::Start, Role::End].map(|role| self.text(role));
        let is_clear = |role: Role| self.ranked(role).is_none_or(|(rank, _)| rank < role::CLEAR);
        let are_clear = is_clear(Role::Start) && is_clear(Role::End);
        extent::are_ends(first.as_bytes(), last.as_bytes(), are_clear)
    }

    fn of(&self, role: Role) -> Option<Raw<'a>> {
        self.ranked(role).map(|(_, value)| value)
    }

    fn text(&self, role: Role) -> Cow<'a, str> {
        self.of(role).map_or(Cow::Borrowed(""), node::joined)
    }
}

/// The names of members with the time at which a document was generated.
const GENERATED: &[&str] = &[
    "generatedAt",
    "generated_at",
    "generated",
    "createDate",
    "creationTime",
    "relays_published",
    "last_updated",
    "lastUpdated",
    "updated_at",
    "timestamp",
];

/// Reports the time of a member outside the records as the time at which the document was generated.
fn read_generated(name: &str, value: Raw<'_>, normalizer: &mut Normalizer<'_>) {
    if GENERATED.contains(&name)
        && let Some(time) = timestamp::parse(node::text(value).as_bytes())
    {
        normalizer.generated(time);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::testing::{read_events, render};

    #[test]
    fn finds_records_anywhere_in_a_document() {
        let text = r#"{"meta":{"generatedAt":"2026-08-20T10:00:00Z"},"data":[
{"ipAddress":"45.9.20.5","abuseConfidenceScore":100,"lastReportedAt":"2026-08-19T10:00:00+00:00"},
{"ipAddress":"45.9.20.6","tags":null}]}"#;
        assert_eq!(render("json", &[], text), ["ip 45.9.20.5", "ip 45.9.20.6"]);
        let events = read_events("json", &[], text);
        assert_eq!((events[0].line, events[1].line), (2, 3));
        assert_eq!(events[0].detect_time.as_deref(), Some("2026-08-19T10:00:00Z"));
        let keyed = r#"{"202":[{"url":"https:\/\/Drop.Evilpanel.org/payload","last_online":"2026-08-20 10:00:00 UTC","threat":"malware_download","tags":null,"host":"drop.evilpanel.org"}]}"#;
        assert_eq!(render("json", &[], keyed), ["url https://drop.evilpanel.org/payload"]);
        let families = r#"{"some_dga":["evilpanel.com","45.9.20.5"],"other":[]}"#;
        assert_eq!(render("json", &[], families), ["domain-tree evilpanel.com", "ip 45.9.20.5"]);
        assert_eq!(
            render("json", &[], "[\"45.9.20.5\",\n\"evilpanel.com\"]"),
            ["ip 45.9.20.5", "domain-tree evilpanel.com"]
        );
    }

    #[test]
    fn reads_null_words_kinds_and_filters() {
        let text = r#"[{"domain":"evilpanel.com","ip":"@ipv4_NXDOMAIN"},{"ioc_type":"md5_hash","ioc_value":"d41d8cd98f00b204e9800998ecf8427e"},
{"url":"http://evilpanel.com/a","online":"no"},{"ip":"45.9.20.5","type":"C_AND_C"}]"#;
        let expected = [
            "domain-tree evilpanel.com",
            "SKIP unsupported-kind",
            "url http://evilpanel.com/a",
            "ip 45.9.20.5",
        ];
        assert_eq!(render("json", &[], text), expected);
        assert_eq!(read_events("json", &[], text)[3].assessments, ["botnet"]);
        let retired = r#"[{"value":"http://evilpanel.com/x","status":"retired"},{"value":"http://evilpanel.com/y","status":"online"}]"#;
        assert_eq!(render("json", &[], retired), ["SKIP inactive", "url http://evilpanel.com/y"]);
        let filtered = render(
            "json",
            &[("filter", "online"), ("keep", "yes")],
            r#"[{"url":"http://evilpanel.com/a","online":"no"}]"#,
        );
        assert_eq!(filtered, ["SKIP inactive"]);
    }

    #[test]
    fn follows_paths() {
        let text = r#"{"a":[{"ip":"45.9.20.5"}],"b":{"c":[{"x":"45.9.20.6"}]}}"#;
        assert_eq!(render("json", &[("path", "$.b.c[*]"), ("value", "x")], text), ["ip 45.9.20.6"]);
        assert_eq!(parse_path("$.*[*]"), Some(vec![Step::Every, Step::Every]));
        assert_eq!(parse_path("$[*].x"), Some(vec![Step::Every, Step::Member("x".to_owned())]));
        assert_eq!((parse_path("data"), parse_path("$.a[0]")), (None, None));
    }

    #[test]
    fn refuses_a_truncated_document_and_rejects_a_bad_line() {
        assert_eq!(render("json", &[], r#"[{"ip":"45.9.20.5"},{"ip":"#), ["FILE-REJECT truncated"]);
        let lines = "{\"ip\":\"45.9.20.5\"}\n{\"ip\":\n{\"ip\":\"45.9.20.6\"}\n";
        let expected = ["ip 45.9.20.5", "REJECT bad-json", "ip 45.9.20.6"];
        assert_eq!(render("json", &[], lines), expected);
        assert_eq!(render("ndjson", &[], lines), expected);
        assert_eq!(render("json", &[], r#"["45.9.20.5","45.9.20.6",]"#), ["ip 45.9.20.5", "ip 45.9.20.6"]);
        assert_eq!(render("json", &[], r#"{"query_status":"no_result"}"#), Vec::<String>::new());
    }
}
