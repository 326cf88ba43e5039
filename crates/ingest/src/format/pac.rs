//! `pac`: proxy auto-configuration files, which are JavaScript programs that are never run.
//!
//! Two idioms are read: calls that compare the host with a literal (`dnsDomainIs`, `shExpMatch`,
//! `localHostOrDomainIs`, `isInNet`), and lines that hold only the literals of an array or the keys of an
//! object. All other lines are skipped. A negated call lists everything but its literal, and one that `&&`
//! joins to another condition less than its literal, so both are rejected.
//!
//! What a program answers with `DIRECT` is let pass and skipped: a first look at the file pairs the calls
//! with the `return` or `?` after them. Elements of arrays that are named for what passes (`whitelist`) are
//! skipped, too.

use super::{Format, Head, OpenError, OrderedReader, Shape, ranges};
use crate::download::lines;
use crate::entry::{Details, Normalizer, Skip};
use crate::format::options::Options;
use crate::format::token;
use rapsheet_snapshot::{Address, Kinds, ParseError, Scope};
use std::collections::HashSet;

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
    /// Whether the lines are elements of an array that is named for what passes.
    in_good_list: bool,
    /// The literals of calls whose answer is `DIRECT`.
    direct: HashSet<Vec<u8>>,
}

fn open(_: &Options, head: Head<'_>) -> Result<Box<dyn OrderedReader>, OpenError> {
    let mut answers = Answers::default();
    let mut comments = Pac::default();
    for line in lines::trimmed(head.bytes) {
        if !comments.is_comment(line) {
            answers.read(line);
        }
    }
    Ok(Box::new(Pac { direct: answers.direct, ..Pac::default() }))
}

/// Pairs calls with the answers after them.
#[derive(Default)]
struct Answers {
    /// The literals of calls whose answer has not been read yet.
    pending: Vec<Vec<u8>>,
    direct: HashSet<Vec<u8>>,
    /// Variables that hold `DIRECT`.
    variables: HashSet<Vec<u8>>,
}

impl Answers {
    fn read(&mut self, line: &[u8]) {
        self.read_assignment(line);
        // Nearly all lines of long files are literals.
        let is_code =
            memchr::memchr2(b'(', b'?', line).is_some() || memchr::memmem::find(line, b"return").is_some();
        let code = if is_code { line } else { &[] };
        let mut at = 0;
        let mut answered = false;
        while let Some(rest) = code.get(at..).filter(|rest| !rest.is_empty()) {
            if let Some(call) = CALLS.iter().find(|call| rest.starts_with(call)) {
                let arguments = rest.get(call.len()..).unwrap_or(&[]);
                self.pending.extend(literals(token::before(arguments, b')')).next().map(<[u8]>::to_vec));
                at += call.len();
            } else if rest.starts_with(b"return") || rest.starts_with(b"?") {
                let mark = if rest.starts_with(b"?") { 1 } else { 6 };
                self.answer(rest.get(mark..).unwrap_or(&[]).trim_ascii_start());
                answered = true;
                at += mark;
            } else {
                at += 1;
            }
        }
        if !answered && line.ends_with(b";") {
            self.pending.clear();
        }
    }

    /// `var normal = "DIRECT";`
    fn read_assignment(&mut self, line: &[u8]) {
        let Some((name, value)) = token::split_once(line, b'=') else { return };
        let name = token::words(name).last().unwrap_or(&[]);
        if literals(value).next().is_some_and(|text| text.starts_with(b"DIRECT")) {
            self.variables.insert(name.to_vec());
        }
    }

    /// Gives the calls before it their answer. One that has no call before it says nothing.
    fn answer(&mut self, expression: &[u8]) {
        let is_direct = match expression.first() {
            Some(b'"' | b'\'') => literals(expression).next().is_some_and(|text| text.starts_with(b"DIRECT")),
            _ => {
                let is_word = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_';
                let width = expression.iter().take_while(is_word).count();
                let word = expression.get(..width).unwrap_or(&[]);
                self.variables.contains(word) || word.eq_ignore_ascii_case(b"direct")
            }
        };
        let answered = self.pending.drain(..);
        if is_direct {
            self.direct.extend(answered);
        }
    }
}

impl Pac {
    fn is_comment(&mut self, line: &[u8]) -> bool {
        if line.starts_with(b"/*") || self.in_comment {
            self.in_comment = memchr::memmem::find(line, b"*/").is_none();
            return true;
        }
        line.starts_with(b"//")
    }

    /// Whether the elements of a line are let pass: those of an array that is named so, on this line or an
    /// earlier one, and keys whose value is `DIRECT`.
    fn is_good_list(&mut self, line: &[u8]) -> bool {
        const SIGNS: [&[u8]; 7] =
            [b"white", b"allow", b"direct", b"bypass", b"noproxy", b"no_proxy", b"exclude"];
        let opening = line.iter().position(|byte| matches!(byte, b'[' | b'{'));
        if let Some(name) = opening.and_then(|at| line.get(..at)).filter(|name| !name.is_empty()) {
            let name = name.to_ascii_lowercase();
            self.in_good_list = SIGNS.iter().any(|sign| memchr::memmem::find(&name, sign).is_some());
        }
        let is_good = self.in_good_list || literals(line).any(|text| text == b"DIRECT");
        self.in_good_list &= !line.iter().any(|byte| matches!(byte, b']' | b'}'));
        is_good
    }
}

impl OrderedReader for Pac {
    fn line(&mut self, line: &[u8], normalizer: &mut Normalizer<'_>) {
        if self.is_comment(line) {
            return normalizer.skip(Skip::Comment);
        }
        let is_good = self.is_good_list(line);
        self.emit_calls(line, normalizer);
        if normalizer.outcomes() == 0 && is_literals(line) {
            let elements = literals(line).filter(|text| text.contains(&b'.'));
            elements.for_each(|text| match is_good {
                true => normalizer.skip(Skip::Policy),
                false => emit_element(text, normalizer),
            });
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

/// The functions that compare the host with a literal.
const CALLS: [&[u8]; 4] = [b"dnsDomainIs(", b"shExpMatch(", b"localHostOrDomainIs(", b"isInNet("];

impl Pac {
    /// Emits the literals that calls compare the host with.
    fn emit_calls(&self, line: &[u8], normalizer: &mut Normalizer<'_>) {
        let is_joined = memchr::memmem::find(line, b"&&").is_some();
        for call in CALLS {
            for at in memchr::memmem::find_iter(line, call) {
                let before = line.get(..at).unwrap_or(&[]).trim_ascii_end();
                let is_negated = before.ends_with(b"!") || memchr::memmem::find(before, b"!(").is_some();
                let arguments = token::before(line.get(at + call.len()..).unwrap_or(&[]), b')');
                let is_direct = literals(arguments).next().is_some_and(|text| self.direct.contains(text));
                match (is_direct, is_negated || is_joined) {
                    (true, _) => normalizer.skip(Skip::Policy),
                    (false, true) => normalizer.reject(ParseError::Pattern),
                    (false, false) => emit_call(call, arguments, normalizer),
                }
            }
        }
    }
}

fn emit_call(call: &[u8], arguments: &[u8], normalizer: &mut Normalizer<'_>) {
    let mut arguments = literals(arguments);
    match (call, arguments.next(), arguments.next()) {
        (b"isInNet(", Some(address), Some(mask)) => emit_network(address, mask, normalizer),
        (b"localHostOrDomainIs(", Some(name), _) => normalizer.host(name, Scope::Exact, &Details::NONE),
        (b"dnsDomainIs(" | b"shExpMatch(", Some(text), _) => emit_host(text, normalizer),
        _ => {}
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
