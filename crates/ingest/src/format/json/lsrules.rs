//! `lsrules`: rule groups of Little Snitch.
//!
//! Domains are trees, hosts are exact, addresses may be ranges, and any of them may be one text or a list. A rule
//! that allows is an exception of the group.

use super::document::{self, Origin};
use super::node::{self, Kind, Raw};
use super::{Format, Head, OpenError, Shape};
use crate::options::Options;
use crate::scribe::{Details, Scribe, Skip};
use rapsheet_snapshot::{Kinds, Scope};

/// The row of the table.
pub static FORMAT: Format = Format {
    id: "lsrules",
    about: "Little Snitch rule groups",
    example: r#"{"denied-remote-domains":["evil.example.com"],"denied-remote-addresses":["192.0.2.0/24"]}"#,
    kinds: Kinds::ALL,
    shape: Shape::Document(read),
    ..Format::DEFAULT
};

fn read(_: &Options, whole: Head<'_>, scribe: &mut Scribe<'_>) -> Result<(), OpenError> {
    document::each(whole.bytes, scribe, |group, origin, scribe| {
        remotes(group, "denied-", &Details::NONE, origin, scribe);
        if let Some(rules) = node::member(group, "rules") {
            node::elements(rules, |one| rule(one, origin, scribe));
        }
    })?;
    Ok(())
}

fn rule(rule: Raw<'_>, origin: &Origin, scribe: &mut Scribe<'_>) {
    scribe.record_at(origin.offset(rule));
    let inverted = node::text_of(rule, "action") == "allow";
    let disabled = node::text_of(rule, "disabled") == "true";
    if disabled {
        return scribe.skip(Skip::Inactive);
    }
    remotes(rule, "", &Details { inverted, ..Details::NONE }, origin, scribe);
    if scribe.told() == 0 {
        scribe.skip(Skip::RuleWithoutAddress);
    }
}

/// What a group or a rule names, under keys that begin with `prefix`.
fn remotes(raw: Raw<'_>, prefix: &str, details: &Details, origin: &Origin, scribe: &mut Scribe<'_>) {
    node::members(raw, |key, value| {
        let Some(what) = key.strip_prefix(prefix).and_then(|key| key.strip_prefix("remote-")) else { return };
        let mut each = |raw: Raw<'_>| {
            scribe.record_at(origin.offset(raw));
            node::text(raw).split(',').for_each(|text| remote(what, text.trim(), details, scribe));
        };
        match node::kind(value) {
            Kind::Array => node::elements(value, each),
            Kind::Text => each(value),
            Kind::Object | Kind::Number | Kind::Word => {}
        }
    });
}

fn remote(what: &str, text: &str, details: &Details, scribe: &mut Scribe<'_>) {
    match what {
        _ if text.is_empty() => {}
        "domains" => scribe.host(text.as_bytes(), Scope::Tree, details),
        "hosts" => scribe.host(text.as_bytes(), Scope::Exact, details),
        "addresses" => scribe.address(text.as_bytes(), details),
        _ => scribe.skip(Skip::UnsupportedKind),
    }
}

#[cfg(test)]
mod tests {
    use crate::transcript::tests::render;

    #[test]
    fn groups_and_rules() {
        let text = r#"{"name":"x","denied-remote-domains":["evilpanel.com"],"denied-remote-hosts":["a.evilpanel.net",],
"denied-remote-addresses":["45.9.20.5","45.9.21.0/24, 45.9.22.4-45.9.22.9"],
"rules":[{"action":"deny","remote-domains":"evilpanel.org"},{"action":"allow","remote-hosts":["good.evilpanel.com"]},{"action":"deny","process":"any","remote":"any"}]}"#;
        let expected = [
            "domain-tree evilpanel.com",
            "domain a.evilpanel.net",
            "ip 45.9.20.5",
            "cidr 45.9.21.0/24",
            "range 45.9.22.4-45.9.22.9",
            "domain-tree evilpanel.org",
            "allow domain good.evilpanel.com",
            "SKIP rule-without-address",
        ];
        assert_eq!(render("lsrules", &[], text), expected);
    }
}
