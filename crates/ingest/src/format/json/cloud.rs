//! `cloud-json`: ranges and names that service operators publish of themselves: AWS, Google, Azure, GitHub, Fastly,
//! Office 365.
//!
//! Each has its own keys, and none of them lists anything else that reads as a prefix, so every text that is one
//! counts. Names stand under keys that say so. A star in front means a tree; in the middle it cannot be indexed.

use super::document::{self, Origin};
use super::generated;
use super::node::{self, DEPTH_MAX, Kind, Raw};
use super::{Format, Head, OpenError, Shape};
use crate::options::Options;
use crate::scribe::{Details, Scribe};
use rapsheet_snapshot::{AddressRange, Kinds, ListKind, ParseError, Scope};

/// The row of the table.
pub static FORMAT: Format = Format {
    id: "cloud-json",
    about: "address ranges that AWS, Google, Azure, GitHub, Fastly and Office 365 publish",
    example: r#"{"prefixes":[{"ip_prefix":"192.0.2.0/24","region":"example-1"}]}"#,
    kinds: Kinds::ALL,
    shape: Shape::Document(read),
    list: ListKind::Allow,
    ..Format::DEFAULT
};

fn read(_: &Options, whole: Head<'_>, scribe: &mut Scribe<'_>) -> Result<(), OpenError> {
    document::each(whole.bytes, scribe, |value, origin, scribe| {
        walk(value, &Place { names: false, depth: 0, origin }, scribe);
    })?;
    Ok(())
}

/// Where a value stands.
struct Place<'o> {
    /// Whether its texts are names.
    names: bool,
    depth: usize,
    origin: &'o Origin,
}

impl Place<'_> {
    fn below(&self, names: bool) -> Place<'_> {
        Place { names, depth: self.depth + 1, origin: self.origin }
    }
}

fn walk(raw: Raw<'_>, place: &Place<'_>, scribe: &mut Scribe<'_>) {
    if place.depth > DEPTH_MAX {
        scribe.record_at(place.origin.offset(raw));
        return scribe.reject(ParseError::BadJson);
    }
    match node::kind(raw) {
        Kind::Object => node::members(raw, |key, value| {
            generated(key, value, scribe);
            let names = place.names || matches!(key, "urls" | "domains" | "hostnames");
            walk(value, &place.below(names), scribe);
        }),
        Kind::Array => node::elements(raw, |value| walk(value, &place.below(place.names), scribe)),
        Kind::Text => text(raw, place, scribe),
        Kind::Number | Kind::Word => {}
    }
}

fn text(raw: Raw<'_>, place: &Place<'_>, scribe: &mut Scribe<'_>) {
    let text = node::text(raw);
    let text = text.trim().as_bytes();
    let is_prefix = text.iter().any(|byte| matches!(byte, b'.' | b':')) && AddressRange::parse(text).is_ok();
    if is_prefix || place.names {
        scribe.record_at(place.origin.offset(raw));
    }
    match text {
        text if is_prefix => scribe.address(text, &Details::NONE),
        _ if !place.names => {}
        [b'*', b'.', name @ ..] if !name.contains(&b'*') => scribe.host(name, Scope::Tree, &Details::NONE),
        text if text.contains(&b'*') => scribe.reject(ParseError::Pattern),
        name => scribe.any(name, Scope::Exact, &Details::NONE),
    }
}

#[cfg(test)]
mod tests {
    use crate::transcript::tests::render;

    #[test]
    fn every_operator_s_layout() {
        let aws = r#"{"syncToken":"1","createDate":"2026-08-11-19-35-10","prefixes":[{"ip_prefix":"45.9.20.0/24","region":"x"}],"ipv6_prefixes":[{"ipv6_prefix":"2a06:e480::/35"}]}"#;
        assert_eq!(render("cloud-json", &[], aws), ["cidr 45.9.20.0/24", "cidr 2a06:e480::/35"]);
        let office = r#"[{"id":1,"urls":["*.good.example.com","auto.*.example.com","www.goodpanel.com"],"ips":["45.9.20.152/31"],"tcpPorts":"80,443"}]"#;
        let expected = [
            "domain-tree good.example.com",
            "REJECT pattern",
            "domain www.goodpanel.com",
            "cidr 45.9.20.152/31",
        ];
        assert_eq!(render("cloud-json", &[], office), expected);
        let hub = r#"{"ssh_keys":["ssh-ed25519 AAAA"],"hooks":["45.9.21.0/24"],"domains":{"website":["*.goodpanel.com"]}}"#;
        assert_eq!(render("cloud-json", &[], hub), ["cidr 45.9.21.0/24", "domain-tree goodpanel.com"]);
    }
}
