//! Names of popular sites, from public rankings in a folder of lists.
//!
//! Made-up names differ from listed ones within a few bytes, which favours an index that stops at the first
//! different byte. Names of real sites share prefixes and suffixes with listed ones, and some are listed.

use crate::common::read_text;
use rapsheet_snapshot::name;
use std::fs;
use std::path::Path;

/// The beginnings of the file names of rankings.
const RANKINGS: [&str; 5] = ["alexa", "cisco_top", "cloudflare-top", "majestic", "tranco"];

/// The reversed names of all rankings; empty without `RAPSHEET_CORPUS`.
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

/// The valid names of a ranking, reversed.
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
