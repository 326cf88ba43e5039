//! No argument and no text makes the library do more than return a code and a message.

use super::{library, sample_seconds, source, text_of};
use crate::sample;
use std::fs;
use tempfile::TempDir;

/// How many random texts; `RAPSHEET_HOSTILE_TEXTS` sets another number, up to a million in some minutes.
fn count() -> String {
    std::env::var("RAPSHEET_HOSTILE_TEXTS").unwrap_or_else(|_| "20000".to_owned())
}

#[test]
fn every_argument_that_cannot_be_used_is_refused_with_a_message() {
    let Some(hostile) = library().compile_watched(&source("hostile.c"), &[]) else { return };
    let folder = TempDir::new().expect("a folder");
    let (sound, damaged) = (folder.path().join("s.rap"), folder.path().join("damaged.rap"));
    sample::publish(&sound);
    let mut bytes = fs::read(&sound).expect("the sample");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&damaged, &bytes).expect("written");
    let mut command = hostile.command();
    command.args([&sound, &damaged]).args([sample_seconds(), count()]).current_dir(folder.path());
    assert_eq!(text_of(&command.output().expect("it runs")), "done\n");
}
