//! `postfix-access`: access and cidr tables of Postfix and its postscreen: a key, blanks, an action.
//!
//! `192.0.2.0/24 REJECT text`, `evil.example.com 550 text`, `.evil.example.com DISCARD`. The action decides:
//! `REJECT`, `DISCARD`, `DEFER`, `HOLD` and codes 4xx and 5xx block, `OK` and `permit` let a client pass and are
//! exceptions, `DUNNO` says nothing, and all others log, tag or route. A bare name includes the names below it,
//! which is the default of Postfix (`parent_domain_matches_subdomains`); one with a leading dot is only what is
//! below. `192.0.2` is the network of these octets, `2001:db8` that of these groups.
//!
//! In a cidr table the first row that fits decides, so a row inside a network that an earlier row lets pass has
//! no effect. Rows between `if` and `endif` hold only for clients that the condition fits; they are taken where
//! it covers them. Mail addresses are no indicators, and expressions cannot be indexed. A line that begins with
//! a blank continues the text of the line before.

use super::{Format, Head, OpenError, OrderedReader, Shape, header, ranges};
use crate::entry::guard;
use crate::entry::{Details, Normalizer, Skip};
use crate::format::options::Options;
use crate::format::token;
use rapsheet_snapshot::{AddressRange, Kinds, ParseError, Scope};

/// The row of the table.
pub(super) static FORMAT: Format = Format {
    id: "postfix-access",
    about: "Postfix access and cidr tables: address, network or name, then REJECT, OK, DUNNO, 550 text",
    example: "192.0.2.0/24 REJECT listed for spam",
    kinds: Kinds::ADDRESS.union(Kinds::NAME),
    shape: Shape::Ordered(open),
    ..Format::DEFAULT
};

/// How many networks that pass are kept, to compare later rows with. Each row is compared with all of them.
const PASSED_MAX: usize = 64;

/// The deepest nesting of `if`. No table comes near it.
const CONDITIONS_MAX: usize = 32;

#[derive(Default)]
struct Access {
    /// The networks of the `if`s that are open; `None` for a condition that is no network.
    conditions: Vec<Option<AddressRange>>,
    /// The networks of a cidr table that pass.
    passed: Vec<AddressRange>,
}

fn open(_: &Options, _: Head<'_>) -> Result<Box<dyn OrderedReader>, OpenError> {
    Ok(Box::new(Access::default()))
}

/// What an action does with a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Block,
    Pass,
    /// It ends the search without a result.
    Dunno,
    /// It logs, tags, routes, or names a restriction.
    Other,
}

impl Action {
    /// The action of the text after a key; `None` where there is none.
    fn of(text: &[u8]) -> Option<Action> {
        let word = token::words(text).next()?.to_ascii_lowercase();
        let word = word.strip_suffix(b",").unwrap_or(&word);
        let is_reply = |word: &[u8]| matches!(word, [b'4' | b'5', _, _]);
        Some(match word {
            b"reject" | b"discard" | b"defer" | b"defer_if_permit" | b"hold" | b"drop" => Action::Block,
            b"ok" | b"permit" => Action::Pass,
            b"dunno" => Action::Dunno,
            digits if token::is_digits(digits) && is_reply(digits) => Action::Block,
            // Access tables that other programs write hold numbers, which Postfix reads as `OK`.
            digits if token::is_digits(digits) => Action::Pass,
            _ => Action::Other,
        })
    }
}

/// Whether a line is a key and an action by name, or with a text.
pub(super) fn is_row(line: &[u8]) -> bool {
    let (key, rest) = token::first(line);
    let known = token::words(rest).next().is_some_and(|word| {
        const WORDS: [&str; 12] = [
            "reject",
            "discard",
            "defer",
            "defer_if_permit",
            "defer_if_reject",
            "hold",
            "ok",
            "permit",
            "dunno",
            "warn",
            "filter",
            "redirect",
        ];
        let is_word = WORDS.iter().any(|known| word.eq_ignore_ascii_case(known.as_bytes()));
        let is_reply =
            matches!(word, [b'4' | b'5', b'0'..=b'9', b'0'..=b'9']) && token::words(rest).count() > 1;
        is_word || is_reply
    });
    known && (key.starts_with(b"/") || key.iter().any(|byte| b".:@".contains(byte)))
}

impl OrderedReader for Access {
    fn line(&mut self, line: &[u8], normalizer: &mut Normalizer<'_>) {
        match line {
            [b'#', comment @ ..] => return header::comment(comment.trim_ascii(), normalizer),
            [b' ' | b'\t', ..] => return normalizer.skip(Skip::Metadata),
            _ => {}
        }
        let (key, rest) = token::first(line.trim_ascii_end());
        if key.eq_ignore_ascii_case(b"if") || key.eq_ignore_ascii_case(b"endif") {
            self.condition(key, rest.trim_ascii());
            return normalizer.skip(Skip::Directive);
        }
        match Action::of(rest) {
            None => normalizer.reject(ParseError::BadColumns),
            Some(Action::Other) => normalizer.skip(Skip::Policy),
            Some(action) => self.row(key, action, normalizer),
        }
    }

    fn keeps_blanks(&self) -> bool {
        true
    }
}

impl Access {
    fn condition(&mut self, key: &[u8], text: &[u8]) {
        if key.eq_ignore_ascii_case(b"endif") {
            self.conditions.pop();
        } else if self.conditions.len() < CONDITIONS_MAX {
            self.conditions.push(AddressRange::parse(text).ok().map(|read| read.range));
        }
    }

    fn row(&mut self, key: &[u8], action: Action, normalizer: &mut Normalizer<'_>) {
        let expression = key.starts_with(b"/") || key.starts_with(b"!");
        match (expression, network(key)) {
            // An expression that passes blocks nothing, so nothing is lost.
            (true, _) if action == Action::Block => normalizer.reject(ParseError::Pattern),
            (true, _) => normalizer.skip(Skip::Policy),
            (_, Some(Ok(range))) => self.network_row(range, key.contains(&b'/'), action, normalizer),
            // `0.0.0.0/0 OK` ends a table, and vouches for no address.
            (_, Some(Err(ParseError::TooWide))) if action != Action::Block => normalizer.skip(Skip::Policy),
            (_, Some(Err(error))) => normalizer.reject(error),
            (_, None) if !self.conditions.is_empty() => normalizer.skip(Skip::Conditional),
            (_, None) => name_row(key, action, normalizer),
        }
    }

    fn network_row(
        &mut self,
        range: AddressRange,
        is_prefix: bool,
        action: Action,
        normalizer: &mut Normalizer<'_>,
    ) {
        let fits = |condition: &Option<AddressRange>| condition.is_some_and(|network| network.covers(&range));
        let inverted = match action {
            _ if !self.conditions.iter().all(fits) => return normalizer.skip(Skip::Conditional),
            Action::Block if self.passed.iter().any(|network| network.covers(&range)) => {
                return normalizer.skip(Skip::Policy);
            }
            Action::Block => false,
            _ if is_prefix && self.passed.len() < PASSED_MAX => {
                self.passed.push(range);
                action == Action::Pass
            }
            _ => action == Action::Pass,
        };
        match action {
            Action::Pass if guard::too_wide(&range, normalizer.rules()) => normalizer.skip(Skip::Policy),
            Action::Block | Action::Pass => normalizer.range(range, &Details { inverted, ..Details::NONE }),
            Action::Dunno | Action::Other => normalizer.skip(Skip::Policy),
        }
    }
}

fn name_row(key: &[u8], action: Action, normalizer: &mut Normalizer<'_>) {
    let details = Details { inverted: action == Action::Pass, ..Details::NONE };
    match key {
        _ if action == Action::Dunno => normalizer.skip(Skip::Policy),
        _ if key.contains(&b'@') || key == b"<>" => normalizer.skip(Skip::UnsupportedKind),
        [b'.', name @ ..] => normalizer.host(name, Scope::Subdomains, &details),
        name => normalizer.host(name, Scope::Tree, &details),
    }
}

/// The addresses that a key names; `None` where it is no address.
fn network(key: &[u8]) -> Option<Result<AddressRange, ParseError>> {
    let octets = key.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.') && !key.ends_with(b".");
    let dots = key.iter().filter(|byte| **byte == b'.').count();
    let is_ipv6 =
        key.contains(&b':') && key.iter().all(|byte| byte.is_ascii_hexdigit() || b":./[]".contains(byte));
    let is_ipv4 = octets || key.contains(&b'/') && key.first().is_some_and(u8::is_ascii_digit);
    match key {
        _ if octets && dots < 3 => Some(ranges::wildcard(key)),
        _ if is_ipv6 && !key.contains(&b'/') && is_group_prefix(key) => Some(group_prefix(key)),
        _ if is_ipv4 || is_ipv6 => Some(AddressRange::parse(key).map(|read| read.range)),
        _ => None,
    }
}

fn is_group_prefix(key: &[u8]) -> bool {
    let groups = key.split(|byte| *byte == b':');
    groups.clone().count() < 8 && groups.into_iter().all(|group| !group.is_empty())
}

/// `2001:db8`: the leading groups of an address.
fn group_prefix(key: &[u8]) -> Result<AddressRange, ParseError> {
    let groups = key.split(|byte| *byte == b':').count();
    let text = [key, b"::/", (groups * 16).to_string().as_bytes()].concat();
    AddressRange::parse(&text).map(|read| read.range)
}
