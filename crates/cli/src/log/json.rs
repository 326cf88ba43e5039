//! JSON, an object a line. A field is named by its keys, joined by dots where objects are nested.
//!
//! A line is walked once, byte by byte, without building a value: a parser would allocate for each record,
//! and masking needs positions. A line that is not JSON has no fields.

use super::{
    Annotation, Fields, Kind, Log, RecordFormat, blank, copy_or_blank, first_line, line_len, timestamp,
};
use serde::Serialize;

/// The row of this kind.
pub(super) static KIND: Kind = Kind {
    name: "jsonl",
    aliases: &["ndjson"],
    description: "JSON Lines: Suricata's EVE, Zeek's, most others",
    detect: is_json,
    new_log: |_| Log::new(Json),
    reshape: None,
};

struct Json;

impl RecordFormat for Json {
    fn fields(&self) -> Fields<'_> {
        Fields::Any
    }

    fn mask(&self, block: &[u8], fields: &[String], out: &mut Vec<u8>) -> bool {
        mask(block, fields, |_| 0, out)
    }

    fn field(&self, record: &[u8], name: &str) -> Option<Vec<u8>> {
        field(record, name)
    }

    /// Each field is a walk over the record; most have no zone.
    fn zone(&self, record: &[u8]) -> Option<Vec<u8>> {
        let has = |word: &[u8]| memchr::memmem::find(record, word).is_some();
        let may_have = [b"\"t".as_slice(), b"\"T"].iter().any(|key| has(key))
            && [b"tz".as_slice(), b"TZ", b"Tz", b"one", b"ONE"].iter().any(|word| has(word));
        let mut names = timestamp::ZONE_SPELLINGS.iter().filter(|_| may_have);
        names.find_map(|name| field(record, name))
    }

    fn annotate(&self, record: &[u8], annotation: &Annotation<'_>, out: &mut Vec<u8>) {
        annotate(record, annotation, out);
    }
}

/// Whether a log begins with an object on its first line.
fn is_json(head: &[u8]) -> bool {
    let first = first_line(head).trim_ascii();
    let Some(inner) = first.strip_prefix(b"{") else { return false };
    let is_object = matches!(inner.trim_ascii_start().first(), Some(b'"' | b'}'));
    is_object && (first.ends_with(b"}") || !head.contains(&b'\n'))
}

/// Appends a copy of a block with everything but the values of `fields` blanked out; `false` without
/// `fields`: then nothing was appended. `object_start` returns where in a line its object begins.
pub(super) fn mask(
    block: &[u8],
    fields: &[String],
    object_start: impl Fn(&[u8]) -> usize,
    out: &mut Vec<u8>,
) -> bool {
    if fields.is_empty() {
        return false;
    }
    let mut start = 0;
    let mut path = Vec::new();
    while start < block.len() {
        let line = block.get(start..).map(|rest| rest.get(..line_len(rest)).unwrap_or(rest)).unwrap_or(&[]);
        let before = out.len();
        path.clear();
        let mut walk =
            FieldWalk { line, at: object_start(line), depth: 0, path: &mut path, fields, copied_to: 0, out };
        if walk.value().is_none() {
            // A truncated object: which fields its bytes belong to is not known, so the whole line is
            // blanked.
            out.truncate(before);
            out.extend(line.iter().map(|byte| blank(*byte)));
        } else {
            walk.copy_until(line.len(), false);
        }
        start += line.len();
    }
    true
}

/// The bytes of the value of a field.
pub(super) fn field(line: &[u8], name: &str) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    mask(line, &[name.to_owned()], |_| 0, &mut out);
    let value = out.trim_ascii();
    (!value.is_empty()).then(|| value.to_vec())
}

/// The length of the value that a text begins with; `None` where it is incomplete or no JSON.
pub(super) fn value_len(text: &[u8]) -> Option<usize> {
    let (mut path, mut out) = (Vec::new(), Vec::new());
    let mut walk =
        FieldWalk { line: text, at: 0, depth: 0, path: &mut path, fields: &[], copied_to: 0, out: &mut out };
    walk.value()?;
    Some(walk.at)
}

/// A walk over one line. Every method returns `None` where the line is not JSON.
struct FieldWalk<'w> {
    line: &'w [u8],
    at: usize,
    depth: u32,
    /// The keys of the current value, joined by dots.
    path: &'w mut Vec<u8>,
    fields: &'w [String],
    /// How much of the line was copied or blanked.
    copied_to: usize,
    out: &'w mut Vec<u8>,
}

/// A line with deeper nesting has no fields: the walk is recursive, and this bounds its stack.
const DEPTH_MAX: u32 = 64;

impl FieldWalk<'_> {
    fn copy_until(&mut self, end: usize, is_selected: bool) {
        copy_or_blank(self.line, self.copied_to, end, is_selected, self.out);
        self.copied_to = end;
    }

    fn peek(&mut self) -> Option<u8> {
        while self.line.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
        self.line.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// A value, which is copied if its path is selected.
    fn value(&mut self) -> Option<()> {
        let first = self.peek()?;
        let start = self.at;
        let is_selected = self.fields.iter().any(|field| field.as_bytes() == self.path.as_slice());
        // Nothing is selected inside a selected value, which is copied as a whole.
        let fields = if is_selected { std::mem::take(&mut self.fields) } else { self.fields };
        self.depth += 1;
        match first {
            _ if self.depth > DEPTH_MAX => None,
            b'{' => self.members(),
            b'[' => self.elements(),
            b'"' => self.string().map(|_| ()),
            _ => self.word(),
        }?;
        self.depth -= 1;
        if is_selected {
            self.fields = fields;
            self.copy_until(start, false);
            self.copy_until(self.at, true);
        }
        Some(())
    }

    fn members(&mut self) -> Option<()> {
        self.take(b'{')?;
        if self.peek()? == b'}' {
            return self.take(b'}');
        }
        loop {
            self.peek()?;
            let (from, to) = self.string()?;
            self.take(b':')?;
            let above = self.path.len();
            if above > 0 {
                self.path.push(b'.');
            }
            self.path.extend_from_slice(self.line.get(from..to)?);
            self.value()?;
            self.path.truncate(above);
            match self.peek()? {
                b',' => self.at += 1,
                _ => return self.take(b'}'),
            }
        }
    }

    fn elements(&mut self) -> Option<()> {
        self.take(b'[')?;
        if self.peek()? == b']' {
            return self.take(b']');
        }
        loop {
            self.value()?;
            match self.peek()? {
                b',' => self.at += 1,
                _ => return self.take(b']'),
            }
        }
    }

    /// A string; the range of its text, without the quotes.
    fn string(&mut self) -> Option<(usize, usize)> {
        self.take(b'"')?;
        let start = self.at;
        loop {
            let mark = memchr::memchr2(b'"', b'\\', self.line.get(self.at..)?)?;
            self.at += mark + 1;
            if self.line.get(self.at - 1) == Some(&b'"') {
                return Some((start, self.at - 1));
            }
            self.at += 1;
        }
    }

    /// A number, or `true`, `false`, `null`.
    fn word(&mut self) -> Option<()> {
        let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
        let length = self.line.get(self.at..)?.iter().take_while(is_part).count();
        self.at += length;
        (length > 0).then_some(())
    }
}

#[derive(Serialize)]
struct Object<'a> {
    status: Option<u8>,
    detected_by: usize,
    assessments: &'a [&'static str],
    indicators: &'a [&'a str],
    providers: &'a [&'a str],
}

/// The key of the member that is added.
const OUR_KEY: &str = "rapsheet";
/// Before a key of the record that is ours, or was ours in an earlier run.
const OWN: &str = "own_";

/// Appends an object with one more member; a line that is no object is appended as it is. A member of the
/// object that has our key is renamed to `own_rapsheet`: readers differ in which of two equal keys counts.
pub(super) fn annotate(line: &[u8], annotation: &Annotation<'_>, out: &mut Vec<u8>) {
    let body = line.trim_ascii_end();
    let inner = body.strip_suffix(b"}").filter(|_| body.trim_ascii_start().starts_with(b"{"));
    let Some(inner) = inner else { return out.extend_from_slice(line) };
    let Annotation { status, detected_by, assessments, indicators, providers } = annotation;
    let object = Object { status: *status, detected_by: *detected_by, assessments, indicators, providers };
    push_renamed(inner, out);
    if !inner.trim_ascii().ends_with(b"{") {
        out.push(b',');
    }
    out.extend_from_slice(b"\"rapsheet\":");
    // Writing to memory and serializing these types cannot fail.
    let _ = serde_json::to_writer(&mut *out, &object);
    out.push(b'}');
    out.extend_from_slice(line.get(body.len()..).unwrap_or(&[]));
}

/// Appends an object whose members do not have our key. Few objects have the name or an escape in them.
fn push_renamed(object: &[u8], out: &mut Vec<u8>) {
    let may_have = memchr::memmem::find(object, OUR_KEY.as_bytes()).is_some()
        || memchr::memmem::find(object, b"\\u").is_some();
    let mut copied_to = 0;
    for at in if may_have { own_keys(object) } else { Vec::new() } {
        out.extend_from_slice(object.get(copied_to..at).unwrap_or(&[]));
        out.extend_from_slice(OWN.as_bytes());
        copied_to = at;
    }
    out.extend_from_slice(object.get(copied_to..).unwrap_or(&[]));
}

/// The offsets of the keys of an object that are ours, once unescaped. Depth is counted, and not recursed
/// into: no nesting hides a key.
fn own_keys(object: &[u8]) -> Vec<usize> {
    let (mut keys, mut depth, mut is_key, mut at) = (Vec::new(), 0usize, false, 0);
    while let Some(byte) = object.get(at) {
        match byte {
            b'"' => {
                let end = at + string_len(object.get(at..).unwrap_or(&[]));
                if depth == 1 && is_key && object.get(at..end).is_some_and(is_ours) {
                    keys.push(at + 1);
                }
                (at, is_key) = (end, false);
                continue;
            }
            b'{' | b'[' => {
                depth += 1;
                is_key = depth == 1;
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' => is_key = depth == 1,
            _ => {}
        }
        at += 1;
    }
    keys
}

/// The length of a string with its quotes.
fn string_len(text: &[u8]) -> usize {
    let mut at = 1;
    while let Some(mark) = text.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        at += mark + 1;
        if text.get(at - 1) == Some(&b'"') {
            return at;
        }
        at += 1;
    }
    text.len()
}

/// Whether a key in quotes is ours, or one that an earlier run renamed.
fn is_ours(key: &[u8]) -> bool {
    let name: Option<String> = serde_json::from_slice(key).ok();
    name.is_some_and(|name| name.trim_start_matches(OWN) == OUR_KEY)
}
