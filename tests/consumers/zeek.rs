//! Zeek's Intelligence Framework. No package of Zeek is in Debian, so its rules for such files are tested
//! here: what its ASCII reader takes, and what `Intel::Type` means.

use super::world::{network, world};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// The types of `Intel::Type` that can occur.
const TYPES: [&str; 4] = ["Intel::ADDR", "Intel::SUBNET", "Intel::DOMAIN", "Intel::URL"];

/// The rows: cells by field, below a header.
fn rows(text: &str) -> Vec<[&str; 4]> {
    let mut lines = text.lines();
    let header = lines.by_ref().find(|line| line.starts_with("#fields")).expect("a header");
    let fields: Vec<&str> = header.split('\t').collect();
    assert_eq!(fields, ["#fields", "indicator", "indicator_type", "meta.source", "meta.desc"]);
    let cells = |line| {
        let cells: Vec<&str> = str::split(line, '\t').collect();
        let cells: [&str; 4] = cells.try_into().expect("a cell for each field, with one tab between two");
        // `-` is a field without a value, `(empty)` an empty set, and `\x` begins an escape.
        let is_value = |cell: &&str| {
            !["", "-", "(empty)"].contains(cell) && !cell.contains('\\') && cell.trim() == *cell
        };
        assert!(cells.iter().all(is_value), "{line}");
        cells
    };
    lines.map(cells).collect()
}

#[test]
fn files_for_zeek_keep_to_its_rules() {
    let exported = world().export("zeek-intel", "zeek", &["exception", "scope", "time", "url"]);
    let text = exported.text();
    assert!(text.ends_with('\n') && text.is_ascii());
    let mut seen = BTreeSet::new();
    for [indicator, kind, _, _] in rows(&text) {
        assert!(TYPES.contains(&kind), "{kind}");
        assert!(seen.insert((kind, indicator)), "{indicator} is there once");
        let (host, length) = indicator.split_once('/').unwrap_or((indicator, ""));
        match kind {
            "Intel::ADDR" => assert!(indicator.parse::<IpAddr>().is_ok(), "{indicator}"),
            "Intel::SUBNET" => {
                let width = if host.parse::<IpAddr>().expect("an address").is_ipv4() { 32 } else { 128 };
                assert!(length.parse::<u8>().expect("a length") < width, "{indicator}");
            }
            "Intel::DOMAIN" => {
                // Zeek looks names up as they are in the query, in small letters and without a dot at the
                // end.
                let is_name =
                    |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
                assert!(indicator.bytes().all(is_name) && !indicator.ends_with('.'), "{indicator}");
                assert!(world().model.name(indicator).is_blocked(), "{indicator}");
            }
            _ => assert!(!indicator.contains("://") && indicator.contains('/'), "{indicator}"),
        }
    }
    let urls = world().model.urls.iter().filter_map(|url| url.strip_prefix("http://"));
    let urls: BTreeSet<(&str, &str)> = urls.map(|url| ("Intel::URL", url)).collect();
    assert!(urls.is_subset(&seen), "all URLs are there");
}

#[test]
fn addresses_and_names_for_zeek_are_those_that_lookup_blocks() {
    let exported = world().export("zeek-intel", "zeek-matches", &["exception", "scope", "time", "url"]);
    let text = exported.text();
    let rows = rows(&text);
    let nets = rows.iter().filter(|row| ["Intel::ADDR", "Intel::SUBNET"].contains(&row[1]));
    let nets: BTreeSet<ipnet::IpNet> = nets.map(|row| network(row[0])).collect();
    let is_in = |text: &str| {
        let address = network(text);
        (0..=address.max_prefix_len()).any(|length| {
            let wider = ipnet::IpNet::new(address.addr(), length).expect("a length").trunc();
            nets.contains(&wider)
        })
    };
    let found: Vec<bool> = world().addresses.iter().map(|row| is_in(&row.text)).collect();
    world().check_addresses("zeek", &found);
    let names: BTreeSet<&str> =
        rows.iter().filter(|row| row[1] == "Intel::DOMAIN").map(|row| row[0]).collect();
    let found: Vec<bool> = world().names.iter().map(|row| names.contains(row.text.as_str())).collect();
    world().check_names("zeek", super::model::Says::Exact, &exported, &found);
}
