//! `wazuh-cdb`: constant database lists of Wazuh and OSSEC, one `key:value` per line.
//!
//! `192.0.2.7:scanner`, `192.0.2.7:`, `"2001:db8::5":scanner`. The first `:` ends a key, so a key that holds
//! one is in double quotes. `192.0.2.:` is the network of the octets before the dot. A value is free text and
//! may be missing; one that is a known category is an assessment, and a row whose value says that it is harmless
//! blocks nothing.
//!
//! Lists are older than the quotes, and some hold IPv6 addresses or URLs without them. Such a line is read
//! where only one reading is an indicator, and otherwise rejected.

use super::{Format, Head, LineReader, OpenError, Shape, header, ranges, role};
use crate::entry::{Details, Normalizer};
use crate::format::options::Options;
use crate::format::token;
use rapsheet_snapshot::{AddressRange, Assessments, Kinds};

/// The row of the table.
pub(super) static FORMAT: Format = Format {
    id: "wazuh-cdb",
    about: "Wazuh CDB lists: key:value, where the key is an address, 192.0.2. or a name",
    example: "192.0.2.7:scanner",
    kinds: Kinds::ALL,
    shape: Shape::Lines(open),
    ..Format::DEFAULT
};

struct Cdb;

fn open(_: &Options, _: Head<'_>) -> Result<Box<dyn LineReader>, OpenError> {
    Ok(Box::new(Cdb))
}

impl LineReader for Cdb {
    fn line(&self, line: &[u8], normalizer: &mut Normalizer<'_>) {
        if let [b'#', comment @ ..] = line {
            return header::comment(comment.trim_ascii(), normalizer);
        }
        let (key, value) = split(line);
        let value = value.unwrap_or(&[]);
        let assessments = role::category(token::unquoted(value.trim_ascii()), Assessments::EMPTY);
        let details = Details { assessments, ..Details::NONE };
        if key.ends_with(b".") && key.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.') {
            return ranges::emit(ranges::wildcard(key), &details, normalizer);
        }
        let scope = normalizer.rules().scope;
        normalizer.any(key, scope, &details);
    }
}

/// The key and the value of a line. A line without `:` is a key, and has no value.
pub(super) fn split(line: &[u8]) -> (&[u8], Option<&[u8]>) {
    if let Some((key, rest)) = line.strip_prefix(b"\"").and_then(|rest| token::split_once(rest, b'"')) {
        return (key, rest.trim_ascii_start().strip_prefix(b":"));
    }
    let first = first_colon(line);
    let Some(at) = memchr::memrchr(b':', line).filter(|at| *at > first.0.len()) else { return first };
    let (key, value) = (line.get(..at).unwrap_or(&[]), line.get(at + 1..).unwrap_or(&[]));
    match first.0 {
        // The last `:` may be that of a port.
        b"http" | b"https" | b"ftp" if value.contains(&b'/') => (line, None),
        b"http" | b"https" | b"ftp" => (key, Some(value)),
        // `2001:db8::5:80` is an address by itself, too.
        _ if AddressRange::parse(line).is_ok() => (line, None),
        _ if AddressRange::parse(key).is_ok() => (key, Some(value)),
        _ => first,
    }
}

fn first_colon(line: &[u8]) -> (&[u8], Option<&[u8]>) {
    token::split_once(line, b':').map_or((line, None), |(key, value)| (key.trim_ascii(), Some(value)))
}
