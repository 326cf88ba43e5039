//! The objects of look-ups, one a line, for many answers.
//!
//! A sighting is two texts around what matched: one of the feed and its words, one of its times. Both are made once and
//! copied for each row.

use crate::directory::Directory;
use crate::interned::Interned;
use crate::text::{push_number, string};
use rapsheet_query::Time;
use rapsheet_query::answer::{Answer, AnswerSource};
use std::fmt::Display;
use std::io::Write as _;

/// A sighting up to what matched: feed, status, assessments.
type Head = (u16, u8, u16);
/// A sighting after what matched: feed, `first_seen`, `detect_time`, `expires`.
type Tail = (u16, i64, i64, i64);

/// Writes the objects of [`object`](crate::object) without making them. All answers are of one searcher.
#[derive(Default)]
pub struct Lines {
    /// The indicator of the question, or what of it matched.
    indicator: Vec<u8>,
    heads: Interned<Head>,
    tails: Interned<Tail>,
}

impl Lines {
    /// Appends the answer to a question that was typed as `input`, as of `at`.
    pub fn answer(
        &mut self,
        directory: &Directory,
        at: Time,
        input: &[u8],
        answer: &Answer<'_>,
        out: &mut Vec<u8>,
    ) {
        out.extend_from_slice(b"{\"input\":");
        string(input, out);
        out.extend_from_slice(b",\"indicator\":");
        self.indicator.clear();
        answer.write_indicator(&mut self.indicator);
        string(&self.indicator, out);
        out.extend_from_slice(b",\"type\":\"");
        out.extend_from_slice(answer.question.type_word().as_bytes());
        out.extend_from_slice(b"\",\"status\":");
        push_number(u64::from(answer.status.number()), out);
        out.extend_from_slice(b",\"verdict\":\"");
        out.extend_from_slice(answer.status.verdict().as_bytes());
        out.extend_from_slice(b"\",\"detected_by\":");
        push_number(answer.detected_by as u64, out);
        out.extend_from_slice(b",\"failed\":");
        push_number(answer.failed as u64, out);
        out.extend_from_slice(b",\"at\":\"");
        append(&at, out);
        out.extend_from_slice(b"\",\"sources\":[");
        for (at, source) in answer.sources.iter().enumerate() {
            out.extend_from_slice(if at > 0 { b"," } else { b"" });
            self.source(directory, answer, source, out);
        }
        out.extend_from_slice(b"]}\n");
    }
}

impl Lines {
    fn source(
        &mut self,
        directory: &Directory,
        answer: &Answer<'_>,
        source: &AnswerSource,
        out: &mut Vec<u8>,
    ) {
        let head = (source.feed.0, source.status.number(), source.assessments.bits());
        self.heads.append(&head, out, |text| write_head(directory, source, text));
        self.indicator.clear();
        answer.write_matched(source, &mut self.indicator);
        string(&self.indicator, out);
        let [first_seen, detect_time, expires] =
            [source.first_seen, source.detect_time, source.expires].map(Time::unix);
        let tail = (source.feed.0, first_seen, detect_time, expires);
        self.tails.append(&tail, out, |text| write_tail(directory, source, text));
    }
}

fn write_head(directory: &Directory, source: &AnswerSource, out: &mut Vec<u8>) {
    let provider = directory.provider(source.provider);
    out.extend_from_slice(b"{\"provider\":");
    string(provider.as_bytes(), out);
    out.extend_from_slice(b",\"feed\":");
    string(directory.feed(source.feed).0.as_bytes(), out);
    out.extend_from_slice(b",\"status\":");
    push_number(u64::from(source.status.number()), out);
    out.extend_from_slice(b",\"assessments\":[");
    for (at, assessment) in source.assessments.iter().enumerate() {
        out.extend_from_slice(if at > 0 { b"," } else { b"" });
        string(assessment.word().as_bytes(), out);
    }
    out.extend_from_slice(b"],\"matched\":");
}

fn write_tail(directory: &Directory, source: &AnswerSource, out: &mut Vec<u8>) {
    out.extend_from_slice(b",\"first_seen\":\"");
    append(&source.first_seen, out);
    out.extend_from_slice(b"\",\"detect_time\":\"");
    append(&source.detect_time, out);
    out.extend_from_slice(b"\",\"update_time\":");
    match directory.feed(source.feed).1 {
        Some(time) => string(time.to_string().as_bytes(), out),
        None => out.extend_from_slice(b"null"),
    }
    out.extend_from_slice(b",\"expires\":\"");
    append(&source.expires, out);
    out.extend_from_slice(if source.stale { b"\",\"stale\":true}" } else { b"\",\"stale\":false}" });
}

/// Appends a displayed value, which memory takes.
fn append(value: &impl Display, out: &mut Vec<u8>) {
    let _ = write!(out, "{value}");
}
