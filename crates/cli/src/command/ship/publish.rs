//! `ship publish`.

use crate::args::ShipPublish;
use crate::exit::{Exit, Failure};
use crate::lock::Lock;
use crate::secrets;
use crate::settings::Settings;
use crate::steps::Steps;
use rapsheet_ship::{Publish, PublishError, Published, SigningKey};
use std::fs;

/// Runs the command.
pub(super) fn run(args: &ShipPublish, settings: &Settings) -> Result<Exit, Failure> {
    let key = signing_key(args)?;
    settings.open()?;
    fs::create_dir_all(&args.to)
        .map_err(|error| Failure::unfinished(format_args!("--to {}: {error}", args.to.display())))?;
    let _lock = Lock::take(&args.to.join("publications"))?;
    let steps = Steps::new(settings);
    let published = Publish {
        snapshot: &settings.snapshot,
        folder: &args.to,
        channel: &args.channel,
        key: &key,
        now: settings.now,
        expires_seconds: i64::try_from(args.expires.as_secs()).unwrap_or(i64::MAX),
        bytes_max: args.max_bytes,
        threads: settings.threads,
        begins: &|step| steps.begin(step),
    }
    .run();
    steps.finish();
    let published = published.map_err(|error| failure(&error))?;
    report(&published, settings);
    Ok(if published.left_out.is_empty() { Exit::Done } else { Exit::Trouble })
}

/// The key, which others may not read.
fn signing_key(args: &ShipPublish) -> Result<SigningKey, Failure> {
    let usage = |why: String| Failure::usage(format_args!("--secret-key {why}"));
    let text = secrets::read_key_file(&args.secret_key).map_err(usage)?;
    let password = secrets::find_optional_text("minisign").map_err(Failure::usage)?;
    SigningKey::parse(&text, password.as_deref())
        .map_err(|why| usage(format!("{}: {why}", args.secret_key.display())))
}

fn failure(error: &PublishError) -> Failure {
    match error {
        PublishError::Channel(_) => Failure::usage(format_args!("--channel: {error}")),
        PublishError::Snapshot(snapshot) => Failure::unopened(snapshot, error),
        PublishError::Damaged { .. } => Failure::refused(error),
        _ => Failure::unfinished(error),
    }
}

fn report(published: &Published, settings: &Settings) {
    let manifest = &published.manifest;
    let kind = if published.is_repeated { "the same snapshot, signed anew" } else { "a new snapshot" };
    settings.note(&format!(
        "rapsheet: published generation {} of `{}`: {kind}, built at {}",
        manifest.generation, manifest.channel, manifest.snapshot.built_at
    ));
    settings.note(&format!(
        "rapsheet: the whole takes {} bytes; {} deltas take {}; hosts take it for the newest until {}",
        manifest.full.bytes,
        manifest.deltas.len(),
        manifest.deltas.iter().map(|delta| delta.file.bytes).sum::<u64>(),
        manifest.expires
    ));
    for why in &published.left_out {
        crate::exit::print_stderr(&format!("rapsheet: left out {why}"));
    }
    if published.removed.files > 0 {
        let removed = published.removed;
        settings.note(&format!("rapsheet: removed {} old files of {} bytes", removed.files, removed.bytes));
    }
}
