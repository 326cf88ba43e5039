//! `pac`: proxy auto-configuration files, which are JavaScript programs that are never run.
//!
//! Two idioms are read: calls that compare the host with a literal (`dnsDomainIs`, `shExpMatch`,
//! `localHostOrDomainIs`, `isInNet`), and lines that hold only the literals of an array or the keys of an
//! object. All other lines are skipped. A negated call lists everything but its literal, so it is rejected.

use super::{Format, Head, OpenError, OrderedReader, Shape, ranges};
use crate::entry::{Details, Normalizer, Skip};
use crate::format::options::Options;
use rapsheet_snapshot::{Address, Kinds, ParseError, Scope};

/// The row of the table.
pub(super) static FORMAT: Format = Format {
    id: "pac",
    about: "proxy auto-configuration: arrays of names, dnsDomainIs, shExpMatch, isInNet; never run",
    example: r#"if (dnsDomainIs(host, ".evil.example.com")) return block;"#,
    kinds: Kinds::ALL,
    shape: Shape::Ordered(open),
    ..Format::DEFAULT
};

#[derive(Default)]
struct Pac {
    in_comment: bool,
}

fn open(_: &Options, _: Head<'_>) -> Result<Box<dyn OrderedReader>, OpenError> {
    Ok(Box::new(Pac::default()))
}

impl OrderedReader for Pac {
    fn line(&mut self, line: &[u8], normalizer: &mut Normalizer<'_>) {
        let opens = line.starts_with(b"/*");
        if opens || self.in_comment {
            self.in_comment = memchr::memmem::find(line, b"*/").is_none();
            return normalizer.skip(Skip::Comment);
        }
        if line.starts_with(b"//") {
            return normalizer.skip(Skip::Comment);
        }
        emit_calls(line, normalizer);
        if normalizer.outcomes() == 0 && is_literals(line) {
            literals(line)
                .filter(|text| text.contains(&b'.'))
                .for_each(|text| emit_element(text, normalizer));
        }
        if normalizer.outcomes() == 0 && is_bare_entry(line) {
            normalizer.reject(ParseError::BadColumns);
        }
        if normalizer.outcomes() == 0 {
            normalizer.skip(Skip::Directive);
        }
    }
}

/// Whether a line is one word with a dot and without syntax of a program: an entry of a list in another
/// format.
fn is_bare_entry(line: &[u8]) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b".-_:/*|^@#".contains(byte) || *byte >= 0x80;
    line.contains(&b'.') && line.iter().all(plain)
}

/// Emits the literals that calls compare the host with.
fn emit_calls(line: &[u8], normalizer: &mut Normalizer<'_>) {
    const CALLS: [&[u8]; 4] = [b"dnsDomainIs(", b"shExpMatch(", b"localHostOrDomainIs(", b"isInNet("];
    for call in CALLS {
        for at in memchr::memmem::find_iter(line, call) {
            if line.get(..at).is_some_and(|before| before.trim_ascii_end().ends_with(b"!")) {
                normalizer.reject(ParseError::Pattern);
                continue;
            }
            let rest = line.get(at + call.len()..).unwrap_or(&[]);
            let end = memchr::memchr(b')', rest).unwrap_or(rest.len());
            let mut arguments = literals(rest.get(..end).unwrap_or(&[]));
            match (call, arguments.next(), arguments.next()) {
                (b"isInNet(", Some(address), Some(mask)) => emit_network(address, mask, normalizer),
                (b"localHostOrDomainIs(", Some(name), _) => {
                    normalizer.host(name, Scope::Exact, &Details::NONE);
                }
                (b"dnsDomainIs(" | b"shExpMatch(", Some(text), _) => emit_host(text, normalizer),
                _ => {}
            }
        }
    }
}

/// `.x` and `*.x` match what is below x; any other wildcard cannot be indexed.
fn emit_host(text: &[u8], normalizer: &mut Normalizer<'_>) {
    match text {
        [b'*', b'.', name @ ..] | [b'.', name @ ..] if !name.contains(&b'*') => {
            normalizer.host(name, Scope::Subdomains, &Details::NONE);
        }
        _ if text.contains(&b'*') || text.contains(&b'?') => normalizer.reject(ParseError::Pattern),
        name => normalizer.any(name, Scope::Exact, &Details::NONE),
    }
}

fn emit_network(address: &[u8], mask: &[u8], normalizer: &mut Normalizer<'_>) {
    let is_address = Address::parse(address).is_ok();
    let read = if is_address { ranges::netmask(address, mask) } else { Err(ParseError::BadMask) };
    ranges::emit(read, &Details::NONE, normalizer);
}

/// An element of an array or a key of an object. Programs look the host's ancestors up in such lists, so an
/// element means the whole tree.
fn emit_element(text: &[u8], normalizer: &mut Normalizer<'_>) {
    let name = text.strip_prefix(b"*.").or_else(|| text.strip_prefix(b".")).unwrap_or(text);
    normalizer.any(name, Scope::Tree, &Details::NONE);
}

/// Whether a line holds literals and the punctuation between them, and no variable or call.
fn is_literals(line: &[u8]) -> bool {
    let mut quote = None;
    let mut found = false;
    for byte in line {
        match (quote, byte) {
            (Some(open), byte) if open == *byte => quote = None,
            (Some(_), _) => {}
            (None, b'"' | b'\'') => (quote, found) = (Some(*byte), true),
            (None, b' ' | b'\t' | b',' | b':' | b';' | b'[' | b']' | b'{' | b'}' | b'0'..=b'9') => {}
            (None, _) => return false,
        }
    }
    found && quote.is_none()
}

/// The texts in single or double quotes, without them.
fn literals(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let start = rest.iter().position(|byte| matches!(byte, b'"' | b'\''))?;
        let mark = *rest.get(start)?;
        let inner = rest.get(start + 1..)?;
        let end = memchr::memchr(mark, inner)?;
        rest = inner.get(end + 1..)?;
        inner.get(..end)
    })
}

#[cfg(test)]
mod tests {
    use crate::pipeline::testing::render;

    #[test]
    fn reads_calls_and_literals() {
        let text = "// a comment\nvar proxy = \"PROXY 10.0.0.1:8080\";\nvar list = [\n  \"evilpanel.com\", \"45.9.20.5\",\n];\nvar map = {\n\"evilpanel.net\": 1,\n};\n\
                    if (dnsDomainIs(host, \".evilpanel.org\") || shExpMatch(host, \"*.a.evilpanel.com\")) return proxy;\nif (shExpMatch(host, \"ads*.com\")) return proxy;\n\
                    if (isInNet(host, \"45.9.21.0\", \"255.255.255.0\")) return proxy;\n/* evilpanel.com\n*/\nreturn \"DIRECT\";\n";
        let expected = [
            "SKIP comment",
            "SKIP directive",
            "SKIP directive",
            "domain-tree evilpanel.com",
            "ip 45.9.20.5",
            "SKIP directive",
            "SKIP directive",
            "domain-tree evilpanel.net",
            "SKIP directive",
            "subdomains evilpanel.org",
            "subdomains a.evilpanel.com",
            "REJECT pattern",
            "cidr 45.9.21.0/24",
            "SKIP comment",
            "SKIP comment",
            "SKIP directive",
        ];
        assert_eq!(render("pac", &[], text), expected);
    }
}
