//! The indicators of logs, from the summaries that `score --summary=json` prints.

use crate::exit::Failure;
use crate::settings::Settings;
use crate::summary::Summary;
use crate::table::counted;
use std::path::Path;

/// The indicators of several summaries.
pub(crate) struct LogIndicators {
    summaries: Vec<Summary>,
}

impl LogIndicators {
    /// Reads summaries, which `flag` names, and says what is not in them.
    pub(crate) fn read(
        flag: &str,
        paths: &[impl AsRef<Path>],
        settings: &Settings,
    ) -> Result<LogIndicators, Failure> {
        let summaries: Vec<Summary> =
            paths.iter().map(|path| Summary::read(path.as_ref())).collect::<Result<_, _>>()?;
        let uncounted = summaries.iter().fold(0, |sum: u64, summary| sum.saturating_add(summary.uncounted()));
        if uncounted > 0 {
            let matches = counted(uncounted, "match", "matches");
            settings.note(&format!(
                "{flag}: the summaries do not name the indicators of {matches}: they were more than a summary names; \
                 score less of the logs at a time"
            ));
        }
        Ok(LogIndicators { summaries })
    }

    /// The indicators, each with how often it was found. One may come from several summaries.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (&str, u64)> {
        self.summaries.iter().flat_map(Summary::rows)
    }

    /// Whether some indicator was in no list when the log was scored.
    #[cfg(feature = "ingest")]
    pub(crate) fn has_unlisted(&self) -> bool {
        self.summaries.iter().any(Summary::has_unlisted)
    }
}
