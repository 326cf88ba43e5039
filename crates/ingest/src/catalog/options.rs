//! The options of a feed, checked when the catalogue is read.
//!
//! A format reads its options where it opens a file. So a trial opens an empty file with them: what the
//! format refuses there, the catalogue refuses, also for formats that are added later. A few options are
//! taken as they are, whatever they hold (the names of columns, an assessment); their values are checked here.

use crate::entry::guard::NameGuard;
use crate::entry::{Details, Key, Normalizer, Position, Rules, Sink, Skip, Warnings, taxonomy};
use crate::format::options::{OptionError, Options, error};
use crate::format::role::Role;
use crate::format::{Format, Head, OpenError, Shape};
use rapsheet_snapshot::{Assessment, Assessments, ListKind, ParseError, Scope, Time};

/// The options of which only one value counts, although a list of them can be written.
const SINGLE: [&str; 4] = ["profile", "path", "origin", "assessment"];

/// Checks the keys and the values.
pub(super) fn check(format: &'static Format, options: &Options, list: ListKind) -> Result<(), OptionError> {
    options.check(format.options)?;
    for row in format.options {
        check_values(row.key, options.list(row.key))?;
    }
    if format.options.iter().any(|row| row.key == "profile") {
        Role::ALL.iter().try_for_each(|role| check_columns(role.option(), options.list(role.option())))?;
    }
    check_origin(options)?;
    check_assessment(options, list)?;
    match try_open(format, options) {
        Err(OpenError::Options(error)) => Err(error),
        Err(OpenError::File(_)) | Ok(()) => Ok(()),
    }
}

fn check_values(key: &str, values: &[String]) -> Result<(), OptionError> {
    if values.iter().any(String::is_empty) {
        return Err(error(key, "expected a value, found an empty text".to_owned()));
    }
    match values {
        [_, _, ..] if SINGLE.contains(&key) => {
            Err(error(key, format!("expected one value, found {}: {}", values.len(), values.join(", "))))
        }
        _ => Ok(()),
    }
}

/// A column of a table is named by its header or by its number, from 1, or from -1 at the right.
fn check_columns(key: &str, values: &[String]) -> Result<(), OptionError> {
    let is_number = |value: &&String| value.parse::<isize>().is_ok();
    let bad = |value: &&String| match value.parse::<isize>() {
        Ok(number) => number == 0,
        Err(_) => value.starts_with(|first: char| first.is_ascii_digit()) || value.contains("://"),
    };
    if let Some(value) = values.iter().find(bad) {
        let expected =
            "expected the name of a column in the header, or its number: 1 is the first, -1 the last";
        return Err(error(key, format!("{expected}; found `{value}`")));
    }
    match values.iter().filter(is_number).count() {
        count if count == 0 || count == values.len() => Ok(()),
        _ => Err(error(key, format!("expected names or numbers, found both: {}", values.join(", ")))),
    }
}

/// The name that a zone's own names are relative to. It may be one label: a policy zone is often called `rpz`.
fn check_origin(options: &Options) -> Result<(), OptionError> {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    match options.text("origin") {
        Some(text) if !text.bytes().all(is_letter) => {
            Err(error("origin", format!("expected the name of a zone, found `{text}`")))
        }
        _ => Ok(()),
    }
}

fn check_assessment(options: &Options, list: ListKind) -> Result<(), OptionError> {
    let Some(word) = options.text("assessment") else { return Ok(()) };
    let found = taxonomy::assessments(word);
    if found.is_empty() {
        return Err(error("assessment", format!("expected one of {}, found `{word}`", words())));
    }
    match contradicts(found, list) {
        true => Err(error("assessment", CONTRADICTION.to_owned())),
        false => Ok(()),
    }
}

/// What a blocklist cannot say of what it lists.
pub(super) const CONTRADICTION: &str = "`trustworthy` alone is no reason to block: give an assessment of what the \
     list blocks, or set list = \"allow\"";

/// Whether a list of this kind cannot have these assessments.
pub(super) fn contradicts(found: Assessments, list: ListKind) -> bool {
    list == ListKind::Block && found == Assessments::EMPTY.with(Assessment::Trustworthy)
}

/// Our words, for errors.
pub(super) fn words() -> String {
    let ours: Vec<&str> = Assessment::ALL.iter().map(|assessment| assessment.word()).collect();
    format!("{}, or a provider's word for one", ours.join(", "))
}

/// Opens an empty file of this format.
fn try_open(format: &Format, options: &Options) -> Result<(), OpenError> {
    options.separator()?;
    let head = Head { part: "", bytes: b"" };
    match format.shape {
        Shape::Lines(open) | Shape::Converted(_, open) => open(options, head).map(drop),
        Shape::Ordered(open) => open(options, head).map(drop),
        Shape::TwoPass(first_pass) | Shape::Encoded(_, first_pass) => first_pass(options, &[]).map(drop),
        Shape::Document(read) => {
            let rules = Rules::new(Time::EARLIEST, ListKind::Block, Scope::Exact);
            let (mut ignored, mut names) = (Ignored, NameGuard::default());
            let start = Position { line: 1, offset: 0 };
            read(options, head, &mut Normalizer::new(&rules, &mut ignored, &mut names, b"", start))
        }
        Shape::Sniffed => Ok(()),
    }
}

/// Takes what an empty file lists: nothing.
struct Ignored;

impl Sink for Ignored {
    fn entry(&mut self, _: Position, _: Key<'_>, _: &Details, _: Warnings) {}
    fn skip(&mut self, _: Position, _: Skip) {}
    fn reject(&mut self, _: Position, _: ParseError, _: &[u8]) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::{self, FORMATS};

    fn check_one(format: &str, key: &str, values: &[&str]) -> Result<(), String> {
        let mut options = Options::default();
        values.iter().for_each(|value| options.push(key, value));
        let format = format::find(format).expect("a format");
        check(format, &options, ListKind::Block).map_err(|error| error.to_string())
    }

    /// The options that take any text: names of fields and elements, words of a publisher, folders.
    const FREE: [&str; 15] = [
        "value",
        "start",
        "end",
        "mask",
        "type",
        "scope_field",
        "port",
        "first_seen",
        "last_seen",
        "expires",
        "category",
        "filter",
        "keep",
        "record",
        "categories",
    ];

    #[test]
    fn every_option_of_every_format_is_checked() {
        let mut checked = 0;
        for format in FORMATS {
            for row in format.options {
                assert!(check_one(format.id, row.key, &[""]).is_err(), "{}: {}: empty", format.id, row.key);
                if !FREE.contains(&row.key) {
                    let error = check_one(format.id, row.key, &["no such thing!"]).expect_err(row.key);
                    assert!(error.contains("expected"), "{}: {error}", format.id);
                    checked += 1;
                }
            }
        }
        assert!(checked > 15, "{checked}");
    }

    #[test]
    fn columns_are_names_or_numbers() {
        for good in [&["2"][..], &["-1"], &["ip"], &["1", "3"], &["ip", "domain"], &["src ip"]] {
            assert_eq!(check_one("csv", "value", good), Ok(()), "{good:?}");
        }
        for bad in [&["0"][..], &["1.5"], &["2nd"], &["1", "ip"], &["http://a"], &["ip", ""]] {
            assert!(check_one("csv", "value", bad).is_err(), "{bad:?}");
        }
        assert_eq!(check_one("json", "value", &["2nd"]), Ok(()), "a member may be called so");
    }

    #[test]
    fn one_value_is_not_a_list_and_no_block_is_trustworthy() {
        assert!(check_one("csv", "profile", &["feodo", "urlhaus"]).is_err());
        assert!(check_one("csv", "header", &["auto", "none"]).is_err());
        assert!(check_one("csv", "assessment", &["trustworthy"]).is_err());
        assert_eq!(check_one("csv", "assessment", &["c2"]), Ok(()), "a provider's word");
    }
}
