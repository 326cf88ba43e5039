//! How far a scan has come, on stderr and only where a person sees it: bytes, their rate, what was found, and, where the
//! length is known, the time that is left.
//!
//! Without the parsers there is no progress either: an edge build stays small.

#[cfg(feature = "ingest")]
pub(crate) use shown::Meter;
#[cfg(not(feature = "ingest"))]
pub(crate) use silent::Meter;

#[cfg(feature = "ingest")]
mod shown {
    use crate::color::When;
    use crate::setting::Setting;
    use crate::table::count;
    use indicatif::{ProgressBar, ProgressStyle};
    use std::fs;
    use std::io::{self, IsTerminal};
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    /// A bar, or nothing.
    pub(crate) struct Meter {
        bar: Option<ProgressBar>,
        found: AtomicU64,
    }

    impl Meter {
        /// Rows on a terminal are progress enough.
        pub(crate) fn new(setting: &Setting, files: &[PathBuf]) -> Meter {
            let seen = io::stderr().is_terminal() && !setting.quiet;
            let wanted = match setting.progress {
                When::Never => false,
                When::Always => seen,
                When::Auto => seen && !io::stdout().is_terminal(),
            };
            Meter { bar: wanted.then(|| bar(length(files))), found: AtomicU64::new(0) }
        }

        /// So many bytes were read.
        pub(crate) fn read(&self, bytes: usize) {
            if let Some(bar) = &self.bar {
                bar.inc(bytes as u64);
            }
        }

        /// So much was found.
        pub(crate) fn found(&self, indicators: usize) {
            if let Some(bar) = &self.bar {
                let found = self.found.fetch_add(indicators as u64, Ordering::Relaxed) + indicators as u64;
                bar.set_message(format!("{} found", count(found)));
            }
        }

        /// Leaves the terminal as it was.
        pub(crate) fn finish(&self) {
            if let Some(bar) = &self.bar {
                bar.finish_and_clear();
            }
        }
    }

    /// The length of all files, where every one is a plain file that is not compressed, by its name.
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
    use crate::setting::Setting;
    use std::path::PathBuf;

    /// Nothing.
    pub(crate) struct Meter;

    impl Meter {
        /// Nothing is shown.
        pub(crate) fn new(_: &Setting, _: &[PathBuf]) -> Meter {
            Meter
        }

        /// So many bytes were read.
        pub(crate) fn read(&self, _: usize) {}

        /// So much was found.
        pub(crate) fn found(&self, _: usize) {}

        /// There is nothing to leave.
        pub(crate) fn finish(&self) {}
    }
}
