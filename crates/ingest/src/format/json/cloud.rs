//! `cloud-json`: the address ranges and names that operators publish of their own services: AWS, Google,
//! Azure, GitHub, Fastly, Office 365.
//!
//! `{"prefixes":[{"ip_prefix":"192.0.2.0/24","region":"example-1"}]}`. Each operator has its own layout. None
//! of these documents has a text that reads as an address or a prefix and is not one, so the keys of ranges
//! are not looked at. Texts are names only below `urls`, `domains` and `hostnames`. `*.x` is a tree; a star
//! elsewhere cannot be indexed.

use super::document::{self, TextBase};
use super::node::{self, DEPTH_MAX, Kind, Raw};
use super::{Format, Head, OpenError, Shape, read_generated};
use crate::entry::{Details, Normalizer};
use crate::format::options::Options;
use rapsheet_snapshot::{AddressRange, Kinds, ListKind, ParseError, Scope};

/// The row of the table.
pub(in crate::format) static FORMAT: Format = Format {
    id: "cloud-json",
    about: "address ranges that AWS, Google, Azure, GitHub, Fastly and Office 365 publish",
    example: r#"{"prefixes":[{"ip_prefix":"192.0.2.0/24","region":"example-1"}]}"#,
    kinds: Kinds::ALL,
    shape: Shape::Document(read),
    list: ListKind::Allow,
    ..Format::DEFAULT
};

fn read(_: &Options, whole: Head<'_>, normalizer: &mut Normalizer<'_>) -> Result<(), OpenError> {
    document::for_each_value(whole.bytes, normalizer, |value, base, normalizer| {
        walk(value, &Context { names: false, depth: 0, base }, normalizer);
    })?;
    Ok(())
}

/// The position of a value in its document.
struct Context<'b> {
    /// Whether texts here are names.
    names: bool,
    depth: usize,
    base: &'b TextBase,
}

impl Context<'_> {
    fn deeper(&self, names: bool) -> Context<'_> {
        Context { names, depth: self.depth + 1, base: self.base }
    }
}

fn walk(raw: Raw<'_>, context: &Context<'_>, normalizer: &mut Normalizer<'_>) {
    if context.depth > DEPTH_MAX {
        normalizer.record_at(context.base.offset(raw));
        return normalizer.reject(ParseError::BadJson);
    }
    match node::kind(raw) {
        Kind::Object => node::members(raw, |key, value| {
            read_generated(key, value, normalizer);
            let names = context.names || matches!(key, "urls" | "domains" | "hostnames");
            walk(value, &context.deeper(names), normalizer);
        }),
        Kind::Array => node::elements(raw, |value| walk(value, &context.deeper(context.names), normalizer)),
        Kind::Text => read_text(raw, context, normalizer),
        Kind::Number | Kind::Word => {}
    }
}

fn read_text(raw: Raw<'_>, context: &Context<'_>, normalizer: &mut Normalizer<'_>) {
    let text = node::text(raw);
    let text = text.trim().as_bytes();
    let is_prefix = text.iter().any(|byte| matches!(byte, b'.' | b':')) && AddressRange::parse(text).is_ok();
    if is_prefix || context.names {
        normalizer.record_at(context.base.offset(raw));
    }
    match text {
        text if is_prefix => normalizer.address(text, &Details::NONE),
        _ if !context.names => {}
        [b'*', b'.', name @ ..] if !name.contains(&b'*') => {
            normalizer.host(name, Scope::Tree, &Details::NONE);
        }
        text if text.contains(&b'*') => normalizer.reject(ParseError::Pattern),
        name => normalizer.any(name, Scope::Exact, &Details::NONE),
    }
}

#[cfg(test)]
mod tests {
    use crate::pipeline::testing::render;

    #[test]
    fn reads_the_layouts_of_several_operators() {
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
