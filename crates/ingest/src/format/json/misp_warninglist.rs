//! `misp-warninglist`: one JSON document with a `type` and a `list`.
//!
//! The type says how an element is meant, and only the catalogue knows whether the list is one of good things:
//! sinkholes and disposable mail are in the same collection. Substrings and expressions cannot be indexed; lists of
//! hashes hold elements that would parse as addresses, so a list says what its elements are matched against.

use super::document;
use super::node::{self, Kind, Raw};
use super::{Format, Head, OpenError, Shape};
use crate::options::Options;
use crate::refused::FileRefusal;
use crate::scribe::{Details, Scribe, Skip};
use rapsheet_snapshot::{ListKind, ParseError, Scope};

/// The row of the table.
pub static FORMAT: Format = Format {
    id: "misp-warninglist",
    about: "a MISP warninglist: JSON with type cidr, hostname or string",
    example: r#"{"name":"Example","type":"cidr","list":["192.0.2.0/24"]}"#,
    shape: Shape::Document(read),
    list: ListKind::Allow,
    ..Format::DEFAULT
};

/// How the elements of a list are meant.
#[derive(Clone, Copy)]
enum Meaning {
    Addresses,
    Hosts,
    Strings,
    Patterns,
    Unsupported,
}

fn read(_: &Options, whole: Head<'_>, scribe: &mut Scribe<'_>) -> Result<(), OpenError> {
    let mut lists = 0;
    document::each(whole.bytes, scribe, |value, origin, scribe| {
        let Some(list) = node::member(value, "list") else { return };
        lists += 1;
        let meaning = meaning(value);
        node::elements(list, |element| {
            scribe.record_at(origin.offset(element));
            match node::kind(element) {
                Kind::Text => one(node::text(element).trim(), meaning, scribe),
                _ => scribe.reject(ParseError::BadJson),
            }
        });
    })?;
    if lists == 0 { Err(FileRefusal::BadJson("it has no `list`".to_owned()).into()) } else { Ok(()) }
}

fn meaning(document: Raw<'_>) -> Meaning {
    const HOSTS: [&str; 6] = ["ip-", "domain", "hostname", "url", "uri", "link"];
    let (mut attributes, mut of_hosts) = (0, false);
    if let Some(list) = node::member(document, "matching_attributes") {
        node::elements(list, |attribute| {
            let attribute = node::text(attribute);
            attributes += 1;
            of_hosts |= HOSTS.iter().any(|prefix| attribute.starts_with(prefix));
        });
    }
    match node::text_of(document, "type").as_ref() {
        "cidr" => Meaning::Addresses,
        "hostname" => Meaning::Hosts,
        "substring" | "regex" => Meaning::Patterns,
        _ if attributes == 0 || of_hosts => Meaning::Strings,
        _ => Meaning::Unsupported,
    }
}

fn one(value: &str, meaning: Meaning, scribe: &mut Scribe<'_>) {
    let text = value.as_bytes();
    match (meaning, text.strip_prefix(b".")) {
        (Meaning::Addresses, _) => scribe.address(text, &Details::NONE),
        (Meaning::Hosts, rest) => scribe.host(rest.unwrap_or(text), Scope::Tree, &Details::NONE),
        (Meaning::Strings, _) => scribe.any(text, Scope::Exact, &Details::NONE),
        (Meaning::Patterns, _) => scribe.reject(ParseError::Pattern),
        (Meaning::Unsupported, _) => scribe.skip(Skip::UnsupportedKind),
    }
}

#[cfg(test)]
mod tests {
    use crate::transcript::tests::{read_events, render};

    #[test]
    fn a_list_says_how_its_elements_are_meant() {
        let hosts = r#"{"type":"hostname","list":[".vakıfbank.com","good.example.com",".barclays"]}"#;
        let expected =
            ["domain-tree xn--vakfbank-vkb.com", "domain-tree good.example.com", "REJECT single-label"];
        assert_eq!(render("misp-warninglist", &[], hosts), expected);
        let ranges = r#"{"type":"cidr","list":["::ffff:9270:3d68","45.9.20.0/24",7]}"#;
        assert_eq!(
            render("misp-warninglist", &[], ranges),
            ["ip 146.112.61.104", "cidr 45.9.20.0/24", "REJECT bad-json"]
        );
        let hashes = r#"{"type":"string","matching_attributes":["md5"],"list":["3::"]}"#;
        assert_eq!(render("misp-warninglist", &[], hashes), ["SKIP unsupported-kind"]);
        assert_eq!(
            render("misp-warninglist", &[], r#"{"type":"regex","list":["/^x/"]}"#),
            ["REJECT pattern"]
        );
    }

    #[test]
    fn records_know_their_lines() {
        let text = "{\"type\":\"cidr\",\n\"list\":[\n\"45.9.20.5\",\n\"45.9.20.6\"\n]}\n";
        let lines: Vec<u64> =
            read_events("misp-warninglist", &[], text).iter().map(|event| event.line).collect();
        assert_eq!(lines, [3, 4]);
    }
}
