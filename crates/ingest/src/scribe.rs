//! What every format does with what it finds in a line: the scribe knows the rules, the format the text.
//!
//! A format says "this token should be an address"; the scribe refangs it, reads its canonical form, applies
//! the guards on single entries (width, special-use space, public suffixes, known top-level domains), checks
//! the times, counts, and hands the result to a [`Sink`]. So a guard stands here once, not in thirty formats.

use crate::canary::Canaries;
use crate::guard::{self, Names};
use crate::tally::Tally;
use rapsheet_snapshot::refang::refang;
use rapsheet_snapshot::{
    Address, AddressRange, Assessments, ListKind, ParseError, Scope, Time, address, host, name, url,
};
use std::ops::Range;
use std::sync::Arc;

/// What holds for all entries of one feed.
#[derive(Clone)]
pub struct Rules {
    /// The instant of the build.
    pub now: Time,
    /// Whether an entry blocks or allows, unless it is an exception.
    pub list: ListKind,
    /// The reach of a bare name in formats that do not define it.
    pub scope: Scope,
    /// Whether special-use address space may be listed (bogon lists).
    pub allow_bogons: bool,
    /// The shortest IPv4 prefix that may be listed.
    pub widest_v4: u8,
    /// The shortest IPv6 prefix that may be listed.
    pub widest_v6: u8,
    /// Whether an allow entry may hold everything below a private suffix.
    pub allow_private_suffixes: bool,
    /// What no entry may block; a build has them, and who only looks at a file does not.
    pub canaries: Option<Arc<Canaries>>,
}

impl Rules {
    /// What holds for every list, whoever reads it.
    pub fn new(now: Time, list: ListKind, scope: Scope) -> Rules {
        Rules {
            now,
            list,
            scope,
            allow_bogons: false,
            widest_v4: 8,
            widest_v6: 19,
            allow_private_suffixes: true,
            canaries: None,
        }
    }
}

/// What a row says of its indicator beyond its key. All of it is optional.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// An exception: an allow entry in a block list, or the reverse.
    pub inverted: bool,
    /// The row's own assessments; the feed's default holds where there are none.
    pub assessments: Assessments,
    /// When the row says that it was first seen or added.
    pub first_seen: Option<Time>,
    /// When the row says that it was last seen or confirmed.
    pub last_seen: Option<Time>,
    /// When the row says that it ends.
    pub expires: Option<Time>,
    /// A port that belongs to it.
    pub port: Option<u16>,
}

impl Details {
    /// Nothing.
    pub const NONE: Details = Details {
        inverted: false,
        assessments: Assessments::EMPTY,
        first_seen: None,
        last_seen: None,
        expires: None,
        port: None,
    };
}

macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($variant:ident $word:literal;)+ }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $(#[doc = $word] $variant,)+ }

        impl $name {
            /// All of them, in the order of their numbers.
            pub const ALL: &'static [$name] = &[$($name::$variant,)+];

            /// The word that reports print.
            pub const fn word(self) -> &'static str {
                match self { $($name::$variant => $word,)+ }
            }
        }
    };
}

words! {
    /// Why a line that is no data is no error either.
    Skip {
        Blank "blank";
        Comment "comment";
        Header "header";
        Metadata "metadata";
        Directive "directive";
        Record "record";
        SelfTest "self-test";
        Localhost "localhost";
        DefaultValue "default-value";
        Cosmetic "cosmetic";
        Scoped "scoped";
        Conditional "conditional";
        Rewrite "rewrite";
        Badfilter "badfilter";
        Routing "routing";
        Policy "policy";
        AccessLevel "access-level";
        Inactive "inactive";
        Deleted "deleted";
        ToIds "to_ids";
        NoScore "no-score";
        NoData "no-data";
        NoIndicator "no-indicator";
        RuleWithoutAddress "rule-without-address";
        CategoryDefinition "category-definition";
        UnsupportedKind "unsupported-kind";
    }
}

words! {
    /// What was odd about an entry that was taken all the same.
    Warning {
        HostBits "host-bits";
        BadTime "bad-time";
        LooksLikeFile "looks-like-file";
        Userinfo "userinfo";
        PartlyBogon "partly-bogon";
    }
}

/// A set of warnings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Warnings(u8);

impl Warnings {
    /// Adds one where `odd` holds.
    pub fn add(&mut self, warning: Warning, odd: bool) {
        self.0 |= u8::from(odd) << warning as u8;
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The members.
    pub fn iter(self) -> impl Iterator<Item = Warning> {
        Warning::ALL.iter().copied().filter(move |warning| self.0 >> *warning as u8 & 1 == 1)
    }
}

/// The canonical indicator of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key<'a> {
    /// Addresses.
    Range(AddressRange),
    /// A name with its reach.
    Name(&'a [u8], Scope),
    /// A URL.
    Url(&'a [u8]),
}

/// Where something stands in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The line, counted from 1.
    pub line: u64,
    /// The byte offset of the line in the decompressed file.
    pub offset: u64,
}

/// What a list states about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statement {
    /// When it was made.
    Generated(Time),
    /// How many entries it has.
    Declared(u64),
}

/// Takes what a scribe hands on. Building keeps columns; `parse` prints.
pub trait Sink {
    /// An entry that was taken. Its times are already checked against the clock.
    fn entry(&mut self, place: Place, key: Key<'_>, details: &Details, warnings: Warnings);
    /// A line that is no data, or an element of one.
    fn skip(&mut self, place: Place, why: Skip);
    /// What the list states about itself: when it was made, or how many entries it has.
    fn stated(&mut self, _: Place, _: Statement) {}
    /// Something that looks like data and is not usable. `text` is the line, or its beginning.
    fn reject(&mut self, place: Place, why: ParseError, text: &[u8]);
    /// Whether nobody wants any more, so that reading on is in vain.
    fn is_closed(&self) -> bool {
        false
    }
}

/// Reads the tokens of one block of a file under one feed's rules.
pub struct Scribe<'a> {
    rules: &'a Rules,
    sink: &'a mut dyn Sink,
    names: &'a mut Names,
    block: &'a [u8],
    base: Place,
    at: Range<usize>,
    line: u64,
    taken: u32,
    refused: u32,
    skipped: u32,
    scratch: Vec<u8>,
    tally: Tally,
}

impl<'a> Scribe<'a> {
    /// A scribe for `block`, which begins at `base` in its file.
    pub fn new(
        rules: &'a Rules,
        sink: &'a mut dyn Sink,
        names: &'a mut Names,
        block: &'a [u8],
        base: Place,
    ) -> Scribe<'a> {
        Scribe {
            rules,
            sink,
            names,
            block,
            base,
            at: 0..0,
            line: 0,
            taken: 0,
            refused: 0,
            skipped: 0,
            scratch: Vec::new(),
            tally: Tally::default(),
        }
    }

    /// The rules of the feed.
    pub fn rules(&self) -> &Rules {
        self.rules
    }

    /// Begins the next line, which stands at `at` in the block.
    pub(crate) fn begin_line(&mut self, at: Range<usize>) {
        self.at = at;
        self.line += 1;
    }

    /// Ends the line: counts it once, by the best that came of it.
    pub(crate) fn end_line(&mut self) {
        let nothing = self.told() == 0;
        if nothing {
            self.skip(Skip::NoIndicator);
        }
        self.tally.count_line(self.taken > 0, self.refused > 0);
        (self.taken, self.refused, self.skipped) = (0, 0, 0);
    }

    /// Begins a record of a document at a byte offset of it; the record before is ended.
    pub fn record_at(&mut self, offset: usize) {
        self.end_record();
        let from = self.at.start.min(offset);
        let passed = self.block.get(from..offset).map_or(0, crate::lines::count_ends);
        self.line = self.line.max(1) + passed;
        let width = self.block.len().saturating_sub(offset);
        self.at = offset..offset + width.min(RECORD_TEXT_MAX);
    }

    /// Ends the last record of a document.
    pub(crate) fn end_record(&mut self) {
        if self.told() > 0 {
            self.end_line();
        }
    }

    /// What was counted. The scribe is done with.
    pub fn finish(self) -> Tally {
        self.tally
    }

    fn place(&self) -> Place {
        Place {
            line: self.base.line + self.line.saturating_sub(1),
            offset: self.base.offset + self.at.start as u64,
        }
    }

    /// How many entries the line has given so far.
    pub fn taken(&self) -> u32 {
        self.taken
    }

    /// How many things have been said of the line so far: entries, refusals, skips.
    pub fn told(&self) -> u32 {
        self.taken + self.refused + self.skipped
    }

    /// The line or element is no data.
    pub fn skip(&mut self, why: Skip) {
        self.skipped += 1;
        self.tally.skip(why);
        self.sink.skip(self.place(), why);
    }

    /// The line or element looks like data and is not usable.
    pub fn reject(&mut self, why: ParseError) {
        self.refused += 1;
        self.tally.reject(why);
        let text = self.block.get(self.at.clone()).unwrap_or(&[]);
        self.sink.reject(self.place(), why, text);
    }

    /// The list states when it was made. The first statement of a file holds.
    pub fn generated(&mut self, time: Time) {
        self.tally.generated.get_or_insert((self.place().line, time));
        self.sink.stated(self.place(), Statement::Generated(time));
    }

    /// The list states how many entries it has.
    pub fn declared(&mut self, count: u64) {
        self.tally.declared.get_or_insert(count);
        self.sink.stated(self.place(), Statement::Declared(count));
    }

    /// The list says that it is over.
    pub fn ended(&mut self) {
        self.tally.ended = true;
    }

    /// An address, prefix or range, possibly defanged, with or without a port.
    pub fn address(&mut self, text: &[u8], details: &Details) {
        if let Some(number) = address::plain_v4(text) {
            return self.range(Address::V4(number).range(), details);
        }
        let read = self.try_address(&refang(text), details);
        self.settle(read);
    }

    fn settle(&mut self, read: Result<(), ParseError>) {
        if let Err(refusal) = read {
            self.reject(refusal);
        }
    }

    fn try_address(&mut self, text: &[u8], details: &Details) -> Result<(), ParseError> {
        match AddressRange::parse(text) {
            Ok(read) => {
                let mut warnings = Warnings::default();
                warnings.add(Warning::HostBits, read.host_bits);
                self.try_range(read.range, &with_port(details, read.port), warnings)
            }
            Err(_) if text.starts_with(b"/") => Err(ParseError::PathOnly),
            Err(_) if text.iter().any(u8::is_ascii_control) => Err(ParseError::ControlChar),
            Err(refusal) => Err(refusal),
        }
    }

    /// Addresses that the format has already read.
    pub fn range(&mut self, range: AddressRange, details: &Details) {
        let read = self.try_range(range, details, Warnings::default());
        self.settle(read);
    }

    fn try_range(
        &mut self,
        range: AddressRange,
        details: &Details,
        mut warnings: Warnings,
    ) -> Result<(), ParseError> {
        let guarded = self.list_of(details) == ListKind::Block && !self.rules.allow_bogons;
        match guard::bogon(&range) {
            guard::Bogon::Wholly if guarded => return Err(ParseError::Bogon),
            found => warnings.add(Warning::PartlyBogon, guarded && found == guard::Bogon::Partly),
        }
        if guard::too_wide(&range, self.rules) {
            return Err(ParseError::TooWide);
        }
        if self.canaries(details).is_some_and(|canaries| canaries.has_address(&range)) {
            return Err(ParseError::NeverBlock);
        }
        self.deliver(Key::Range(range), details, warnings);
        Ok(())
    }

    /// What the entry must not touch: only what blocks can block too much.
    fn canaries(&self, details: &Details) -> Option<&'a Canaries> {
        let canaries = self.rules.canaries.as_deref()?;
        (self.list_of(details) == ListKind::Block).then_some(canaries)
    }

    fn list_of(&self, details: &Details) -> ListKind {
        if details.inverted { self.rules.list.inverted() } else { self.rules.list }
    }

    /// A host: a name of the given reach, or an address literal; with or without a port.
    pub fn host(&mut self, text: &[u8], scope: Scope, details: &Details) {
        if !self.plain(text, scope, details) {
            let read = self.try_host(text, scope, details);
            self.settle(read);
        }
    }

    /// A text that is an address or a name by a glance, which most lines of most lists are: then it is judged and
    /// told, and true is returned. False says nothing about it.
    pub fn plain(&mut self, text: &[u8], scope: Scope, details: &Details) -> bool {
        if let Some(seen) = name::scan_plain(text) {
            let judged = self.names.judge_seen(text, seen);
            let read = judged.and_then(|odd| self.judged_name(text, scope, details, odd));
            self.settle(read);
            return true;
        }
        self.plain_address(text, details)
    }

    /// The same, for texts that may be an address and never a name.
    pub fn plain_address(&mut self, text: &[u8], details: &Details) -> bool {
        let Some(number) = address::plain_v4(text) else { return false };
        self.range(Address::V4(number).range(), details);
        true
    }

    fn try_host(&mut self, text: &[u8], scope: Scope, details: &Details) -> Result<(), ParseError> {
        let (host_text, port) = if text.contains(&b':') { address::split_port(text)? } else { (text, None) };
        let mut name = std::mem::take(&mut self.scratch);
        name.clear();
        let read = host::canonical(host_text, &mut name);
        let ported;
        let details = if port.is_some() {
            ported = with_port(details, port);
            &ported
        } else {
            details
        };
        let result = read.and_then(|host| match host {
            host::Host::Address(address) => self.try_range(address.range(), details, Warnings::default()),
            host::Host::Name => self.name(&name, scope, details),
        });
        self.scratch = name;
        result
    }

    /// A canonical name.
    fn name(&mut self, name: &[u8], scope: Scope, details: &Details) -> Result<(), ParseError> {
        let looks_like_file = self.names.judge(name)?;
        self.judged_name(name, scope, details, looks_like_file)
    }

    /// A name that may be listed, as far as names go.
    fn judged_name(
        &mut self,
        name: &[u8],
        scope: Scope,
        details: &Details,
        looks_like_file: bool,
    ) -> Result<(), ParseError> {
        if self.canaries(details).is_some_and(|canaries| canaries.has_name(name, scope)) {
            return Err(ParseError::NeverBlock);
        }
        let tree = scope != Scope::Exact && self.list_of(details) == ListKind::Allow;
        if tree && !self.rules.allow_private_suffixes && guard::is_private_suffix(name) {
            return Err(ParseError::PublicSuffix);
        }
        let mut warnings = Warnings::default();
        warnings.add(Warning::LooksLikeFile, looks_like_file);
        self.deliver(Key::Name(name, scope), details, warnings);
        Ok(())
    }

    /// A URL, with or without its scheme, possibly defanged.
    pub fn url(&mut self, text: &[u8], details: &Details) {
        let read = self.try_url(&refang(text), details);
        self.settle(read);
    }

    fn try_url(&mut self, text: &[u8], details: &Details) -> Result<(), ParseError> {
        let mut out = std::mem::take(&mut self.scratch);
        out.clear();
        let read = url::canonical(text, &mut out).and_then(|url| self.judge_url(&out, url, details));
        if let Ok(warnings) = read {
            self.deliver(Key::Url(&out), details, warnings);
        }
        self.scratch = out;
        read.map(|_| ())
    }

    /// A listed URL never lists its host, but a host that cannot exist makes the URL useless, and a URL on an
    /// address of special-use space is somebody's test.
    fn judge_url(&mut self, text: &[u8], url: url::Url, details: &Details) -> Result<Warnings, ParseError> {
        let host_at = url.host_at.clone();
        let mut warnings = Warnings::default();
        warnings.add(Warning::Userinfo, url.had_userinfo);
        match url.host {
            host::Host::Name => {
                self.names.judge_host(text.get(url.host_at).unwrap_or(&[]))?;
            }
            host::Host::Address(address) => self.judge_url_address(address)?,
        }
        let host = text.get(host_at.clone()).unwrap_or(&[]);
        // The page that a name opens is the name, for whoever blocks by URL; other pages of it may well be bad.
        let is_front_page = text.get(host_at.end..) == Some(b"/");
        if is_front_page
            && self.canaries(details).is_some_and(|canaries| canaries.has_name(host, Scope::Exact))
        {
            return Err(ParseError::NeverBlock);
        }
        Ok(warnings)
    }

    fn judge_url_address(&self, address: Address) -> Result<(), ParseError> {
        let guarded = self.rules.list == ListKind::Block && !self.rules.allow_bogons;
        let bogon = guarded && guard::bogon(&address.range()) == guard::Bogon::Wholly;
        if bogon { Err(ParseError::Bogon) } else { Ok(()) }
    }

    /// A token of unknown kind, typed by its content: URL, address, prefix, name; e-mail addresses and hashes
    /// are skipped as kinds that are not indexed.
    pub fn any(&mut self, text: &[u8], scope: Scope, details: &Details) {
        if text.starts_with(b"http://") || text.starts_with(b"https://") {
            return self.url(text, details);
        }
        if self.plain(text, scope, details) {
            return;
        }
        let text = refang(text);
        match guard::type_of(&text) {
            guard::TokenType::Unsupported => self.skip(Skip::UnsupportedKind),
            kind => {
                let read = self.try_kind(kind, &text, scope, details);
                self.settle(read);
            }
        }
    }

    fn try_kind(
        &mut self,
        kind: guard::TokenType,
        text: &[u8],
        scope: Scope,
        details: &Details,
    ) -> Result<(), ParseError> {
        match kind {
            guard::TokenType::Url => self.try_url(text, details),
            guard::TokenType::Address => self.try_address(text, details),
            guard::TokenType::Host => self.try_host(text, scope, details),
            guard::TokenType::Path => Err(ParseError::PathOnly),
            guard::TokenType::Unsupported => Err(ParseError::BadHost),
        }
    }

    /// A token that may well be none, in prose: taken if it is an indicator, and otherwise nothing. Returns
    /// whether it was taken.
    pub fn attempt(&mut self, text: &[u8], scope: Scope, details: &Details) -> bool {
        let text = refang(text);
        self.try_kind(guard::type_of(&text), &text, scope, details).is_ok()
    }

    fn deliver(&mut self, key: Key<'_>, details: &Details, mut warnings: Warnings) {
        self.taken += 1;
        let place = self.place();
        if details.first_seen.is_none() && details.last_seen.is_none() && details.expires.is_none() {
            self.tally.take(warnings);
            return self.sink.entry(place, key, details, warnings);
        }
        let now = self.rules.now;
        let mut checked = details.clone();
        let mut odd = false;
        for time in [&mut checked.first_seen, &mut checked.last_seen] {
            let sane = time.and_then(|stated| guard::sane_time(stated, now));
            odd |= time.is_some() && sane.is_none();
            *time = sane;
        }
        warnings.add(Warning::BadTime, odd);
        self.tally.take(warnings);
        self.sink.entry(place, key, &checked, warnings);
    }
}

/// How much of a record's text a report may quote.
const RECORD_TEXT_MAX: usize = 120;

fn with_port(details: &Details, port: Option<u16>) -> Details {
    Details { port: port.or(details.port), ..details.clone() }
}
