//! `verify`: whether the snapshot is, bit for bit, what was built, and makes sense.

use super::stdout;
use crate::exit::{Exit, Failure};
use crate::printable;
use crate::setting::Setting;
use std::io::Write;

/// Runs the command.
pub(super) fn run(setting: &Setting) -> Result<Exit, Failure> {
    let snapshot = setting.open()?;
    snapshot.verify_references().map_err(Failure::refused)?;
    let mut out = stdout();
    writeln!(
        out,
        "{}: ok, {} bytes in {} sections, built at {}",
        printable::text(&setting.snapshot.to_string_lossy()),
        snapshot.byte_len(),
        snapshot.table().rows.len(),
        snapshot.built_at(),
    )?;
    out.flush()?;
    Ok(Exit::Done)
}
