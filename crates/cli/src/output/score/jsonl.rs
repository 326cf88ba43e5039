//! `jsonl`: an object per indicator that was found, with the place where it stands.

use super::{ScoreOutput, ScoredBlock};
use query::Answer;
use serde::Serialize;
use snapshot::Status;

/// The row of the table.
pub(super) static OUTPUT: ScoreOutput = ScoreOutput { name: "jsonl", block };

/// The place, which every line has anew.
#[derive(Serialize)]
struct Place<'a> {
    file: &'a str,
    line: u64,
    offset: u64,
}

/// What is known of the indicator, which is the same wherever it stands.
#[derive(Serialize)]
struct Object<'a> {
    indicator: &'a str,
    #[serde(rename = "type")]
    type_word: &'a str,
    status: u8,
    detected_by: usize,
    assessments: Vec<&'static str>,
    providers: Vec<&'a str>,
}

fn block(scored: &ScoredBlock<'_>, out: &mut Vec<u8>) {
    let (mut line, mut counted) = (scored.line, 0);
    for found in scored.found {
        let between = scored.bytes.get(counted..found.at).unwrap_or(&[]);
        line += memchr::memchr_iter(b'\n', between).count() as u64;
        counted = found.at;
        let place = Place { file: scored.file, line, offset: scored.offset + found.at as u64 };
        let known = found.known.text.get_or_init(|| json(&object(scored, &found.known.answer)));
        out.extend_from_slice(joined(&json(&place), known).as_slice());
        out.push(b'\n');
    }
}

/// Memory takes every write, and no field of these objects can fail to be written.
fn json(object: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(object).unwrap_or_default()
}

/// Two objects as one.
fn joined(first: &[u8], second: &[u8]) -> Vec<u8> {
    [first.strip_suffix(b"}").unwrap_or(first), b",", second.strip_prefix(b"{").unwrap_or(second)].concat()
}

fn object<'a>(scored: &'a ScoredBlock<'_>, answer: &'a Answer) -> Object<'a> {
    let providers = scored.judge.verdicts().providers().iter().zip(&answer.providers);
    let speaks =
        |status: Status| status == answer.status && matches!(status, Status::Blocked | Status::Allowed);
    Object {
        indicator: &answer.indicator,
        type_word: answer.type_word,
        status: answer.status.number(),
        detected_by: answer.detected_by,
        assessments: answer.assessments().iter().map(|assessment| assessment.word()).collect(),
        providers: providers
            .filter(|(_, status)| speaks(**status))
            .map(|(provider, _)| provider.name.as_str())
            .collect(),
    }
}
