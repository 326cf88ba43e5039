//! `jsonl`: the objects of `json`, one a line.

use super::{LookupOutput, json, no_head};

/// The row of the table.
pub(super) static OUTPUT: LookupOutput = LookupOutput {
    name: "jsonl",
    head: no_head,
    answer: |context, answer, out| {
        serde_json::to_writer(&mut *out, &json::object(context, answer))?;
        writeln!(out)
    },
    refused: |text, why, out| {
        serde_json::to_writer(&mut *out, &json::refused(text, why))?;
        writeln!(out)
    },
};
