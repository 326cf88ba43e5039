//! `lsrules`: rule groups of Little Snitch.
//!
//! `{"denied-remote-domains":["evil.example.com"],"denied-remote-addresses":["192.0.2.0/24"]}`. Domains cover
//! everything below them, hosts are exact, and addresses may be prefixes or ranges. Each of them may be a
//! text, with commas between several entries, or an array. A rule in `rules` with the action `allow` is an
//! exception.

use super::document::{self, TextBase};
use super::node::{self, Kind, Raw};
use super::{Format, Head, OpenError, Shape};
use crate::entry::{Details, Normalizer, Skip};
use crate::format::options::Options;
use rapsheet_snapshot::{Kinds, Scope};

/// The row of the table.
pub(in crate::format) static FORMAT: Format = Format {
    id: "lsrules",
    about: "rule groups of Little Snitch: denied-remote-domains, -hosts, -addresses, and rules",
    example: r#"{"denied-remote-domains":["evil.example.com"],"denied-remote-addresses":["192.0.2.0/24"]}"#,
    kinds: Kinds::ALL,
    shape: Shape::Document(read),
    ..Format::DEFAULT
};

fn read(_: &Options, whole: Head<'_>, normalizer: &mut Normalizer<'_>) -> Result<(), OpenError> {
    document::for_each_value(whole.bytes, normalizer, |group, base, normalizer| {
        emit_remotes(group, "denied-", &Details::NONE, base, normalizer);
        if let Some(rules) = node::member(group, "rules") {
            node::elements(rules, |rule| read_rule(rule, base, normalizer));
        }
    })?;
    Ok(())
}

fn read_rule(rule: Raw<'_>, base: &TextBase, normalizer: &mut Normalizer<'_>) {
    normalizer.record_at(base.offset(rule));
    let inverted = node::text_of(rule, "action") == "allow";
    let disabled = node::text_of(rule, "disabled") == "true";
    if disabled {
        return normalizer.skip(Skip::Inactive);
    }
    emit_remotes(rule, "", &Details { inverted, ..Details::NONE }, base, normalizer);
    if normalizer.outcomes() == 0 {
        normalizer.skip(Skip::RuleWithoutAddress);
    }
}

/// Emits the entries of a group or a rule, below the keys `remote-…`, with `prefix` before them.
fn emit_remotes(
    raw: Raw<'_>,
    prefix: &str,
    details: &Details,
    base: &TextBase,
    normalizer: &mut Normalizer<'_>,
) {
    node::members(raw, |key, value| {
        let Some(kind) = key.strip_prefix(prefix).and_then(|key| key.strip_prefix("remote-")) else { return };
        let mut emit_text = |raw: Raw<'_>| {
            normalizer.record_at(base.offset(raw));
            node::text(raw).split(',').for_each(|text| emit(kind, text.trim(), details, normalizer));
        };
        match node::kind(value) {
            Kind::Array => node::elements(value, emit_text),
            Kind::Text => emit_text(value),
            Kind::Object | Kind::Number | Kind::Word => {}
        }
    });
}

fn emit(kind: &str, text: &str, details: &Details, normalizer: &mut Normalizer<'_>) {
    match kind {
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
    fn reads_groups_and_rules() {
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
