//! The keys of a JSON text, and how deep each of them lies.
//!
//! A text that is cut in the middle has keys, too, so this is no parser: it knows strings, braces, brackets
//! and colons, and that is all. Keys inside strings are not seen, which is the point of it.

use std::collections::BTreeSet;

/// How deep keys are told apart. No layout is recognized by what lies deeper.
const DEPTH_MAX: usize = 15;

/// The keys of a text.
pub(super) struct Keys<'t>(BTreeSet<(usize, &'t [u8])>);

impl<'t> Keys<'t> {
    /// The keys of `text`; a key at depth 1 belongs to an outermost object.
    pub(super) fn of(text: &'t [u8]) -> Keys<'t> {
        let (mut keys, mut depth, mut at) = (BTreeSet::new(), 0_usize, 0);
        while let Some(byte) = text.get(at) {
            at += 1;
            match byte {
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth = depth.saturating_sub(1),
                b'"' => {
                    let end = string_end(text, at);
                    let rest = text.get(end + 1..).unwrap_or(&[]).trim_ascii_start();
                    if rest.starts_with(b":") && depth <= DEPTH_MAX {
                        keys.insert((depth, text.get(at..end).unwrap_or(&[])));
                    }
                    at = end + 1;
                }
                _ => {}
            }
        }
        Keys(keys)
    }

    /// Whether there is such a key, at any depth.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(_, key)| *key == name.as_bytes())
    }

    /// Whether an outermost object has such a key.
    pub(super) fn has_at_top(&self, name: &str) -> bool {
        self.has_at(1, name)
    }

    /// Whether there is such a key at this depth: an array is a level, too.
    pub(super) fn has_at(&self, depth: usize, name: &str) -> bool {
        self.0.contains(&(depth, name.as_bytes()))
    }

    /// The first of these names that is a key.
    pub(super) fn any(&self, names: &[&str]) -> Option<String> {
        names.iter().find(|name| self.has(name)).map(|name| format!("it has a key `{name}`"))
    }
}

/// Where the string that begins at `from` ends: at its closing quote, or with the text.
fn string_end(text: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(found) = memchr::memchr2(b'"', b'\\', text.get(at..).unwrap_or(&[])) {
        at += found;
        if text.get(at) == Some(&b'"') {
            return at;
        }
        at += 2;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::Keys;

    #[test]
    fn finds_keys_and_not_texts_that_look_like_them() {
        let keys = Keys::of(br#"{"a":"\"b\": {","c" : [{"d":1}],"e":"f","g":"cut"#);
        for (name, at_top, anywhere) in [
            ("a", true, true),
            ("b", false, false),
            ("c", true, true),
            ("d", false, true),
            ("f", false, false),
        ] {
            assert_eq!((keys.has_at_top(name), keys.has(name)), (at_top, anywhere), "{name}");
        }
    }
}
