//! The functions of the header. Each converts what it was given, calls one function, and converts
//! the answer, inside of the guard, so that no panic gets out. Their comments become those of the
//! header.
#![allow(
    unsafe_code,
    clippy::missing_safety_doc,
    clippy::too_many_arguments,
    reason = "what C calls, and how, is said in the words of the header"
)]
#![allow(unreachable_pub, reason = "cbindgen takes what is public, and so does C")]

mod guard;
mod pointers;

use crate::batch::Batch;
use crate::clock;
use crate::details::Details;
use crate::failure::Failure;
use crate::handle::Handle;
use crate::layout::{ErrorReport, LookupResult, Source, Text};
use crate::{documents, lookup, names};
use pointers::{Arrays, exclusive, free, free_text, give, give_text, path, place, report, shared, text};
use rapsheet_query::Address;
use std::ffi::{CStr, c_char};
use std::mem::MaybeUninit;
use std::ptr;

/// Ends a call: tells the caller, and returns the code.
///
/// # Safety
/// As for [`report`].
unsafe fn end(error: *mut ErrorReport, work: impl FnOnce() -> Result<(), Failure>) -> i32 {
    let (code, message) = guard::run(work);
    // SAFETY: the caller vouches for it.
    unsafe { report(error, code, &message) };
    code
}

/// The version of the library, such as "0.1.0". It lives as long as the program.
#[unsafe(no_mangle)]
pub extern "C" fn rapsheet_version() -> *const c_char {
    const VERSION: &CStr =
        match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
            Ok(version) => version,
            Err(_) => c"unknown",
        };
    VERSION.as_ptr()
}

/// Opens the snapshot at a path, which ends with a zero, and puts its handle into *snapshot; NULL
/// if that fails.
///
/// flags: 0, or some of RAPSHEET_OPEN_.... With 0 every byte is read once and checked, and a file
/// of which one bit differs from what was built is refused; then it is mapped. All threads may use
/// one handle at the same time. It belongs to the caller, who ends it with rapsheet_close().
///
/// Returns RAPSHEET_OK, RAPSHEET_ERROR_USAGE, RAPSHEET_ERROR_REFUSED or RAPSHEET_ERROR_UNFINISHED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rapsheet_open(
    path: *const c_char,
    flags: u32,
    snapshot: *mut *mut Handle,
    error: *mut ErrorReport,
) -> i32 {
    // SAFETY: the header asks for a path that ends with a zero, and memory for a handle and a
    // report.
    unsafe {
        end(error, || {
            let out = place(snapshot, "snapshot")?.write(ptr::null_mut());
            *out = give(Handle::open(self::path(path)?, flags)?);
            Ok(())
        })
    }
}

/// Closes a handle. NULL is nothing. No other call may be using the handle, or use it afterwards;
/// batches, details and texts that came from it stay usable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rapsheet_close(snapshot: *mut Handle) {
    // SAFETY: the header asks for a handle that was not closed, and is not used any more.
    drop(guard::caught(|| unsafe {
        free(snapshot);
        Ok(())
    }));
}

/// Takes the snapshot that was published at the path since, if there is one, and sets *replaced to
/// whether there was; replaced may be NULL. For handles that were opened with RAPSHEET_OPEN_FOLLOW.
///
/// If there is none, the call costs a microsecond: it asks for the metadata of the path. The
/// library starts no thread, so call this every few seconds, from any thread; the others never
/// wait, and a call that has begun ends with the snapshot that it began with. If what is at the
/// path is no sound snapshot, the call returns RAPSHEET_ERROR_REFUSED once, and the previous
/// snapshot goes on answering; unless the file was written to in place while it was mapped, when
/// all calls return RAPSHEET_ERROR_REFUSED until a sound one is there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rapsheet_refresh(
    snapshot: *const Handle,
    replaced: *mut bool,
    error: *mut ErrorReport,
) -> i32 {
    // SAFETY: the header asks for an open handle, and memory for what is returned.
    unsafe {
        end(error, || {
            let mut unused = MaybeUninit::uninit();
            let out =
                if replaced.is_null() { &mut unused } else { place(replaced, "replaced")? }.write(false);
            *out = shared(snapshot, "snapshot")?.refresh()?;
            Ok(())
        })
    }
}

/// Puts the instant at which the snapshot was built into *built_at, in seconds since 1970.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rapsheet_built_at(
    snapshot: *const Handle,
    built_at: *mut i64,
    error: *mut ErrorReport,
) -> i32 {
    // SAFETY: the header asks for an open handle, and memory for what is returned.
    unsafe {
        end(error, || {
            let out = place(built_at, "built_at")?;
            out.write(shared(snapshot, "snapshot")?.current()?.built_at().unix());
            Ok(())
        })
    }
}

/// Looks one indicator up, as of an instant, and puts the short answer into *result.
///
/// text, length: an address, a prefix, a range, a name or a URL, in any common spelling; it may be
/// defanged, in brackets, or have a port. at: seconds since 1970, or RAPSHEET_NOW. A text that is
/// no indicator is answered with the status RAPSHEET_NO_INDICATOR and a reason, and the call
/// returns RAPSHEET_ERROR_USAGE; after another error, the reason is 0. A prefix or a range visits
/// all that it overlaps: a wide one takes as long as a walk over the snapshot.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rapsheet_lookup(
    snapshot: *const Handle,
    text: *const c_char,
    length: usize,
    at: i64,
    result: *mut LookupResult,
    error: *mut ErrorReport,
) -> i32 {
    // SAFETY: the header asks for an open handle, as many bytes as the length says, and memory for
    // what is returned.
    unsafe {
        end(error, || {
            let out = place(result, "result")?.write(lookup::NO_ANSWER);
            let (handle, text) = (shared(snapshot, "snapshot")?, self::text(text, length)?);
            let view = handle.view(clock::instant(at)?)?;
            let answer = text.and_then(|text| lookup::short(&view, text));
            *out = answer.unwrap_or_else(lookup::of_no_indicator);
            answer.map(drop).map_err(Failure::no_indicator)
        })
    }
}

/// Looks an address up that is there in network byte order, as in `struct in_addr` (length 4) and
/// `struct in6_addr` (length 16). The fastest call: it reads no text, and allocates nothing unless
/// the address is listed. An IPv4-mapped IPv6 address is the IPv4 address.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rapsheet_lookup_address(
    snapshot: *const Handle,
    address: *const u8,
    length: usize,
    at: i64,
    result: *mut LookupResult,
    error: *mut ErrorReport,
) -> i32 {
    // SAFETY: the header asks for an open handle, an address of 4 or 16 bytes, and memory for what
    // is returned.
    unsafe {
        end(error, || {
            let out = place(result, "result")?.write(lookup::NO_ANSWER);
            let handle = shared(snapshot, "snapshot")?;
            let address = match length {
                4 => std::net::IpAddr::from(*shared(address.cast::<[u8; 4]>(), "address")?),
                16 => std::net::IpAddr::from(*shared(address.cast::<[u8; 16]>(), "address")?),
                _ => {
                    return Err(Failure::usage(format_args!(
                        "expected an address of 4 or 16 bytes, found a length of {length}"
                    )));
                }
            };
            let view = handle.view(clock::instant(at)?)?;
            *out = lookup::short_of_address(&view, Address::from(address));
            Ok(())
        })
    }
}

/// Makes a batch: the memory that rapsheet_lookup_many() uses again and again, some megabytes. A
/// batch is for one thread at a time, and for any snapshot. It belongs to the caller, who frees it
/// with rapsheet_batch_free(). NULL if that fails.
#[unsafe(no_mangle)]
pub extern "C" fn rapsheet_batch_new() -> *mut Batch {
    guard::caught(|| Ok(give(Batch::default()))).unwrap_or(ptr::null_mut())
}

/// Frees a batch. NULL is nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rapsheet_batch_free(batch: *mut Batch) {
    // SAFETY: the header asks for a batch that was not freed, and is not used any more.
    drop(guard::caught(|| unsafe {
        free(batch);
        Ok(())
    }));
}

/// Looks many indicators up: the answer to texts[i] is put into results[i]. Two to three times as
/// fast as single calls, and a row costs no allocation.
///
/// instants: NULL, or as many instants, one a row; at: the instant of all rows if instants is NULL.
/// RAPSHEET_NOW is the same present for all rows of a call. An instant that many rows share is
/// prepared once; one takes some microseconds, more with many feeds; within 65,536 rows their order
/// does not matter. A row that is no indicator has the status RAPSHEET_NO_INDICATOR, and is no
/// error. All rows are answered from one snapshot. After an error, nothing may be read from
/// results.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rapsheet_lookup_many(
    snapshot: *const Handle,
    batch: *mut Batch,
    texts: *const Text,
    instants: *const i64,
    at: i64,
    results: *mut LookupResult,
    count: usize,
    error: *mut ErrorReport,
) -> i32 {
    // SAFETY: the header asks for an open handle, a batch of this thread, and arrays of so many
    // values.
    unsafe {
        end(error, || {
            let (handle, batch) = (shared(snapshot, "snapshot")?, exclusive(batch, "batch")?);
            batch.lookup(handle, at, &mut Arrays::new(texts, instants, results, count)?)
        })
    }
}

/// Puts the providers that decide the status of a listing into *providers, as an array of texts,
/// sorted, and how many into *count. The listing is the number in a result of the last call of
/// rapsheet_lookup_many() with this batch. The array and the texts belong to the batch, and live
/// until its next call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rapsheet_batch_providers(
    batch: *const Batch,
    listing: u32,
    providers: *mut *const *const c_char,
    count: *mut usize,
    error: *mut ErrorReport,
) -> i32 {
    // SAFETY: the header asks for a batch of this thread, and memory for what is returned.
    unsafe {
        end(error, || {
            let array = place(providers, "providers")?.write(ptr::null());
            let count = place(count, "count")?.write(0);
            let found = shared(batch, "batch")?.providers(listing)?;
            (*array, *count) = (found.as_ptr(), found.len());
            Ok(())
        })
    }
}

/// Looks one indicator up and puts the full answer into *details: each live sighting, with feed,
/// entry and times. It belongs to the caller, who frees it with rapsheet_details_free(). NULL after
/// an error; a text that is no indicator is one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rapsheet_lookup_details(
    snapshot: *const Handle,
    text: *const c_char,
    length: usize,
    at: i64,
    details: *mut *mut Details,
    error: *mut ErrorReport,
) -> i32 {
    // SAFETY: the header asks for an open handle, as many bytes as the length says, and memory for
    // what is returned.
    unsafe {
        end(error, || {
            let out = place(details, "details")?.write(ptr::null_mut());
            let (handle, text) = (shared(snapshot, "snapshot")?, self::text(text, length)?);
            let view = handle.view(clock::instant(at)?)?;
            let verdict = text.and_then(|text| lookup::full(&view, text)).map_err(Failure::no_indicator)?;
            *out = give(Details::new(&view, &verdict));
            Ok(())
        })
    }
}

/// The overall status of details: RAPSHEET_BLOCKLISTED and so on. RAPSHEET_NO_INDICATOR for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rapsheet_details_status(details: *const Details) -> u8 {
    // SAFETY: the header asks for details that were not freed.
    let status = guard::caught(|| unsafe { Ok(shared(details, "details")?.status()) });
    status.unwrap_or(crate::layout::RAPSHEET_NO_INDICATOR)
}

/// The indicator of details in canonical form: UTF-8, ends with a zero, lives as long as the
/// details. NULL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rapsheet_details_indicator(details: *const Details) -> *const c_char {
    // SAFETY: the header asks for details that were not freed.
    let text = guard::caught(|| unsafe { Ok(shared(details, "details")?.indicator().as_ptr()) });
    text.unwrap_or(ptr::null())
}

/// The sightings of details, as an array, and how many in *count, which may be NULL. They are
/// sorted by provider, feed, then most specific entry first, and live as long as the details. NULL
/// for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rapsheet_details_sources(
    details: *const Details,
    count: *mut usize,
) -> *const Source {
    // SAFETY: the header asks for details that were not freed, and memory for a number.
    let sources = guard::caught(|| unsafe {
        let count = place(count, "count").map(|count| count.write(0));
        let sources = shared(details, "details")?.sources();
        count.into_iter().for_each(|count| *count = sources.len());
        Ok(sources.as_ptr())
    });
    sources.unwrap_or(ptr::null())
}

/// Frees details. NULL is nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rapsheet_details_free(details: *mut Details) {
    // SAFETY: the header asks for details that were not freed, and are not used any more.
    drop(guard::caught(|| unsafe {
        free(details);
        Ok(())
    }));
}

/// Looks one indicator up and puts the text that `rapsheet lookup --output json` prints into *json,
/// byte for byte: UTF-8, with a line end and a zero at its end. length_of_json may be NULL; else it
/// gets the number of bytes without the zero.
///
/// flags: 0, or some of RAPSHEET_JSON_.... A text that is no indicator gives the object that says
/// so, and the call returns RAPSHEET_ERROR_USAGE. Whatever the code, *json belongs to the caller,
/// who frees it with rapsheet_string_free(), or is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rapsheet_lookup_json(
    snapshot: *const Handle,
    text: *const c_char,
    length: usize,
    at: i64,
    flags: u32,
    json: *mut *mut c_char,
    length_of_json: *mut usize,
    error: *mut ErrorReport,
) -> i32 {
    // SAFETY: the header asks for an open handle, as many bytes as the length says, and memory for
    // what is returned.
    unsafe {
        end(error, || {
            let out = place(json, "json")?.write(ptr::null_mut());
            let handle = shared(snapshot, "snapshot")?;
            let view = handle.view(clock::instant(at)?)?;
            let (bytes, why) = match self::text(text, length)? {
                Ok(text) => lookup::json(&view, text, flags)?,
                Err(_) => {
                    let head = self::text(text, lookup::TOO_LONG_SHOWN)?.unwrap_or_default();
                    lookup::json_of_too_long(head, flags)?
                }
            };
            give_document(bytes, out, length_of_json)?;
            why.map_or(Ok(()), |why| Err(Failure::no_indicator(why)))
        })
    }
}

/// Puts the feeds of the snapshot into *json, as an array of objects: what `GET /v1/feeds` of
/// `rapsheet serve` answers, indented. now: the instant for which feeds are stale or not, or
/// RAPSHEET_NOW. The text is as that of rapsheet_lookup_json().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rapsheet_feeds_json(
    snapshot: *const Handle,
    now: i64,
    json: *mut *mut c_char,
    length_of_json: *mut usize,
    error: *mut ErrorReport,
) -> i32 {
    // SAFETY: the header asks for an open handle, and memory for what is returned.
    unsafe {
        end(error, || {
            let out = place(json, "json")?.write(ptr::null_mut());
            let feeds = documents::feeds(shared(snapshot, "snapshot")?, clock::instant(now)?)?;
            give_document(feeds, out, length_of_json)
        })
    }
}

/// Puts what `rapsheet info --output json` prints into *json: when the snapshot was built, of what,
/// and what it holds. The text is as that of rapsheet_lookup_json().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rapsheet_info_json(
    snapshot: *const Handle,
    now: i64,
    json: *mut *mut c_char,
    length_of_json: *mut usize,
    error: *mut ErrorReport,
) -> i32 {
    // SAFETY: the header asks for an open handle, and memory for what is returned.
    unsafe {
        end(error, || {
            let out = place(json, "json")?.write(ptr::null_mut());
            let info = documents::info(shared(snapshot, "snapshot")?, clock::instant(now)?)?;
            give_document(info, out, length_of_json)
        })
    }
}

/// Hands a document over. Its length is for who wants it.
///
/// # Safety
/// The length is NULL or leads to memory for a number, which no other thread uses.
unsafe fn give_document(bytes: Vec<u8>, json: &mut *mut c_char, length: *mut usize) -> Result<(), Failure> {
    // SAFETY: the caller vouches for it.
    let length = if length.is_null() { None } else { Some(unsafe { place(length, "length_of_json") }?) };
    let (text, count) = give_text(bytes)?;
    *json = text;
    length.into_iter().for_each(|length| {
        length.write(count);
    });
    Ok(())
}

/// Frees a text that a function of this library put into *json. NULL is nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rapsheet_string_free(text: *mut c_char) {
    // SAFETY: the header asks for a text of this library that was neither freed nor changed.
    drop(guard::caught(|| unsafe {
        free_text(text);
        Ok(())
    }));
}

/// The word of the assessment with the bit 1 << number: "botnet" for 0. NULL if there is none, so
/// that a program can count up to it. It lives as long as the program, as all words do.
#[unsafe(no_mangle)]
pub extern "C" fn rapsheet_assessment_word(number: u32) -> *const c_char {
    word(|| names::assessment(number))
}

/// The word of a status: "blocklisted", "allowlisted", "failed", "unknown" or "no indicator". NULL
/// if there is none.
#[unsafe(no_mangle)]
pub extern "C" fn rapsheet_status_word(status: u8) -> *const c_char {
    word(|| names::status(status))
}

/// The word that says why a text is no indicator, such as "leading-zero". NULL if there is none.
/// The words never change; the numbers may, from one version to the next.
#[unsafe(no_mangle)]
pub extern "C" fn rapsheet_reason_word(reason: u8) -> *const c_char {
    word(|| names::reason(reason))
}

fn word(find: impl FnOnce() -> Option<&'static CStr>) -> *const c_char {
    guard::caught(|| Ok(find())).ok().flatten().map_or(ptr::null(), CStr::as_ptr)
}
