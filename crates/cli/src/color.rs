//! Colour on terminals. Files and pipes get escape sequences only with `--color always`.

use rapsheet_snapshot::Status;
use std::env;
use std::io::{self, IsTerminal};

/// When to colour, or to show progress. The variants have no help of their own, which keeps `--help` short.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum When {
    #[default]
    Auto,
    Always,
    Never,
}

/// Whether text is coloured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Color(bool);

impl Color {
    /// Decides for stdout by the flag, then `NO_COLOR` and `TERM`, then whether stdout is a terminal.
    pub(crate) fn of_stdout(when: When) -> Color {
        let no_color = || env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = || env::var_os("TERM").is_some_and(|term| term == "dumb");
        Color(match when {
            When::Always => true,
            When::Never => false,
            When::Auto => !no_color() && !dumb() && io::stdout().is_terminal(),
        })
    }

    /// A word in the colour of a status.
    pub(crate) fn status(self, status: Status, word: &str) -> String {
        let code = match status {
            Status::Blocked => "31",
            Status::Allowed => "32",
            Status::Failed => "33",
            Status::Unknown => "2",
        };
        self.paint(code, word)
    }

    /// A word of warning, in yellow.
    pub(crate) fn warning(self, word: &str) -> String {
        self.paint("33", word)
    }

    fn paint(self, code: &str, word: &str) -> String {
        if self.0 { format!("\x1b[{code}m{word}\x1b[0m") } else { word.to_owned() }
    }
}
