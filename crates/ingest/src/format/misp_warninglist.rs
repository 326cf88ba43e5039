//! `misp-warninglist`: one JSON document with a `type` and a `list`.
//!
//! The type says how an element is meant, and only the catalogue knows whether the list is one of good things:
//! sinkholes and disposable mail are in the same collection. Substrings and expressions cannot be indexed; lists of
//! hashes hold elements that would parse as addresses, so a list says what its elements are matched against.

use super::{Format, Head, OpenError, Shape};
use crate::options::Options;
use crate::refused::FileRefusal;
use crate::scribe::{Details, Scribe, Skip};
use serde::Deserialize;
use serde_json::value::RawValue;
use snapshot::{ListKind, Refusal, Scope};

/// The row of the table.
pub static FORMAT: Format = Format {
    id: "misp-warninglist",
    about: "a MISP warninglist: JSON with type cidr, hostname or string",
    example: r#"{"name":"Example","type":"cidr","list":["192.0.2.0/24"]}"#,
    shape: Shape::Document(read),
    list: ListKind::Allow,
    ..Format::NONE
};

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    matching_attributes: Vec<String>,
    #[serde(borrow)]
    list: Vec<&'a RawValue>,
}

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
    let text = std::str::from_utf8(whole.bytes).map_err(|_| FileRefusal::BadEncoding)?;
    let bad = |error: serde_json::Error| FileRefusal::BadJson(error.to_string());
    let document: Document<'_> = serde_json::from_str(text).map_err(bad)?;
    let meaning = meaning(&document);
    let start = text.as_ptr() as usize;
    for element in &document.list {
        scribe.record_at((element.get().as_ptr() as usize).saturating_sub(start));
        match serde_json::from_str::<String>(element.get()) {
            Ok(value) => one(value.trim(), meaning, scribe),
            Err(_) => scribe.reject(Refusal::BadJson),
        }
    }
    Ok(())
}

fn meaning(document: &Document<'_>) -> Meaning {
    let speaks_of_hosts = |attribute: &String| {
        ["ip-", "domain", "hostname", "url", "uri", "link"].iter().any(|prefix| attribute.starts_with(prefix))
    };
    let attributes = &document.matching_attributes;
    match document.kind.as_str() {
        "cidr" => Meaning::Addresses,
        "hostname" => Meaning::Hosts,
        "substring" | "regex" => Meaning::Patterns,
        _ if attributes.is_empty() || attributes.iter().any(speaks_of_hosts) => Meaning::Strings,
        _ => Meaning::Unsupported,
    }
}

fn one(value: &str, meaning: Meaning, scribe: &mut Scribe<'_>) {
    let text = value.as_bytes();
    match (meaning, text.strip_prefix(b".")) {
        (Meaning::Addresses, _) => scribe.address(text, &Details::NONE),
        (Meaning::Hosts, rest) => scribe.host(rest.unwrap_or(text), Scope::Tree, &Details::NONE),
        (Meaning::Strings, _) => scribe.any(text, Scope::Exact, &Details::NONE),
        (Meaning::Patterns, _) => scribe.reject(Refusal::Pattern),
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
