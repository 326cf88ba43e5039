//! `clash`: rule providers of Clash, and the text rules of Surge, Quantumult and Shadowrocket.
//!
//! `+.x` is a tree here and `.x` only what lies below: others mean the whole tree by it. A star stands for exactly
//! one label, which no entry of an index can say. Rules carry the policy that they are used with at home, which
//! says nothing about the indicator.

use super::{Format, Head, LineReader, OpenError, Shape, header};
use crate::options::Options;
use crate::scribe::{Details, Scribe, Skip};
use crate::token;
use rapsheet_snapshot::{Kinds, ParseError, Scope};

/// The row of the table.
pub static FORMAT: Format = Format {
    id: "clash",
    about: "Clash rule providers (payload:) and Surge-like rules: DOMAIN-SUFFIX,x",
    example: "  - '+.evil.example.com'",
    kinds: Kinds::ALL,
    shape: Shape::Lines(open),
    ..Format::DEFAULT
};

struct Clash;

fn open(_: &Options, _: Head<'_>) -> Result<Box<dyn LineReader>, OpenError> {
    Ok(Box::new(Clash))
}

impl LineReader for Clash {
    fn line(&self, line: &[u8], scribe: &mut Scribe<'_>) {
        match line {
            [b'#' | b';', comment @ ..] | [b'/', b'/', comment @ ..] => {
                header::comment(comment.trim_ascii(), scribe);
            }
            b"payload:" => scribe.skip(Skip::Header),
            [b'[', .., b']'] => scribe.skip(Skip::Header),
            [b'-', b' ', item @ ..] => rule(token::unwrap(token::before_comment(item.trim_ascii())), scribe),
            _ => rule(token::unwrap(token::before_comment(line)), scribe),
        }
    }
}

fn rule(text: &[u8], scribe: &mut Scribe<'_>) {
    match token::split_once(text, b',') {
        None => behaviour(text, scribe),
        Some((kind, rest)) => {
            let value = token::before(rest, b',').trim_ascii();
            classical(&kind.trim_ascii().to_ascii_uppercase(), value, scribe);
        }
    }
}

/// An entry of a list of names or of prefixes.
fn behaviour(text: &[u8], scribe: &mut Scribe<'_>) {
    match text {
        [b'+', b'.', name @ ..] => scribe.host(name, Scope::Tree, &Details::NONE),
        [b'.', name @ ..] => scribe.host(name, Scope::Subdomains, &Details::NONE),
        _ if text.contains(&b'*') => scribe.reject(ParseError::Pattern),
        _ => scribe.any(text, Scope::Exact, &Details::NONE),
    }
}

fn classical(kind: &[u8], value: &[u8], scribe: &mut Scribe<'_>) {
    match kind {
        b"DOMAIN" | b"HOST" => scribe.host(value, Scope::Exact, &Details::NONE),
        b"DOMAIN-SUFFIX" | b"HOST-SUFFIX" => {
            scribe.host(value.strip_prefix(b".").unwrap_or(value), Scope::Tree, &Details::NONE);
        }
        b"IP-CIDR" | b"IP-CIDR6" | b"IP6-CIDR" | b"SRC-IP-CIDR" => scribe.address(value, &Details::NONE),
        b"DOMAIN-KEYWORD" | b"HOST-KEYWORD" | b"DOMAIN-REGEX" | b"DOMAIN-WILDCARD" | b"HOST-WILDCARD"
        | b"URL-REGEX" | b"AND" | b"OR" | b"NOT" => scribe.reject(ParseError::Pattern),
        b"GEOIP" | b"GEOSITE" | b"MATCH" | b"FINAL" | b"RULE-SET" => scribe.skip(Skip::Policy),
        _ => scribe.skip(Skip::UnsupportedKind),
    }
}

#[cfg(test)]
mod tests {
    use crate::transcript::tests::render;

    #[test]
    fn behaviours_and_rules() {
        let text = "payload:\n  - '+.evilpanel.com'\n  - '.evilpanel.net'\n  - 'evilpanel.org' # why\n  - \"*.evilpanel.com\"\n  - '45.9.20.0/24'\n  - DOMAIN-SUFFIX,evilpanel.com\n\
                    DOMAIN,a.evilpanel.com,REJECT\nDOMAIN-KEYWORD,evil\nIP-CIDR,45.9.21.0/24,no-resolve\nIP-CIDR6,2a06:e480::/32\n  - PROCESS-NAME,frpc\nGEOIP,CN\n# a comment\n";
        let expected = [
            "SKIP header",
            "domain-tree evilpanel.com",
            "subdomains evilpanel.net",
            "domain evilpanel.org",
            "REJECT pattern",
            "cidr 45.9.20.0/24",
            "domain-tree evilpanel.com",
            "domain a.evilpanel.com",
            "REJECT pattern",
            "cidr 45.9.21.0/24",
            "cidr 2a06:e480::/32",
            "SKIP unsupported-kind",
            "SKIP policy",
            "SKIP comment",
        ];
        assert_eq!(render("clash", &[], text), expected);
    }
}
