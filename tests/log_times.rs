//! Times of log lines: every form and offset that is read, and what is no time.

use crate::test_dir::{TestDir, code, json_lines, stderr};

/// The `event_time` of each line of a log, which has one indicator a line.
fn times(dir: &TestDir, log: &str, args: &[&str]) -> Vec<Option<String>> {
    let args = [&["score", "--at", "event", "--all", "-"], args].concat();
    let output = dir.run_with_input(&args, log.as_bytes());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let rows = json_lines(&output);
    assert_eq!(rows.iter().filter_map(|row| row["line"].as_u64()).count(), rows.len());
    rows.iter().map(|row| row["event_time"].as_str().map(str::to_owned)).collect()
}

fn assert_times(dir: &TestDir, lines: &[(&str, Option<&str>)]) {
    let log: String = lines.iter().map(|(line, _)| format!("{line} 45.9.20.5\n")).collect();
    let read = times(dir, &log, &["--input", "text"]);
    assert_eq!(read.len(), lines.len());
    for ((line, expected), read) in lines.iter().zip(read) {
        assert_eq!(read.as_deref(), *expected, "{line}");
    }
}

#[test]
fn offsets_are_read_in_every_form() {
    const NINE: Option<&str> = Some("2026-11-20T09:00:00Z");
    const TEN: Option<&str> = Some("2026-11-20T10:00:00Z");
    let dir = TestDir::new();
    assert_times(
        &dir,
        &[
            ("2026-11-20T10:00:00+0100", NINE),
            ("2026-11-20 10:00:00 +0100", NINE),
            ("2026-11-20 10:00:00 +01:00 x", NINE),
            ("2026-11-20 10:00:00 +01", NINE),
            ("2026-11-20 10:00:00+01", NINE),
            ("2026-11-20T10:00:00,123+01:00", NINE),
            ("2026-11-20T10:00:00.123+0100", NINE),
            ("2026-11-20 10:00:00,123 +0100 INFO", NINE),
            ("2026-11-20 10:00:00:123 +0100 INFO", NINE),
            ("2026-11-20T04:30:00-05:30", TEN),
            ("2026-11-20T10:00:00Z", TEN),
            ("2026-11-20 10:00:00 Z", TEN),
            ("2026-11-20 10:00:00,123Z", TEN),
            ("2026-11-20 10:00:00 UTC", TEN),
            ("2026-11-20 10:00:00.5 GMT:", TEN),
            ("2026-11-20 10:00:00 UTC+1", NINE),
            ("2026-11-20 10:00:00\t+0100", NINE),
            ("2026-11-20 10:00:00  +01:00", NINE),
            ("2026-11-20 10:00:00\t-5", TEN),
            ("2026-11-20 10:00:00 GMT+01:00", NINE),
            ("2026-11-20 10:00:00 (UTC)", TEN),
            ("[20/Nov/2026:10:00:00 +0100]", NINE),
            ("[20/Nov/2026:10:00:00 +01:00]", NINE),
            ("20-Nov-2026 10:00:00.123 +0100", NINE),
            ("Fri Nov 20 10:00:00 2026 +0100", NINE),
            ("Fri Nov 20 10:00:00 UTC 2026", TEN),
            ("Fri, 20 Nov 2026 10:00:00 +0100", NINE),
            ("Nov 20 10:00:00 UTC host", TEN),
            ("2026-11-20 10:00:00 - a dash", TEN),
            ("2026-11-20 10:00:00 -- more", TEN),
            ("2026-11-20 10:00:00 INFO", TEN),
            ("2026-11-20 10:00:00 A word", TEN),
            ("2026-11-20 10:00:00,est x", TEN),
        ],
    );
}

#[test]
fn forms_of_many_writers_are_read() {
    const TEN: Option<&str> = Some("2026-11-20T10:00:00Z");
    let dir = TestDir::new();
    assert_times(
        &dir,
        &[
            ("2026/11/20 10:00:00 [error] 1#1: *5 open() failed, client:", TEN),
            ("Nov 20 2026 10:00:00: %X:", TEN),
            ("<166>Nov 20 2026 10:00:00 fw :", TEN),
            ("[1795168800] unbound[1:0] info:", TEN),
            ("1795168800.123 x", TEN),
            ("11/20/2026-10:00:00.123456  [**]", TEN),
            ("11/20-10:00:00.123456  [**]", TEN),
            ("11/20/2026 10:00:00 AM 0E4C", TEN),
            ("11/20/2026 10:00:00 PM 0E4C", Some("2026-11-20T22:00:00Z")),
            ("11/20/2026 12:00:00 AM 0E4C", Some("2026-11-20T00:00:00Z")),
            ("11/20/2026 9:00:00 AM 0E4C", Some("2026-11-20T09:00:00Z")),
            ("20/11/2026 10:00:00", TEN),
            ("20.11.2026 10:00:00", TEN),
            ("05.11.2026 10:00:00", Some("2026-11-05T10:00:00Z")),
            ("11/11/2026 10:00:00", Some("2026-11-11T10:00:00Z")),
            ("2026-11-20\t10:00:00", TEN),
            ("2026-11-20,10:00:00,", TEN),
            ("\"2026-11-20\",\"10:00:00\",", TEN),
            ("2026-11-20 10:00", TEN),
            ("[20-Nov-2026 10:00:00 UTC] PHP", TEN),
            ("type=A msg=audit(1795168800.123:45):", TEN),
            ("2026-11-20T10:00:60Z", Some("2026-11-20T10:00:59Z")),
        ],
    );
}

/// A time that is not understood is no time, and no other one of the line stands in for it.
#[test]
fn what_is_not_understood_is_no_time() {
    let dir = TestDir::new();
    let lines = [
        "2026-11-20 10:00:00 +05630",
        "2026-11-20T10:00:00+25:00",
        "2026-11-20T10:00:00+01:60",
        "2026-11-20T10:00:00+1",
        "2026-11-20T10:00:00.123+01:000",
        "2026-11-20T10:00:00,123-5",
        "2026-11-20T10:00:00.+01:00",
        "2026-11-20T10:00:00\u{2212}01:00",
        "2026-11-20T10:00:00%2B01:00",
        "2026-11-20 10:00:00 CEST",
        "2026-11-20 10:00:00\tCEST",
        "2026-11-20 10:00:00 EST [x]",
        "2026-11-20 10:00:00CET",
        "2026-11-20 10:00:00 (PST)",
        "2026-11-20 10:00:00 Europe/Berlin",
        "[20-Nov-2026 10:00:00 Europe/Berlin] PHP",
        "[20/Nov/2026:10:00:00 CET]",
        "[20/Nov/2026:10:00:00 +05630]",
        "Nov 20 10:00:00 CEST host",
        "Fri Nov 20 10:00:00 CET 2026",
        "03/04/2026 10:00:00",
        "11/07/2026 10:00:00 AM",
        "26/11/20 10:00:00",
        "2026-02-30 10:00:00",
        "2026-11-31T10:00:00Z",
        "2026-13-20 10:00:00",
        "2026-11-20 24:00:00",
        "2026-11-20 10:60:00",
        "2026-11-20 10:00:61",
        "2026-11-20 10:00:000",
        "Feb 30 10:00:00 host",
        "2026-11-20 13:00:00 PM",
        "2026-11-20 00:30:00 AM",
    ];
    assert_times(&dir, &lines.map(|line| (line, None)));
    let also: Vec<String> = lines.iter().map(|line| format!("{line} since 2020-01-01T00:00:00Z")).collect();
    assert_times(&dir, &also.iter().map(|line| (line.as_str(), None)).collect::<Vec<_>>());
    // An address or a version before the time is none.
    assert_times(
        &dir,
        &[
            ("v1.2.3 9.20.5 2026-11-20T10:00:00Z", Some("2026-11-20T10:00:00Z")),
            ("1.2.3 10:05:03 no date", None),
        ],
    );
    let log: String = lines.iter().map(|line| format!("{line} 45.9.20.5\n")).collect();
    let output =
        dir.run_with_input(&["score", "--at", "event", "--all", "-"], format!("45.9.20.5\n{log}").as_bytes());
    let (all, unclear) = (lines.len() + 1, lines.len());
    let message = stderr(&output);
    assert!(message.contains(&format!("{all} records without a time ({unclear} of them")), "{message}");
    assert!(message.contains("state a time that is not understood) were looked up as of now"), "{message}");
}

#[test]
fn a_date_and_a_clock_in_fields_of_their_own_are_one_time() {
    const TEN: Option<&str> = Some("2026-11-20T10:00:00Z");
    let dir = TestDir::new();
    let date = |log: &str, args: &[&str]| times(&dir, log, args).first().cloned().flatten();
    for (log, expected) in [
        ("date,time,ip\n2026-11-20,10:00:00,45.9.20.5\n", TEN),
        ("time,date,ip\n10:00:00,2026-11-20,45.9.20.5\n", TEN),
        ("Date,Time,ip\n2026/11/20,10:00:00.5,45.9.20.5\n", TEN),
        ("date\ttime\tip\n20.11.2026\t10:00:00\t45.9.20.5\n", TEN),
        ("date,time,tz,ip\n2026-11-20,11:00:00,+0100,45.9.20.5\n", TEN),
        ("date,time,tz,ip\n2026-11-20,11:00:00,CET,45.9.20.5\n", None),
        ("date,time,ip\n2026-11-20,25:00:00,45.9.20.5\n", None),
        ("date,time,ip\n2026-11-20,-,45.9.20.5\n", None),
        ("date,time,ip\n03/04/2026,10:00:00,45.9.20.5\n", None),
        ("time,ip\n10:00:00,45.9.20.5\n", None),
        ("timestamp,start,ip\n2026-11-20 10:00:00 CEST,2020-01-01T00:00:00Z,45.9.20.5\n", None),
        ("{\"date\":\"2026-11-20\",\"time\":\"10:00:00\",\"ip\":\"45.9.20.5\"}\n", TEN),
        ("{\"time\":\"2026\\/11\\/20 10:00:00\",\"ip\":\"45.9.20.5\"}\n", TEN),
        ("{\"timestamp\":\"2026-11-20T11:00:00\\u002b01:00\",\"ip\":\"45.9.20.5\"}\n", TEN),
        ("<165>1 - h app - - - since 2020-01-01T00:00:00Z 45.9.20.5\n", None),
        ("#Fields: time date c-ip\n10:00:00 2026-11-20 45.9.20.5\n", TEN),
        ("#Fields: date time c-ip\n2026-11-20 - 45.9.20.5\n", None),
    ] {
        assert_eq!(date(log, &[]).as_deref(), expected, "{log}");
    }
    let log = "day,date,time,ip\nFri,2026-11-20,10:00:00,45.9.20.5\n";
    for field in ["date", "time"] {
        assert_eq!(date(log, &["--time-field", field]).as_deref(), TEN, "{field}");
    }
}

/// A zone in a field of its own counts where the time states no offset.
#[test]
fn a_zone_column_with_a_timestamp_counts() {
    const NINE: Option<&str> = Some("2026-11-20T09:00:00Z");
    const TEN: Option<&str> = Some("2026-11-20T10:00:00Z");
    let dir = TestDir::new();
    for (time, zone, expected) in [
        ("2026-11-20 10:00:00", "+0100", NINE),
        ("2026-11-20T10:00:00", "+01:00", NINE),
        ("2026-11-20 10:00:00", "UTC", TEN),
        ("2026-11-20 10:00:00", "", TEN),
        ("2026-11-20T10:00:00Z", "+0100", TEN),
        ("2026-11-20T11:00:00+01:00", "+0300", TEN),
        ("2026-11-20 10:00:00", "Europe/Berlin", None),
        ("2026-11-20T10:00:00Z", "Europe/Berlin", TEN),
    ] {
        for name in ["tz", "TZ", "Timezone", "tz_offset"] {
            let json = format!("{{\"timestamp\":\"{time}\",\"{name}\":\"{zone}\",\"ip\":\"45.9.20.5\"}}\n");
            let csv = format!("timestamp,{name},ip\n{time},{zone},45.9.20.5\n");
            for (kind, log) in [("jsonl", json), ("csv", csv)] {
                let read = times(&dir, &log, &["--input", kind]);
                assert_eq!(read, [expected.map(str::to_owned)], "{log}");
            }
        }
    }
    let read = times(&dir, "date,time,TZ,ip\n2026-11-20,10:00:00,+0100,45.9.20.5\n", &["--input", "csv"]);
    assert_eq!(read, [NINE.map(str::to_owned)]);
}

/// A W3C log without a column for the date has it from the `#Date:` that applies.
#[test]
fn the_date_of_a_w3c_log_may_be_in_its_header() {
    let dir = TestDir::new();
    let log = "#Software: IIS\n#Date: 2026-11-19 00:00:00\n#Fields: time c-ip\n10:00:00 45.9.20.5\n\
               #Date: 2026-11-20 00:00:00\n#Fields: time c-ip\n10:00:00 45.9.20.5\n\
               #Fields: date time c-ip\n2026-11-18 10:00:00 45.9.20.5\n";
    let expected = ["2026-11-19T10:00:00Z", "2026-11-20T10:00:00Z", "2026-11-18T10:00:00Z"];
    assert_eq!(times(&dir, log, &["--input", "w3c"]), expected.map(|time| Some(time.to_owned())));
}
