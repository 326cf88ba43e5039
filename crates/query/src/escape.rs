//! Escapes that log writers put into text.
//!
//! | escape | written by |
//! |---|---|
//! | `\u001b`, `\u{1b}` | JSON, JavaScript, Rust: a UTF-16 unit or a character, in hex digits |
//! | `\x22` | nginx, Zeek, systemd: a byte, two hex digits |
//! | `\011`, `\042` | journald, coreutils: a byte, three octal digits; not a letter or a digit |
//! | `\e[` | shells: ESC |
//! | `\/`, `\=`, `\\|`, `\:` | JSON, CEF, LEEF, properties: punctuation, but `.` and `@` |
//! | `#011` | rsyslog: a control character, three octal digits |
//! | `^[[` | `cat -v`: ESC |
//! | `&amp;`, `&#38;`, `&#x26;` | XML, HTML: a character; also without end, as in `&amp;amp;quot;` |
//! | ESC `[31m`, ESC `]8;;` | terminals: colours and other control sequences of ECMA-48 |
//! | CSI `31m`, `\x9b` or U+009B | the same in one character; colours alone |
//! | `%2F`, `%u002F` | URLs: a byte or a character |
//! | `\n`, `\t`, `\r`, `\b`, `\f` | JSON: control characters |
//! | `^M`, `[31m`, `[31m[K` | `cat -v`, and terminals' colours whose ESC is lost |
//!
//! The first group is removed by [`remove`], percent escapes by [`percent_decoded`], because a URL contains
//! them rightly. The last three lines may also be no escape: `\n` is the end of a Windows path and the first
//! letter of a name. They stay; [`escape_end`] finds them, and both readings become questions.
//!
//! A line that is embedded in another, as container runtimes do it, has its backslashes doubled, perhaps more
//! than once. So any number of backslashes counts as one.

/// A control sequence of a terminal.
const ESC: u8 = 0x1B;
/// The control sequence introducer: ESC and `[` in one byte, or in UTF-8 after `\xC2`.
const CSI: u8 = 0x9B;
/// How far an entity or a control sequence is read, in bytes.
const ESCAPE_MAX: usize = 48;
/// What a control sequence becomes.
const BLANK: &[u8] = b" ";

/// A text without its escapes.
#[derive(Debug, Default)]
pub(crate) struct Unescaped {
    pub(crate) text: Vec<u8>,
    /// The offset after each escape in `text`, and how many bytes were lost up to there.
    shifts: Vec<(u32, u32)>,
    /// Whether a control sequence of a terminal stands within a word, such as a part that is highlighted.
    pub(crate) cuts_words: bool,
}

impl Unescaped {
    /// The offset in the original text of a byte of the text.
    pub(crate) fn original_offset(&self, at: usize) -> usize {
        let behind = self.shifts.partition_point(|(offset, _)| *offset as usize <= at);
        at + behind
            .checked_sub(1)
            .and_then(|last| self.shifts.get(last))
            .map_or(0, |(_, lost)| *lost as usize)
    }

    fn push(&mut self, plain: &[u8], width: usize) {
        self.text.extend_from_slice(plain);
        let lost = self.shifts.last().map_or(0, |(_, lost)| *lost);
        let more = width.saturating_sub(plain.len()) as u32;
        self.shifts.push((self.text.len() as u32, lost + more));
    }
}

/// What an escape stands for.
enum Plain {
    Character(char),
    /// A byte, which may be a part of a character.
    Byte(u8),
    /// A control sequence of a terminal.
    Sequence,
}

/// What becomes of the control sequences of terminals.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sequences {
    /// They end words, as blanks do.
    Cut,
    /// They vanish: `evil`, a colour, `panel.com` are one name.
    Join,
}

/// A text without the escapes of writers; `None` if it has none. Where an escape stands for an escape, as
/// `\u0026` in `\u0026lt;`, the text has that one.
pub(crate) fn remove(text: &[u8], sequences: Sequences) -> Option<Unescaped> {
    let may_begin = |byte: &u8| matches!(byte, &ESC | b'\\' | b'&' | b'#' | b'^' | 0xC2 | &CSI);
    replaced(text, may_begin, escape_at, sequences)
}

/// A text with its percent escapes decoded, one level; `None` if it has none. Bytes beyond ASCII that are no
/// UTF-8 stay: `%de.example.com` is a name.
pub(crate) fn percent_decoded(text: &[u8]) -> Option<Unescaped> {
    replaced(text, |byte| *byte == b'%', percent_at, Sequences::Cut)
}

fn replaced(
    text: &[u8],
    may_begin: impl Fn(&u8) -> bool,
    escape_at: impl Fn(&[u8], usize) -> Option<(usize, Plain)>,
    sequences: Sequences,
) -> Option<Unescaped> {
    let (mut out, mut at, mut copied) = (Unescaped::default(), 0, 0);
    // Whether a word goes up to the sequences just before.
    let mut is_after_word = false;
    while let Some(width) = text.get(at..).and_then(|rest| rest.iter().position(&may_begin)) {
        at += width;
        let Some((width, plain)) = escape_at(text, at) else {
            at += backslashes(text.get(at..).unwrap_or(&[])).max(1);
            continue;
        };
        let before = text.get(copied..at).unwrap_or(&[]);
        is_after_word = if before.is_empty() { is_after_word } else { before.last().is_some_and(is_in_word) };
        out.text.extend_from_slice(before);
        match plain {
            Plain::Byte(byte) => out.push(&[byte], width),
            Plain::Character(character) => {
                out.push(character.encode_utf8(&mut [0; 4]).as_bytes(), width);
            }
            Plain::Sequence if sequences == Sequences::Join => out.push(&[], width),
            Plain::Sequence => {
                out.cuts_words |= is_after_word && text.get(at + width).is_some_and(is_in_word);
                out.push(BLANK, width);
            }
        }
        at += width;
        copied = at;
    }
    if out.shifts.is_empty() {
        return None;
    }
    out.text.extend_from_slice(text.get(copied..).unwrap_or(&[]));
    Some(out)
}

fn is_in_word(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':')
}

/// The number of backslashes at the beginning of a text.
fn backslashes(text: &[u8]) -> usize {
    text.iter().take_while(|byte| **byte == b'\\').count()
}

/// The escape at an offset of a text: how long it is, and what it stands for.
fn escape_at(text: &[u8], at: usize) -> Option<(usize, Plain)> {
    let whole = text;
    let text = text.get(at..)?;
    match text.first()? {
        b'\\' => backslash(text),
        b'&' => entity(text),
        b'#' => {
            octal(text.get(1..)?).filter(|byte| byte.is_ascii_control()).map(|byte| (4, Plain::Byte(byte)))
        }
        b'^' => text.starts_with(b"^[[").then_some((2, Plain::Byte(ESC))),
        &ESC => Some((sequence_len(text), Plain::Sequence)),
        _ => short_colour_len(whole.get(..at)?, text).map(|width| (width, Plain::Sequence)),
    }
}

fn backslash(text: &[u8]) -> Option<(usize, Plain)> {
    let slashes = backslashes(text);
    let behind = text.get(slashes..)?;
    let (width, plain) = match behind {
        [b'u', b'{', digits @ ..] => {
            let width = digits.iter().take(7).position(|byte| *byte == b'}')?;
            (width + 3, Plain::Character(hex(digits, width).and_then(char::from_u32)?))
        }
        [b'u', digits @ ..] => (5, Plain::Character(character(hex(digits, 4)?))),
        [b'x', digits @ ..] => (3, Plain::Byte(hex(digits, 2)? as u8)),
        [b'e', b'[', ..] => (1, Plain::Byte(ESC)),
        [b'0'..=b'1', ..] => (3, Plain::Byte(octal(behind).filter(|byte| !byte.is_ascii_alphanumeric())?)),
        [b'2'..=b'3', ..] => {
            encoded_character(|nth| octal_at(behind, nth)).map(|(count, plain)| (4 * count - 1, plain))?
        }
        // `\.` is a defanged dot, and an `@` after a backslash separates no user from a host.
        [b'.' | b'@', ..] => return None,
        [byte, ..] if byte.is_ascii_punctuation() => (1, Plain::Byte(*byte)),
        _ => return None,
    };
    Some((slashes + width, plain))
}

/// The character of a UTF-16 unit. Halves of a pair separate words, as other characters beyond ASCII do.
fn character(unit: u32) -> char {
    char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// The value of the first `width` hex digits.
fn hex(text: &[u8], width: usize) -> Option<u32> {
    let digits = text.get(..width).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// The byte of three octal digits. Before a dot they are the beginning of an address: `\\100.64.1.2\c$`.
fn octal(text: &[u8]) -> Option<u8> {
    let digits = text.get(..3).filter(|digits| digits.iter().all(|byte| matches!(byte, b'0'..=b'7')))?;
    let text = std::str::from_utf8(digits).ok().filter(|_| text.get(3) != Some(&b'.'))?;
    u8::from_str_radix(text, 8).ok()
}

/// The entities with names that stand near indicators.
const ENTITIES: [(&[u8], u8); 24] = [
    (b"amp", b'&'),
    (b"AMP", b'&'),
    (b"lt", b'<'),
    (b"gt", b'>'),
    (b"quot", b'"'),
    (b"apos", b'\''),
    (b"nbsp", b' '),
    (b"NewLine", b'\n'),
    (b"Tab", b'\t'),
    (b"colon", b':'),
    (b"semi", b';'),
    (b"comma", b','),
    (b"period", b'.'),
    (b"sol", b'/'),
    (b"bsol", b'\\'),
    (b"commat", b'@'),
    (b"equals", b'='),
    (b"quest", b'?'),
    (b"num", b'#'),
    (b"percnt", b'%'),
    (b"lsqb", b'['),
    (b"rsqb", b']'),
    (b"lpar", b'('),
    (b"rpar", b')'),
];

/// The entity at the beginning of a text. Its ampersand may be an entity itself, any number of times.
fn entity(text: &[u8]) -> Option<(usize, Plain)> {
    let mut at = 1;
    let mut found = None;
    while let Some((width, character)) = text.get(at..).and_then(entity_body) {
        at += width;
        found = Some((at, Plain::Character(character)));
        if character != '&' {
            break;
        }
    }
    found
}

/// An entity without its ampersand.
fn entity_body(text: &[u8]) -> Option<(usize, char)> {
    let end = text.iter().take(10).position(|byte| *byte == b';')?;
    let body = text.get(..end)?;
    let character = match body {
        [b'#', b'x' | b'X', digits @ ..] => hex(digits, digits.len()).and_then(char::from_u32)?,
        [b'#', digits @ ..] => std::str::from_utf8(digits).ok()?.parse().ok().and_then(char::from_u32)?,
        _ => char::from(ENTITIES.iter().find(|(name, _)| *name == body)?.1),
    };
    Some((end + 1, if character == '\u{A0}' { ' ' } else { character }))
}

/// The length of the control sequence at the beginning of a text: ECMA-48's, and of strings only the opening.
fn sequence_len(text: &[u8]) -> usize {
    let inner = text.get(1..text.len().min(ESCAPE_MAX)).unwrap_or(&[]);
    let run = |from: usize, range: std::ops::RangeInclusive<u8>| {
        inner.iter().skip(from).take_while(|byte| range.contains(byte)).count()
    };
    let body = match inner.first() {
        Some(b'[') => 1 + run(1, b' '..=b'?'),
        _ => run(0, b' '..=b'/'),
    };
    1 + body + usize::from(inner.get(body).is_some_and(|byte| matches!(byte, b'0'..=b'~')))
}

/// The length of the colour that a CSI begins. The byte is also a part of characters and a quotation mark of
/// Windows, so alone it has ASCII before it, and in both forms a number and `m` or `K` behind it.
fn short_colour_len(before: &[u8], text: &[u8]) -> Option<usize> {
    let opening = if text.starts_with(&[0xC2]) { 2 } else { 1 };
    let is_whole = opening == 2 || before.last().is_none_or(u8::is_ascii);
    let inner = text.get(opening..)?;
    let is_parameter = |byte: &&u8| byte.is_ascii_digit() || **byte == b';';
    let width = inner.iter().take(ESCAPE_MAX).take_while(is_parameter).count();
    let ends = matches!(inner.get(width), Some(b'm' | b'K'));
    (is_whole && text.get(opening - 1) == Some(&CSI) && width > 0 && ends).then_some(opening + width + 1)
}

fn percent_at(text: &[u8], at: usize) -> Option<(usize, Plain)> {
    let escape = text.get(at..)?;
    if let [b'%', b'u' | b'U', digits @ ..] = escape {
        return Some((6, Plain::Character(character(hex(digits, 4)?))));
    }
    match percent_byte(escape)? {
        byte if !byte.is_ascii() => {
            let (count, plain) = encoded_character(|nth| percent_byte(escape.get(3 * nth..)?))?;
            Some((3 * count, plain))
        }
        byte if byte.is_ascii_alphanumeric() && is_zone(text.get(..at)?) => None,
        byte => Some((3, Plain::Byte(byte))),
    }
}

fn percent_byte(text: &[u8]) -> Option<u8> {
    text.strip_prefix(b"%").and_then(|digits| hex(digits, 2)).map(|value| value as u8)
}

/// A character beyond ASCII, each byte of which is escaped; `byte` gives the bytes.
fn encoded_character(byte: impl Fn(usize) -> Option<u8>) -> Option<(usize, Plain)> {
    let mut bytes = [0; 4];
    for count in 1..=4 {
        *bytes.get_mut(count - 1)? = byte(count - 1).filter(|byte| !byte.is_ascii())?;
        let read = bytes.get(..count).and_then(|bytes| std::str::from_utf8(bytes).ok());
        if let Some(character) = read.and_then(|text| text.chars().next()) {
            return Some((count, Plain::Character(character)));
        }
    }
    None
}

/// The byte of the octal escape number `nth` of a row of them, the first without its backslash.
fn octal_at(text: &[u8], nth: usize) -> Option<u8> {
    let digits = text.get(4 * nth..)?;
    (nth == 0 || text.get(4 * nth - 1) == Some(&b'\\')).then(|| octal(digits)).flatten()
}

/// Whether a text ends with an IPv6 address, so that a percent sign begins its zone id.
fn is_zone(before: &[u8]) -> bool {
    let is_address = |byte: &&u8| byte.is_ascii_hexdigit() || **byte == b':';
    let address = before.iter().rev().take(40).take_while(is_address);
    address.filter(|byte| **byte == b':').count() > 1
}

/// The end of the possible escape at the beginning of the word from `start` to `end`; `start` if there is
/// none: a letter after a backslash or a caret, or the rest of a colour whose ESC is lost.
#[inline]
pub(crate) fn escape_end(text: &[u8], start: usize, end: usize) -> usize {
    let before = start.checked_sub(1).and_then(|at| text.get(at));
    let word = text.get(start..end).unwrap_or(&[]);
    let width = match (before, word.first()) {
        (Some(b'\\'), Some(b'n' | b't' | b'r' | b'b' | b'f')) => 1,
        (Some(b'^'), Some(b'@'..=b'Z')) => 1,
        (Some(b'[' | b';'), Some(b'0'..=b'9')) => colour_len(text, start, word),
        (Some(b'['), Some(b'K')) if start >= 2 && text.get(start - 2) == Some(&b'm') => 1,
        _ => 0,
    };
    start + width
}

/// The length of the rest of a colour, `31m` of `[1;31m`, at the beginning of a word.
fn colour_len(text: &[u8], start: usize, word: &[u8]) -> usize {
    let digits = word.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let is_parameter = |byte: &&u8| byte.is_ascii_digit() || **byte == b';';
    let before = text.get(start.saturating_sub(ESCAPE_MAX)..start).unwrap_or(&[]);
    let parameters = before.iter().rev().take_while(is_parameter).count();
    let opening = before.len().checked_sub(parameters + 1).and_then(|at| before.get(at));
    match (opening, word.get(digits)) {
        (Some(b'['), Some(b'm')) if digits <= 3 => digits + 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn removed(text: &str) -> String {
        let found = remove(text.as_bytes(), Sequences::Cut);
        found.map_or_else(|| text.to_owned(), |found| String::from_utf8_lossy(&found.text).into_owned())
    }

    #[test]
    fn each_escape_of_the_table_is_removed() {
        for (text, plain) in [
            (r"a\/b\\/c\u0026d\\\u003de", "a/b/c&d=e"),
            (r"a\u{1b}\u{e9}\u00e9\ud83d", "a\u{1b}éé\u{fffd}"),
            (r"\x22a\x2db\xc3\xa9", "\"a-bé"),
            (r"a\011b\\042c\303\251", "a\tb\"cé"),
            (r"a\e[31m\033[0m", "a\u{1b}[31m\u{1b}[0m"),
            (r"a\=b\|c\:d\-e", "a=b|c:d-e"),
            ("a#011b#033[0m^[[1m", "a\tb\u{1b}[0m\u{1b}[1m"),
            ("a&amp;b&#38;c&#x26;d&quot;e&nbsp;f&#160;g", "a&b&c&d\"e f g"),
            ("&amp;amp;a&amp;lt;b&amp;#38;gt;&bsol;", "&a<b>\\"),
            ("a\u{9b}1;31mb\u{9b}0m ě1mc", "a b  ě1mc"),
            ("a\u{1b}[1;31mb\u{1b}[Kc\u{1b}(Bd\u{1b}]8;;e\u{1b}\\f", "a b c d 8;;e f"),
        ] {
            assert_eq!(removed(text), plain, "{text}");
        }
    }

    #[test]
    fn what_may_be_no_escape_stays() {
        for text in [
            r"C:\new\temp\file",
            r"evil\.com\@x\",
            r"\\100.64.1.2\c$",
            r"\101.5",
            r"\\2001:980::1\c$",
            r"\u12\x4\u{}\u{110000}",
            "a#12#0111.5#abc#041",
            "a&b=1&copy=2&lt&;&unknown;",
            "^M^x|",
        ] {
            assert!(remove(text.as_bytes(), Sequences::Cut).is_none() || text.contains("#0111"), "{text}");
        }
    }

    #[test]
    fn percent_escapes_are_decoded_one_level() {
        let decoded = |text: &str| {
            let found = percent_decoded(text.as_bytes());
            found.map_or_else(|| text.to_owned(), |found| String::from_utf8_lossy(&found.text).into_owned())
        };
        for (text, plain) in [
            ("http%3A%2F%2Fa%252Fb%2", "http://a%2Fb%2"),
            ("%65%76il%u002ecom", "evil.com"),
            ("m%C3%BCnchen%E2%80%9D", "münchen”"),
            ("%de.example.com%zz%", "%de.example.com%zz%"),
            ("fe80::1%41%20x", "fe80::1%41 x"),
        ] {
            assert_eq!(decoded(text), plain, "{text}");
        }
    }

    #[test]
    fn offsets_are_those_of_the_escaped_text() {
        let text = br"ab\u0026\/c&lt;d";
        let found = remove(text, Sequences::Cut).expect("it has escapes");
        assert_eq!(found.text, b"ab&/c<d");
        let places: Vec<usize> = (0..7).map(|at| found.original_offset(at)).collect();
        assert_eq!(places, [0, 1, 2, 8, 10, 11, 15]);
    }

    #[test]
    fn sequences_cut_words_or_vanish() {
        let text = b"evil\x1b[01;31m\x1b[Kpanel\x1b[m.com";
        let cut = remove(text, Sequences::Cut).expect("it has escapes");
        assert!(cut.cuts_words && cut.text == b"evil  panel .com");
        assert_eq!(remove(text, Sequences::Join).expect("it has escapes").text, b"evilpanel.com");
    }

    #[test]
    fn finds_the_end_of_what_may_be_an_escape() {
        for (text, start, end) in [
            (r"\nx", 1, 2),
            (r"\u00e9x", 1, 1),
            ("^Mx", 1, 2),
            ("^mx", 1, 1),
            ("[31mx", 1, 4),
            ("[1;31mx", 3, 6),
            ("x;31mx", 2, 2),
            ("[31m[Kx", 5, 6),
            ("a [Kx", 3, 3),
            ("[31x", 1, 1),
            ("nx", 0, 0),
        ] {
            assert_eq!(escape_end(text.as_bytes(), start, text.len()), end, "{text}");
        }
    }
}
