//! The catalogue over a folder of large lists, made from the names of its files, for tests and benchmarks.

use super::files::files;
use std::path::Path;

/// The catalogue of the folder.
pub(crate) fn catalog(folder: &Path) -> String {
    files(folder).iter().map(|path| feed(&path.file_name().unwrap_or_default().to_string_lossy())).collect()
}

/// The format of a large list, and the scope of its names, by the name of its file.
pub(crate) fn format_and_scope(file: &str) -> (&'static str, &'static str) {
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
    let (format, scope) = format_and_scope(file);
    let id = file.trim_end_matches(".gz").replace('_', "-").to_lowercase();
    let provider = id.split('.').next().unwrap_or_default();
    format!(
        "[[feed]]\nid = \"{id}\"\nprovider = \"{provider}.example\"\nfile = \"{file}\"\nformat = \"{format}\"\n\
         scope = \"{scope}\"\nretention = \"3650d\"\nmax_age = \"3650d\"\nassessment = [\"blacklist\"]\n{GUARD}"
    )
}

/// The snapshot must hold all that the lists hold, for comparisons; one of them covers a twelfth of IPv4.
const GUARD: &str = "[feed.guard]\nallow_never_block = true\nnew_coverage_above = \"12%\"\n";
