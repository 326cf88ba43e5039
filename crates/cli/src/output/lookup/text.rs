//! `text`: an answer for people. A line for the verdict, and one below it for each sighting.

use super::{Answered, Context, LookupOutput, ProviderAnswer, Refused, Style, no_batch, no_header};
use crate::printable;
use rapsheet_query::Source;
use rapsheet_snapshot::{Status, Time};
use std::io::{self, Write};

/// The row of the table.
pub(super) static OUTPUT: LookupOutput =
    LookupOutput { name: "text", about: "For people", header: no_header, answer, refused, batch: no_batch };

fn refused(_: Style, refused: &Refused<'_>, out: &mut dyn Write) -> io::Result<()> {
    let (text, word) = (printable::text(refused.indicator()), printable::text(refused.word));
    let message = refused.message.map(printable::text);
    match (refused.parse_error(), message) {
        (Some(why), message) => {
            let about = || message.as_deref().unwrap_or(why.about()).trim_end_matches('.').to_owned();
            let about = not_indexed(refused.indicator()).map_or_else(about, str::to_owned);
            writeln!(out, "{text}  not an indicator: {word} ({about})")
        }
        (None, Some(message)) => writeln!(out, "{text}  not answered: {word} ({message})"),
        (None, None) => writeln!(out, "{text}  not answered: {word}"),
    }
}

/// What a text is that people look up and no snapshot holds, where it can be told by its look.
fn not_indexed(text: &str) -> Option<&'static str> {
    let is_hash =
        matches!(text.len(), 32 | 40 | 64 | 96 | 128) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_path = text.starts_with('/') && !text.starts_with("//")
        || ["./", "../", "~/", ".\\", "..\\"].iter().any(|start| text.starts_with(start))
        || matches!(text.as_bytes(), [drive, b':', b'\\' | b'/', ..] if drive.is_ascii_alphabetic());
    match () {
        () if is_hash => Some("A hash; hashes of files are not indexed"),
        () if is_cve(text) => Some("A CVE number; vulnerabilities are not indexed"),
        () if is_as_number(text) => Some("An AS number, which is not indexed; look up its addresses"),
        () if is_path => Some("A path without a host; files are not indexed"),
        () if is_mail_address(text) => {
            Some("A mail address, which is not indexed; look up the name behind the `@`")
        }
        () => None,
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a text begins so, in whatever case; the rest of it.
fn strip_word<'t>(text: &'t str, word: &str) -> Option<&'t str> {
    let (start, rest) = text.split_at_checked(word.len())?;
    start.eq_ignore_ascii_case(word).then_some(rest)
}

fn is_cve(text: &str) -> bool {
    let numbers = strip_word(text, "CVE-").and_then(|rest| rest.split_once('-'));
    numbers.is_some_and(|(year, number)| is_number(year) && is_number(number))
}

fn is_as_number(text: &str) -> bool {
    strip_word(text, "AS").is_some_and(is_number)
}

fn is_mail_address(text: &str) -> bool {
    let is_part = |part: &str| !part.is_empty() && !part.contains(['@', '/', ':', ' ']);
    text.split_once('@').is_some_and(|(local, host)| is_part(local) && is_part(host) && host.contains('.'))
}

fn answer(context: &Context<'_>, answered: &Answered<'_>, out: &mut dyn Write) -> io::Result<()> {
    let answer = answered.answer;
    let verdict = context.style.color.status(answer.status, answer.status.verdict());
    write!(out, "{}  {verdict}", printable::text(&answer.indicator))?;
    match (answer.status, answer.assessments()) {
        (Status::Blocked | Status::Allowed, words) if !words.is_empty() => write!(out, ": {words}")?,
        _ => {}
    }
    let of = context.directory.providers.len();
    match (answer.detected_by, answer.failed) {
        (0, 0) => writeln!(out)?,
        (0, failed) => writeln!(out, " (data of {failed} of {of} providers is missing or too old)")?,
        (by, 0) => writeln!(out, " (by {by} of {of} providers)")?,
        (by, failed) => writeln!(out, " (by {by} of {of} providers; data of {failed} missing or too old)")?,
    }
    context
        .providers(answer, context.style.all_sources)
        .try_for_each(|answer| provider(context, &answer, out))
}

fn provider(context: &Context<'_>, answer: &ProviderAnswer<'_>, out: &mut dyn Write) -> io::Result<()> {
    if answer.sources.is_empty() {
        let word = context.style.color.status(answer.status, answer.status.verdict());
        let updated = answer.provider.update_time.as_ref().map_or("never".to_owned(), Time::to_string);
        return writeln!(out, "  {}  {word}, updated {updated}", printable::text(&answer.provider.name));
    }
    answer.sources.iter().try_for_each(|source| sighting(context, source, out))
}

fn sighting(context: &Context<'_>, source: &Source, out: &mut dyn Write) -> io::Result<()> {
    let (feed, _) = context.feed(source.feed);
    let (provider, feed) = (printable::text(context.provider(source)), printable::text(feed));
    let verb = if source.status == Status::Blocked { "blocks" } else { "allows" };
    let verb = context.style.color.status(source.status, verb);
    let overlap = source.overlap.map_or(String::new(), |overlap| format!(" ({})", overlap.word()));
    write!(out, "  {provider} ({feed}) {verb} {}{overlap}", printable::text(&source.matched))?;
    if !source.assessments.is_empty() {
        write!(out, ": {}", source.assessments)?;
    }
    write!(out, "; confirmed {}, until {}", source.detect_time, source.expires)?;
    let stale = if source.stale { context.style.color.warning(" (stale)") } else { String::new() };
    writeln!(out, "{stale}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_what_is_not_indexed() {
        let hashes = [32, 40, 64, 96, 128].map(|length| "d4".repeat(length / 2));
        let others = ["cve-2021-44228", "CVE-2024-1234", "AS64500", "a.b@evilpanel.com", "/etc/passwd"];
        let paths = ["C:\\Windows\\x.exe", "c:/x", "./a.exe", "..\\a.exe", "~/x"];
        for text in hashes.iter().map(String::as_str).chain(others).chain(paths) {
            assert!(not_indexed(text).is_some(), "{text}");
        }
        for text in ["d4d4", "localhost", "CVE-2024", "CVE-x-1", "AS", "as", "a@b", "//x/y", "é", ""] {
            assert_eq!(not_indexed(text), None, "{text}");
        }
    }
}
