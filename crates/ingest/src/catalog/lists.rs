//! Feeds that no catalogue describes: those of the previous snapshot, and lists of one's own.
//!
//! A list of one's own is a file. Its format is found out, and its provider is its name. It lists what it lists for
//! as long as it is there, so it grows neither old nor stale.

use super::fetching::{MAX_BYTES, MIN_INTERVAL};
use super::table_reader::SPAN_MAX;
use super::{Catalog, Feed, Guard};
use crate::format::options::Options;
use crate::format::{self, Format};
use rapsheet_snapshot::section::origin::FeedRecord;
use rapsheet_snapshot::{Assessments, ListKind, Mode, Scope};
use std::path::Path;

impl Catalog {
    /// Adds the feed of one file, and returns its id: the name of the file without its ending.
    ///
    /// # Errors
    /// Another feed has this id, or the name of the file is not text.
    ///
    /// ```
    /// use rapsheet_ingest::catalog::Catalog;
    /// use std::path::Path;
    ///
    /// let mut catalog = Catalog::empty();
    /// assert_eq!(catalog.add_list(Path::new("/lists/Our Office.txt")), Ok("our-office".to_owned()));
    /// assert!(catalog.add_list(Path::new("our.office.txt")).is_ok());
    /// assert!(catalog.add_list(Path::new("our_office.csv")).is_err());
    /// ```
    pub fn add_list(&mut self, path: &Path) -> Result<String, String> {
        let path = std::path::absolute(path).map_err(|error| error.to_string())?;
        let (Some(file), Some(stem)) = (path.to_str(), path.file_stem().and_then(|stem| stem.to_str()))
        else {
            return Err("its name is no text: rename it".to_owned());
        };
        let id = id_of(stem);
        if self.feeds.iter().any(|feed| feed.id == id) {
            return Err(format!("there is a feed called `{id}` already: rename the file"));
        }
        self.feeds.push(feed_of(&id, file));
        Ok(id)
    }
}

impl Feed {
    /// A feed as a snapshot describes it, for a build that keeps its sightings and reads nothing.
    pub(crate) fn of_record(record: &FeedRecord) -> Feed {
        let traits = record.traits();
        Feed {
            provider: record.provider.clone(),
            title: record.title.clone(),
            url: record.url.clone(),
            format: format::find(&record.format).unwrap_or(&Format::DEFAULT),
            list: traits.list,
            mode: traits.mode,
            assessment: traits.assessments,
            retention_seconds: record.retention_seconds,
            max_age_seconds: record.max_age_seconds,
            keep_absent: record.keep_absent,
            homepage: record.homepage.clone(),
            licence: record.licence.clone(),
            guard: Guard::of(traits.list),
            ..feed_of(&record.id, "")
        }
    }
}

/// A name as an id: lower-case, with a hyphen for what ids cannot have.
fn id_of(name: &str) -> String {
    let letter = |letter: char| if letter.is_ascii_alphanumeric() || letter == '.' { letter } else { '-' };
    let id: String = name.to_ascii_lowercase().chars().map(letter).collect();
    let id = id.trim_matches(['-', '.']);
    if id.is_empty() { "list".to_owned() } else { id.to_owned() }
}

/// `file` is absolute, so it stands for itself in every folder of downloads.
pub(crate) fn feed_of(id: &str, file: &str) -> Feed {
    Feed {
        id: id.to_owned(),
        provider: id.to_owned(),
        title: file.to_owned(),
        url: String::new(),
        mirrors: Vec::new(),
        sha256_url: None,
        min_interval_seconds: MIN_INTERVAL,
        max_bytes: MAX_BYTES,
        auth: None,
        private_network: false,
        file: file.to_owned(),
        format: format::find("auto").unwrap_or(&Format::DEFAULT),
        list: ListKind::Block,
        mode: Mode::Reset,
        assessment: Assessments::EMPTY.with(ListKind::Block.plain_assessment()),
        scope: Scope::Exact,
        retention_seconds: SPAN_MAX,
        max_age_seconds: SPAN_MAX,
        max_unchanged_seconds: None,
        keep_absent: false,
        enabled: true,
        homepage: String::new(),
        licence: String::new(),
        note: String::new(),
        options: Options::default(),
        guard: Guard::of(ListKind::Block),
    }
}
