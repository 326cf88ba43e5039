//! Names that people visit: the sites that public rankings have on top, from a folder of such lists.
//!
//! Made-up names differ from listed ones within a few bytes, which flatters whoever compares byte by byte and stops at the first
//! that is different. Names that are visited begin and end like listed ones, and some are listed.

use crate::common::read_text;
use rapsheet_snapshot::name;
use std::fs;
use std::path::Path;

/// What the names of rankings begin with, among other lists of their folder.
const RANKINGS: [&str; 5] = ["alexa", "cisco_top", "cloudflare-top", "majestic", "tranco"];

/// The names of all rankings, with their bytes reversed; none where the environment names no folder of lists.
pub(crate) fn top() -> Vec<Vec<u8>> {
    let Some(corpus) = std::env::var_os("RAPSHEET_CORPUS") else { return Vec::new() };
    let Ok(folder) = fs::read_dir(Path::new(&corpus).join("feeds/misp-warninglist")) else {
        return Vec::new();
    };
    let paths = folder.filter_map(|entry| Some(entry.ok()?.path()));
    let is_ranking = |path: &Path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        RANKINGS.iter().any(|ranking| name.starts_with(ranking))
    };
    paths.filter(|path| is_ranking(path)).flat_map(|path| ranked(&path)).collect()
}

/// The names of a ranking that are well formed.
fn ranked(path: &Path) -> Vec<Vec<u8>> {
    let text = read_text(path);
    let document: serde_json::Value = serde_json::from_slice(&text).expect("a list of the corpus");
    let listed = document.get("list").and_then(|list| list.as_array()).expect("a list of the corpus").iter();
    let names = listed.filter_map(|item| item.as_str()).filter(|item| item.contains('.'));
    names
        .filter_map(|item| {
            let (mut canonical, mut reversed) = (Vec::new(), Vec::new());
            name::canonical(item.as_bytes(), &mut canonical).ok()?;
            name::reversed(&canonical, &mut reversed);
            Some(reversed)
        })
        .collect()
}
