//! What a caller gave, as Rust sees it. What can be checked is: NULL, alignment, lengths. That a pointer
//! leads to what the header says cannot be; each function names what it relies on.
#![allow(unsafe_code)]

use crate::batch::Rows;
use crate::failure::Failure;
use crate::layout::{ErrorReport, LookupResult, RAPSHEET_TEXT_MAX, Text};
use rapsheet_query::ParseError;
use std::ffi::{CStr, CString, c_char};
use std::mem::MaybeUninit;
use std::path::Path;

fn check<T>(pointer: *const T, name: &str) -> Result<(), Failure> {
    if pointer.is_null() {
        return Err(Failure::usage(format_args!("expected a pointer in `{name}`, found NULL")));
    }
    if !pointer.is_aligned() {
        return Err(Failure::usage(format_args!(
            "expected a pointer to a structure in `{name}`, found one that is not aligned"
        )));
    }
    Ok(())
}

/// An object of this library that others may use at the same time.
///
/// # Safety
/// The pointer is NULL, or comes from this library and was not freed; nor is it during `'a`.
pub(super) unsafe fn shared<'a, T>(pointer: *const T, name: &str) -> Result<&'a T, Failure> {
    check(pointer, name)?;
    // SAFETY: it is neither NULL nor unaligned, and the caller vouches for the rest.
    Ok(unsafe { &*pointer })
}

/// An object of this library, or memory of the caller that holds a value, for one thread.
///
/// # Safety
/// As for [`shared`]; and no other thread uses it during `'a`.
pub(super) unsafe fn exclusive<'a, T>(pointer: *mut T, name: &str) -> Result<&'a mut T, Failure> {
    check(pointer, name)?;
    // SAFETY: it is neither NULL nor unaligned, and the caller vouches for the rest.
    Ok(unsafe { &mut *pointer })
}

/// Memory of the caller for one value, which need not be initialized.
///
/// # Safety
/// The pointer is NULL or leads to memory for a value, which no other thread uses during `'a`.
pub(super) unsafe fn place<'a, T>(pointer: *mut T, name: &str) -> Result<&'a mut MaybeUninit<T>, Failure> {
    check(pointer, name)?;
    // SAFETY: it is neither NULL nor unaligned, the caller vouches for the rest, and any bytes are a
    // `MaybeUninit`.
    Ok(unsafe { &mut *pointer.cast::<MaybeUninit<T>>() })
}

/// The path of a file.
///
/// # Safety
/// The pointer is NULL or leads to a text that ends with a zero, and does not change during `'a`.
pub(super) unsafe fn path<'a>(pointer: *const c_char) -> Result<&'a Path, Failure> {
    check(pointer, "path")?;
    // SAFETY: it is not NULL, and the caller vouches for the zero at its end.
    let text = unsafe { CStr::from_ptr(pointer) };
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        Ok(Path::new(std::ffi::OsStr::from_bytes(text.to_bytes())))
    }
    #[cfg(not(unix))]
    {
        let text = text.to_str();
        text.map(Path::new)
            .map_err(|error| Failure::usage(format_args!("expected a path in UTF-8, found another: {error}")))
    }
}

/// The bytes of a text. Those of a text that is too long to be an indicator are not read, so that a wrong
/// length does no harm.
///
/// # Safety
/// The pointer is NULL, or leads to `length` bytes that do not change during `'a`, or `length` is larger than any
/// indicator's.
pub(super) unsafe fn text<'a>(
    pointer: *const c_char,
    length: usize,
) -> Result<Result<&'a [u8], ParseError>, Failure> {
    match (pointer.is_null(), length) {
        (_, 0) => Ok(Ok(&[])),
        (true, _) => Err(Failure::usage(format_args!(
            "expected a pointer to {length} bytes in `text`, found NULL; NULL is an empty text with length 0 only"
        ))),
        (false, _) if length > RAPSHEET_TEXT_MAX => Ok(Err(ParseError::TooLong)),
        // SAFETY: it is not NULL, the length is far below `isize::MAX`, and the caller vouches for the bytes.
        (false, _) => Ok(Ok(unsafe { std::slice::from_raw_parts(pointer.cast::<u8>(), length) })),
    }
}

/// An array of the caller.
///
/// # Safety
/// The pointer is NULL or leads to `count` values, which do not change during `'a`.
unsafe fn array<'a, T>(pointer: *const T, count: usize, name: &str) -> Result<&'a [T], Failure> {
    if count == 0 {
        return Ok(&[]);
    }
    check(pointer, name)?;
    check_count::<T>(count)?;
    // SAFETY: it is neither NULL nor unaligned, the count was checked, and the caller vouches for the values.
    Ok(unsafe { std::slice::from_raw_parts(pointer, count) })
}

/// No array takes more than half of the address space.
fn check_count<T>(count: usize) -> Result<(), Failure> {
    let most = isize::MAX as usize / size_of::<T>();
    if count > most {
        return Err(Failure::usage(format_args!("expected at most {most} rows in `count`, found {count}")));
    }
    Ok(())
}

/// The rows of a call, in arrays of the caller.
pub(super) struct Arrays<'a> {
    texts: &'a [Text],
    instants: Option<&'a [i64]>,
    results: &'a mut [MaybeUninit<LookupResult>],
}

impl Arrays<'_> {
    /// # Safety
    /// Each pointer is NULL or leads to `count` values, which belong to this call during `'a`; the texts are as [`text`]
    /// wants them. The results do not overlap anything else.
    pub(super) unsafe fn new<'a>(
        texts: *const Text,
        instants: *const i64,
        results: *mut LookupResult,
        count: usize,
    ) -> Result<Arrays<'a>, Failure> {
        // SAFETY: the caller vouches for the arrays.
        let texts = unsafe { array(texts, count, "texts") }?;
        let nowhere = |text: &Text| text.data.is_null() && text.length > 0;
        if let Some((row, text)) = texts.iter().enumerate().find(|(_, text)| nowhere(text)) {
            return Err(Failure::usage(format_args!(
                "row {row}: expected a pointer to {} bytes, found NULL; NULL is an empty text with length 0 only",
                text.length
            )));
        }
        let instants = match instants.is_null() {
            true => None,
            // SAFETY: the caller vouches for the array.
            false => Some(unsafe { array(instants, count, "instants") }?),
        };
        if count == 0 {
            return Ok(Arrays { texts, instants, results: &mut [] });
        }
        check(results, "results")?;
        check_count::<LookupResult>(count)?;
        // SAFETY: it is neither NULL nor unaligned, the count was checked, the caller vouches for the memory,
        // and any bytes are a `MaybeUninit`.
        let results =
            unsafe { std::slice::from_raw_parts_mut(results.cast::<MaybeUninit<LookupResult>>(), count) };
        Ok(Arrays { texts, instants, results })
    }
}

impl Rows for Arrays<'_> {
    fn count(&self) -> usize {
        self.texts.len()
    }

    fn text(&self, row: usize) -> Result<&[u8], ParseError> {
        let Some(Text { data, length }) = self.texts.get(row) else { return Ok(&[]) };
        // SAFETY: who made the arrays vouches for each text. NULL was refused there.
        unsafe { text(*data, *length) }.unwrap_or(Ok(&[]))
    }

    fn instant(&self, row: usize) -> Option<i64> {
        self.instants.and_then(|instants| instants.get(row)).copied()
    }

    fn answer(&mut self, row: usize, result: LookupResult) {
        if let Some(place) = self.results.get_mut(row) {
            place.write(result);
        }
    }
}

/// Hands an object over to the caller.
pub(super) fn give<T>(value: T) -> *mut T {
    Box::into_raw(Box::new(value))
}

/// Takes back what [`give`] handed over, and frees it. NULL is nothing.
///
/// # Safety
/// The pointer is NULL or comes from [`give`], was not freed, and is not used any more.
pub(super) unsafe fn free<T>(pointer: *mut T) {
    if !pointer.is_null() {
        // SAFETY: the caller vouches for it.
        drop(unsafe { Box::from_raw(pointer) });
    }
}

/// Hands a text over to the caller, with a zero at its end. JSON has none inside, because it escapes them.
pub(super) fn give_text(bytes: Vec<u8>) -> Result<(*mut c_char, usize), Failure> {
    let length = bytes.len();
    let text = CString::new(bytes)
        .map_err(|error| Failure::usage(format_args!("expected a text without zeros, found one: {error}")))?;
    Ok((text.into_raw(), length))
}

/// Frees what [`give_text`] handed over. NULL is nothing.
///
/// # Safety
/// As for [`free`]; and the text was not changed.
pub(super) unsafe fn free_text(pointer: *mut c_char) {
    if !pointer.is_null() {
        // SAFETY: the caller vouches for it.
        drop(unsafe { CString::from_raw(pointer) });
    }
}

/// Tells the caller how a call ended. NULL is a caller who does not want to know.
///
/// # Safety
/// The pointer is NULL or leads to memory for a report, which no other thread uses.
pub(super) unsafe fn report(pointer: *mut ErrorReport, code: i32, message: &str) {
    if pointer.is_null() || !pointer.is_aligned() {
        return;
    }
    // SAFETY: it is neither NULL nor unaligned, and the caller vouches for the memory. Only pointers are made
    // of it, because it need not be initialized. The message has at most as many bytes as there is room for.
    unsafe {
        (&raw mut (*pointer).code).write(code);
        let place = (&raw mut (*pointer).message).cast::<u8>();
        place.copy_from_nonoverlapping(message.as_ptr(), message.len().min(super::guard::MESSAGE_MAX));
        place.add(message.len().min(super::guard::MESSAGE_MAX)).write(0);
    }
}
