//! Undoing what people do to indicators so that nobody clicks them: `hxxp`, `[.]`, `(dot)` and their kin.
//!
//! Text without a trace of it, which is nearly all text, is handed back as it came. In running text every offset can be
//! traced back to where it was.

use std::borrow::Cow;

/// What stands for what. Longer spellings come first, because shorter ones are parts of them.
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

/// How often a spelling inside a spelling is put right. People nest two; a line of nothing but brackets would
/// otherwise cost the square of its length.
const ROUNDS_MAX: usize = 4;

/// The text with every defanged spelling put right, also where one stands inside another.
pub fn refang(text: &[u8]) -> Cow<'_, [u8]> {
    let mut text = Cow::Borrowed(text);
    for _ in 0..ROUNDS_MAX {
        match one_round(&text) {
            Some(better) => text = Cow::Owned(better),
            None => break,
        }
    }
    text
}

fn one_round(text: &[u8]) -> Option<Vec<u8>> {
    let scheme = scheme_spelling(text);
    // Without a way out of the loop, so that it is done many bytes at a time.
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

/// Running text with every defanged spelling put right, and where its bytes stood before.
#[derive(Debug, Default)]
pub struct Refanged {
    text: Vec<u8>,
    before: Vec<u8>,
    /// For each round, where in its text a spelling was put right, and how many bytes it and those before it lost.
    rounds: Vec<Vec<(usize, usize)>>,
}

impl Refanged {
    /// Reads a text, in memory that is used again.
    pub fn read(&mut self, text: &[u8]) {
        self.rounds.clear();
        self.before.clear();
        self.before.extend_from_slice(text);
        for _ in 0..ROUNDS_MAX {
            let lost = put_right(&self.before, &mut self.text);
            let is_done = lost.is_empty();
            self.rounds.push(lost);
            if is_done {
                return;
            }
            std::mem::swap(&mut self.text, &mut self.before);
        }
        std::mem::swap(&mut self.text, &mut self.before);
    }

    /// The text as nobody changed it.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// Where in the text that was read a byte of [`Refanged::text`] stood.
    pub fn place(&self, at: usize) -> usize {
        self.rounds.iter().rev().fold(at, |at, lost| {
            let behind = lost.partition_point(|(place, _)| *place < at);
            at + behind.checked_sub(1).and_then(|last| lost.get(last)).map_or(0, |(_, lost)| *lost)
        })
    }
}

/// Puts one round of spellings right, schemes where words begin.
fn put_right(text: &[u8], out: &mut Vec<u8>) -> Vec<(usize, usize)> {
    out.clear();
    let (mut lost, mut total, mut at, mut copied) = (Vec::new(), 0, 0, 0);
    while let Some(width) = text.get(at..).and_then(|rest| rest.iter().position(|byte| is_sign(*byte))) {
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
        // What begins with the spelling stands where it stood; what follows is further on.
        lost.push((out.len() - to.len(), total));
        at += from.len();
        copied = at;
    }
    out.extend_from_slice(text.get(copied..).unwrap_or(&[]));
    lost
}

/// Whether a spelling may begin with this byte.
fn is_sign(byte: u8) -> bool {
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
    fn spellings_are_put_right() {
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
    fn places_in_running_text_are_traced_back() {
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
            let place = refanged.place(plain.find(what).expect("it is there"));
            assert!(text[place..].starts_with(was.as_bytes()), "{what} at {place}");
        }
        refanged.read(b"nothing [here]");
        assert_eq!((refanged.text(), refanged.place(9)), (b"nothing [here]".as_slice(), 9));
    }

    proptest::proptest! {
        #[test]
        fn running_text_is_put_right_word_by_word(words in proptest::collection::vec("(hxxp|fxps|[a-c.]|\\[|\\]|\\.|dot|\\(|\\)|:|/|\\\\){0,9}", 0..8)) {
            let text = words.join(" ");
            let mut refanged = Refanged::default();
            refanged.read(text.as_bytes());
            let found = String::from_utf8_lossy(refanged.text()).into_owned();
            for (word, found) in text.split(' ').zip(found.split(' ')) {
                // A question is one word; in running text a scheme may stand behind a bracket, too.
                if !word.get(1..).is_some_and(|rest| rest.contains('x')) {
                    let expected = refang(word.as_bytes());
                    proptest::prop_assert_eq!(found.as_bytes(), expected.as_ref());
                }
            }
            let places: Vec<usize> = (0..refanged.text().len()).map(|at| refanged.place(at)).collect();
            proptest::prop_assert!(places.is_sorted() && places.iter().all(|at| *at < text.len()));
            for (at, place) in places.iter().enumerate() {
                let byte = refanged.text()[at];
                proptest::prop_assert!(byte != b' ' || text.as_bytes()[*place] == b' ');
            }
        }
    }
}
