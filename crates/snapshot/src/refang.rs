//! Refanging: restoring indicators that were defanged with `hxxp`, `[.]`, `(dot)` and similar spellings.
//!
//! Text without such spellings, which is nearly all text, is returned as it is. In running text every offset
//! can be mapped back to its original.

use std::borrow::Cow;

/// Defanged spellings and their replacements. Longer spellings come first, because shorter ones are parts of
/// them.
const SPELLINGS: &[(&[u8], &[u8])] = &[
    (b"[://]", b"://"),
    (b"[dot]", b"."),
    (b"(dot)", b"."),
    (b"{dot}", b"."),
    (b"[.]", b"."),
    (b"(.)", b"."),
    (b"{.}", b"."),
    (b"[:]", b":"),
    (b"[@]", b"@"),
    (b"[at]", b"@"),
    (b"[/]", b"/"),
    (b"\\.", b"."),
];

const SCHEMES: &[(&[u8], &[u8])] =
    &[(b"hxxps", b"https"), (b"hxxp", b"http"), (b"fxps", b"ftps"), (b"fxp", b"ftp")];

/// How many levels of nested spellings are replaced. Two occur; without a bound a line of brackets would take
/// quadratic time.
const ROUNDS_MAX: usize = 4;

/// The text with every defanged spelling replaced, also nested ones.
pub fn refang(text: &[u8]) -> Cow<'_, [u8]> {
    let mut text = Cow::Borrowed(text);
    for _ in 0..ROUNDS_MAX {
        match replace_level(&text) {
            Some(better) => text = Cow::Owned(better),
            None => break,
        }
    }
    text
}

fn replace_level(text: &[u8]) -> Option<Vec<u8>> {
    let scheme = scheme_spelling(text);
    // A fold has no early exit, so that the compiler vectorises it.
    let brackets = text.iter().fold(false, |seen, byte| seen | matches!(byte, b'[' | b'(' | b'{' | b'\\'));
    if scheme.is_none() && !brackets {
        return None;
    }
    let (cut, mut out) = scheme.map_or((0, Vec::new()), |(from, to)| (from.len(), to.to_vec()));
    let mut rest = text.get(cut..).unwrap_or(&[]);
    let mut changed = scheme.is_some();
    while let Some(byte) = rest.first() {
        let spelling = SPELLINGS.iter().find(|(from, _)| starts_with_ignore_case(rest, from));
        let (width, put) = spelling.map_or((1, std::slice::from_ref(byte)), |(from, to)| (from.len(), *to));
        changed |= spelling.is_some();
        out.extend_from_slice(put);
        rest = rest.get(width..).unwrap_or(&[]);
    }
    changed.then_some(out)
}

/// Running text with every defanged spelling replaced, and the original offsets.
#[derive(Debug, Default)]
pub struct Refanged {
    text: Vec<u8>,
    before: Vec<u8>,
    /// For each round, the offset of each replacement in its text, and how many bytes the text up to there
    /// lost.
    rounds: Vec<Vec<(usize, usize)>>,
}

impl Refanged {
    /// Refangs a text, reusing the buffers.
    pub fn read(&mut self, text: &[u8]) {
        self.rounds.clear();
        self.before.clear();
        self.before.extend_from_slice(text);
        for _ in 0..ROUNDS_MAX {
            let lost = replace_once(&self.before, &mut self.text);
            let is_done = lost.is_empty();
            self.rounds.push(lost);
            if is_done {
                return;
            }
            std::mem::swap(&mut self.text, &mut self.before);
        }
        std::mem::swap(&mut self.text, &mut self.before);
    }

    /// The refanged text.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// The offset in the original text of a byte of [`Refanged::text`].
    pub fn original_offset(&self, at: usize) -> usize {
        self.rounds.iter().rev().fold(at, |at, lost| {
            let behind = lost.partition_point(|(offset, _)| *offset < at);
            at + behind.checked_sub(1).and_then(|last| lost.get(last)).map_or(0, |(_, lost)| *lost)
        })
    }
}

/// Replaces one level of spellings, and schemes where words begin.
fn replace_once(text: &[u8], out: &mut Vec<u8>) -> Vec<(usize, usize)> {
    out.clear();
    let (mut lost, mut total, mut at, mut copied) = (Vec::new(), 0, 0, 0);
    while let Some(width) = text.get(at..).and_then(|rest| rest.iter().position(|byte| may_begin(*byte))) {
        at += width;
        let rest = text.get(at..).unwrap_or(&[]);
        let is_word =
            at.checked_sub(1).and_then(|before| text.get(before)).is_some_and(u8::is_ascii_alphanumeric);
        let scheme = if is_word { None } else { scheme_spelling(rest) };
        let spelling = scheme
            .or_else(|| SPELLINGS.iter().copied().find(|(from, _)| starts_with_ignore_case(rest, from)));
        let Some((from, to)) = spelling else {
            at += 1;
            continue;
        };
        out.extend_from_slice(text.get(copied..at).unwrap_or(&[]));
        out.extend_from_slice(to);
        total += from.len() - to.len();
        // The replacement begins where the spelling began; offsets after it are shifted.
        lost.push((out.len() - to.len(), total));
        at += from.len();
        copied = at;
    }
    out.extend_from_slice(text.get(copied..).unwrap_or(&[]));
    lost
}

/// Whether a spelling may begin with this byte.
fn may_begin(byte: u8) -> bool {
    matches!(byte, b'[' | b'(' | b'{' | b'\\' | b'h' | b'H' | b'f' | b'F')
}

fn scheme_spelling(text: &[u8]) -> Option<(&'static [u8], &'static [u8])> {
    if !matches!(text, [b'h' | b'H' | b'f' | b'F', b'x' | b'X', ..]) {
        return None;
    }
    SCHEMES.iter().copied().find(|(from, _)| {
        let after = text.get(from.len()).copied();
        starts_with_ignore_case(text, from) && matches!(after, Some(b':' | b'[' | b'(' | b'{'))
    })
}

fn starts_with_ignore_case(text: &[u8], prefix: &[u8]) -> bool {
    text.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defanged_spellings_are_replaced() {
        for (text, plain) in [
            ("hxxps[:]//evil-bank[.]com/a", "https://evil-bank.com/a"),
            ("hXXp://evil(dot)com", "http://evil.com"),
            ("45.9.20(.)5", "45.9.20.5"),
            ("evil[[.]]com", "evil[.]com"),
            ("evil\\.com", "evil.com"),
        ] {
            let want = plain.replace("[.]", ".");
            assert_eq!(String::from_utf8_lossy(&refang(text.as_bytes())), want, "{text}");
        }
    }

    #[test]
    fn plain_text_is_borrowed() {
        assert!(matches!(refang(b"http://evilpanel.com/a"), Cow::Borrowed(_)));
        assert!(matches!(refang(b"[2001:980::1]:443"), Cow::Borrowed(_)));
    }

    #[test]
    fn offsets_map_back_to_the_original() {
        let text = b"see hxxps[:]//evil-bank[.]com/a, (45[.]9(dot)20[[.]]5) and xhxxp://b[1].c";
        let mut refanged = Refanged::default();
        refanged.read(text);
        let plain = String::from_utf8_lossy(refanged.text()).into_owned();
        assert_eq!(plain, "see https://evil-bank.com/a, (45.9.20.5) and xhxxp://b[1].c");
        for (what, was) in [
            ("see", "see"),
            ("https", "hxxps"),
            ("/a,", "/a,"),
            ("45.9", "45[.]"),
            ("5)", "5)"),
            ("].c", "].c"),
        ] {
            let place = refanged.original_offset(plain.find(what).expect("it is there"));
            assert!(text[place..].starts_with(was.as_bytes()), "{what} at {place}");
        }
        refanged.read(b"nothing [here]");
        assert_eq!((refanged.text(), refanged.original_offset(9)), (b"nothing [here]".as_slice(), 9));
    }

    proptest::proptest! {
        #[test]
        fn running_text_is_refanged_word_by_word(words in proptest::collection::vec("(hxxp|fxps|[a-c.]|\\[|\\]|\\.|dot|\\(|\\)|:|/|\\\\){0,9}", 0..8)) {
            let text = words.join(" ");
            let mut refanged = Refanged::default();
            refanged.read(text.as_bytes());
            let found = String::from_utf8_lossy(refanged.text()).into_owned();
            for (word, found) in text.split(' ').zip(found.split(' ')) {
                // In running text a scheme may stand after a bracket, too; `refang` takes one word.
                if !word.get(1..).is_some_and(|rest| rest.contains('x')) {
                    let expected = refang(word.as_bytes());
                    proptest::prop_assert_eq!(found.as_bytes(), expected.as_ref());
                }
            }
            let places: Vec<usize> = (0..refanged.text().len()).map(|at| refanged.original_offset(at)).collect();
            proptest::prop_assert!(places.is_sorted() && places.iter().all(|at| *at < text.len()));
            for (at, place) in places.iter().enumerate() {
                let byte = refanged.text()[at];
                proptest::prop_assert!(byte != b' ' || text.as_bytes()[*place] == b' ');
            }
        }
    }
}
