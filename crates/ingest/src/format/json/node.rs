//! Visits one level of a JSON document at a time.
//!
//! A document may have 64 MiB, so it is never parsed into a tree of values, which would take several times
//! that. A value stays a slice of the text; its members or elements are visited one by one, and those that
//! are not needed are only skipped. The `serde_json` crate reads the syntax; it skips nested values without
//! recursion.

use crate::entry::timestamp;
use rapsheet_snapshot::Time;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// The deepest level that is visited, because visitors recurse. No list comes near it.
pub(super) const DEPTH_MAX: usize = 32;

/// A value of a document, as a slice of its text.
pub(super) type Raw<'a> = &'a RawValue;

/// The kind of a value. `Word` is `true`, `false` or `null`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Object,
    Array,
    Text,
    Number,
    Word,
}

/// The kind of a value.
pub(super) fn kind(raw: Raw<'_>) -> Kind {
    match raw.get().as_bytes().first() {
        Some(b'{') => Kind::Object,
        Some(b'[') => Kind::Array,
        Some(b'"') => Kind::Text,
        Some(b't' | b'f' | b'n') | None => Kind::Word,
        Some(_) => Kind::Number,
    }
}

/// Visits the members of an object, in order; nothing happens for other values.
pub(super) fn members<'a>(raw: Raw<'a>, mut visit: impl FnMut(&str, Raw<'a>)) {
    if kind(raw) == Kind::Object {
        let mut reader = serde_json::Deserializer::from_str(raw.get());
        // The text was parsed as one value before, so this cannot fail.
        let _ = reader.deserialize_map(Members(&mut visit));
    }
}

/// Visits the elements of an array, in order; nothing happens for other values.
pub(super) fn elements<'a>(raw: Raw<'a>, mut visit: impl FnMut(Raw<'a>)) {
    if kind(raw) == Kind::Array {
        let mut reader = serde_json::Deserializer::from_str(raw.get());
        let _ = reader.deserialize_seq(Elements(&mut visit));
    }
}

/// The member with this name; the last one where there are several, as in other JSON parsers.
pub(super) fn member<'a>(raw: Raw<'a>, name: &str) -> Option<Raw<'a>> {
    let mut found = None;
    members(raw, |key, value| {
        if key == name {
            found = Some(value);
        }
    });
    found
}

/// The text of a scalar: a string with its escapes decoded, a number or a word as it is written; empty for
/// `null`, objects and arrays.
pub(super) fn text(raw: Raw<'_>) -> Cow<'_, str> {
    match kind(raw) {
        Kind::Text => {
            serde_json::from_str::<Unescaped<'_>>(raw.get()).map_or(Cow::Borrowed(""), |text| text.0)
        }
        Kind::Number => Cow::Borrowed(raw.get()),
        Kind::Word if raw.get() != "null" => Cow::Borrowed(raw.get()),
        Kind::Word | Kind::Object | Kind::Array => Cow::Borrowed(""),
    }
}

/// The text of a member; empty where there is none.
pub(super) fn text_of<'a>(raw: Raw<'a>, name: &str) -> Cow<'a, str> {
    member(raw, name).map_or(Cow::Borrowed(""), text)
}

/// The time that a member states; `None` where there is none that can be read.
pub(super) fn time_of(raw: Raw<'_>, name: &str) -> Option<Time> {
    timestamp::parse(text_of(raw, name).as_bytes())
}

/// The texts of an array with commas between them, or the text of a scalar.
pub(super) fn joined(raw: Raw<'_>) -> Cow<'_, str> {
    if kind(raw) != Kind::Array {
        return text(raw);
    }
    let mut all = Vec::new();
    elements(raw, |element| all.push(text(element)));
    Cow::Owned(all.join(","))
}

/// A string that borrows from the document unless it has escapes.
#[derive(serde::Deserialize)]
struct Unescaped<'a>(#[serde(borrow)] Cow<'a, str>);

struct Members<'v, F>(&'v mut F);

impl<'a, F: FnMut(&str, Raw<'a>)> Visitor<'a> for Members<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(Unescaped(name)) = map.next_key()? {
            (self.0)(&name, map.next_value()?);
        }
        Ok(())
    }
}

struct Elements<'v, F>(&'v mut F);

impl<'a, F: FnMut(Raw<'a>)> Visitor<'a> for Elements<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(element) = seq.next_element()? {
            (self.0)(element);
        }
        Ok(())
    }
}
