//! Turns what a format finds in a line into canonical entries.
//!
//! A format calls "this token should be an address". The normalizer refangs the token, reads its canonical
//! form, applies the guards on single entries (width, special-use space, public suffixes, known top-level
//! domains), checks the times, counts, and delivers the result to a [`Sink`]. So each guard is written once,
//! and not in every format.

use super::counters::Counters;
use super::details::Details;
use super::guard::{self, NameGuard};
use super::key::Key;
use super::never_block::NeverBlock;
use super::outcome::{ListMetadata, Skip, Warning, Warnings};
use super::rules::Rules;
use super::sink::Sink;
use super::token_type::{TokenType, type_of};
use crate::download::lines;
use crate::download::position::Position;
use rapsheet_snapshot::refang::refang;
use rapsheet_snapshot::{
    Address, AddressRange, Assessment, Assessments, ListKind, ParseError, Scope, Time, address, host, name,
    url,
};
use std::ops::Range;

/// Reads the tokens of one block of a file under one feed's rules.
pub struct Normalizer<'a> {
    rules: &'a Rules,
    sink: &'a mut dyn Sink,
    names: &'a mut NameGuard,
    block: &'a [u8],
    /// Where the block begins in its file.
    base: Position,
    /// The current line in the block. For a record: from its start on.
    at: Range<usize>,
    /// The number of the current line in the block, counted from 1; 0 before the first.
    line: u64,
    /// What the current line has given so far.
    accepted: u32,
    rejected: u32,
    skipped: u32,
    /// A canonical form: a buffer that is reused.
    scratch: Vec<u8>,
    counters: Counters,
}

impl<'a> Normalizer<'a> {
    /// A normalizer for `block`, which begins at `base` in its file.
    pub(crate) fn new(
        rules: &'a Rules,
        sink: &'a mut dyn Sink,
        names: &'a mut NameGuard,
        block: &'a [u8],
        base: Position,
    ) -> Normalizer<'a> {
        Normalizer {
            rules,
            sink,
            names,
            block,
            base,
            at: 0..0,
            line: 0,
            accepted: 0,
            rejected: 0,
            skipped: 0,
            scratch: Vec::new(),
            counters: Counters::default(),
        }
    }

    /// The rules of the feed.
    pub fn rules(&self) -> &Rules {
        self.rules
    }

    /// Begins the next line, at `at` in the block.
    pub(crate) fn begin_line(&mut self, at: Range<usize>) {
        self.at = at;
        self.line += 1;
    }

    /// Passes a line that belongs to the record before it.
    pub(crate) fn pass_line(&mut self) {
        self.line += 1;
    }

    /// Ends the line: counts it once, by the best that came of it.
    pub(crate) fn end_line(&mut self) {
        if self.outcomes() == 0 {
            self.skip(Skip::NoIndicator);
        }
        self.counters.count_line(self.accepted > 0, self.rejected > 0);
        (self.accepted, self.rejected, self.skipped) = (0, 0, 0);
    }

    /// Begins a record at a byte offset of its document, and ends the record before.
    pub fn record_at(&mut self, offset: usize) {
        self.end_record();
        let from = self.at.start.min(offset);
        let passed = self.block.get(from..offset).map_or(0, lines::count_ends);
        self.line = self.line.max(1) + passed;
        self.at = offset..self.block.len();
    }

    /// Ends the last record of a document.
    pub(crate) fn end_record(&mut self) {
        if self.outcomes() > 0 {
            self.end_line();
        }
    }

    /// What was counted.
    pub(crate) fn finish(self) -> Counters {
        self.counters
    }

    fn position(&self) -> Position {
        Position {
            line: self.base.line + self.line.saturating_sub(1),
            offset: self.base.offset + self.at.start as u64,
        }
    }

    /// How many entries the line has given so far.
    pub fn entries(&self) -> u32 {
        self.accepted
    }

    /// How many entries, rejects and skips the line has given so far.
    pub fn outcomes(&self) -> u32 {
        self.accepted + self.rejected + self.skipped
    }

    /// The line or element is not data.
    pub fn skip(&mut self, why: Skip) {
        self.skipped += 1;
        self.counters.skip(why);
        self.sink.skip(self.position(), why);
    }

    /// The line or element looks like data and cannot be used.
    pub fn reject(&mut self, why: ParseError) {
        self.rejected += 1;
        self.counters.reject(why);
        let text = self.block.get(self.at.clone()).unwrap_or(&[]);
        self.sink.reject(self.position(), why, text);
    }

    /// The list states when it was generated. The first statement of a file counts.
    pub fn generated(&mut self, time: Time) {
        self.counters.generated.get_or_insert((self.position().line, time));
        self.sink.metadata(self.position(), ListMetadata::Generated(time));
    }

    /// The list declares how many entries it has.
    pub fn declared(&mut self, count: u64) {
        self.counters.declared.get_or_insert(count);
        self.sink.metadata(self.position(), ListMetadata::Declared(count));
    }

    /// The list has an end mark.
    pub fn end_mark(&mut self) {
        self.counters.has_end_mark = true;
    }

    /// An address, prefix or range, possibly defanged, with or without a port.
    pub fn address(&mut self, text: &[u8], details: &Details) {
        if let Some(number) = address::plain_v4(text) {
            return self.range(Address::V4(number).range(), details);
        }
        let read = self.try_address(&refang(text), details);
        self.reject_on_error(read);
    }

    fn reject_on_error(&mut self, read: Result<(), ParseError>) {
        if let Err(error) = read {
            self.reject(error);
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
            Err(error) => Err(error),
        }
    }

    /// Addresses that the format has already parsed.
    pub fn range(&mut self, range: AddressRange, details: &Details) {
        let read = self.try_range(range, details, Warnings::default());
        self.reject_on_error(read);
    }

    fn try_range(
        &mut self,
        range: AddressRange,
        details: &Details,
        mut warnings: Warnings,
    ) -> Result<(), ParseError> {
        let allows = self.list_of(details) == ListKind::Allow;
        let guarded = !allows && !self.rules.allow_bogons;
        match guard::bogon(&range) {
            guard::Bogon::Wholly if guarded => return Err(ParseError::Bogon),
            found => warnings.add(Warning::PartlyBogon, guarded && found == guard::Bogon::Partly),
        }
        if guard::too_wide(&range, self.rules) && !(allows && guard::is_set_aside(&range)) {
            return Err(ParseError::TooWide);
        }
        if self.never_block(details).is_some_and(|list| list.has_address(&range)) {
            return Err(ParseError::NeverBlock);
        }
        self.deliver(Key::Range(range), details, warnings);
        Ok(())
    }

    /// What the entry must not block; `None` for an entry that allows.
    fn never_block(&self, details: &Details) -> Option<&'a NeverBlock> {
        let list = self.rules.never_block.as_deref()?;
        (self.list_of(details) == ListKind::Block).then_some(list)
    }

    fn list_of(&self, details: &Details) -> ListKind {
        if details.inverted { self.rules.list.inverted() } else { self.rules.list }
    }

    /// A host: a name of the given scope, or an address literal; with or without a port.
    pub fn host(&mut self, text: &[u8], scope: Scope, details: &Details) {
        if !self.fast_host(text, scope, details) {
            let read = self.try_host(text, scope, details);
            self.reject_on_error(read);
        }
    }

    /// Handles a text that one scan shows to be an address or a name, which most lines of most lists are, and
    /// returns whether it did. False says nothing about the text.
    pub fn fast_host(&mut self, text: &[u8], scope: Scope, details: &Details) -> bool {
        if let Some(seen) = name::scan_plain(text) {
            let checked = self.names.check_scanned(text, seen);
            let read = checked.and_then(|is_file_like| self.checked_name(text, scope, details, is_file_like));
            self.reject_on_error(read);
            return true;
        }
        self.fast_address(text, details)
    }

    /// The same for texts that may be an address and never a name.
    pub fn fast_address(&mut self, text: &[u8], details: &Details) -> bool {
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
        let is_file_like = self.names.check(name)?;
        self.checked_name(name, scope, details, is_file_like)
    }

    /// A canonical name that the name guard accepted.
    fn checked_name(
        &mut self,
        name: &[u8],
        scope: Scope,
        details: &Details,
        is_file_like: bool,
    ) -> Result<(), ParseError> {
        if self.never_block(details).is_some_and(|list| list.has_name(name, scope)) {
            return Err(ParseError::NeverBlock);
        }
        let tree = scope != Scope::Exact && self.list_of(details) == ListKind::Allow;
        if tree && !self.rules.allow_private_suffixes && guard::is_private_suffix(name) {
            return Err(ParseError::PublicSuffix);
        }
        let mut warnings = Warnings::default();
        warnings.add(Warning::LooksLikeFile, is_file_like);
        self.deliver(Key::Name(name, scope), details, warnings);
        Ok(())
    }

    /// A URL, with or without its scheme, possibly defanged.
    pub fn url(&mut self, text: &[u8], details: &Details) {
        let read = self.try_url(&refang(text), details);
        self.reject_on_error(read);
    }

    fn try_url(&mut self, text: &[u8], details: &Details) -> Result<(), ParseError> {
        // `host/*` is everything below the host: a pattern, in whatever format it stands.
        if text.ends_with(b"/*") {
            return Err(ParseError::Pattern);
        }
        let mut out = std::mem::take(&mut self.scratch);
        out.clear();
        let read = url::canonical(text, &mut out).and_then(|url| self.check_url(&out, url, details));
        if let Ok(warnings) = read {
            self.deliver(Key::Url(&out), details, warnings);
        }
        self.scratch = out;
        read.map(|_| ())
    }

    /// A listed URL never lists its host. But a host that cannot exist makes the URL useless, and a URL on an
    /// address of special-use space is a test.
    fn check_url(&mut self, text: &[u8], url: url::Url, details: &Details) -> Result<Warnings, ParseError> {
        let host_at = url.host_at.clone();
        if has_star_segment(text.get(host_at.end..).unwrap_or(&[])) {
            return Err(ParseError::Pattern);
        }
        let mut warnings = Warnings::default();
        warnings.add(Warning::Userinfo, url.had_userinfo);
        match url.host {
            host::Host::Name => {
                self.names.check_host(text.get(url.host_at).unwrap_or(&[]))?;
            }
            host::Host::Address(address) => self.check_url_address(address)?,
        }
        let host = text.get(host_at.clone()).unwrap_or(&[]);
        // Blocking the front page blocks the name for tools that block by URL. Its other pages may be listed.
        let is_front_page = text.get(host_at.end..) == Some(b"/");
        if is_front_page && self.never_block(details).is_some_and(|list| list.has_name(host, Scope::Exact)) {
            return Err(ParseError::NeverBlock);
        }
        Ok(warnings)
    }

    fn check_url_address(&self, address: Address) -> Result<(), ParseError> {
        let guarded = self.rules.list == ListKind::Block && !self.rules.allow_bogons;
        let bogon = guarded && guard::bogon(&address.range()) == guard::Bogon::Wholly;
        if bogon { Err(ParseError::Bogon) } else { Ok(()) }
    }

    /// A token of unknown kind, typed by its content: URL, address, prefix or name. E-mail addresses and
    /// hashes are skipped as kinds that are not indexed.
    pub fn any(&mut self, text: &[u8], scope: Scope, details: &Details) {
        if text.starts_with(b"http://") || text.starts_with(b"https://") {
            return self.url(text, details);
        }
        if self.fast_host(text, scope, details) {
            return;
        }
        let text = refang(text);
        match type_of(&text) {
            TokenType::Unsupported => self.skip(Skip::UnsupportedKind),
            kind => {
                let read = self.try_kind(kind, &text, scope, details);
                self.reject_on_error(read);
            }
        }
    }

    /// A token of a known kind.
    fn try_kind(
        &mut self,
        kind: TokenType,
        text: &[u8],
        scope: Scope,
        details: &Details,
    ) -> Result<(), ParseError> {
        match kind {
            TokenType::Url => self.try_url(text, details),
            TokenType::Address => self.try_address(text, details),
            TokenType::Host => self.try_host(text, scope, details),
            TokenType::Path => Err(ParseError::PathOnly),
            TokenType::Unsupported => Err(ParseError::BadHost),
        }
    }

    /// A token of prose: accepted if it is an indicator, and otherwise ignored. Returns whether it was
    /// accepted.
    pub fn try_any(&mut self, text: &[u8], scope: Scope, details: &Details) -> bool {
        let text = refang(text);
        self.try_kind(type_of(&text), &text, scope, details).is_ok()
    }

    /// Delivers an entry that passed all guards. Implausible times are dropped; most entries state none.
    ///
    /// This is the one place through which every entry of every format goes, so here it is held that nothing
    /// is blocked as trustworthy: a row that says so and nothing worse is skipped.
    fn deliver(&mut self, key: Key<'_>, details: &Details, mut warnings: Warnings) {
        let cleared;
        let mut details = details;
        if details.assessments.bits() & TRUSTED.bits() != 0 && self.list_of(details) == ListKind::Block {
            let assessments = Assessments::from_bits(details.assessments.bits() & !TRUSTED.bits());
            if assessments.is_empty() {
                return self.skip(Skip::Benign);
            }
            cleared = Details { assessments, ..details.clone() };
            details = &cleared;
        }
        self.accepted += 1;
        let position = self.position();
        if details.first_seen.is_none() && details.last_seen.is_none() && details.expires.is_none() {
            self.counters.accept(warnings);
            return self.sink.entry(position, key, details, warnings);
        }
        let now = self.rules.now;
        let mut checked = details.clone();
        let mut has_bad_time = false;
        for time in [&mut checked.first_seen, &mut checked.last_seen] {
            let plausible = time.and_then(|stated| guard::plausible_time(stated, now));
            has_bad_time |= time.is_some() && plausible.is_none();
            *time = plausible;
        }
        warnings.add(Warning::BadTime, has_bad_time);
        self.counters.accept(warnings);
        self.sink.entry(position, key, &checked, warnings);
    }
}

/// Whether a path has a star that stands for any text: as a whole segment, or at its end. Lists for firewalls
/// write `host/*` for all URLs of a host, and `^` for one segment; as a URL it would match nothing. A star
/// elsewhere is a character, and so is one in a query.
fn has_star_segment(path: &[u8]) -> bool {
    if memchr::memchr2(b'*', b'^', path).is_none() {
        return false;
    }
    let path = path.split(|byte| *byte == b'?').next().unwrap_or(&[]);
    path.ends_with(b"*") || path.split(|byte| *byte == b'/').any(|segment| matches!(segment, b"*" | b"^"))
}

const TRUSTED: Assessments = Assessments::EMPTY.with(Assessment::Trustworthy);

fn with_port(details: &Details, port: Option<u16>) -> Details {
    Details { port: port.or(details.port), ..details.clone() }
}
