//! Patterns in file names that no shell has expanded, as a service or a scheduler passes them:
//! `logs/*/access.log*`.
//!
//! The `glob` crate matches, with a shell's rules: no wildcard matches a slash, or the dot of a hidden name.

use glob::MatchOptions;
use std::path::{Component, Path, PathBuf};

/// The crate's own rule for hidden names never lets `.*` match one, so [`has_literal_dots`] replaces it.
const OPTIONS: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: false,
};

/// Replaces each pattern by the files that match it, sorted by name. A path that exists is that file, even if
/// its name looks like a pattern. A pattern without matches stays, so that opening it names it in an error.
pub(crate) fn expand(paths: &[PathBuf]) -> Vec<PathBuf> {
    paths.iter().flat_map(|path| matches(path).unwrap_or_else(|| vec![path.clone()])).collect()
}

fn matches(path: &Path) -> Option<Vec<PathBuf>> {
    let pattern = path.to_str().filter(|text| text.contains(['*', '?', '[']))?;
    if path.symlink_metadata().is_ok() {
        return None;
    }
    // A folder that cannot be read has no matches, as in a shell.
    let found = glob::glob_with(pattern, OPTIONS).ok()?.flatten();
    let found: Vec<PathBuf> = found.filter(|found| has_literal_dots(found, path)).collect();
    (!found.is_empty()).then_some(found)
}

/// Whether every part of a found path that begins with a dot does so in the pattern, too, and no wildcard
/// matches `.` or `..`.
fn has_literal_dots(found: &Path, pattern: &Path) -> bool {
    let starts_with_dot = |part: &Component<'_>| part.as_os_str().as_encoded_bytes().starts_with(b".");
    let is_literal = |(found, pattern): (Component<'_>, Component<'_>)| match found {
        Component::Normal(_) => !starts_with_dot(&found) || starts_with_dot(&pattern),
        _ => found == pattern,
    };
    // The crate drops a leading `./` from what it finds.
    let parts = |path| Path::components(path).filter(|part| *part != Component::CurDir);
    parts(found).count() == parts(pattern).count() && parts(found).zip(parts(pattern)).all(is_literal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn patterns_match_as_in_a_shell() {
        let dir = tempfile::TempDir::new().expect("a folder");
        for name in ["a/x.log", "b/x.log", "b/y.log", "b/[z].log", "b/.hidden.log", "b/x.log.1", "b/x.log.10"]
        {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(path, "").expect("written");
        }
        let expanded = |pattern: &str| {
            let found = expand(&[dir.path().join(pattern)]);
            let name = |path: &PathBuf| {
                path.strip_prefix(dir.path()).expect("inside").to_string_lossy().into_owned()
            };
            found.iter().map(name).collect::<Vec<_>>()
        };
        assert_eq!(expanded("*/x.log"), ["a/x.log", "b/x.log"]);
        assert_eq!(expanded("?/*.log"), ["a/x.log", "b/[z].log", "b/x.log", "b/y.log"]);
        assert_eq!(expanded("b/[x-y].log"), ["b/x.log", "b/y.log"]);
        assert_eq!(expanded("b/[!x].log"), ["b/y.log"]);
        assert_eq!(expanded("b/.*"), ["b/.hidden.log"]);
        assert_eq!(expanded("b/x.log.?"), ["b/x.log.1"]);
        assert_eq!(expanded("b/[z].log"), ["b/[z].log"], "a file of that very name");
        assert!(has_literal_dots(Path::new("b/x.log"), Path::new("./b/*")));
        for unmatched in ["c/*", "b/x[", "b/*.txt"] {
            assert_eq!(expanded(unmatched), [unmatched]);
        }
    }
}
