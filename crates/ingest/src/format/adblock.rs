//! `adblock`: filter lists of Adblock Plus, uBlock and AdGuard, as far as a rule speaks of a whole host or URL.
//!
//! Most rules of a browser list do not: they hide elements, block scripts of one site, or match pieces of URLs.
//! Those are skipped or refused by kind, never bent into verdicts on a host. `$badfilter` takes back another
//! rule of the same list, wherever it stands, so the list is seen whole before its lines are read.

use super::{Format, LineReader, OpenError, Shape, header};
use crate::lines;
use crate::options::{OptionRow, Options};
use crate::scribe::{Details, Scribe, Skip};
use crate::token;
use rapsheet_snapshot::{Address, Kinds, ParseError, Scope};
use std::collections::HashSet;

/// The row of the table.
pub static FORMAT: Format = Format {
    id: "adblock",
    about: "Adblock Plus, uBlock and AdGuard filter lists",
    example: "||evil.example.com^",
    kinds: Kinds::NAME,
    options: OPTIONS,
    shape: Shape::Surveyed(survey),
    ..Format::DEFAULT
};

/// What such lists take, wrapped or not.
pub(super) const OPTIONS: &[OptionRow] = &[OptionRow {
    key: "scoped",
    about: "rules for one kind of request or one site only: `skip` (default) or `take`",
}];

struct Adblock {
    takes_scoped: bool,
    /// Rules that a `$badfilter` of this list takes back.
    cancelled: HashSet<Vec<u8>>,
}

/// Sees the whole list for the rules that take others back.
pub(super) fn survey(options: &Options, pages: &[&[u8]]) -> Result<Box<dyn LineReader>, OpenError> {
    let takes_scoped = options.takes("scoped")?;
    let speaks = |page: &&&[u8]| memchr::memmem::find(page, b"badfilter").is_some();
    let cancelled = pages.iter().filter(speaks).flat_map(|page| cancelled_rules(page)).collect();
    Ok(Box::new(Adblock { takes_scoped, cancelled }))
}

fn cancelled_rules(page: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    lines::trimmed(page).filter_map(cancelled_rule)
}

/// The text of the rule that a `$badfilter` rule takes back.
fn cancelled_rule(line: &[u8]) -> Option<Vec<u8>> {
    let (pattern, modifiers) = split_modifiers(line)?;
    let kept: Vec<&[u8]> = split_list(modifiers).filter(|modifier| *modifier != b"badfilter").collect();
    let is_bad = split_list(modifiers).any(|modifier| modifier == b"badfilter");
    let text = if kept.is_empty() { pattern.to_vec() } else { [pattern, b"$", &kept.join(&b',')].concat() };
    is_bad.then_some(text)
}

impl LineReader for Adblock {
    fn line(&self, line: &[u8], scribe: &mut Scribe<'_>) {
        if let [b'|', b'|', host @ .., b'^'] = line
            && self.cancelled.is_empty()
            && scribe.plain(host, Scope::Tree, &Details::NONE)
        {
            return;
        }
        match line {
            [b'!', b'#' | b'+', ..] => scribe.skip(Skip::Directive),
            [b'!', comment @ ..] => header::comment(comment.trim_ascii(), scribe),
            [b'[', .., b']'] => scribe.skip(Skip::Header),
            _ if is_cosmetic(line) => scribe.skip(Skip::Cosmetic),
            [b'#', comment @ ..] => header::comment(comment.trim_ascii(), scribe),
            _ if !self.cancelled.is_empty() && self.cancelled.contains(line) => scribe.skip(Skip::Badfilter),
            _ => self.rule(line, scribe),
        }
    }
}

/// Element hiding, scriptlets and their exceptions: everything behind `##` and its kin.
fn is_cosmetic(line: &[u8]) -> bool {
    const MARKS: [&[u8]; 10] =
        [b"##", b"#@#", b"#?#", b"#$#", b"#%#", b"#@?#", b"#$?#", b"#@$#", b"#@%#", b"#@$?#"];
    let Some(at) = memchr::memchr(b'#', line) else {
        let is_html = [&b"$$"[..], b"$@$"].iter().any(|mark| memchr::memmem::find(line, mark).is_some());
        return is_html && !line.starts_with(b"/");
    };
    let rest = line.get(at..).unwrap_or(&[]);
    let run = rest.iter().take_while(|byte| **byte == b'#').count();
    let comment = at == 0 && (run > 2 || rest.get(1).is_none_or(|byte| *byte == b' '));
    !comment && MARKS.iter().any(|mark| rest.starts_with(mark))
}

/// Pattern and modifiers: the last `$` that a letter or `~` follows.
fn split_modifiers(rule: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut end = rule.len();
    while let Some(at) = memchr::memrchr(b'$', rule.get(..end)?) {
        let behind = rule.get(at + 1..).unwrap_or(&[]);
        let begins = behind.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'~')
            || behind.starts_with(b"3p")
            || behind.starts_with(b"1p");
        if begins && at.checked_sub(1).and_then(|before| rule.get(before)) != Some(&b'\\') {
            return Some((rule.get(..at)?, rule.get(at + 1..)?));
        }
        end = at;
    }
    None
}

fn split_list(modifiers: &[u8]) -> impl Iterator<Item = &[u8]> {
    modifiers.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|modifier| !modifier.is_empty())
}

/// What a rule's modifiers make of it.
enum Effect<'m> {
    Take,
    Skip(Skip),
    /// Names below the rule's that it does not speak of.
    Deny(&'m [u8]),
}

impl Adblock {
    fn rule(&self, rule: &[u8], scribe: &mut Scribe<'_>) {
        let (inverted, rule) = match rule.strip_prefix(b"@@") {
            Some(rest) => (true, rest),
            None => (false, rule),
        };
        let details = Details { inverted, ..Details::NONE };
        if is_regex(rule) {
            return scribe.reject(ParseError::Pattern);
        }
        let (pattern, modifiers) = split_modifiers(rule).unwrap_or((rule, &[]));
        let pattern = pattern.strip_suffix(b"$").unwrap_or(pattern);
        match self.effect(modifiers) {
            Effect::Take => take(pattern, &details, scribe),
            Effect::Skip(why) => scribe.skip(why),
            Effect::Deny(names) => {
                let before = scribe.taken();
                take(pattern, &details, scribe);
                // What an exception does not speak of stays as the list has it.
                if scribe.taken() == before || inverted {
                    return;
                }
                let spared = Details { inverted: !inverted, ..Details::NONE };
                names.split(|byte| *byte == b'|').for_each(|name| scribe.host(name, Scope::Tree, &spared));
            }
        }
    }

    fn effect<'m>(&self, modifiers: &'m [u8]) -> Effect<'m> {
        let mut denied = None;
        for modifier in split_list(modifiers) {
            let (name, value) = token::split_once(modifier, b'=').unwrap_or((modifier, &[]));
            match name {
                b"important" | b"all" | b"document" | b"doc" | b"popup" | b"match-case" => {}
                b"badfilter" => return Effect::Skip(Skip::Badfilter),
                b"denyallow" => denied = Some(value),
                b"dnsrewrite" if rewrites_to_nothing(value) => {}
                b"dnsrewrite" => return Effect::Skip(Skip::Rewrite),
                b"dnstype" | b"client" | b"ctag" => return Effect::Skip(Skip::Conditional),
                _ if self.takes_scoped => {}
                _ => return Effect::Skip(Skip::Scoped),
            }
        }
        denied.map_or(Effect::Take, Effect::Deny)
    }
}

/// A rewrite that answers with nothing is a block.
fn rewrites_to_nothing(value: &[u8]) -> bool {
    let mut parts = value.split(|byte| *byte == b';');
    let answer = match parts.next() {
        Some(b"NOERROR") => parts.next_back().unwrap_or(&[]),
        answer => answer.unwrap_or(&[]),
    };
    matches!(answer, b"NXDOMAIN" | b"REFUSED" | b"0.0.0.0" | b"::")
}

/// `/…/`, perhaps with modifiers.
fn is_regex(rule: &[u8]) -> bool {
    let Some(inner) = rule.strip_prefix(b"/") else { return false };
    let end = memchr::memrchr(b'/', inner);
    end.is_some_and(|end| matches!(inner.get(end + 1), None | Some(b'$')))
}

/// Takes a pattern that is shaped like a host or a URL; every other one is refused.
fn take(pattern: &[u8], details: &Details, scribe: &mut Scribe<'_>) {
    let pattern = pattern.trim_ascii();
    let (sink, names) = token::first(pattern);
    if !names.is_empty() && Address::parse(sink).is_ok() {
        return token::words(names).for_each(|name| scribe.host(name, Scope::Exact, details));
    }
    match pattern {
        [b'|', b'|', b'*', b'.', host @ ..] | [b'|', b'|', b'.', host @ ..] | [b'*', b'.', host @ ..] => {
            anchored(host, Scope::Subdomains, details, scribe);
        }
        [b'|', b'|', host @ ..] => anchored(host, Scope::Tree, details, scribe),
        [b'|', rest @ ..] => exact(rest, details, scribe),
        [b':', b'/', b'/', host @ ..] | [b'/', b'/', host @ ..] => {
            anchored(host, Scope::Tree, details, scribe);
        }
        [b'.', host @ ..] => anchored(host, Scope::Subdomains, details, scribe),
        _ => unanchored(pattern, details, scribe),
    }
}

/// `host^`, `host`, `host/path`, `host:port^`.
fn anchored(text: &[u8], scope: Scope, details: &Details, scribe: &mut Scribe<'_>) {
    let text = text.strip_suffix(b"|").unwrap_or(text);
    let text = text.strip_suffix(b"^").unwrap_or(text);
    if has_wildcard(text) {
        return scribe.reject(ParseError::Pattern);
    }
    match memchr::memchr2(b'/', b'?', text) {
        Some(at) if at + 1 == text.len() => scribe.host(text.get(..at).unwrap_or(&[]), scope, details),
        Some(_) => scribe.url(text, details),
        // A port makes it one service of the host.
        None if has_port(text) => scribe.url(text, details),
        None => scribe.host(text, scope, details),
    }
}

fn has_port(text: &[u8]) -> bool {
    token::split_once(text, b':').is_some_and(|(_, port)| token::is_digits(port))
}

/// `|http://host/path`, `|host^`.
fn exact(text: &[u8], details: &Details, scribe: &mut Scribe<'_>) {
    let text = text.strip_suffix(b"|").unwrap_or(text);
    let text = text.strip_suffix(b"^").unwrap_or(text);
    if has_wildcard(text) {
        scribe.reject(ParseError::Pattern);
    } else if memchr::memmem::find(text, b"://").is_some() {
        scribe.url(text, details);
    } else {
        scribe.host(text, Scope::Exact, details);
    }
}

/// A pattern without an anchor is a substring, unless it is a whole name, or a URL's host.
fn unanchored(text: &[u8], details: &Details, scribe: &mut Scribe<'_>) {
    let schemed = [b"http://".as_slice(), b"https://"].iter().find_map(|scheme| text.strip_prefix(*scheme));
    if let Some(host) = schemed {
        return anchored(host, Scope::Tree, details, scribe);
    }
    let name = text.strip_suffix(b"^").unwrap_or(text);
    let whole = name.first().is_some_and(u8::is_ascii_alphanumeric) || !name.is_ascii();
    if !whole || has_wildcard(name) || name.iter().any(|byte| matches!(byte, b'/' | b'=' | b'?' | b'&')) {
        return scribe.reject(ParseError::Pattern);
    }
    scribe.host(name, Scope::Exact, details);
}

fn has_wildcard(text: &[u8]) -> bool {
    text.iter().any(|byte| matches!(byte, b'*' | b'^' | b'|'))
}

#[cfg(test)]
mod tests {
    use crate::transcript::tests::render;

    #[test]
    fn hosts_in_every_shape() {
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
    fn what_is_no_verdict_on_a_host() {
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
    fn modifiers_change_a_rule() {
        let text = "||evilpanel.com^$important\n||gone.evilpanel.com^\n||gone.evilpanel.com^$badfilter\n||stay.evilpanel.com^$important\n\
                    ||stay.evilpanel.com^$badfilter\n||evilpanel.net^$denyallow=good.evilpanel.net\n||com^$denyallow=good.com\n||evilpanel.com^$dnsrewrite=NXDOMAIN;;\n\
                    ||evilpanel.com^$all\n";
        let expected = [
            "domain-tree evilpanel.com",
            "SKIP badfilter",
            "SKIP badfilter",
            "domain-tree stay.evilpanel.com",
            "SKIP badfilter",
            "domain-tree evilpanel.net",
            "allow domain-tree good.evilpanel.net",
            "REJECT single-label",
            "domain-tree evilpanel.com",
            "domain-tree evilpanel.com",
        ];
        assert_eq!(render("adblock", &[], text), expected);
    }
}
