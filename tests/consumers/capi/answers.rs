//! What programs print that use the library, in C and in Go, is what the command line prints.

use super::{library, root, source, text_of};
use crate::consumers::program::program;
use crate::consumers::world::{NOW, World, run_with_input, world};
use crate::sample;
use rapsheet_snapshot::Time;
use std::process::Command;

const DAY: i64 = 86_400;

/// Indicators of all kinds, listed and not, and texts that are none. None is blank, and none holds a control
/// character.
fn questions(world: &World) -> Vec<String> {
    let mut all: Vec<String> = world.addresses.iter().map(|address| address.text.clone()).collect();
    all.extend(world.names.iter().map(|name| name.text.clone()));
    all.extend(
        world.model.urls.iter().flat_map(|url| [url.clone(), format!("{url}/more"), url.to_uppercase()]),
    );
    all.extend(world.names.iter().take(200).map(|name| format!("hxxp://{}/", name.text.replace('.', "[.]"))));
    all.extend(
        world.addresses.iter().take(200).filter(|one| !one.is_ipv6).map(|one| format!("{}/28", one.text)),
    );
    let others = [
        "localhost",
        "010.0.0.1",
        "é.example",
        "  45.9.20.5  ",
        "1.2.3.4/33",
        "[2001:db8::1]:443",
        "\u{202e}x",
    ];
    all.extend(others.map(str::to_owned));
    all
}

fn lookup(world: &World, output: &[&str], now: &str, questions: &[String]) -> String {
    let input: String = questions.iter().map(|question| format!("{question}\n")).collect();
    let args = [&["lookup", "--snapshot", "s.rap", "--now", now, "-o"], output].concat();
    let output = world.rapsheet(&args, &input);
    assert!(matches!(output.status.code(), Some(0 | 2)), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

fn seconds(now: &str) -> i64 {
    sample::time(now).unix()
}

fn run(mut command: Command, world: &World, questions: &[String]) -> String {
    let input: String = questions.iter().map(|question| format!("{question}\n")).collect();
    text_of(&run_with_input(command.current_dir(&world.folder), &input))
}

/// A row as `answers.c` prints it, of a row of TSV.
fn numbers(row: &str) -> String {
    let cells: Vec<&str> = row.rsplitn(5, '\t').collect();
    assert_eq!(cells.len(), 5, "{row}");
    let (words, detected_by, status) = (cells[1], cells[2], cells[3]);
    let bits: u16 = words.split(',').filter(|word| !word.is_empty()).map(bit_of).sum();
    if detected_by.is_empty() { status.to_owned() } else { format!("{status} {detected_by} {bits}") }
}

fn assert_same(found: &str, expected: &str) {
    for (at, (found, expected)) in found.lines().zip(expected.lines()).enumerate() {
        assert_eq!(found, expected, "line {}", at + 1);
    }
    assert_eq!(found.len(), expected.len());
}

#[test]
fn the_example_in_c_prints_what_lookup_prints() {
    let Some(example) = library().compile_watched(&root().join("examples/c/lookup.c"), &[]) else { return };
    let (world, mut command) = (world(), example.command());
    // What is shown of such texts differs: the example prints them as they are.
    let questions: Vec<String> =
        questions(world).into_iter().filter(|question| question.is_ascii()).collect();
    command.args(["s.rap", &seconds(NOW).to_string()]);
    assert_same(&run(command, world, &questions), &lookup(world, &["tsv"], NOW, &questions));
}

#[test]
fn the_example_in_go_prints_what_lookup_prints_and_its_tests_pass() {
    let (Some(go), Some(_)) = (program("go"), library().flags(&["--cflags"])) else { return };
    let (world, folder) = (world(), tempfile::tempdir().expect("a folder"));
    let go = |args: &[&str]| {
        let mut command = library().command(&go);
        command.current_dir(root().join("examples/go")).args(args);
        command.env("GOFLAGS", "-mod=mod").env("GOPROXY", "off").env("GOTOOLCHAIN", "local");
        command.env("RAPSHEET_TEST_SNAPSHOT", folder.path().join("sample.rap"));
        command.env("RAPSHEET_TEST_AT", super::sample_seconds());
        text_of(&command.output().expect("it runs"))
    };
    sample::publish(&folder.path().join("sample.rap"));
    go(&["vet", "./..."]);
    let tested = go(&["test", "-count=1", "./..."]);
    assert!(tested.contains("ok  \trapsheet.example/rapsheet"), "{tested}");
    let path = folder.path().join("program");
    go(&["build", "-o", path.to_str().expect("text"), "."]);
    let questions: Vec<String> =
        questions(world).into_iter().filter(|question| question.is_ascii()).collect();
    let mut command = library().command(&path);
    command.args(["s.rap", &seconds(NOW).to_string()]);
    assert_same(&run(command, world, &questions), &lookup(world, &["tsv"], NOW, &questions));
}

#[test]
fn single_calls_batches_and_details_say_what_lookup_says() {
    let Some(answers) = library().compile_watched(&source("answers.c"), &[]) else { return };
    let world = world();
    let (questions, at) = (questions(world), seconds(NOW));
    let program = |mode: &str, flags: &str| {
        let mut command = answers.command();
        command.args([mode, "s.rap", &at.to_string(), flags]);
        run(command, world, &questions)
    };
    let rows = |day: i64| -> Vec<String> {
        let now = Time::from_unix(at + day * DAY).to_string();
        lookup(world, &["tsv"], &now, &questions).lines().map(numbers).collect()
    };
    let of_days: Vec<Vec<String>> = (0..4).map(rows).collect();
    assert!(of_days[0].len() > 5000 && of_days[0] != of_days[2], "some feeds are stale after three days");
    assert_same(&program("single", "0"), &format!("{}\n", of_days[0].join("\n")));
    let each_at_its_instant: Vec<&str> =
        (0..questions.len()).map(|row| of_days[row % 4][row].as_str()).collect();
    assert_same(&program("many", "0"), &format!("{}\n", each_at_its_instant.join("\n")));
    assert_details(&program("details", "0"), &lookup(world, &["jsonl"], NOW, &questions));
}

/// Details have the rows of the object, with numbers in place of texts.
fn assert_details(found: &str, objects: &str) {
    let mut lines = found.lines();
    for object in objects.lines() {
        let object: serde_json::Value = serde_json::from_str(object).expect("JSON");
        let Some(status) = object["status"].as_u64() else {
            assert_eq!(lines.next(), Some("2"), "{object}");
            continue;
        };
        let indicator = object["indicator"].as_str().expect("text");
        assert_eq!(lines.next(), Some(format!("{status} {indicator}").as_str()));
        for row in object["sources"].as_array().expect("rows") {
            let text = |name: &str| row[name].as_str().expect("text");
            let time = |name: &str| sample::time(text(name)).unix();
            let words = row["assessments"].as_array().expect("words").iter();
            let bits: u16 = words.map(|word| bit_of(word.as_str().expect("a word"))).sum();
            let [first_seen, detect_time, update_time, expires] =
                ["first_seen", "detect_time", "update_time", "expires"].map(time);
            let expected = format!(
                " {} {} {} {bits} {} {first_seen} {detect_time} {update_time} {expires} {}",
                text("provider"),
                text("feed"),
                row["status"],
                text("matched"),
                u8::from(row["stale"].as_bool().expect("a bool"))
            );
            assert_eq!(lines.next(), Some(expected.as_str()), "{indicator}");
        }
    }
    assert_eq!(lines.next(), None);
}

fn bit_of(word: &str) -> u16 {
    1 << rapsheet_snapshot::Assessment::parse(word).expect("an assessment") as u16
}

#[test]
fn json_is_that_of_the_command_line_byte_for_byte() {
    let Some(answers) = library().compile(&source("answers.c"), &[]) else { return };
    let (world, at) = (world(), seconds(NOW).to_string());
    let questions = questions(world);
    for (flags, output) in [
        ("0", &["json"][..]),
        ("1", &["json", "--all-sources"]),
        ("2", &["jsonl"]),
        ("3", &["jsonl", "--all-sources"]),
    ] {
        let mut command = answers.command();
        command.args(["json", "s.rap", &at, flags]);
        assert_same(&run(command, world, &questions), &lookup(world, output, NOW, &questions));
    }
    let mut command = answers.command();
    command.args(["info", "s.rap", &at]);
    let info = world.rapsheet(&["info", "--snapshot", "s.rap", "--now", NOW, "-o", "json"], "");
    assert_same(&run(command, world, &[]), &text_of(&info));
}

#[test]
fn feeds_are_those_of_the_snapshot() {
    let Some(answers) = library().compile(&source("answers.c"), &[]) else { return };
    let (world, mut command) = (world(), answers.command());
    command.args(["feeds", "s.rap", &seconds(NOW).to_string()]);
    let found: serde_json::Value = serde_json::from_str(&run(command, world, &[])).expect("JSON");
    let output = world.rapsheet(&["feeds", "--snapshot", "s.rap", "--now", NOW, "-o", "json"], "");
    let expected: serde_json::Value = serde_json::from_str(&text_of(&output)).expect("JSON");
    let (found, expected) = (found.as_array().expect("feeds"), expected.as_array().expect("feeds"));
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        for (name, value) in found.as_object().expect("an object") {
            assert_eq!(value, &expected[name], "{name} of {}", found["id"]);
        }
    }
}
