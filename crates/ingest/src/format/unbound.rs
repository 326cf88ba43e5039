//! `unbound`: configuration of the resolver Unbound.
//!
//! `local-zone: "evil.example.com." always_nxdomain` covers the name and everything below it. The type says
//! whether the zone blocks, lets pass (an exception), or neither. `local-data: "evil.example.com A 0.0.0.0"`
//! covers one name, and blocks where the record is an address. Quotes may be double, single or absent.
//! To Unbound a line end is a blank like any other, so a line may hold several statements. Zones that only
//! log (`inform`) or take back a default (`nodefault`) neither block nor vouch. Included files are never
//! opened.

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
        if let Some(name) = plain_zone(line)
            && normalizer.fast_host(name, Scope::Tree, &Details::NONE)
        {
            return;
        }
        if let [b'#', comment @ ..] = line {
            return header::comment(comment.trim_ascii(), normalizer);
        }
        let Some((mut key, mut rest)) = split_key(line) else {
            return normalizer.reject(ParseError::BadColumns);
        };
        loop {
            match key {
                b"local-zone" => rest = emit_zone(rest, normalizer),
                b"local-data" => rest = emit_data(rest, normalizer),
                _ => {}
            }
            match next_statement(rest) {
                Some(next) => (key, rest) = next,
                None => break,
            }
        }
        if normalizer.outcomes() == 0 {
            normalizer.skip(Skip::Directive);
        }
    }
}

/// The name of a line that is one zone which blocks, as programs write it. Nearly all lines are.
fn plain_zone(line: &[u8]) -> Option<&[u8]> {
    let (name, kind) = token::split_once(line.strip_prefix(b"local-zone: \"")?, b'"')?;
    let is_blocking = kind.strip_prefix(b" ").is_some_and(|kind| BLOCKING.contains(&kind));
    is_blocking.then(|| name.strip_suffix(b".").unwrap_or(name))
}

/// Splits a key off the text that begins with it; `None` where the text begins with none.
fn split_key(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let is_key = |byte: &u8| byte.is_ascii_lowercase() || matches!(byte, b'-' | b'0'..=b'9');
    let width = text.iter().take_while(|byte| is_key(byte)).count();
    let (key, rest) = text.split_at_checked(width)?;
    let value = rest.trim_ascii_start().strip_prefix(b":")?;
    // No key is shorter than four letters; a shorter text is a line of another format. A double colon is an
    // address.
    (width > 3 && !value.starts_with(b":")).then_some((key, value.trim_ascii_start()))
}

/// The next statement of a line: the values before it are passed over.
fn next_statement(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut rest = text.trim_ascii_start();
    while !matches!(rest, [] | [b'#', ..]) {
        if let Some(statement) = split_key(rest) {
            return Some(statement);
        }
        rest = split_value(rest).1.trim_ascii_start();
    }
    None
}

/// Splits off a value that may be in quotes; returns it without them, and the rest of the text.
fn split_value(text: &[u8]) -> (&[u8], &[u8]) {
    let (mark, inner) = match text {
        [mark @ (b'"' | b'\''), inner @ ..] => (Some(*mark), inner),
        _ => (None, text),
    };
    let ends = |byte: &u8| byte.is_ascii_whitespace() || *byte == b'#';
    let end = mark.map_or_else(|| inner.iter().position(ends), |mark| memchr::memchr(mark, inner));
    let end = end.unwrap_or(inner.len());
    let (value, rest) = inner.split_at_checked(end).unwrap_or((inner, &[]));
    (value, rest.get(usize::from(mark.is_some() && !rest.is_empty())..).unwrap_or(&[]))
}

/// Emits the zone of `name type`, and returns the text after it.
fn emit_zone<'l>(value: &'l [u8], normalizer: &mut Normalizer<'_>) -> &'l [u8] {
    let (name, rest) = split_value(value);
    let (kind, rest) = split_value(rest.trim_ascii_start());
    let is = |word: &&[u8]| kind.eq_ignore_ascii_case(word);
    let passing = [b"transparent".as_slice(), b"always_transparent", b"typetransparent"];
    if BLOCKING.iter().any(is) {
        normalizer.host(name, Scope::Tree, &Details::NONE);
    } else if passing.iter().any(is) {
        normalizer.host(name, Scope::Tree, &Details { inverted: true, ..Details::NONE });
    } else {
        normalizer.skip(Skip::Directive);
    }
    rest
}

/// `"name [ttl] [IN] A 0.0.0.0"`: only address records block. Returns the text after it.
fn emit_data<'l>(value: &'l [u8], normalizer: &mut Normalizer<'_>) -> &'l [u8] {
    let (record, rest) = match value.first() {
        Some(b'"' | b'\'') => split_value(value),
        _ => (value, &[][..]),
    };
    let mut words = token::words(record);
    let name = words.next().unwrap_or(&[]);
    let is_ttl_or_class = |word: &&[u8]| token::is_digits(word) || word.eq_ignore_ascii_case(b"IN");
    let kind = words.find(|word| !is_ttl_or_class(word)).unwrap_or(&[]);
    if kind.eq_ignore_ascii_case(b"A") || kind.eq_ignore_ascii_case(b"AAAA") {
        normalizer.host(name, Scope::Exact, &Details::NONE);
    } else {
        normalizer.skip(Skip::Record);
    }
    rest
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

    #[test]
    fn plain_zones_are_read_as_any() {
        let names = [
            "evilpanel.com",
            "evilpanel.com.",
            "EvilPanel.com",
            "45.9.20.5",
            "co.uk",
            "localhost",
            "a b",
            "",
            "evil..com",
            "xn--a.com",
        ];
        for name in names {
            for kind in ["always_nxdomain", "static", "transparent", "inform", "refuse_x", ""] {
                let line = format!("local-zone: \"{name}\" {kind}");
                // With a comment, a line is split into statements.
                assert_eq!(
                    render("unbound", &[], &line),
                    render("unbound", &[], &format!("{line} # x")),
                    "{line}"
                );
            }
        }
    }

    #[test]
    fn reads_every_statement_of_a_line() {
        let text = "server: local-zone: \"a.evilpanel.com\" always_nxdomain local-zone: 'b.evilpanel.com' refuse # local-zone: \"c.evilpanel.com\" deny\n\
                    local-zone: d.evilpanel.com redirect local-data: \"d.evilpanel.com A 0.0.0.0\" local-data: \"e.evilpanel.com TXT 'an A record'\"\n\
                    access-control: 45.9.20.0/24 refuse local-zone: \"f.evilpanel.com\" always_null\naccess-control: 2a06:e480::/32 refuse\n\
                    local-zone: \"g.evilpanel.com\" inform\n45.9.20.5 evilpanel.com\n2a06::1\n";
        let expected = [
            "domain-tree a.evilpanel.com",
            "domain-tree b.evilpanel.com",
            "domain-tree d.evilpanel.com",
            "domain d.evilpanel.com",
            "SKIP record",
            "domain-tree f.evilpanel.com",
            "SKIP directive",
            "SKIP directive",
            "REJECT bad-columns",
            "REJECT bad-columns",
        ];
        assert_eq!(render("unbound", &[], text), expected);
    }
}
