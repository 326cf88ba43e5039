//! Writes what fuzzing starts from to `corpus/`, out of the samples that come with the project: no bytes of third
//! parties, and never out of date.

use rapsheet_fuzz::{DOCUMENTS, SAMPLE, SHIPPED, contained};
use rapsheet_ingest::catalog::Catalog;
use rapsheet_ingest::format::FORMATS;
use std::fs;
use std::path::{Path, PathBuf};

const TARGETS: [&str; 8] =
    ["snapshot", "formats", "documents", "containers", "extract", "catalog", "state", "ship"];

fn main() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    for target in TARGETS {
        fs::create_dir_all(here.join("corpus").join(target)).expect("a folder");
    }
    let samples = here.join("../feeds/samples");
    let text = fs::read_to_string(samples.join("catalog.toml")).expect("the samples' catalogue");
    let catalog = Catalog::parse(&text, "catalog.toml").expect("a sound catalogue");
    for (at, feed) in catalog.feeds.iter().enumerate() {
        let Ok(sample) = fs::read(samples.join(&feed.file)) else { continue };
        let name = format!("sample-{at}");
        if let Some(format) = FORMATS.iter().position(|format| format.id == feed.format.id) {
            put(here, "formats", &name, &[&[format as u8], sample.as_slice()]);
        }
        if let Some(format) = DOCUMENTS.iter().position(|id| *id == feed.format.id) {
            put(here, "documents", &name, &[&[format as u8], b"\n", &sample]);
        }
    }
    for (at, format) in FORMATS.iter().enumerate() {
        let samples = fs::read_dir(&samples).expect("the samples").flatten().map(|entry| entry.path());
        for sample in samples.filter(|path| path.file_stem().is_some_and(|stem| stem == format.id)) {
            let Ok(bytes) = fs::read(sample) else { continue };
            put(here, "formats", format.id, &[&[at as u8], &bytes]);
        }
    }
    for table in text.split("\n\n") {
        put(here, "catalog", &format!("sample-{}", table.len()), &[table.as_bytes()]);
    }
    for (name, bytes) in contained(b"45.9.20.5\nevilpanel.com\nhttp://panel.net/a\n") {
        put(here, "containers", name, &[&bytes]);
    }
    put(here, "extract", "access-log", &[&fs::read(samples.join("access.log")).expect("a sample")]);
    put(here, "snapshot", "whole", &[&[0], &SAMPLE.0]);
    put(here, "snapshot", "patched", &[&[1, 12, 0, 0, 0, 1]]);
    put(here, "state", "whole", &[&[0], &SAMPLE.1]);
    put(here, "state", "patched", &[&[1, 12, 0, 1]]);
    put(here, "ship", "delta", &[&[0], &SHIPPED.0]);
    put(here, "ship", "patched-delta", &[&[1, 200, 0, 1]]);
    put(here, "ship", "slim", &[&[2], &SHIPPED.1]);
    put(here, "ship", "patched-slim", &[&[3, 80, 0, 1]]);
}

fn put(here: &Path, target: &str, name: &str, parts: &[&[u8]]) {
    let path: PathBuf = here.join("corpus").join(target).join(name);
    fs::write(path, parts.concat()).expect("a seed");
}
