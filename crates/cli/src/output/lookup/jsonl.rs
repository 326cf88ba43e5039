//! `jsonl`: the objects of `json`, one a line.

use super::{LookupOutput, json, no_head};

/// The row of the table.
pub(super) static OUTPUT: LookupOutput = LookupOutput {
    name: "jsonl",
    about: "JSON Lines, one object per indicator",
    head: no_head,
    answer: |context, asked, out| {
        serde_json::to_writer(&mut *out, &json::object(context, asked))?;
        writeln!(out)
    },
    refused: |refused, out| {
        serde_json::to_writer(&mut *out, &json::error(refused))?;
        writeln!(out)
    },
};
