//! Undoing what people do to indicators so that nobody clicks them: `hxxp`, `[.]`, `(dot)` and their kin.
//!
//! Text without a trace of it, which is nearly all text, is handed back as it came.

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
}
