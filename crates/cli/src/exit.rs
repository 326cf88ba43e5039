//! How the program ends: one enum of exit codes, and the one door that everything passes on its way out.
//!
//! Scripts act on these numbers, so no other place ends the program. Nothing here may panic: the standard
//! macros for printing do when their stream is closed, and are therefore not used.

use crate::printable;
use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

/// The exit codes, as scripts know them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Done, whatever the verdicts.
    Done = 0,
    /// Done, and something is blocklisted; only where `--exit-code` asks for it.
    Listed = 1,
    /// Usage, configuration or an unusable argument.
    Usage = 2,
    /// Published, but some feed failed or was held.
    #[cfg_attr(not(feature = "ingest"), allow(dead_code))]
    Trouble = 3,
    /// A snapshot or data file was refused.
    Refused = 4,
    /// Could not finish; nothing was published.
    Unfinished = 5,
    /// Another build holds this output.
    #[cfg_attr(not(feature = "ingest"), allow(dead_code))]
    Busy = 6,
}

/// Why a command ended early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Whoever read our output has enough of it, which is a normal end.
    OutputClosed,
    /// Something to tell a person, and its exit code.
    Told(Exit, String),
}

impl Failure {
    /// A mistake in arguments or configuration.
    pub(crate) fn usage(message: impl Display) -> Failure {
        Failure::Told(Exit::Usage, message.to_string())
    }

    /// A file that cannot be believed or had.
    pub(crate) fn refused(message: impl Display) -> Failure {
        Failure::Told(Exit::Refused, message.to_string())
    }

    /// Something that stopped the work.
    pub(crate) fn unfinished(message: impl Display) -> Failure {
        Failure::Told(Exit::Unfinished, message.to_string())
    }
}

/// An error of writing to our own output. Errors of other files carry their path and are made by hand, so
/// that `?` on an output can never be mistaken for them.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::OutputClosed,
            _ => Failure::unfinished(format_args!("writing the output failed: {error}")),
        }
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Failure {
        Failure::from(io::Error::from(error))
    }
}

/// The one door out.
pub(crate) fn end(result: Result<Exit, Failure>) -> ExitCode {
    let exit = match result {
        Ok(exit) => exit,
        Err(Failure::OutputClosed) => Exit::Done,
        Err(Failure::Told(exit, message)) => {
            tell(&format!("rapsheet: {message}"));
            exit
        }
    };
    ExitCode::from(exit as u8)
}

/// Says something to a person, on stderr. That stderr may be closed is no reason to fail.
pub(crate) fn tell(message: &str) {
    let _ = writeln!(io::stderr(), "{}", printable::lines(message));
}

/// What clap has to say: help and version are data, everything else is a usage error.
pub(crate) fn usage(error: &clap::Error) -> Result<Exit, Failure> {
    if error.use_stderr() {
        // The message quotes arguments, which may hold anything at all.
        let _ = write!(io::stderr(), "{}", printable::lines(&error.render().to_string()));
        return Ok(Exit::Usage);
    }
    error.print()?;
    io::stdout().flush()?;
    Ok(Exit::Done)
}

/// Makes a write beyond the file size limit an error like any other. The system's default is to kill the
/// process, and then nobody removes what was written beside its target.
pub(crate) fn survive_size_limits() {
    #[cfg(unix)]
    {
        let flag = std::sync::Arc::default();
        // Where it cannot be registered the default stays, which is no worse than before.
        let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, flag);
    }
}
