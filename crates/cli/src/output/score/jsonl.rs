//! `jsonl`: an object per indicator that was found, with the place where it stands.

use super::{ScoreOutput, ScoredBlock};
use query::Scored;
use serde::Serialize;
use snapshot::Status;

/// The row of the table.
pub(super) static OUTPUT: ScoreOutput = ScoreOutput { name: "jsonl", block };

#[derive(Serialize)]
struct Object<'a> {
    file: &'a str,
    line: u64,
    offset: u64,
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
        line += between.iter().filter(|byte| **byte == b'\n').count() as u64;
        counted = found.at;
        // Memory takes every write, and no field of the object can fail to be written.
        let _ = serde_json::to_writer(&mut *out, &object(scored, found, line));
        out.push(b'\n');
    }
}

fn object<'a>(scored: &'a ScoredBlock<'_>, found: &'a Scored, line: u64) -> Object<'a> {
    let answer = &found.answer;
    let providers = scored.judge.verdicts().providers().iter().zip(&answer.providers);
    let speaks =
        |status: Status| status == answer.status && matches!(status, Status::Blocked | Status::Allowed);
    Object {
        file: scored.file,
        line,
        offset: scored.offset + found.at as u64,
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
