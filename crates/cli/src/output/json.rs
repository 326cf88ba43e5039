//! JSON for all outputs that have it, safe to be shown on a terminal.

pub(crate) use rapsheet_json::{indented, line, string};
