//! `unbound`: configuration of the resolver Unbound.
//!
//! `local-zone: "evil.example.com." always_nxdomain` covers the name and everything below it. The type says
//! whether the zone blocks, lets pass (an exception), or neither. `local-data: "evil.example.com A 0.0.0.0"`
//! covers one name, and blocks where the record is an address. Quotes may be double, single or absent.
//! Included files are never opened.

use super::{Format, Head, LineReader, OpenError, Shape, header};
use crate::entry::{Details, Normalizer, Skip};
use crate::format::options::Options;
use crate::format::token;
use rapsheet_snapshot::{Kinds, ParseError, Scope};

/// The row of the table.
pub(super) static FORMAT: Format = Format {
    id: "unbound",
    about: "Unbound configuration: local-zone and local-data",
    example: r#"local-zone: "evil.example.com." always_nxdomain"#,
    kinds: Kinds::NAME,
    shape: Shape::Lines(open),
    ..Format::DEFAULT
};

struct Unbound;

fn open(_: &Options, _: Head<'_>) -> Result<Box<dyn LineReader>, OpenError> {
    Ok(Box::new(Unbound))
}

/// The types of zones that block: they refuse, drop, answer that the name does not exist, or redirect.
const BLOCKING: [&[u8]; 11] = [
    b"always_nxdomain",
    b"always_null",
    b"always_refuse",
    b"always_deny",
    b"always_nodata",
    b"refuse",
    b"deny",
    b"static",
    b"redirect",
    b"inform_deny",
    b"inform_redirect",
];

impl LineReader for Unbound {
    fn line(&self, line: &[u8], normalizer: &mut Normalizer<'_>) {
        if let [b'#', comment @ ..] = line {
            return header::comment(comment.trim_ascii(), normalizer);
        }
        let is_key =
            |byte: &u8| byte.is_ascii_lowercase() || matches!(byte, b'-' | b' ' | b'\t' | b'0'..=b'9');
        let key = memchr::memchr(b':', line).filter(|colon| line.iter().take(*colon).all(is_key));
        // No key is shorter than four letters; a shorter text is a line of another format.
        let Some(colon) = key.filter(|colon| *colon > 3) else {
            return normalizer.reject(ParseError::BadColumns);
        };
        let (key, value) = line.split_at_checked(colon).unwrap_or((line, &[]));
        let value = value.get(1..).unwrap_or(&[]).trim_ascii();
        match key.trim_ascii() {
            b"local-zone" => emit_zone(value, normalizer),
            b"local-data" => emit_data(value, normalizer),
            _ => normalizer.skip(Skip::Directive),
        }
    }
}

/// Splits off a value that may be in quotes; returns it without them, and the rest of the text.
fn split_value(text: &[u8]) -> (&[u8], &[u8]) {
    let (mark, inner) = match text {
        [mark @ (b'"' | b'\''), inner @ ..] => (Some(*mark), inner),
        _ => (None, text),
    };
    let ends = |byte: &u8| mark.map_or(byte.is_ascii_whitespace() || *byte == b'#', |mark| *byte == mark);
    let end = inner.iter().position(ends).unwrap_or(inner.len());
    let (value, rest) = inner.split_at_checked(end).unwrap_or((inner, &[]));
    (value, rest.get(usize::from(mark.is_some() && !rest.is_empty())..).unwrap_or(&[]))
}

fn emit_zone(value: &[u8], normalizer: &mut Normalizer<'_>) {
    let (name, rest) = split_value(value);
    let (kind, _) = split_value(rest.trim_ascii_start());
    let blocks = BLOCKING.iter().any(|blocking| kind.eq_ignore_ascii_case(blocking));
    let passing =
        [b"transparent".as_slice(), b"always_transparent", b"typetransparent", b"inform", b"nodefault"];
    match (blocks, passing.contains(&kind)) {
        (true, _) => normalizer.host(name, Scope::Tree, &Details::NONE),
        (false, true) => normalizer.host(name, Scope::Tree, &Details { inverted: true, ..Details::NONE }),
        (false, false) => normalizer.skip(Skip::Directive),
    }
}

/// `"name [ttl] [IN] A 0.0.0.0"`: only address records block.
fn emit_data(value: &[u8], normalizer: &mut Normalizer<'_>) {
    let (record, _) = match value.first() {
        Some(b'"' | b'\'') => split_value(value),
        _ => (value, &[][..]),
    };
    let mut words = token::words(record);
    let name = words.next().unwrap_or(&[]);
    let is_address = words.any(|word| word.eq_ignore_ascii_case(b"A") || word.eq_ignore_ascii_case(b"AAAA"));
    if is_address {
        normalizer.host(name, Scope::Exact, &Details::NONE);
    } else {
        normalizer.skip(Skip::Record);
    }
}

#[cfg(test)]
mod tests {
    use crate::pipeline::testing::render;

    #[test]
    fn reads_zones_and_data() {
        let text = "server:\nlocal-zone: \"evilpanel.com.\" always_null\n  local-zone: evilpanel.net always_nxdomain # why\nlocal-zone: 'evilpanel.org' redirect\n\
                    local-data: \"evilpanel.org A 0.0.0.0\"\nlocal-data: \"x.evilpanel.org 3600 IN AAAA ::\"\nlocal-data: \"evilpanel.org TXT x\"\n\
                    local-zone: \"good.evilpanel.com\" transparent\nlocal-data-ptr: \"45.9.20.5 x\"\ninclude: \"/etc/passwd\"\nlocal-zone: \"a.evilpanel.com\" odd\n";
        let expected = [
            "SKIP directive",
            "domain-tree evilpanel.com",
            "domain-tree evilpanel.net",
            "domain-tree evilpanel.org",
            "domain evilpanel.org",
            "domain x.evilpanel.org",
            "SKIP record",
            "allow domain-tree good.evilpanel.com",
            "SKIP directive",
            "SKIP directive",
            "SKIP directive",
        ];
        assert_eq!(render("unbound", &[], text), expected);
    }
}
