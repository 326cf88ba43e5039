//! Records that could hide others or pass for ours: quotation marks that never close, data behind compressed
//! members, and logs that write annotations themselves.

use crate::files::gzip;
use crate::test_dir::{TestDir, code, json_lines, stderr, stdout};
use serde_json::{Value, json};

fn lines_of(rows: &[Value]) -> Vec<u64> {
    rows.iter().filter_map(|row| row["line"].as_u64()).collect()
}

/// One quotation mark that is never closed hides no row: not with `--field`, not in an annotated log, not
/// with several threads. The record is named once.
#[test]
fn a_quotation_mark_that_never_closes_hides_no_rows() {
    let dir = TestDir::new();
    let rows = 120_000;
    let row = |at: usize| format!("{at},45.9.20.5,row {at}\n");
    let log: String =
        (0..rows).map(|at| if at == 3 { "3,45.9.20.5,\"open\n".to_owned() } else { row(at) }).collect();
    dir.write("x.csv", format!("n,ip,note\n{log}"));
    for args in [&["--field", "ip"][..], &[], &["--threads", "4", "--field", "ip"]] {
        let output = dir.run(&[&["score", "x.csv"], args].concat());
        assert_eq!((code(&output), json_lines(&output).len()), (0, rows), "{args:?}");
        let message = stderr(&output);
        assert!(
            message.contains("x.csv:5: a quotation mark opens a cell and does not close it (1 in this file)"),
            "{message}"
        );
    }
    let output = dir.run(&["score", "--output", "annotated", "x.csv"]);
    let listed = stdout(&output).lines().filter(|line| line.ends_with(",1,1,botnet,45.9.20.5,bad.example"));
    assert_eq!(listed.count(), rows);
}

/// A mark within a cell, or behind a blank, is text, as for Python's `csv` module. In TSV no mark is more.
#[test]
fn a_quotation_mark_opens_only_at_the_start_of_a_cell() {
    let dir = TestDir::new();
    for (name, log, lines) in [
        (
            "x.csv",
            "note,ip\n5\" disk,45.9.20.5\na \"b,45.9.20.5\nc, \"45.9.20.5\n,45.9.20.5\n",
            vec![2, 3, 4, 5],
        ),
        ("x.tsv", "note\tip\n\"a\t45.9.20.5\nb\t45.9.20.5\n\"c\t\"45.9.20.5\n", vec![2, 3, 4]),
        ("y.csv", "note,ip\n\"a\nb\",45.9.20.5\n\"c \"\"d\n\"\",e\",45.9.20.5\n", vec![3, 5]),
        // What closes and is followed by text closes nothing that spans lines.
        ("z.csv", "note,ip\n\"open,45.9.20.5\nx \"y\" z,45.9.20.5\nq,45.9.20.5\n", vec![2, 3, 4]),
    ] {
        dir.write(name, log);
        let output = dir.run(&["score", "--field", "ip", name]);
        assert_eq!(lines_of(&json_lines(&output)), lines, "{name}: {}", stderr(&output));
    }
    let message = stderr(&dir.run(&["score", "z.csv"]));
    assert!(message.contains("z.csv:2: a quotation mark"), "{message}");
    assert!(!stderr(&dir.run(&["score", "x.csv", "x.tsv", "y.csv"])).contains("quotation"));
}

/// What follows the last member of a compressed log is read as `zcat` reads it, and the next inputs go on.
#[test]
fn padding_is_silent_and_garbage_is_named() {
    let dir = TestDir::new();
    let log = b"a 45.9.20.5\nb evilpanel.com\n";
    let both = [gzip(log), gzip(log)].concat();
    let padded = [gzip(log), vec![0; 1000]].concat();
    let between = [gzip(log), vec![0; 70_000], gzip(log)].concat();
    let garbage = [gzip(log), b"\0\0<html>504</html>".to_vec()].concat();
    dir.write("next.log", "c 45.9.20.5\n");
    for (bytes, count, message) in [
        (both, 5, ""),
        (padded, 3, ""),
        (between, 5, ""),
        (garbage, 3, "x.gz: 18 bytes behind the compressed data are no part of it and were not read"),
    ] {
        dir.write("x.gz", &bytes);
        let output = dir.run(&["score", "x.gz", "next.log"]);
        assert_eq!((code(&output), json_lines(&output).len()), (0, count), "{}", stderr(&output));
        assert_eq!(stderr(&output).is_empty(), message.is_empty(), "{}", stderr(&output));
        assert!(stderr(&output).contains(message), "{}", stderr(&output));
        let piped = dir.run_with_input(&["score", "-"], &bytes);
        assert_eq!((code(&piped), json_lines(&piped).len()), (0, count - 1));
    }
}

/// A damaged or truncated part is said, what came before is scored, the other inputs go on, and the exit code
/// tells.
#[test]
fn damage_is_named_and_the_rest_goes_on() {
    let dir = TestDir::new();
    let log = b"a 45.9.20.5\nb evilpanel.com\n";
    let whole = gzip(log);
    dir.write("next.log", "c 45.9.20.5\n");
    let mut flipped = [gzip(log), gzip(log)].concat();
    let checksum = flipped.len() - 8;
    flipped[checksum] ^= 1;
    let cut_head = [gzip(log), whole[..1].to_vec()].concat();
    let cut_member = [gzip(log), whole[..12].to_vec()].concat();
    for (bytes, count) in [(flipped, 5), (cut_head, 3), (cut_member, 3)] {
        dir.write("x.gz", bytes);
        let output = dir.run(&["score", "x.gz", "next.log"]);
        assert_eq!((code(&output), json_lines(&output).len()), (4, count), "{}", stderr(&output));
        assert!(
            stderr(&output).contains("x.gz: the compressed data is damaged or cut off"),
            "{}",
            stderr(&output)
        );
        assert!(stderr(&output).contains("it was searched up to byte "), "{}", stderr(&output));
    }
}

/// A line cannot write an annotation: what it has of our names is escaped, and ours is the only one.
#[test]
fn annotations_of_text_cannot_be_forged() {
    let dir = TestDir::new();
    let forged =
        "rapsheet_status=1 rapsheet_detected_by=9 RapSheet_Status=1 http://evilpanel.com/rapsheet_status=3";
    let logs = [
        format!("x {forged} plain\nx {forged} 45.9.20.5\n"),
        format!("Nov 21 10:05:03 host app: {forged}\nNov 21 10:05:03 host app: {forged} 45.9.20.5\n"),
        format!("date=2026-11-21 time=10:05:03 a=b msg=\"{forged}\"\n"),
    ];
    for log in logs {
        let output = dir.run_with_input(&["score", "--output", "annotated", "-"], log.as_bytes());
        for (before, after) in log.lines().zip(stdout(&output).lines()) {
            let lower = after.to_lowercase();
            assert_eq!(lower.matches("rapsheet_status=").count(), 1, "{after}");
            assert!(after.contains(" rapsheet_status=1 rapsheet_detected_by=1 "), "{after}");
            assert_eq!(
                after.replace("%5F", "_").split(" rapsheet_status=1 rapsheet_detected_by=1 ").next(),
                Some(before)
            );
        }
    }
    // An annotated log that is annotated again keeps its first annotation, escaped.
    let once = dir.run_with_input(&["score", "--output", "annotated", "-"], b"x 45.9.20.5\n");
    let twice = dir.run_with_input(&["score", "--output", "annotated", "-"], &once.stdout);
    assert!(stdout(&twice).starts_with("x 45.9.20.5 rapsheet%5Fstatus=1 "), "{}", stdout(&twice));
    assert_eq!(stdout(&twice).matches("rapsheet_status=").count(), 1);
}

/// The keys of an object, also those that stand twice.
fn keys(line: &str) -> Vec<String> {
    struct Keys(Vec<String>);
    impl<'de> serde::Deserialize<'de> for Keys {
        fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Keys, D::Error> {
            struct Visitor;
            impl<'de> serde::de::Visitor<'de> for Visitor {
                type Value = Keys;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("an object")
                }
                fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
                    let mut keys = Vec::new();
                    while let Some((key, _)) = map.next_entry::<String, serde::de::IgnoredAny>()? {
                        keys.push(key);
                    }
                    Ok(Keys(keys))
                }
            }
            from.deserialize_map(Visitor)
        }
    }
    serde_json::from_str::<Keys>(line).expect("an object").0
}

/// Our key stands once in an annotated object, whatever keys the object has.
#[test]
fn annotated_objects_have_our_key_once() {
    let dir = TestDir::new();
    let deep = format!("{}{}", "[".repeat(90), "]".repeat(90));
    let log = [
        r#"{"ip":"45.9.20.5","rapsheet":{"status":5}}"#.to_owned(),
        r#"{"\u0072apsheet":{"status":5},"ip":"45.9.20.5"}"#.to_owned(),
        r#"{"a":{"rapsheet":1},"b":"rapsheet","c":["rapsheet",{"rapsheet":2}], "rap\u0073heet" : 1,"ip":"45.9.20.5"}"#.to_owned(),
        format!(r#"{{"x":{deep},"rapsheet":1,"own_rapsheet":2,"ip":"45.9.20.5"}}"#),
        r#"{"q":"\"rapsheet\":{","ip":"45.9.20.5"}"#.to_owned(),
    ]
    .join("\n");
    let output = dir.run_with_input(&["score", "--output", "annotated", "-"], log.as_bytes());
    assert_eq!(stdout(&output).lines().count(), 5);
    for line in stdout(&output).lines() {
        let keys = keys(line);
        assert_eq!(keys.iter().filter(|key| *key == "rapsheet").count(), 1, "{line}");
        let object: Value = serde_json::from_str(&line.replace(&deep, "0")).expect("an object");
        assert_eq!(object["rapsheet"]["status"], json!(1), "{line}");
    }
    let third = stdout(&output).lines().nth(2).expect("a line");
    assert!(third.contains(
        r#"{"a":{"rapsheet":1},"b":"rapsheet","c":["rapsheet",{"rapsheet":2}], "own_rap\u0073heet" : 1,"#
    ));
    let document =
        r#"{"Records":[{"sourceIPAddress":"45.9.20.5","\u0072apsheet":7},{"rapsheet":{"status":5}}]}"#;
    let output = dir.run_with_input(&["score", "--output", "annotated", "-"], document.as_bytes());
    let read: Value = serde_json::from_slice(&output.stdout).expect("a document");
    assert_eq!(
        (&read["Records"][0]["own_rapsheet"], &read["Records"][0]["rapsheet"]["status"]),
        (&json!(7), &json!(1))
    );
    assert_eq!(stdout(&output).matches(r#""rapsheet":"#).count(), 2, "{}", stdout(&output));
}

/// The columns of an annotation are below their names: a log's own columns of these names are renamed, and a
/// record with more cells than its header has them behind ours.
#[test]
fn annotated_tables_have_our_columns_once() {
    let dir = TestDir::new();
    for (log, separator, name) in [
        ("ip,rapsheet_status,RAPSHEET_STATUS\n45.9.20.5,5,5\n45.9.20.5,5,5,9,forged\n45.9.20.5\n", ',', ""),
        ("ip\trapsheet_status\n45.9.20.5\t5\n45.9.20.5\t5\t9\tforged\n45.9.20.5\n", '\t', ""),
        (
            "#separator \\x09\n#fields\tip\trapsheet_status\n45.9.20.5\t5\n45.9.20.5\t5\t9\tforged\n45.9.20.5\n",
            '\t',
            "#fields",
        ),
        ("#Fields: ip rapsheet_status\n45.9.20.5 5\n45.9.20.5 5 9 forged\n45.9.20.5\n", ' ', "#Fields:"),
    ] {
        let output = dir.run_with_input(&["score", "--output", "annotated", "-"], log.as_bytes());
        let mut lines = stdout(&output).lines().skip_while(|line| line.starts_with("#sep"));
        let head = lines.next().expect("a header");
        let names: Vec<&str> = head.split(separator).filter(|cell| *cell != name).collect();
        let at: Vec<usize> =
            (0..names.len()).filter(|at| names[*at].eq_ignore_ascii_case("rapsheet_status")).collect();
        assert_eq!(at.len(), 1, "{head}");
        let cells: Vec<&str> = lines.map(|line| line.split(separator).nth(at[0]).expect("a cell")).collect();
        assert_eq!(cells, ["1", "1", "1"], "{}", stdout(&output));
    }
}

/// A feed with padding behind its gzip data is read in silence, with garbage it is read with a note, and a
/// truncated one is refused.
#[test]
fn feeds_are_read_as_zcat_reads_them() {
    let dir = TestDir::new();
    let list: String = (1..60).map(|at| format!("45.9.21.{at}\n")).collect();
    let whole = gzip(list.as_bytes());
    let catalog = "[[feed]]\nid = \"a\"\nprovider = \"bad.example\"\ntitle = \"A\"\nurl = \"https://bad.example/a.gz\"\nfile = \"a.gz\"\nformat = \"plain-ip\"\nlist = \"block\"\nmode = \"reset\"\nassessment = [\"botnet\"]\nretention = \"15d\"\nmax_age = \"30d\"\nenabled = true\nhomepage = \"https://bad.example/\"\nlicence = \"free\"\n";
    dir.write("c.toml", catalog);
    for (bytes, expected, note) in [
        ([whole.clone(), vec![0; 512]].concat(), 0, false),
        ([whole.clone(), b"garbage".to_vec()].concat(), 0, true),
        (whole[..whole.len() - 9].to_vec(), 5, false),
    ] {
        dir.write("in/a.gz", bytes);
        let args =
            ["build", "--catalog", "c.toml", "--downloads", "in", "--out", "n.rap", "--report", "r.json"];
        let output = dir.run(&args);
        let report: Value = serde_json::from_str(&dir.read("r.json")).unwrap_or_default();
        let text = format!("{report}{}", stderr(&output));
        assert_eq!(code(&output) == 0, expected == 0, "{text}");
        assert_eq!(text.contains("7 bytes behind the compressed data"), note, "{text}");
        let _ = std::fs::remove_file(dir.path("n.rap"));
        let _ = std::fs::remove_file(dir.path("r.json"));
    }
}

/// A forced table without a header loses no record; a header with dots is one all the same.
#[test]
fn a_table_without_a_header_is_searched_from_its_first_record() {
    let dir = TestDir::new();
    for (kind, log, lines) in [
        ("csv", "45.9.20.5,a,b\n1.1.1.1,45.9.20.5,d\n", vec![1, 2]),
        ("csv", "x,45.9.20.5:443\ny,45.9.20.5\n", vec![1, 2]),
        ("tsv", "2026-11-20T10:00:00Z\t45.9.20.5\n", vec![1]),
        ("tsv", "x\thttp://45.9.20.5/\n", vec![1]),
        ("csv", "n,evilpanel.com\n", vec![1]),
        ("csv", "host.name,client.ip\nx,45.9.20.5\n", vec![2]),
        ("csv", "% of all,client ip (v4)\n5,45.9.20.5\n", vec![2]),
    ] {
        let output = dir.run_with_input(&["score", "--input", kind, "-"], log.as_bytes());
        assert_eq!(lines_of(&json_lines(&output)), lines, "{log}: {}", stderr(&output));
    }
    let output = dir.run_with_input(&["score", "--input", "csv", "--field", "a", "-"], b"45.9.20.5,a\n");
    assert_eq!(code(&output), 2, "no header, no fields");
}

/// An input in which nothing can be found says why.
#[test]
fn inputs_that_cannot_have_records_are_named() {
    let dir = TestDir::new();
    let wide: Vec<u8> = b"GET / 45.9.20.5\n".iter().flat_map(|byte| [*byte, 0]).collect();
    dir.write("wide.log", wide);
    let output = dir.run(&["score", "wide.log"]);
    assert_eq!(code(&output), 0);
    assert!(
        stderr(&output).contains("wide.log: looks like UTF-16 without a byte order mark"),
        "{}",
        stderr(&output)
    );
    std::fs::create_dir(dir.path("none")).expect("a folder");
    let output = dir.run(&["score", "none"]);
    assert_eq!((code(&output), stderr(&output).as_str()), (0, "rapsheet: none: no file in it\n"));
}
