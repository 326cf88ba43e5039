//! How one file is parsed, event by event: what `rapsheet parse` prints and tests compare.

use crate::entry::{Details, Key, ListMetadata, Position, Sink, Skip, Warnings};
use crate::report::quote;
use rapsheet_snapshot::{AddressRange, ListKind, ParseError, Scope};
use serde::Serialize;

/// One result of a line: an entry, a skip or a reject.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Event {
    /// The line, counted from 1.
    pub line: u64,
    /// `ip`, `cidr`, `range`, `domain`, `domain-tree`, `subdomains`, `url`, `skip` or `reject`.
    pub result: &'static str,
    /// The canonical indicator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub indicator: Option<String>,
    /// `block` or `allow`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list: Option<&'static str>,
    /// Why it was skipped or rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// The byte offset of the line, for rejects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// The line's text, for rejects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What is unusual about it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<&'static str>,
    /// Its port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The row's first-seen time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_seen: Option<String>,
    /// The row's last-seen time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detect_time: Option<String>,
    /// The row's own expiry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// The generation time that the list states, on the line that states it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generated: Option<String>,
    /// The number of entries that the list declares, on the line that declares it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub declared: Option<u64>,
    /// The row's own assessments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub assessments: Vec<&'static str>,
}

/// Collects events.
pub struct EventLog {
    list: ListKind,
    generated: Option<String>,
    declared: Option<u64>,
    /// What was collected, in the order of the file.
    pub events: Vec<Event>,
}

impl EventLog {
    /// An empty log of a list of this kind.
    pub fn new(list: ListKind) -> EventLog {
        EventLog { list, generated: None, declared: None, events: Vec::new() }
    }
}

impl Sink for EventLog {
    fn entry(&mut self, position: Position, key: Key<'_>, details: &Details, warnings: Warnings) {
        let (result, indicator) = describe(key);
        let list = if details.inverted { self.list.inverted() } else { self.list };
        self.events.push(Event {
            line: position.line,
            result,
            indicator: Some(indicator),
            list: Some(list.word()),
            warnings: warnings.iter().map(|warning| warning.word()).collect(),
            port: details.port,
            first_seen: details.first_seen.map(|time| time.to_string()),
            detect_time: details.last_seen.map(|time| time.to_string()),
            expires: details.expires.map(|time| time.to_string()),
            assessments: details.assessments.iter().map(|assessment| assessment.word()).collect(),
            ..Event::default()
        });
    }

    fn skip(&mut self, position: Position, why: Skip) {
        self.events.push(Event {
            line: position.line,
            result: "skip",
            reason: Some(why.word()),
            generated: self.generated.take(),
            declared: self.declared.take(),
            ..Event::default()
        });
    }

    fn metadata(&mut self, _: Position, metadata: ListMetadata) {
        match metadata {
            ListMetadata::Generated(time) => self.generated = Some(time.to_string()),
            ListMetadata::Declared(count) => self.declared = Some(count),
        }
    }

    fn reject(&mut self, position: Position, why: ParseError, text: &[u8]) {
        self.events.push(Event {
            line: position.line,
            result: "reject",
            reason: Some(why.word()),
            offset: Some(position.offset),
            text: Some(quote(text)),
            ..Event::default()
        });
    }
}

/// The word for a kind of indicator, and its canonical text.
fn describe(key: Key<'_>) -> (&'static str, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match key {
        Key::Range(range) => (range_word(&range), range.to_string()),
        Key::Name(name, Scope::Exact) => ("domain", text(name)),
        Key::Name(name, Scope::Tree) => ("domain-tree", text(name)),
        Key::Name(name, Scope::Subdomains) => ("subdomains", text(name)),
        Key::Url(url) => ("url", text(url)),
    }
}

fn range_word(range: &AddressRange) -> &'static str {
    match range.prefix_len() {
        _ if range.is_single() => "ip",
        Some(_) => "cidr",
        None => "range",
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::download::refusal::FileRefusal;
    use crate::entry::Rules;
    use crate::format::options::Options;
    use crate::format::{self, OpenError};
    use crate::pipeline::{self, ParseConfig};
    use rapsheet_snapshot::Time;

    /// Reads `text` as a whole small file and renders each event in one short line: `cidr 192.0.2.0/24`,
    /// `allow domain a.example`, `SKIP comment`, `REJECT bad-ip`.
    pub(crate) fn render(format: &str, options: &[(&str, &str)], text: &str) -> Vec<String> {
        read_events(format, options, text).iter().map(short).collect()
    }

    /// Reads `text` as a whole small file, at 2026-11-23, as a block list whose bare names are trees.
    pub(crate) fn read_events(format: &str, pairs: &[(&str, &str)], text: &str) -> Vec<Event> {
        let format = format::find(format).expect("the format exists");
        let mut options = Options::default();
        pairs.iter().for_each(|(key, value)| options.push(key, value));
        options.check(format.options).expect("known options");
        let now = Time::parse_rfc3339("2026-11-23T00:00:00Z").expect("a time");
        let rules = Rules::new(now, ListKind::Block, Scope::Tree);
        let mut event_log = EventLog::new(ListKind::Block);
        let config = ParseConfig { format, options: &options, rules: &rules, can_be_empty: true };
        match pipeline::parse_text(&config, &mut text.as_bytes(), &mut event_log) {
            // A small file of refusals alone is what many tests are about.
            Ok(_) | Err(OpenError::File(FileRefusal::NoData)) => {}
            Err(OpenError::File(refusal)) => event_log.events.push(Event {
                result: "file-reject",
                reason: Some(refusal.word()),
                ..Event::default()
            }),
            Err(OpenError::Options(error)) => panic!("{error}"),
        }
        event_log.events
    }

    fn short(event: &Event) -> String {
        let indicator = event.indicator.as_deref().unwrap_or_default();
        match (event.result, event.list) {
            ("skip", _) => format!("SKIP {}", event.reason.unwrap_or_default()),
            ("file-reject", _) => format!("FILE-REJECT {}", event.reason.unwrap_or_default()),
            ("reject", _) => format!("REJECT {}", event.reason.unwrap_or_default()),
            (kind, Some("allow")) => format!("allow {kind} {indicator}"),
            (kind, _) => format!("{kind} {indicator}"),
        }
    }

    #[test]
    fn logs_one_event_a_line() {
        let text = "45.9.20.5\n# Entries: 3\n45.9.20.0/24,\nC91.196.152.28\n\n45[.]9[.]20[.]5:443 # x\n";
        let expected = [
            "ip 45.9.20.5",
            "SKIP header",
            "cidr 45.9.20.0/24",
            "REJECT bad-ip",
            "SKIP blank",
            "ip 45.9.20.5",
        ];
        assert_eq!(render("plain-ip", &[], text), expected);
    }
}
