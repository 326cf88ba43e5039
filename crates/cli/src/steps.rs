//! Progress of `ship`, on stderr: which step is under way. An edge build has none, to stay small.

#[cfg(feature = "ingest")]
pub(crate) use shown::Steps;
#[cfg(not(feature = "ingest"))]
pub(crate) use silent::Steps;

#[cfg(feature = "ingest")]
mod shown {
    use crate::color::When;
    use crate::exit::print_stderr;
    use crate::settings::Settings;
    use indicatif::{ProgressBar, ProgressStyle};
    use std::io::{self, IsTerminal};
    use std::time::Duration;

    /// A line on a terminal, lines elsewhere with `--progress always`, or nothing.
    pub(crate) enum Steps {
        Nothing,
        Lines,
        Line(ProgressBar),
    }

    impl Steps {
        /// Decides what is shown.
        pub(crate) fn new(settings: &Settings) -> Steps {
            let is_visible = io::stderr().is_terminal() && !settings.quiet;
            match settings.progress {
                When::Always | When::Auto if is_visible => Steps::Line(line()),
                When::Always => Steps::Lines,
                When::Auto | When::Never => Steps::Nothing,
            }
        }

        /// Begins a step, which ends the one before.
        pub(crate) fn begin(&self, step: &str) {
            match self {
                Steps::Nothing => {}
                Steps::Lines => print_stderr(step),
                Steps::Line(line) => line.set_message(step.to_owned()),
            }
        }

        /// Ends the last step, and removes the line.
        pub(crate) fn finish(&self) {
            if let Steps::Line(line) = self {
                line.finish_and_clear();
            }
        }
    }

    fn line() -> ProgressBar {
        let line = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg} {elapsed}") {
            line.set_style(style);
        }
        line.enable_steady_tick(Duration::from_millis(100));
        line
    }
}

#[cfg(not(feature = "ingest"))]
mod silent {
    use crate::settings::Settings;

    /// Nothing.
    pub(crate) struct Steps;

    impl Steps {
        /// Shows nothing.
        pub(crate) fn new(_: &Settings) -> Steps {
            Steps
        }

        /// Shows nothing.
        pub(crate) fn begin(&self, _: &str) {}

        /// Shows nothing.
        pub(crate) fn finish(&self) {}
    }
}
