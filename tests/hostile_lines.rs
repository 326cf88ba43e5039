//! Lines that provoke quadratic parsing: every format reads them in time that is linear in their length.

use rapsheet_ingest::format::FORMATS;
use rapsheet_ingest::format::options::Options;
use rapsheet_ingest::pipeline::{EventLog, ParseConfig, Rules, parse_text};
use rapsheet_snapshot::{ListKind, Scope, Time};
use std::time::{Duration, Instant};

/// Repeated, these make a backtracking parser quadratic.
const PATTERNS: &[&str] = &[
    "[", "[[.]]", "(dot)", "\\.", "a.", ".", "-", "xn--", "ü", "xn--a.", ":", "/", "//", "http://", "$",
    "$a", "$a,", "||", "^", "*", "\"", "\"\"", "\\\"", ",", "1.", "1-", "#", " #", "{\"a\":", "[[", "@@",
    "|", "=", "=/", "%", "\u{200b}",
];

fn lines() -> Vec<u8> {
    let mut text = Vec::new();
    for pattern in PATTERNS {
        let long = pattern.repeat(60_000 / pattern.len());
        for line in
            [long.clone(), format!("||{long}"), format!("address=/{long}/0.0.0.0"), format!("http://{long}")]
        {
            text.extend_from_slice(line.as_bytes());
            text.push(b'\n');
        }
        let nested = format!("{}.{}", "[".repeat(20_000), "]".repeat(20_000));
        text.extend_from_slice(nested.as_bytes());
        text.push(b'\n');
    }
    text
}

#[test]
fn parse_time_is_linear_in_line_length() {
    let text = lines();
    let now = Time::parse_rfc3339("2026-11-23T00:00:00Z").expect("a time");
    let rules = Rules::new(now, ListKind::Block, Scope::Tree);
    for format in FORMATS {
        let options = Options::default();
        let config = ParseConfig { format, options: &options, rules: &rules, can_be_empty: true };
        let mut event_log = EventLog::new(ListKind::Block);
        let start = Instant::now();
        // The format may refuse the file; only the time counts.
        let _ = parse_text(&config, &mut text.as_slice(), &mut event_log);
        let taken = start.elapsed();
        assert!(taken < Duration::from_secs(5), "{}: {taken:?} for {} bytes", format.id, text.len());
    }
}
