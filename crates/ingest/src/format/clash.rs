//! `clash`: rule providers of Clash, and the text rules of Surge, Quantumult and Shadowrocket.
//!
//! A provider is a YAML list below `payload:` whose items are names (`'+.evil.example.com'`), prefixes, or
//! rules (`DOMAIN-SUFFIX,evil.example.com,REJECT`); the text variants have one rule per line.
//!
//! `+.x` is x and everything below it, and `.x` only what is below, whereas other formats mean the whole tree
//! by `.x`. `*` stands for exactly one label, which no scope expresses, so such entries are rejected.
//!
//! A rule may end in its policy. `REJECT` and groups that are named for blocking block; `DIRECT` and
//! proxies say which way traffic takes, not that it is bad, and are skipped. In a list of the kind `allow`,
//! rules with `DIRECT` count instead. Where most rules of a file name a policy, a rule without one is
//! skipped, too; in all other files, as in every provider, a rule without a policy means what its list
//! means.

use super::{Format, Head, LineReader, OpenError, Shape, header};
use crate::download::lines;
use crate::entry::{Details, Normalizer, Skip};
use crate::format::options::Options;
use crate::format::token;
use rapsheet_snapshot::{Kinds, ListKind, ParseError, Scope};

/// The row of the table.
pub(super) static FORMAT: Format = Format {
    id: "clash",
    about: "Clash rule providers (payload:) and rules of Surge, Quantumult, Shadowrocket: DOMAIN-SUFFIX,x",
    example: "  - '+.evil.example.com'",
    kinds: Kinds::ALL,
    shape: Shape::Lines(open),
    ..Format::DEFAULT
};

/// How many lines show whether the rules of a file name policies.
const SAMPLE: usize = 2000;

struct Clash {
    /// Whether most rules of the file name a policy.
    has_policies: bool,
}

fn open(_: &Options, head: Head<'_>) -> Result<Box<dyn LineReader>, OpenError> {
    let (mut rules, mut named) = (0u32, 0u32);
    for line in lines::trimmed(head.bytes).take(SAMPLE) {
        let Some(rule) = classical_rule(item(line)) else { continue };
        rules += 1;
        named += u32::from(rule.policy.is_some());
    }
    Ok(Box::new(Clash { has_policies: named * 2 > rules }))
}

impl LineReader for Clash {
    fn line(&self, line: &[u8], normalizer: &mut Normalizer<'_>) {
        match line {
            [b'#' | b';', comment @ ..] | [b'/', b'/', comment @ ..] => {
                header::comment(comment.trim_ascii(), normalizer);
            }
            // `payload:`, `rules:`, `[Rule]`.
            [key @ .., b':'] if key.iter().all(|byte| byte.is_ascii_lowercase() || *byte == b'-') => {
                normalizer.skip(Skip::Header);
            }
            [b'[', .., b']'] => normalizer.skip(Skip::Header),
            _ => self.rule(item(line), normalizer),
        }
    }
}

/// The text of a line without the mark of a YAML list, quotes and a comment (`#`, `;` or `//` after a blank).
fn item(line: &[u8]) -> &[u8] {
    let text = line.strip_prefix(b"- ").unwrap_or(line).trim_ascii();
    let text = token::before_comment(text);
    let remark =
        memchr::memchr_iter(b'/', text).find(|at| text.get(..*at).is_some_and(|head| head.ends_with(b" ")));
    token::unwrap(remark.and_then(|at| text.get(..at)).unwrap_or(text).trim_ascii_end())
}

/// A rule of the classical behaviour: `KIND,value`, then perhaps a policy and options.
struct Rule<'l> {
    kind: &'l [u8],
    value: &'l [u8],
    policy: Option<Policy>,
}

/// Splits a rule; `None` where the text has no comma.
fn classical_rule(text: &[u8]) -> Option<Rule<'_>> {
    const OPTIONS: [&[u8]; 8] = [
        b"no-resolve",
        b"src",
        b"extended-matching",
        b"pre-matching",
        b"force-remote-dns",
        b"enhanced-mode",
        b"dns-failed",
        b"multi-interface",
    ];
    let (kind, rest) = token::split_once(text, b',')?;
    let mut columns = rest.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    let value = columns.next().unwrap_or(&[]);
    let is_policy = |column: &&[u8]| {
        !column.is_empty() && !OPTIONS.iter().any(|option| column.eq_ignore_ascii_case(option))
    };
    // The parts of `AND,((DOMAIN,x),(NETWORK,UDP)),REJECT` have commas, too.
    let policy = if value.starts_with(b"(") {
        columns.next_back().filter(|last| !last.ends_with(b")"))
    } else {
        columns.find(is_policy)
    };
    Some(Rule { kind: kind.trim_ascii(), value, policy: policy.map(Policy::read) })
}

/// What a rule does with the traffic it matches.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Policy {
    Block,
    Direct,
    Proxy,
}

impl Policy {
    /// Reads a policy: a built-in one, or the name of a group, whose words say whether it blocks.
    fn read(name: &[u8]) -> Policy {
        const WORDS: [&[u8]; 11] = [
            b"block",
            b"blocked",
            b"blocking",
            b"adblock",
            b"adblocking",
            b"blockads",
            b"deny",
            b"drop",
            b"discard",
            b"blackhole",
            b"sinkhole",
        ];
        const SIGNS: [&str; 5] = ["拦截", "攔截", "屏蔽", "拒绝", "净化"];
        let lower = name.to_ascii_lowercase();
        let mut words = lower.split(|byte| !byte.is_ascii_alphanumeric());
        let has = |sign: &str| memchr::memmem::find(&lower, sign.as_bytes()).is_some();
        let blocks = |word: &[u8]| word.starts_with(b"reject") || WORDS.contains(&word);
        if words.clone().any(blocks) || SIGNS.iter().any(|sign| has(sign)) {
            Policy::Block
        } else if words.any(|word| word == b"direct") || has("直连") {
            Policy::Direct
        } else {
            Policy::Proxy
        }
    }

    /// Whether a rule with this policy belongs to a list of this kind.
    fn fits(self, list: ListKind) -> bool {
        match list {
            ListKind::Block => self == Policy::Block,
            ListKind::Allow => self == Policy::Direct,
        }
    }
}

impl Clash {
    fn rule(&self, text: &[u8], normalizer: &mut Normalizer<'_>) {
        let Some(rule) = classical_rule(text) else { return behaviour(text, normalizer) };
        let fits = rule.policy.map_or(!self.has_policies, |policy| policy.fits(normalizer.rules().list));
        if !fits {
            return normalizer.skip(Skip::Policy);
        }
        classical(&rule.kind.to_ascii_uppercase(), rule.value, normalizer);
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
        b"DOMAIN-SUFFIX" | b"HOST-SUFFIX" => match value {
            [b'.', name @ ..] => normalizer.host(name, Scope::Subdomains, &Details::NONE),
            name => normalizer.host(name, Scope::Tree, &Details::NONE),
        },
        b"IP-CIDR" | b"IP-CIDR6" | b"IP6-CIDR" => normalizer.address(value, &Details::NONE),
        // About the publisher's own clients.
        b"SRC-IP-CIDR" | b"SRC-IP" | b"SRC-IP-SUFFIX" => normalizer.skip(Skip::Conditional),
        b"DOMAIN-KEYWORD" | b"HOST-KEYWORD" | b"DOMAIN-REGEX" | b"DOMAIN-WILDCARD" | b"HOST-WILDCARD"
        | b"URL-REGEX" | b"AND" | b"OR" | b"NOT" => normalizer.reject(ParseError::Pattern),
        b"GEOIP" | b"GEOSITE" | b"MATCH" | b"FINAL" | b"RULE-SET" | b"DOMAIN-SET" => {
            normalizer.skip(Skip::Policy);
        }
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
