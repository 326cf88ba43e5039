//! Real files through the formats that read them: nothing panics, every line is counted once, and few lines that
//! look like data are refused.
//!
//! The folder of real files is not part of the project; `RAPSHEET_CORPUS` names it, and without it this says
//! that it skipped. A file that loses more than one line in a hundred is named below with the reason, so that
//! a new loss is seen.

use crate::support::{corpus, day};
use ingest::decode::{self, Caps};
use ingest::format::{self, OpenError};
use ingest::intake::{Recipe, transcribe};
use ingest::options::Options;
use ingest::scribe::{Details, Key, Place, Rules, Sink, Skip, Warnings};
use ingest::tally::Tally;
use snapshot::{ListKind, Refusal, Scope};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// Folders with the format that reads them.
const FOLDERS: &[(&str, &str)] = &[
    ("plain-ip", "plain-ip"),
    ("plain-ip-annotated", "plain-ip-annotated"),
    ("ip-range-csv", "ip-range"),
    ("netset", "netset"),
    ("spamhaus-drop-text", "spamhaus-drop-text"),
    ("plain-domain", "plain-domain"),
    ("domain-wildcard", "domain-wildcard"),
    ("hosts", "hosts"),
    ("adblock", "adblock"),
    ("dnsmasq", "dnsmasq"),
    ("url-list", "url-list"),
    ("csv", "csv"),
    ("misp-warninglist", "misp-warninglist"),
];

/// What the names of large lists begin with, and the format that reads them; the first that fits counts.
const LARGE: &[(&str, &str)] = &[
    ("ip.", "plain-ip"),
    ("net.", "plain-ip"),
    ("ut1.malware-urls", "url-list"),
    ("ut1.phishing-urls", "url-list"),
    ("ut1.", "plain-domain"),
    ("blp.alt-version-", "plain-domain"),
    ("blp.adguard-", "adblock"),
    ("blp.dnsmasq-", "dnsmasq"),
    ("blp.drugs", "hosts"),
    ("maltrail.mass_scanner", "plain-ip-annotated"),
    ("maltrail.", "maltrail"),
];

/// Options without which a file means nothing, as a catalogue would state them.
const OPTIONS: &[(&str, &str, &str)] = &[
    ("csv/carbonblack.", "delimiter", "tab"),
    ("csv/carbonblack.", "value", "c2_ip"),
    ("csv/jayp232.IPC2s", "profile", "c2intel"),
    ("csv/unit42.rarog", "value", "2"),
];

/// Files that may lose more than one line in a hundred, or all, and why.
const LOSSES: &[(&str, &str)] = &[
    ("adblock/adblock-nocoin-list.nocoin.txt", "substring rules"),
    ("adblock/brave.abpjf.txt", "substring rules of an advertising list"),
    ("adblock/brave.coin-miners.txt", "rules that have lost the dollar before their modifier"),
    ("adblock/perflyst.SmartTV-AGH.txt", "wildcards within names, and remarks behind rules"),
    ("csv/intelmq.", "samples in layouts of their own, with documentation addresses"),
    ("csv/unit42.bitter", "a table of samples, not of indicators"),
    ("csv/unit42.samsa", "a table of samples, not of indicators"),
    ("misp-warninglist/automated-malware-analysis", "substrings"),
    ("misp-warninglist/common-contact-emails", "expressions"),
    ("misp-warninglist/covid-19-krassi", "a public suffix"),
    ("misp-warninglist/disposable-email", "substrings"),
    ("misp-warninglist/google.json", "names with a leading dot in a list of whole strings"),
    ("misp-warninglist/ipv6-linklocal", "one prefix, wider than an allowlist may name"),
    ("misp-warninglist/majestic_million", "public suffixes among the first million"),
    ("misp-warninglist/microsoft-attack-simulator", "substrings"),
    ("misp-warninglist/microsoft-win10-connection", "names with a leading dot in a list of whole strings"),
    ("misp-warninglist/microsoft.json", "names with a leading dot in a list of whole strings"),
    ("misp-warninglist/phone_numbers", "expressions"),
    ("misp-warninglist/rfc5735", "two prefixes wider than an allowlist may name"),
    ("misp-warninglist/second-level-tlds", "public suffixes by intent"),
    ("misp-warninglist/tlds", "top-level domains by intent"),
    ("plain-domain/jarelllama.whitelist", "expressions"),
    ("plain-domain/minerchk.coinhive", "one expression"),
    ("plain-ip/intelmq.blocklistde.imap", "a sample with documentation addresses"),
    ("plain-ip/unit42.IP_listing", "multicast addresses"),
    ("scale/maltrail.", "paths without a host"),
    ("url-list/intelmq.openphish", "a sample whose names have an empty label"),
    ("url-list/unit42.diamondfox", "a table in spite of its name"),
    ("url-list/urlhaus-filter.urlhaus-filter-online.tpl", "another format, tracking protection"),
];

/// Counts nothing itself: the tally does.
struct Nowhere;

impl Sink for Nowhere {
    fn entry(&mut self, _: Place, _: Key<'_>, _: &Details, _: Warnings) {}
    fn skip(&mut self, _: Place, _: Skip) {}
    fn reject(&mut self, _: Place, _: Refusal, _: &[u8]) {}
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder of the corpus");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths
}

fn jobs(feeds: &Path) -> Vec<(PathBuf, &'static str)> {
    let small = FOLDERS
        .iter()
        .flat_map(|(folder, format)| files(&feeds.join(folder)).into_iter().map(move |path| (path, *format)));
    let large = files(&feeds.join("scale")).into_iter().filter_map(|path| {
        let name = path.file_name()?.to_str()?.to_owned();
        LARGE.iter().find(|(begin, _)| name.starts_with(begin)).map(|(_, format)| (path, *format))
    });
    small.chain(large).collect()
}

/// Reads one file under the rules that a catalogue would give it.
fn read(path: &Path, id: &str, label: &str) -> Result<Tally, OpenError> {
    let format = format::find(id).expect("a known format");
    let mut options = Options::default();
    OPTIONS
        .iter()
        .filter(|(begin, ..)| label.starts_with(begin))
        .for_each(|(_, key, value)| options.push(key, value));
    let list = if id == "misp-warninglist" { ListKind::Allow } else { ListKind::Block };
    let rules = Rules::new(day(0), list, Scope::Exact);
    let recipe = Recipe { format, options: &options, rules: &rules, can_be_empty: true };
    let mut text = decode::open(File::open(path).expect("a file"), Caps::default())?;
    transcribe(&recipe, &mut text, &mut Nowhere)
}

/// What is wrong with a file's reading, if anything is.
fn complaint(read: &Result<Tally, OpenError>) -> Option<String> {
    let tally = match read {
        Err(error) => return Some(format!("refused: {error:?}")),
        Ok(tally) => tally,
    };
    let few = tally.rejected_lines * 100 <= tally.lines;
    (!few).then(|| format!("{} of {} lines: {:?}", tally.rejected_lines, tally.lines, tally.refusals))
}

#[test]
fn real_files_lose_few_lines() {
    let Some(corpus) = corpus("real files through their formats") else { return };
    let feeds = corpus.join("feeds");
    let mut wrong = Vec::new();
    for (path, id) in jobs(&feeds) {
        let label = path.strip_prefix(&feeds).expect("within the folder").display().to_string();
        let result = read(&path, id, &label);
        if let Ok(tally) = &result {
            let parts = tally.data_lines + tally.skipped_lines + tally.rejected_lines;
            assert_eq!(tally.lines, parts, "{label}: every line once");
        }
        if let Some(what) = complaint(&result)
            && !LOSSES.iter().any(|(known, _)| label.starts_with(known))
        {
            wrong.push(format!("{label}: {what}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
