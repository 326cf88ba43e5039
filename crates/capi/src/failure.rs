//! Why a call fails: a code, which is the exit code that the command line has for it, and a message.

use crate::layout::{
    RAPSHEET_ERROR_INTERNAL, RAPSHEET_ERROR_REFUSED, RAPSHEET_ERROR_UNFINISHED, RAPSHEET_ERROR_USAGE,
};
use rapsheet_snapshot::{Error, ParseError};
use std::any::Any;
use std::fmt::Display;
use std::io;

/// Why a call fails.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: i32,
    pub(crate) message: String,
}

impl Failure {
    /// An argument that cannot be used.
    pub(crate) fn usage(message: impl Display) -> Failure {
        Failure { code: RAPSHEET_ERROR_USAGE, message: message.to_string() }
    }

    /// A snapshot whose answers are not to be trusted.
    pub(crate) fn refused(message: impl Display) -> Failure {
        Failure { code: RAPSHEET_ERROR_REFUSED, message: message.to_string() }
    }

    /// A text that is no indicator.
    pub(crate) fn no_indicator(why: ParseError) -> Failure {
        Failure::usage(format_args!(
            "expected an indicator, found another text: {}: {}",
            why.word(),
            why.about()
        ))
    }

    /// A panic, which is a defect of this library.
    pub(crate) fn of_panic(payload: &(dyn Any + Send)) -> Failure {
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no message");
        let message = format!("a defect of librapsheet ended the call: {text}; please report it");
        Failure { code: RAPSHEET_ERROR_INTERNAL, message }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        match &error {
            Error::Io { path, source, .. } if source.kind() == io::ErrorKind::NotFound => {
                let path = path.display();
                Failure::refused(format_args!(
                    "{path}: no such file; `rapsheet build` or `rapsheet update` makes one"
                ))
            }
            Error::Io { source, .. } if is_lack(source) => {
                Failure { code: RAPSHEET_ERROR_UNFINISHED, message: error.to_string() }
            }
            _ => Failure::refused(error),
        }
    }
}

/// Whether the system granted no memory or no descriptor, which says nothing about the file.
fn is_lack(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::OutOfMemory || lacks_descriptors(error)
}

#[cfg(unix)]
fn lacks_descriptors(error: &io::Error) -> bool {
    use rustix::io::Errno;
    [Errno::MFILE, Errno::NFILE].map(Errno::raw_os_error).map(Some).contains(&error.raw_os_error())
}

#[cfg(not(unix))]
fn lacks_descriptors(_: &io::Error) -> bool {
    false
}
