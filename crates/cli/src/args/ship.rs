//! The arguments of `ship`.

use super::values;
use clap::{Args, Subcommand};
use std::path::PathBuf;
use std::time::Duration;

/// Bring snapshots to other hosts
///
/// `ship publish` writes files that any web server or bucket can offer: the snapshot without what can be
/// derived, what differs from earlier ones, and a signed manifest. `ship pull` brings a host to the newest
/// snapshot by the fewest bytes, and proves it. Keys and signatures are minisign's: `minisign -G -W -p
/// rapsheet.pub -s rapsheet.key` makes a pair.
#[derive(Args)]
#[cfg_attr(
    feature = "publish",
    command(after_help = "Examples:
  rapsheet ship publish --to /var/www/rapsheet --secret-key rapsheet.key
  rapsheet ship pull --from https://example.org/rapsheet/ --to rapsheet.rap --public-key rapsheet.pub")
)]
#[cfg_attr(
    not(feature = "publish"),
    command(after_help = "Examples:
  rapsheet ship pull --from https://example.org/rapsheet/ --to rapsheet.rap --public-key rapsheet.pub")
)]
pub(crate) struct Ship {
    #[command(subcommand)]
    pub(crate) what: Shipping,
}

/// Which way.
#[derive(Subcommand)]
pub(crate) enum Shipping {
    #[cfg(feature = "publish")]
    Publish(ShipPublish),
    Pull(ShipPull),
}

/// Publish the snapshot for other hosts
///
/// Writes into a folder: full/, delta/, latest.json and its signature. Files of old publications go after 31
/// days. A snapshot that was published before is signed anew, so that hosts do not take the publication for
/// expired.
#[cfg(feature = "publish")]
#[derive(Args)]
#[command(after_help = "Examples:
  rapsheet ship publish --to /var/www/rapsheet --secret-key rapsheet.key
  rapsheet ship publish --snapshot tonight.rap --to site --secret-key rapsheet.key --expires 3d")]
pub(crate) struct ShipPublish {
    /// The folder
    #[arg(long, value_name = "DIR")]
    pub(crate) to: PathBuf,
    /// The secret key of minisign; the password of an encrypted one is RAPSHEET_SECRET_MINISIGN, or the
    /// secret `minisign`
    #[arg(long, value_name = "FILE")]
    pub(crate) secret_key: PathBuf,
    /// The name of this row of publications; hosts take the one that they want
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub(crate) channel: String,
    /// For how long hosts may take this publication for the newest
    #[arg(long, value_name = "SPAN", default_value = "7d", value_parser = values::long_span)]
    pub(crate) expires: Duration,
    /// Keep the folder below so many bytes, by removing files of old publications
    #[arg(long, value_name = "SIZE", value_parser = values::size)]
    pub(crate) max_bytes: Option<u64>,
}

/// Bring the snapshot to the newest publication
///
/// Takes the way with the fewest bytes, proves signature, age, length and digest, verifies what comes out,
/// and renames it into place. If anything is wrong, the old snapshot stays, and the exit code is 4.
#[derive(Args)]
#[command(after_help = "Examples:
  rapsheet ship pull --from https://example.org/rapsheet/ --to rapsheet.rap --public-key rapsheet.pub
  rapsheet ship pull --from /mnt/share --to r.rap --public-key RWQ... --watch 15m --metrics ship.prom")]
pub(crate) struct ShipPull {
    /// The URL or the folder of the publication
    #[arg(long, value_name = "URL-OR-DIR")]
    pub(crate) from: String,
    /// The snapshot
    #[arg(long, value_name = "PATH")]
    pub(crate) to: PathBuf,
    /// The public key, or the file that has it; may be repeated, so that keys can be replaced
    #[arg(long, value_name = "KEY-OR-FILE", required = true)]
    pub(crate) public_key: Vec<String>,
    /// The name of the row of publications
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub(crate) channel: String,
    /// Pull again and again, about so often; never twice at the same distance, so that hosts do not come all
    /// at once
    #[arg(long, value_name = "SPAN", value_parser = values::long_span)]
    pub(crate) watch: Option<Duration>,
    /// Apply deltas within so much memory; the whole file needs 16 MiB
    #[arg(long, value_name = "SIZE", value_parser = values::size)]
    pub(crate) max_memory: Option<u64>,
    /// Refuse a snapshot of more bytes [default: 4GiB]
    #[arg(long, value_name = "SIZE", value_parser = values::size)]
    pub(crate) max_bytes: Option<u64>,
    /// Write metrics for Prometheus to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) metrics: Option<PathBuf>,
}
