//! Other programs load what was exported, and answer as `lookup` does; others ask the service, and get such answers;
//! others are linked with the C library.
//!
//! A [model] of feeds is built and exported with the program. Each consumer loads the file and is asked for
//! 2,000 indicators. It must answer as the model does, but for what the export reports as lost. `install.sh`
//! installs the consumers. A test without its consumer is skipped, unless `RAPSHEET_CONSUMERS` is `all`.

#[cfg(unix)]
mod capi;
mod dns;
mod firewalls;
mod libraries;
mod model;
pub(crate) mod program;
mod proxies;
mod resolvers;
#[cfg(all(feature = "serve", unix))]
mod service;
mod suricata;
mod world;
mod zeek;
