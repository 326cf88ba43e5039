//! The values of an Arrow array, as ranges of a text.
//!
//! Strings and bytes lie one after another in one buffer, and are read there. Views point into several buffers, and are
//! copied, block by block: of each, no more than shows that it is too long, and a block ends before its copies are many.
//! Every offset is checked: an array that lies about its values has empty ones.

use crate::text::TEXT_LEN_MAX;
use arrow_data::ArrayData;
use arrow_schema::DataType;
use std::ops::Range;

/// How many bytes are copied before a block ends; the last value of a block may be over it. Views of one long text can
/// be any number of times as long as all memory.
const COPIED_MAX: usize = 256 << 10;
/// How many values of a dictionary are read together.
const CODES_MAX: usize = 4096;

/// Values that are read together.
#[derive(Default)]
pub(super) struct Block {
    /// Where each value is, without nulls.
    pub(super) ranges: Vec<Range<usize>>,
    /// The row of each value; empty where no row is null.
    rows: Vec<u32>,
    has_nulls: bool,
    /// Copies of values that do not lie in one buffer.
    copied: Vec<u8>,
}

impl Block {
    /// The row of each value, or `None` where no row is null.
    pub(super) fn rows(&self) -> Option<&[u32]> {
        self.has_nulls.then_some(self.rows.as_slice())
    }

    /// Drops what belongs to rows that are null.
    pub(super) fn keep_answered<T: Copy>(&self, items: &mut Vec<T>) {
        if self.has_nulls {
            let kept: Vec<T> = self.rows.iter().filter_map(|row| items.get(*row as usize).copied()).collect();
            *items = kept;
        }
    }

    fn is_full(&self) -> bool {
        self.copied.len() >= COPIED_MAX
    }

    fn clear(&mut self) {
        self.ranges.clear();
        self.rows.clear();
        self.copied.clear();
        self.has_nulls = false;
    }
}

/// The values of an array.
pub(super) enum Values<'a> {
    Texts(Texts<'a>),
    Codes(Codes<'a>),
}

impl<'a> Values<'a> {
    pub(super) fn of(data: &'a ArrayData) -> Values<'a> {
        match (data.data_type(), data.child_data()) {
            (DataType::Dictionary(..), [values]) => Values::Codes(Codes { data, values: Texts::of(values) }),
            _ => Values::Texts(Texts::of(data)),
        }
    }

    /// Reads these rows, or as many of them as a block takes; returns how many.
    pub(super) fn read(&self, rows: Range<usize>, block: &mut Block) -> usize {
        match self {
            Values::Texts(texts) => texts.read(rows, block),
            Values::Codes(codes) => codes.read_rows(rows, block),
        }
    }

    /// The text of which the ranges of a block are.
    pub(super) fn text<'t>(&'t self, block: &'t Block) -> &'t [u8] {
        match self {
            Values::Texts(texts) | Values::Codes(Codes { values: texts, .. }) => texts.text(block),
        }
    }
}

/// Strings or bytes.
pub(super) struct Texts<'a> {
    data: &'a ArrayData,
    layout: Layout<'a>,
}

enum Layout<'a> {
    Offsets { offsets: &'a [i32], text: &'a [u8] },
    LargeOffsets { offsets: &'a [i64], text: &'a [u8] },
    Views(&'a [u128]),
    Null,
}

impl<'a> Texts<'a> {
    fn of(data: &'a ArrayData) -> Texts<'a> {
        let layout = match (data.data_type(), data.buffers()) {
            (DataType::Utf8 | DataType::Binary, [offsets, text, ..]) => {
                Layout::Offsets { offsets: offsets.typed_data(), text }
            }
            (DataType::LargeUtf8 | DataType::LargeBinary, [offsets, text, ..]) => {
                Layout::LargeOffsets { offsets: offsets.typed_data(), text }
            }
            (DataType::Utf8View | DataType::BinaryView, [views, ..]) => Layout::Views(views.typed_data()),
            _ => Layout::Null,
        };
        Texts { data, layout }
    }

    fn text<'t>(&self, block: &'t Block) -> &'t [u8]
    where
        'a: 't,
    {
        match self.layout {
            Layout::Offsets { text, .. } | Layout::LargeOffsets { text, .. } => text,
            Layout::Views(_) | Layout::Null => &block.copied,
        }
    }

    fn is_null(&self, row: usize) -> bool {
        matches!(self.layout, Layout::Null) || self.data.nulls().is_some_and(|nulls| nulls.is_null(row))
    }

    fn may_have_nulls(&self) -> bool {
        matches!(self.layout, Layout::Null) || self.data.nulls().is_some()
    }

    fn read(&self, rows: Range<usize>, block: &mut Block) -> usize {
        block.clear();
        block.has_nulls = self.may_have_nulls();
        if let (Layout::Offsets { offsets, .. }, false) = (&self.layout, block.has_nulls) {
            let start = self.data.offset() + rows.start;
            let own = offsets.get(start..=start + rows.len()).unwrap_or(&[]);
            let ends = own.iter().skip(1);
            block
                .ranges
                .extend(own.iter().zip(ends).map(|(start, end)| place((*start).into(), (*end).into())));
            block.ranges.resize(rows.len(), 0..0);
            return rows.len();
        }
        let start = rows.start;
        for (nth, row) in (0..).zip(rows.clone()) {
            if block.is_full() {
                return row - start;
            }
            self.read_row(nth, row, block);
        }
        rows.len()
    }

    /// Reads a row, which is the `nth` of the block.
    #[inline]
    fn read_row(&self, nth: u32, row: usize, block: &mut Block) {
        if block.has_nulls {
            if self.is_null(row) {
                return;
            }
            block.rows.push(nth);
        }
        let range = self.range(row, &mut block.copied);
        block.ranges.push(range);
    }

    #[inline]
    fn range(&self, row: usize, copied: &mut Vec<u8>) -> Range<usize> {
        let at = self.data.offset() + row;
        match self.layout {
            Layout::Offsets { offsets, .. } => match offsets.get(at..at + 2) {
                Some([start, end]) => place(i64::from(*start), i64::from(*end)),
                _ => 0..0,
            },
            Layout::LargeOffsets { offsets, .. } => match offsets.get(at..at + 2) {
                Some([start, end]) => place(*start, *end),
                _ => 0..0,
            },
            Layout::Views(views) => {
                let start = copied.len();
                let text = views.get(at).and_then(|view| self.viewed(view)).unwrap_or(&[]);
                copied.extend_from_slice(text.get(..=TEXT_LEN_MAX).unwrap_or(text));
                start..copied.len()
            }
            Layout::Null => 0..0,
        }
    }

    /// The bytes of a view: up to twelve stand in it, more in a buffer that it names.
    fn viewed<'v>(&'v self, view: &'v u128) -> Option<&'v [u8]> {
        const INLINE_MAX: usize = 12;
        let len = *view as u32 as usize;
        if len <= INLINE_MAX {
            // The bytes in memory, whose first four are the length.
            let bytes = arrow_buffer::ToByteSlice::to_byte_slice(view);
            return bytes.get(4..4 + len);
        }
        let (buffer, offset) = ((*view >> 64) as u32 as usize, (*view >> 96) as u32 as usize);
        self.data.buffers().get(buffer.checked_add(1)?)?.get(offset..offset.checked_add(len)?)
    }
}

/// Offsets that are negative or turn back make an empty value.
#[inline]
fn place(start: i64, end: i64) -> Range<usize> {
    match (usize::try_from(start), usize::try_from(end)) {
        (Ok(start), Ok(end)) if start <= end => start..end,
        _ => 0..0,
    }
}

/// A column with a dictionary.
pub(super) struct Codes<'a> {
    data: &'a ArrayData,
    values: Texts<'a>,
}

/// The values of a dictionary that a column has.
pub(super) struct Used {
    /// Their codes, ascending.
    pub(super) codes: Vec<usize>,
    /// The position of each code among them.
    positions: Vec<u32>,
}

impl Used {
    /// The position of a code among those that are used.
    pub(super) fn position(&self, code: usize) -> Option<u32> {
        self.positions.get(code).copied()
    }
}

impl<'a> Codes<'a> {
    /// The code of a row; `None` for null, or where there is no such value.
    #[inline]
    pub(super) fn code(&self, row: usize) -> Option<usize> {
        if self.data.nulls().is_some_and(|nulls| nulls.is_null(row)) {
            return None;
        }
        let (at, keys) = (self.data.offset() + row, self.data.buffers().first()?);
        let DataType::Dictionary(key_type, _) = self.data.data_type() else { return None };
        let code = match key_type.as_ref() {
            DataType::Int8 => usize::try_from(*keys.typed_data::<i8>().get(at)?).ok()?,
            DataType::Int16 => usize::try_from(*keys.typed_data::<i16>().get(at)?).ok()?,
            DataType::Int32 => usize::try_from(*keys.typed_data::<i32>().get(at)?).ok()?,
            DataType::Int64 => usize::try_from(*keys.typed_data::<i64>().get(at)?).ok()?,
            DataType::UInt8 => usize::from(*keys.typed_data::<u8>().get(at)?),
            DataType::UInt16 => usize::from(*keys.typed_data::<u16>().get(at)?),
            DataType::UInt32 => usize::try_from(*keys.typed_data::<u32>().get(at)?).ok()?,
            DataType::UInt64 => usize::try_from(*keys.typed_data::<u64>().get(at)?).ok()?,
            _ => return None,
        };
        Some(code).filter(|code| *code < self.values.data.len() && !self.values.is_null(*code))
    }

    pub(super) fn len(&self) -> usize {
        self.data.len()
    }

    /// The values that the column has; a dictionary may be larger than the column that is left of it.
    pub(super) fn used(&self) -> Used {
        let mut positions = vec![u32::MAX; self.values.data.len()];
        for code in (0..self.len()).filter_map(|row| self.code(row)) {
            positions.get_mut(code).into_iter().for_each(|position| *position = 0);
        }
        let mut codes = Vec::new();
        for (code, position) in positions.iter_mut().enumerate().filter(|(_, position)| **position == 0) {
            // A column has fewer values than 2^32, or its text does not fit.
            *position = codes.len() as u32;
            codes.push(code);
        }
        Used { codes, positions }
    }

    /// Reads the values of these codes, or as many of them as a block takes; returns how many.
    pub(super) fn read(&self, codes: &[usize], block: &mut Block) -> usize {
        block.clear();
        for code in codes.iter().take(CODES_MAX) {
            if block.is_full() {
                break;
            }
            self.values.read_row(0, *code, block);
        }
        block.ranges.len()
    }

    /// Reads the values of these rows, or as many of them as a block takes; returns how many.
    fn read_rows(&self, rows: Range<usize>, block: &mut Block) -> usize {
        block.clear();
        block.has_nulls = true;
        let start = rows.start;
        for (nth, row) in (0..).zip(rows.clone()) {
            if block.is_full() {
                return row - start;
            }
            if let Some(code) = self.code(row) {
                block.rows.push(nth);
                let range = self.values.range(code, &mut block.copied);
                block.ranges.push(range);
            }
        }
        rows.len()
    }

    pub(super) fn text<'t>(&'t self, block: &'t Block) -> &'t [u8] {
        self.values.text(block)
    }
}
