//! Patterns of file names, where no shell expanded them: `logs/*/access.log*`, as a service or a scheduler passes them on.
//!
//! `*` stands for any part of a name, `?` for any one character, `[a-z0]` for one of these, `[!a]` for any other; none
//! of them for a slash, nor for the dot that hides a name. A file that has a pattern's own name is that file.

use std::fs;
use std::path::{Component, Path, PathBuf};

/// The files, with those that match in the place of every pattern, by name; what nothing matches stays as it is.
pub(crate) fn expanded(paths: &[PathBuf]) -> Vec<PathBuf> {
    paths.iter().flat_map(|path| matching(path).unwrap_or_else(|| vec![path.clone()])).collect()
}

fn matching(path: &Path) -> Option<Vec<PathBuf>> {
    if !is_pattern(path.to_str()?) || path.symlink_metadata().is_ok() {
        return None;
    }
    let found = path.components().fold(vec![PathBuf::new()], |found, component| {
        found.iter().flat_map(|folder| inside(folder, component)).collect()
    });
    (!found.is_empty()).then_some(found)
}

fn is_pattern(name: &str) -> bool {
    name.contains(['*', '?', '['])
}

/// What one component of a path stands for in a folder.
fn inside(folder: &Path, component: Component<'_>) -> Vec<PathBuf> {
    let name = component.as_os_str();
    let Some(pattern) = name.to_str().filter(|name| is_pattern(name)) else {
        let path = folder.join(name);
        return if path.symlink_metadata().is_ok() { vec![path] } else { Vec::new() };
    };
    let here = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let entries = fs::read_dir(here).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| is_match(pattern, name)).collect();
    names.sort_unstable();
    names.into_iter().map(|name| folder.join(name)).collect()
}

fn is_match(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let is_hidden = name.first() == Some(&'.') && pattern.first() != Some(&'.');
    !is_hidden && matches(&pattern, &name)
}

/// Goes along both; where they part, the last `*` takes one character more. So the work is bounded by their product.
fn matches(pattern: &[char], name: &[char]) -> bool {
    let (mut at, mut read, mut star) = (0, 0, None);
    while let Some(character) = name.get(read) {
        let rest = pattern.get(at..).unwrap_or(&[]);
        if rest.first() == Some(&'*') {
            at += 1;
            star = Some((at, read));
        } else if let Some(width) = one(rest, *character) {
            (at, read) = (at + width, read + 1);
        } else if let Some((behind, taken)) = star {
            star = Some((behind, taken + 1));
            (at, read) = (behind, taken + 1);
        } else {
            return false;
        }
    }
    pattern.iter().skip(at).all(|character| *character == '*')
}

/// The length of what a pattern begins with, if that stands for this character.
fn one(pattern: &[char], character: char) -> Option<usize> {
    match pattern {
        ['?', ..] => Some(1),
        ['[', rest @ ..] => {
            // A bracket that comes first is one of the set.
            let end = rest.iter().skip(1).position(|mark| *mark == ']')? + 1;
            let set = rest.get(..end)?;
            let (is_other, set) = set.strip_prefix(&['!']).map_or((false, set), |set| (true, set));
            (is_in(set, character) != is_other).then_some(end + 2)
        }
        [plain, ..] => (*plain == character).then_some(1),
        [] => None,
    }
}

fn is_in(mut set: &[char], character: char) -> bool {
    loop {
        let (is_it, rest) = match set {
            [first, '-', last, rest @ ..] => ((*first..=*last).contains(&character), rest),
            [one, rest @ ..] => (*one == character, rest),
            [] => return false,
        };
        if is_it {
            return true;
        }
        set = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_a_shell_has_them() {
        for (pattern, name, expected) in [
            ("*.log", "a.log", true),
            ("*.log", ".a.log", false),
            (".*", ".a", true),
            ("*.log", "a.log.1", false),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "axxbyy", false),
            ("access.log.?", "access.log.1", true),
            ("access.log.?", "access.log.10", false),
            ("x[0-9a].gz", "x7.gz", true),
            ("x[!0-9].gz", "x7.gz", false),
            ("x[]]", "x]", true),
            ("x[", "x", false),
            ("**", "", true),
        ] {
            assert_eq!(is_match(pattern, name), expected, "{pattern} {name}");
        }
        let long = "a".repeat(5000);
        assert!(!is_match(&"a*".repeat(50).replace("a*", "*a"), &format!("{long}b")));
    }

    #[test]
    fn files_stand_in_the_place_of_patterns() {
        let dir = tempfile::TempDir::new().expect("a folder");
        for name in ["a/x.log", "b/x.log", "b/y.log", "b/[z].log"] {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(path, "").expect("written");
        }
        let all = |pattern: &str| {
            let found = expanded(&[dir.path().join(pattern)]);
            let name = |path: &PathBuf| {
                path.strip_prefix(dir.path()).expect("inside").to_string_lossy().into_owned()
            };
            found.iter().map(name).collect::<Vec<_>>()
        };
        assert_eq!(all("*/x.log"), ["a/x.log", "b/x.log"]);
        assert_eq!(all("?/*"), ["a/x.log", "b/[z].log", "b/x.log", "b/y.log"]);
        assert_eq!(all("b/[z].log"), ["b/[z].log"]);
        assert_eq!(all("c/*"), ["c/*"]);
    }
}
