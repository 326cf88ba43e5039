//! `clash`: rule providers of Clash, and the text rules of Surge, Quantumult and Shadowrocket.
//!
//! A provider is a YAML list below `payload:` whose items are names (`'+.evil.example.com'`), prefixes, or
//! rules (`DOMAIN-SUFFIX,evil.example.com,REJECT`); the text variants have one rule per line.
//!
//! `+.x` is x and everything below it, and `.x` only what is below, whereas other formats mean the whole tree
//! by `.x`. `*` stands for exactly one label, which no scope expresses, so such entries are rejected. The
//! policy after a rule (`REJECT`, `DIRECT`, the name of a proxy group) is the publisher's own routing and is
//! not read.

use super::{Format, Head, LineReader, OpenError, Shape, header};
use crate::entry::{Details, Normalizer, Skip};
use crate::format::options::Options;
use crate::format::token;
use rapsheet_snapshot::{Kinds, ParseError, Scope};

/// The row of the table.
pub(super) static FORMAT: Format = Format {
    id: "clash",
    about: "Clash rule providers (payload:) and rules of Surge, Quantumult, Shadowrocket: DOMAIN-SUFFIX,x",
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
    fn line(&self, line: &[u8], normalizer: &mut Normalizer<'_>) {
        match line {
            [b'#' | b';', comment @ ..] | [b'/', b'/', comment @ ..] => {
                header::comment(comment.trim_ascii(), normalizer);
            }
            b"payload:" => normalizer.skip(Skip::Header),
            [b'[', .., b']'] => normalizer.skip(Skip::Header),
            [b'-', b' ', item @ ..] => {
                rule(token::unwrap(token::before_comment(item.trim_ascii())), normalizer);
            }
            _ => rule(token::unwrap(token::before_comment(line)), normalizer),
        }
    }
}

fn rule(text: &[u8], normalizer: &mut Normalizer<'_>) {
    match token::split_once(text, b',') {
        None => behaviour(text, normalizer),
        Some((kind, rest)) => {
            let value = token::before(rest, b',').trim_ascii();
            classical(&kind.trim_ascii().to_ascii_uppercase(), value, normalizer);
        }
    }
}

/// An item of a provider with behaviour `domain` or `ipcidr`: a name or a prefix.
fn behaviour(text: &[u8], normalizer: &mut Normalizer<'_>) {
    match text {
        [b'+', b'.', name @ ..] => normalizer.host(name, Scope::Tree, &Details::NONE),
        [b'.', name @ ..] => normalizer.host(name, Scope::Subdomains, &Details::NONE),
        _ if text.contains(&b'*') => normalizer.reject(ParseError::Pattern),
        _ => normalizer.any(text, Scope::Exact, &Details::NONE),
    }
}

/// A rule, as in a provider with behaviour `classical`.
fn classical(kind: &[u8], value: &[u8], normalizer: &mut Normalizer<'_>) {
    match kind {
        b"DOMAIN" | b"HOST" => normalizer.host(value, Scope::Exact, &Details::NONE),
        b"DOMAIN-SUFFIX" | b"HOST-SUFFIX" => {
            normalizer.host(value.strip_prefix(b".").unwrap_or(value), Scope::Tree, &Details::NONE);
        }
        b"IP-CIDR" | b"IP-CIDR6" | b"IP6-CIDR" | b"SRC-IP-CIDR" => normalizer.address(value, &Details::NONE),
        b"DOMAIN-KEYWORD" | b"HOST-KEYWORD" | b"DOMAIN-REGEX" | b"DOMAIN-WILDCARD" | b"HOST-WILDCARD"
        | b"URL-REGEX" | b"AND" | b"OR" | b"NOT" => normalizer.reject(ParseError::Pattern),
        b"GEOIP" | b"GEOSITE" | b"MATCH" | b"FINAL" | b"RULE-SET" => normalizer.skip(Skip::Policy),
        _ => normalizer.skip(Skip::UnsupportedKind),
    }
}

#[cfg(test)]
mod tests {
    use crate::pipeline::testing::render;

    #[test]
    fn reads_items_of_every_behaviour() {
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
