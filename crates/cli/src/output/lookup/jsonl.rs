//! `jsonl`: the objects of `json`, one a line.
//!
//! A sighting is two texts around what matched: one of the feed and its words, one of its times. Both are made once and
//! copied for each row.

use super::{Answer, BatchPrinter, Context, LookupOutput, json, no_header};
use crate::output::interned::Interned;
use crate::output::json::{self as printed, string};
use crate::output::push_number;
use rapsheet_query::answer::AnswerSource;
use rapsheet_snapshot::Time;
use std::fmt::Display;
use std::io::Write as _;

/// The row of the table.
pub(super) static OUTPUT: LookupOutput = LookupOutput {
    name: "jsonl",
    about: "JSON Lines, one object per indicator",
    header: no_header,
    answer: |context, answered, out| printed::line(&json::object(context, answered), out),
    refused: |_, refused, out| printed::line(&json::error(refused), out),
    batch: |style| {
        let printer =
            || Box::new(Batch { indicator: Vec::new(), heads: Interned::new(), tails: Interned::new() });
        (!style.all_sources).then(|| printer() as Box<dyn BatchPrinter>)
    },
};

/// A sighting up to what matched: feed, status, assessments.
type Head = (u16, u8, u16);
/// A sighting after what matched: feed, `first_seen`, `detect_time`, `expires`.
type Tail = (u16, i64, i64, i64);

/// Writes the objects of [`json::object`] without making them.
struct Batch {
    /// The indicator of the question, or what of it matched.
    indicator: Vec<u8>,
    heads: Interned<Head>,
    tails: Interned<Tail>,
}

impl BatchPrinter for Batch {
    fn answer(&mut self, context: &Context<'_>, input: &[u8], answer: &Answer<'_>, out: &mut Vec<u8>) {
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
        append(&context.searcher.at(), out);
        out.extend_from_slice(b"\",\"sources\":[");
        for (at, source) in answer.sources.iter().enumerate() {
            out.extend_from_slice(if at > 0 { b"," } else { b"" });
            self.source(context, answer, source, out);
        }
        out.extend_from_slice(b"]}\n");
    }
}

impl Batch {
    fn source(
        &mut self,
        context: &Context<'_>,
        answer: &Answer<'_>,
        source: &AnswerSource,
        out: &mut Vec<u8>,
    ) {
        let head = (source.feed.0, source.status.number(), source.assessments.bits());
        self.heads.append(&head, out, |text| write_head(context, source, text));
        self.indicator.clear();
        answer.write_matched(source, &mut self.indicator);
        string(&self.indicator, out);
        let [first_seen, detect_time, expires] =
            [source.first_seen, source.detect_time, source.expires].map(Time::unix);
        let tail = (source.feed.0, first_seen, detect_time, expires);
        self.tails.append(&tail, out, |text| write_tail(context, source, text));
    }
}

fn write_head(context: &Context<'_>, source: &AnswerSource, out: &mut Vec<u8>) {
    let provider = context.searcher.providers().get(source.provider).map_or("", |provider| &provider.name);
    out.extend_from_slice(b"{\"provider\":");
    string(provider.as_bytes(), out);
    out.extend_from_slice(b",\"feed\":");
    string(context.feed(source.feed).0.as_bytes(), out);
    out.extend_from_slice(b",\"status\":");
    push_number(u64::from(source.status.number()), out);
    out.extend_from_slice(b",\"assessments\":[");
    for (at, assessment) in source.assessments.iter().enumerate() {
        out.extend_from_slice(if at > 0 { b"," } else { b"" });
        string(assessment.word().as_bytes(), out);
    }
    out.extend_from_slice(b"],\"matched\":");
}

fn write_tail(context: &Context<'_>, source: &AnswerSource, out: &mut Vec<u8>) {
    out.extend_from_slice(b",\"first_seen\":\"");
    append(&source.first_seen, out);
    out.extend_from_slice(b"\",\"detect_time\":\"");
    append(&source.detect_time, out);
    out.extend_from_slice(b"\",\"update_time\":");
    match context.feed(source.feed).1 {
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
