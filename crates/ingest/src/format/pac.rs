//! `pac`: proxy auto-configuration files, which are programs, and are not run.
//!
//! Only idioms that can be read without running anything are lifted: comparisons of the host with a literal, and
//! lines that are nothing but literals of an array or keys of an object. Everything else is no data.

use super::{Format, Head, OpenError, OrderedReader, Shape, ranges};
use crate::options::Options;
use crate::scribe::{Details, Scribe, Skip};
use rapsheet_snapshot::{Address, Kinds, ParseError, Scope};

/// The row of the table.
pub static FORMAT: Format = Format {
    id: "pac",
    about: "proxy auto-configuration: literals of arrays, dnsDomainIs, shExpMatch, isInNet",
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
    fn line(&mut self, line: &[u8], scribe: &mut Scribe<'_>) {
        let opens = line.starts_with(b"/*");
        if opens || self.in_comment {
            self.in_comment = memchr::memmem::find(line, b"*/").is_none();
            return scribe.skip(Skip::Comment);
        }
        if line.starts_with(b"//") {
            return scribe.skip(Skip::Comment);
        }
        calls(line, scribe);
        if scribe.told() == 0 && is_literals(line) {
            literals(line).filter(|text| text.contains(&b'.')).for_each(|text| listed(text, scribe));
        }
        if scribe.told() == 0 && is_name_alone(line) {
            scribe.reject(ParseError::BadColumns);
        }
        if scribe.told() == 0 {
            scribe.skip(Skip::Directive);
        }
    }
}

/// One word with a dot in it and no mark of a program: a line of a list in some other format.
fn is_name_alone(line: &[u8]) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b".-_:/*|^@#".contains(byte) || *byte >= 0x80;
    line.contains(&b'.') && line.iter().all(plain)
}

/// The calls that compare the host with literals.
fn calls(line: &[u8], scribe: &mut Scribe<'_>) {
    const CALLS: [&[u8]; 4] = [b"dnsDomainIs(", b"shExpMatch(", b"localHostOrDomainIs(", b"isInNet("];
    for call in CALLS {
        for at in memchr::memmem::find_iter(line, call) {
            // What must not be so says nothing that can be kept.
            if line.get(..at).is_some_and(|before| before.trim_ascii_end().ends_with(b"!")) {
                scribe.reject(ParseError::Pattern);
                continue;
            }
            let rest = line.get(at + call.len()..).unwrap_or(&[]);
            let end = memchr::memchr(b')', rest).unwrap_or(rest.len());
            let mut arguments = literals(rest.get(..end).unwrap_or(&[]));
            match (call, arguments.next(), arguments.next()) {
                (b"isInNet(", Some(address), Some(mask)) => network(address, mask, scribe),
                (b"localHostOrDomainIs(", Some(name), _) => scribe.host(name, Scope::Exact, &Details::NONE),
                (b"dnsDomainIs(" | b"shExpMatch(", Some(text), _) => compared(text, scribe),
                _ => {}
            }
        }
    }
}

fn compared(text: &[u8], scribe: &mut Scribe<'_>) {
    match text {
        [b'*', b'.', name @ ..] | [b'.', name @ ..] if !name.contains(&b'*') => {
            scribe.host(name, Scope::Subdomains, &Details::NONE);
        }
        _ if text.contains(&b'*') || text.contains(&b'?') => scribe.reject(ParseError::Pattern),
        name => scribe.any(name, Scope::Exact, &Details::NONE),
    }
}

fn network(address: &[u8], mask: &[u8], scribe: &mut Scribe<'_>) {
    let is_address = Address::parse(address).is_ok();
    let read = if is_address { ranges::netmask(address, mask) } else { Err(ParseError::BadMask) };
    ranges::emit(read, &Details::NONE, scribe);
}

/// An element of an array or a key of an object: such lists are asked label by label, which is a tree.
fn listed(text: &[u8], scribe: &mut Scribe<'_>) {
    let name = text.strip_prefix(b"*.").or_else(|| text.strip_prefix(b".")).unwrap_or(text);
    scribe.any(name, Scope::Tree, &Details::NONE);
}

/// Whether a line holds literals and the marks around them, and nothing else: no variable, no call.
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
    use crate::transcript::tests::render;

    #[test]
    fn idioms_are_lifted_and_nothing_is_run() {
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
