//! Databases byte by byte, and what is refused.

use super::*;
use crate::entry::Rules;
use crate::pipeline::{EventLog, ParseConfig, parse_text};
use rapsheet_snapshot::{ListKind, Scope, Time};

/// A tree of 24-bit records, its data, and the metadata.
fn file(ip_version: u8, nodes: &[[u32; 2]], data: &[u8], database_type: &str) -> Vec<u8> {
    let record = |value: u32| [(value >> 16) as u8, (value >> 8) as u8, value as u8];
    let mut out: Vec<u8> = nodes.as_flattened().iter().flat_map(|value| record(*value)).collect();
    out.extend([0; SEPARATOR_LEN]);
    out.extend(data);
    out.extend(MARKER);
    out.push(0xe4);
    let text = |text: &str| [&[0x40 | text.len() as u8], text.as_bytes()].concat();
    out.extend([text("node_count"), vec![0xc1, nodes.len() as u8]].concat());
    out.extend([text("record_size"), vec![0xa1, 24]].concat());
    out.extend([text("ip_version"), vec![0xa1, ip_version]].concat());
    out.extend([text("database_type"), text(database_type)].concat());
    out
}

fn lines(file: Vec<u8>) -> Result<String, String> {
    let mut text = String::new();
    let mut reader = convert(file).map_err(|refusal| refusal.to_string())?;
    reader.read_to_string(&mut text).map_err(|error| error.to_string())?;
    Ok(text)
}

/// `{"a": [true, -2, 1.5]}`, then a pointer to it.
const DATA: &[u8] =
    b"\xe1\x41a\x03\x04\x01\x07\x04\x01\xff\xff\xff\xfe\x68\x3f\xf8\x00\x00\x00\x00\x00\x00\x20\x00";

#[test]
fn networks_of_both_versions() {
    // Two nodes: data at 0, and data at the pointer.
    let v4 = file(4, &[[1, 2 + 16], [2, 2 + 16 + 22]], DATA, "x");
    let expected = "{\"a\":[true,-2,1.5],\"network\":\"64.0.0.0/2\"}\n{\"a\":[true,-2,1.5],\"network\":\"128.0.0.0/1\"}\n";
    assert_eq!(lines(v4).as_deref(), Ok(expected));
    let mut nodes: Vec<[u32; 2]> = (1..=97).map(|next| [next, 98]).collect();
    // The root leads back to the addresses of IPv4, which are not read twice.
    nodes[0][1] = 96;
    nodes[95][1] = 98 + 16;
    nodes.push([98, 98 + 16]);
    let expected = "{\"a\":[true,-2,1.5],\"network\":\"64.0.0.0/2\"}\n{\"a\":[true,-2,1.5],\"network\":\"::1:0:0/96\"}\n";
    assert_eq!(lines(file(6, &nodes, DATA, "x")).as_deref(), Ok(expected));
}

#[test]
fn broken_databases_are_refused() {
    let wide = |data: &[u8]| lines(file(4, &[[1, 17]], data, "x")).expect_err("a broken database");
    assert!(lines(b"<html>".to_vec()).expect_err("a page").contains("the metadata of a MaxMind DB"));
    assert!(wide(b"").contains("damaged"));
    assert!(wide(b"\xff\xff\xff\xff").contains("damaged"));
    // A pointer to itself, and a map that holds a pointer to itself.
    assert!(wide(b"\x20\x00").contains("damaged"));
    assert!(wide(b"\xe1\x41a\x20\x00").contains("damaged"));
    // Arrays that fan out: eight pointers each to the next one.
    let fan: Vec<u8> =
        (1..12).flat_map(|next| [[8, 4].to_vec(), [0x20, next * 18].repeat(8)].concat()).collect();
    assert!(wide(&fan).contains("damaged"));
    assert!(wide(b"\x05\x06\x00\x00\x00\x00\x00").contains("damaged"), "an int32 of five bytes");
    let twice = lines(file(4, &[[1, 1], [2, 2]], b"", "x")).expect_err("a broken tree");
    assert!(twice.contains("node 1 twice"), "{twice}");
    let circle = lines(file(4, &[[0, 1]], b"", "x")).expect_err("a broken tree");
    assert!(circle.contains("node 0 twice"), "{circle}");
    let deep: Vec<[u32; 2]> = (1..=40).map(|next| [next, 40]).collect();
    assert!(lines(file(4, &deep, b"", "x")).expect_err("a broken tree").contains("deeper"));
    let mut short = file(4, &[[1, 1]; 9], b"", "x");
    short.drain(..30);
    assert!(lines(short).expect_err("a broken tree").contains("9 nodes do not fit"));
    assert!(lines(file(5, &[[1, 1]], b"", "x")).expect_err("no version").contains("expected 4 or 6"));
}

#[test]
fn hostile_texts_stay_in_their_line() {
    let data = b"\xe1\x47network\x4b8.8.8.8\"}\n\0";
    let text = lines(file(4, &[[1, 17]], data, "x")).expect("a database");
    assert_eq!(text, "{\"network\":\"8.8.8.8\\\"}\\n\\u0000\",\"network\":\"128.0.0.0/1\"}\n");
}

fn read(file: &[u8]) -> (bool, EventLog) {
    let now = Time::from_unix(1_780_000_000);
    let rules = Rules::new(now, ListKind::Block, Scope::Exact);
    let (options, mut events) = (Options::default(), EventLog::new(ListKind::Block));
    let config = ParseConfig { format: &FORMAT, options: &options, rules: &rules, can_be_empty: true };
    let is_read = parse_text(&config, &mut &*file, &mut events).is_ok();
    (is_read, events)
}

/// Whatever byte is changed, and wherever the file is cut, something is read or refused.
#[test]
fn damaged_databases_end() {
    // The way to 45.9.20.0/24, and its halves.
    let bits = (0..24).rev().map(|bit| 0x2d_0914 >> bit & 1 == 1);
    let mut nodes: Vec<[u32; 2]> =
        (1..).zip(bits).map(|(next, is_upper)| if is_upper { [25, next] } else { [next, 25] }).collect();
    nodes.push([25 + 16, 25 + 16 + 22]);
    let sound = file(4, &nodes, DATA, "rapsheet");
    assert!(read(&sound).0);
    let mut refused = 0;
    for at in 0..sound.len() {
        for byte in [0, 1, 0x20, 0x7f, 0xe0, 0xff, sound[at] ^ 1, sound[at].wrapping_add(1)] {
            let mut damaged = sound.clone();
            damaged[at] = byte;
            refused += usize::from(!read(&damaged).0);
        }
        refused += usize::from(!read(&sound[..at]).0);
    }
    assert!(refused > sound.len(), "{refused}");
}
