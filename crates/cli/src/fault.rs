//! Ends the program with its own exit codes where the system would kill it.
//!
//! **Memory that the system refuses.** A failed allocation aborts: the standard library prints how many bytes
//! it asked for and raises `SIGABRT`. Its hook for this is unstable. Reserving fallibly at the large vectors
//! leaves all the others, and those of every dependency; an allocator of our own would make a failed
//! allocation in a library that can handle it an end, too; a parent that waits for a child costs a process
//! for each run. So the signal is handled: it ends the program with [`Exit::Unfinished`] and a message.
//! Whatever else aborts ends so, too, after its own message. The lock file and temporary files stay, as after
//! a kill; the lock is the kernel's and ends with the process, and the next build removes the files.
//!
//! **A mapped snapshot that is cut short.** Reading beyond its new end raises `SIGBUS`. Commands that live
//! long hold their snapshot in memory, see [`rapsheet_snapshot::Snapshot::load`]; the others end with
//! [`Exit::Refused`]. What the system raises for a disk that cannot be read is the same signal, and the same
//! end.
//!
//! Only this program does so. A library leaves the signals to the program that embeds it.

#![allow(unsafe_code)]

use crate::exit::Exit;
use signal_hook::consts::{SIGABRT, SIGBUS};
use signal_hook::low_level;
use std::fs::File;
use std::io::Write;
use std::mem::ManuallyDrop;
use std::os::fd::FromRawFd;

const NO_MEMORY: &str = "rapsheet: could not finish: the system refused memory, see the line above; allow this \
     process more, or give it less to do at once (`--threads 1`, and `--max-memory` of `build`)\n";
const CUT_SHORT: &str = "rapsheet: a snapshot was cut short, or could not be read from its disk, while this \
     command read it; replace a snapshot by renaming another file over it, as `build` does, never in place\n";
const STDERR: i32 = 2;

/// Handles both signals from now on.
pub(crate) fn survive() {
    for (signal, exit, message) in
        [(SIGABRT, Exit::Unfinished, NO_MEMORY), (SIGBUS, Exit::Refused, CUT_SHORT)]
    {
        // SAFETY: the handler allocates nothing, takes no lock and does not panic. It makes two system calls
        // that POSIX allows in handlers, `write` and `_exit`, and does not return to what was interrupted.
        let handled = unsafe { low_level::register(signal, move || end(exit, message)) };
        // If this fails the default stays, which ends the program as well.
        drop(handled);
    }
}

fn end(exit: Exit, message: &str) {
    // SAFETY: the descriptor is not closed, because the file is never dropped. If it is not open, writing
    // fails.
    let mut stderr = ManuallyDrop::new(unsafe { File::from_raw_fd(STDERR) });
    // Not through `io::stderr`, whose lock the interrupted thread may hold.
    let _ = stderr.write_all(message.as_bytes());
    low_level::exit(exit as i32);
}
