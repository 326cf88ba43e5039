//! `fetch` and `update`, against a server on loopback that misbehaves.
//!
//! Each test has a server, a folder and a clock of its own, and checks four things: what the report says of the feed,
//! the exit code, what lies in the folder, and what the server was asked.

mod budgets;
mod caching;
mod certificates;
mod folder;
mod memory;
mod placing;
mod proxies;
mod redirects;
mod refused_content;
mod secrets;
mod selection;
pub(crate) mod server;
mod transfers;
mod update;

use crate::files::gzip;
