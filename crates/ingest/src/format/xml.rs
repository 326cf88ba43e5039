//! `xml` and `rss`: records of elements, and the items of a news feed.
//!
//! A record is an element whose children have names with a meaning; a news item holds its indicator in its title or,
//! in prose, in its description. The `quick-xml` crate reads the syntax, entities and sections of plain text, one
//! element at a time; documents that are not well formed are read as far as they go.

use super::role::{self, RecordRules, Role};
use super::{Format, Head, OpenError, Shape, freetext};
use crate::options::{OptionRow, Options};
use crate::refused::FileRefusal;
use crate::scribe::{Details, Scribe, Skip};
use crate::token;

use quick_xml::Reader;
use quick_xml::events::Event;
use rapsheet_snapshot::{Assessments, Kinds, ParseError};

/// The row of the table.
pub static XML_FORMAT: Format = Format {
    id: "xml",
    about: "XML records: elements whose children are named url, ip, domain, first, last …",
    example: "<entry><first>1787000000</first><last>0</last><url>http://evil.example.com/</url></entry>",
    kinds: Kinds::ALL,
    options: OPTIONS,
    shape: Shape::Document(read_xml),
    ..Format::DEFAULT
};

/// The row of the table for news.
pub static RSS_FORMAT: Format = Format {
    id: "rss",
    about: "RSS and Atom: an indicator in each item's title or description",
    example: "<item><title>192.0.2.7 | H</title><pubDate>Sat, 22 Aug 2026 03:00:29 +0000</pubDate></item>",
    kinds: Kinds::ALL,
    shape: Shape::Document(read_rss),
    ..Format::DEFAULT
};

const OPTIONS: &[OptionRow] = role::with_role_options![OptionRow {
    key: "record",
    about: "the names of the elements that are records (default entry, item, record, row)",
}];

/// The longest record, in bytes: one that never ends must not be collected.
const RECORD_MAX: usize = 1 << 20;

/// What a child costs beyond its texts, in bytes.
const FIELD_COST: usize = 64;
/// No list nests its elements deeper.
const DEPTH_MAX: usize = 256;

/// The children of the record at hand: name and text.
type Fields = Vec<(String, Vec<u8>)>;

fn read_xml(options: &Options, whole: Head<'_>, scribe: &mut Scribe<'_>) -> Result<(), OpenError> {
    let named = options.list("record");
    let usual = ["entry", "item", "record", "row"];
    let is_record = |name: &str| {
        if named.is_empty() { usual.contains(&name) } else { named.iter().any(|own| own == name) }
    };
    let rules = xml_rules(options);
    records(whole.bytes, is_record, scribe, |fields, scribe| record(fields, &rules, scribe))
}

fn read_rss(_: &Options, whole: Head<'_>, scribe: &mut Scribe<'_>) -> Result<(), OpenError> {
    records(whole.bytes, |name| matches!(name, "item" | "entry"), scribe, item)
}

/// The rules of the options, with two more aliases: `first` and `last` are times in XML, and names of people elsewhere.
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

/// Calls `take` with the children of every record.
fn records(
    text: &[u8],
    is_record: impl Fn(&str) -> bool,
    scribe: &mut Scribe<'_>,
    mut take: impl FnMut(&Fields, &mut Scribe<'_>),
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
                return Err(FileRefusal::Truncated(format!("it has elements {DEPTH_MAX} deep")).into());
            }
            Ok(Event::Start(tag)) => {
                depth += 1;
                let name = local(tag.local_name().as_ref());
                match &mut fields {
                    None if is_record(&name) => {
                        scribe.record_at(at);
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
                let ended = if is_record(&local(tag.local_name().as_ref())) { fields.take() } else { None };
                if let Some(fields) = ended {
                    take(&fields, scribe);
                }
            }
            Ok(Event::Text(piece)) => add(&mut fields, &mut size, &piece),
            Ok(Event::CData(piece)) => add(&mut fields, &mut size, &piece),
            Ok(Event::GeneralRef(name)) => add(&mut fields, &mut size, entity(&name)),
            Ok(Event::Eof) if fields.is_some() => return Err(FileRefusal::Truncated(unclosed()).into()),
            Ok(Event::Eof) => return Ok(()),
            Ok(_) => {}
            Err(error) => return Err(FileRefusal::Truncated(error.to_string()).into()),
        }
    }
}

fn unclosed() -> String {
    "the last record has no end".to_owned()
}

fn local(name: &[u8]) -> String {
    String::from_utf8_lossy(name).to_ascii_lowercase()
}

/// Adds a piece of text to the child that was opened last.
fn add(fields: &mut Option<Fields>, size: &mut usize, piece: &[u8]) {
    *size += piece.len();
    if let Some((_, text)) = fields.as_mut().and_then(|fields| fields.last_mut())
        && *size <= RECORD_MAX
    {
        text.extend_from_slice(piece);
    }
}

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

fn record(fields: &Fields, rules: &RecordRules, scribe: &mut Scribe<'_>) {
    let RecordRules { names, keep, default } = rules;
    let child = |name: &String| {
        let text = &fields.iter().find(|(own, _)| own == name)?.1;
        Some(role::non_null(text)).filter(|text| !text.is_empty())
    };
    let field = |role: Role| {
        let named = names.get(role as usize).map_or(&[][..], Vec::as_slice);
        named.iter().find_map(child).unwrap_or(&[])
    };
    let value = field(Role::Value);
    if !keep.is_empty() && !keep.iter().any(|word| word.as_bytes() == field(Role::Filter)) {
        scribe.skip(Skip::Inactive);
    } else if role::is_unsupported(field(Role::Kind)) {
        scribe.skip(Skip::UnsupportedKind);
    } else if value.is_empty() {
        scribe.reject(ParseError::BadColumns);
    } else {
        let scope = scribe.rules().scope;
        scribe.any(value, scope, &role::details(field, *default));
    }
}

/// An item of a news feed: its title is an indicator, or its texts hold some.
fn item(fields: &Fields, scribe: &mut Scribe<'_>) {
    let child = |name: &str| fields.iter().find(|(own, _)| own == name).map_or(&[][..], |(_, text)| text);
    let time = [child("pubdate"), child("updated"), child("published")];
    let details = Details {
        last_seen: time.into_iter().find_map(crate::timestamp::parse),
        assessments: role::category(child("category"), Assessments::EMPTY),
        ..Details::NONE
    };
    let title = child("title");
    let first = token::words(title).next().unwrap_or(&[]);
    let scope = scribe.rules().scope;
    if scribe.attempt(first, scope, &details) {
        return;
    }
    let texts = [title, child("description"), child("summary"), child("content")];
    let found: usize = texts.iter().map(|text| freetext::scan(text, false, &details, scribe)).sum();
    if found == 0 {
        scribe.skip(Skip::NoIndicator);
    }
}

#[cfg(test)]
mod tests {
    use crate::transcript::tests::{read_events, render};

    #[test]
    fn records_of_elements() {
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
    fn items_of_news() {
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
