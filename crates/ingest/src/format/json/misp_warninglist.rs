//! `misp-warninglist`: the warninglists of MISP: a JSON document with a `type` and a `list`.
//!
//! `{"name":"Example","type":"cidr","list":["192.0.2.0/24"]}`. The type says what the elements are:
//! prefixes, hostnames (with everything below them), strings, or substrings and expressions, which cannot
//! be indexed. A string is exact, and one with a leading dot is everything below a name: the lists of
//! Google's and Microsoft's names are written so. Lists of hashes are of type `string`, too, and have
//! elements that would parse as addresses (`3::`), so a list of strings whose `matching_attributes` name no
//! hosts, addresses or URLs is skipped.
//!
//! Most warninglists are of harmless things, and some are not (sinkholes, disposable mail): the catalogue
//! decides.

use super::document;
use super::node::{self, Kind, Raw};
use super::{Format, Head, OpenError, Shape};
use crate::download::refusal::FileRefusal;
use crate::entry::{Details, Normalizer, Skip};
use crate::format::options::Options;
use rapsheet_snapshot::{ListKind, ParseError, Scope};

/// The row of the table.
pub(in crate::format) static FORMAT: Format = Format {
    id: "misp-warninglist",
    about: "a MISP warninglist: JSON with a list of type cidr, hostname or string",
    example: r#"{"name":"Example","type":"cidr","list":["192.0.2.0/24"]}"#,
    shape: Shape::Document(read),
    list: ListKind::Allow,
    ..Format::DEFAULT
};

/// What the elements of a list are.
#[derive(Clone, Copy)]
enum ElementKind {
    Addresses,
    Hosts,
    Strings,
    Patterns,
    Unsupported,
}

fn read(_: &Options, whole: Head<'_>, normalizer: &mut Normalizer<'_>) -> Result<(), OpenError> {
    let mut lists = 0;
    document::for_each_value(whole.bytes, normalizer, |value, base, normalizer| {
        let Some(list) = node::member(value, "list") else { return };
        lists += 1;
        let kind = element_kind(value);
        node::elements(list, |element| {
            normalizer.record_at(base.offset(element));
            match node::kind(element) {
                Kind::Text => emit(node::text(element).trim(), kind, normalizer),
                _ => normalizer.reject(ParseError::BadJson),
            }
        });
    })?;
    if lists == 0 { Err(FileRefusal::BadJson("it has no `list`".to_owned()).into()) } else { Ok(()) }
}

fn element_kind(document: Raw<'_>) -> ElementKind {
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
        "cidr" => ElementKind::Addresses,
        "hostname" => ElementKind::Hosts,
        "substring" | "regex" => ElementKind::Patterns,
        _ if attributes == 0 || of_hosts => ElementKind::Strings,
        _ => ElementKind::Unsupported,
    }
}

fn emit(element: &str, kind: ElementKind, normalizer: &mut Normalizer<'_>) {
    let text = element.as_bytes();
    match (kind, text.strip_prefix(b".")) {
        (ElementKind::Addresses, _) => normalizer.address(text, &Details::NONE),
        (ElementKind::Hosts, rest) => normalizer.host(rest.unwrap_or(text), Scope::Tree, &Details::NONE),
        (ElementKind::Strings, Some(name)) => normalizer.host(name, Scope::Subdomains, &Details::NONE),
        (ElementKind::Strings, None) => match text.strip_prefix(b"*.") {
            Some(name) => normalizer.host(name, Scope::Subdomains, &Details::NONE),
            None => normalizer.any(text, Scope::Exact, &Details::NONE),
        },
        (ElementKind::Patterns, _) => normalizer.reject(ParseError::Pattern),
        (ElementKind::Unsupported, _) => normalizer.skip(Skip::UnsupportedKind),
    }
}

#[cfg(test)]
mod tests {
    use crate::pipeline::testing::{read_events, render};

    #[test]
    fn list_type_says_what_the_elements_are() {
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
    fn entries_have_their_line_numbers() {
        let text = "{\"type\":\"cidr\",\n\"list\":[\n\"45.9.20.5\",\n\"45.9.20.6\"\n]}\n";
        let lines: Vec<u64> =
            read_events("misp-warninglist", &[], text).iter().map(|event| event.line).collect();
        assert_eq!(lines, [3, 4]);
    }
}
