//! `dnsmasq`: configuration of the resolver dnsmasq.
//!
//! `address=/evil.example.com/0.0.0.0` answers for the name and everything below it, which blocks them
//! whatever the address is. `server=/name/` and `local=/name/` answer locally and block, too.
//! `server=/name/192.0.2.53` sends questions to another server and blocks nothing. `server=/name/#` uses the
//! normal servers: an exception, but only in a list that blocks, because lists such as dnsmasq-china-list are
//! about routing alone. `host-record=name,0.0.0.0,::` blocks the name alone.
//!
//! `#` is the null address after a slash, and a comment only at the start of a line or after a blank. Files
//! and sets that a line names are never opened.

use super::{Format, Head, LineReader, OpenError, Shape, header};
use crate::download::lines;
use crate::entry::{Details, Normalizer, Skip};
use crate::format::options::Options;
use crate::format::token;
use rapsheet_snapshot::{Kinds, ParseError, Scope};

/// The row of the table.
pub(super) static FORMAT: Format = Format {
    id: "dnsmasq",
    about: "dnsmasq configuration: address=/name/address, server=/name/, local=/name/",
    example: "address=/evil.example.com/0.0.0.0",
    kinds: Kinds::NAME,
    shape: Shape::Lines(open),
    ..Format::DEFAULT
};

struct Dnsmasq {
    /// Whether the list blocks names, so that a name with `#` as its server is an exception.
    blocks: bool,
}

fn open(_: &Options, head: Head<'_>) -> Result<Box<dyn LineReader>, OpenError> {
    let blocks = lines::trimmed(head.bytes).any(|line| {
        line.starts_with(b"address=/") || line.starts_with(b"--address=/") || simple_name(line).is_some()
    });
    // A list that names servers is about routing, unless it blocks as well.
    let routes = lines::trimmed(head.bytes)
        .any(|line| line.starts_with(b"server=/") && line.last().is_some_and(u8::is_ascii_alphanumeric));
    let blocks = blocks || !routes;
    Ok(Box::new(Dnsmasq { blocks }))
}

impl LineReader for Dnsmasq {
    fn line(&self, line: &[u8], normalizer: &mut Normalizer<'_>) {
        if let Some(name) = simple_name(line)
            && normalizer.fast_host(name, Scope::Tree, &Details::NONE)
        {
            return;
        }
        if let Some(comment) = token::comment(line) {
            return header::comment(comment, normalizer);
        }
        let line = token::before_comment(line);
        let line = line.strip_prefix(b"--").unwrap_or(line);
        let Some((key, value)) = token::split_once(line, b'=') else { return bare_keyword(line, normalizer) };
        match key.trim_ascii() {
            b"address" => emit_names(value, Target::Address, normalizer),
            b"server" | b"local" if self.blocks || !value.ends_with(b"/#") => {
                emit_names(value, Target::Server, normalizer);
            }
            b"server" | b"local" => normalizer.skip(Skip::Routing),
            b"host-record" => match value.strip_suffix(b",0.0.0.0,::") {
                Some(name) if normalizer.fast_host(name, Scope::Exact, &Details::NONE) => {}
                _ => normalizer.skip(Skip::Directive),
            },
            _ => normalizer.skip(Skip::Directive),
        }
    }
}

/// The name of a line with one name and a usual sink, such as `address=/name/0.0.0.0`. Nearly all lines are
/// such lines, and they need no further parsing.
fn simple_name(line: &[u8]) -> Option<&[u8]> {
    let ends: [&[u8]; 4] = [b"/0.0.0.0", b"/#", b"/", b"/127.0.0.1"];
    match line.strip_prefix(b"address=/") {
        Some(rest) => ends.iter().find_map(|end| rest.strip_suffix(*end)),
        None => line.strip_prefix(b"server=/").or_else(|| line.strip_prefix(b"local=/"))?.strip_suffix(b"/"),
    }
}

/// A line without `=`: a keyword such as `no-resolv`, or an entry of a list in another format.
fn bare_keyword(line: &[u8], normalizer: &mut Normalizer<'_>) {
    if line.iter().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'-' | b'0'..=b'9')) {
        normalizer.skip(Skip::Directive);
    } else {
        normalizer.reject(ParseError::BadColumns);
    }
}

/// The meaning of the text after the names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Target {
    /// The address in the answer.
    Address,
    /// The server that answers; where it is empty, dnsmasq itself.
    Server,
}

/// Emits the names of `/name/name/target`.
fn emit_names(value: &[u8], target: Target, normalizer: &mut Normalizer<'_>) {
    let Some(inner) = value.trim_ascii().strip_prefix(b"/") else { return normalizer.skip(Skip::Routing) };
    let end = inner.iter().rposition(|byte| *byte == b'/');
    let Some((names, slash_and_target)) = end.and_then(|end| inner.split_at_checked(end)) else {
        return normalizer.skip(Skip::Directive);
    };
    let inverted = match (target, slash_and_target.get(1..).unwrap_or(&[])) {
        (Target::Address, _) | (Target::Server, b"") => false,
        (Target::Server, b"#") => true,
        (Target::Server, _) => return normalizer.skip(Skip::Routing),
    };
    let details = Details { inverted, ..Details::NONE };
    names.split(|byte| *byte == b'/').for_each(|name| emit_tree(name, &details, normalizer));
}

fn emit_tree(name: &[u8], details: &Details, normalizer: &mut Normalizer<'_>) {
    match name.strip_prefix(b".").unwrap_or(name) {
        // An empty name is the root, and `#` matches every name.
        b"" | b"#" => normalizer.reject(ParseError::TooWide),
        name => normalizer.host(name, Scope::Tree, details),
    }
}

#[cfg(test)]
mod tests {
    use crate::pipeline::testing::render;

    #[test]
    fn tells_blocking_from_routing() {
        let text = "# Last modified: 2026-07-06 00:40:19 UTC\naddress=/evilpanel.com/#\naddress=/.a.evilpanel.com/0.0.0.0\n\
                    address=/b.evilpanel.com/c.evilpanel.com/\nserver=/d.evilpanel.com/\n--local=/e.evilpanel.com/ # why\n\
                    address=/#/0.0.0.0\nserver=/good.evilpanel.com/#\nserver=/cn.example.com/114.114.114.114\n\
                    bogus-nxdomain=45.9.20.5\nconf-file=/etc/passwd\nipset=/evilpanel.com/vpn\nno-resolv\n\
                    address=/*x.evilpanel.com/0.0.0.0\n";
        let expected = [
            "SKIP header",
            "domain-tree evilpanel.com",
            "domain-tree a.evilpanel.com",
            "domain-tree b.evilpanel.com",
            "domain-tree c.evilpanel.com",
            "domain-tree d.evilpanel.com",
            "domain-tree e.evilpanel.com",
            "REJECT too-wide",
            "allow domain-tree good.evilpanel.com",
            "SKIP routing",
            "SKIP directive",
            "SKIP directive",
            "SKIP directive",
            "SKIP directive",
            "REJECT pattern",
        ];
        assert_eq!(render("dnsmasq", &[], text), expected);
    }
}
