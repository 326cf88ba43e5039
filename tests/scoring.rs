//! `score` from outside: places, order, fields, inputs.

use crate::place::{LOG, Place, code, lines_of_json, stderr, stdout};
use serde_json::{Value, json};

#[test]
fn score_says_where_an_indicator_stands() {
    let place = Place::new();
    place.write("x.log", LOG);
    let output = place.run(&["score", "x.log"]);
    let found = lines_of_json(&output);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let place_of = |value: &Value| (value["line"].as_u64(), value["offset"].as_u64());
    let offset = LOG.find("45.9.20.5").map(|at| at as u64);
    let address = found.iter().find(|row| row["indicator"] == "45.9.20.5").expect("it is listed");
    assert_eq!(place_of(address), (Some(3), offset));
    assert_eq!(address["file"], "x.log");
    assert_eq!(address["providers"], json!(["bad.example"]));
    assert_eq!(address["assessments"], json!(["botnet"]));
    assert!(found.iter().all(|row| row["status"] == 1));
}

#[test]
fn score_lines_are_the_input_lines() {
    let place = Place::new();
    place.write("x.log", format!("{LOG}\x1b[31m 45.9.20.5 \u{7}"));
    let output = place.run(&["score", "--output", "lines", "x.log"]);
    let lines: Vec<&str> = LOG.lines().collect();
    assert_eq!(stdout(&output), format!("{}\n{}\n\x1b[31m 45.9.20.5 \u{7}\n", lines[0], lines[2]));
    let piped = place.feed(&["score", "--output", "lines", "-"], LOG.as_bytes());
    assert_eq!(stdout(&piped).lines().count(), 2);
}

#[test]
fn score_keeps_the_order_at_any_number_of_threads() {
    let place = Place::new();
    let line = |at: usize| match at % 97 {
        0 => format!("{at} host evilpanel.com\n"),
        _ => format!("{at} an unremarkable line of a log, of some length\n"),
    };
    place.write("big.log", (0..80_000).map(line).collect::<String>());
    place.write("small.log", LOG);
    let run = |threads: &str| place.run(&["score", "--threads", threads, "big.log", "small.log", "big.log"]);
    let one = run("1");
    assert!(one.stdout.len() > 100_000 && code(&one) == 0);
    for threads in ["2", "5"] {
        assert!(run(threads).stdout == one.stdout, "order or content differs at {threads} threads");
    }
    let rows = lines_of_json(&one);
    assert_eq!(rows.last().and_then(|row| row["line"].as_u64()), Some(79_929 / 97 * 97 + 1));
}

#[test]
fn score_looks_into_fields_of_zeek_logs() {
    let place = Place::new();
    let log =
        "#separator \\x09\n#fields\tts\tid.orig_h\tid.resp_h\n1.0\t45.9.20.5\t45.9.20.6\n#close\t45.9.20.5\n";
    place.write("conn.log", log);
    let both = place.run(&["score", "conn.log"]);
    assert_eq!(lines_of_json(&both)[0]["line"], json!(3));
    assert_eq!(lines_of_json(&both).len(), 1);
    let other = place.run(&["score", "--field", "id.resp_h", "conn.log"]);
    assert_eq!((code(&other), stdout(&other)), (0, ""));
    let all = place.run(&["score", "--all", "--field", "id.resp_h", "conn.log"]);
    assert_eq!(lines_of_json(&all)[0]["indicator"], json!("45.9.20.6"));
    assert_eq!(code(&place.run(&["score", "--field", "nonsense", "conn.log"])), 2);
}

#[test]
fn an_unreadable_input_is_named_and_the_others_go_on() {
    let place = Place::new();
    place.write("x.log", LOG);
    let output = place.run(&["score", "--output", "lines", "missing.log", ".", "x.log"]);
    assert_eq!((code(&output), stdout(&output).lines().count()), (4, 2));
    assert!(stderr(&output).contains("missing.log") && stderr(&output).contains("it is a folder"));
}

/// A line, and one that holds 45.9.20.5, in gzip.
const GZIPPED: &[u8] = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x4b\x54\xc8\xc9\xcc\x4b\xe5\x4a\x2b\xca\xcf\x55\x30\x31\xd5\xb3\xd4\x33\x32\xd0\x33\xe5\x02\x00\x46\x5b\x3e\x6e\x16\x00\x00\x00";

#[test]
fn compressed_logs_are_read_and_half_a_file_is_refused() {
    let place = Place::new();
    place.write("x.log", GZIPPED);
    let whole = place.run(&["score", "x.log"]);
    let piped = place.feed(&["score", "-"], GZIPPED);
    if cfg!(feature = "ingest") {
        for output in [whole, piped] {
            let found = lines_of_json(&output);
            assert_eq!((code(&output), &found[0]["line"], &found[0]["offset"]), (0, &json!(2), &json!(12)));
        }
    } else {
        assert_eq!((code(&whole), code(&piped)), (4, 4));
    }
    place.write("cut.log", &GZIPPED[..GZIPPED.len() - 9]);
    assert_eq!(code(&place.run(&["score", "cut.log"])), 4);
}
