//! `freetext`: indicators in prose: reports, posts, mails.
//!
//! Whoever defangs an indicator means it as one, and so does whoever writes a whole URL or a whole address. A bare
//! name in a sentence may be the name of a file or of the author's employer, so it counts only where the feed says
//! so (option `names`). Prose that holds nothing is no error.

use super::{Format, Head, LineReader, OpenError, Shape};
use crate::options::{OptionRow, Options};
use crate::scribe::{Details, Scribe, Skip};
use rapsheet_snapshot::refang::refang;
use rapsheet_snapshot::{AddressRange, Kinds, Scope};

/// The row of the table.
pub static FORMAT: Format = Format {
    id: "freetext",
    about: "prose: whole URLs, addresses and defanged names",
    example: "the panel was at hxxp://evil[.]example[.]com/gate.php until May",
    kinds: Kinds::ALL,
    options: &[OptionRow { key: "names", about: "bare names: `skip` (default) or `take`" }],
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
    fn line(&self, line: &[u8], scribe: &mut Scribe<'_>) {
        if scan(line, self.takes_names, &Details::NONE, scribe) == 0 {
            scribe.skip(Skip::NoIndicator);
        }
    }
}

/// Takes what a text holds, and returns how much.
pub(super) fn scan(text: &[u8], takes_names: bool, details: &Details, scribe: &mut Scribe<'_>) -> usize {
    let ends =
        |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'<' | b'>' | b'"' | b'\'' | b'`' | b'|');
    text.split(ends).map(bare).filter(|word| take(word, takes_names, details, scribe)).count()
}

/// A word without the punctuation of the sentence. Brackets that close what they opened belong to it.
fn bare(word: &[u8]) -> &[u8] {
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

fn take(word: &[u8], takes_names: bool, details: &Details, scribe: &mut Scribe<'_>) -> bool {
    if word.len() < 4 || !word.iter().any(|byte| matches!(byte, b'.' | b':')) {
        return false;
    }
    let plain = refang(word);
    // Half a defanging is a mistake of the author, and what was meant is not ours to guess.
    let broken = plain.iter().any(|byte| matches!(byte, b'[' | b']')) && !plain.starts_with(b"[");
    let is_url = memchr::memmem::find(&plain, b"://").is_some();
    let is_defanged = plain.as_ref() != word;
    let is_address = || AddressRange::parse(&plain).is_ok() && plain.contains(&b'.');
    let meant = is_url || is_defanged || is_address() || takes_names;
    !broken && meant && !plain.contains(&b'@') && scribe.attempt(&plain, Scope::Exact, details)
}

#[cfg(test)]
mod tests {
    use crate::transcript::tests::render;

    #[test]
    fn what_is_meant_is_taken_and_the_rest_is_prose() {
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
