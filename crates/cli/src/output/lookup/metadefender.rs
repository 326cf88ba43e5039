//! `metadefender`: the shape of the MetaDefender v4 reputation API, so that its clients can be pointed here.
//!
//! The shape has one element per provider, so a provider with several feeds is folded: what those of its
//! sightings say that make its status, and the latest confirmation of them. What is absent is an empty text,
//! never null and never left out. Every time carries its zone, which the original sometimes forgets.

use super::{Context, LookupOutput, Said, json, no_head};
use rapsheet_query::{Source, Verdict};
use rapsheet_snapshot::{Assessments, Time};
use serde::Serialize;

/// The row of the table.
pub(super) static OUTPUT: LookupOutput = LookupOutput {
    name: "metadefender",
    head: no_head,
    answer: |context, answer, out| {
        serde_json::to_writer(&mut *out, &object(context, answer))?;
        writeln!(out)
    },
    refused: |text, why, out| {
        serde_json::to_writer(&mut *out, &json::refused(text, why))?;
        writeln!(out)
    },
};

#[derive(Serialize)]
struct Object<'a> {
    address: &'a str,
    lookup_results: Results<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    geo_info: Option<Nothing>,
}

/// `{}`: rapsheet knows nothing of places.
#[derive(Serialize)]
struct Nothing {}

#[derive(Serialize)]
struct Results<'a> {
    start_time: String,
    detected_by: usize,
    sources: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    provider: &'a str,
    assessment: String,
    detect_time: String,
    update_time: String,
    status: u8,
}

fn object<'a>(context: &'a Context<'_>, answer: &'a Verdict) -> Object<'a> {
    let is_address = matches!(answer.type_word, "ipv4" | "ipv6");
    Object {
        address: &answer.indicator,
        lookup_results: Results {
            start_time: with_fraction(answer.at, "000"),
            detected_by: answer.detected_by,
            sources: context.providers(answer, true).map(|said| row(&said)).collect(),
        },
        geo_info: is_address.then_some(Nothing {}),
    }
}

fn row<'a>(said: &Said<'a>) -> Row<'a> {
    let speaks = |source: &&Source| source.status == said.status;
    let speaking = || said.sources.iter().filter(speaks);
    let assessments = speaking().fold(Assessments::EMPTY, |sum, source| sum.union(source.assessments));
    let text = |time: Option<Time>| time.map(|time| with_fraction(time, "000000")).unwrap_or_default();
    Row {
        provider: &said.provider.name,
        assessment: assessments.to_string(),
        detect_time: text(speaking().map(|source| source.detect_time).max()),
        update_time: text(said.provider.update_time),
        status: said.status.number(),
    }
}

fn with_fraction(time: Time, fraction: &str) -> String {
    let text = time.to_string();
    format!("{}.{fraction}Z", text.trim_end_matches('Z'))
}
