//! The table of formats. Each is one file and one row of [`FORMATS`].

mod adblock;
mod dnsmasq;
mod hosts;
mod ipset;
mod misp_warninglist;
mod mmdb;
mod nft;
mod nginx_geo;
mod parquet;
mod plain;
mod rpz;
mod squid;
mod stix;
mod suricata_iprep;
mod tables;
mod unbound;
mod zeek_intel;

use crate::header::Header;
use crate::indicator::Indicator;
use crate::loss::{LossKind, Losses};
use crate::network::Network;
use crate::statement::Statement;
use mmdb::Placement;
pub(crate) use rapsheet_snapshot::name::NAME_MAX;
use rapsheet_snapshot::{Kinds, ListKind, Scope};
use std::io::{self, Write};

/// A format: what it is called, and what it can say.
pub struct Format {
    /// Its name.
    pub name: &'static str,
    /// What it is, for help.
    pub about: &'static str,
    /// The format of `rapsheet parse` that reads it.
    pub parses_as: &'static str,
    /// The options with which it does.
    pub parse_options: &'static [(&'static str, &'static str)],
    /// The kinds of indicators that it holds.
    pub kinds: Kinds,
    /// The addresses that it holds, where it holds any.
    pub(crate) ranges: Ranges,
    /// The longest name that it holds.
    pub(crate) longest_name: usize,
    /// The URLs that it holds, where it holds any.
    pub(crate) urls: Urls,
    /// The scopes of names that it tells apart.
    pub scopes: Scopes,
    /// Whether it holds what is allowlisted.
    pub exceptions: bool,
    /// How long an entry may still live, in seconds, for the format to say when it ends; 0 if it never can.
    pub(crate) longest_timeout: u64,
    /// What it says of an address.
    pub(crate) detail: Detail,
    /// Makes what writes it.
    pub(crate) syntax: fn() -> Box<dyn Syntax>,
}

impl Format {
    /// What most formats say: that something is listed, without scopes, exceptions and times.
    pub(crate) const DEFAULT: Format = Format {
        name: "",
        about: "",
        parses_as: "",
        parse_options: &[],
        kinds: Kinds::ALL,
        ranges: Ranges::All,
        longest_name: NAME_MAX,
        urls: Urls::All,
        scopes: Scopes::Exact,
        exceptions: false,
        longest_timeout: 0,
        detail: Detail::Presence,
        syntax: || Box::new(Nothing),
    };
}

/// The syntax of no file. It stands where entries are only counted.
pub(crate) struct Nothing;

impl Syntax for Nothing {
    fn begin(&mut self, _: &Header, _: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

/// Which addresses a format can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ranges {
    /// All of them.
    All,
    /// Those that are not where a MaxMind DB has IPv4.
    OutsideIpv4Places,
}

/// Which URLs a format can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Urls {
    /// All of them.
    All,
    /// Those with a scheme.
    WithScheme,
    /// Those without a scheme, and those of `http` without it. One of another scheme would be widened.
    PlainHttp,
}

/// Which scopes of names a format tells apart. What it cannot say is narrowed or left out, never widened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scopes {
    /// Names alone.
    Exact,
    /// Names alone, and names with all names below them.
    Tree,
    /// Also the names below a name without the name itself.
    All,
}

/// What a format says of an address. Neighbouring addresses of which it says the same are one range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    /// That it is listed.
    Presence,
    /// Also when that ends.
    Expiry,
    /// Also the assessments, and how many providers agree.
    Reputation,
    /// Everything, feeds and times.
    Full,
}

/// An entry as a row of a table has it.
pub(crate) struct Item<'a> {
    /// The network, name or URL.
    pub(crate) text: &'a str,
    /// Its kind, as look-ups name it.
    pub(crate) kind: &'static str,
    /// The scope of a name.
    pub(crate) scope: Option<Scope>,
}

/// Writes entries. A writer is given only what its format holds.
pub(crate) trait Syntax {
    /// Writes what comes before all entries.
    fn begin(&mut self, header: &Header, out: &mut dyn Write) -> io::Result<()>;

    /// Writes a network.
    fn network(
        &mut self,
        header: &Header,
        network: &Network,
        statement: &Statement,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let kind = if network.is_ipv6 { "ipv6" } else { "ipv4" };
        self.item(header, &Item { text: &network.to_string(), kind, scope: None }, statement, out)
    }

    /// Writes a name.
    fn name(
        &mut self,
        header: &Header,
        (text, scope): (&str, Scope),
        statement: &Statement,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        self.item(header, &Item { text, kind: "domain", scope: Some(scope) }, statement, out)
    }

    /// Writes a URL.
    fn url(
        &mut self,
        header: &Header,
        text: &str,
        statement: &Statement,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        self.item(header, &Item { text, kind: "url", scope: None }, statement, out)
    }

    /// Writes an entry, where the format writes those of all kinds alike.
    fn item(&mut self, _: &Header, _: &Item<'_>, _: &Statement, _: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    /// Writes what comes after all entries.
    fn end(&mut self, _: &Header, _: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

/// All formats, in the order of help.
pub static FORMATS: &[&Format] = &[
    &mmdb::FORMAT,
    &ipset::FORMAT,
    &nft::FORMAT,
    &nginx_geo::FORMAT,
    &rpz::FORMAT,
    &unbound::FORMAT,
    &dnsmasq::FORMAT,
    &hosts::FORMAT,
    &squid::FORMAT,
    &adblock::FORMAT,
    &plain::IP_FORMAT,
    &plain::DOMAIN_FORMAT,
    &tables::CSV_FORMAT,
    &tables::JSONL_FORMAT,
    &parquet::FORMAT,
    &suricata_iprep::FORMAT,
    &zeek_intel::FORMAT,
    &stix::FORMAT,
    &misp_warninglist::FORMAT,
    &misp_warninglist::NAMES_FORMAT,
];

/// The format of this name.
pub fn format(name: &str) -> Option<&'static Format> {
    FORMATS.iter().copied().find(|format| format.name == name)
}

impl Format {
    /// What the format can say of an entry; `None` if that is nothing. The rest is lost.
    pub(crate) fn narrowed<'a>(
        &self,
        indicator: Indicator<'a>,
        statement: &Statement,
        losses: &mut Losses,
    ) -> Option<Indicator<'a>> {
        let kind = self.unsaid(&indicator, statement);
        if let Some(kind) = kind {
            losses.add(kind, &statement.feeds, &indicator);
        }
        match (indicator, kind) {
            (_, None) => Some(indicator),
            // The name itself is less than the name and those below it.
            (Indicator::Name { name, scope: Scope::Tree }, Some(LossKind::Scope)) => {
                Some(Indicator::Name { name, scope: Scope::Exact })
            }
            // The rest of it is outside.
            (Indicator::Range(range), Some(LossKind::Syntax))
                if Placement::of(range) == Placement::Partly =>
            {
                Some(indicator)
            }
            // Without its scheme, it is still said.
            (Indicator::Url(url), Some(LossKind::Url))
                if self.kinds.intersects(Kinds::URL) && url.starts_with("http:") =>
            {
                Some(indicator)
            }
            _ => None,
        }
    }

    /// What of an entry the format cannot say, but for its time.
    fn unsaid(&self, indicator: &Indicator<'_>, statement: &Statement) -> Option<LossKind> {
        if statement.list == ListKind::Allow && !self.exceptions {
            return Some(LossKind::Exception);
        }
        let holds = |kinds: Kinds| self.kinds.intersects(kinds);
        match indicator {
            Indicator::Range(_) if !holds(Kinds::ADDRESS) => Some(LossKind::Address),
            Indicator::Range(range) if self.ranges == Ranges::OutsideIpv4Places => {
                (Placement::of(*range) != Placement::Outside).then_some(LossKind::Syntax)
            }
            Indicator::Range(_) => None,
            Indicator::Name { .. } if !holds(Kinds::NAME) => Some(LossKind::Name),
            Indicator::Name { name, .. } if !self.can_write(name) => Some(LossKind::Syntax),
            Indicator::Name { scope, .. } => match (self.scopes, scope) {
                (Scopes::All, _) | (_, Scope::Exact) | (Scopes::Tree, Scope::Tree) => None,
                _ => Some(LossKind::Scope),
            },
            Indicator::Url(_) if !holds(Kinds::URL) => Some(LossKind::Url),
            Indicator::Url(url) if !is_canonical(url) => Some(LossKind::Syntax),
            Indicator::Url(url) => self.unsaid_of_url(url),
        }
    }

    /// What of a canonical URL the format cannot say.
    fn unsaid_of_url(&self, url: &str) -> Option<LossKind> {
        let is_bare = url.starts_with("//");
        match self.urls {
            Urls::All => None,
            Urls::WithScheme => is_bare.then_some(LossKind::Url),
            Urls::PlainHttp if url.contains(char::is_whitespace) || url.contains('\\') => {
                Some(LossKind::Syntax)
            }
            Urls::PlainHttp => (!is_bare).then_some(LossKind::Url),
        }
    }

    /// Whether a name has only the bytes of host names, so that no syntax takes it for anything else, and is short
    /// enough. A sound snapshot holds few others.
    pub(crate) fn can_write(&self, name: &str) -> bool {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        !name.is_empty() && name.len() <= self.longest_name && name.bytes().all(is_plain)
    }

    /// Counts an entry whose end the format cannot say.
    pub(crate) fn count_time(
        &self,
        losses: &mut Losses,
        indicator: &Indicator<'_>,
        statement: &Statement,
        header: &Header,
    ) {
        if self.longest_timeout < statement.seconds_left(header.now) {
            losses.add(LossKind::Time, &statement.feeds, indicator);
        }
    }
}

/// Whether a URL is spelt as a sound snapshot spells it. A reader may take any other text for another URL,
/// and one with a NUL for the end of all texts.
fn is_canonical(url: &str) -> bool {
    let mut canonical = Vec::new();
    !url.contains(char::is_control)
        && rapsheet_snapshot::url::canonical(url.as_bytes(), &mut canonical).is_ok()
        && canonical == url.as_bytes()
}

/// The status of an entry, as look-ups name it.
fn status(statement: &Statement) -> &'static str {
    match statement.list {
        ListKind::Block => "blocklisted",
        ListKind::Allow => "allowlisted",
    }
}
