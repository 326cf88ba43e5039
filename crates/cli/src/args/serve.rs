//! The arguments of `serve`.

use super::values;
use clap::Args;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Answer over HTTP
///
/// Answers from the snapshot at --snapshot, and from a new one as soon as it is published: GET /v4/ip/X, /v4/domain/X and
/// /v4/url/X in the shape of the MetaDefender v4 API, so that its clients can be pointed here; GET /v1/lookup/X in the
/// shape of `lookup -o jsonl`; both in bulk with POST; a page for people at /. A server without a snapshot waits for one.
///
/// SIGTERM ends it when all requests are answered, SIGHUP reads the keys again and opens the access log anew. Sockets
/// that systemd passes are used instead of --listen.
#[derive(Args)]
#[command(after_help = "Examples:
  rapsheet serve
  rapsheet serve --snapshot /var/lib/rapsheet/rapsheet.rap --access-log access.jsonl
  rapsheet serve --new-key firewall
  rapsheet serve --listen 0.0.0.0:8087 --keys keys
  curl http://127.0.0.1:8087/v4/ip/45.9.20.5
  printf '45.9.20.5\\nevilpanel.com\\n' | curl --data-binary @- http://127.0.0.1:8087/v1/lookup
  rapsheet lookup --server http://127.0.0.1:8087 45.9.20.5")]
pub(crate) struct Serve {
    /// The address to listen on; may be repeated. Addresses other than loopback need --keys
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8087")]
    pub(crate) listen: Vec<SocketAddr>,
    /// Answer only those with a key of this file; see --new-key
    #[arg(long, value_name = "FILE")]
    pub(crate) keys: Option<PathBuf>,
    /// Make a key: print it, once, and the line for the file of keys; answer nothing
    #[arg(long, value_name = "NAME", conflicts_with_all = ["listen", "keys", "access_log"])]
    pub(crate) new_key: Option<String>,
    /// After how long without a new snapshot /readyz says so
    #[arg(long, value_name = "SPAN", default_value = "3d", value_parser = values::long_span)]
    pub(crate) max_stale: Duration,
    /// Read the snapshot into memory, and do not map it: for a file that some program may write to in place
    #[arg(long)]
    pub(crate) in_memory: bool,
    /// How many items a POST to /v4 may have
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub(crate) bulk_max: u16,
    /// Append a line of JSON for each answer to this file; `-` is stdout
    #[arg(long, value_name = "FILE")]
    pub(crate) access_log: Option<PathBuf>,
}
