//! `stix`: a bundle of STIX 2.1 with an indicator for each network, name and URL.
//!
//! The id of an indicator is made of its pattern, so that each export has the same object again, and the time
//! of its modification says which is newer. The feeds are its external references, our assessments its
//! labels.

mod uuid;

use super::{Detail, Format, Syntax, Urls};
use crate::header::Header;
use crate::network::Network;
use crate::statement::Statement;
use rapsheet_snapshot::{Assessment, Assessments, Scope};
use serde::Serialize;
use std::io::{self, Write};
use uuid::Uuid;

pub(super) static FORMAT: Format = Format {
    name: "stix",
    about: "a STIX 2.1 bundle of indicators",
    parses_as: "stix",
    urls: Urls::WithScheme,
    longest_timeout: u64::MAX,
    detail: Detail::Full,
    syntax: || Box::new(Stix { identity: identity_id() }),
    ..Format::DEFAULT
};

/// When the identity was made. Each export has a newer version of the same object.
const IDENTITY_CREATED: &str = "2026-01-01T00:00:00Z";

struct Stix {
    /// The id of who made the indicators.
    identity: String,
}

/// Who made the indicators, from what, under which licences.
#[derive(Serialize)]
struct Identity<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    spec_version: &'static str,
    id: &'a str,
    created: &'static str,
    modified: String,
    name: &'static str,
    description: &'a str,
    identity_class: &'static str,
}

#[derive(Serialize)]
struct Indicator<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    spec_version: &'static str,
    id: String,
    created_by_ref: &'a str,
    created: String,
    modified: String,
    indicator_types: Vec<&'static str>,
    pattern: &'a str,
    pattern_type: &'static str,
    valid_from: String,
    valid_until: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    labels: Vec<&'static str>,
    external_references: Vec<Reference<'a>>,
}

/// A feed, and what it lists.
#[derive(Serialize)]
struct Reference<'a> {
    source_name: &'a str,
    external_id: &'a str,
}

fn identity_id() -> String {
    format!("identity--{}", Uuid::of("identity: rapsheet"))
}

/// A pattern that compares an observable with a text.
fn pattern(object: &str, operator: &str, text: &str) -> String {
    let literal = text.replace('\\', "\\\\").replace('\'', "\\'");
    format!("[{object}:value {operator} '{literal}']")
}

/// The words of STIX for our assessments.
fn types(assessments: Assessments) -> Vec<&'static str> {
    let only = |one: Assessment| assessments == Assessments::EMPTY.with(one);
    match () {
        () if assessments.is_empty() => vec!["unknown"],
        () if only(Assessment::Tor) => vec!["anonymization"],
        () if only(Assessment::Suspicious) => vec!["anomalous-activity"],
        () => vec!["malicious-activity"],
    }
}

impl Stix {
    fn indicator(
        &self,
        header: &Header,
        (text, pattern): (&str, &str),
        statement: &Statement,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let references = header.feeds_of(statement).into_iter();
        let indicator = Indicator {
            kind: "indicator",
            spec_version: "2.1",
            id: format!("indicator--{}", Uuid::of(pattern)),
            created_by_ref: &self.identity,
            created: statement.first_seen.to_string(),
            modified: statement.detect_time.max(statement.first_seen).to_string(),
            indicator_types: types(statement.assessments),
            pattern,
            pattern_type: "stix",
            valid_from: statement.first_seen.to_string(),
            valid_until: statement.expires.to_string(),
            labels: statement.assessments.iter().map(Assessment::word).collect(),
            external_references: references
                .map(|source_name| Reference { source_name, external_id: text })
                .collect(),
        };
        out.write_all(b",\n")?;
        Ok(serde_json::to_writer(out, &indicator)?)
    }
}

impl Syntax for Stix {
    fn begin(&mut self, header: &Header, out: &mut dyn Write) -> io::Result<()> {
        let lines = std::iter::once(header.times()).chain(header.sources().iter().cloned());
        let description = lines.collect::<Vec<String>>().join("\n");
        let bundle = Uuid::of(&format!("bundle: {description}"));
        writeln!(out, "{{\"type\":\"bundle\",\"id\":\"bundle--{bundle}\",\"objects\":[")?;
        let identity = Identity {
            kind: "identity",
            spec_version: "2.1",
            id: &self.identity,
            created: IDENTITY_CREATED,
            modified: header.now.to_string(),
            name: "rapsheet",
            description: &description,
            identity_class: "system",
        };
        Ok(serde_json::to_writer(out, &identity)?)
    }

    fn network(
        &mut self,
        header: &Header,
        network: &Network,
        statement: &Statement,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let object = if network.is_ipv6 { "ipv6-addr" } else { "ipv4-addr" };
        let operator = if network.is_single() { "=" } else { "ISSUBSET" };
        let text = network.to_string();
        self.indicator(header, (&text, &pattern(object, operator, &text)), statement, out)
    }

    fn name(
        &mut self,
        header: &Header,
        (name, _): (&str, Scope),
        statement: &Statement,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        self.indicator(header, (name, &pattern("domain-name", "=", name)), statement, out)
    }

    fn url(
        &mut self,
        header: &Header,
        url: &str,
        statement: &Statement,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        self.indicator(header, (url, &pattern("url", "=", url)), statement, out)
    }

    fn end(&mut self, _: &Header, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "\n]}}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_do_not_end_a_literal() {
        let text = "http://evil-one.com/\\' OR x:value = 'y";
        let expected = r"[url:value = 'http://evil-one.com/\\\' OR x:value = \'y']";
        assert_eq!(pattern("url", "=", text), expected);
    }

    #[test]
    fn assessments_have_words_of_the_vocabulary() {
        let of = |all: &[Assessment]| types(all.iter().copied().collect());
        assert_eq!(of(&[]), ["unknown"]);
        assert_eq!(of(&[Assessment::Tor]), ["anonymization"]);
        assert_eq!(of(&[Assessment::Tor, Assessment::Botnet]), ["malicious-activity"]);
    }
}
