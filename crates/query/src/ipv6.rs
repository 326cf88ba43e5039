//! IPv6 addresses in words: sequences of letters, digits, dots, colons, `-` and `_`.
//!
//! The text between colons is a group of an address, a tag before one (`src:`, `IPv6:`, `v1:outside:`), or a
//! port after one. A run of groups between two tags is read as a whole, or not at all: a part of a run may
//! be an address, too, but another one.
//!
//! | word | address |
//! |---|---|
//! | `src:2a06::5`, `v1:outside:2a06::5` | `2a06::5` |
//! | `2a06::5.`, `2a06::5:` | `2a06::5`: a sentence around it |
//! | `2a06::5.443` | `2a06::5`: tcpdump's port |
//! | `2a06:0:0:0:0:0:0:5:443` | eight groups, then a port |
//! | `2a06::5:51000` | `2a06::5`: a group has four digits |
//! | `2a06::5:443`, `add:2a06::5` | as written: neither can be told from a group |

use rapsheet_snapshot::Address;
use std::ops::Range;

/// The longest text of an address, in bytes.
const ADDRESS_MAX: usize = 45;
/// The longest text of an address and a port.
const WITH_PORT_MAX: usize = ADDRESS_MAX + 6;

/// What the text between two colons may be.
enum Group {
    /// A part of an address; may be empty.
    Inner,
    /// The last part of an address, of this many bytes: a dotted quad, or before a dot.
    Last(usize),
    /// A tag or a port.
    Other,
}

/// The first address in a word from an offset on, and where it is.
pub(crate) fn find(word: &[u8], from: usize) -> Option<(Range<usize>, Address)> {
    let (mut run, mut at) = (from, from);
    while at <= word.len() {
        let rest = word.get(at..)?;
        let width = memchr::memchr(b':', rest).unwrap_or(rest.len());
        let end = at + width;
        let stop = match group(rest.get(..width)?) {
            Group::Inner if end == word.len() => Some(without_last_colon(word, run)),
            Group::Inner => None,
            Group::Last(width) => Some(at + width),
            Group::Other => Some(at.saturating_sub(1)),
        };
        if let Some(stop) = stop {
            if let Some((width, address)) = word.get(run..stop).and_then(address) {
                return Some((run..run + width, address));
            }
            run = end + 1;
        }
        at = end + 1;
    }
    None
}

/// The end of a word without a colon that belongs to the sentence around it. Two are a part of the address.
fn without_last_colon(word: &[u8], run: usize) -> usize {
    let is_sentence = word.ends_with(b":") && !word.ends_with(b"::");
    if is_sentence { word.len().saturating_sub(1).max(run) } else { word.len() }
}

fn group(text: &[u8]) -> Group {
    let digits = text.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    match text.get(digits..) {
        Some([]) if digits <= 4 => Group::Inner,
        Some(dots) if dots.iter().all(|byte| matches!(byte, b'.' | b'-' | b'_')) && digits <= 4 => {
            Group::Last(digits)
        }
        Some([b'.', port @ ..]) if is_port(port) && digits <= 4 => Group::Last(digits),
        Some([b'.', ..]) => quad(text),
        _ => Group::Other,
    }
}

fn quad(text: &[u8]) -> Group {
    let dots = text.iter().rev().take_while(|byte| **byte == b'.').count();
    let text = text.get(..text.len() - dots).unwrap_or(text);
    match Address::parse(text) {
        Ok(_) => Group::Last(text.len()),
        Err(_) => Group::Other,
    }
}

fn is_port(text: &[u8]) -> bool {
    (1..=5).contains(&text.len()) && text.iter().all(u8::is_ascii_digit)
}

/// The address that a run of groups is, and its width without a port.
fn address(run: &[u8]) -> Option<(usize, Address)> {
    let colons = memchr::memchr_iter(b':', run).count();
    let may_be_address = colons >= 7 || memchr::memmem::find(run, b"::").is_some();
    if !may_be_address || run.len() > WITH_PORT_MAX {
        return None;
    }
    if let Ok(address) = Address::parse(run) {
        return Some((run.len(), address));
    }
    let last = memchr::memrchr(b':', run)?;
    let (head, port) = (run.get(..last)?, run.get(last + 1..)?);
    if !is_port(port) || head.ends_with(b":") {
        return None;
    }
    Address::parse(head).ok().map(|address| (last, address))
}

/// The two addresses of a range, `2a06::5-2a06::9`.
pub(crate) fn range(word: &[u8]) -> Option<[Address; 2]> {
    let dash = memchr::memchr(b'-', word)?;
    let ends = [word.get(..dash)?, word.get(dash + 1..)?];
    let [Ok(first), Ok(last)] = ends.map(Address::parse) else { return None };
    Some([first, last])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(word: &str) -> Vec<(usize, String)> {
        let (mut found, mut from) = (Vec::new(), 0);
        while let Some((at, address)) = find(word.as_bytes(), from) {
            found.push((at.start, address.to_string()));
            from = at.end;
        }
        found
    }

    #[test]
    fn addresses_are_told_from_tags_and_ports() {
        for (word, at) in [
            ("2a06::5", 0),
            ("IPv6:2a06::5", 5),
            ("ip6:2a06::5.", 4),
            ("v1:outside:2a06::5:", 11),
            ("1:outside:2a06::5...", 10),
            ("2a06::5.443:", 0),
            ("2a06::5_", 0),
            ("2a06::5:51000", 0),
            ("2a06::5:https", 0),
            ("client-ip:2a06:0000:0000:0000:0000:0000:0000:0005", 10),
            ("2a06:0:0:0:0:0:0:5:443", 0),
            ("src:2a06:0:0:0:0:0:0:5:51000", 4),
            ("::ffff:45.9.20.5:54241", 0),
            ("peer:::ffff:45.9.20.5.", 5),
        ] {
            let address = if word.contains("ffff") { "45.9.20.5" } else { "2a06::5" };
            assert_eq!(all(word), [(at, address.to_owned())], "{word}");
        }
        assert_eq!(all("src:2a06::"), [(4, "2a06::".to_owned())]);
        assert_eq!(all("a06::1:x:2a06::5").len(), 2);
    }

    #[test]
    fn what_may_be_a_group_is_one() {
        assert_eq!(all("2a06::5:443"), [(0, "2a06::5:443".to_owned())]);
        assert_eq!(all("add:2a06::5"), [(0, "add:2a06::5".to_owned())]);
    }

    #[test]
    fn other_words_with_colons_are_no_addresses() {
        for word in [
            "12:34:56",
            "aa:bb:cc:dd:ee:ff",
            "std::face::b",
            "abc::def::ghi",
            "cls::abc::def::x",
            "foo::1",
            "error::",
            ":::",
            "1:2:3:4:5:6:7:8:9:10",
            "2a06::5.example",
            "2a06::5x",
            "x2a06::5",
        ] {
            assert_eq!(all(word), [], "{word}");
        }
    }

    #[test]
    fn a_dash_joins_two_addresses() {
        assert!(range(b"2a06::5-2a06::9").is_some());
        assert!(range(b"2a06::5-eth0").is_none() && range(b"2a06::5").is_none());
    }
}
