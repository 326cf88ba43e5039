//! `otx-pulse`: pulses of the Open Threat Exchange, each with its indicators.
//!
//! A pulse's tags say what its indicators are bad for, unless an indicator has a role of its own. An indicator that
//! is no longer active says so, and one may carry its end.

use super::document::{self, Origin};
use super::node::{self, Kind, Raw};
use super::{Format, Head, OpenError, Shape};
use crate::format::role;

use crate::options::Options;
use crate::scribe::{Details, Scribe, Skip};
use rapsheet_snapshot::{Assessments, Kinds, ParseError, Scope, Time};

/// The row of the table.
pub static FORMAT: Format = Format {
    id: "otx-pulse",
    about: "AlienVault OTX pulses",
    example: r#"[{"name":"Example","tags":["phishing"],"indicators":[{"type":"domain","indicator":"evil.example.com"}]}]"#,
    kinds: Kinds::ALL,
    shape: Shape::Document(read),
    ..Format::DEFAULT
};

fn read(_: &Options, whole: Head<'_>, scribe: &mut Scribe<'_>) -> Result<(), OpenError> {
    document::each(whole.bytes, scribe, |value, origin, scribe| {
        let page = node::member(value, "results").unwrap_or(value);
        match node::kind(page) {
            Kind::Array => node::elements(page, |pulse| take(pulse, origin, scribe)),
            _ => take(page, origin, scribe),
        }
    })?;
    Ok(())
}

fn take(pulse: Raw<'_>, origin: &Origin, scribe: &mut Scribe<'_>) {
    let tags = node::member(pulse, "tags").map(node::joined).unwrap_or_default();
    let assessments = role::category(tags.as_bytes(), Assessments::EMPTY);
    let created = node::time_of(pulse, "created");
    if let Some(indicators) = node::member(pulse, "indicators") {
        node::elements(indicators, |one| {
            scribe.record_at(origin.offset(one));
            indicator(one, assessments, created, scribe);
        });
    }
}

fn indicator(one: Raw<'_>, assessments: Assessments, created: Option<Time>, scribe: &mut Scribe<'_>) {
    let text = |name: &str| node::text_of(one, name);
    if matches!(text("is_active").as_ref(), "0" | "false") {
        return scribe.skip(Skip::Inactive);
    }
    let details = Details {
        first_seen: node::time_of(one, "created").or(created),
        expires: node::time_of(one, "expiration"),
        assessments: role::category(text("role").as_bytes(), assessments),
        ..Details::NONE
    };
    let value = text("indicator");
    let value = value.trim().as_bytes();
    let scope = scribe.rules().scope;
    match text("type").as_ref() {
        "IPv4" | "IPv6" | "CIDR" => scribe.address(value, &details),
        "domain" => scribe.host(value, scope, &details),
        "hostname" => scribe.host(value, Scope::Exact, &details),
        "URL" => scribe.url(value, &details),
        "URI" => scribe.reject(ParseError::PathOnly),
        _ => scribe.skip(Skip::UnsupportedKind),
    }
}

#[cfg(test)]
mod tests {
    use crate::transcript::tests::{read_events, render};

    #[test]
    fn indicators_of_a_pulse() {
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
