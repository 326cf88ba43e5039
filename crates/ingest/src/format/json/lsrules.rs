//! `lsrules`: rule groups of Little Snitch.
//!
//! Domains are trees, hosts are exact, addresses may be ranges, and any of them may be one text or a list. A rule
//! that allows is an exception of the group.

use super::document::{self, Origin};
use super::node::{self, Kind, Raw};
use super::{Format, Head, OpenError, Shape};
use crate::entry::{Details, Normalizer, Skip};
use crate::format::options::Options;
use rapsheet_snapshot::{Kinds, Scope};

/// The row of the table.
pub static FORMAT: Format = Format {
    id: "lsrules",
    about: "Little Snitch rule groups",
    example: r#"{"denied-remote-domains":["evil.example.com"],"denied-remote-addresses":["192.0.2.0/24"]}"#,
    kinds: Kinds::ALL,
    shape: Shape::Document(read),
    ..Format::NONE
};

fn read(_: &Options, whole: Head<'_>, normalizer: &mut Normalizer<'_>) -> Result<(), OpenError> {
    document::each(whole.bytes, normalizer, |group, origin, normalizer| {
        remotes(group, "denied-", &Details::NONE, origin, normalizer);
        if let Some(rules) = node::member(group, "rules") {
            node::elements(rules, |one| rule(one, origin, normalizer));
        }
    })?;
    Ok(())
}

fn rule(rule: Raw<'_>, origin: &Origin, normalizer: &mut Normalizer<'_>) {
    normalizer.record_at(origin.offset(rule));
    let inverted = node::text_of(rule, "action") == "allow";
    let disabled = node::text_of(rule, "disabled") == "true";
    if disabled {
        return normalizer.skip(Skip::Inactive);
    }
    remotes(rule, "", &Details { inverted, ..Details::NONE }, origin, normalizer);
    if normalizer.outcomes() == 0 {
        normalizer.skip(Skip::RuleWithoutAddress);
    }
}

/// What a group or a rule names, under keys that begin with `prefix`.
fn remotes(raw: Raw<'_>, prefix: &str, details: &Details, origin: &Origin, normalizer: &mut Normalizer<'_>) {
    node::members(raw, |key, value| {
        let Some(what) = key.strip_prefix(prefix).and_then(|key| key.strip_prefix("remote-")) else { return };
        let mut each = |raw: Raw<'_>| {
            normalizer.record_at(origin.offset(raw));
            node::text(raw).split(',').for_each(|text| remote(what, text.trim(), details, normalizer));
        };
        match node::kind(value) {
            Kind::Array => node::elements(value, each),
            Kind::Text => each(value),
            Kind::Object | Kind::Number | Kind::Word => {}
        }
    });
}

fn remote(what: &str, text: &str, details: &Details, normalizer: &mut Normalizer<'_>) {
    match what {
        _ if text.is_empty() => {}
        "domains" => normalizer.host(text.as_bytes(), Scope::Tree, details),
        "hosts" => normalizer.host(text.as_bytes(), Scope::Exact, details),
        "addresses" => normalizer.address(text.as_bytes(), details),
        _ => normalizer.skip(Skip::UnsupportedKind),
    }
}

#[cfg(test)]
mod tests {
    use crate::pipeline::testing::render;

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
