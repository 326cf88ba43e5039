//! The project's files, and Rust text cut into identifiers and punctuation. Comments, strings and lifetimes
//! are left out, so that a rule about names cannot be broken by prose.

use std::fs;
use std::path::{Path, PathBuf};

/// A file of the project: its path from the root, with `/`, and its text.
pub(super) struct File {
    pub(super) path: String,
    pub(super) text: String,
}

pub(super) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file of the project.
pub(super) fn rust() -> Vec<File> {
    let files = files(&["crates", "tests", "benches", "examples", "fuzz"], "rs");
    assert!(files.len() > 50, "the sources are found");
    files
}

/// Every Markdown file of the project.
pub(super) fn markdown() -> Vec<File> {
    let mut files = files(&["crates", "tests", "benches", "examples", "fuzz", "feeds", "contrib"], "md");
    for entry in fs::read_dir(root()).expect("the root") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "md") {
            files.push(read(&path));
        }
    }
    files
}

fn files(folders: &[&str], extension: &str) -> Vec<File> {
    let mut found = Vec::new();
    for folder in folders.iter().map(|folder| root().join(folder)).filter(|path| path.is_dir()) {
        collect(&folder, extension, &mut found);
    }
    found.sort();
    found.iter().map(|path| read(path)).collect()
}

fn collect(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    // Written by builds and fuzzers.
    const GENERATED: [&str; 3] = ["target", "corpus", "artifacts"];
    for entry in fs::read_dir(folder).expect("a folder of the project") {
        let path = entry.expect("an entry").path();
        let is_generated =
            path.file_name().is_some_and(|name| GENERATED.iter().any(|folder| name == *folder));
        if path.is_dir() && !is_generated {
            collect(&path, extension, found);
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
}

fn read(path: &Path) -> File {
    let inside = path.strip_prefix(root()).expect("a path inside the project");
    File {
        path: inside.to_string_lossy().replace('\\', "/"),
        text: fs::read_to_string(path).expect("a text"),
    }
}

/// Cuts Rust text into identifiers, `::`, and single characters of punctuation.
pub(super) fn tokens(text: &str) -> Vec<&str> {
    let bytes = text.as_bytes();
    let (mut tokens, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let rest = &text[at..];
        let width = ignored(rest).unwrap_or_else(|| {
            let width = token(rest);
            if !rest.starts_with(char::is_whitespace) {
                tokens.push(&rest[..width]);
            }
            width
        });
        at += width;
    }
    tokens
}

fn token(rest: &str) -> usize {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    match rest.chars().next() {
        Some(first) if is_word(first) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
        Some(':') if rest.starts_with("::") => 2,
        first => first.map_or(1, char::len_utf8),
    }
}

/// The width of a comment, a string, a character or a lifetime.
fn ignored(rest: &str) -> Option<usize> {
    let until =
        |end: &str, from: usize| rest[from..].find(end).map_or(rest.len(), |at| from + at + end.len());
    if rest.starts_with("//") {
        return Some(until("\n", 2));
    }
    if rest.starts_with("/*") {
        return Some(until("*/", 2));
    }
    let prefix = ["br", "b", "r", ""].into_iter().find(|prefix| {
        rest.strip_prefix(prefix).is_some_and(|rest| rest.starts_with(['"', '\'']) || raw(prefix, rest))
    })?;
    let body = &rest[prefix.len()..];
    if prefix.ends_with('r') {
        let hashes = body.len() - body.trim_start_matches('#').len();
        return Some(until(&format!("\"{}", "#".repeat(hashes)), prefix.len() + hashes + 1));
    }
    let quote = body.chars().next()?;
    if quote == '\'' && is_lifetime(body) {
        return Some(prefix.len() + 1 + token(&body[1..]));
    }
    Some(prefix.len() + 1 + quoted(&body[1..], quote))
}

fn raw(prefix: &str, rest: &str) -> bool {
    prefix.ends_with('r') && rest.starts_with('#') && rest.trim_start_matches('#').starts_with('"')
}

fn is_lifetime(body: &str) -> bool {
    let mut letters = body.chars().skip(1);
    let first = letters.next().unwrap_or(' ');
    (first.is_alphabetic() || first == '_') && letters.next() != Some('\'')
}

/// The width of what follows an opening quote, with the closing one.
fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, letter) in rest.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if letter == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// The tokens without the items that stand under `#[cfg(test)]`.
pub(super) fn without_tests<'t>(tokens: &[&'t str]) -> Vec<&'t str> {
    const TEST: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let (mut kept, mut at) = (Vec::new(), 0);
    while at < tokens.len() {
        if tokens[at..].starts_with(&TEST) {
            at = item_end(tokens, at + TEST.len());
        } else {
            kept.push(tokens[at]);
            at += 1;
        }
    }
    kept
}

/// Where the item ends that begins at `at`: behind its block, or its semicolon.
fn item_end(tokens: &[&str], mut at: usize) -> usize {
    let mut depth = 0;
    while at < tokens.len() {
        match tokens[at] {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => depth -= 1,
            _ => {}
        }
        at += 1;
        let ends = matches!(tokens[at - 1], "}" | ";") && depth == 0;
        if ends {
            break;
        }
    }
    at
}

#[test]
fn comments_and_strings_are_no_tokens() {
    let text = r###"fn f<'a>(x: &'a str) -> char { /* y */ let s = r#"q"z"#; b"w\""; '\'' } // v"###;
    let expected = [
        "fn", "f", "<", ">", "(", "x", ":", "&", "str", ")", "-", ">", "char", "{", "let", "s", "=", ";",
        ";", "}",
    ];
    assert_eq!(tokens(text), expected);
}

#[test]
fn test_items_are_left_out() {
    let text = "use a; #[cfg(test)] #[allow(x)] mod tests { fn f() {} } #[cfg(test)] mod t; fn g() {}";
    assert_eq!(without_tests(&tokens(text)).concat(), "usea;fng(){}");
}
