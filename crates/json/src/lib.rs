//! The JSON and CSV of answers, for all that write them: the command line and the server.
//!
//! [`object`] is the object of a look-up, [`Lines`] writes many of them, and [`Metadefender`] writes the
//! shape of the MetaDefender v4 API; [`csv`] writes rows. [`InfoObject`] and [`FeedObject`] say what a
//! snapshot holds. Nothing here looks anything up, and nothing reads a clock.

pub mod csv;
mod delimited;
mod directory;
mod entries;
mod feed;
mod info;
mod interned;
mod lines;
mod metadefender;
mod object;
mod text;

pub use delimited::Dialect;
pub use directory::{Directory, Named, ProviderAnswer};
pub use entries::Entries;
pub use feed::FeedObject;
pub use info::{InfoObject, SectionObject};
pub use interned::Interned;
pub use lines::Lines;
pub use metadefender::Metadefender;
pub use object::{ErrorObject, Object, error, object, unanswered};
pub use text::{escaped, indented, is_control, line, printable, push_number, safe_for_terminals, string};
