//! Lists on a page, and what is taken away of them.

use super::html::Document;
use super::listed::{self, ALLOWED, LISTED, UNLISTED};
use super::page::encoded;
use super::{Client, Running};
use crate::test_dir::{TestDir, stdout};

const LIST: &str = "45.9.20.5\r\n45.9.20.9\r\n\r\n45.9.21.1\r\nhxxp://evil-two[.]com/x\r\n010.0.0.1\r\n\
    =cmd|' /C calc'!A0\r\n<b>\r\n\u{202e}abc\r\n";

fn listed() -> (TestDir, Running) {
    let dir = TestDir::new();
    listed::publish(&dir);
    let server = Running::start(&dir, &[]);
    (dir, server)
}

fn form(list: &str, submit: &str) -> String {
    format!("list={}&as={submit}", encoded(list))
}

#[test]
fn a_list_is_answered_line_by_line() {
    let (_dir, server) = listed();
    let answer = server.post("/bulk", form(LIST, "page"));
    let document = Document::read(&answer.text());
    document.check();
    assert_eq!(document.one("title").text, "2 of 8 lines blocklisted · rapsheet");
    let text = document.one("main").text.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "2 Blocklisted 1 Allowlisted 1 Unknown 0 Cannot be judged 4 Not answered",
        "1 45.9.20.5 Blocklisted 5 of 7; 1 without data botnet,",
        "4 hxxp://evil-two[.]com/x http://evil-two.com/x Blocklisted 1 of 1",
        "5 010.0.0.1 An octet with a leading zero",
        "8 \\u{202e}abc",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(
        document.one("textarea").text,
        format!("\n{}", LIST.replace("\r\n", "\n")),
        "the list is there for the CSV"
    );
}

/// The CSV is that of the command line, for spreadsheets.
#[test]
fn the_csv_is_that_of_lookup() {
    let (dir, server) = listed();
    let answer = server.post("/bulk", form(LIST, "csv"));
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("text/csv; charset=utf-8"));
    assert_eq!(
        answer.header("content-disposition"),
        Some("attachment; filename=\"rapsheet-2026-11-22.csv\"")
    );
    let local = dir.run_with_input(&["lookup", "-o", "csv", "--spreadsheet"], LIST.as_bytes());
    let text = answer.text();
    assert_eq!(text, stdout(&local));
    assert!(text.lines().count() > 10 && text.contains("\n'=cmd|"), "{text}");
}

#[test]
fn a_page_ends_where_it_says_and_the_csv_does_not() {
    let (_dir, server) = listed();
    let list = format!("{LISTED}\n{UNLISTED}\n{ALLOWED}\n").repeat(400);
    let document = Document::read(&server.post("/bulk", form(&list, "page")).text());
    let text = document.one("main").text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        text.contains("1,200 lines The first 1,000 are answered here. The other 200 are not counted"),
        "{text:.200}"
    );
    assert!(text.contains("334 Blocklisted 333 Allowlisted 333 Unknown"), "{text:.400}");
    let csv = server.post("/bulk", form(&list, "csv")).text();
    assert_eq!(csv.lines().filter(|line| line.starts_with(UNLISTED)).count(), 400);
    assert!(csv.lines().count() > 400 * 8);
}

/// A server with an address listed in every three of 45.9.0.0/16.
fn crowded() -> (TestDir, Running) {
    let dir = TestDir::new();
    let list: String =
        (0..65_536u32).map(|at| format!("45.9.{}.{}\n", at >> 8, at & 255)).step_by(3).collect();
    dir.write("own.txt", list);
    let output = dir.run(&["build", "--list", "own.txt", "--out", "rapsheet.rap", "--previous", "none"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let server = Running::start(&dir, &[]);
    (dir, server)
}

/// Ranges with many sightings end a page before its lines do.
#[test]
fn a_page_ends_after_many_sightings() {
    let (_dir, server) = crowded();
    let text = server.post("/bulk", form(&"45.9.0.0/21\n".repeat(40), "page")).text();
    assert!(text.contains("The first 30 are answered here."), "{text:.400}");
    let document = Document::read(&server.get("/lookup/45.9.0.0%2F21").text());
    document.check();
    let text = document.one("main").text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("The first 500 of 683 sightings."), "{text:.2000}");
    assert!(text.contains("Its answer has"), "long JSON is not on the page");
}

/// The page of a question, that of a list and its CSV have one limit, and none calls such a range no indicator.
#[test]
fn a_range_that_holds_too_much_is_refused_alike() {
    let (_dir, server) = crowded();
    let answer = server.get("/lookup/45.0.0.0%2F8");
    let document = Document::read(&answer.text());
    document.check();
    assert_eq!((answer.status, &*document.one("h1").text), (400, "Too much for one answer"));
    assert!(!document.one("main").text.contains("What can be asked"));
    let reason = document.all("p").iter().find(|p| p.attribute("class") == "lead").expect("why").text.clone();
    assert!(reason.contains("range"), "{reason}");
    let list = "45.0.0.0/8\n45.9.0.0/24\n";
    let text = Document::read(&server.post("/bulk", form(list, "page")).text()).one("main").text.clone();
    assert!(text.contains(&reason) && !text.contains("Not an indicator"), "{reason}: {text}");
    let csv = server.post("/bulk", form(list, "csv")).text();
    assert!(csv.contains("\n45.0.0.0/8,45.0.0.0/8,,,,,,,,,,,,,,,,,,too-wide\n"), "{csv:.400}");
    assert_eq!(csv.lines().filter(|line| line.starts_with("45.9.0.0/24,")).count(), 86);
}

/// As many lines as the page says fit, sent as a browser sends them.
#[test]
fn a_list_may_be_as_long_as_the_page_says() {
    let (_dir, server) = listed();
    let text = Document::read(&server.get("/bulk").text()).one("main").text.clone();
    assert!(text.contains("about 50,000 lines of IPv4 addresses"), "{text}");
    let of = |lines: usize| format!("list={}&as=csv", "100.100.100.100%0D%0A".repeat(lines));
    let answer = server.post("/bulk", of(49_900));
    assert_eq!((answer.status, answer.text().lines().count()), (200, 49_901));
    let answer = server.post("/bulk", of(50_000));
    assert_eq!(answer.status, 413);
    let text = Document::read(&answer.text()).one("main").text.clone();
    assert!(text.contains("each line end takes 6 bytes"), "{text}");
}

#[test]
fn forms_that_are_none_are_told() {
    let (_dir, server) = listed();
    let mut client = Client::connect(server.address);
    for (body, status, told) in [
        ("", 400, "with the field `list`, found another body"),
        ("{\"list\":[]}", 400, "with the field `list`, found another body"),
        ("list=45.9.20.5&as=pdf", 400, "The field `as` is `page` or `csv`."),
        ("list=&as=page", 400, "Expected at least one line, found none"),
        ("list=%0D%0A+&as=csv", 400, "Expected at least one line, found none"),
    ] {
        let answer = client.post("/bulk", body.as_bytes());
        assert_eq!(answer.status, status, "{body}");
        let document = Document::read(&answer.text());
        document.check();
        assert!(document.one("main").text.contains(told), "{body}: {}", document.one("main").text);
    }
    let answer = Client::connect(server.address).post("/bulk", &vec![b'x'; (1 << 20) + 1]);
    assert_eq!(answer.status, 413);
    Document::read(&answer.text()).check();
}
