//! What an analyst is told: names that do not exist, lists of one's own, questions on an open pipe, and what
//! reaches a terminal.

use crate::sample;
use crate::test_dir::{LOG, TestDir, code, json_lines, stderr, stdout};
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

/// Characters that no terminal may get: C1, DEL, marks of direction, without a width, separators.
const HIDDEN: [char; 9] =
    ['\u{1b}', '\u{7f}', '\u{85}', '\u{9b}', '\u{61c}', '\u{200b}', '\u{200e}', '\u{202e}', '\u{2067}'];

fn assert_safe(output: &Output, what: &str) {
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    let found = HIDDEN.iter().find(|hidden| text.contains(**hidden));
    assert_eq!(found, None, "{what}: {text:?}");
}

// Names that do not exist.

#[test]
fn a_provider_that_does_not_exist_is_named_with_those_that_do() {
    let dir = TestDir::new();
    dir.write("x.log", LOG);
    let output = dir.run(&["score", "--provider", "god.example", "x.log"]);
    assert_eq!((code(&output), stdout(&output)), (2, ""));
    let message = stderr(&output);
    assert!(
        message.contains("no such provider: `god.example`; known: good.example, bad.example"),
        "{message}"
    );
    assert_eq!(json_lines(&dir.run(&["score", "--provider", "bad.example", "x.log"])).len(), 2);
    let follow = dir.run(&["score", "--follow", "--provider", "nonsense", "x.log"]);
    assert_eq!(code(&follow), 2, "{}", stderr(&follow));
}

#[test]
fn a_feed_that_does_not_exist_is_named_with_those_that_do() {
    let dir = TestDir::new();
    let diff = |feed: &str| dir.run(&["diff", "--feed", feed, "rapsheet.rap", "rapsheet.rap"]);
    assert_eq!(code(&diff("bad-ip")), 0);
    let output = diff("bad-ips");
    assert_eq!((code(&output), stdout(&output)), (2, ""));
    assert!(stderr(&output).contains("`bad-ips`; known: bad-ip,"), "{}", stderr(&output));
}

#[test]
fn a_word_status_or_format_that_does_not_exist_is_named_with_those_that_do() {
    let dir = TestDir::new();
    dir.write("x.log", LOG);
    for (args, near) in [
        (&["score", "--assessment", "botnets", "x.log"][..], "botnet"),
        (&["score", "--status", "blocked", "x.log"], "blocklisted"),
        (&["lookup", "-o", "jsonll", "45.9.20.5"], "jsonl"),
        (&["diff", "--change", "lst", "rapsheet.rap", "rapsheet.rap"], "listed"),
        (&["formats", "plain-ips"], "known: plain-ip"),
        (&["parse", "--format", "plainip", "x.log"], "known: plain-ip"),
    ] {
        let output = dir.run(args);
        assert_eq!((code(&output), stdout(&output)), (2, ""), "{args:?}");
        assert!(stderr(&output).contains(near), "{args:?}: {}", stderr(&output));
    }
    let spelt_as_in_cells = dir.run(&["score", "--assessment", "high_risk", "x.log"]);
    assert_eq!(code(&spelt_as_in_cells), 0, "{}", stderr(&spelt_as_in_cells));
}

#[test]
fn a_field_that_does_not_exist_is_named_with_those_that_do() {
    let dir = TestDir::new();
    dir.write("x.csv", "time,src_ip,host\n2026-11-21,45.9.20.5,a.org\n");
    dir.write(
        "eve.json",
        "{\"src_ip\":\"45.9.20.5\",\"dns\":{\"rrname\":\"evilpanel.com\"}}\n{\"other\":1}\n",
    );
    dir.write("trail.json", "{\"Records\":[{\"sourceIPAddress\":\"45.9.20.5\"},\n{\"eventName\":\"x\"}]}");
    dir.write("forti.log", "date=2026-11-21 time=10:00:00 devname=\"fw\" srcip=45.9.20.5 dstport=443\n");
    for (args, expected) in [
        (
            &["--field", "src_ipp", "x.csv"][..],
            "x.csv: --field: no such field: `src_ipp`; known: src_ip, time, host",
        ),
        (&["--field", "dns.rname", "eve.json"], "`dns.rname`; known: dns, dns.rrname, src_ip, other"),
        (&["--field", "sourceIP", "trail.json"], "`sourceIP`; known: sourceIPAddress"),
        (&["--field", "srcipp", "forti.log"], "`srcipp`; known: srcip, "),
        (&["--time-field", "tim", "x.csv"], "--time-field: no such field: `tim`; known: time"),
        (&["--time-field", "when", "eve.json"], "--time-field: no such field: `when`"),
        (&["--field", "src_ip", "--field", "nonsense", "eve.json"], "`nonsense`"),
        (&["--follow", "--field", "nonsense", "eve.json"], "`nonsense`"),
        (&["--follow", "--field", "nonsense", "x.csv"], "`nonsense`"),
    ] {
        let output = dir.run(&[&["score"], args].concat());
        assert_eq!(code(&output), 2, "{args:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(expected), "{args:?}: {}", stderr(&output));
    }
    for args in [
        &["--field", "dns.rrname", "eve.json"][..],
        &["--field", "other", "eve.json"],
        &["--field", "sourceIPAddress", "trail.json"],
        &["--field", "srcip", "--time-field", "date", "forti.log"],
        &["--field", "src_ip", "--time-field", "time", "x.csv"],
    ] {
        let output = dir.run(&[&["score"], args].concat());
        assert_eq!((code(&output), stderr(&output).as_str()), (0, ""), "{args:?}");
    }
}

#[test]
fn a_key_counts_if_the_first_megabyte_has_it() {
    let dir = TestDir::new();
    let line = format!("{{\"a\":\"{}\"}}\n", "x".repeat(1000));
    dir.write("long.json", line.repeat(2200) + "{\"late\":\"45.9.20.5\"}\n");
    let output = dir.run(&["score", "--field", "late", "long.json"]);
    assert_eq!((code(&output), stdout(&output)), (2, ""), "{}", stderr(&output));
    assert!(stderr(&output).contains("known: a; this input is not searched"), "{}", stderr(&output));
    dir.write("short.json", line.repeat(200) + "{\"late\":\"45.9.20.5\"}\n");
    assert_eq!(json_lines(&dir.run(&["score", "--field", "late", "short.json"])).len(), 1);
}

#[test]
fn of_several_inputs_one_must_have_the_field() {
    let dir = TestDir::new();
    dir.write("a.csv", "ip,host\n45.9.20.5,a.org\n");
    dir.write("b.csv", "addr,name\n45.9.20.5,b.org\n");
    dir.write("empty.csv", "");
    let output = dir.run(&["score", "--field", "ip", "a.csv", "b.csv", "empty.csv"]);
    assert_eq!((code(&output), json_lines(&output).len()), (0, 1), "{}", stderr(&output));
    let note = stderr(&output);
    assert!(
        note.contains("b.csv: ") && note.contains("is not searched") && !note.contains("a.csv"),
        "{note}"
    );
    let output = dir.run(&["score", "--field", "ip", "--field", "nonsense", "a.csv", "b.csv"]);
    assert_eq!((code(&output), json_lines(&output).len()), (2, 1), "{}", stderr(&output));
    assert!(stderr(&output).contains("`nonsense`; known: ip, host, addr, name"), "{}", stderr(&output));
    assert_eq!(code(&dir.run(&["score", "--field", "ip", "empty.csv"])), 0, "an empty log lacks nothing");
}

// Times that the snapshot does not reach.

#[test]
fn records_that_could_not_be_judged_are_counted() {
    let dir = TestDir::new();
    let log = "2026-11-21T00:00:00Z 45.9.20.5\n2026-10-01T00:00:00Z 45.9.20.5\n2026-10-02T00:00:00Z nothing\n\n\
               no time 45.9.20.5\n";
    dir.write("x.log", log);
    let output = dir.run(&["score", "--at", "event", "x.log"]);
    assert_eq!((code(&output), json_lines(&output).len()), (0, 2));
    let note = stderr(&output);
    assert!(note.contains("1 record without a time was looked up as of now"), "{note}");
    // The snapshot of 2026-11-20T04:00:00Z retains 15 days.
    assert!(note.contains("2 records are from before 2026-11-05T04:00:00Z"), "{note}");
    assert_eq!(stderr(&dir.run(&["score", "-q", "--at", "event", "x.log"])), "");

    let summary = dir.run(&["score", "--at", "event", "--summary=json", "x.log"]);
    dir.write("s.json", &summary.stdout);
    let counts = |text: &str| {
        let value: Value = serde_json::from_str(text).expect("JSON");
        (value["records_without_time"].clone(), value["records_before_memory"].clone())
    };
    assert_eq!(counts(stdout(&summary)), (json!(1), json!(2)));
    assert_eq!(counts(stdout(&dir.run(&["merge", "-o", "json", "s.json", "s.json"]))), (json!(2), json!(4)));
    let table = dir.run(&["score", "--at", "event", "--summary", "x.log"]);
    assert!(stdout(&table).contains("2 records from before the snapshot's memory"), "{}", stdout(&table));
    let now = dir.run(&["score", "--summary=json", "x.log"]);
    assert_eq!((counts(stdout(&now)), stderr(&now).as_str()), ((json!(0), json!(0)), ""));
}

#[test]
fn an_instant_before_the_memory_is_reported() {
    const MEMORY: &str = "before 2026-11-05T04:00:00Z, where the snapshot's memory begins";
    let dir = TestDir::new();
    dir.write("x.log", "45.9.20.5\n\nnothing\n45.9.20.5 45.9.20.5\n");
    let output = dir.run(&["score", "--at", "2020-01-01", "x.log"]);
    assert_eq!((code(&output), stdout(&output)), (0, ""));
    let note = stderr(&output);
    assert!(note.contains("3 records are looked up as of 2020-01-01") && note.contains(MEMORY), "{note}");
    assert_eq!(stderr(&dir.run(&["score", "-q", "--at", "2020-01-01", "x.log"])), "");
    assert_eq!(stderr(&dir.run(&["score", "--at", "2026-11-21", "x.log"])), "");
    let summary = dir.run(&["score", "--at", "2020-01-01", "--summary=json", "x.log"]);
    let value: Value = serde_json::from_str(stdout(&summary)).expect("JSON");
    assert_eq!((&value["records_before_memory"], &value["records_without_time"]), (&json!(3), &json!(0)));

    let output = dir.run(&["lookup", "--at", "2020-01-01", "45.9.20.5", "evilpanel.com"]);
    assert_eq!(stderr(&output).matches(MEMORY).count(), 1, "{}", stderr(&output));
    assert_eq!(stderr(&dir.run(&["lookup", "--at", "2026-11-21", "45.9.20.5"])), "");
    let output = dir.run(&["lookup", "--list", "x.log", "--at", "2020-01-01", "45.9.20.5"]);
    assert!(!stderr(&output).contains("memory"), "{}", stderr(&output));
}

#[test]
fn stdin_and_foreign_json_are_refused_with_words() {
    let dir = TestDir::new();
    let output = dir.run(&["lookup", "--list", "-", "45.9.20.5"]);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("--list - is no file"), "{}", stderr(&output));
    dir.write("s.json", "7");
    let output = dir.run(&["merge", "s.json"]);
    assert!(stderr(&output).contains("expected a summary of `rapsheet score"), "{}", stderr(&output));
}

// `lookup` and its outputs.

#[test]
fn every_line_gets_one_object_with_its_input() {
    let dir = TestDir::new();
    let input = b"45[.]9[.]20[.]5\n\n   \nnot an indicator\n 45.9.20.0/30 \n\xff\xfe\nevilpanel.com";
    let objects = json_lines(&dir.run_with_input(&["lookup", "-o", "jsonl"], input));
    let inputs: Vec<&str> = objects.iter().map(|object| object["input"].as_str().expect("a text")).collect();
    assert_eq!(
        inputs,
        ["45[.]9[.]20[.]5", "not an indicator", " 45.9.20.0/30 ", "\u{fffd}\u{fffd}", "evilpanel.com"]
    );
    let csv = dir.run_with_input(&["lookup", "-o", "csv"], b"45[.]9.20.5\n010.1.1.1\n");
    let rows: Vec<Vec<&str>> = stdout(&csv).lines().map(|row| row.split(',').collect()).collect();
    assert_eq!((rows[0][0], rows[1][0], rows[2][0]), ("input", "45[.]9.20.5", "010.1.1.1"));
    assert_eq!((rows[1][1], rows[2].last()), ("45.9.20.5", Some(&"leading-zero")));
}

#[test]
fn tsv_is_a_line_for_each_question() {
    let dir = TestDir::new();
    let output = dir.run_with_input(
        &["lookup", "-o", "tsv"],
        b"45[.]9[.]20[.]5\ngoodpanel.com\nhttp://a.evilpanel.com/x\t\nnone.org\n010.0.0.1\n",
    );
    let expected = "45[.]9[.]20[.]5\t1\t1\tbotnet\tbad.example\n\
                    goodpanel.com\t0\t0\ttrustworthy\tgood.example\n\
                    http://a.evilpanel.com/x \t1\t1\tphishing\tbad.example\n\
                    none.org\t5\t0\t\t\n\
                    010.0.0.1\tleading-zero\t\t\t\n";
    assert_eq!((code(&output), stdout(&output)), (2, expected));
}

#[test]
fn outputs_are_named_by_o_and_former_spellings_still_work() {
    let dir = TestDir::new();
    dir.write("x.log", LOG);
    let same = |one: &[&str], other: &[&str]| {
        let (one, other) = (dir.run(one), dir.run(other));
        assert_eq!((code(&one), code(&other)), (0, 0), "{}", stderr(&other));
        assert_eq!(stdout(&one), stdout(&other));
        assert!(!stdout(&one).is_empty());
    };
    same(&["lookup", "-o", "jsonl", "45.9.20.5"], &["lookup", "--format", "jsonl", "45.9.20.5"]);
    same(&["score", "-o", "csv", "x.log"], &["score", "--format", "csv", "x.log"]);
    same(&["info", "-o", "json"], &["info", "--json"]);
    same(&["verify", "-o", "json"], &["verify", "--json"]);
    same(&["feeds", "--output", "json"], &["feeds", "--json"]);
    same(&["formats", "--output", "json"], &["formats", "--json"]);
    let help = stdout(&dir.run(&["lookup", "--help"])).to_owned();
    assert!(help.contains("--output <FORMAT>") && !help.contains("--format"), "{help}");
}

#[test]
fn feeds_in_json_have_id_url_and_file() {
    let dir = TestDir::new();
    dir.write(
        "c.toml",
        "[[feed]]\nid = \"a\"\nprovider = \"a.example\"\nformat = \"plain-ip\"\nurl = \"https://a.example/x.csv\"\n",
    );
    let rows: Value = serde_json::from_str(stdout(&dir.run(&["feeds", "--catalog", "c.toml", "-o", "json"])))
        .expect("JSON");
    let row = rows.as_array().and_then(|rows| rows.iter().find(|row| row["id"] == "a")).expect("a row");
    assert_eq!((&row["url"], &row["file"]), (&json!("https://a.example/x.csv"), &json!("a.csv")));
}

#[test]
fn formulas_are_disarmed_wherever_csv_is_printed() {
    let dir = TestDir::new();
    for output in ["csv", "tsv"] {
        let plain = dir.run_with_input(&["lookup", "-o", output], b"=1+2\n");
        let disarmed = dir.run_with_input(&["lookup", "-o", output, "--spreadsheet"], b"=1+2\n");
        let last = |output: &Output| stdout(output).lines().last().expect("a row").to_owned();
        assert!(last(&plain).starts_with("=1+2") && last(&disarmed).starts_with("'=1+2"), "{output}");
    }
}

#[test]
fn quiet_with_an_exit_code_prints_nothing() {
    let dir = TestDir::new();
    for (indicator, expected) in [("45.9.20.5", 1), ("none.org", 0), ("010.0.0.1", 2)] {
        for output in ["text", "csv", "json"] {
            let run = dir.run(&["lookup", "--exit-code", "-q", "-o", output, indicator]);
            assert_eq!((code(&run), stdout(&run), stderr(&run).as_str()), (expected, "", ""), "{indicator}");
        }
    }
    assert!(!stdout(&dir.run(&["lookup", "-q", "45.9.20.5"])).is_empty(), "without an exit code it answers");
}

#[test]
fn a_file_as_an_argument_gets_a_hint() {
    let dir = TestDir::new();
    dir.write("ips.txt", "45.9.20.5\n");
    let output = dir.run(&["lookup", "ips.txt"]);
    assert!(stderr(&output).contains("ips.txt is a file"), "{}", stderr(&output));
    assert!(stderr(&output).contains("rapsheet lookup < ips.txt"), "{}", stderr(&output));
    assert_eq!(stderr(&dir.run(&["lookup", "other.txt"])), "");
    assert!(stderr(&dir.run(&["lookup", "./ips.txt"])).contains("rapsheet score ./ips.txt"));
}

// Lists of one's own.

#[test]
fn lookup_answers_from_a_list_of_ones_own() {
    let dir = TestDir::new();
    fs::remove_file(dir.path("rapsheet.rap")).expect("it was there");
    dir.write(
        "case 7.txt",
        "# notes\nevilpanel[.]net\n203.0.113.9 - the panel\nhxxps://evilpanel[.]org/gate\n",
    );
    let answers = |questions: &[&str]| {
        let output = dir.run(&[&["lookup", "-o", "jsonl", "--list", "case 7.txt"], questions].concat());
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        json_lines(&output)
    };
    let found = answers(&[
        "evilpanel.net",
        "203.0.113.9",
        "https://evilpanel.org/gate",
        "evilpanel.org",
        "45.9.20.5",
    ]);
    let statuses: Vec<u64> = found.iter().filter_map(|answer| answer["status"].as_u64()).collect();
    assert_eq!(statuses, [1, 1, 1, 5, 5]);
    assert_eq!(found[0]["sources"][0]["provider"], "case-7.txt");
    let later = dir.run(&[
        "lookup",
        "--now",
        "2031-01-01",
        "--list",
        "case 7.txt",
        "--exit-code",
        "-q",
        "evilpanel.net",
    ]);
    assert_eq!(code(&later), 1, "a list does not expire");
}

#[test]
fn score_finds_the_indicators_of_lists() {
    let dir = TestDir::new();
    fs::remove_file(dir.path("rapsheet.rap")).expect("it was there");
    dir.write("iocs.csv", "indicator,type,comment\nevilpanel.net,domain,panel\n203.0.113.9,ip,panel\n");
    dir.write(
        "report.txt",
        "In May we saw evilpanel[.]org, and later\n198.51.100.7 (and 2001:db8::7) as well.\n",
    );
    dir.write("x.log", "2026-01-01 a 203.0.113.9\n2026-01-01 b evilpanel.org\n2026-01-01 c 45.9.20.5\n2026-01-01 d 2001:db8::7\n");
    let score = |extra: &[&str]| {
        let args = ["score", "--list", "iocs.csv", "--list", "report.txt"];
        let output = dir.run(&[args.as_slice(), extra, &["x.log"]].concat());
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        output
    };
    let rows = json_lines(&score(&[]));
    let found: Vec<(&Value, &Value)> = rows.iter().map(|row| (&row["line"], &row["providers"][0])).collect();
    let (csv, report) = (json!("iocs.csv"), json!("report.txt"));
    assert_eq!(found, [(&json!(1), &csv), (&json!(2), &report), (&json!(4), &report)]);
    // A list says nothing of the past, so a record of any time matches.
    let event = score(&["--at", "event"]);
    assert_eq!((json_lines(&event).len(), stderr(&event).as_str()), (3, ""));
    assert_eq!(json_lines(&event)[0]["event_time"], "2026-01-01T00:00:00Z");
    assert_eq!(json_lines(&score(&["--provider", "iocs.csv"])).len(), 1);
    let unknown = dir.run(&["score", "--list", "iocs.csv", "--provider", "ioc.csv", "x.log"]);
    assert!(code(&unknown) == 2 && stderr(&unknown).contains("known: iocs.csv"), "{}", stderr(&unknown));
}

#[test]
fn a_list_that_cannot_serve_is_an_error_and_what_it_lacks_is_reported() {
    let dir = TestDir::new();
    dir.write("prose.txt", "Nothing to see here,\nreally nothing.\n");
    dir.write("some.txt", "evilpanel.net\nnonsense\n010.1.1.1\n");
    dir.write("page.html", "<!DOCTYPE html><html><body>no list</body></html>\n");
    let run = |list: &str| dir.run(&["lookup", "--list", list, "evilpanel.net"]);
    for (list, expected, message) in [
        ("prose.txt", 2, "--list prose.txt: no indicator in 2 lines"),
        ("missing.txt", 4, "--list missing.txt: the file does not exist"),
        (".", 4, "--list .: "),
        ("page.html", 4, "page.html: "),
    ] {
        let output = run(list);
        assert_eq!((code(&output), stdout(&output)), (expected, ""), "{list}: {}", stderr(&output));
        assert!(stderr(&output).contains(message), "{list}: {}", stderr(&output));
    }
    let output = run("some.txt");
    assert_eq!(code(&output), 0);
    assert!(
        stderr(&output).contains("2 entries are no indicator, the first at line 2"),
        "{}",
        stderr(&output)
    );
    let both = dir.run(&["--snapshot", "rapsheet.rap", "lookup", "--list", "some.txt", "45.9.20.5"]);
    assert!(stderr(&both).contains("only the lists answer") && stdout(&both).contains("unknown"));
    let by_variable = dir
        .command(&["lookup", "--list", "some.txt", "45.9.20.5"])
        .env("RAPSHEET_SNAPSHOT", "no.rap")
        .output();
    let by_variable = by_variable.expect("it runs");
    assert_eq!(code(&by_variable), 0, "{}", stderr(&by_variable));
    assert!(!stderr(&by_variable).contains("only the lists"), "{}", stderr(&by_variable));
}

// A pipe that stays open.

/// A `lookup` that is asked and answers in turns.
struct Conversation {
    child: Child,
    answers: BufReader<ChildStdout>,
}

impl Conversation {
    fn new(dir: &TestDir, args: &[&str]) -> Conversation {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rapsheet"));
        command.current_dir(dir.folder.path()).env_remove("RAPSHEET_SNAPSHOT").args(args);
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("it runs");
        let answers = BufReader::new(child.stdout.take().expect("a pipe"));
        Conversation { child, answers }
    }

    fn lookup(&mut self, question: &str) -> Value {
        let pipe = self.child.stdin.as_mut().expect("a pipe");
        pipe.write_all(question.as_bytes()).expect("it listens");
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("an answer");
        serde_json::from_str(&line).expect("JSON")
    }

    fn end(mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().expect("an exit status").success());
    }
}

#[test]
fn a_question_is_answered_by_the_newest_snapshot() {
    let dir = TestDir::new();
    let mut conversation = Conversation::new(&dir, &["lookup", "-o", "jsonl", "--now", sample::NOW]);
    assert_eq!(conversation.lookup("a.io\n")["status"], 5, "five bytes are a question");
    assert_eq!(conversation.lookup("45.9.20.5\n")["status"], 1);
    dir.write("c.toml", "[[feed]]\nid = \"a\"\nprovider = \"a.example\"\nformat = \"plain-ip\"\n");
    dir.write("d/a.txt", "45.9.20.77\n");
    let build =
        ["build", "--catalog", "c.toml", "--downloads", "d", "--out", "rapsheet.rap", "--previous", "none"];
    let built = dir.run(&build);
    assert_eq!(code(&built), 0, "{}", stderr(&built));
    assert_eq!(conversation.lookup("45.9.20.77\n")["status"], 1);
    assert_eq!(conversation.lookup("45.9.20.5\n\n")["status"], 5);
    fs::write(dir.path("bad"), "no snapshot").expect("written");
    fs::rename(dir.path("bad"), dir.path("rapsheet.rap")).expect("renamed");
    assert_eq!(conversation.lookup("45.9.20.77\n")["status"], 1, "the last valid one goes on");
    conversation.end();
}

#[test]
fn a_question_is_judged_at_the_instant_it_is_read() {
    let dir = TestDir::new();
    let mut conversation = Conversation::new(&dir, &["lookup", "-o", "jsonl"]);
    let first = conversation.lookup("45.9.20.5\n")["at"].clone();
    std::thread::sleep(std::time::Duration::from_millis(1200));
    let second = conversation.lookup("45.9.20.5\n")["at"].clone();
    assert!(first.as_str() < second.as_str(), "{first} {second}");
    conversation.end();
    let mut fixed = Conversation::new(&dir, &["lookup", "-o", "jsonl", "--at", "2026-11-21"]);
    assert_eq!(fixed.lookup("45.9.20.5\n")["at"], "2026-11-21T00:00:00Z");
    fixed.end();
}

// What reaches a terminal, and an output that is not there.

#[test]
fn hidden_characters_of_any_source_are_escaped() {
    let dir = TestDir::new();
    let hidden: String = HIDDEN.iter().collect();
    let name = format!("a{hidden}b.example");
    let title = hidden.replace('\u{1b}', "\\u001B").replace('\u{7f}', "\\u007F");
    dir.write(
        "c.toml",
        format!(
            "[[feed]]\nid = \"a\"\nprovider = \"a.example\"\nformat = \"plain-ip\"\ntitle = \"{title}\"\n"
        ),
    );
    dir.write("d/a.txt", format!("45.9.20.77\n45.9.{name}\n"));
    let build =
        ["build", "--catalog", "c.toml", "--downloads", "d", "--out", "o.rap", "--rejects", "r.jsonl"];
    assert_safe(&dir.run(&build), "build");
    let rejects = dir.read("r.jsonl");
    assert!(HIDDEN.iter().all(|hidden| !rejects.contains(*hidden)), "{rejects:?}");
    let row: Value = serde_json::from_str(rejects.trim()).expect("one row");
    assert!(row["text"].as_str().is_some_and(|text| text.contains('\u{202e}')), "the value is kept: {row}");
    for args in [
        &["lookup", "-o", "text", &name][..],
        &["lookup", "-o", "json", &name],
        &["lookup", "-o", "jsonl", &name],
        &["lookup", "-o", "csv", &name],
        &["lookup", "-o", "tsv", &name],
        &["lookup", "-o", "metadefender", &name],
        &["feeds", "--catalog", "c.toml"],
        &["feeds", "--catalog", "c.toml", "-o", "json"],
        &["--snapshot", "o.rap", "feeds", "-o", "json"],
        &["--snapshot", "o.rap", "info"],
        &["--snapshot", &name, "info"],
        &["--snapshot", &name, "verify"],
        &["parse", "d/a.txt"],
        &["parse", &name],
        &["score", &name],
        &["score", "--field", &name, "d/a.txt"],
        &["score", "--provider", &name, "d/a.txt"],
        &["lookup", "--list", &name, "a.b"],
        &["diff", "--feed", &name, "o.rap", "o.rap"],
        &["merge", &name],
        &["formats", &name],
        &[&name],
    ] {
        assert_safe(&dir.run(args), &format!("{args:?}"));
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_stdout_that_was_closed_at_the_start_is_exit_code_5() {
    let dir = TestDir::new();
    dir.write("x.log", LOG);
    dir.write("list.txt", "45.9.20.5\n");
    dir.write("s.json", &dir.run(&["score", "--summary=json", "x.log"]).stdout);
    let shell = |args: &[&str], redirection: &str| {
        let quoted: Vec<String> = args.iter().map(|arg| format!("'{arg}'")).collect();
        let line = format!("'{}' {} {redirection}", env!("CARGO_BIN_EXE_rapsheet"), quoted.join(" "));
        let mut command = Command::new("sh");
        command.current_dir(dir.folder.path()).env_remove("RAPSHEET_SNAPSHOT").args(["-c", &line]);
        command.stdin(Stdio::null()).output().expect("a shell")
    };
    for args in [
        &["lookup", "45.9.20.5"][..],
        &["score", "x.log"],
        &["score", "--summary", "x.log"],
        &["merge", "s.json"],
        &["info"],
        &["verify"],
        &["feeds"],
        &["formats"],
        &["parse", "list.txt"],
        &["diff", "rapsheet.rap", "rapsheet.rap"],
        &["generate", "completions", "bash"],
        &["--help"],
        &["--version"],
    ] {
        let closed = shell(args, ">&-");
        assert_eq!(code(&closed), 5, "{args:?}: {}", stderr(&closed));
        assert!(stderr(&closed).contains("stdout is closed"), "{args:?}: {}", stderr(&closed));
        for open in [">/dev/null", "<>/dev/null >&0", "<&-"] {
            assert_eq!(code(&shell(args, open)), 0, "{args:?} {open}");
        }
    }
    let silent = ["lookup", "-q", "--exit-code", "--now", sample::NOW, "45.9.20.5"];
    assert_eq!(code(&shell(&silent, ">&-")), 1, "it prints nothing");
}
