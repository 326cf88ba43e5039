//! What C sees: constants, and structures with a fixed layout. Nothing here has behaviour.
//!
//! The layouts are part of the binary interface, which the number in the name of the shared library
//! stands for: a change of a size, an offset or a number needs a new one, and so a new `SONAME` in
//! `build.rs`.

#![allow(unreachable_pub, dead_code, missing_docs, reason = "cbindgen takes it, and C uses it")]

use std::ffi::c_char;

/// Done.
pub const RAPSHEET_OK: i32 = 0;
/// An argument cannot be used: NULL, unknown flags, an instant out of range, or a text that is no
/// indicator.
pub const RAPSHEET_ERROR_USAGE: i32 = 2;
/// A snapshot was refused: it is missing, damaged, truncated, or of another version.
pub const RAPSHEET_ERROR_REFUSED: i32 = 4;
/// The system granted too little: memory, or descriptors.
pub const RAPSHEET_ERROR_UNFINISHED: i32 = 5;
/// A defect of this library, which ended the call and nothing else. Please report it.
pub const RAPSHEET_ERROR_INTERNAL: i32 = 70;

/// As an instant: the present. The library reads the system's clock once in the call, and at no
/// other time.
pub const RAPSHEET_NOW: i64 = i64::MIN;

/// Opens without reading the whole file: checks its header, its table and lengths only. For files
/// that were verified when they were installed. Goes with no other flag.
pub const RAPSHEET_OPEN_TRUSTED: u32 = 1;
/// Lets rapsheet_refresh() take newer snapshots that are published at the path.
pub const RAPSHEET_OPEN_FOLLOW: u32 = 2;
/// Reads files of up to 512 MiB into memory instead of mapping them, so that a program that writes
/// to the file in place does no harm.
pub const RAPSHEET_OPEN_IN_MEMORY: u32 = 4;

/// Status: only allowlists list it.
pub const RAPSHEET_ALLOWLISTED: u8 = 0;
/// Status: at least one provider has it on a blocklist.
pub const RAPSHEET_BLOCKLISTED: u8 = 1;
/// Status: not listed, and the data of every provider that could list it is missing or too old.
pub const RAPSHEET_FAILED: u8 = 3;
/// Status: not listed.
pub const RAPSHEET_UNKNOWN: u8 = 5;
/// Status: the text is no indicator.
pub const RAPSHEET_NO_INDICATOR: u8 = 255;

/// Bits of assessments. A new assessment gets a new bit; these never change.
pub const RAPSHEET_BOTNET: u16 = 1;
pub const RAPSHEET_MALWARE: u16 = 2;
pub const RAPSHEET_PHISHING: u16 = 4;
pub const RAPSHEET_BRUTEFORCE: u16 = 8;
pub const RAPSHEET_SPAM: u16 = 16;
pub const RAPSHEET_SCANNER: u16 = 32;
pub const RAPSHEET_TOR: u16 = 64;
pub const RAPSHEET_HIGH_RISK: u16 = 128;
pub const RAPSHEET_SUSPICIOUS: u16 = 256;
pub const RAPSHEET_BLACKLIST: u16 = 512;
pub const RAPSHEET_TRUSTWORTHY: u16 = 1024;

/// As the number of a listing: there is none.
pub const RAPSHEET_NO_LISTING: u32 = u32::MAX;
/// As a time of a source: not in the snapshot.
pub const RAPSHEET_NO_TIME: i64 = i64::MIN;

/// JSON: adds a row for each provider that does not list the indicator.
pub const RAPSHEET_JSON_ALL_SOURCES: u32 = 1;
/// JSON: on one line, as `rapsheet lookup --output jsonl`; without it indented, as `--output json`.
pub const RAPSHEET_JSON_LINE: u32 = 2;

/// The longest text of an indicator, in bytes. A longer one is no indicator (`too-long`), and its
/// bytes are not read, but for the first 80, which JSON repeats.
pub const RAPSHEET_TEXT_MAX: usize = 65_535;
/// The size of a message, with the zero at its end.
pub const RAPSHEET_MESSAGE_SIZE: usize = 1020;

/// Why a call failed. It belongs to the caller, who may put it on the stack and need not initialize
/// it. Each function that takes one also takes NULL. A call that succeeds sets the code to
/// RAPSHEET_OK and the message to an empty text.
#[repr(C)]
pub struct ErrorReport {
    /// What the function returned.
    pub code: i32,
    /// What was expected, what was found, and what to do: UTF-8, ends with a zero. Of a longer text
    /// the middle is left out.
    pub message: [c_char; RAPSHEET_MESSAGE_SIZE],
}

/// A text: bytes, and how many. It needs no zero at its end, and may contain any bytes. NULL is an
/// empty text if the length is 0.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Text {
    pub data: *const c_char,
    pub length: usize,
}

/// The short answer to one indicator.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LookupResult {
    /// RAPSHEET_BLOCKLISTED, RAPSHEET_ALLOWLISTED, RAPSHEET_FAILED, RAPSHEET_UNKNOWN or
    /// RAPSHEET_NO_INDICATOR.
    pub status: u8,
    /// Why the text is no indicator; a number for rapsheet_reason_word(). 0 if it is one.
    pub reason: u8,
    /// What the sightings that decide the status say: a set of bits such as RAPSHEET_BOTNET.
    pub assessments: u16,
    /// How many providers have it on a blocklist.
    pub detected_by: u32,
    /// A number for rapsheet_batch_providers(). RAPSHEET_NO_LISTING if nothing lists it, and from
    /// other functions than rapsheet_lookup_many().
    pub listing: u32,
    /// 0. For later versions.
    pub reserved: u32,
}

/// One live sighting: what one feed says of the indicator. Texts are UTF-8, end with a zero, and
/// live as long as the details that they are from. Times are seconds since 1970-01-01T00:00:00Z.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Source {
    /// The provider, written as a host.
    pub provider: *const c_char,
    /// The id of the feed.
    pub feed: *const c_char,
    /// The entry that matched: an address, prefix or range, a name (with `*.` if only names below
    /// it are listed), a URL.
    pub matched: *const c_char,
    /// When the feed first listed it.
    pub first_seen: i64,
    /// When the feed last confirmed it.
    pub detect_time: i64,
    /// When the feed's download was retrieved, or RAPSHEET_NO_TIME.
    pub update_time: i64,
    /// From when on it no longer counts.
    pub expires: i64,
    /// A set of bits such as RAPSHEET_BOTNET.
    pub assessments: u16,
    /// RAPSHEET_BLOCKLISTED or RAPSHEET_ALLOWLISTED.
    pub status: u8,
    /// Whether the feed is failed, held or stale: 0 or 1.
    pub stale: u8,
    /// 0. For later versions.
    pub reserved: u32,
}
