//! Real files, read in their formats: nothing panics, every line is counted once, and few lines are rejected.
//!
//! The folder of real files is not part of the project; `RAPSHEET_CORPUS` names it, and without it the tests
//! are skipped. A file that loses more than one line in a hundred is listed below with the reason.

use crate::files::files;
use crate::large_lists::format_and_scope;
use crate::support::{corpus, day};
use rapsheet_ingest::decode::{self, Limits};
use rapsheet_ingest::format::options::Options;
use rapsheet_ingest::format::{self, FORMATS, OpenError};
use rapsheet_ingest::pipeline::{
    Counters, Details, Key, ParseConfig, Position, Rules, Sink, Skip, Warnings, parse_download,
};
use rapsheet_snapshot::{ParseError, Scope};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Folders whose name is the format of their files.
const FOLDERS: &[&str] = &[
    "plain-ip",
    "plain-ip-annotated",
    "netset",
    "spamhaus-drop-text",
    "plain-domain",
    "domain-wildcard",
    "hosts",
    "adblock",
    "dnsmasq",
    "url-list",
    "csv",
    "misp-warninglist",
    "ip-range-csv",
    "p2p-plaintext",
    "pipe-delimited",
    "dshield",
    "tor-exit-addresses",
    "adblock-base64-autoproxy",
    "unbound",
    "bind-zones",
    "rpz",
    "squidguard",
    "regex-list",
    "stix",
    "zeek-intel",
    "json",
    "freetext",
];

/// Files whose format is not the name of their folder, by the beginning of their path; the first match
/// counts.
const FORMAT_OVERRIDES: &[(&str, &str)] = &[
    ("tor-exit-addresses/ipinfo-parser.torbulkexitlist", "plain-ip"),
    ("json/intelmq.otx-pulses", "otx-pulse"),
    ("json/intelmq.misp_event", "misp-feed"),
    ("json/intelmq.fireeye", "xml"),
    ("freetext/intelmq.ponmocup", "csv"),
    ("freetext/intelmq.test_surbl", "rbldnsd-dnset"),
    ("url-list/urlhaus-filter.urlhaus-filter-online.tpl", "ie-tpl"),
    ("excerpts/spamhaus.", "spamhaus-drop-json"),
    ("excerpts/csf-master", "plain-ip"),
    ("excerpts/dan-me-uk", "plain-ip"),
    ("excerpts/urlhaus.rpz", "rpz"),
    ("excerpts/basic.rpz", "rpz"),
    ("excerpts/onionoo", "onionoo"),
    ("excerpts/ipfilter", "emule-dat"),
    ("excerpts/threatview.c2", "csv"),
    ("excerpts/threatview.domain", "plain-domain"),
    ("excerpts/threatview.url", "url-list"),
    ("excerpts/threatfox.hostfile", "hosts"),
    ("excerpts/majestic", "toplist-csv"),
    ("excerpts/alienvault", "plain-ip-annotated"),
    ("excerpts/dshield", "dshield"),
    ("excerpts/", "csv"),
    ("compressed/urlhaus-filter.urlhaus-filter-domains", "plain-domain"),
    ("compressed/urlhaus-filter.urlhaus-filter-hosts", "hosts"),
    ("compressed/urlhaus-filter.urlhaus-filter-rpz", "rpz"),
    ("xml-rss-html/intelmq.xml", "xml"),
    ("xml-rss-html/", "url-list"),
    ("misp-feed/", "misp-feed"),
];

/// Options that a file needs, as a catalogue would state them.
const OPTIONS: &[(&str, &str, &str)] = &[("freetext/intelmq.ponmocup", "profile", "ponmocup")];

/// Files that may lose more than one line in a hundred: the accepted reject reasons, and the explanation.
const EXPECTED_LOSSES: &[(&str, &str, &str)] = &[
    ("adblock/adblock-nocoin-list.nocoin.txt", "pattern", "substring rules"),
    ("adblock/brave.abpjf.txt", "pattern single-label", "substring rules of an advertising list"),
    ("adblock/brave.coin-miners.txt", "pattern bad-host", "rules that lack the dollar before their modifier"),
    (
        "adblock/perflyst.SmartTV-AGH.txt",
        "pattern bad-host",
        "wildcards within names, and comments after rules",
    ),
    (
        "compressed/urlhaus-filter.urlhaus-filter-domains-online.txt.br",
        "binary",
        "brotli has no magic number",
    ),
    ("compressed/urlhaus-filter.urlhaus-filter-hosts-online.txt.br", "binary", "brotli has no magic number"),
    ("compressed/urlhaus-filter.urlhaus-filter-rpz-online.conf.br", "binary", "brotli has no magic number"),
    ("csv/intelmq.cert.txt", "bogon", "a sample with documentation addresses"),
    ("csv/intelmq.defacement_accepted", "bogon", "a sample with documentation addresses"),
    ("csv/intelmq.extra_regex", "no-data", "a sample with documentation addresses"),
    ("csv/intelmq.invalid_sample_report", "no-data", "a sample of what is invalid"),
    ("csv/intelmq.test_smb", "no-data", "a sample with private addresses"),
    ("csv/intelmq.sample_report", "bad-columns", "a sample of rows without their fields"),
    ("csv/unit42.bitter", "bad-ip bogon bad-host single-label", "a table of samples, not of indicators"),
    ("csv/unit42.samsa", "bad-columns", "a table of samples, not of indicators"),
    ("dnsmasq/dnsmasq-china-list.bogus-nxdomain", "no-data", "directives alone"),
    ("dshield/intelmq.asdetailsascii", "bad-ip", "two lines of a licence without a comment mark"),
    ("excerpts/basic.rpz", "bogon", "a private address"),
    ("excerpts/csf-master.glued", "no-data", "two addresses without anything between them"),
    ("excerpts/dan-me-uk", "no-data", "an error message"),
    ("excerpts/dshield.block", "bogon", "a documentation network"),
    ("excerpts/ipfilter.dat", "bogon", "special-use networks"),
    ("excerpts/threatview.domain.odd", "no-data", "an address in octal"),
    ("excerpts/threatview.url.leading-zero", "no-data", "an address with a leading zero"),
    ("freetext/intelmq.test_surbl", "no-data", "names of one label"),
    ("hosts/adblock-fast.hosts", "single-label", "names of one label"),
    ("json/intelmq.blueliv", "bogon", "a private address"),
    ("json/intelmq.ctip.json", "bogon", "documentation and private addresses"),
    ("json/intelmq.ctip_azure", "no-data", "multicast addresses"),
    ("json/intelmq.mixed-ioc", "no-data", "private addresses and a name without a known ending"),
    ("json/intelmq.ndjson", "no-data", "loopback addresses"),
    ("json/intelmq.otx-pulses", "path-only", "paths without a host"),
    ("misp-warninglist/automated-malware-analysis", "no-data", "substrings"),
    ("misp-warninglist/common-contact-emails", "no-data", "expressions"),
    ("misp-warninglist/covid-19-krassi", "public-suffix", "a public suffix"),
    ("misp-warninglist/disposable-email", "no-data", "substrings"),
    (
        "misp-warninglist/google.json",
        "bad-label bad-host public-suffix",
        "names with a leading dot in a list of whole strings",
    ),
    ("misp-warninglist/ipv6-linklocal", "no-data", "one prefix, wider than an allowlist may name"),
    ("misp-warninglist/majestic_million", "public-suffix", "public suffixes among the first million"),
    ("misp-warninglist/microsoft-attack-simulator", "no-data", "substrings"),
    (
        "misp-warninglist/microsoft-win10-connection",
        "bad-label",
        "names with a leading dot in a list of whole strings",
    ),
    (
        "misp-warninglist/microsoft.json",
        "bad-label single-label",
        "names with a leading dot in a list of whole strings",
    ),
    ("misp-warninglist/phone_numbers", "no-data", "expressions"),
    ("misp-warninglist/rfc5735", "too-wide", "two prefixes wider than an allowlist may name"),
    ("misp-warninglist/second-level-tlds", "single-label public-suffix", "public suffixes by intent"),
    ("misp-warninglist/tlds", "no-data", "top-level domains by intent"),
    ("pipe-delimited/intelmq.cymru", "no-data", "samples with private addresses"),
    ("pipe-delimited/intelmq.dataplane.sshclient", "bad-columns", "a row that is cut short"),
    ("plain-domain/jarelllama.whitelist", "no-data", "expressions"),
    ("plain-domain/minerchk.coinhive", "no-data", "one expression"),
    ("plain-ip/intelmq.blocklistde.imap", "no-data", "a sample with documentation addresses"),
    ("plain-ip/unit42.IP_listing", "bogon", "multicast addresses"),
    ("regex-list/perflyst.regex", "pattern", "expressions without an end"),
    ("scale/maltrail.", "path-only", "paths without a host"),
    ("squidguard/ut1_cryptojacking_usage", "no-data", "a file about a category"),
    ("squidguard/ut1_ddos_usage", "no-data", "a file about a category"),
    ("squidguard/ut1_global_usage", "no-data", "a file about all categories"),
    ("squidguard/ut1_malware_expressions", "no-data", "expressions"),
    ("squidguard/ut1_phishing_usage", "no-data", "a file about a category"),
    ("stix/oasis.sco-examples", "no-data", "observables alone"),
    ("stix/unit42.2024-02-14-Danabot", "bad-scheme", "tcp:// URLs"),
    ("stix/unit42.2024-02-28-AZORult", "bad-url", "a URL with a blank in it"),
    ("url-list/intelmq.openphish", "no-data", "a sample whose names have an empty label"),
    ("url-list/unit42.diamondfox", "no-data", "a table in spite of its name"),
    ("xml-rss-html/intelmq.feodotracker", "html", "a page"),
    ("xml-rss-html/intelmq.html_table", "no-data", "a table of a page"),
    ("xml-rss-html/intelmq.test_", "html", "a page"),
    ("zeek-intel/cps.atomspam", "bad-url bad-idna", "URLs that end in an ellipsis"),
];

/// Formats in which most text is no indicator, so that a file of another format is not told apart by its
/// rejects.
const LENIENT_FORMATS: &[(&str, &str)] = &[
    ("freetext", "prose is mostly words"),
    ("indicator-list", "a list of one's own may be prose"),
    ("firewall-config", "a configuration is mostly directives"),
    ("pac", "a program is mostly statements"),
    ("cloud-json", "every string that is a prefix is an entry"),
    ("json", "every member of a known name is an entry"),
];

/// Discards entries; the counters are in the result.
struct NullSink;

impl Sink for NullSink {
    fn entry(&mut self, _: Position, _: Key<'_>, _: &Details, _: Warnings) {}
    fn skip(&mut self, _: Position, _: Skip) {}
    fn reject(&mut self, _: Position, _: ParseError, _: &[u8]) {}
}

/// Every file of the corpus with its format.
fn files_with_formats(feeds: &Path) -> Vec<(PathBuf, &'static str)> {
    let folders = FOLDERS.iter().copied().chain(["excerpts", "compressed", "xml-rss-html", "misp-feed"]);
    let small = folders.flat_map(|folder| {
        files(&feeds.join(folder)).into_iter().map(move |path| {
            let label = format!("{folder}/{}", path.file_name().unwrap_or_default().display());
            let named = FORMAT_OVERRIDES.iter().find(|(begin, _)| label.starts_with(begin));
            (path, named.map_or(folder, |(_, format)| *format))
        })
    });
    let large = files(&feeds.join("scale")).into_iter().filter_map(|path| {
        let (format, _) = format_and_scope(path.file_name()?.to_str()?);
        Some((path, format))
    });
    small.chain(large).collect()
}

/// Reads one file as a build would.
fn read(path: &Path, id: &str, label: &str) -> Result<Counters, OpenError> {
    read_as(path, id, label, true)
}

fn read_as(path: &Path, id: &str, label: &str, can_be_empty: bool) -> Result<Counters, OpenError> {
    let format = format::find(id).expect("a known format");
    let mut options = Options::default();
    OPTIONS
        .iter()
        .filter(|(begin, ..)| label.starts_with(begin))
        .for_each(|(_, key, value)| options.push(key, value));
    let rules = Rules::new(day(0), format.list, Scope::Exact);
    let config = ParseConfig { format, options: &options, rules: &rules, can_be_empty };
    let mut text = decode::open_path(path, Limits::default())?;
    parse_download(&config, &mut text, &mut NullSink).counters
}

/// A failure, or a loss of lines, that is not expected.
fn unexpected_loss(label: &str, read: &Result<Counters, OpenError>) -> Option<String> {
    let known = EXPECTED_LOSSES.iter().filter(|(file, ..)| label.starts_with(file));
    let expected: Vec<&str> = known.flat_map(|(_, kinds, _)| kinds.split(' ')).collect();
    match read {
        Err(OpenError::File(refusal)) => {
            (!expected.contains(&refusal.word())).then(|| format!("refused: {}", refusal.word()))
        }
        Err(OpenError::Options(error)) => Some(error.to_string()),
        Ok(counters) => {
            let lost = counters.refusals.iter().filter(|(why, _)| !expected.contains(&why.word()));
            let lost: u64 = lost.map(|(_, count)| count).sum();
            let few = lost * 100 <= counters.lines;
            (!few).then(|| format!("{lost} of {} lines: {:?}", counters.lines, counters.refusals))
        }
    }
}

#[test]
fn real_files_lose_few_lines() {
    let Some(corpus) = corpus("real_files_lose_few_lines") else { return };
    let feeds = corpus.join("feeds");
    let mut wrong = Vec::new();
    let files_with_formats = files_with_formats(&feeds);
    for (path, id) in &files_with_formats {
        let label = label(&feeds, path);
        let result = read(path, id, &label);
        if let Ok(counters) = &result {
            assert_lines_add_up(&label, counters);
        }
        wrong.extend(unexpected_loss(&label, &result).map(|what| format!("{label} as {id}: {what}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let unused = EXPECTED_LOSSES
        .iter()
        .find(|(file, ..)| files_with_formats.iter().all(|(path, _)| !label(&feeds, path).starts_with(file)));
    assert!(unused.is_none(), "no such file: {unused:?}");
}

fn label(feeds: &Path, path: &Path) -> String {
    path.strip_prefix(feeds).expect("within the folder").display().to_string()
}

fn assert_lines_add_up(label: &str, counters: &Counters) {
    let parts = counters.data_lines + counters.skipped_lines + counters.rejected_lines;
    assert_eq!(counters.lines, parts, "{label}: every line is counted once");
}

/// A file read in a wrong format: nothing panics, reading ends in time, and lost entries show as rejects.
#[test]
fn files_read_in_a_wrong_format_report_losses() {
    let Some(corpus) = corpus("files_read_in_a_wrong_format_report_losses") else { return };
    let feeds = corpus.join("feeds");
    let mut quiet = Vec::new();
    for (path, own) in files_with_formats(&feeds) {
        let label = label(&feeds, &path);
        let size = path.metadata().expect("a file").len();
        if size > 400_000 || size == 0 || label.starts_with("scale/") {
            continue;
        }
        let Ok(truth) = read(&path, own, &label) else { continue };
        for format in FORMATS.iter().filter(|format| format.id != own) {
            let start = Instant::now();
            let result = read_as(&path, format.id, &label, false);
            let limit = Duration::from_secs(2);
            assert!(start.elapsed() < limit, "{label} as {}: {:?}", format.id, start.elapsed());
            if let Ok(counters) = &result {
                assert_lines_add_up(&label, counters);
                let reported = counters.rejected_lines * 5 > counters.data_lines + counters.rejected_lines;
                let similar = counters.data_lines * 2 >= truth.data_lines;
                let empty = counters.data_lines == 0;
                let excused = LENIENT_FORMATS.iter().any(|(id, _)| *id == format.id);
                if empty || !reported && !similar && !excused {
                    quiet.push(format!(
                        "{label} ({own}) as {}: {} of {} lines",
                        format.id, counters.data_lines, truth.data_lines
                    ));
                }
            }
        }
    }
    assert!(quiet.is_empty(), "{}", quiet.join("\n"));
}

/// `auto` reads nine tenths of what the named format reads, or more.
#[test]
fn auto_reads_as_much_as_the_named_format() {
    let Some(corpus) = corpus("auto_reads_as_much_as_the_named_format") else { return };
    let feeds = corpus.join("feeds");
    let mut wrong = Vec::new();
    for (path, own) in files_with_formats(&feeds) {
        let label = label(&feeds, &path);
        let Ok(truth) = read(&path, own, &label) else { continue };
        let guessed = read(&path, "auto", &label).map(|counters| counters.data_lines).unwrap_or_default();
        if guessed * 10 < truth.data_lines * 9 && truth.data_lines > 20 {
            wrong.push(format!("{label} ({own}): {guessed} of {}", truth.data_lines));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
