//! The C library: look-ups in a rapsheet snapshot from C, C++, Go and whatever else calls C.
//!
//! Programs see `include/rapsheet.h`, which cbindgen makes of [`layout`] and [`exports`]; a test compares
//! them. Its page for users is `README.md`. A function of the header converts what it was given, calls one
//! function of another module, and converts the answer. All unsafe code is in [`exports`], and so is the one
//! place where a panic ends.

mod batch;
mod clock;
mod details;
mod documents;
mod exports;
mod failure;
mod handle;
mod layout;
mod lookup;
mod names;

#[cfg(not(panic = "unwind"))]
compile_error!(
    "a panic must not end the program that this library is part of: build it with panic = \"unwind\""
);
