//! Downloads feeds into a folder: politely, within limits, and so that a crash at any point leaves a pair of
//! file and note that a build reads rightly.
//!
//! This is the only crate that uses the network. It knows no catalogue and no format: its caller says what to
//! fetch ([`Job`]), which hosts have budgets ([`HostLimits`]), and judges what came ([`Fetch::inspect`]).
//! Time is an argument, too; only the pauses between attempts are real.
//!
//! Each download has a [`Note`] in `<file>.meta.json`. What has to survive a run without a download, such as
//! when a host was last asked, is in one file for the folder ([`STATE_FILE`]).

mod body;
mod budget;
mod client;
mod exchange;
mod hosts;
mod job;
mod location;
mod note;
mod observer;
mod outcome;
mod placing;
mod problem;
mod proxy;
mod remote;
mod remote_folder;
mod resolver;
mod run;
mod schedule;
mod state;
mod time;
mod transfer;

pub use budget::HostLimits;
pub use client::{Client, ClientOptions};
pub use job::{Credential, Job, Secret};
pub use note::{Note, note_path};
pub use observer::Observer;
pub use outcome::{Outcome, Verb};
pub use proxy::ProxySettings;
pub use remote::{Remote, RemoteAnswer};
pub use remote_folder::{RemoteFile, RemoteFolder, RemoteProblem};
pub use run::{Fetch, FetchError, Fetched};
pub use state::{STATE_FILE, State};
