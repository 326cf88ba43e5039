//! How the program ends: its exit codes, and the one function that maps results to them.
//!
//! Scripts act on these numbers, so no other file makes exit codes. Nothing here may panic. `println!` and
//! `eprintln!` do when their stream is closed, so they are not used.

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
    /// Done, and something is blocklisted; only with `--exit-code`.
    Listed = 1,
    /// Usage, configuration or an unusable argument.
    Usage = 2,
    /// Published, but some feed failed, was held, is stale, or has nothing live left.
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

impl Exit {
    /// The exit code of a file that cannot be opened or read. Memory and descriptors that the system refuses
    /// say nothing about the file.
    pub(crate) fn of_unread(error: &io::Error) -> Exit {
        let is_refused = error.kind() == io::ErrorKind::OutOfMemory || lacks_descriptors(error);
        if is_refused { Exit::Unfinished } else { Exit::Refused }
    }
}

/// Whether too many files are open, in this process or in the system.
#[cfg(unix)]
fn lacks_descriptors(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let is = |known: Errno| error.raw_os_error() == Some(known.raw_os_error());
    is(Errno::MFILE) || is(Errno::NFILE)
}

#[cfg(not(unix))]
fn lacks_descriptors(_: &io::Error) -> bool {
    false
}

/// Why a command ended early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The reader of stdout has closed it, which is a normal end.
    OutputClosed,
    /// A message for people, and its exit code.
    Message(Exit, String),
}

impl Failure {
    /// A mistake in arguments or configuration.
    pub(crate) fn usage(message: impl Display) -> Failure {
        Failure::Message(Exit::Usage, message.to_string())
    }

    /// A snapshot or data file that is missing or refused.
    pub(crate) fn refused(message: impl Display) -> Failure {
        Failure::Message(Exit::Refused, message.to_string())
    }

    /// A snapshot that could not be opened.
    pub(crate) fn unopened(error: &rapsheet_snapshot::Error, message: impl Display) -> Failure {
        match error {
            rapsheet_snapshot::Error::Io { source, .. } => Failure::unread(source, message),
            _ => Failure::refused(message),
        }
    }

    /// A file that could not be opened or read.
    pub(crate) fn unread(error: &io::Error, message: impl Display) -> Failure {
        Failure::Message(Exit::of_unread(error), message.to_string())
    }

    /// The work could not be finished.
    pub(crate) fn unfinished(message: impl Display) -> Failure {
        Failure::Message(Exit::Unfinished, message.to_string())
    }
}

/// An error of writing to stdout: `?` on an [`io::Error`] means that. Errors of other files are made
/// explicitly, with their path.
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

/// The exit code of a result. Prints the message of a failure.
pub(crate) fn code_of(result: Result<Exit, Failure>) -> ExitCode {
    let exit = match result {
        Ok(exit) => exit,
        Err(Failure::OutputClosed) => Exit::Done,
        Err(Failure::Message(exit, message)) => {
            print_stderr(&format!("rapsheet: {message}"));
            exit
        }
    };
    ExitCode::from(exit as u8)
}

/// Prints a message on stderr. A closed stderr is no reason to fail.
pub(crate) fn print_stderr(message: &str) {
    let _ = writeln!(io::stderr(), "{}", printable::lines(message));
}

/// Prints what clap reports: help and version on stdout, everything else as a usage error.
pub(crate) fn print_clap_report(error: &clap::Error) -> Result<Exit, Failure> {
    if error.use_stderr() {
        // The message quotes arguments, which may hold anything at all.
        let _ = write!(io::stderr(), "{}", printable::lines(&error.render().to_string()));
        return Ok(Exit::Usage);
    }
    require_stdout()?;
    error.print()?;
    io::stdout().flush()?;
    Ok(Exit::Done)
}

/// Fails where stdout was closed when the program began, as `>&-` closes it: what is printed would be lost.
pub(crate) fn require_stdout() -> Result<(), Failure> {
    if stdout_at_start::was_closed() {
        return Err(Failure::unfinished(
            "stdout is closed, so nothing can be printed; give it a file or a pipe",
        ));
    }
    Ok(())
}

/// Whether stdout was open when the program began. Rust's runtime opens `/dev/null` in the place of a closed one
/// before `main`, and afterwards that cannot be told from an output which the caller sent there. So the one test
/// that can tell runs before the runtime does.
#[cfg(target_os = "linux")]
mod stdout_at_start {
    use std::io;
    use std::os::fd::AsFd;
    use std::sync::atomic::{AtomicBool, Ordering};

    static WAS_CLOSED: AtomicBool = AtomicBool::new(false);

    #[allow(
        unsafe_code,
        reason = "a function pointer in this section is called before main, as in any C program"
    )]
    #[used]
    #[unsafe(link_section = ".init_array")]
    static BEFORE_MAIN: extern "C" fn() = look;

    /// Duplicates the descriptor, which fails where there is none. Nothing else is done here: the runtime is not
    /// ready yet.
    extern "C" fn look() {
        WAS_CLOSED.store(io::stdout().as_fd().try_clone_to_owned().is_err(), Ordering::Relaxed);
    }

    pub(super) fn was_closed() -> bool {
        WAS_CLOSED.load(Ordering::Relaxed)
    }
}

/// On other systems it is not known.
#[cfg(not(target_os = "linux"))]
mod stdout_at_start {
    pub(super) fn was_closed() -> bool {
        false
    }
}

/// Makes a write beyond the file size limit an ordinary error. By default the system kills the process, which
/// leaves temporary files behind.
pub(crate) fn survive_size_limits() {
    #[cfg(unix)]
    {
        let flag = std::sync::Arc::default();
        // If this fails the default stays, which costs no more than a temporary file.
        let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, flag);
    }
}
