//! `dnsmasq`: resolver configuration in which `address=/name/…` blocks a name and everything below it.
//!
//! `#` is the null address here, not a comment, unless it begins a line or follows a blank. A `server` line with
//! an address routes a name and blocks nothing; without one it answers locally, which blocks. Files and sets that
//! a line names are never followed.

use super::{Format, Head, LineReader, OpenError, Shape, header};
use crate::lines;
use crate::options::Options;
use crate::scribe::{Details, Scribe, Skip};
use crate::token;
use rapsheet_snapshot::{Kinds, ParseError, Scope};

/// The row of the table.
pub static FORMAT: Format = Format {
    id: "dnsmasq",
    about: "dnsmasq configuration: address=/name/…, server=/name/, local=/name/",
    example: "address=/evil.example.com/0.0.0.0",
    kinds: Kinds::NAME,
    shape: Shape::Lines(open),
    ..Format::DEFAULT
};

struct Dnsmasq {
    /// Whether the list blocks anything, so that what it routes as usual is an exception of it.
    blocks: bool,
}

fn open(_: &Options, head: Head<'_>) -> Result<Box<dyn LineReader>, OpenError> {
    let blocks = lines::trimmed(head.bytes).any(|line| {
        line.starts_with(b"address=/") || line.starts_with(b"--address=/") || only_name(line).is_some()
    });
    // A list that sends its names to some server is about routing, unless it blocks as well.
    let routes = lines::trimmed(head.bytes)
        .any(|line| line.starts_with(b"server=/") && line.last().is_some_and(u8::is_ascii_alphanumeric));
    let blocks = blocks || !routes;
    Ok(Box::new(Dnsmasq { blocks }))
}

impl LineReader for Dnsmasq {
    fn line(&self, line: &[u8], scribe: &mut Scribe<'_>) {
        if let Some(name) = only_name(line)
            && scribe.plain(name, Scope::Tree, &Details::NONE)
        {
            return;
        }
        if let Some(comment) = token::comment(line) {
            return header::comment(comment, scribe);
        }
        let line = token::before_comment(line);
        let line = line.strip_prefix(b"--").unwrap_or(line);
        let Some((key, value)) = token::split_once(line, b'=') else { return bare_keyword(line, scribe) };
        match key.trim_ascii() {
            b"address" => names(value, Target::Sink, scribe),
            b"server" | b"local" if self.blocks || !value.ends_with(b"/#") => {
                names(value, Target::Server, scribe);
            }
            b"server" | b"local" => scribe.skip(Skip::Routing),
            _ => scribe.skip(Skip::Directive),
        }
    }
}

/// The name of `address=/name/0.0.0.0` and its kin, which is all that most lines are.
fn only_name(line: &[u8]) -> Option<&[u8]> {
    let ends: [&[u8]; 4] = [b"/0.0.0.0", b"/#", b"/", b"/127.0.0.1"];
    match line.strip_prefix(b"address=/") {
        Some(rest) => ends.iter().find_map(|end| rest.strip_suffix(*end)),
        None => line.strip_prefix(b"server=/").or_else(|| line.strip_prefix(b"local=/"))?.strip_suffix(b"/"),
    }
}

/// A line without a value: `no-resolv`. Where it is no such word, the list is in some other format.
fn bare_keyword(line: &[u8], scribe: &mut Scribe<'_>) {
    if line.iter().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'-' | b'0'..=b'9')) {
        scribe.skip(Skip::Directive);
    } else {
        scribe.reject(ParseError::BadColumns);
    }
}

/// What stands behind the names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Target {
    /// The address that is answered; whichever it is, the name is blocked.
    Sink,
    /// The server that is asked; with none, the name is answered locally and blocked.
    Server,
}

fn names(value: &[u8], target: Target, scribe: &mut Scribe<'_>) {
    let Some(inner) = value.trim_ascii().strip_prefix(b"/") else { return scribe.skip(Skip::Routing) };
    let end = inner.iter().rposition(|byte| *byte == b'/');
    let Some((listed, sink)) = end.and_then(|end| inner.split_at_checked(end)) else {
        return scribe.skip(Skip::Directive);
    };
    let inverted = match (target, sink.get(1..).unwrap_or(&[])) {
        (Target::Sink, _) | (Target::Server, b"") => false,
        (Target::Server, b"#") => true,
        (Target::Server, _) => return scribe.skip(Skip::Routing),
    };
    let details = Details { inverted, ..Details::NONE };
    listed.split(|byte| *byte == b'/').for_each(|name| tree(name, &details, scribe));
}

fn tree(name: &[u8], details: &Details, scribe: &mut Scribe<'_>) {
    match name.strip_prefix(b".").unwrap_or(name) {
        b"" | b"#" => scribe.reject(ParseError::TooWide),
        name => scribe.host(name, Scope::Tree, details),
    }
}

#[cfg(test)]
mod tests {
    use crate::transcript::tests::render;

    #[test]
    fn what_blocks_and_what_does_not() {
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
