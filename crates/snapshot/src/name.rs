//! Domain names: lower-case A-labels without a trailing dot.
//!
//! Strict IDNA rejects names that exist (`c_2_s.flash-cn.top`, `-250.starlink.ru`). Lenient IDNA accepts
//! empty labels and deletes invisible characters, which would turn a homograph into another name. The mapping
//! therefore comes from the `idna` crate, and all other rules are in this file. An ASCII name without an
//! A-label, the common case, takes one table look-up a byte.

use crate::ParseError;
use crate::host_bits::{BITS_MAX, HostBits};
use std::borrow::Cow;

/// The longest canonical name, in octets.
pub const NAME_MAX: usize = 253;
const LABEL_MAX: usize = 63;
/// The longest text that is given to the IDNA mapping, in bytes. A longer one never becomes a name, and
/// decoding an A-label takes quadratic time.
const MAPPED_MAX: usize = 4096;

/// Appends the canonical form of `text` to `out`. On an error `out` is unchanged.
pub fn canonical(text: &[u8], out: &mut Vec<u8>) -> Result<(), ParseError> {
    if let Some(lowered) = HostBits::of(text).and_then(|bits| lowered_of_bits(text, &bits)) {
        let start = out.len();
        out.extend_from_slice(text);
        if lowered.capitals != 0 {
            out.get_mut(start..).unwrap_or_default().make_ascii_lowercase();
        }
        return Ok(());
    }
    canonical_bytewise(text, out)
}

/// As [`canonical`], byte by byte: for long names, absolute ones, and those that the IDNA mapping has to see;
/// and what tests compare the other one with.
fn canonical_bytewise(text: &[u8], out: &mut Vec<u8>) -> Result<(), ParseError> {
    let mark = out.len();
    canonical_ascii(text, out).inspect_err(|_| out.truncate(mark)).and_then(|plain| {
        if plain {
            return Ok(());
        }
        out.truncate(mark);
        let mapped = to_ascii(text)?;
        canonical_ascii(mapped.as_bytes(), out).map(|_| ()).inspect_err(|_| out.truncate(mark))
    })
}

/// What [`scan_plain`] finds in a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlainName {
    /// How many dots it has.
    pub dots: usize,
    /// Where its last label begins.
    pub last_at: usize,
}

/// A name of at most 64 bytes whose canonical form is its text in lower case: what [`lowered`] finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoweredName {
    /// Its dots, a bit for each byte.
    pub dots: u64,
    /// Its capital letters; none where it is canonical already.
    pub capitals: u64,
}

impl LoweredName {
    /// Where its last label begins.
    #[inline]
    pub fn last_at(&self) -> usize {
        BITS_MAX - self.dots.leading_zeros() as usize
    }
}

/// Whether a text is a name whose canonical form is the same text in lower case: letters, digits, `-`, `_` and
/// dots, no A-label, a last label of letters only, at most 64 bytes. Most names of most lists and logs are;
/// other texts may be names, too, and [`canonical`] decides. A text that passes is neither an address nor a
/// URL, a pattern or a comment, and needs no other check.
#[inline]
pub fn lowered(text: &[u8]) -> Option<LoweredName> {
    lowered_of_bits(text, &HostBits::of(text)?)
}

/// As [`lowered`], given the bits of the text. A few operations on words, and no loop over labels.
#[inline(always)]
pub fn lowered_of_bits(text: &[u8], bits: &HostBits) -> Option<LoweredName> {
    let HostBits { all, letters, digits, dots, capitals, hyphens, underscores, .. } = *bits;
    let lowered = LoweredName { dots, capitals };
    let last_at = lowered.last_at();
    let starts = dots << 1 | 1;
    // At most 64 bytes, of which the last label has two or more, leave no room for a label of more than 63.
    let is_name = letters | digits | dots | hyphens | underscores == all
        && dots != 0
        && dots & starts == 0
        && text.len() >= last_at + 2
        && letters >> last_at == all >> last_at;
    // Two hyphens after the first two bytes of a label may be those of `xn--`.
    let may_be_mapped = hyphens & hyphens >> 1 & starts << 2 != 0;
    (is_name && !(may_be_mapped && has_a_label(text))).then_some(lowered)
}

/// Whether any label is an A-label, in any case.
#[cold]
fn has_a_label(text: &[u8]) -> bool {
    text.split(|byte| *byte == b'.')
        .any(|label| label.get(..4).is_some_and(|head| head.eq_ignore_ascii_case(b"xn--")))
}

/// Scans a text for a name that is already canonical: lower-case letters, digits, `-`, `_` and dots, no
/// A-label, and a last label of letters only. Most names of most lists are; other texts may be names, too. A
/// text that passes is neither an address nor a URL, a pattern or a comment, and needs no other check.
#[inline]
pub fn scan_plain(text: &[u8]) -> Option<PlainName> {
    match HostBits::of(text) {
        Some(bits) => plain_of_bits(text, &bits),
        None => scan_bytewise(text),
    }
}

/// As [`scan_plain`], given the bits of the text.
#[inline(always)]
pub fn plain_of_bits(text: &[u8], bits: &HostBits) -> Option<PlainName> {
    let name = lowered_of_bits(text, bits)?;
    let plain = PlainName { dots: name.dots.count_ones() as usize, last_at: name.last_at() };
    (name.capitals == 0).then_some(plain)
}

/// As [`scan_plain`], byte by byte: for long names, and what tests compare the other one with.
fn scan_bytewise(text: &[u8]) -> Option<PlainName> {
    let (mut dots, mut start) = (0, 0);
    for (at, byte) in text.iter().enumerate() {
        match PLAIN_CLASSES.get(usize::from(*byte)) {
            Some(PlainClass::Inner) => {}
            Some(PlainClass::Dot) if is_plain_label(text.get(start..at).unwrap_or(&[])) => {
                (dots, start) = (dots + 1, at + 1);
            }
            _ => return None,
        }
    }
    let last = text.get(start..).unwrap_or(&[]);
    let letters = last.iter().all(u8::is_ascii_lowercase);
    let fits = dots > 0 && letters && (2..=LABEL_MAX).contains(&last.len()) && text.len() <= NAME_MAX;
    fits.then_some(PlainName { dots, last_at: start })
}

/// Whether a label is neither empty nor too long, and not an A-label, which needs the IDNA mapping.
fn is_plain_label(label: &[u8]) -> bool {
    (1..=LABEL_MAX).contains(&label.len()) && !label.starts_with(b"xn--")
}

/// The class of a byte in a plain name.
#[derive(Clone, Copy)]
enum PlainClass {
    Inner,
    Dot,
    Other,
}

// A `for` over a slice is not const yet; the index is below 256 by the loop's own condition.
#[allow(clippy::indexing_slicing)]
const PLAIN_CLASSES: [PlainClass; 256] = {
    let mut table = [PlainClass::Other; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => PlainClass::Inner,
            b'.' => PlainClass::Dot,
            _ => PlainClass::Other,
        };
        byte += 1;
    }
    table
};

/// Maps a name with non-ASCII characters or A-labels by UTS-46 (non-transitional, lenient). Characters that
/// the mapping would delete are rejected instead.
pub(crate) fn to_ascii(text: &[u8]) -> Result<Cow<'_, str>, ParseError> {
    let unicode = std::str::from_utf8(text).map_err(|_| ParseError::BadEncoding)?;
    if text.len() > MAPPED_MAX {
        return Err(ParseError::BadHost);
    }
    if unicode.chars().any(is_deleted_by_mapping) {
        return Err(ParseError::BadIdna);
    }
    idna::domain_to_ascii_cow(text, idna::AsciiDenyList::EMPTY).map_err(|_| ParseError::BadIdna)
}

/// The characters that UTS-46 deletes and that occur in feeds.
fn is_deleted_by_mapping(character: char) -> bool {
    matches!(character, '\u{AD}' | '\u{200B}'..='\u{200D}' | '\u{2060}' | '\u{FEFF}' | '\u{180B}'..='\u{180F}' | '\u{FE00}'..='\u{FE0F}')
}

/// The class of a byte: its canonical form, or why a name cannot contain it.
const fn class(byte: u8) -> u8 {
    match byte {
        b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => byte,
        b'A'..=b'Z' => byte | 0x20,
        b'.' => DOT,
        128.. => WIDE,
        b'*' | b'[' | b']' | b'{' | b'}' | b'(' | b')' | b'|' | b'^' | b'$' | b'+' | b'?' | b'\\' => PATTERN,
        0..=0x1F | 0x7F => CONTROL,
        _ => FOREIGN,
    }
}

const DOT: u8 = 1;
const WIDE: u8 = 2;
const PATTERN: u8 = 3;
const CONTROL: u8 = 4;
const FOREIGN: u8 = 5;

// A `for` over a slice is not const yet; the index is below 256 by the loop's own condition.
#[allow(clippy::indexing_slicing)]
const CLASSES: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = class(byte as u8);
        byte += 1;
    }
    table
};

/// Copies `text` lower-cased and checks it. `Ok(false)` means that the name needs the IDNA mapping.
fn canonical_ascii(text: &[u8], out: &mut Vec<u8>) -> Result<bool, ParseError> {
    let text = text.strip_suffix(b".").unwrap_or(text);
    let start = out.len();
    let mut worst = 0;
    out.extend(text.iter().map(|byte| {
        let class = CLASSES.get(usize::from(*byte)).copied().unwrap_or(FOREIGN);
        match class {
            DOT => b'.',
            WIDE | PATTERN | CONTROL | FOREIGN => {
                worst = if worst == 0 || class < worst { class } else { worst };
                *byte
            }
            _ => class,
        }
    }));
    let name = out.get(start..).unwrap_or(&[]);
    match worst {
        0 => check_labels(name),
        WIDE if name.iter().all(|byte| !matches!(class(*byte), PATTERN | CONTROL | FOREIGN)) => Ok(false),
        WIDE => Err(first_error(name)),
        _ => Err(first_error(name)),
    }
}

fn first_error(name: &[u8]) -> ParseError {
    let mut faults = name.iter().map(|byte| class(*byte));
    if faults.clone().any(|class| class == CONTROL) {
        ParseError::ControlChar
    } else if faults.any(|class| class == PATTERN) {
        ParseError::Pattern
    } else {
        ParseError::BadHost
    }
}

/// Checks labels and lengths of a lower-case ASCII name. `Ok(false)` where an A-label must be validated.
fn check_labels(name: &[u8]) -> Result<bool, ParseError> {
    let mut dots = 0;
    let mut last_start = 0;
    let mut has_a_label = false;
    for (at, byte) in name.iter().enumerate() {
        if *byte == b'.' {
            check_label_width(at - last_start)?;
            last_start = at + 1;
            dots += 1;
        } else if *byte == b'x' && at == last_start {
            has_a_label |= name.get(at..).is_some_and(|rest| rest.starts_with(b"xn--"));
        }
    }
    let last = name.get(last_start..).unwrap_or(&[]);
    check_label_width(last.len())?;
    if dots == 0 {
        return Err(ParseError::SingleLabel);
    }
    if name.len() > NAME_MAX {
        return Err(ParseError::BadHost);
    }
    check_last_label(last)?;
    Ok(!has_a_label || is_canonical_idna(name)?)
}

fn check_label_width(width: usize) -> Result<(), ParseError> {
    if (1..=LABEL_MAX).contains(&width) { Ok(()) } else { Err(ParseError::BadLabel) }
}

/// Whether a label, in any case, can be the last one of a name: two letters or more, an A-label, or `i2p`,
/// the one root in use that has a digit.
pub fn is_last_label(label: &[u8]) -> bool {
    let letters = label.len() >= 2 && label.iter().all(u8::is_ascii_alphabetic);
    letters
        || label.get(..4).is_some_and(|head| head.eq_ignore_ascii_case(b"xn--"))
        || label.eq_ignore_ascii_case(b"i2p")
}

fn check_last_label(last: &[u8]) -> Result<(), ParseError> {
    if is_last_label(last) { Ok(()) } else { Err(ParseError::BadHost) }
}

/// Whether the mapping leaves a name with A-labels unchanged; an invalid A-label is rejected.
fn is_canonical_idna(name: &[u8]) -> Result<bool, ParseError> {
    let mapped = to_ascii(name)?;
    if mapped.as_bytes() == name { Ok(true) } else { Err(ParseError::BadIdna) }
}

/// Appends the name with its bytes reversed, which is how the index stores names: all names below
/// `example.com` then have the prefix `moc.elpmaxe.`.
pub fn reversed(name: &[u8], out: &mut Vec<u8>) {
    out.extend(name.iter().rev());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bits_and_bytes_agree(
            text in "[a-z0-9._-]{0,70}|[a-zA-Z0-9._/-]{0,30}|((xn|XN|ab)--|[a-zA-Z0-9_-]{1,30}\\.){1,4}[a-zA-Z0-9.]{1,4}",
        ) {
            let text = text.as_bytes();
            prop_assert_eq!(scan_plain(text), scan_bytewise(text));
            let (mut fast, mut slow) = (b"kept".to_vec(), b"kept".to_vec());
            prop_assert_eq!(canonical(text, &mut fast), canonical_bytewise(text, &mut slow));
            prop_assert_eq!(&fast, &slow);
            if let Some(name) = lowered(text) {
                prop_assert_eq!(&slow[4..], text.to_ascii_lowercase());
                prop_assert_eq!(name.capitals == 0, &slow[4..] == text);
                prop_assert_eq!(Some(name.last_at() - 1), text.iter().rposition(|byte| *byte == b'.'));
                prop_assert_eq!(name.dots.count_ones() as usize, text.iter().filter(|byte| **byte == b'.').count());
            }
        }

        #[test]
        fn plain_names_are_canonical(text in "[a-zA-Z0-9._/-]{0,30}|(xn--|[a-z0-9_-]{1,8}\\.){1,4}[a-z0-9]{1,4}") {
            if let Some(seen) = scan_plain(text.as_bytes()) {
                prop_assert_eq!(seen.dots, text.matches('.').count());
                prop_assert_eq!(seen.last_at, text.rfind('.').map_or(0, |dot| dot + 1));
                let mut out = Vec::new();
                prop_assert_eq!(canonical(text.as_bytes(), &mut out), Ok(()));
                prop_assert_eq!(out, text.as_bytes());
            }
        }
    }

    #[test]
    fn only_plain_names_pass_the_scan() {
        for plain in ["evilpanel.com", "a_b-c.1.example", "0.co"] {
            assert!(scan_plain(plain.as_bytes()).is_some(), "{plain}");
        }
        for other in [
            "Evil.com",
            "evil.com.",
            "a..com",
            ".com",
            "com",
            "evil.c",
            "evil.c0m",
            "xn--a.com",
            "a.xn--p1ai",
            "1.2.3.4",
            "a/b.com",
            "a b.com",
            "",
        ] {
            assert!(scan_plain(other.as_bytes()).is_none(), "{other}");
        }
    }

    fn read(text: &str) -> Result<String, ParseError> {
        let mut out = b"kept".to_vec();
        let result = canonical(text.as_bytes(), &mut out);
        assert!(out.starts_with(b"kept"));
        if result.is_err() {
            assert_eq!(out, b"kept", "an error leaves nothing behind");
        }
        result.map(|()| String::from_utf8_lossy(&out[4..]).into_owned())
    }

    #[test]
    fn canonicalises_names_from_feeds() {
        for (text, canonical) in [
            ("dingtaIk.tk", "dingtaik.tk"),
            ("asu12.store.", "asu12.store"),
            ("vakıfbank.com", "xn--vakfbank-vkb.com"),
            ("münchen-shop.de", "xn--mnchen-shop-thb.de"),
            ("xn--mnchen-shop-thb.de", "xn--mnchen-shop-thb.de"),
            ("support¬forum.org", "xn--supportforum-tqa.org"),
            ("c_2_s.flash-cn.top", "c_2_s.flash-cn.top"),
            ("-250.starlink.ru", "-250.starlink.ru"),
            ("Panel.I2P", "panel.i2p"),
            ("ダウンロードJ-A20260727022544.zip", "xn--j-a20260727022544-de5pnp0f43a9d6i.zip"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(canonical), "{text}");
        }
    }

    #[test]
    fn rejects_texts_that_are_not_names() {
        let long_label = format!("{}.com", "a".repeat(64));
        let long_name = format!("{}com", "abcdefghi.".repeat(26));
        for (text, error) in [
            ("asu12.store..", ParseError::BadLabel),
            ("a..evilpanel.com", ParseError::BadLabel),
            ("", ParseError::BadLabel),
            (".", ParseError::BadLabel),
            ("xn--a.com", ParseError::BadIdna),
            ("evil\u{200b}panel.com", ParseError::BadIdna),
            (&long_label, ParseError::BadLabel),
            (&long_name, ParseError::BadHost),
            ("localhost", ParseError::SingleLabel),
            ("corona helden", ParseError::BadHost),
            ("ads.*", ParseError::Pattern),
            ("evil\0panel.com", ParseError::ControlChar),
            ("0000153.0000255", ParseError::BadHost),
            ("loader.x", ParseError::BadHost),
            ("song.mp3", ParseError::BadHost),
        ] {
            assert_eq!(read(text), Err(error), "{text}");
        }
    }

    #[test]
    fn invalid_utf8_is_bad_encoding() {
        assert_eq!(canonical(b"evil\xffpanel.com", &mut Vec::new()), Err(ParseError::BadEncoding));
    }

    proptest::proptest! {
        #[test]
        fn canonical_is_a_fixed_point(text in "[a-zA-Z0-9._ä-ü-]{1,40}") {
            let mut once = Vec::new();
            if canonical(text.as_bytes(), &mut once).is_ok() {
                let mut twice = Vec::new();
                proptest::prop_assert_eq!(canonical(&once, &mut twice), Ok(()));
                proptest::prop_assert_eq!(once, twice);
            }
        }
    }
}
