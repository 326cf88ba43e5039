//! `otx-pulse`: pulses of AlienVault's Open Threat Exchange (OTX).
//!
//! `[{"tags":["phishing"],"indicators":[{"type":"domain","indicator":"evil.example.com"}]}]`, or the same
//! below `results`. Indicators also come without a pulse, in an array, a page or by themselves. The tags of a
//! pulse are the assessments of its indicators, unless an indicator has a role
//! of its own. Indicators that are no longer active (`is_active`) are skipped; `expiration` is their expiry.

use super::document::{self, TextBase};
use super::node::{self, Kind, Raw};
use super::{Format, Head, OpenError, Shape};
use crate::entry::{Details, Normalizer, Skip};
use crate::format::options::Options;
use crate::format::role;
use rapsheet_snapshot::{Assessments, Kinds, ListKind, ParseError, Scope, Time};

/// The row of the table.
pub(in crate::format) static FORMAT: Format = Format {
    id: "otx-pulse",
    about: "pulses of AlienVault OTX: JSON with the indicators of each pulse",
    example: r#"[{"name":"Example","tags":["phishing"],"indicators":[{"type":"domain","indicator":"evil.example.com"}]}]"#,
    kinds: Kinds::ALL,
    shape: Shape::Document(read),
    ..Format::DEFAULT
};

fn read(_: &Options, whole: Head<'_>, normalizer: &mut Normalizer<'_>) -> Result<(), OpenError> {
    document::for_each_value(whole.bytes, normalizer, |value, base, normalizer| {
        let page = node::member(value, "results").unwrap_or(value);
        match node::kind(page) {
            Kind::Array => node::elements(page, |pulse| read_pulse(pulse, base, normalizer)),
            _ => read_pulse(page, base, normalizer),
        }
    })?;
    Ok(())
}

fn read_pulse(pulse: Raw<'_>, base: &TextBase, normalizer: &mut Normalizer<'_>) {
    let tags = node::member(pulse, "tags").map(node::joined).unwrap_or_default();
    let assessments = role::category(tags.as_bytes(), Assessments::EMPTY);
    let created = node::time_of(pulse, "created");
    if node::member(pulse, "indicator").is_some() {
        normalizer.record_at(base.offset(pulse));
        return read_indicator(pulse, assessments, None, normalizer);
    }
    if let Some(indicators) = node::member(pulse, "indicators") {
        node::elements(indicators, |indicator| {
            normalizer.record_at(base.offset(indicator));
            read_indicator(indicator, assessments, created, normalizer);
        });
    }
}

fn read_indicator(
    indicator: Raw<'_>,
    assessments: Assessments,
    created: Option<Time>,
    normalizer: &mut Normalizer<'_>,
) {
    let text = |name: &str| node::text_of(indicator, name);
    if matches!(text("is_active").as_ref(), "0" | "false") {
        return normalizer.skip(Skip::Inactive);
    }
    if is_cleared(indicator) && normalizer.rules().list == ListKind::Block {
        return normalizer.skip(Skip::Benign);
    }
    let details = Details {
        first_seen: node::time_of(indicator, "created").or(created),
        expires: node::time_of(indicator, "expiration"),
        assessments: role::category(text("role").as_bytes(), assessments),
        ..Details::NONE
    };
    let value = text("indicator");
    let value = value.trim().as_bytes();
    let scope = normalizer.rules().scope;
    match text("type").as_ref() {
        "IPv4" | "IPv6" | "CIDR" => normalizer.address(value, &details),
        "domain" => normalizer.host(value, scope, &details),
        "hostname" => normalizer.host(value, Scope::Exact, &details),
        "URL" => normalizer.url(value, &details),
        "URI" => normalizer.reject(ParseError::PathOnly),
        _ => normalizer.skip(Skip::UnsupportedKind),
    }
}

/// Whether OTX validated an indicator as harmless: by its allowlist, or because it was reported as a false
/// positive.
fn is_cleared(indicator: Raw<'_>) -> bool {
    let mut found = false;
    if let Some(validation) = node::member(indicator, "validation") {
        node::elements(validation, |check| {
            let source = node::text_of(check, "source");
            found |= matches!(source.as_ref(), "whitelist" | "false_positive");
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use crate::pipeline::testing::{read_events, render};

    #[test]
    fn reads_indicators_of_a_pulse() {
        let text = r#"{"results":[{"created":"2026-08-01T10:00:00.093000","tags":["Phishing","x"],"indicators":[
{"type":"IPv4","indicator":"45.9.20.5","created":"2026-08-02T09:21:53.093"},
{"type":"hostname","indicator":"a.evilpanel.com","is_active":1,"expiration":"2026-12-01T00:00:00"},
{"type":"URL","indicator":"http://evilpanel.com/a","is_active":0},
{"type":"URI","indicator":"/gate.php"},{"type":"FileHash-MD5","indicator":"d41d8cd98f00b204e9800998ecf8427e"}]}],"next":null}"#;
        let expected = [
            "ip 45.9.20.5",
            "domain a.evilpanel.com",
            "SKIP inactive",
            "REJECT path-only",
            "SKIP unsupported-kind",
        ];
        assert_eq!(render("otx-pulse", &[], text), expected);
        let events = read_events("otx-pulse", &[], text);
        assert_eq!(events[0].first_seen.as_deref(), Some("2026-08-02T09:21:53Z"));
        assert_eq!(events[1].expires.as_deref(), Some("2026-12-01T00:00:00Z"));
        assert_eq!(events[1].assessments, ["phishing"]);
    }
}
