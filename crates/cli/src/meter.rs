//! Progress of a scan, on stderr if it is a terminal: bytes, their rate, matches, and the time left where the
//! length is known. An edge build has none, to stay small.

#[cfg(feature = "ingest")]
pub(crate) use shown::Meter;
#[cfg(not(feature = "ingest"))]
pub(crate) use silent::Meter;

#[cfg(feature = "ingest")]
mod shown {
    use crate::color::When;
    use crate::settings::Settings;
    use crate::table::count;
    use indicatif::{ProgressBar, ProgressStyle};
    use std::fs;
    use std::io::{self, IsTerminal};
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    /// A progress bar, or none.
    pub(crate) struct Meter {
        bar: Option<ProgressBar>,
        found: AtomicU64,
    }

    impl Meter {
        /// Decides whether there is a bar. On a terminal that gets the rows, `auto` shows none.
        pub(crate) fn new(settings: &Settings, files: &[PathBuf]) -> Meter {
            let is_visible = io::stderr().is_terminal() && !settings.quiet;
            let is_shown = match settings.progress {
                When::Never => false,
                When::Always => is_visible,
                When::Auto => is_visible && !io::stdout().is_terminal(),
            };
            Meter { bar: is_shown.then(|| bar(length(files))), found: AtomicU64::new(0) }
        }

        /// Counts bytes that were read.
        pub(crate) fn read(&self, bytes: usize) {
            if let Some(bar) = &self.bar {
                bar.inc(bytes as u64);
            }
        }

        /// Counts matches.
        pub(crate) fn found(&self, indicators: usize) {
            if let Some(bar) = &self.bar {
                let found = self.found.fetch_add(indicators as u64, Ordering::Relaxed) + indicators as u64;
                bar.set_message(format!("{} found", count(found)));
            }
        }

        /// Removes the bar.
        pub(crate) fn finish(&self) {
            if let Some(bar) = &self.bar {
                bar.finish_and_clear();
            }
        }
    }

    /// The total length of the files; `None` where one is no regular file, or is compressed by its name.
    fn length(files: &[PathBuf]) -> Option<u64> {
        let packed = ["gz", "zst", "xz", "bz2", "zip"];
        let plain = |path: &PathBuf| {
            let is_packed = path.extension().is_some_and(|name| packed.iter().any(|packed| name == *packed));
            let about = fs::metadata(path).ok().filter(|about| about.is_file() && !is_packed);
            about.map(|about| about.len())
        };
        files.iter().map(plain).sum()
    }

    fn bar(length: Option<u64>) -> ProgressBar {
        let (bar, template) = match length {
            Some(length) => (
                ProgressBar::new(length),
                "{wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {msg}, {eta} left",
            ),
            None => (ProgressBar::no_length(), "{spinner} {bytes} {bytes_per_sec} {msg}"),
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        bar
    }
}

#[cfg(not(feature = "ingest"))]
mod silent {
    use crate::settings::Settings;
    use std::path::PathBuf;

    /// No progress bar.
    pub(crate) struct Meter;

    impl Meter {
        /// Shows nothing.
        pub(crate) fn new(_: &Settings, _: &[PathBuf]) -> Meter {
            Meter
        }

        /// Counts bytes that were read.
        pub(crate) fn read(&self, _: usize) {}

        /// Counts matches.
        pub(crate) fn found(&self, _: usize) {}

        /// There is no bar.
        pub(crate) fn finish(&self) {}
    }
}
