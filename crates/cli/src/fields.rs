//! The fields that `--field` and `--time-field` name: whether an input has them, and which it has.
//!
//! The fields of most logs are known from their kind or their header. Those of JSON and of lines of keys and
//! values are the keys of their records; the keys of the first megabyte count, or of the whole input where it is shorter. A name with a slip in it would
//! otherwise find nothing, which looks like a log without matches.

use crate::args::Score;
use crate::log::Log;
use crate::names;
use serde_json::{Deserializer, Value};
use std::collections::HashSet;

/// How much of an input is searched for a key, in bytes.
const SEARCHED_MAX: usize = 1 << 20;

/// The search for the named fields in one input.
#[derive(Clone, Debug, Default)]
pub(crate) struct FieldSearch {
    wanted: Vec<NamedField>,
    /// The fields that there are.
    known: FieldNames,
    searched: usize,
    has_fields: bool,
}

/// Names in the order in which they were found.
#[derive(Clone, Debug, Default)]
struct FieldNames {
    names: Vec<String>,
    all: HashSet<String>,
}

impl FieldNames {
    fn add(&mut self, name: String) {
        if self.all.insert(name.clone()) {
            self.names.push(name);
        }
    }

    fn contains(&self, name: &str) -> bool {
        self.all.contains(name)
    }
}

#[derive(Clone, Debug)]
struct NamedField {
    flag: &'static str,
    name: String,
    is_found: bool,
}

impl FieldSearch {
    /// Searches for the fields that the arguments name.
    pub(crate) fn new(args: &Score) -> FieldSearch {
        let wanted = |flag| move |name: &String| NamedField { flag, name: name.clone(), is_found: false };
        let fields = args.fields.iter().map(wanted("--field"));
        let wanted = fields.chain(args.time_field.iter().map(wanted("--time-field"))).collect();
        FieldSearch { wanted, has_fields: true, ..FieldSearch::default() }
    }

    /// Searches the next block of the input. `true` where it is known by then what the input has.
    pub(crate) fn read(&mut self, log: &Log, block: &[u8]) -> bool {
        self.searched += block.len();
        let is_final = match log.field_names() {
            Some(names) => {
                self.has_fields = !names.is_empty();
                names.into_iter().for_each(|name| self.known.add(name));
                true
            }
            None => {
                self.read_keys(log, block);
                self.searched >= SEARCHED_MAX
            }
        };
        let known = &self.known;
        self.wanted.iter_mut().for_each(|wanted| wanted.is_found |= known.contains(&wanted.name));
        is_final || self.wanted.iter().all(|wanted| wanted.is_found)
    }

    /// Collects the keys of the records of a block until all fields are found.
    fn read_keys(&mut self, log: &Log, block: &[u8]) {
        for line in block.split(|byte| *byte == b'\n') {
            let mut is_json = true;
            log.each_key(line.trim_ascii_end(), &mut |key| {
                is_json = false;
                self.known.add(String::from_utf8_lossy(key).into_owned());
            });
            if is_json {
                each_key(line, &mut self.known);
            }
            if self.wanted.iter().all(|wanted| self.known.contains(&wanted.name)) {
                return;
            }
        }
    }

    /// Whether there is anything to search for.
    pub(crate) fn is_needed(&self) -> bool {
        !self.wanted.is_empty()
    }

    /// Whether any byte was searched: an empty input lacks nothing.
    pub(crate) fn has_searched(&self) -> bool {
        self.searched > 0
    }

    /// Whether none of the fields to be searched is there.
    pub(crate) fn lacks_all(&self) -> bool {
        let mut fields = self.wanted.iter().filter(|wanted| wanted.flag == "--field").peekable();
        fields.peek().is_some() && fields.all(|wanted| !wanted.is_found)
    }

    /// What to say of the fields that are not there; `None` where all are.
    pub(crate) fn complaint(&self) -> Option<String> {
        let missing = self.wanted.iter().filter(|wanted| !wanted.is_found);
        let told: Vec<String> = missing.map(|wanted| self.told(wanted)).collect();
        (!told.is_empty()).then(|| told.join("\n"))
    }

    fn told(&self, wanted: &NamedField) -> String {
        let NamedField { flag, name, .. } = wanted;
        if !self.has_fields {
            return format!("{flag} {name}: this log has no fields; see --input");
        }
        format!("{flag}: {}", names::unknown("field", name, self.known.names.iter().map(String::as_str)))
    }

    /// Adds what another input has.
    pub(crate) fn merge(&mut self, other: &FieldSearch) {
        if !other.has_searched() {
            return;
        }
        self.searched += other.searched;
        other.known.names.iter().for_each(|name| self.known.add(name.clone()));
        for (own, others) in self.wanted.iter_mut().zip(&other.wanted) {
            own.is_found |= others.is_found;
        }
    }
}

/// The keys of the object on a line, joined by dots where objects are nested. The first record of a document
/// follows the beginning of the document, and a line end within a record was made a form feed.
fn each_key(line: &[u8], out: &mut FieldNames) {
    let line: Vec<u8> = line.iter().map(|byte| if *byte == b'\x0c' { b' ' } else { *byte }).collect();
    let line = line.as_slice();
    let record = memchr::memchr(b'[', line).and_then(|at| line.get(at + 1..)).unwrap_or(&[]);
    let parse = |text: &[u8]| Deserializer::from_slice(text).into_iter::<Value>().next()?.ok();
    if let Some(value) = parse(line).or_else(|| parse(record)) {
        add_keys(&value, "", out);
    }
}

fn add_keys(value: &Value, above: &str, out: &mut FieldNames) {
    match value {
        Value::Object(members) => members.iter().for_each(|(key, value)| {
            let path = if above.is_empty() { key.clone() } else { format!("{above}.{key}") };
            add_keys(value, &path, out);
            out.add(path);
        }),
        Value::Array(elements) => elements.iter().for_each(|element| add_keys(element, above, out)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_that_a_field_selects() {
        let mut keys = FieldNames::default();
        each_key(br#"{"a":{"b":[{"c":1},{"d":"x"}]},"e":null}"#, &mut keys);
        each_key(b"{\"Records\":[{\"f\":\x0c{\"g\":2}}", &mut keys);
        each_key(b"{\"cut", &mut keys);
        each_key(b"no object", &mut keys);
        assert_eq!(keys.names.join(" "), "a.b.c a.b.d a.b a e f.g f");
    }
}
