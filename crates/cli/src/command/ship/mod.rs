//! `ship`: snapshots on their way to other hosts. The library proves and places; these files give it keys, a
//! clock, the network and a lock.
//!
//! | module | does |
//! |---|---|
//! | `publish`, `pull` | run the two commands |
//! | `origin` | reads publications from a folder or over the network |
//! | `metrics` | writes what pulls did, for Prometheus |

mod metrics;
mod origin;
#[cfg(feature = "publish")]
mod publish;
mod pull;

use crate::args::{Ship, Shipping};
use crate::exit::{Exit, Failure};
use crate::settings::Settings;

/// Runs the command.
pub(super) fn run(args: &Ship, settings: &Settings) -> Result<Exit, Failure> {
    match &args.what {
        #[cfg(feature = "publish")]
        Shipping::Publish(args) => publish::run(args, settings),
        Shipping::Pull(args) => pull::run(args, settings),
    }
}
