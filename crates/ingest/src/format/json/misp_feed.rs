//! `misp-feed`: events of MISP: one file, or the folder of files that a MISP feed is.
//!
//! `{"Event":{"Attribute":[{"type":"domain","to_ids":true,"value":"evil.example.com"}]}}`. An attribute
//! counts where it is meant for detection (`to_ids`) and not deleted. A composite value, such as `domain|ip`
//! or `ip-dst|port`, is an indicator and its context: the address that a name resolved to is not listed.
//!
//! `manifest.json` and `hashes.csv` of the folder have no indicators. Assessments are those of the tags of an
//! attribute and its event, else of the attribute's category.

use super::document::{self, TextBase};
use super::node::{self, DEPTH_MAX, Kind, Raw};
use super::{Format, Head, OpenError, Shape};
use crate::entry::{Details, Normalizer, Skip, taxonomy};
use crate::format::options::Options;
use crate::format::role;
use rapsheet_snapshot::refang::refang;
use rapsheet_snapshot::{Assessments, Kinds, ListKind, Scope, Time};

/// The row of the table.
pub(in crate::format) static FORMAT: Format = Format {
    id: "misp-feed",
    about: "MISP events: one file, or a feed's folder with its manifest",
    example: r#"{"Event":{"date":"2026-08-20","Attribute":[{"type":"domain","to_ids":true,"value":"evil.example.com"}]}}"#,
    kinds: Kinds::ALL,
    shape: Shape::Document(read),
    ..Format::DEFAULT
};

fn read(_: &Options, whole: Head<'_>, normalizer: &mut Normalizer<'_>) -> Result<(), OpenError> {
    let name = whole.part.rsplit('/').next().unwrap_or_default();
    let is_metadata = name == "manifest.json" || !(name.is_empty() || name.ends_with(".json"));
    if is_metadata {
        normalizer.record_at(0);
        normalizer.skip(Skip::Metadata);
        return Ok(());
    }
    document::for_each_value(whole.bytes, normalizer, |value, base, normalizer| {
        walk(value, &Event::default(), 0, base, normalizer);
    })?;
    Ok(())
}

/// What holds for all attributes of an event.
#[derive(Clone, Copy, Default)]
struct Event {
    assessments: Assessments,
    date: Option<Time>,
}

/// Finds attributes in events, objects and arrays of them, or by themselves.
fn walk(raw: Raw<'_>, event: &Event, depth: usize, base: &TextBase, normalizer: &mut Normalizer<'_>) {
    if depth > DEPTH_MAX {
        return;
    }
    if node::kind(raw) == Kind::Array {
        return node::elements(raw, |element| walk(element, event, depth + 1, base, normalizer));
    }
    let is_attribute = node::member(raw, "type").is_some() && node::member(raw, "value").is_some();
    if is_attribute {
        normalizer.record_at(base.offset(raw));
        return read_attribute(raw, event, normalizer);
    }
    let inner = Event {
        assessments: event.assessments.union(tags(raw)),
        date: node::time_of(raw, "date").or(event.date),
    };
    node::members(raw, |key, value| match key {
        "Event" | "response" | "Attribute" | "Object" => walk(value, &inner, depth + 1, base, normalizer),
        _ => {}
    });
}

fn read_attribute(raw: Raw<'_>, event: &Event, normalizer: &mut Normalizer<'_>) {
    let text = |name: &str| node::text_of(raw, name);
    if matches!(text("deleted").as_ref(), "true" | "1") {
        return normalizer.skip(Skip::Deleted);
    }
    if !matches!(text("to_ids").as_ref(), "true" | "1") {
        return normalizer.skip(Skip::ToIds);
    }
    if is_retracted(raw) && normalizer.rules().list == ListKind::Block {
        return normalizer.skip(Skip::Benign);
    }
    let time = |name: &str| node::time_of(raw, name);
    let by_tag = tags(raw).union(event.assessments);
    let assessments = if by_tag.is_empty() {
        role::category(text("category").as_bytes(), Assessments::EMPTY)
    } else {
        by_tag
    };
    let first_seen = time("first_seen");
    let last_seen = time("last_seen").or_else(|| time("timestamp")).or(first_seen).or(event.date);
    let details = Details { first_seen, last_seen, assessments, ..Details::NONE };
    emit(&text("type"), text("value").trim(), details, normalizer);
}

fn emit(kind: &str, value: &str, details: Details, normalizer: &mut Normalizer<'_>) {
    let (first, second) = value.split_once('|').unwrap_or((value, ""));
    let port = if kind.ends_with("|port") { second.trim().parse().ok() } else { None };
    let details = Details { port, ..details };
    let first = refang(first.trim().as_bytes());
    let first = first.as_ref();
    let scope = normalizer.rules().scope;
    match kind {
        "ip-src" | "ip-dst" | "ip-src|port" | "ip-dst|port" => normalizer.address(first, &details),
        "domain" | "domain|ip" => normalizer.host(first, scope, &details),
        "hostname" | "hostname|port" | "hostname|ip" => normalizer.host(first, Scope::Exact, &details),
        "url" => normalizer.url(value.as_bytes(), &details),
        _ => normalizer.skip(Skip::UnsupportedKind),
    }
}

/// The assessments of tags: of plain words, and of the values of machine tags such as `misp:type="phishing"`.
fn tags(raw: Raw<'_>) -> Assessments {
    let mut all = Assessments::EMPTY;
    if let Some(tags) = node::member(raw, "Tag") {
        node::elements(tags, |tag| {
            let name = node::text_of(tag, "name");
            let word = name.rsplit(['=', ':']).next().unwrap_or_default();
            all = all.union(role::category(word.as_bytes(), Assessments::EMPTY));
        });
    }
    all
}

/// Whether a tag says that an attribute is a false positive.
fn is_retracted(raw: Raw<'_>) -> bool {
    let mut found = false;
    if let Some(tags) = node::member(raw, "Tag") {
        node::elements(tags, |tag| {
            let name = node::text_of(tag, "name");
            found |= taxonomy::is_retraction(name.rsplit(['=', ':']).next().unwrap_or_default());
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use crate::pipeline::testing::{read_events, render};

    #[test]
    fn reads_attributes_of_events_and_objects() {
        let text = r#"{"Event":{"date":"2026-08-01","Tag":[{"name":"misp:type=\"phishing\""}],"Attribute":[
{"type":"domain","to_ids":true,"value":"evilpanel.com","timestamp":"1787000000"},
{"type":"ip-dst|port","to_ids":"1","value":"45.9.20.5|443"},
{"type":"domain|ip","to_ids":true,"value":"evilpanel.net|45.9.20.6"},
{"type":"url","to_ids":false,"value":"http://evilpanel.com/a"},
{"type":"url","to_ids":true,"deleted":true,"value":"http://evilpanel.com/b"},
{"type":"md5","to_ids":true,"value":"d41d8cd98f00b204e9800998ecf8427e"}],
"Object":[{"name":"x","Attribute":[{"type":"url","to_ids":true,"value":"hxxp://evilpanel[.]com/c"}]}]}}"#;
        let expected = [
            "domain-tree evilpanel.com",
            "ip 45.9.20.5",
            "domain-tree evilpanel.net",
            "SKIP to_ids",
            "SKIP deleted",
            "SKIP unsupported-kind",
            "url http://evilpanel.com/c",
        ];
        assert_eq!(render("misp-feed", &[], text), expected);
        let events = read_events("misp-feed", &[], text);
        assert_eq!((events[1].port, events[1].line), (Some(443), 3));
        assert_eq!(events[0].assessments, ["phishing"]);
        assert_eq!(events[1].detect_time.as_deref(), Some("2026-08-01T00:00:00Z"));
    }
}
