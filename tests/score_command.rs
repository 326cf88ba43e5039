//! The command `score`: positions, order, fields, inputs, outputs and summaries.

use crate::test_dir::{LOG, TestDir, code, json_lines, stderr, stdout};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

#[test]
fn score_reports_line_and_offset() {
    let dir = TestDir::new();
    dir.write("x.log", LOG);
    let output = dir.run(&["score", "x.log"]);
    let found = json_lines(&output);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let position = |value: &Value| (value["line"].as_u64(), value["offset"].as_u64());
    let offset = LOG.find("45.9.20.5").map(|at| at as u64);
    let address = found.iter().find(|row| row["indicator"] == "45.9.20.5").expect("a row");
    assert_eq!(position(address), (Some(3), offset));
    assert_eq!(address["file"], "x.log");
    assert_eq!(address["providers"], json!(["bad.example"]));
    assert_eq!(address["assessments"], json!(["botnet"]));
    assert!(found.iter().all(|row| row["status"] == 1));
}

#[test]
fn lines_output_repeats_input_lines() {
    let dir = TestDir::new();
    dir.write("x.log", format!("{LOG}\x1b[31m 45.9.20.5 \u{7}"));
    let output = dir.run(&["score", "--output", "lines", "x.log"]);
    let lines: Vec<&str> = LOG.lines().collect();
    assert_eq!(stdout(&output), format!("{}\n{}\n\x1b[31m 45.9.20.5 \u{7}\n", lines[0], lines[2]));
    let piped = dir.run_with_input(&["score", "--output", "lines", "-"], LOG.as_bytes());
    assert_eq!(stdout(&piped).lines().count(), 2);
}

#[test]
fn score_keeps_input_order_at_any_thread_count() {
    let dir = TestDir::new();
    let line = |at: usize| match at % 97 {
        0 => format!("{at} host evilpanel.com\n"),
        _ => format!("{at} an unremarkable line of a log, of some length\n"),
    };
    dir.write("big.log", (0..80_000).map(line).collect::<String>());
    dir.write("small.log", LOG);
    let run = |threads: &str| dir.run(&["score", "--threads", threads, "big.log", "small.log", "big.log"]);
    let one = run("1");
    assert!(one.stdout.len() > 100_000 && code(&one) == 0);
    for threads in ["2", "5"] {
        assert!(run(threads).stdout == one.stdout, "order or content differs at {threads} threads");
    }
    let rows = json_lines(&one);
    assert_eq!(rows.last().and_then(|row| row["line"].as_u64()), Some(79_929 / 97 * 97 + 1));
}

#[test]
fn selects_fields_of_zeek_logs() {
    let dir = TestDir::new();
    let log =
        "#separator \\x09\n#fields\tts\tid.orig_h\tid.resp_h\n1.0\t45.9.20.5\t45.9.20.6\n#close\t45.9.20.5\n";
    dir.write("conn.log", log);
    let both = dir.run(&["score", "conn.log"]);
    assert_eq!(json_lines(&both)[0]["line"], json!(3));
    assert_eq!(json_lines(&both).len(), 1);
    let other = dir.run(&["score", "--field", "id.resp_h", "conn.log"]);
    assert_eq!((code(&other), stdout(&other)), (0, ""));
    let all = dir.run(&["score", "--all", "--field", "id.resp_h", "conn.log"]);
    assert_eq!(json_lines(&all)[0]["indicator"], json!("45.9.20.6"));
    assert_eq!(code(&dir.run(&["score", "--field", "nonsense", "conn.log"])), 2);
}

#[test]
fn reports_an_unreadable_input_and_reads_the_others() {
    let dir = TestDir::new();
    dir.write("x.log", LOG);
    let output = dir.run(&["score", "--output", "lines", "missing.log", "x.log"]);
    assert_eq!((code(&output), stdout(&output).lines().count()), (4, 2));
    assert!(stderr(&output).contains("missing.log"));
}

#[test]
fn reads_folders_and_patterns_in_name_order() {
    let dir = TestDir::new();
    for name in ["logs/b.log", "logs/a/z.log", "logs/a/y.log", "logs/.hidden"] {
        dir.write(name, "evilpanel.com\n");
    }
    let output = dir.run(&["score", "logs"]);
    let files: Vec<Value> = json_lines(&output).iter().map(|row| row["file"].clone()).collect();
    assert_eq!(files, ["logs/a/y.log", "logs/a/z.log", "logs/b.log"]);
    let pattern = json_lines(&dir.run(&["score", "log?/*/*.log", "logs/b*"]));
    let files: Vec<Value> = pattern.iter().map(|row| row["file"].clone()).collect();
    assert_eq!(files, ["logs/a/y.log", "logs/a/z.log", "logs/b.log"]);
    assert_eq!(code(&dir.run(&["score", "none*"])), 4);
    assert_eq!(code(&dir.run(&["score", "nowhere"])), 4);
}

#[test]
fn from_offset_resumes_a_run() {
    let dir = TestDir::new();
    dir.write("x.csv", CSV_LOG);
    let all = json_lines(&dir.run(&["score", "--field", "host", "x.csv"]));
    let from = CSV_LOG.find(",10.0.0.1").expect("an existing file").to_string();
    let rest = dir.run(&["score", "--field", "host", "--from", &from, "x.csv"]);
    assert_eq!(json_lines(&rest), all[1..]);
    let beyond = dir.run(&["score", "--from", "1000000", "x.csv"]);
    assert_eq!((code(&beyond), stdout(&beyond)), (0, ""));
}

#[test]
fn unordered_output_has_the_same_rows() {
    let dir = TestDir::new();
    let line =
        |at: usize| format!("{at} host {} and some more of a line\n", ["evilpanel.com", "x.org"][at % 2]);
    dir.write("big.log", (0..100_000).map(line).collect::<String>());
    let sorted = |args: &[&str]| {
        let output = dir.run(&[&["score", "big.log"], args].concat());
        let mut lines: Vec<String> = stdout(&output).lines().map(str::to_owned).collect();
        lines.sort_unstable();
        lines
    };
    assert!(sorted(&["--unordered", "--threads", "4"]) == sorted(&[]));
}

#[test]
fn follow_survives_rotation_and_a_new_snapshot() {
    let dir = TestDir::new();
    let add = |text: &str| {
        let mut file =
            std::fs::OpenOptions::new().create(true).append(true).open(dir.path("x.log")).expect("a file");
        file.write_all(text.as_bytes()).expect("written");
    };
    add("before evilpanel.com\n");
    let mut command = dir.command(&["score", "--follow", "x.log"]);
    let mut child = command.stdout(Stdio::piped()).spawn().expect("it runs");
    let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut next = || {
        let mut line = String::new();
        output.read_line(&mut line).expect("a row");
        serde_json::from_str::<Value>(&line).expect("an object")
    };
    std::thread::sleep(std::time::Duration::from_millis(600));
    add("one evilpanel.com\n");
    let first = next();
    assert_eq!((&first["indicator"], &first["offset"]), (&json!("evilpanel.com"), &json!(25)));
    std::fs::rename(dir.path("x.log"), dir.path("x.log.1")).expect("renamed");
    add("two 45.9.20.5\n");
    assert_eq!(next()["line"], json!(1));
    crate::sample::publish(&dir.path("rapsheet.rap"));
    add("three a.evilpanel.com\n");
    assert_eq!(next()["line"], json!(2));
    child.kill().expect("it runs");
    child.wait().expect("an exit status");
    assert_eq!(code(&dir.run(&["score", "--follow", "--summary", "x.log"])), 2);
    assert_eq!(code(&dir.run(&["score", "--follow"])), 2);
}

/// Two lines in gzip; 45.9.20.5 is on the second.
const GZIPPED: &[u8] = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x4b\x54\xc8\xc9\xcc\x4b\xe5\x4a\x2b\xca\xcf\x55\x30\x31\xd5\xb3\xd4\x33\x32\xd0\x33\xe5\x02\x00\x46\x5b\x3e\x6e\x16\x00\x00\x00";

#[test]
fn reads_compressed_logs_and_refuses_truncated_ones() {
    let dir = TestDir::new();
    dir.write("x.log", GZIPPED);
    let whole = dir.run(&["score", "x.log"]);
    let piped = dir.run_with_input(&["score", "-"], GZIPPED);
    for output in [whole, piped] {
        let found = json_lines(&output);
        assert_eq!((code(&output), &found[0]["line"], &found[0]["offset"]), (0, &json!(2), &json!(12)));
    }
    dir.write("cut.log", &GZIPPED[..GZIPPED.len() - 9]);
    assert_eq!(code(&dir.run(&["score", "cut.log"])), 4);
}

#[test]
fn prints_rows_before_a_fault_and_locates_the_fault() {
    let dir = TestDir::new();
    let text: String = (0..60_000).map(|at| format!("{} evilpanel.com\n", at * 7919 % 10_007)).collect();
    let packed = crate::support::gzip(text.as_bytes());
    dir.write("cut.log", &packed[..packed.len() / 2]);
    dir.write("x.log", LOG);
    let output = dir.run(&["score", "cut.log", "x.log"]);
    let rows = json_lines(&output);
    assert_eq!((code(&output), &rows[rows.len() - 1]["file"]), (4, &json!("x.log")));
    let message = stderr(&output);
    let end = message.split("up to byte ").nth(1).and_then(|rest| rest.split_whitespace().next());
    let end: u64 = end.and_then(|end| end.parse().ok()).unwrap_or_else(|| panic!("{message}"));
    let of_cut = rows.iter().filter(|row| row["file"] == "cut.log");
    let last = of_cut.filter_map(|row| row["offset"].as_u64()).max().expect("a row");
    assert!(rows.len() > 10_000 && last < end && end < last + 40, "{message}");
}

#[cfg(target_os = "linux")]
#[test]
fn many_small_files_take_little_memory() {
    let dir = TestDir::new();
    for at in 0..1000 {
        dir.write(&format!("logs/{at:04}.log"), format!("{at} {}\n", "evilpanel.com ".repeat(20)));
    }
    let mut command = dir.command(&["score", "--output", "annotated", "logs"]);
    let mut child = command.stdout(Stdio::piped()).spawn().expect("it runs");
    let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut line = String::new();
    output.read_line(&mut line).expect("a row");
    // The output is not read any further, so that the program blocks on it.
    std::thread::sleep(std::time::Duration::from_millis(300));
    let kibibytes = crate::process::memory(&child.id().to_string(), "RssAnon").expect("a running process");
    assert!(kibibytes < 48 << 10, "{kibibytes} KiB");
    let rest = output.lines().count();
    assert_eq!((rest, child.wait().expect("an exit status").code()), (999, Some(0)));
}

const CSV_LOG: &str = "time,src_ip,host,note\r\n2026-11-21T10:00:00Z,45.9.20.5,evilpanel.com,\"a \"\"b\"\",\r\n45.9.20.5\"\r\n2026-10-01T10:00:00Z,45.9.20.5,x.org,\r\n,10.0.0.1,www.evilpanel.com,\r\n";

fn csv_rows(text: &[u8]) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text);
    reader.records().map(|row| row.expect("a row").iter().map(str::to_owned).collect()).collect()
}

#[test]
fn selects_csv_fields_by_column() {
    let dir = TestDir::new();
    dir.write("x.csv", CSV_LOG);
    let found = |args: &[&str]| {
        let output = dir.run(&[&["score", "x.csv"], args].concat());
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        json_lines(&output)
            .iter()
            .map(|row| {
                (
                    row["line"].as_u64().expect("a line"),
                    row["indicator"].as_str().expect("a string").to_owned(),
                )
            })
            .collect::<Vec<_>>()
    };
    let row = |line: u64, indicator: &str| (line, indicator.to_owned());
    let hosts = [row(2, "evilpanel.com"), row(5, "www.evilpanel.com")];
    assert_eq!(found(&["--field", "host"]), hosts);
    assert_eq!(found(&["--field", "note"]), [row(3, "45.9.20.5")]);
    assert_eq!(found(&[]).len(), 5);
    assert_eq!(found(&["--input", "text"]).len(), 5);
    let output = dir.run(&["score", "--field", "nonsense", "x.csv"]);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("known: time, src_ip, host, note"), "{}", stderr(&output));
    let text = dir.run_with_input(&["score", "--field", "host", "-"], LOG.as_bytes());
    assert_eq!(code(&text), 2, "plain text has no fields");
}

#[test]
fn selects_json_fields_by_key() {
    let dir = TestDir::new();
    let log = "{\"src_ip\":\"45.9.20.5\",\"dns\":{\"query\":[{\"rrname\":\"evilpanel.com\"}]},\"id.orig_h\":\"45.9.20.5\"}\n{\"src_ip\":\"45.9.20.5\"\n";
    dir.write("eve.json", log);
    let count = |field: &str| json_lines(&dir.run(&["score", "--field", field, "eve.json"])).len();
    assert_eq!(
        ["src_ip", "dns.query.rrname", "dns", "rrname", "id.orig_h", "orig_h"].map(count),
        [1, 1, 1, 0, 1, 0],
        "the second line is no object"
    );
    let escaped = "{\"url\":\"http:\\/\\/evilpanel.com\\/gate.php\"}\n";
    let output = dir.run_with_input(&["score", "--all", "-"], escaped.as_bytes());
    let row = &json_lines(&output)[0];
    assert_eq!((&row["indicator"], &row["offset"]), (&json!("http://evilpanel.com/gate.php"), &json!(8)));
}

#[test]
fn annotated_tables_and_objects_remain_readable() {
    let dir = TestDir::new();
    dir.write("x.csv", CSV_LOG);
    let output = dir.run(&["score", "--output", "annotated", "x.csv"]);
    let (before, after) = (csv_rows(CSV_LOG.as_bytes()), csv_rows(&output.stdout));
    assert_eq!(before.len(), after.len());
    for (before, after) in before.iter().zip(&after) {
        assert_eq!((after.len(), &after[..4]), (9, before.as_slice()));
    }
    assert_eq!(
        after[0][4..],
        [
            "rapsheet_status",
            "rapsheet_detected_by",
            "rapsheet_assessments",
            "rapsheet_indicators",
            "rapsheet_providers"
        ]
    );
    assert_eq!(
        after[1][4..],
        ["1", "1", "botnet phishing", "45.9.20.5 evilpanel.com 45.9.20.5", "bad.example"].map(String::from),
        "one per line of the cell"
    );
    assert_eq!(after[3][4..7], ["1", "1", "phishing"]);
    let jsonl = "{\"a\": \"evilpanel.com\", \"b\": {}}  \n{}\nno object\n{\"c\":[1]}\r\n";
    let output =
        dir.run_with_input(&["score", "--output", "annotated", "--input", "jsonl", "-"], jsonl.as_bytes());
    for (before, after) in jsonl.lines().zip(stdout(&output).lines()) {
        let Ok(Value::Object(before)) = serde_json::from_str(before) else {
            assert_eq!(before, after);
            continue;
        };
        let Value::Object(mut after) = serde_json::from_str(after).expect("an object") else {
            panic!("{after}")
        };
        let annotation = after.remove("rapsheet").expect("the annotation");
        assert_eq!(before, after);
        assert_eq!(annotation["status"], if before.contains_key("a") { json!(1) } else { json!(null) });
    }
    let zeek = "#separator \\x09\n#fields\tts\thost\n#types\ttime\tstring\n1.0\tevilpanel.com\n2.0\tx.org\n#close\tx\n";
    let output =
        dir.run_with_input(&["score", "--output", "annotated", "--only-listed", "-"], zeek.as_bytes());
    let lines: Vec<Vec<&str>> = stdout(&output).lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!(lines.iter().map(Vec::len).collect::<Vec<_>>(), [1, 8, 8, 7, 2]);
    assert_eq!(lines[3][2..], ["1", "1", "phishing", "evilpanel.com", "bad.example"]);
}

#[test]
fn csv_output_has_a_header_and_escapes_formulas() {
    let dir = TestDir::new();
    dir.write("=x.log", LOG);
    let output = dir.run(&["score", "--output", "csv", "--spreadsheet", "=x.log"]);
    let rows = csv_rows(&output.stdout);
    assert_eq!(rows[0][..4], ["file", "line", "offset", "indicator"]);
    let address = rows.iter().find(|row| row[3] == "45.9.20.5").expect("a row");
    assert_eq!((address[0].as_str(), address[5].as_str(), address[7].as_str()), ("'=x.log", "1", "botnet"));
    assert_eq!(address[9..11], ["2026-11-01T03:00:00Z", "2026-11-20T03:00:00Z"]);
    let output = dir.run(&["score", "--output", "csv", "--context", "=x.log"]);
    let rows = csv_rows(&output.stdout);
    assert_eq!(
        (rows[0][12].as_str(), rows[2][12].as_str()),
        ("context", LOG.lines().nth(2).expect("a line"))
    );
    let json = json_lines(&dir.run(&["score", "--context", "=x.log"]));
    assert_eq!(json[0]["context"].as_str(), LOG.lines().next());
    let tsv = dir.run(&["score", "--output", "tsv", "=x.log"]);
    assert!(stdout(&tsv).lines().all(|line| line.split('\t').count() == 12));
}

#[test]
fn filters_select_matching_rows() {
    let dir = TestDir::new();
    dir.write("x.log", "45.9.20.5 evilpanel.com goodpanel.com 10.9.8.7 a.org\n");
    let found = |args: &[&str]| {
        let output = dir.run(&[&["score", "x.log"], args].concat());
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        json_lines(&output)
            .iter()
            .map(|row| row["indicator"].as_str().expect("a string").to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(found(&[]), ["45.9.20.5", "evilpanel.com", "goodpanel.com"]);
    assert_eq!(found(&["--status", "blocklisted"]), ["45.9.20.5", "evilpanel.com"]);
    assert_eq!(found(&["--status", "allowlisted,unknown"]), ["goodpanel.com", "10.9.8.7", "a.org"]);
    assert_eq!(found(&["--assessment", "phishing,tor"]), ["evilpanel.com"]);
    assert_eq!(found(&["--provider", "good.example"]), ["goodpanel.com"]);
    assert_eq!(found(&["--min-providers", "1"]), ["45.9.20.5", "evilpanel.com"]);
    assert_eq!(found(&["--min-providers", "2"]), Vec::<String>::new());
    assert_eq!(code(&dir.run(&["score", "--status", "bad", "x.log"])), 2);
}

#[test]
fn at_event_looks_records_up_as_of_their_own_times() {
    let dir = TestDir::new();
    dir.write("x.csv", CSV_LOG);
    let output = dir.run(&["score", "--at", "event", "--field", "src_ip", "--field", "host", "x.csv"]);
    let rows: Vec<(Value, Value)> =
        json_lines(&output).iter().map(|row| (row["line"].clone(), row["event_time"].clone())).collect();
    let event = json!("2026-11-21T10:00:00Z");
    let expected = [(json!(2), event.clone()), (json!(2), event), (json!(5), json!(null))];
    assert_eq!(rows, expected, "not listed in October");
    assert!(
        stderr(&output).contains("1 record without a time was looked up as of now"),
        "{}",
        stderr(&output)
    );
    let log = "1.2.3.4 - - [21/Nov/2026:10:05:03 +0000] evilpanel.com\n1.2.3.4 - - [21/Sep/2026:10:05:03 +0000] evilpanel.com\n";
    let text = dir.run_with_input(&["score", "--at", "event", "--all", "-"], log.as_bytes());
    let statuses: Vec<Value> = json_lines(&text)
        .iter()
        .filter(|row| row["indicator"] == "evilpanel.com")
        .map(|row| row["status"].clone())
        .collect();
    assert_eq!(statuses, [json!(1), json!(5)]);
}

#[test]
fn merged_shard_summaries_equal_the_whole() {
    let dir = TestDir::new();
    let line = |at: usize| match at % 50 {
        0 => format!("{at} evilpanel.com and 45.9.20.5\n"),
        1 => format!("{at} goodpanel.com\n"),
        _ => format!("{at} an unremarkable line of a log, of some length\n"),
    };
    dir.write("big.log", (0..100_000).map(line).collect::<String>());
    dir.write("small.log", LOG);
    let summary = |args: &[&str]| {
        let output = dir.run(&[&["score", "--summary=json", "big.log", "small.log"], args].concat());
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        output.stdout
    };
    let whole = summary(&[]);
    assert!(whole == summary(&["--threads", "5"]));
    for part in 1..=3 {
        dir.write(&format!("{part}.json"), summary(&["--shard", &format!("{part}/3")]));
    }
    let merged = dir.run(&["merge", "--format", "json", "2.json", "1.json", "3.json"]);
    assert!(merged.stdout == whole, "{}", stderr(&merged));
    let value: Value = serde_json::from_slice(&whole).expect("JSON");
    assert_eq!(value["files"]["big.log"]["lines"], json!(100_000));
    assert_eq!(value["files"]["big.log"]["found"], json!(6000));
    assert_eq!(value["indicators"][0]["count"].as_u64(), Some(2001));
    let table = dir.run(&["merge", "1.json"]);
    assert!(stdout(&table).contains("indicator") && stdout(&table).lines().all(|line| line.len() <= 100));
    assert_eq!(code(&dir.run(&["merge", "big.log"])), 4);
    for wrong in ["0/3", "4/3", "x"] {
        assert_eq!(code(&dir.run(&["score", "--shard", wrong, "small.log"])), 2);
    }
}

#[test]
fn piped_log_is_answered_line_by_line() {
    let dir = TestDir::new();
    let mut command = dir.command(&["score", "-"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it runs");
    let mut input = child.stdin.take().expect("a pipe");
    let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
    for number in 1..=3 {
        writeln!(input, "{number} evilpanel.com").expect("written");
        let mut line = String::new();
        output.read_line(&mut line).expect("a row");
        assert!(line.contains(&format!("\"line\":{number},")), "{line}");
    }
    drop(input);
    assert_eq!(child.wait().expect("an exit status").code(), Some(0));
}

#[cfg(unix)]
#[test]
fn refuses_to_write_into_the_input() {
    let dir = TestDir::new();
    dir.write("x.log", LOG);
    let file = std::fs::OpenOptions::new().append(true).open(dir.path("x.log")).expect("an existing file");
    let output =
        dir.command(&["score", "--output", "lines", "x.log"]).stdout(file).output().expect("it runs");
    assert_eq!(code(&output), 4);
    assert!(stderr(&output).contains("the output goes there"), "{}", stderr(&output));
    assert_eq!(dir.read("x.log"), LOG);
}

#[test]
fn long_lines_are_read_in_pieces_and_have_no_fields() {
    let dir = TestDir::new();
    let long = format!(
        "{}{}evilpanel.com {}\n45.9.20.5\n",
        "x ".repeat(4 << 20),
        " ".repeat(9),
        "y".repeat(9 << 20)
    );
    dir.write("long.log", &long);
    let found = json_lines(&dir.run(&["score", "long.log"]));
    let places: Vec<(Value, Value)> =
        found.iter().map(|row| (row["line"].clone(), row["indicator"].clone())).collect();
    assert_eq!(places, [(json!(1), json!("evilpanel.com")), (json!(2), json!("45.9.20.5"))]);
    assert_eq!(found[0]["offset"].as_u64(), long.find("evilpanel").map(|at| at as u64));
    let fields = dir.run(&["score", "--input", "jsonl", "--field", "a", "long.log"]);
    assert_eq!(code(&fields), 4);
    assert!(stderr(&fields).contains("a record of more than 8 MiB"), "{}", stderr(&fields));
}

/// A CSV record of `count` indicators. Each occurs twice in the record, and in no other record.
fn dense_record(first: usize, count: usize) -> String {
    let names: Vec<String> = (first..first + count).map(|at| format!("n{at}.example.org")).collect();
    let again: Vec<&str> = names.iter().rev().map(String::as_str).collect();
    format!("{first},\"{}\n{}\",end\n", names.join(" "), again.join("\n"))
}

#[test]
fn output_flushed_in_parts_is_complete() {
    let dir = TestDir::new();
    let counts = [3, 700, 900, 1, 5000, 2, 1024, 1023, 1025, 40, 2047, 2048, 6000, 1];
    let starts = counts.iter().scan(0, |sum, count| Some(std::mem::replace(sum, *sum + count)));
    let records: Vec<String> = starts.zip(counts).map(|(first, count)| dense_record(first, count)).collect();
    dir.write("whole.csv", format!("id,text,rest\n{}", records.concat()));
    let mut parts = Vec::new();
    for (number, record) in records.iter().enumerate() {
        dir.write(&format!("{number}.csv"), format!("id,text,rest\n{record}"));
        parts.push(format!("{number}.csv"));
    }
    let run = |args: &[&str], files: &[String]| {
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        let output = dir.run(&[&["score", "--all", "--input", "csv"], args, &files].concat());
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        stdout(&output).to_owned()
    };
    let whole = ["whole.csv".to_owned()];
    // A line end within a cell begins a new line, so that the repeated indicators are reported again.
    let words: Vec<String> = run(&["--output", "csv"], &whole)
        .lines()
        .skip(1)
        .map(|row| row.split(',').nth(3).expect("a cell").to_owned())
        .collect();
    let expected: Vec<String> = records
        .iter()
        .flat_map(|record| record.split([' ', ',', '"', '\n']).filter(|word| word.contains('.')))
        .map(str::to_owned)
        .collect();
    assert_eq!(words, expected);
    let header = "id,text,rest,rapsheet_status,rapsheet_detected_by,rapsheet_assessments,rapsheet_indicators,rapsheet_providers\n";
    let annotated = run(&["--output", "annotated"], &whole);
    assert_eq!(annotated.replace(header, ""), run(&["--output", "annotated"], &parts).replace(header, ""));
    for output in ["lines", "jsonl"] {
        let kept = |files: &[String]| -> Vec<String> {
            let indicator =
                |line: &str| line.split_once("\"indicator\"").map_or(line, |(_, rest)| rest).to_owned();
            run(&["--output", output], files).lines().map(indicator).collect()
        };
        assert_eq!(kept(&whole), kept(&parts), "{output}");
    }
    let total = |files: &[String]| -> Value {
        let summary: Value = serde_json::from_str(&run(&["--summary=json"], files)).expect("JSON");
        json!([summary["total"]["lines_found"], summary["total"]["found"], summary["statuses"]])
    };
    assert_eq!(total(&whole), total(&parts));
    // The first half of a record is on one line, and each repeated indicator on a line of its own.
    let lines_found: usize = counts.iter().map(|count| 1 + count).sum();
    assert_eq!(total(&whole)[0], lines_found);
}

#[test]
fn reports_an_indicator_once_per_line_of_any_length() {
    let dir = TestDir::new();
    let names: Vec<String> = (0..5000).map(|at| format!("n{at}.example.org")).collect();
    let line = names.join(" ");
    dir.write(
        "long.log",
        format!("{line} {line} {line}\nn7.example.org n7.example.org\n{line} n7.example.org\n"),
    );
    let args = ["score", "--all", "--output", "tsv", "long.log"];
    let position = |row: &str| {
        let cells: Vec<&str> = row.split('\t').collect();
        (cells[1].to_owned(), cells[3].to_owned())
    };
    let found: Vec<(String, String)> = stdout(&dir.run(&args)).lines().skip(1).map(position).collect();
    let on = |line: &str, names: &[String]| -> Vec<(String, String)> {
        names.iter().map(|name| (line.to_owned(), name.clone())).collect()
    };
    assert_eq!(found, [on("1", &names), on("2", &names[7..8]), on("3", &names)].concat());
    let lines = dir.run(&["score", "--all", "--output", "lines", "long.log"]);
    assert_eq!(stdout(&lines), dir.read("long.log"));
    let summary: Value =
        serde_json::from_str(stdout(&dir.run(&["score", "--all", "--summary=json", "long.log"])))
            .expect("JSON");
    assert_eq!([&summary["total"]["lines_found"], &summary["total"]["found"]], [3, 10_001]);
}

#[test]
fn long_lines_are_cut_between_indicators() {
    let dir = TestDir::new();
    let names: Vec<String> = (0..600_000).map(|at| format!("n{at:07}.example")).collect();
    let log = format!("ab,{},\n45.9.20.5\n", names.join(","));
    assert!(log.len() > 9 << 20);
    dir.write("long.log", &log);
    let args = ["score", "--all", "--input", "text", "--output", "tsv"];
    let rows = |output: &std::process::Output| -> Vec<String> {
        stdout(output).lines().skip(1).map(|row| row.split('\t').nth(3).expect("a cell").to_owned()).collect()
    };
    let from_file = rows(&dir.run(&[&args[..], &["long.log"]].concat()));
    let others = ["45.9.20.5".to_owned()];
    assert!(from_file.iter().eq(names.iter().chain(&others)), "{} rows", from_file.len());
    assert!(rows(&dir.run_with_input(&args, log.as_bytes())) == from_file);
}

#[test]
fn quiet_suppresses_the_notice_about_missing_times() {
    let dir = TestDir::new();
    dir.write("x.log", "evilpanel.com and no time\n");
    let message = |args: &[&str]| {
        let output = dir.run(&[&["score", "--at", "event", "x.log"], args].concat());
        assert_eq!((code(&output), json_lines(&output).len()), (0, 1));
        stderr(&output).to_owned()
    };
    assert!(message(&[]).contains("without a time"));
    assert_eq!(message(&["--quiet"]), "");
}
