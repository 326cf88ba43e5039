//! `verify`: verifies every checksum and every reference of a snapshot.

use super::stdout;
use crate::args::Verify;
use crate::exit::{Exit, Failure};
use crate::output::json;
use crate::printable;
use crate::settings::Settings;
use crate::table::counted;
use serde::Serialize;
use std::io::Write;

#[derive(Serialize)]
struct Verified<'a> {
    path: &'a str,
    ok: bool,
    bytes: u64,
    sections: usize,
    built_at: String,
}

/// Runs the command.
pub(super) fn run(args: &Verify, settings: &Settings) -> Result<Exit, Failure> {
    let snapshot = settings.open()?;
    snapshot.verify_references().map_err(Failure::refused)?;
    let verified = Verified {
        path: &settings.snapshot.to_string_lossy(),
        ok: true,
        bytes: snapshot.byte_len(),
        sections: snapshot.table().rows.len(),
        built_at: snapshot.built_at().to_string(),
    };
    let mut out = stdout();
    if args.output.is_json() {
        json::indented(&verified, &mut out)?;
    } else {
        let Verified { path, bytes, sections, built_at, .. } = verified;
        let path = printable::text(path);
        let sections = counted(sections as u64, "section", "sections");
        writeln!(out, "{path}: ok, {bytes} bytes in {sections}, built at {built_at}")?;
    }
    out.flush()?;
    Ok(Exit::Done)
}
