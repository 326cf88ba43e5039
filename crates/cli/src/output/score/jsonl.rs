//! `jsonl`: an object per match, with its position in the log.

use super::{ScoreOutput, ScoredBlock};
use crate::output::push_number;
use crate::printable;
use rapsheet_query::Listing;
use serde::Serialize;

/// The row of the table.
pub(super) static OUTPUT: ScoreOutput = ScoreOutput {
    name: "jsonl",
    about: "JSON Lines, one object per match",
    is_by_record: false,
    has_listings: true,
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
    // The beginning is the same for every line of a block. Writing positions is most of the work where rows
    // are many.
    let mut head = b"{\"file\":".to_vec();
    head.extend(json(&scored.file));
    head.extend_from_slice(b",\"line\":");
    for (at, found) in scored.found.iter().enumerate() {
        out.extend_from_slice(&head);
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
        text(found.indicator, out);
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

/// Appends a text in quotes. Only URLs have anything to escape.
fn text(text: &str, out: &mut Vec<u8>) {
    if text.bytes().any(|byte| matches!(byte, b'"' | b'\\' | ..b' ')) {
        return out.extend(json(&text));
    }
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
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
