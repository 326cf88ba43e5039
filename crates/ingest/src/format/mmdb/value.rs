//! The data of a MaxMind DB: values behind each other, some of them pointers to others, written as JSON.

use std::io::Write;

/// The deepest value of a record, and the most values that it has. Records of real databases have a few
/// dozen.
const DEPTH_MAX: usize = 16;
const VALUES_MAX: usize = 4096;

/// Types of values.
const POINTER: u8 = 1;
const STRING: u8 = 2;
const DOUBLE: u8 = 3;
const BYTES: u8 = 4;
const UINT16: u8 = 5;
const UINT32: u8 = 6;
const MAP: u8 = 7;
const INT32: u8 = 8;
const UINT64: u8 = 9;
const UINT128: u8 = 10;
const ARRAY: u8 = 11;
const BOOLEAN: u8 = 14;
const FLOAT: u8 = 15;

/// A part of the file in which values stand.
#[derive(Clone, Copy)]
pub(super) struct Section<'f> {
    pub(super) bytes: &'f [u8],
}

/// The head of a value.
struct Control {
    kind: u8,
    /// How many bytes, members or elements it has; of a pointer, where it leads to.
    size: usize,
    /// Where the rest of it begins.
    next: usize,
}

impl<'f> Section<'f> {
    /// Writes the value at an offset; `None` if it is damaged, or larger than `max` bytes of text.
    pub(super) fn write_json(self, at: usize, max: usize, out: &mut Vec<u8>) -> Option<()> {
        let text_end = out.len().checked_add(max)?;
        Writer { section: self, values_left: VALUES_MAX, text_end, out }.value(at, 0).map(drop)
    }

    fn take(self, at: usize, count: usize) -> Option<&'f [u8]> {
        self.bytes.get(at..at.checked_add(count)?)
    }

    fn number(self, at: usize, count: usize) -> Option<u128> {
        let bytes = self.take(at, count).filter(|_| count <= 16)?;
        Some(bytes.iter().fold(0, |sum, byte| sum << 8 | u128::from(*byte)))
    }

    /// A number of at most 4 bytes as a size.
    fn size(self, at: usize, count: usize) -> Option<usize> {
        usize::try_from(self.number(at, count)?).ok()
    }

    fn control(self, at: usize) -> Option<Control> {
        let first = *self.bytes.get(at)?;
        let (kind, next) = match first >> 5 {
            0 => (self.bytes.get(at + 1)?.checked_add(7).filter(|kind| *kind > 7)?, at + 2),
            kind => (kind, at + 1),
        };
        if kind == POINTER {
            return self.pointer(first, next);
        }
        let (size, width) = match usize::from(first & 31) {
            29 => (29 + self.size(next, 1)?, 1),
            30 => (285 + self.size(next, 2)?, 2),
            31 => (65_821 + self.size(next, 3)?, 3),
            size => (size, 0),
        };
        Some(Control { kind, size, next: next + width })
    }

    fn pointer(self, first: u8, next: usize) -> Option<Control> {
        let width = usize::from(first >> 3 & 3) + 1;
        let high = usize::from(first & 7);
        let rest = self.size(next, width)?;
        let to = match width {
            1 => high << 8 | rest,
            2 => (high << 16 | rest) + 0x800,
            3 => (high << 24 | rest) + 0x8_0800,
            _ => rest,
        };
        Some(Control { kind: POINTER, size: to, next: next + width })
    }
}

/// Writes one value, and counts what is in it.
struct Writer<'f, 'o> {
    section: Section<'f>,
    values_left: usize,
    text_end: usize,
    out: &'o mut Vec<u8>,
}

impl Writer<'_, '_> {
    /// Writes the value at an offset. Returns where the next one is.
    fn value(&mut self, at: usize, depth: usize) -> Option<usize> {
        self.values_left = self.values_left.checked_sub(1)?;
        let head = self.section.control(at).filter(|_| depth <= DEPTH_MAX)?;
        match head.kind {
            POINTER => {
                let target = self.section.control(head.size)?;
                // A pointer never leads to a pointer, so that there is no circle of them alone.
                self.content(&target, depth).filter(|_| target.kind != POINTER)?;
                Some(head.next)
            }
            _ => self.content(&head, depth),
        }
    }

    fn content(&mut self, head: &Control, depth: usize) -> Option<usize> {
        match head.kind {
            MAP => self.map(head, depth),
            ARRAY => self.array(head, depth),
            STRING => self.string(head),
            BOOLEAN => {
                self.out.extend_from_slice(if head.size == 0 { b"false" } else { b"true" });
                Some(head.next)
            }
            _ => self.number(head),
        }
    }

    fn map(&mut self, head: &Control, depth: usize) -> Option<usize> {
        let mut at = head.next;
        self.out.push(b'{');
        for member in 0..head.size {
            self.separate(member);
            let key = self.section.control(at)?;
            let name = if key.kind == POINTER { self.section.control(key.size)? } else { Control { ..key } };
            let end = self.string(&name).filter(|_| name.kind == STRING)?;
            self.out.push(b':');
            at = self.value(if key.kind == POINTER { key.next } else { end }, depth + 1)?;
        }
        self.out.push(b'}');
        Some(at)
    }

    fn array(&mut self, head: &Control, depth: usize) -> Option<usize> {
        let mut at = head.next;
        self.out.push(b'[');
        for element in 0..head.size {
            self.separate(element);
            at = self.value(at, depth + 1)?;
        }
        self.out.push(b']');
        Some(at)
    }

    fn separate(&mut self, before: usize) {
        if before > 0 {
            self.out.push(b',');
        }
    }

    fn string(&mut self, head: &Control) -> Option<usize> {
        let bytes = self.section.take(head.next, head.size)?;
        // An escape has six bytes for one.
        let is_short = self.out.len().checked_add(bytes.len().checked_mul(6)?)? <= self.text_end;
        let text = String::from_utf8_lossy(bytes);
        serde_json::to_writer(&mut *self.out, &text).ok().filter(|()| is_short)?;
        Some(head.next + head.size)
    }

    fn number(&mut self, head: &Control) -> Option<usize> {
        let is_sized = match head.kind {
            UINT16 => head.size <= 2,
            UINT32 | INT32 => head.size <= 4,
            UINT64 => head.size <= 8,
            UINT128 => head.size <= 16,
            DOUBLE => head.size == 8,
            FLOAT => head.size == 4,
            BYTES => true,
            _ => false,
        };
        let bits = if head.kind == BYTES { Some(0) } else { self.section.number(head.next, head.size) };
        let end =
            head.next.checked_add(head.size).filter(|end| is_sized && *end <= self.section.bytes.len())?;
        let written = match (head.kind, bits?) {
            // The casts drop zeros: the sizes were checked.
            (INT32, bits) => write!(self.out, "{}", bits as u32 as i32),
            (DOUBLE, bits) => self.float(f64::from_bits(bits as u64)),
            (FLOAT, bits) => self.float(f32::from_bits(bits as u32).into()),
            (BYTES, _) => self.out.write_all(b"null"),
            (_, bits) => write!(self.out, "{bits}"),
        };
        written.ok().map(|()| end)
    }

    fn float(&mut self, value: f64) -> std::io::Result<()> {
        if value.is_finite() { write!(self.out, "{value}") } else { self.out.write_all(b"null") }
    }
}
