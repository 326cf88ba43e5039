//! What is listed: a range of addresses, a name with its scope, or a URL.

use crate::network::networks;
use rapsheet_snapshot::{AddressRange, Scope};
use std::fmt;

/// An indicator on its way into a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Indicator<'a> {
    /// A range of addresses that are listed alike.
    Range(AddressRange),
    /// A name.
    Name {
        /// The name.
        name: &'a str,
        /// Whether it is listed, the names below it, or both.
        scope: Scope,
    },
    /// A URL.
    Url(&'a str),
}

impl Indicator<'_> {
    /// As how many entries a limit counts it.
    pub(crate) fn entries(&self) -> u64 {
        match self {
            Indicator::Range(range) => networks(*range).count() as u64,
            _ => 1,
        }
    }
}

impl fmt::Display for Indicator<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Indicator::Range(range) => write!(f, "{range}"),
            Indicator::Name { name, scope: Scope::Subdomains } => write!(f, "*.{name}"),
            Indicator::Name { name, .. } => f.write_str(name),
            Indicator::Url(url) => f.write_str(url),
        }
    }
}
