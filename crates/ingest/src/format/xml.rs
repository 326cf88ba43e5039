//! `xml` and `rss`: records of XML elements, and the items of a news feed.
//!
//! `<entry><first>1787000000</first><url>http://evil.example.com/</url></entry>` (clean-mx). A record is an
//! element whose children are its fields; option `record` names such elements. An item of RSS or Atom has its
//! indicator in its title (Project Honey Pot), or in the prose of its title or description (malc0de).
//!
//! The `quick-xml` crate reads the syntax, one event at a time, so no tree is built. End tags are not
//! compared with start tags, because publishers escape badly; a document whose last record has no end is
//! refused as truncated.

use super::extent;
use super::record::RecordRules;
use super::role::{self, Role};
use super::value;
use super::{Format, Head, OpenError, Shape, freetext};
use crate::download::refusal::FileRefusal;
use crate::entry::{Details, Normalizer, Skip};
use crate::format::options::{OptionRow, Options};
use crate::format::token;
use quick_xml::Reader;
use quick_xml::events::Event;
use rapsheet_snapshot::{Assessments, Kinds, ListKind, ParseError};

/// The row of the table.
pub(super) static XML_FORMAT: Format = Format {
    id: "xml",
    about: "XML records: elements with children such as url, ip, domain, first, last",
    example: "<entry><first>1787000000</first><last>0</last><url>http://evil.example.com/</url></entry>",
    kinds: Kinds::ALL,
    options: OPTIONS,
    shape: Shape::Document(read_xml),
    ..Format::DEFAULT
};

/// The row of the table for news feeds.
pub(super) static RSS_FORMAT: Format = Format {
    id: "rss",
    about: "RSS and Atom: indicators in the titles or descriptions of the items",
    example: "<item><title>192.0.2.7 | H</title><pubDate>Sat, 22 Aug 2026 03:00:29 +0000</pubDate></item>",
    kinds: Kinds::ALL,
    shape: Shape::Document(read_rss),
    ..Format::DEFAULT
};

const OPTIONS: &[OptionRow] = role::with_role_options![OptionRow {
    key: "record",
    about: "the names of the elements that are records (default entry, item, record, row)",
}];

/// How much of a record is kept, in bytes. A record without an end must not fill the memory.
const RECORD_MAX: usize = 1 << 20;

/// The memory that a field takes beside its texts, in bytes.
const FIELD_COST: usize = 64;
/// The deepest nesting of elements. No list comes near it.
const DEPTH_MAX: usize = 256;

/// The fields of a record: names and texts of its children.
type Fields = Vec<(String, Vec<u8>)>;

fn read_xml(options: &Options, whole: Head<'_>, normalizer: &mut Normalizer<'_>) -> Result<(), OpenError> {
    let named = options.list("record");
    let default = ["entry", "item", "record", "row"];
    let is_record = |name: &str| {
        if named.is_empty() { default.contains(&name) } else { named.iter().any(|record| record == name) }
    };
    let rules = xml_rules(options);
    for_each_record(whole.bytes, is_record, normalizer, |fields, normalizer| {
        emit_record(fields, &rules, normalizer);
    })
}

fn read_rss(_: &Options, whole: Head<'_>, normalizer: &mut Normalizer<'_>) -> Result<(), OpenError> {
    for_each_record(whole.bytes, |name| matches!(name, "item" | "entry"), normalizer, emit_item)
}

/// The rules of the options, with the aliases of clean-mx. `first` and `last` are too common as keys of JSON
/// to be aliases everywhere.
fn xml_rules(options: &Options) -> RecordRules {
    let mut rules = RecordRules::new(options);
    for (role, alias) in [(Role::FirstSeen, "first"), (Role::LastSeen, "last")] {
        if let Some(names) = rules.names.get_mut(role as usize)
            && options.list(role.option()).is_empty()
        {
            names.insert(0, alias.to_owned());
        }
    }
    rules
}

/// Calls `visit` with the fields of every record.
fn for_each_record(
    text: &[u8],
    is_record: impl Fn(&str) -> bool,
    normalizer: &mut Normalizer<'_>,
    mut visit: impl FnMut(&Fields, &mut Normalizer<'_>),
) -> Result<(), OpenError> {
    if !text.trim_ascii_start().starts_with(b"<") {
        return Err(FileRefusal::NoData.into());
    }
    let mut reader = Reader::from_reader(text);
    reader.config_mut().check_end_names = false;
    let mut fields: Option<Fields> = None;
    let (mut size, mut depth) = (0, 0_usize);
    loop {
        let at = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        match reader.read_event() {
            Ok(Event::Start(_)) if depth == DEPTH_MAX => {
                return Err(FileRefusal::Truncated(format!("it nests more than {DEPTH_MAX} elements")).into());
            }
            Ok(Event::Start(tag)) => {
                depth += 1;
                let name = lower(tag.local_name().as_ref());
                match &mut fields {
                    None if is_record(&name) => {
                        normalizer.record_at(at);
                        (fields, size) = (Some(Vec::new()), 0);
                    }
                    None => {}
                    Some(fields) if size <= RECORD_MAX => {
                        size += name.len() + FIELD_COST;
                        fields.push((name, Vec::new()));
                    }
                    Some(_) => {}
                }
            }
            Ok(Event::End(tag)) => {
                depth = depth.saturating_sub(1);
                let ended = if is_record(&lower(tag.local_name().as_ref())) { fields.take() } else { None };
                if let Some(fields) = ended {
                    visit(&fields, normalizer);
                }
            }
            Ok(Event::Text(piece)) => append_text(&mut fields, &mut size, &piece),
            Ok(Event::CData(piece)) => append_text(&mut fields, &mut size, &piece),
            Ok(Event::GeneralRef(name)) => append_text(&mut fields, &mut size, entity(&name)),
            Ok(Event::Eof) if fields.is_some() => {
                return Err(FileRefusal::Truncated("the last record has no end".to_owned()).into());
            }
            Ok(Event::Eof) => return Ok(()),
            Ok(_) => {}
            Err(error) => return Err(FileRefusal::Truncated(error.to_string()).into()),
        }
    }
}

fn lower(name: &[u8]) -> String {
    String::from_utf8_lossy(name).to_ascii_lowercase()
}

/// Appends a piece of text to the field that was opened last, up to [`RECORD_MAX`].
fn append_text(fields: &mut Option<Fields>, size: &mut usize, piece: &[u8]) {
    *size += piece.len();
    if let Some((_, text)) = fields.as_mut().and_then(|fields| fields.last_mut())
        && *size <= RECORD_MAX
    {
        text.extend_from_slice(piece);
    }
}

/// The text of an entity. Entities that cannot be part of an indicator become a blank.
fn entity(name: &[u8]) -> &'static [u8] {
    match name {
        b"amp" | b"#38" | b"#x26" => b"&",
        b"lt" => b"<",
        b"gt" => b">",
        b"quot" => b"\"",
        b"apos" | b"#39" => b"'",
        b"#47" | b"#x2F" | b"#x2f" => b"/",
        _ => b" ",
    }
}

fn emit_record(fields: &Fields, rules: &RecordRules, normalizer: &mut Normalizer<'_>) {
    let RecordRules { names, keep, default, .. } = rules;
    let normal: Vec<String> = fields.iter().map(|(name, _)| role::normal(name)).collect();
    let child = |name: &String| {
        let text = &fields.get(normal.iter().position(|child| child == name)?)?.1;
        Some(role::non_null(text)).filter(|text| !text.is_empty())
    };
    let field = |role: Role| {
        let named = names.get(role as usize).map_or(&[][..], Vec::as_slice);
        let mut filled = named.iter().filter_map(|name| Some((name, child(name)?)));
        let found = match role {
            // `cidr` and its like are prefixes or their lengths.
            Role::Value => filled.find(|(_, text)| !extent::is_mask(text)),
            Role::Mask => filled.find(|(name, text)| extent::is_mask_field(name, text, None)),
            _ => filled.next(),
        };
        found.map_or(&[][..], |(_, text)| text)
    };
    let value = field(Role::Value);
    if !keep.is_empty() && !keep.iter().any(|word| word.as_bytes() == field(Role::Filter)) {
        normalizer.skip(Skip::Inactive);
    } else if role::is_unsupported(field(Role::Kind)) {
        normalizer.skip(Skip::UnsupportedKind);
    } else if let Some(why) = objection(fields, rules, normalizer) {
        normalizer.skip(why);
    } else {
        let scope = role::scope(field(Role::Scope), normalizer.rules().scope);
        let details = role::details(field, *default);
        match extent::emit(field, value, &details, normalizer) {
            true => {}
            false if value.is_empty() => normalizer.reject(ParseError::BadColumns),
            false => value::emit(value, scope, &details, normalizer),
        }
    }
}

/// Why a record does not count, if it says that it is not bad.
fn objection(fields: &Fields, rules: &RecordRules, normalizer: &Normalizer<'_>) -> Option<Skip> {
    let blocks = normalizer.rules().list == ListKind::Block;
    fields
        .iter()
        .filter(|_| blocks)
        .find_map(|(name, text)| rules.meaning(&role::normal(name))?.polarity?.objection(text))
}

/// An item of a news feed: the first word of its title is an indicator, or its texts are searched for some.
fn emit_item(fields: &Fields, normalizer: &mut Normalizer<'_>) {
    let child = |name: &str| fields.iter().find(|(child, _)| child == name).map_or(&[][..], |(_, text)| text);
    let time = [child("pubdate"), child("updated"), child("published")];
    let details = Details {
        last_seen: time.into_iter().find_map(crate::entry::timestamp::parse),
        assessments: role::category(child("category"), Assessments::EMPTY),
        ..Details::NONE
    };
    let title = child("title");
    let first = token::words(title).next().unwrap_or(&[]);
    let scope = normalizer.rules().scope;
    if normalizer.try_any(first, scope, &details) {
        return;
    }
    let texts = [title, child("description"), child("summary"), child("content")];
    let found: usize = texts.iter().map(|text| freetext::scan(text, false, &details, normalizer)).sum();
    if found == 0 {
        normalizer.skip(Skip::NoIndicator);
    }
}

#[cfg(test)]
mod tests {
    use crate::pipeline::testing::{read_events, render};

    #[test]
    fn reads_records() {
        let text = "<?xml version=\"1.0\" encoding=\"iso-8859-15\"?>\n<output>\n<entries>\n<entry>\n<first>1787000000</first><last>0</last>\n<url><![CDATA[http://evilpanel.com/a?b&c]]></url>\n<ip>45.9.20.5</ip>\n</entry>\n\
                    <entry><md5>x</md5></entry>\n<entry><url>http://evilpanel.com/?a=1&amp;b=2</url></entry>\n</entries>\n</output>\n";
        let expected =
            ["url http://evilpanel.com/a?b&c", "REJECT bad-columns", "url http://evilpanel.com/?a=1&b=2"];
        assert_eq!(render("xml", &[], text), expected);
        let events = read_events("xml", &[], text);
        assert!(events[0].first_seen.is_some());
        assert_eq!(events[1].line, 9);
        assert_eq!(render("xml", &[], "<entry><url>http://evilpanel.com/"), ["FILE-REJECT truncated"]);
    }

    #[test]
    fn reads_items_of_a_news_feed() {
        let text = "<rss><channel><title>x</title><item><title>45.9.20.5 | H</title><pubDate>Sat, 22 Aug 2026 03:00:29 +0000</pubDate></item>\n\
                    <item><title>News of the day</title><description>URL: http://evilpanel.com/x, IP Address: 45.9.20.6, Country: XX</description><category>phishing</category></item>\n\
                    <item><title>Nothing</title></item></channel></rss>\n";
        let expected = ["ip 45.9.20.5", "url http://evilpanel.com/x", "ip 45.9.20.6", "SKIP no-indicator"];
        assert_eq!(render("rss", &[], text), expected);
        let events = read_events("rss", &[], text);
        assert_eq!(events[0].detect_time.as_deref(), Some("2026-08-22T03:00:29Z"));
        assert_eq!(events[1].assessments, ["phishing"]);
    }
}
