//! The catalogue of a folder of large lists, by the names of its files: one for tests and benchmarks.

use std::path::Path;

/// The catalogue of the folder, by the names of its files.
pub(crate) fn catalog(folder: &Path) -> String {
    let entries = std::fs::read_dir(folder).expect("the folder of large lists");
    let mut files: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    files.sort();
    files.iter().map(|file| feed(file)).collect()
}

/// The format that reads a large list, and the reach of its names, by the name of its file.
pub(crate) fn reading(file: &str) -> (&'static str, &'static str) {
    match file {
        _ if file.starts_with("ip.") || file.starts_with("net.") => ("plain-ip", "exact"),
        _ if file.starts_with("maltrail.mass") => ("plain-ip-annotated", "exact"),
        _ if file.starts_with("maltrail.") => ("maltrail", "tree"),
        _ if file.starts_with("ut1.") && file.contains("urls") => ("url-list", "exact"),
        _ if file.starts_with("ut1.") => ("plain-domain", "tree"),
        _ if file.contains("alt-version") => ("plain-domain", "exact"),
        _ if file.contains("adguard") => ("adblock", "tree"),
        _ if file.contains("dnsmasq") => ("dnsmasq", "tree"),
        _ => ("hosts", "exact"),
    }
}

fn feed(file: &str) -> String {
    let (format, scope) = reading(file);
    let id = file.trim_end_matches(".gz").replace('_', "-").to_lowercase();
    let provider = id.split('.').next().unwrap_or_default();
    format!(
        "[[feed]]\nid = \"{id}\"\nprovider = \"{provider}.example\"\nfile = \"{file}\"\nformat = \"{format}\"\n\
         scope = \"{scope}\"\nretention = \"3650d\"\nmax_age = \"3650d\"\nassessment = [\"blacklist\"]\n{GUARD}"
    )
}

/// What is compared with the lists must hold all that they list, and one of them covers a twelfth of IPv4.
const GUARD: &str = "[feed.guard]\nallow_canaries = true\nnew_coverage_above = \"12%\"\n";
