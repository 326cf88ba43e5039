//! `jsonl`: the objects of `json`, one a line.

use super::{LookupOutput, json, no_header};

/// The row of the table.
pub(super) static OUTPUT: LookupOutput = LookupOutput {
    name: "jsonl",
    about: "JSON Lines, one object per indicator",
    header: no_header,
    answer: |context, answered, out| {
        serde_json::to_writer(&mut *out, &json::object(context, answered))?;
        writeln!(out)
    },
    refused: |refused, out| {
        serde_json::to_writer(&mut *out, &json::error(refused))?;
        writeln!(out)
    },
};
