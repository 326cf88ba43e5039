//! `adblock`: filter lists of Adblock Plus, uBlock Origin and AdGuard, for browsers and for DNS.
//!
//! A line is a rule: `[@@]pattern[$modifiers]`. Only a rule about a whole host or one URL is an indicator;
//! `@@` makes it an exception. Most rules of browser lists are not: they hide elements, apply on one site
//! only, or match substrings of URLs. Such rules are skipped or rejected by kind and never turned into a
//! verdict on a host.
//!
//! What is stored never reaches further than the rule. A pattern whose host ends in a dot means hosts that
//! begin so (`||shop.example.` is for `shop.example.evil.test`) and not the host itself. `$denyallow` takes
//! names out of a rule and vouches for none of them.
//!
//! Traps: `#` begins a comment in lists for DNS and element hiding in lists for browsers, and `/…/` is a
//! regular expression that may hold `$` and `,`. A rule with `$badfilter` cancels another rule of the same
//! list, before or after it, so the list is read in two passes.

use super::{Format, LineReader, OpenError, Shape, header};
use crate::download::lines;
use crate::entry::{Details, Normalizer, Skip};
use crate::format::options::{OptionRow, Options};
use crate::format::token;
use rapsheet_snapshot::{Address, Kinds, ParseError, Scope};
use std::collections::HashSet;

/// The row of the table.
pub(super) static FORMAT: Format = Format {
    id: "adblock",
    about: "Adblock Plus, uBlock and AdGuard filter lists",
    example: "||evil.example.com^",
    kinds: Kinds::NAME,
    options: OPTIONS,
    shape: Shape::TwoPass(first_pass),
    ..Format::DEFAULT
};

/// The options of filter lists, in base64 or not.
pub(super) const OPTIONS: &[OptionRow] = &[OptionRow {
    key: "scoped",
    about: "rules for some requests or sites only, such as `$third-party`: `skip` (default) or `take`",
}];

struct Adblock {
    takes_scoped: bool,
    /// The texts of the rules that `$badfilter` cancels.
    cancelled: HashSet<Vec<u8>>,
}

/// Collects the rules that `$badfilter` cancels.
pub(super) fn first_pass(options: &Options, pages: &[&[u8]]) -> Result<Box<dyn LineReader>, OpenError> {
    let takes_scoped = options.takes("scoped")?;
    // Most lists have no such rule, and one search per block is much cheaper than splitting every line.
    let has_badfilter = |page: &&&[u8]| memchr::memmem::find(page, b"badfilter").is_some();
    let cancelled = pages.iter().filter(has_badfilter).flat_map(|page| cancelled_rules(page)).collect();
    Ok(Box::new(Adblock { takes_scoped, cancelled }))
}

fn cancelled_rules(page: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    lines::trimmed(page).filter_map(cancelled_rule)
}

/// The text of the rule that a rule with `$badfilter` cancels: the same rule without this modifier.
fn cancelled_rule(line: &[u8]) -> Option<Vec<u8>> {
    let (pattern, modifiers) = split_modifiers(line)?;
    let is_bad = modifier_list(modifiers).any(|modifier| modifier == b"badfilter");
    is_bad.then(|| ordered(pattern, modifiers))
}

/// The text of a rule with its modifiers in order and without `$badfilter`. The order of modifiers has no
/// meaning.
fn ordered(pattern: &[u8], modifiers: &[u8]) -> Vec<u8> {
    let mut kept: Vec<&[u8]> =
        modifier_list(modifiers).filter(|modifier| *modifier != b"badfilter").collect();
    kept.sort_unstable();
    if kept.is_empty() { pattern.to_vec() } else { [pattern, b"$", &kept.join(&b',')].concat() }
}

impl LineReader for Adblock {
    fn line(&self, line: &[u8], normalizer: &mut Normalizer<'_>) {
        if let [b'|', b'|', host @ .., b'^'] = line
            && !self.cancelled.contains(line)
            && normalizer.fast_host(host, Scope::Tree, &Details::NONE)
        {
            return;
        }
        match line {
            [b'!', b'#' | b'+', ..] => normalizer.skip(Skip::Directive),
            [b'!', comment @ ..] => header::comment(comment.trim_ascii(), normalizer),
            [b'[', inside @ .., b']'] if Address::parse(inside).is_err() => normalizer.skip(Skip::Header),
            _ if is_cosmetic(line) => normalizer.skip(Skip::Cosmetic),
            [b'#', comment @ ..] => header::comment(comment.trim_ascii(), normalizer),
            _ if self.is_cancelled(line) => normalizer.skip(Skip::Badfilter),
            _ => self.rule(line, normalizer),
        }
    }
}

/// Whether a rule hides elements or runs scriptlets, or is an exception to such a rule: `##`, `#@#`, `#?#`,
/// `#$#` and their combinations anywhere in the line, and AdGuard's `$$` for HTML.
fn is_cosmetic(line: &[u8]) -> bool {
    const MARKS: [&[u8]; 10] =
        [b"##", b"#@#", b"#?#", b"#$#", b"#%#", b"#@?#", b"#$?#", b"#@$#", b"#@%#", b"#@$?#"];
    let Some(at) = memchr::memchr(b'#', line) else {
        let begins_html = |at: usize| matches!(line.get(at + 1..), Some([b'$', ..] | [b'@', b'$', ..]));
        return memchr::memchr_iter(b'$', line).any(begins_html) && !line.starts_with(b"/");
    };
    let rest = line.get(at..).unwrap_or(&[]);
    let hashes = rest.iter().take_while(|byte| **byte == b'#').count();
    // A line that begins with `# ` or with a ruler of hashes is a comment.
    let is_comment = at == 0 && (hashes > 2 || rest.get(1).is_none_or(|byte| *byte == b' '));
    !is_comment && MARKS.iter().any(|mark| rest.starts_with(mark))
}

/// Splits a rule into its pattern and its modifiers, at the last `$` that a letter, `~`, `1p` or `3p` follows
/// and no backslash precedes. A `$` anywhere else belongs to the pattern.
fn split_modifiers(rule: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut end = rule.len();
    while let Some(at) = memchr::memrchr(b'$', rule.get(..end)?) {
        let rest = rule.get(at + 1..).unwrap_or(&[]);
        let is_modifier = rest.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'~')
            || rest.starts_with(b"3p")
            || rest.starts_with(b"1p");
        if is_modifier && at.checked_sub(1).and_then(|before| rule.get(before)) != Some(&b'\\') {
            return Some((rule.get(..at)?, rule.get(at + 1..)?));
        }
        end = at;
    }
    None
}

fn modifier_list(modifiers: &[u8]) -> impl Iterator<Item = &[u8]> {
    modifiers.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|modifier| !modifier.is_empty())
}

/// The effect of a rule's modifiers.
enum Effect<'m> {
    /// The rule counts.
    Keep,
    /// The rule is skipped.
    Skip(Skip),
    /// The rule counts for connections to an address (`$network`).
    Network,
    /// The rule does not hold for these names (`$denyallow`), separated by `|`.
    Except(&'m [u8]),
}

/// Modifiers of rules that change a request, an answer or a page and block nothing, whatever the feed takes.
const CHANGES: [&[u8]; 21] = [
    b"removeparam",
    b"queryprune",
    b"removeheader",
    b"csp",
    b"permissions",
    b"redirect-rule",
    b"rewrite",
    b"replace",
    b"urltransform",
    b"uritransform",
    b"urlskip",
    b"cookie",
    b"stealth",
    b"hls",
    b"jsonprune",
    b"xmlprune",
    b"elemhide",
    b"generichide",
    b"specifichide",
    b"genericblock",
    b"reason",
];

impl Adblock {
    fn is_cancelled(&self, rule: &[u8]) -> bool {
        if self.cancelled.is_empty() {
            return false;
        }
        let Some((pattern, modifiers)) = split_modifiers(rule) else { return self.cancelled.contains(rule) };
        let is_bad = modifier_list(modifiers).any(|modifier| modifier == b"badfilter");
        !is_bad && self.cancelled.contains(&ordered(pattern, modifiers))
    }

    fn rule(&self, rule: &[u8], normalizer: &mut Normalizer<'_>) {
        let (inverted, rule) = match rule.strip_prefix(b"@@") {
            Some(rest) => (true, rest),
            None => (false, rule),
        };
        let details = Details { inverted, ..Details::NONE };
        if is_regex(rule) {
            return normalizer.reject(ParseError::Pattern);
        }
        let (pattern, modifiers) = split_modifiers(rule).unwrap_or((rule, &[]));
        let pattern = pattern.strip_suffix(b"$").unwrap_or(pattern).trim_ascii();
        match self.effect(modifiers, inverted) {
            Effect::Keep => emit_pattern(pattern, &details, normalizer),
            Effect::Skip(why) => normalizer.skip(why),
            Effect::Network => emit_address(pattern, &details, normalizer),
            Effect::Except(names) => emit_limited(pattern, names, &details, normalizer),
        }
    }

    fn effect<'m>(&self, modifiers: &'m [u8], inverted: bool) -> Effect<'m> {
        let mut effect = Effect::Keep;
        for modifier in modifier_list(modifiers) {
            let (name, value) = token::split_once(modifier, b'=').unwrap_or((modifier, &[]));
            match name {
                b"important" | b"all" | b"document" | b"doc" | b"match-case" => {}
                // Leave for pop-ups vouches for nothing else on the host.
                b"popup" if !inverted => {}
                b"badfilter" => return Effect::Skip(Skip::Badfilter),
                b"network" => effect = Effect::Network,
                b"denyallow" => effect = Effect::Except(value),
                // An exception from rewriting is none from blocking.
                b"dnsrewrite" if is_block(value) && !inverted => {}
                b"dnsrewrite" => return Effect::Skip(Skip::Rewrite),
                b"dnstype" | b"client" | b"ctag" => return Effect::Skip(Skip::Conditional),
                _ if self.takes_scoped && !CHANGES.contains(&name) => {}
                _ => return Effect::Skip(Skip::Scoped),
            }
        }
        effect
    }
}

/// The pattern of a rule for connections (`$network`): an address, with or without a port.
fn emit_address(pattern: &[u8], details: &Details, normalizer: &mut Normalizer<'_>) {
    let text = pattern.strip_prefix(b"||").unwrap_or(pattern);
    let text = text.strip_suffix(b"^").unwrap_or(text);
    if has_wildcard(text) || text.ends_with(b".") {
        return normalizer.reject(ParseError::Pattern);
    }
    normalizer.address(text, details);
}

/// Emits a rule from which `$denyallow` takes names out. No scope says "all below but these", so where they
/// are below the name of the rule, the rule is kept for that name alone; where they cover it, the rule means
/// nothing.
fn emit_limited(pattern: &[u8], excepted: &[u8], details: &Details, normalizer: &mut Normalizer<'_>) {
    let own = without_anchors(pattern);
    let mut names = excepted.split(|byte| *byte == b'|').filter(|name| !name.is_empty());
    let is_exact = own.len() == pattern.len();
    let is_tree = pattern.len() == own.len() + 2 || pattern.len() == own.len() + 3 && pattern.ends_with(b"^");
    if names.clone().any(|name| is_at_or_below(own, name)) {
        normalizer.skip(Skip::Conditional);
    } else if is_exact || !names.any(|name| is_at_or_below(name, own)) {
        emit_pattern(pattern, details, normalizer);
    } else if is_tree && pattern.starts_with(b"||") && !begins_hosts(own) {
        normalizer.host(own, Scope::Exact, details);
    } else {
        normalizer.reject(ParseError::Pattern);
    }
}

/// The host of a pattern, without what anchors it.
fn without_anchors(pattern: &[u8]) -> &[u8] {
    let schemed = [b"|".as_slice(), b""].iter().find_map(|anchor| {
        let rest = pattern.strip_prefix(*anchor)?;
        rest.strip_prefix(b"http://").or_else(|| rest.strip_prefix(b"https://"))
    });
    let text = schemed.unwrap_or(pattern);
    let start = text.iter().take_while(|byte| b"|:/*.".contains(byte)).count();
    let end = text.iter().rev().take_while(|byte| b"^|".contains(byte)).count();
    text.get(start..text.len() - end).unwrap_or(&[])
}

/// Whether a name is another one or lies below it.
fn is_at_or_below(name: &[u8], other: &[u8]) -> bool {
    let Some(head) = name.len().checked_sub(other.len()) else { return false };
    let (below, end) = name.split_at_checked(head).unwrap_or((name, &[]));
    end.eq_ignore_ascii_case(other) && matches!(below.last(), None | Some(b'.'))
}

/// Whether `$dnsrewrite` answers with an error or a null address, which blocks the name.
fn is_block(value: &[u8]) -> bool {
    let mut parts = value.split(|byte| *byte == b';');
    let answer = match parts.next() {
        Some(b"NOERROR") => parts.next_back().unwrap_or(&[]),
        answer => answer.unwrap_or(&[]),
    };
    matches!(answer, b"NXDOMAIN" | b"REFUSED" | b"0.0.0.0" | b"::")
}

/// Whether a rule is `/…/`, with or without modifiers.
fn is_regex(rule: &[u8]) -> bool {
    let Some(inner) = rule.strip_prefix(b"/") else { return false };
    let end = memchr::memrchr(b'/', inner);
    end.is_some_and(|end| matches!(inner.get(end + 1), None | Some(b'$')))
}

/// Emits a pattern that means one host or one URL, and rejects any other. AdGuard takes lines of hosts files,
/// too.
fn emit_pattern(pattern: &[u8], details: &Details, normalizer: &mut Normalizer<'_>) {
    if let [b'|', b'|', host @ .., b'^'] = pattern
        && normalizer.fast_host(host, Scope::Tree, details)
    {
        return;
    }
    let pattern = token::before_comment(pattern);
    let (sink, names) = token::first(pattern);
    if !names.is_empty() && Address::parse(sink).is_ok() {
        return token::words(names).for_each(|name| normalizer.host(name, Scope::Exact, details));
    }
    match pattern {
        [b'|', b'|', b'*', b'.', host @ ..] | [b'|', b'|', b'.', host @ ..] | [b'*', b'.', host @ ..] => {
            emit_anchored(host, Scope::Subdomains, details, normalizer);
        }
        [b'|', b'|', host @ ..] => emit_anchored(host, Scope::Tree, details, normalizer),
        [b'|', rest @ ..] => emit_exact(rest, details, normalizer),
        [b':', b'/', b'/', host @ ..] | [b'/', b'/', host @ ..] => {
            emit_anchored(host, Scope::Tree, details, normalizer);
        }
        [b'.', host @ ..] => emit_anchored(host, Scope::Subdomains, details, normalizer),
        _ => emit_unanchored(pattern, details, normalizer),
    }
}

/// A pattern after the anchor of a host: `host^`, `host`, `host/path`, `host:port^`.
fn emit_anchored(text: &[u8], scope: Scope, details: &Details, normalizer: &mut Normalizer<'_>) {
    let text = text.strip_suffix(b"|").unwrap_or(text);
    let text = text.strip_suffix(b"^").unwrap_or(text);
    let (host, path) = match memchr::memchr2(b'/', b'?', text) {
        Some(at) => text.split_at_checked(at).unwrap_or((text, &[])),
        None => (text, &[][..]),
    };
    // With a path or a port, the rule is about one URL or one service and not about the host.
    let is_url = !matches!(path, b"" | b"/") || has_port(host);
    let below_only = scope == Scope::Subdomains;
    if has_wildcard(text) || begins_hosts(host) || path.starts_with(b"?") || is_url && below_only {
        return normalizer.reject(ParseError::Pattern);
    }
    if is_url { normalizer.url(text, details) } else { normalizer.host(host, scope, details) }
}

/// Whether the host of a pattern ends in a dot, so that it is the beginning of hosts and none itself. The
/// dot at the end of an absolute name would look the same; filter lists do not write it.
fn begins_hosts(host: &[u8]) -> bool {
    host.ends_with(b".")
}

fn has_port(text: &[u8]) -> bool {
    let after_brackets = text.rsplit(|byte| *byte == b']').next().unwrap_or(text);
    token::split_once(after_brackets, b':').is_some_and(|(_, port)| token::is_digits(port))
}

/// A pattern after the anchor of an address: `|http://host/path`, `|host^`.
fn emit_exact(text: &[u8], details: &Details, normalizer: &mut Normalizer<'_>) {
    let text = text.strip_suffix(b"|").unwrap_or(text);
    let text = text.strip_suffix(b"^").unwrap_or(text);
    let schemed = memchr::memmem::find(text, b"://").and_then(|at| text.get(at + 3..));
    let host = schemed.unwrap_or(text).split(|byte| matches!(byte, b'/' | b'?')).next().unwrap_or(&[]);
    if has_wildcard(text) || begins_hosts(host) {
        normalizer.reject(ParseError::Pattern);
    } else if schemed.is_some() || has_port(host) {
        normalizer.url(text, details);
    } else {
        normalizer.host(text, Scope::Exact, details);
    }
}

/// A pattern without an anchor: a substring, which cannot be indexed, unless it is a whole name or the start
/// of a URL.
fn emit_unanchored(text: &[u8], details: &Details, normalizer: &mut Normalizer<'_>) {
    let schemed = [b"http://".as_slice(), b"https://"].iter().find_map(|scheme| text.strip_prefix(*scheme));
    if let Some(host) = schemed {
        // A path keeps its scheme; without one, the URL would be blocked under every scheme.
        let has_path = memchr::memchr(b'/', host).is_some_and(|at| at + 1 < host.len());
        match has_path {
            true => emit_exact(text, details, normalizer),
            false => emit_anchored(host, Scope::Tree, details, normalizer),
        }
        return;
    }
    let name = text.strip_suffix(b"^").unwrap_or(text);
    if name.starts_with(b"[") {
        return normalizer.address(name, details);
    }
    let begins_name = name.first().is_some_and(u8::is_ascii_alphanumeric) || !name.is_ascii();
    if !begins_name
        || has_wildcard(name)
        || begins_hosts(name)
        || name.iter().any(|byte| matches!(byte, b'/' | b'=' | b'?' | b'&'))
    {
        return normalizer.reject(ParseError::Pattern);
    }
    if has_port(name) { normalizer.url(name, details) } else { normalizer.host(name, Scope::Exact, details) }
}

fn has_wildcard(text: &[u8]) -> bool {
    text.iter().any(|byte| matches!(byte, b'*' | b'^' | b'|'))
}

#[cfg(test)]
mod tests {
    use crate::pipeline::testing::render;

    #[test]
    fn reads_hosts_in_every_pattern() {
        let text = "[Adblock Plus 2.0]\n! Title: x\n! Last modified: 2026-07-06 00:40:32 UTC\n||evilpanel.com^\n||evilpanel.net\n\
                    ||evilpanel.com^ \n@@||good.evilpanel.com^\n|http://85.17.73.31/\n://gj7.ru^\n||*.evilpanel.com^\n.evilpanel.com^\n\
                    ||45.9.20.5^\nevilpanel.com^\nevilpanel.com\n0.0.0.0 evilpanel.com\n||evilpanel.com/gate.php\n||evilpanel.com^$\n";
        let expected = [
            "SKIP header",
            "SKIP comment",
            "SKIP header",
            "domain-tree evilpanel.com",
            "domain-tree evilpanel.net",
            "domain-tree evilpanel.com",
            "allow domain-tree good.evilpanel.com",
            "url http://85.17.73.31/",
            "domain-tree gj7.ru",
            "subdomains evilpanel.com",
            "subdomains evilpanel.com",
            "ip 45.9.20.5",
            "domain evilpanel.com",
            "domain evilpanel.com",
            "domain evilpanel.com",
            "url //evilpanel.com/gate.php",
            "domain-tree evilpanel.com",
        ];
        assert_eq!(render("adblock", &[], text), expected);
    }

    #[test]
    fn skips_and_rejects_rules_that_are_not_about_a_host() {
        let text = "evilpanel.com##.ad-box\n##[href^=\"http://evilpanel.com/\"]\n# a comment\n#### ruler\n!#include x.txt\n\
                    /^https?:\\/\\/[a-z]{8,15}\\.(com|net)\\//$doc\n||goog\n-norgesalg.com^\n&param=evilpanel\n||ads*.evilpanel.com^\n\
                    ||evilpanel.com^$third-party\n||evilpanel.com^$client=kid\n||evilpanel.com^$dnsrewrite=45.9.20.5\n||co.uk^\n";
        let expected = [
            "SKIP cosmetic",
            "SKIP cosmetic",
            "SKIP comment",
            "SKIP comment",
            "SKIP directive",
            "REJECT pattern",
            "REJECT single-label",
            "REJECT pattern",
            "REJECT pattern",
            "REJECT pattern",
            "SKIP scoped",
            "SKIP conditional",
            "SKIP rewrite",
            "REJECT public-suffix",
        ];
        assert_eq!(render("adblock", &[], text), expected);
        assert_eq!(
            render("adblock", &[("scoped", "take")], "||evilpanel.com^$third-party\n"),
            ["domain-tree evilpanel.com"]
        );
    }

    #[test]
    fn modifiers_change_the_meaning_of_a_rule() {
        let text = "||evilpanel.com^$important\n||gone.evilpanel.com^\n||gone.evilpanel.com^$badfilter\n||stay.evilpanel.com^$important\n\
                    ||stay.evilpanel.com^$badfilter\n||evilpanel.net^$denyallow=good.evilpanel.net\n||com^$denyallow=good.com\n||evilpanel.com^$dnsrewrite=NXDOMAIN;;\n\
                    ||evilpanel.com^$all\n";
        let expected = [
            "domain-tree evilpanel.com",
            "SKIP badfilter",
            "SKIP badfilter",
            "domain-tree stay.evilpanel.com",
            "SKIP badfilter",
            "domain evilpanel.net",
            "REJECT single-label",
            "domain-tree evilpanel.com",
            "domain-tree evilpanel.com",
        ];
        assert_eq!(render("adblock", &[], text), expected);
    }
}
