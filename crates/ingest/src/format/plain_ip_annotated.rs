//! `plain-ip-annotated`: an address or prefix, a separator, and a remark.
//!
//! `192.0.2.7 # Scanning Host US,,37.75,-97.82` (AlienVault),
//! `192.0.2.7<TAB><TAB># 2026-03-22 09:11:03<TAB>…` (BruteForceBlocker), `192.0.2.7<TAB>10` (ipsum: how many
//! lists hold the address). The separator is a blank, a TAB or one of `;`, `,`, `#`.
//!
//! A remark may be a count, a reverse name or prose. Two kinds are read: a time at its beginning is the last
//! sighting, and a category of AlienVault is an assessment. A bare number may be anything, so it is read as a
//! count of lists only where the feed says so (option `counts`).

use super::{Format, Head, LineReader, OpenError, Shape, header};
use crate::entry::timestamp;
use crate::entry::{Details, Normalizer, Skip};
use crate::format::options::{OptionRow, Options};
use crate::format::token;
use rapsheet_snapshot::{Assessment, Assessments, Kinds};

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
}

fn open(options: &Options, _: Head<'_>) -> Result<Box<dyn LineReader>, OpenError> {
    Ok(Box::new(Annotated { counts: options.flag("counts", false)? }))
}

impl LineReader for Annotated {
    fn line(&self, line: &[u8], normalizer: &mut Normalizer<'_>) {
        if let Some(comment) = token::comment(line) {
            return header::comment(comment, normalizer);
        }
        if normalizer.fast_address(line, &Details::NONE) {
            return;
        }
        let end = line.iter().position(|byte| matches!(byte, b' ' | b'\t' | b';' | b',' | b'#'));
        let (key, note) = line.split_at_checked(end.unwrap_or(line.len())).unwrap_or((line, &[]));
        if note.is_empty() {
            return normalizer.address(token::unwrap(key), &Details::NONE);
        }
        match note.trim_ascii_start() {
            note if says_not_bad(note) => normalizer.skip(Skip::Policy),
            // `first - last`, perhaps with a comment after it.
            [b'-', b' ', ..] => normalizer.address(token::before_comment(line), &Details::NONE),
            _ => normalizer.address(token::unwrap(key), &self.details(note)),
        }
    }
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
    VERDICTS.iter().any(|verdict| {
        let head = note.get(..verdict.len()).is_some_and(|head| head.eq_ignore_ascii_case(verdict));
        head && note.get(verdict.len()).is_none_or(|next| matches!(next, b' ' | b'\t' | b';' | b',' | b':'))
    })
}

impl Annotated {
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

/// The details that a remark states: a time at its beginning, or categories before a country code.
fn details(note: &[u8]) -> Details {
    let marks = note.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b';' | b',' | b'#')).count();
    let note = note.get(marks..).unwrap_or(&[]);
    Details { last_seen: leading_time(note), assessments: categories(note), ..Details::NONE }
}

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
                    C45.9.20.7 # typo\n/w00tw00t.at.example:)\n# Entries: 4\n45.9.20.8 OK\n45.9.20.9 # Whitelisted, by hand\n45.9.20.10 # okay.example\n";
        let expected = [
            "ip 45.9.20.5",
            "cidr 45.9.21.0/24",
            "ip 45.9.20.6",
            "REJECT bad-ip",
            "REJECT path-only",
            "SKIP header",
            "SKIP policy",
            "SKIP policy",
            "ip 45.9.20.10",
        ];
        assert_eq!(render("plain-ip-annotated", &[], text), expected);
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
