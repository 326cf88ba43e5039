//! Arrays as the C data interface hands them over.
//!
//! `arrow-array` reads them as well, but it trusts every number of theirs and panics at some, and refuses two kinds that
//! libraries do make: columns of the null type, and arrays of no values without buffers. Here are the few types that
//! columns of texts and of instants have.

#![allow(unsafe_code)]

use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema};
use arrow_buffer::Buffer;
use arrow_data::{ArrayData, ArrayDataBuilder};
use arrow_schema::DataType;
use std::ffi::{CStr, c_char, c_void};
use std::ptr::NonNull;
use std::sync::Arc;

/// No array in memory has more values: the sums and products of lengths fit then.
const LEN_MAX: i64 = 1 << 48;

/// `struct ArrowArray`, whose fields `FFI_ArrowArray` keeps to itself.
#[repr(C)]
struct RawArray {
    length: i64,
    null_count: i64,
    offset: i64,
    n_buffers: i64,
    n_children: i64,
    buffers: *const *const c_void,
    children: *const *const RawArray,
    dictionary: *const RawArray,
    release: Option<unsafe extern "C" fn(*mut RawArray)>,
    private_data: *mut c_void,
}

/// `struct ArrowSchema`, as far as it is read here.
#[repr(C)]
struct RawSchema {
    format: *const c_char,
    name: *const c_char,
    metadata: *const c_char,
    flags: i64,
    n_children: i64,
    children: *const *const RawSchema,
    dictionary: *const RawSchema,
}

/// The format of a schema, once it is sure that it and its dictionary have one that is text.
///
/// # Safety
/// The schema is not released, and as Arrow defines it.
pub(super) unsafe fn format(schema: &FFI_ArrowSchema) -> Result<&str, String> {
    let schema: *const FFI_ArrowSchema = schema;
    // SAFETY: both types are `struct ArrowSchema`, and the caller promises that it is valid.
    let schema = unsafe { &*schema.cast::<RawSchema>() };
    // SAFETY: a dictionary lives as long as its schema.
    if let Some(values) = unsafe { schema.dictionary.as_ref() } {
        // SAFETY: as for the schema itself.
        let format = unsafe { own_format(values) }?;
        if format.starts_with('+') || !values.dictionary.is_null() {
            return Err(format!("a dictionary whose values are nested, {format:?}; cast it to string"));
        }
    }
    // SAFETY: as the caller promises.
    unsafe { own_format(schema) }
}

/// # Safety
/// As for [`format`].
unsafe fn own_format<'s>(schema: &RawSchema) -> Result<&'s str, String> {
    if schema.format.is_null() {
        return Err("a schema without a format".to_owned());
    }
    // SAFETY: a format ends with a zero byte, and lives as long as the schema.
    let format = unsafe { CStr::from_ptr(schema.format) };
    format.to_str().map_err(|_| "a schema whose format is not UTF-8".to_owned())
}

/// The data of an array, which are shared and released with the last part of them.
///
/// # Safety
/// The array is not released, of this type, and as Arrow defines it.
pub(super) unsafe fn array_data(array: FFI_ArrowArray, data_type: &DataType) -> Result<ArrayData, String> {
    let owner = Arc::new(array);
    let array: *const FFI_ArrowArray = Arc::as_ptr(&owner);
    // SAFETY: both types are `struct ArrowArray`, and the caller promises that it is valid.
    let raw = unsafe { &*array.cast::<RawArray>() };
    // SAFETY: as the caller promises.
    unsafe { Reading { raw, owner: &owner }.data(data_type) }
}

/// An array, or the dictionary of one, and what keeps it alive.
struct Reading<'r> {
    raw: &'r RawArray,
    owner: &'r Arc<FFI_ArrowArray>,
}

impl Reading<'_> {
    /// # Safety
    /// As for [`array_data`].
    unsafe fn data(&self, data_type: &DataType) -> Result<ArrayData, String> {
        let (len, end) = self.place()?;
        if *data_type == DataType::Null {
            return Ok(ArrayData::new_null(data_type, len));
        }
        let mut builder = ArrayData::builder(data_type.clone()).len(len).offset(end - len);
        // SAFETY: as the caller promises; a bitmap has a bit for each value.
        unsafe {
            if let DataType::Dictionary(_, values) = data_type {
                builder = builder.add_child_data(self.dictionary()?.data(values)?);
            }
            if end == 0 {
                // Such arrays may have no buffers.
                return built(builder.buffers(empty_buffers(data_type)));
            }
            builder = builder.buffers(self.buffers(data_type, end)?);
            if self.raw.null_count != 0 {
                builder = builder.null_bit_buffer(self.buffer(0, end.div_ceil(8))?);
            }
        }
        built(builder)
    }

    /// The length, and its sum with the offset.
    fn place(&self) -> Result<(usize, usize), String> {
        let RawArray { length, offset, .. } = *self.raw;
        if !(0..=LEN_MAX).contains(&length) || !(0..=LEN_MAX).contains(&offset) {
            return Err(format!(
                "expected a length and an offset from 0 to 2^48, found {length} and {offset}"
            ));
        }
        // Fits, as was checked.
        Ok((length as usize, (length + offset) as usize))
    }

    /// # Safety
    /// As for [`array_data`].
    unsafe fn dictionary(&self) -> Result<Reading<'_>, String> {
        // SAFETY: a dictionary lives as long as its array.
        let raw = unsafe { self.raw.dictionary.as_ref() }.ok_or("a dictionary without values")?;
        Ok(Reading { raw, owner: self.owner })
    }

    /// What an array of this type has beside its bitmap, for `end` values.
    ///
    /// # Safety
    /// As for [`array_data`].
    unsafe fn buffers(&self, data_type: &DataType, end: usize) -> Result<Vec<Buffer>, String> {
        let count = |least: i64| match self.raw.n_buffers {
            found if found < least || self.raw.buffers.is_null() => {
                Err(format!("expected {least} buffers of {data_type}, found {found}"))
            }
            found => Ok(found),
        };
        // SAFETY: as the caller promises; the lengths are those that Arrow defines.
        unsafe {
            match data_type {
                DataType::Utf8 | DataType::Binary => {
                    count(3)?;
                    let offsets = self.needed(1, (end + 1) * size_of::<i32>())?;
                    let text_len = i64::from(offsets.as_ptr().cast::<i32>().add(end).read_unaligned());
                    Ok(vec![offsets, self.text(2, text_len)?])
                }
                DataType::LargeUtf8 | DataType::LargeBinary => {
                    count(3)?;
                    let offsets = self.needed(1, (end + 1) * size_of::<i64>())?;
                    let text_len = offsets.as_ptr().cast::<i64>().add(end).read_unaligned();
                    Ok(vec![offsets, self.text(2, text_len)?])
                }
                DataType::Utf8View | DataType::BinaryView => self.views(count(3)?, end),
                _ => {
                    count(2)?;
                    let width =
                        width(data_type).ok_or_else(|| format!("no column has the type {data_type}"))?;
                    Ok(vec![self.needed(1, end * width)?])
                }
            }
        }
    }

    /// The views, and the buffers that they point into. The last buffer of such an array has the lengths of these.
    ///
    /// # Safety
    /// As for [`array_data`].
    unsafe fn views(&self, count: i64, end: usize) -> Result<Vec<Buffer>, String> {
        // SAFETY: as the caller promises.
        unsafe {
            let mut buffers = vec![self.needed(1, end * size_of::<u128>())?];
            // Fits: `count` is three or more.
            let texts = (count - 3) as usize;
            if texts == 0 {
                return Ok(buffers);
            }
            let lengths = self.needed(texts + 2, texts.saturating_mul(size_of::<i64>()))?;
            for at in 0..texts {
                let len = lengths.as_ptr().cast::<i64>().add(at).read_unaligned();
                buffers.push(self.text(at + 2, len)?);
            }
            Ok(buffers)
        }
    }

    /// A buffer of text.
    ///
    /// # Safety
    /// As for [`array_data`], and the buffer has `len` bytes if that is a length.
    unsafe fn text(&self, at: usize, len: i64) -> Result<Buffer, String> {
        if !(0..=LEN_MAX).contains(&len) {
            return Err(format!("expected a text of up to 2^48 bytes, found a length of {len}"));
        }
        // SAFETY: as the caller promises. A length that was checked fits.
        unsafe { self.needed(at, len as usize) }
    }

    /// A buffer that must be there if it has a byte.
    ///
    /// # Safety
    /// As for [`array_data`], and the buffer has `len` bytes.
    unsafe fn needed(&self, at: usize, len: usize) -> Result<Buffer, String> {
        // SAFETY: as the caller promises.
        match unsafe { self.buffer(at, len) }? {
            Some(buffer) => Ok(buffer),
            None if len == 0 => Ok(Buffer::default()),
            None => Err(format!("expected {len} bytes in buffer {at}, found none")),
        }
    }

    /// A buffer, which is `None` where the array has a null pointer.
    ///
    /// # Safety
    /// As for [`array_data`], and the buffer has `len` bytes.
    unsafe fn buffer(&self, at: usize, len: usize) -> Result<Option<Buffer>, String> {
        if isize::try_from(len).is_err() {
            return Err(format!("a buffer of {len} bytes"));
        }
        // SAFETY: as the caller promises; `at` is below the number of buffers, which was checked.
        let start = unsafe { *self.raw.buffers.add(at) };
        let Some(start) = NonNull::new(start.cast_mut().cast::<u8>()).filter(|_| len > 0) else {
            return Ok(None);
        };
        let owner = Arc::clone(self.owner);
        // SAFETY: the bytes live until the array is released, which its owner does when it is dropped.
        Ok(Some(unsafe { Buffer::from_custom_allocation(start, len, owner) }))
    }
}

/// Data whose offsets and views were not looked at; buffers that are not aligned are copied.
fn built(builder: ArrayDataBuilder) -> Result<ArrayData, String> {
    // SAFETY: numbers and lengths of buffers were checked, and all readers check the values.
    let builder = unsafe { builder.align_buffers(true).skip_validation(true) };
    builder.build().map_err(|error| error.to_string())
}

/// The buffers of an array of no values.
fn empty_buffers(data_type: &DataType) -> Vec<Buffer> {
    let (offsets, large) = (Buffer::from_vec(vec![0_i32]), Buffer::from_vec(vec![0_i64]));
    match data_type {
        DataType::Utf8 | DataType::Binary => vec![offsets, Buffer::default()],
        DataType::LargeUtf8 | DataType::LargeBinary => vec![large, Buffer::default()],
        _ => vec![Buffer::default()],
    }
}

/// The bytes of a value of fixed width.
fn width(data_type: &DataType) -> Option<usize> {
    match data_type {
        DataType::Dictionary(keys, _) => keys.primitive_width(),
        other => other.primitive_width(),
    }
}
