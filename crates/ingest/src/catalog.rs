//! The catalogue: which feeds there are (stand-in until the reader of TOML is merged).

use crate::format::Format;
use crate::options::Options;
use snapshot::{Assessments, ListKind, Mode, Scope};
use std::fmt;

/// All feeds.
pub struct Catalog {
    /// In the order of the file.
    pub feeds: Vec<Feed>,
}

/// One feed.
#[allow(missing_docs)]
pub struct Feed {
    pub id: String,
    pub provider: String,
    pub title: String,
    pub url: String,
    pub file: String,
    pub format: &'static Format,
    pub list: ListKind,
    pub mode: Mode,
    pub assessment: Assessments,
    pub scope: Scope,
    pub retention_seconds: i64,
    pub max_age_seconds: i64,
    pub keep_absent: bool,
    pub enabled: bool,
    pub homepage: String,
    pub licence: String,
    pub note: String,
    pub options: Options,
    pub guard: Guard,
}

/// What differs from the default guards.
#[allow(missing_docs)]
#[derive(Clone, Copy, Debug)]
pub struct Guard {
    pub can_be_empty: bool,
    pub allow_bogons: bool,
    pub widest_v4: u8,
    pub widest_v6: u8,
}

/// All problems of a catalogue.
#[derive(Debug)]
pub struct CatalogError;

impl fmt::Display for CatalogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not yet")
    }
}

impl std::error::Error for CatalogError {}

impl Catalog {
    /// Reads a catalogue from its text; `name` is the file's, for errors.
    pub fn parse(_text: &str, _name: &str) -> Result<Catalog, CatalogError> {
        Err(CatalogError)
    }
}
