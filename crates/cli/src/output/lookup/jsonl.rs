//! `jsonl`: the objects of `json`, one a line.

use super::{LookupOutput, json, no_header};
use crate::output::json as printed;

/// The row of the table.
pub(super) static OUTPUT: LookupOutput = LookupOutput {
    name: "jsonl",
    about: "JSON Lines, one object per indicator",
    header: no_header,
    answer: |context, answered, out| printed::line(&json::object(context, answered), out),
    refused: |_, refused, out| printed::line(&json::error(refused), out),
};
