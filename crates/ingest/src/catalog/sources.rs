//! The files of a catalogue: what it includes, and what it overrides.
//!
//! Files are read before feeds are: what comes out of here is a list of tables, each a feed, with the values of
//! `[[override]]` put in. Every value remembers its place, so that an error names the file that has it.

use super::id_pattern::IdPattern;
use super::near::offer;
use super::{BUILTIN, BUILTIN_NAME, Problem};
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// How deep files may include others.
const DEPTH_MAX: usize = 16;

/// Where a table is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The file.
    pub(super) file: String,
    /// The line, from 1.
    pub(super) line: usize,
}

/// One feed, before its values are read.
pub(super) struct RawFeed {
    /// Where it is written.
    pub(super) place: Place,
    /// Its position in its file, from 1.
    pub(super) number: usize,
    /// Its keys.
    pub(super) value: Value,
    /// Where the keys are written that an override has set.
    pub(super) overridden: HashMap<String, Place>,
}

/// What is written of one host, before its values are read.
pub(super) struct RawHost {
    /// Where it is first written.
    pub(super) place: Place,
    /// Its keys. A file wins over those that it includes, key by key.
    pub(super) table: Table,
    /// Where each of them is written.
    pub(super) key_places: HashMap<String, Place>,
}

/// What all files of a catalogue hold together.
#[derive(Default)]
pub(super) struct Sources {
    /// The feeds, those of included files first.
    pub(super) feeds: Vec<RawFeed>,
    /// The limits for all feeds. A file wins over those that it includes, key by key.
    pub(super) guard: Table,
    /// Where each of them is written.
    pub(super) guard_places: HashMap<String, Place>,
    /// The hosts, by their names.
    pub(super) hosts: BTreeMap<String, RawHost>,
    /// The files that were read.
    pub(super) files: Vec<PathBuf>,
    /// What is wrong with them.
    pub(super) problems: Vec<Problem>,
    /// The files that are being read, each included by the one before it.
    stack: Vec<PathBuf>,
}

impl Sources {
    /// Adds a file.
    pub(super) fn read_file(&mut self, path: &Path) {
        let name = path.to_string_lossy().into_owned();
        match fs::read_to_string(path) {
            Ok(text) => {
                self.files.push(path.to_owned());
                self.stack.push(fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()));
                self.read(&text, &name, Some(path.parent().unwrap_or(Path::new(""))));
                self.stack.pop();
            }
            Err(error) => self.problem(&name, 1, "file", format!("it cannot be read: {error}")),
        }
    }

    /// Adds a text. `folder` is the one that included files are relative to; without one, a text includes none.
    pub(super) fn read(&mut self, text: &str, name: &str, folder: Option<&Path>) {
        let mut table = match text.parse::<Table>() {
            Ok(table) => table,
            Err(error) => {
                let line = line_at(text, error.span().map_or(0, |span| span.start));
                return self.problem(name, line, "syntax", error.message().to_owned());
            }
        };
        if let Some(include) = table.remove("include") {
            self.include(include, name, folder);
        }
        self.add_guard(table.remove("guard"), name);
        self.add_hosts(table.remove("host"), text, name);
        if let Some(feeds) = self.tables(table.remove("feed"), "feed", name) {
            self.add_feeds(feeds, text, name);
        }
        if let Some(overrides) = self.tables(table.remove("override"), "override", name) {
            let lines = lines_of(text, "[[override]]");
            for (at, value) in overrides.into_iter().enumerate() {
                let line = lines.get(at).copied().unwrap_or(1);
                self.apply(value, Place { file: name.to_owned(), line });
            }
        }
        for key in table.keys() {
            let expected =
                "expected [[feed]], [[override]] and [host.\"…\"] tables, one [guard] and one [include]";
            self.problem(name, 1, key, expected.to_owned());
        }
    }

    fn problem(&mut self, file: &str, line: usize, key: &str, text: String) {
        let (file, key) = (file.to_owned(), key.to_owned());
        self.problems.push(Problem { file, line, feed: "catalogue".to_owned(), key, text });
    }

    /// The elements of `[[key]]`; `None` where there are none, or something else.
    fn tables(&mut self, value: Option<Value>, key: &str, name: &str) -> Option<Vec<Value>> {
        match value? {
            Value::Array(tables) => Some(tables),
            other => {
                self.problem(name, 1, key, format!("expected [[{key}]] tables, found {}", other.type_str()));
                None
            }
        }
    }

    /// Reads `[include]`: the catalogue inside the program, and other files.
    fn include(&mut self, value: Value, name: &str, folder: Option<&Path>) {
        let Value::Table(mut table) = value else {
            let expected = "expected a table: [include] with builtin = true or files = [\"base.toml\"]";
            return self.problem(name, 1, "include", format!("{expected}; found {}", value.type_str()));
        };
        match table.remove("builtin") {
            None | Some(Value::Boolean(false)) => {}
            Some(Value::Boolean(true)) => self.read(BUILTIN, BUILTIN_NAME, None),
            Some(other) => {
                self.problem(name, 1, "include.builtin", format!("expected true or false, found {other}"));
            }
        }
        match table.remove("files") {
            None => {}
            Some(Value::Array(files)) if files.iter().all(Value::is_str) => {
                files.iter().filter_map(Value::as_str).for_each(|file| self.include_file(file, name, folder));
            }
            Some(other) => {
                let expected = "expected a list of files, [\"base.toml\"]";
                self.problem(name, 1, "include.files", format!("{expected}; found {other}"));
            }
        }
        for key in table.keys() {
            self.problem(
                name,
                1,
                &format!("include.{key}"),
                "unknown key; there are builtin and files".to_owned(),
            );
        }
    }

    fn include_file(&mut self, file: &str, name: &str, folder: Option<&Path>) {
        let key = "include.files";
        let Some(folder) = folder else {
            let text = format!("`{file}`: only a catalogue that is a file itself can include files");
            return self.problem(name, 1, key, text);
        };
        let path = folder.join(file);
        let real = match fs::canonicalize(&path) {
            Ok(real) => real,
            Err(error) => return self.problem(name, 1, key, format!("{}: {error}", path.display())),
        };
        if self.stack.contains(&real) || self.stack.len() >= DEPTH_MAX {
            let text = format!("`{file}` includes this file in turn: remove one of the two");
            return self.problem(name, 1, key, text);
        }
        let is_known = |known: &PathBuf| fs::canonicalize(known).is_ok_and(|known| known == real);
        // A file that two others include counts once.
        if !self.files.iter().any(is_known) {
            self.read_file(&path);
        }
    }

    fn add_guard(&mut self, value: Option<Value>, name: &str) {
        let guard = match value {
            None => return,
            Some(Value::Table(guard)) => guard,
            Some(other) => {
                let text = format!("expected a table, found {}", other.type_str());
                return self.problem(name, 1, "guard", text);
            }
        };
        for (key, value) in guard {
            self.guard_places.insert(format!("guard.{key}"), Place { file: name.to_owned(), line: 1 });
            match (self.guard.get_mut(&key), value) {
                (Some(Value::Array(all)), Value::Array(more)) if key == "never_block" => all.extend(more),
                (_, value) => drop(self.guard.insert(key, value)),
            }
        }
    }

    fn add_hosts(&mut self, value: Option<Value>, text: &str, name: &str) {
        let expected = "expected tables such as [host.\"lists.example\"]";
        let hosts = match value {
            None => return,
            Some(Value::Table(hosts)) => hosts,
            Some(other) => {
                return self.problem(name, 1, "host", format!("{expected}, found {}", other.type_str()));
            }
        };
        for (host, value) in hosts {
            let place = Place { file: name.to_owned(), line: line_of_host(text, &host) };
            let Value::Table(table) = value else {
                let found = format!("`{}` is {}", host.escape_debug(), value.type_str());
                self.problem(name, place.line, "host", format!("{expected}; {found}"));
                continue;
            };
            let none = || RawHost { place: place.clone(), table: Table::new(), key_places: HashMap::new() };
            let raw = self.hosts.entry(host).or_insert_with(none);
            raw.key_places.extend(table.keys().map(|key| (key.clone(), place.clone())));
            raw.table.extend(table);
        }
    }

    fn add_feeds(&mut self, feeds: Vec<Value>, text: &str, name: &str) {
        let lines = lines_of(text, "[[feed]]");
        let place = |at: usize| Place { file: name.to_owned(), line: lines.get(at).copied().unwrap_or(1) };
        self.feeds.extend(feeds.into_iter().enumerate().map(|(at, value)| RawFeed {
            place: place(at),
            number: at + 1,
            value,
            overridden: HashMap::new(),
        }));
    }

    /// Puts the values of one `[[override]]` into the feeds that it names.
    fn apply(&mut self, value: Value, place: Place) {
        let mut bad = |text: String| {
            let (feed, key) = ("override".to_owned(), "id".to_owned());
            self.problems.push(Problem { file: place.file.clone(), line: place.line, feed, key, text });
        };
        let Value::Table(mut table) = value else { return bad("expected a table".to_owned()) };
        let pattern = match table.remove("id") {
            Some(Value::String(text)) => IdPattern::parse(&text),
            Some(other) => Err(format!("expected the id of a feed, found {}", other.type_str())),
            None => {
                Err("this key is required: the feed to change, or a pattern such as `abuse-*`".to_owned())
            }
        };
        let pattern = match pattern {
            Ok(pattern) => pattern,
            Err(text) => return bad(text),
        };
        let id_of = |feed: &RawFeed| feed.value.get("id").and_then(Value::as_str).map(str::to_owned);
        let is_named = |feed: &RawFeed| id_of(feed).is_some_and(|id| pattern.matches(&id));
        if !self.feeds.iter().any(is_named) {
            let ids: Vec<String> = self.feeds.iter().filter_map(id_of).collect();
            let near = offer(pattern.text(), ids.iter().map(String::as_str));
            return bad(format!("no feed is called `{}`{near}", pattern.text().escape_debug()));
        }
        for feed in self.feeds.iter_mut().filter(|feed| is_named(feed)) {
            feed.put(&table, &place);
        }
    }
}

impl RawFeed {
    /// Replaces values. Options and limits are replaced one by one; but another format takes none of the
    /// options that were meant for the last one.
    fn put(&mut self, table: &Table, place: &Place) {
        let Value::Table(own) = &mut self.value else { return };
        if table.contains_key("format") {
            own.remove("options");
        }
        for (key, value) in table {
            match (own.get_mut(key), value) {
                (Some(Value::Table(inner)), Value::Table(new)) => {
                    for (name, value) in new {
                        inner.insert(name.clone(), value.clone());
                        self.overridden.insert(format!("{key}.{name}"), place.clone());
                    }
                }
                _ => {
                    own.insert(key.clone(), value.clone());
                    self.overridden.insert(key.clone(), place.clone());
                    let names = value.as_table().into_iter().flat_map(Table::keys);
                    self.overridden.extend(names.map(|name| (format!("{key}.{name}"), place.clone())));
                }
            }
        }
    }
}

fn line_at(text: &str, offset: usize) -> usize {
    1 + text.get(..offset).unwrap_or("").matches('\n').count()
}

/// The lines on which tables with this head begin.
fn lines_of(text: &str, head: &str) -> Vec<usize> {
    let begins = |line: &str| line.trim_start().starts_with(head);
    text.lines().zip(1..).filter(|(line, _)| begins(line)).map(|(_, number)| number).collect()
}

/// The line on which the table of a host begins; the first one where it is written otherwise.
fn line_of_host(text: &str, host: &str) -> usize {
    let begins = |line: &str| {
        let name = line.trim_start().strip_prefix("[host.").and_then(|rest| rest.split_once(']'));
        name.is_some_and(|(name, _)| name.trim_matches(['"', '\'']) == host)
    };
    text.lines().position(begins).map_or(1, |at| at + 1)
}
