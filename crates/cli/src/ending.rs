//! Ending on a signal: a flag that long-lived commands look at.

use crate::exit::{Exit, Failure};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Sets the flag at the first SIGTERM or SIGINT; the second one ends the program at once.
///
/// # Errors
/// The system takes no handlers.
#[cfg(unix)]
pub(crate) fn set_on_signals(end: &Arc<AtomicBool>) -> Result<(), Failure> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::flag;
    let registered = [SIGTERM, SIGINT].into_iter().try_for_each(|signal| {
        flag::register_conditional_shutdown(signal, Exit::Unfinished as i32, Arc::clone(end))?;
        flag::register(signal, Arc::clone(end)).map(drop)
    });
    registered.map_err(|error| Failure::unfinished(format_args!("handlers of signals: {error}")))
}

/// Elsewhere, signals end the program at once.
#[cfg(not(unix))]
pub(crate) fn set_on_signals(_: &Arc<AtomicBool>) -> Result<(), Failure> {
    Ok(())
}
