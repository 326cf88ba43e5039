//! A snapshot on its way to other hosts.
//!
//! A [`delta`] leads from one snapshot to another: it holds what was listed, what was delisted, and what was
//! confirmed. A [`slim`] file is a whole snapshot without what can be made from the rest. Either gives the
//! publisher's file, byte for byte. [`Publish`] writes them into a folder that any web server offers, with a
//! signed [`Manifest`]; [`Pull`] takes the cheapest way from what a host has to what was published last, and
//! proves it.
//!
//! No clock, network or terminal is used here: the program around gives the instant and an [`Origin`].

mod coder;
pub mod delta;
mod error;
mod fields;
mod hashed;
mod keys;
mod limits;
mod manifest;
mod number;
mod origin;
#[cfg(feature = "publish")]
mod publish;
mod pull;
mod pull_error;
mod route;
pub mod slim;
mod text;
mod trust;

pub use error::ShipError;
pub use limits::Limits;
pub use manifest::{Digest, MANIFEST, Manifest, PublishedDelta, PublishedFile, PublishedSnapshot, SIGNATURE};
pub use origin::{Folder, Opened, Origin, Unavailable, Wish};
#[cfg(feature = "publish")]
pub use publish::{Publish, PublishError, Published, Removed, SigningKey};
pub use pull::{Accepted, Pull, Pulled, pause_after};
pub use pull_error::{Cause, PullError};
pub use rapsheet_assemble::SnapshotId;
#[doc(hidden)]
pub use rapsheet_assemble::recomposed;
pub use route::Route;
pub use trust::PublicKeys;
