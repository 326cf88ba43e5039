//! The reputation service: answers about addresses, names and URLs from a rapsheet snapshot, over HTTP.
//!
//! A client of the MetaDefender v4 reputation API works with its base URL changed; rapsheet's own API gives every
//! sighting. `README.md` of this crate says which paths there are and what is refused.
//!
//! ```no_run
//! use rapsheet_serve::{Config, Environment, Limits, Server, Signals};
//! use std::net::TcpListener;
//!
//! # fn environment() -> Environment { unimplemented!() }
//! let config = Config {
//!     snapshot: "rapsheet.rap".into(),
//!     in_memory: false,
//!     max_stale_seconds: 3 * 86_400,
//!     threads: 2,
//!     limits: Limits::default(),
//!     keys: None,
//!     access_log: None,
//! };
//! let server = Server::new(config, environment())?;
//! server.run(vec![TcpListener::bind("127.0.0.1:8087")?], &Signals::default())?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! A request is: a connection with a slot (`slots`), whose bytes (`stream`) hyper parses; a row of the table
//! (`routes`); a handler that gets a view of the snapshot (`snapshots`) and returns a reply. Handlers do not wait: what
//! is long is made in parts while the client reads (`bulk`).

mod access_log;
mod bulk;
mod connection;
mod keys;
mod limits;
mod metrics;
mod page;
mod problem;
mod question;
mod reply;
mod routes;
mod server;
mod service;
mod slots;
mod snapshots;
mod state;
mod stream;
mod texts;

pub use access_log::OpenLog;
pub use keys::{Keys, new_key};
pub use limits::Limits;
pub use server::{Config, KeySource, Server, Signals};
pub use state::{Environment, Severity, Tell};
