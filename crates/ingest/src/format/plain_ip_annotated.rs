//! `plain-ip-annotated`: an address or prefix, a separator, and a remark.
//!
//! `192.0.2.7 # Scanning Host US,,37.75,-97.82` (AlienVault),
//! `192.0.2.7<TAB><TAB># 2026-03-22 09:11:03<TAB>…` (BruteForceBlocker), `192.0.2.7<TAB>10` (ipsum: how many
//! lists hold the address). The separator is a blank, a TAB or one of `;`, `,`, `#`.
//!
//! A remark may be a count, a reverse name or prose. Three kinds are read: a time at its beginning is the last
//! sighting, a category of AlienVault is an assessment, and a remark that says nothing but that the address is
//! not bad (`# false positive`) keeps it out. A bare number may be anything, so it is read as a count of lists
//! only where the feed says so (option `counts`).
//!
//! A netmask or the last address of a range belongs to the address before it: both are read, or the line is
//! rejected.

use super::{Format, Head, LineReader, OpenError, Shape, extent, header, ranges};
use crate::download::lines;
use crate::entry::taxonomy;
use crate::entry::timestamp;
use crate::entry::{Details, Normalizer, Skip};
use crate::format::options::{OptionRow, Options};
use crate::format::token;
use rapsheet_snapshot::host_bits::HostBits;
use rapsheet_snapshot::{Address, AddressRange, Assessment, Assessments, Kinds, ParseError};

/// The row of the table.
pub(super) static FORMAT: Format = Format {
    id: "plain-ip-annotated",
    about: "an address or prefix per line, with a remark after it",
    example: "192.0.2.7 # Scanning Host US,,37.75,-97.82",
    kinds: Kinds::ADDRESS,
    options: &[OptionRow {
        key: "counts",
        about: "`true`: a number after the address is how many lists hold it; fewer than 3: suspicious, \
                3 or 4: blacklist, more: high risk (default false)",
    }],
    shape: Shape::Lines(open),
    ..Format::DEFAULT
};

struct Annotated {
    counts: bool,
    /// Whether the number after an address is the length of its prefix.
    lengths: bool,
}

fn open(options: &Options, head: Head<'_>) -> Result<Box<dyn LineReader>, OpenError> {
    let data = lines::trimmed(head.bytes).filter(|line| !line.is_empty() && token::comment(line).is_none());
    let pairs = data.take(SAMPLE).map(split_note).map(|(key, note)| (key, first_word(note)));
    Ok(Box::new(Annotated { counts: options.flag("counts", false)?, lengths: extent::are_lengths(pairs) }))
}

/// How many lines are looked at to tell lengths from counts.
const SAMPLE: usize = 64;

/// The address of a line, and the remark after it.
fn split_note(line: &[u8]) -> (&[u8], &[u8]) {
    // Most addresses are dotted quads, which end within so many bytes.
    let quad_end = HostBits::of(line.get(..16).unwrap_or(line)).map(|bits| bits.host_end());
    let quad_end = quad_end.filter(|end| line.get(*end).is_some_and(is_mark));
    let end = quad_end.or_else(|| line.iter().position(is_mark)).unwrap_or(line.len());
    line.split_at_checked(end).unwrap_or((line, &[]))
}

fn is_mark(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t' | b';' | b',' | b'#')
}

/// The first word of a remark.
fn first_word(note: &[u8]) -> &[u8] {
    begin_of_word(note).split(is_mark).next().unwrap_or(&[])
}

/// A remark from its first word on.
fn begin_of_word(note: &[u8]) -> &[u8] {
    let note = after_marks(note);
    note.strip_prefix(b"to ").unwrap_or(note)
}

impl LineReader for Annotated {
    fn line(&self, line: &[u8], normalizer: &mut Normalizer<'_>) {
        if let Some(comment) = token::comment(line) {
            return header::comment(comment, normalizer);
        }
        let (key, note) = split_note(line);
        if note.is_empty() {
            return normalizer.address(token::unwrap(key), &Details::NONE);
        }
        if self.is_plain_count(key, note) && normalizer.fast_address(key, &Details::NONE) {
            return;
        }
        if let Some(mask) = after_mask_word(note) {
            let mask = first_word(mask);
            let read = if extent::is_mask(mask) { extent::pair(key, mask) } else { Err(ParseError::BadMask) };
            return ranges::emit(read, &Details::NONE, normalizer);
        }
        match note.trim_ascii_start() {
            note if says_not_bad(note) => normalizer.skip(Skip::Benign),
            // `first - last`, perhaps with a comment after it.
            [b'-', b' ', ..] => normalizer.address(token::before_comment(line), &Details::NONE),
            // `address /length`: no prefix, and more than an address.
            [b'/', digit, ..] if digit.is_ascii_digit() => normalizer.reject(ParseError::BadPrefix),
            _ => match self.extent(key, note) {
                Some(read) => ranges::emit(read, &Details::NONE, normalizer),
                None if !self.counts && may_be_length(key, note) => normalizer.reject(ParseError::BadPrefix),
                None => normalizer.address(token::unwrap(key), &self.details(note)),
            },
        }
    }
}

/// Whether the number after an address may be the length of its prefix: of a network, with none of its bits
/// left over.
fn may_be_length(key: &[u8], note: &[u8]) -> bool {
    let length = first_word(note);
    let read = || AddressRange::parse(&[key, b"/", length].concat());
    let is_short = token::is_digits(length) && token::number::<u8>(length).is_some_and(|bits| bits < 32);
    key.ends_with(b".0") && !note.contains(&b'#') && is_short && read().is_ok_and(|read| !read.host_bits)
}

/// What follows the word for a netmask or length, where a number follows it.
fn after_mask_word(note: &[u8]) -> Option<&[u8]> {
    const WORDS: [&[u8]; 3] = [b"mask", b"netmask", b"subnet mask"];
    let note = after_marks(note);
    if !matches!(note.first(), Some(b'm' | b'M' | b'n' | b'N' | b's' | b'S')) {
        return None;
    }
    let after = |word: &&[u8]| {
        let (head, rest) = note.split_at_checked(word.len())?;
        let rest = rest.trim_ascii_start();
        let rest = rest.strip_prefix(b"=").or(rest.strip_prefix(b":")).unwrap_or(rest).trim_ascii_start();
        let is_number = rest.first().is_some_and(|byte| byte.is_ascii_digit() || *byte == b'/');
        (head.eq_ignore_ascii_case(word) && is_number).then_some(rest)
    };
    WORDS.iter().find_map(after)
}

/// Whether a remark begins with a verdict that the address is not bad: `OK`, `# whitelisted`.
fn says_not_bad(note: &[u8]) -> bool {
    const VERDICTS: [&[u8]; 11] = [
        b"ok",
        b"permit",
        b"accept",
        b"allow",
        b"allowed",
        b"dunno",
        b"benign",
        b"trusted",
        b"whitelist",
        b"whitelisted",
        b"false positive",
    ];
    let marks = note.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b';' | b',' | b'#')).count();
    let note = note.get(marks..).unwrap_or(&[]);
    // Most remarks are numbers, or begin with another letter.
    if !note.first().is_some_and(|first| b"abdfoptwABDFOPTW".contains(first)) {
        return false;
    }
    VERDICTS.iter().any(|verdict| {
        let head = note.get(..verdict.len()).is_some_and(|head| head.eq_ignore_ascii_case(verdict));
        head && note.get(verdict.len()).is_none_or(|next| matches!(next, b' ' | b'\t' | b';' | b',' | b':'))
    })
}

impl Annotated {
    /// Whether a remark is a number and nothing else, which says nothing: the feed does not count, and the
    /// number is no length of a prefix.
    fn is_plain_count(&self, key: &[u8], note: &[u8]) -> bool {
        !self.counts && !self.lengths && !key.ends_with(b".0") && token::is_digits(after_marks(note))
    }

    /// The range of an address and of the netmask, length or last address that follows it. Two addresses that
    /// are not the ends of whole networks need not be a range.
    fn extent(&self, key: &[u8], note: &[u8]) -> Option<Result<AddressRange, ParseError>> {
        // An IPv4 address that ends in 0 is written so, or as a mapped one.
        let may_be_first = key.ends_with(b".0") || key.contains(&b':');
        if !self.lengths && !may_be_first && !begin_of_word(note).starts_with(b"255.") {
            return None;
        }
        let second = first_word(note);
        let is_mask = extent::looks_like_netmask(second) || self.lengths && token::is_digits(second);
        let are_ends = || match (Address::parse(key), Address::parse(second)) {
            (Ok(Address::V4(first)), Ok(Address::V4(last))) => first & 255 == 0 && last & 255 == 255,
            _ => false,
        };
        (is_mask || may_be_first && are_ends()).then(|| extent::pair(key, second))
    }

    fn details(&self, note: &[u8]) -> Details {
        let counted = if self.counts { token::number(note.trim_ascii()) } else { None };
        match counted {
            Some(lists) => Details { assessments: by_count(lists), ..Details::NONE },
            None => details(note),
        }
    }
}

/// The assessment of an address that so many lists hold.
fn by_count(lists: u32) -> Assessments {
    Assessments::EMPTY.with(match lists {
        0..3 => Assessment::Suspicious,
        3..5 => Assessment::Blacklist,
        5.. => Assessment::HighRisk,
    })
}

/// A remark without the marks before it.
fn after_marks(note: &[u8]) -> &[u8] {
    let marks = note.iter().take_while(|byte| is_mark(byte)).count();
    note.get(marks..).unwrap_or(&[])
}

/// The details that a remark states: a time at its beginning, or categories before a country code.
fn details(note: &[u8]) -> Details {
    let note = after_marks(note);
    let found = categories(note);
    let assessments = if found.is_empty() && is_clearance(note) { TRUSTED } else { found };
    Details { last_seen: leading_time(note), assessments, ..Details::NONE }
}

const TRUSTED: Assessments = Assessments::EMPTY.with(Assessment::Trustworthy);

/// Whether a remark says nothing but that the address is not bad.
fn is_clearance(note: &[u8]) -> bool {
    note.len() <= CLEARANCE_MAX
        && note
            .first()
            .is_some_and(|letter| letter.is_ascii_alphabetic() && taxonomy::begins_trusted(*letter))
        && std::str::from_utf8(note).is_ok_and(|note| taxonomy::assessments(note) == TRUSTED)
}

/// The longest remark that can be a clearance, in bytes.
const CLEARANCE_MAX: usize = 32;

fn leading_time(note: &[u8]) -> Option<rapsheet_snapshot::Time> {
    let shaped = note.first().is_some_and(u8::is_ascii_digit) && note.get(4) == Some(&b'-');
    let end = note.iter().position(|byte| matches!(byte, b'\t' | b';' | b',')).unwrap_or(note.len());
    shaped.then(|| timestamp::parse(note.get(..end)?.trim_ascii())).flatten()
}

/// AlienVault's categories, which precede the country code. They are compared as prefixes, because no
/// separator follows them.
const CATEGORIES: &[(&[u8], Assessment)] = &[
    (b"Malicious Host", Assessment::Botnet),
    (b"C&C", Assessment::Botnet),
    (b"Malware Domain", Assessment::Malware),
    (b"Malware IP", Assessment::Malware),
    (b"Malware distribution", Assessment::Malware),
    (b"Scanning Host", Assessment::Scanner),
    (b"Spamming", Assessment::Spam),
];

fn categories(note: &[u8]) -> Assessments {
    // All categories begin with one of these letters, and most remarks are one word.
    let may_be_category = matches!(note.first(), Some(b'C' | b'M' | b'S'));
    if !may_be_category && memchr::memchr(b';', note).is_none() {
        return Assessments::EMPTY;
    }
    let words = note.split(|byte| *byte == b';').map(<[u8]>::trim_ascii_start);
    let found = words.filter_map(|word| CATEGORIES.iter().find(|(category, _)| word.starts_with(category)));
    found.map(|(_, assessment)| *assessment).collect()
}

#[cfg(test)]
mod tests {
    use crate::pipeline::testing::{read_events, render};

    #[test]
    fn first_token_is_the_address() {
        let text = "45.9.20.5\t10\n45.9.21.0/24 # scanners.example\n45.9.20.6             # one.example\n\
                    45.9.22.0 mask 255.255.255.0\n45.9.23.0 netmask 255.0.255.0\n45.9.24.0\t24\n\
                    C45.9.20.7 # typo\n/w00tw00t.at.example:)\n# Entries: 4\n45.9.20.8 OK\n45.9.20.9 # Whitelisted, by hand\n45.9.20.10 # okay.example\n";
        let expected = [
            "ip 45.9.20.5",
            "cidr 45.9.21.0/24",
            "ip 45.9.20.6",
            "cidr 45.9.22.0/24",
            "REJECT bad-mask",
            "REJECT bad-prefix",
            "REJECT bad-ip",
            "REJECT path-only",
            "SKIP header",
            "SKIP benign",
            "SKIP benign",
            "ip 45.9.20.10",
        ];
        assert_eq!(render("plain-ip-annotated", &[], text), expected);
    }

    #[test]
    fn knows_the_first_letters_of_categories() {
        let letters = super::CATEGORIES.iter().filter_map(|(category, _)| category.first());
        assert!(letters.clone().all(|letter| b"CMS".contains(letter)) && letters.count() > 0);
    }

    #[test]
    fn reads_times_categories_and_counts() {
        let text = "45.9.20.5; 2026-03-21 12:55:03; hits: 1; total: 1\n45.9.20.6\t\t# 2026-03-22 09:11:03\t\t56\t7\n\
                    45.9.20.7 # Malicious Host;Scanning Host KR,,37.5,126.9\n";
        let events = read_events("plain-ip-annotated", &[], text);
        assert_eq!(events[0].detect_time.as_deref(), Some("2026-03-21T12:55:03Z"));
        assert_eq!(events[1].detect_time.as_deref(), Some("2026-03-22T09:11:03Z"));
        assert_eq!(events[2].assessments, ["botnet", "scanner"]);
        let counted =
            read_events("plain-ip-annotated", &[("counts", "true")], "45.9.20.5\t10\n45.9.20.6\t2\n");
        assert_eq!(counted[0].assessments, ["high risk"]);
        assert_eq!(counted[1].assessments, ["suspicious"]);
    }
}
