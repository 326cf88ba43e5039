//! Reads one table of a catalogue key by key, and collects every problem with it.

use super::near::offer;
use super::sources::Place;
use super::{DAY, Problem};
use crate::format::options::choose;
use rapsheet_snapshot::timestamp::number;
use std::collections::HashMap;
use toml::{Table, Value};

/// The longest span that a catalogue may name, in seconds: what ends later has no date that programs read.
pub(super) const SPAN_MAX: i64 = 36_525 * DAY;

/// A table that is being read. Every known key is taken out; what is left over is unknown.
pub(super) struct TableReader<'p> {
    /// The prefix of its keys in errors: empty, `options.` or `guard.`.
    pub(super) within: &'static str,
    /// The file and the line that errors name.
    pub(super) place: &'p Place,
    /// The keys that are written elsewhere, and where.
    pub(super) elsewhere: &'p HashMap<String, Place>,
    /// The feed that errors name.
    pub(super) feed: String,
    /// The keys that have not been taken out.
    pub(super) unread: Table,
    /// The keys that were asked for, whether the table has them or not.
    pub(super) asked: Vec<String>,
    /// All problems of the catalogue.
    pub(super) problems: &'p mut Vec<Problem>,
}

impl TableReader<'_> {
    /// Reports a problem with a key.
    pub(super) fn problem(&mut self, key: &str, text: String) {
        let key = format!("{}{key}", self.within);
        let problem = self.problem_at(key, text);
        self.problems.push(problem);
    }

    /// A problem with a key, given with its prefix, where that key is written.
    fn problem_at(&self, key: String, text: String) -> Problem {
        let Place { file, line } = self.elsewhere.get(&key).unwrap_or(self.place);
        Problem { file: file.clone(), line: *line, feed: self.feed.clone(), key, text }
    }

    /// Takes out the value of a key.
    pub(super) fn take(&mut self, key: &str) -> Option<Value> {
        self.asked.push(key.to_owned());
        self.unread.remove(key)
    }

    /// A text; `None` where the key is absent.
    pub(super) fn text(&mut self, key: &str) -> Option<String> {
        match self.take(key)? {
            Value::String(text) => Some(text),
            other => {
                self.problem(key, format!("expected text in quotes, found {}", shown(&other)));
                None
            }
        }
    }

    /// A text that must be there.
    pub(super) fn required(&mut self, key: &str) -> String {
        if !self.unread.contains_key(key) {
            self.problem(key, "this key is required".to_owned());
        }
        self.text(key).unwrap_or_default()
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, key: &str, default: bool) -> bool {
        match self.take(key) {
            None => default,
            Some(Value::Boolean(flag)) => flag,
            Some(other) => {
                self.problem(key, format!("expected true or false, found {}", shown(&other)));
                default
            }
        }
    }

    /// One of a few words.
    pub(super) fn word<T: Copy>(&mut self, key: &str, words: &[(&str, T)], default: T) -> T {
        let Some(text) = self.text(key) else { return default };
        choose(&text, words).unwrap_or_else(|problem| {
            self.problem(key, problem);
            default
        })
    }

    /// A duration, in seconds.
    pub(super) fn span(&mut self, key: &str, default: i64) -> i64 {
        let Some(text) = self.text(key) else { return default };
        match duration_seconds(&text) {
            Some(seconds) if (1..=SPAN_MAX).contains(&seconds) => seconds,
            _ => {
                let found = text.escape_debug();
                let expected = "expected a span such as 15d, 12h or 30m, of a hundred years at most";
                self.problem(key, format!("{expected}, found `{found}`"));
                default
            }
        }
    }

    /// A duration, in seconds, or `off`; `None` where it is off.
    pub(super) fn span_or_off(&mut self, key: &str, default: Option<i64>) -> Option<i64> {
        if self.unread.get(key).and_then(Value::as_str) == Some("off") {
            self.take(key);
            return None;
        }
        if self.unread.contains_key(key) {
            return Some(self.span(key, 0));
        }
        self.asked.push(key.to_owned());
        default
    }

    /// A prefix length from 1 to `longest`.
    pub(super) fn prefix_length(&mut self, key: &str, default: u8, longest: u8) -> u8 {
        match self.take(key) {
            None => default,
            Some(Value::Integer(length)) if (1..=i64::from(longest)).contains(&length) => {
                u8::try_from(length).unwrap_or(default)
            }
            Some(other) => {
                self.problem(key, format!("expected a prefix length from 1 to {longest}, found {other}"));
                default
            }
        }
    }

    /// A text, or a list of texts.
    pub(super) fn texts(&mut self, key: &str) -> Vec<String> {
        match self.take(key) {
            None => Vec::new(),
            Some(Value::String(text)) => vec![text],
            Some(Value::Array(items)) => {
                items.iter().filter_map(|item| self.option_text(key, item)).collect()
            }
            Some(other) => self.option_text(key, &other).into_iter().collect(),
        }
    }

    /// Options are texts. Numbers and flags need no quotes.
    fn option_text(&mut self, key: &str, value: &Value) -> Option<String> {
        match value {
            Value::String(text) => Some(text.clone()),
            Value::Integer(number) => Some(number.to_string()),
            Value::Boolean(flag) => Some(flag.to_string()),
            other => {
                self.problem(key, format!("expected text, a number or true/false, found {}", shown(other)));
                None
            }
        }
    }

    /// A reader of a table inside this one.
    pub(super) fn inner(&mut self, key: &str, within: &'static str) -> TableReader<'_> {
        let unread = match self.take(key) {
            None => Table::new(),
            Some(Value::Table(table)) => table,
            Some(other) => {
                self.problem(key, format!("expected a table, found {}", shown(&other)));
                Table::new()
            }
        };
        TableReader {
            within,
            place: self.place,
            elsewhere: self.elsewhere,
            feed: self.feed.clone(),
            unread,
            asked: Vec::new(),
            problems: &mut *self.problems,
        }
    }

    /// Reports the keys that were not taken as unknown, with the known ones near them, or else all known ones.
    pub(super) fn finish(mut self) {
        let mut known = std::mem::take(&mut self.asked);
        known.sort_unstable();
        known.dedup();
        for (key, _) in std::mem::take(&mut self.unread) {
            let near = offer(&key, known.iter().map(String::as_str));
            let offered = if near.is_empty() { format!("; known: {}", known.join(", ")) } else { near };
            self.problem(&key, format!("unknown key{offered}"));
        }
    }
}

/// A value as messages name it: as it is written, or by its type where that may take several lines.
fn shown(value: &Value) -> String {
    match value {
        Value::Array(_) | Value::Table(_) => value.type_str().to_owned(),
        Value::String(text) => format!("`{}`", text.escape_debug()),
        other => other.to_string(),
    }
}

/// Reads a duration, `15d`, `12h`, `30m`, `90s` or `2w`, in seconds.
fn duration_seconds(text: &str) -> Option<i64> {
    let (unit, digits) = text.as_bytes().split_last()?;
    let unit = match unit {
        b's' => 1,
        b'm' => 60,
        b'h' => 3600,
        b'd' => 86_400,
        b'w' => 604_800,
        _ => return None,
    };
    number(digits)?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_durations_of_a_number_and_a_unit() {
        let rows = [("15d", 1_296_000), ("12h", 43_200), ("30m", 1800), ("90s", 90), ("2w", 1_209_600)];
        for (text, seconds) in rows {
            assert_eq!(duration_seconds(text), Some(seconds), "{text}");
        }
        for text in ["", "d", "15", "15 d", "-1d", "1.5h", "15D", "1y", "é", "999999999999999999w"] {
            assert_eq!(duration_seconds(text), None, "{text}");
        }
    }
}
