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
use super::memo::Memo;
use super::never_block::NeverBlock;
use super::outcome::{ListMetadata, Skip, Warning, Warnings};
use super::rules::Rules;
use super::sink::Sink;
use super::taxonomy;
use super::token_type::{TokenType, type_of};
use crate::download::lines;
use crate::download::position::Position;
use rapsheet_snapshot::address::ParsedRange;
use rapsheet_snapshot::host_bits::HostBits;
use rapsheet_snapshot::name::PlainName;
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
    /// What phrases meant, with what stands between their words.
    phrases: Memo<&'static [char], Assessments>,
    /// What fields said against their records, by the kind of field.
    objections: Memo<u8, Option<Skip>>,
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
            phrases: Memo::default(),
            objections: Memo::default(),
            counters: Counters::default(),
        }
    }

    /// The rules of the feed.
    pub fn rules(&self) -> &Rules {
        self.rules
    }

    /// The assessments for a provider's phrases, as [`taxonomy::of_phrases`] reads them. Most rows repeat
    /// those of a row before.
    pub(crate) fn assess(&mut self, text: &[u8], separators: &'static [char]) -> Assessments {
        if text.is_empty() {
            return Assessments::EMPTY;
        }
        self.phrases.get(separators, text, || {
            std::str::from_utf8(text)
                .map_or(Assessments::EMPTY, |text| taxonomy::of_phrases(text, separators))
        })
    }

    /// What a field of this kind says against its record, kept for the rows that repeat it.
    pub(crate) fn objection(
        &mut self,
        kind: u8,
        text: &[u8],
        answer: impl FnOnce() -> Option<Skip>,
    ) -> Option<Skip> {
        if text.is_empty() { None } else { self.objections.get(kind, text, answer) }
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
        if self.fast_address(text, details) {
            return;
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
            Ok(read) => self.try_parsed(&read, details),
            Err(_) if text.starts_with(b"/") => Err(ParseError::PathOnly),
            Err(_) if text.iter().any(u8::is_ascii_control) => Err(ParseError::ControlChar),
            Err(error) => Err(error),
        }
    }

    fn try_parsed(&mut self, read: &ParsedRange, details: &Details) -> Result<(), ParseError> {
        let mut warnings = Warnings::default();
        warnings.add(Warning::HostBits, read.host_bits);
        match read.port {
            None => self.try_range(read.range, details, warnings),
            port => self.try_range(read.range, &with_port(details, port), warnings),
        }
    }

    /// One IPv4 address, which most addresses are. No address is too wide, and most are in /8 networks without
    /// special use and without protected addresses.
    #[inline]
    fn single_v4(&mut self, number: u32, details: &Details) {
        let range = Address::V4(number).range();
        let is_guarded = self.rules.never_block.as_deref().is_some_and(|list| list.has_octet(number >> 24));
        if guard::is_special_octet(number >> 24) || is_guarded {
            return self.range(range, details);
        }
        self.deliver(Key::Range(range), details, Warnings::default());
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
    #[inline]
    pub fn fast_host(&mut self, text: &[u8], scope: Scope, details: &Details) -> bool {
        let Some(bits) = HostBits::of(text) else { return self.long_name(text, scope, details) };
        self.host_of_bits(text, &bits, scope, details)
    }

    #[inline]
    fn host_of_bits(&mut self, text: &[u8], bits: &HostBits, scope: Scope, details: &Details) -> bool {
        if let Some(seen) = name::plain_of_bits(text, bits) {
            self.plain_name(text, seen, scope, details);
            return true;
        }
        let Some(number) = address::v4_of_bits(text, bits) else { return false };
        self.single_v4(number, details);
        true
    }

    /// As [`Normalizer::fast_host`], for texts that are longer than the bits of a word.
    #[cold]
    fn long_name(&mut self, text: &[u8], scope: Scope, details: &Details) -> bool {
        let Some(seen) = name::scan_plain(text) else { return false };
        self.plain_name(text, seen, scope, details);
        true
    }

    #[inline]
    fn plain_name(&mut self, text: &[u8], seen: PlainName, scope: Scope, details: &Details) {
        let checked = self.names.check_scanned(text, seen);
        let read = checked.and_then(|is_file_like| self.checked_name(text, scope, details, is_file_like));
        self.reject_on_error(read);
    }

    /// The same for texts that may be an address or a prefix, and never a name.
    #[inline]
    pub fn fast_address(&mut self, text: &[u8], details: &Details) -> bool {
        let Some(bits) = HostBits::of(text) else { return false };
        if let Some(number) = address::v4_of_bits(text, &bits) {
            self.single_v4(number, details);
            return true;
        }
        let Some(read) = address::v4_prefix_of_bits(text, &bits) else { return false };
        let read = self.try_parsed(&read, details);
        self.reject_on_error(read);
        true
    }

    /// The same for texts that may be a URL, too, with its scheme or without, or a host with a port.
    pub fn fast_any(&mut self, text: &[u8], scope: Scope, details: &Details) -> bool {
        let Some(bits) = HostBits::of(text) else {
            return self.fast_url(text, details) || self.long_name(text, scope, details);
        };
        let end = bits.host_end();
        match text.get(end..) {
            Some([]) | None => self.host_of_bits(text, &bits, scope, details),
            Some([b':', b'/', ..] | [b'/', ..]) => {
                // `192.0.2.0/24` is a prefix here.
                !(text.len() - end <= 4 && bits.first(end).letters == 0) && self.fast_url(text, details)
            }
            Some([b':', port @ ..]) => match (address::parse_port(port), text.get(..end)) {
                (Ok(port), Some(host)) => {
                    let ported = Details { port: Some(port), ..details.clone() };
                    self.host_of_bits(host, &bits.first(end), scope, &ported)
                }
                _ => self.fast_url(text, details),
            },
            Some(_) => false,
        }
    }

    /// The same for texts that can only be a URL, with its scheme or without.
    pub fn fast_url(&mut self, text: &[u8], details: &Details) -> bool {
        if let Some(url) = url::scan_plain(text) {
            let read = self.plain_url(text, &url, details);
            self.reject_on_error(read);
            return true;
        }
        let Some(mut url) = url::scan_schemeless(text) else { return false };
        let mut out = std::mem::take(&mut self.scratch);
        out.clear();
        out.extend_from_slice(b"//");
        out.extend_from_slice(text);
        url.host_at = url.host_at.start + 2..url.host_at.end + 2;
        let read = self.plain_url(&out, &url, details);
        self.scratch = out;
        self.reject_on_error(read);
        true
    }

    /// A canonical URL without a star and without userinfo.
    fn plain_url(&mut self, text: &[u8], url: &url::Url, details: &Details) -> Result<(), ParseError> {
        self.check_url_host(text, url, details)?;
        self.deliver(Key::Url(text), details, Warnings::default());
        Ok(())
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
        if self.fast_url(text, details) {
            return;
        }
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
        if has_star_segment(text.get(url.host_at.end..).unwrap_or(&[])) {
            return Err(ParseError::Pattern);
        }
        self.check_url_host(text, &url, details)?;
        let mut warnings = Warnings::default();
        warnings.add(Warning::Userinfo, url.had_userinfo);
        Ok(warnings)
    }

    fn check_url_host(&mut self, text: &[u8], url: &url::Url, details: &Details) -> Result<(), ParseError> {
        let host = text.get(url.host_at.clone()).unwrap_or(&[]);
        match url.host {
            host::Host::Name => {
                self.names.check_host(host)?;
            }
            host::Host::Address(address) => self.check_url_address(address)?,
        }
        // Blocking the front page blocks the name for tools that block by URL. Its other pages may be listed.
        let is_front_page = text.get(url.host_at.end..) == Some(b"/");
        if is_front_page && self.never_block(details).is_some_and(|list| list.has_name(host, Scope::Exact)) {
            return Err(ParseError::NeverBlock);
        }
        Ok(())
    }

    fn check_url_address(&self, address: Address) -> Result<(), ParseError> {
        let guarded = self.rules.list == ListKind::Block && !self.rules.allow_bogons;
        let bogon = guarded && guard::bogon(&address.range()) == guard::Bogon::Wholly;
        if bogon { Err(ParseError::Bogon) } else { Ok(()) }
    }

    /// A token of unknown kind, typed by its content: URL, address, prefix or name. E-mail addresses and
    /// hashes are skipped as kinds that are not indexed.
    pub fn any(&mut self, text: &[u8], scope: Scope, details: &Details) {
        if self.fast_any(text, scope, details) {
            return;
        }
        self.slow_any(text, scope, details);
    }

    /// As [`Normalizer::any`], part by part.
    fn slow_any(&mut self, text: &[u8], scope: Scope, details: &Details) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::Arc;

    /// Everything that a sink is told, as text.
    #[derive(Default)]
    struct Told(Vec<String>);

    impl Sink for Told {
        fn entry(&mut self, _: Position, key: Key<'_>, details: &Details, warnings: Warnings) {
            let text = match key {
                Key::Name(text, _) | Key::Url(text) => String::from_utf8_lossy(text).into_owned(),
                Key::Range(range) => range.to_string(),
            };
            self.0.push(format!("{text}: {key:?} {details:?} {warnings:?}"));
        }

        fn skip(&mut self, _: Position, why: Skip) {
            self.0.push(format!("skip {}", why.word()));
        }

        fn reject(&mut self, _: Position, why: ParseError, _: &[u8]) {
            self.0.push(format!("reject {why}"));
        }
    }

    /// What comes of one text, and what was counted.
    fn told(
        rules: &Rules,
        text: &str,
        read: impl FnOnce(&mut Normalizer<'_>, &[u8]),
    ) -> (Vec<String>, Counters) {
        let (mut sink, mut names) = (Told::default(), NameGuard::default());
        let base = Position { line: 1, offset: 0 };
        let mut normalizer = Normalizer::new(rules, &mut sink, &mut names, text.as_bytes(), base);
        normalizer.begin_line(0..text.len());
        read(&mut normalizer, text.as_bytes());
        normalizer.end_line();
        let counters = normalizer.finish();
        (sink.0, counters)
    }

    fn rules() -> [Rules; 3] {
        let rules = |list| Rules::new(Time::from_unix(1_795_000_000), list, Scope::Tree);
        let guarded = Rules { never_block: Some(Arc::new(NeverBlock::new(&[]))), ..rules(ListKind::Block) };
        [rules(ListKind::Block), Rules { allow_private_suffixes: false, ..rules(ListKind::Allow) }, guarded]
    }

    /// Texts that are nearly what the fast paths take, and what they take.
    fn texts() -> impl Strategy<Value = String> {
        let scheme = "(http://|https://|ftp://|hxxp://|//|HTTP://|)?";
        let host = "([a-z0-9_-]{1,9}\\.){1,4}(com|co.uk|uk|zip|py|de|exe|i2p|c0m|Com|np|com\\.)|8\\.8\\.8\\.8|google\\.com|github\\.io|\
                    (0\\.0\\.0\\.0|127\\.0\\.0\\.1)[a-z.]{0,9}\\.com|([a-z]{1,30}\\.){2,3}com|([0-9]{1,3}\\.){3}[0-9]{1,3}|1?0\\.[1-9]\\.2\\.3|[!-~]{0,12}";
        let port = "(:0?[0-9]{1,5}|:)?";
        let path = "(/[0-9]{0,3}|/[a-z0-9]{0,9}[!-~]{0,9}|/\\*|/a/\\*/b|\\?a|#b|/ü)?";
        (scheme, host, port, path).prop_map(|(scheme, host, port, path)| [scheme, host, port, path].concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]
        #[test]
        fn one_scan_and_parts_agree(text in texts(), port in proptest::option::of(1u16..)) {
            let details = Details { port, ..Details::NONE };
            for rules in &rules() {
                for scope in [Scope::Tree, Scope::Exact, Scope::Subdomains] {
                    let fast = told(rules, &text, |normalizer, text| normalizer.any(text, scope, &details));
                    let slow = told(rules, &text, |normalizer, text| normalizer.slow_any(text, scope, &details));
                    prop_assert_eq!(fast, slow, "any {}", &text);
                    let fast = told(rules, &text, |normalizer, text| normalizer.host(text, scope, &details));
                    let slow = told(rules, &text, |normalizer, text| {
                        let read = normalizer.try_host(text, scope, &details);
                        normalizer.reject_on_error(read);
                    });
                    prop_assert_eq!(fast, slow, "host {}", &text);
                }
                let fast = told(rules, &text, |normalizer, text| normalizer.url(text, &details));
                let slow = told(rules, &text, |normalizer, text| {
                    let read = normalizer.try_url(&refang(text), &details);
                    normalizer.reject_on_error(read);
                });
                prop_assert_eq!(fast, slow, "url {}", &text);
                let fast = told(rules, &text, |normalizer, text| normalizer.address(text, &details));
                let slow = told(rules, &text, |normalizer, text| {
                    let read = normalizer.try_address(&refang(text), &details);
                    normalizer.reject_on_error(read);
                });
                prop_assert_eq!(fast, slow, "address {}", &text);
            }
        }
    }
}
