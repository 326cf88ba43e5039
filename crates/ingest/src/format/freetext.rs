//! `freetext`: indicators in prose: reports, posts and mails.
//!
//! Whole URLs, whole addresses and defanged indicators (`evil[.]example[.]com`) are taken, because their
//! authors mean them as indicators. A bare name in a sentence may be a file name or the author's own site, so
//! it is taken only where the feed says so (option `names`). A line without an indicator is skipped; it is
//! not an error.

use super::{Format, Head, LineReader, OpenError, Shape, extent, ranges};
use crate::entry::{Details, Normalizer, Skip};
use crate::format::options::{OptionRow, Options};
use rapsheet_snapshot::refang::refang;
use rapsheet_snapshot::{Address, AddressRange, Kinds, Scope};

/// The row of the table.
pub(super) static FORMAT: Format = Format {
    id: "freetext",
    about: "prose: whole URLs, addresses and defanged names in it",
    example: "the panel was at hxxp://evil[.]example[.]com/gate.php until May",
    kinds: Kinds::ALL,
    options: &[OptionRow { key: "names", about: "names that are not defanged: `skip` (default) or `take`" }],
    shape: Shape::Lines(open),
    ..Format::DEFAULT
};

struct Prose {
    takes_names: bool,
}

fn open(options: &Options, _: Head<'_>) -> Result<Box<dyn LineReader>, OpenError> {
    Ok(Box::new(Prose { takes_names: options.takes("names")? }))
}

impl LineReader for Prose {
    fn line(&self, line: &[u8], normalizer: &mut Normalizer<'_>) {
        if scan(line, self.takes_names, &Details::NONE, normalizer) == 0 {
            normalizer.skip(Skip::NoIndicator);
        }
    }
}

/// Emits the indicators in a text, and returns how many there are.
pub(super) fn scan(
    text: &[u8],
    takes_names: bool,
    details: &Details,
    normalizer: &mut Normalizer<'_>,
) -> usize {
    let ends =
        |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'<' | b'>' | b'"' | b'\'' | b'`' | b'|');
    let mut words = text.split(ends).map(without_punctuation).filter(|word| !word.is_empty());
    let mut count = 0;
    while let Some(word) = words.next() {
        let is_address = word.first().is_some_and(u8::is_ascii_digit) && Address::parse(word).is_ok();
        if let Some((passed, mask)) = is_address.then(|| netmask_after(words.clone())).flatten() {
            ranges::emit(ranges::netmask(word, mask), details, normalizer);
            words.by_ref().take(passed).for_each(drop);
            count += 1;
        } else {
            count += usize::from(emit(word, takes_names, details, normalizer));
        }
    }
    count
}

/// The netmask that follows an address, perhaps after a word for it, and how many words both are.
fn netmask_after<'t>(mut rest: impl Iterator<Item = &'t [u8]>) -> Option<(usize, &'t [u8])> {
    let first = rest.next()?;
    if extent::looks_like_netmask(first) {
        return Some((1, first));
    }
    let is_word = [&b"mask"[..], b"netmask"].iter().any(|word| first.eq_ignore_ascii_case(word));
    let mask = rest.next().filter(|mask| is_word && extent::looks_like_netmask(mask))?;
    Some((2, mask))
}

/// A word without the punctuation of the sentence around it. A closing bracket stays where the word has the
/// opening one, as in `http://evil.example.com/(x)`.
fn without_punctuation(word: &[u8]) -> &[u8] {
    let mut word = word;
    loop {
        let opened = |open: u8| word.contains(&open);
        word = match word {
            [b'(' | b'{' | b'*' | b',' | b';' | b'=', rest @ ..] if !rest.starts_with(b".") => rest,
            [rest @ .., b',' | b';' | b':' | b'!' | b'?' | b'.' | b'*'] => rest,
            [rest @ .., b')'] if !opened(b'(') => rest,
            [rest @ .., b']'] if !opened(b'[') => rest,
            [rest @ .., b'}'] if !opened(b'{') => rest,
            _ => return word,
        };
    }
}

/// Emits a word if it is an indicator; returns whether it is.
fn emit(word: &[u8], takes_names: bool, details: &Details, normalizer: &mut Normalizer<'_>) -> bool {
    if word.len() < 4 || !word.iter().any(|byte| matches!(byte, b'.' | b':')) {
        return false;
    }
    let plain = refang(word);
    // Brackets that are left over show a broken defanging, such as `http]]://evil .com`: its host is a guess.
    let broken = plain.iter().any(|byte| matches!(byte, b'[' | b']')) && !plain.starts_with(b"[");
    let is_url = memchr::memmem::find(&plain, b"://").is_some();
    let is_defanged = plain.as_ref() != word;
    // `a::b` is code, and `12:30` is a time; a whole IPv6 address has a dot or three colons.
    let is_whole = || plain.contains(&b'.') || plain.iter().filter(|byte| **byte == b':').count() > 2;
    let is_address = || is_whole() && AddressRange::parse(&plain).is_ok();
    let is_meant = is_url || is_defanged || is_address() || takes_names;
    !broken && is_meant && !plain.contains(&b'@') && normalizer.try_any(&plain, Scope::Exact, details)
}

#[cfg(test)]
mod tests {
    use crate::pipeline::testing::render;

    #[test]
    fn takes_indicators_and_skips_prose() {
        let text = "tak a look at hxxp://block[.]de[.]com/malware.exe\nHere is my link. I have run Sales.exe with VM.\nsee (hxxps://evilpanel[.]com/a), evilpanel[.]net and 45.9.20.5.\n\
                    http]]://karlos .net/ and ghzz,com\nwrite to someone@evilpanel.com, 12:30, v1.2.3\nevilpanel.com is down\n";
        let expected = [
            "url http://block.de.com/malware.exe",
            "SKIP no-indicator",
            "url https://evilpanel.com/a",
            "domain evilpanel.net",
            "ip 45.9.20.5",
            "SKIP no-indicator",
            "SKIP no-indicator",
            "SKIP no-indicator",
        ];
        assert_eq!(render("freetext", &[], text), expected);
        assert_eq!(
            render("freetext", &[("names", "take")], "evilpanel.com is down\n"),
            ["domain evilpanel.com"]
        );
    }
}
