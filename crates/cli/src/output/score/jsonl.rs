//! `jsonl`: an object per match, with its position in the log.

use super::{ScoreOutput, ScoredBlock};
use crate::output::json::string;
use crate::output::push_number;
use crate::printable;
use rapsheet_query::{Detail, Listing};
use serde::Serialize;
use std::ops::Range;

/// The row of the table.
pub(super) static OUTPUT: ScoreOutput = ScoreOutput {
    name: "jsonl",
    about: "JSON Lines, one object per match",
    is_by_record: false,
    detail: Detail::Listing,
    header: |_, _| {},
    block,
    for_terminal: printable::json_line,
};

/// Fields that only some runs have.
#[derive(Serialize)]
struct Addition {
    /// The time of the record, where records are looked up as of their own times; null where it states none.
    #[serde(skip_serializing_if = "Option::is_none")]
    event_time: Option<Option<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<String>,
}

/// What providers say of the indicator, which is the same for many.
#[derive(Serialize)]
struct Object<'a> {
    status: u8,
    detected_by: usize,
    assessments: Vec<&'static str>,
    providers: Vec<&'a str>,
}

fn block(scored: &ScoredBlock<'_>, out: &mut Vec<u8>) {
    // The beginning is the same for every line of a block, and is copied from the first one. Writing positions is
    // most of the work where rows are many.
    let mut head = None;
    for (at, found) in scored.found.iter().enumerate() {
        match head.clone() {
            Some(head) => out.extend_from_within(head),
            None => head = Some(push_head(scored.file, out)),
        }
        push_number(scored.line + found.line as u64, out);
        out.extend_from_slice(b",\"offset\":");
        push_number(scored.offset + found.at as u64, out);
        out.push(b',');
        let event_time = scored.times.map(|times| times.get(at)?.map(|time| time.to_string()));
        let context = scored.context(found.at);
        if event_time.is_some() || context.is_some() {
            add(&Addition { event_time, context }, out);
        }
        out.extend_from_slice(b"\"indicator\":");
        string(found.indicator.as_bytes(), out);
        out.extend_from_slice(b",\"type\":\"");
        out.extend_from_slice(found.type_word.as_bytes());
        out.extend_from_slice(b"\",");
        out.extend_from_slice(found.listing.json.get_or_init(|| {
            let object = json(&object(scored, found.listing));
            object.strip_prefix(b"{").unwrap_or(&object).into()
        }));
        out.push(b'\n');
    }
}

/// Appends the beginning of a row. Returns where it is.
fn push_head(file: &str, out: &mut Vec<u8>) -> Range<usize> {
    let start = out.len();
    out.extend_from_slice(b"{\"file\":");
    string(file.as_bytes(), out);
    out.extend_from_slice(b",\"line\":");
    start..out.len()
}

/// Appends the fields of an object, and a comma.
fn add(object: &impl Serialize, out: &mut Vec<u8>) {
    let object = json(object);
    let fields = object.strip_prefix(b"{").and_then(|rest| rest.strip_suffix(b"}"));
    out.extend_from_slice(fields.unwrap_or(&[]));
    out.push(b',');
}

/// Cannot fail: the writer is memory, and no field of these objects has a serializer that fails.
fn json(object: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(object).unwrap_or_default()
}

fn object<'a>(scored: &ScoredBlock<'a>, listing: &'a Listing) -> Object<'a> {
    Object {
        status: listing.status.number(),
        detected_by: listing.detected_by,
        assessments: listing.assessments.iter().map(|assessment| assessment.word()).collect(),
        providers: scored.deciding_providers(listing).collect(),
    }
}
