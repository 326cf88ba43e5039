//! Patterns in file names that no shell has expanded, as a service or a scheduler passes them:
//! `logs/*/access.log*`.
//!
//! The `glob` crate matches one name against one pattern, with a shell's rules: no wildcard matches the dot of a
//! hidden name. The walk over folders is ours: the crate's own panics on names that are not UTF-8 and finds no
//! hidden files.

use glob::{MatchOptions, Pattern};
use std::fs;
use std::path::{Component, Path, PathBuf};

const AS_A_SHELL: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

/// Replaces each pattern by the files that match it, sorted by name. A path that exists is that file, even if
/// its name looks like a pattern. A pattern without matches stays, so that opening it names it in an error.
pub(crate) fn expand(paths: &[PathBuf]) -> Vec<PathBuf> {
    paths.iter().flat_map(|path| matches(path).unwrap_or_else(|| vec![path.clone()])).collect()
}

fn matches(path: &Path) -> Option<Vec<PathBuf>> {
    if !is_pattern(path.to_str()?) || path.symlink_metadata().is_ok() {
        return None;
    }
    let found = path.components().fold(vec![PathBuf::new()], |folders, component| {
        folders.iter().flat_map(|folder| matches_in(folder, component)).collect()
    });
    (!found.is_empty()).then_some(found)
}

fn is_pattern(name: &str) -> bool {
    name.contains(['*', '?', '['])
}

/// The paths in a folder that one component of a path names. A folder that cannot be read has none, as in a shell.
fn matches_in(folder: &Path, component: Component<'_>) -> Vec<PathBuf> {
    let name = component.as_os_str();
    let Some(text) = name.to_str().filter(|name| is_pattern(name)) else {
        let path = folder.join(name);
        return if path.symlink_metadata().is_ok() { vec![path] } else { Vec::new() };
    };
    let Some(pattern) = pattern(text) else { return Vec::new() };
    let here = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let entries = fs::read_dir(here).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| pattern.matches_with(name, AS_A_SHELL)).collect();
    names.sort_unstable();
    names.into_iter().map(|name| folder.join(name)).collect()
}

/// A pattern for one name. To a shell `**` is `*`; to the crate it is any number of folders.
fn pattern(text: &str) -> Option<Pattern> {
    let is_second = |at: usize| text.get(..at).is_some_and(|before| before.ends_with('*'));
    let single = text.char_indices().filter(|(at, mark)| *mark != '*' || !is_second(*at));
    Pattern::new(&single.map(|(_, mark)| mark).collect::<String>()).ok()
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
        assert_eq!(expanded("b/.*.log"), ["b/.hidden.log"]);
        assert_eq!(expanded("./a/**"), ["a/x.log"]);
        assert_eq!(expanded("b/x.log.?"), ["b/x.log.1"]);
        assert_eq!(expanded("b/[z].log"), ["b/[z].log"], "a file of that very name");
        #[cfg(unix)]
        {
            use std::os::unix::ffi::OsStrExt as _;
            let name = std::ffi::OsStr::from_bytes(b"a/\xff.log");
            fs::write(dir.path().join(name), "").expect("written");
            assert_eq!(expanded("a/*.log"), ["a/x.log"], "a name that is no text matches nothing");
        }
        for unmatched in ["c/*", "b/x[", "b/*.txt"] {
            assert_eq!(expanded(unmatched), [unmatched]);
        }
    }
}
