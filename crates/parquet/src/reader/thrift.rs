//! The compact protocol of Thrift, in which Parquet describes files and pages. Any struct can be read,
//! whatever it means.

/// The deepest struct, and the most values in one. A footer has some forty values for each column of a row
/// group.
const DEPTH_MAX: usize = 24;
const VALUES_MAX: usize = 2_000_000;

/// A value; of the kinds that are not needed, only that it is there.
#[derive(Debug)]
pub(super) enum Item<'f> {
    Number(i64),
    Bytes(&'f [u8]),
    List(Vec<Item<'f>>),
    Struct(Fields<'f>),
    Other,
}

/// The fields of a struct, by number.
#[derive(Debug, Default)]
pub(super) struct Fields<'f>(Vec<(i16, Item<'f>)>);

impl<'f> Fields<'f> {
    fn get(&self, number: i16) -> Option<&Item<'f>> {
        self.0.iter().find(|(of, _)| *of == number).map(|(_, item)| item)
    }

    /// Whether there is such a field.
    pub(super) fn has(&self, number: i16) -> bool {
        self.get(number).is_some()
    }

    /// The number in a field; a truth is 1.
    pub(super) fn number(&self, number: i16) -> Option<i64> {
        match self.get(number)? {
            Item::Number(value) => Some(*value),
            _ => None,
        }
    }

    /// A number that counts, or says where something is.
    pub(super) fn size(&self, number: i16) -> Option<usize> {
        usize::try_from(self.number(number)?).ok()
    }

    pub(super) fn bytes(&self, number: i16) -> Option<&'f [u8]> {
        match self.get(number)? {
            Item::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    pub(super) fn fields(&self, number: i16) -> Option<&Fields<'f>> {
        match self.get(number)? {
            Item::Struct(fields) => Some(fields),
            _ => None,
        }
    }

    /// The structs in a list.
    pub(super) fn structs(&self, number: i16) -> Option<Vec<&Fields<'f>>> {
        let Item::List(items) = self.get(number)? else { return None };
        items.iter().map(|item| if let Item::Struct(fields) = item { Some(fields) } else { None }).collect()
    }
}

/// Reads the struct at the beginning of `bytes`. Returns it, and how long it is.
pub(super) fn read(bytes: &[u8]) -> Option<(Fields<'_>, usize)> {
    let mut input = Input { bytes, at: 0, values_left: VALUES_MAX };
    let fields = input.fields(0)?;
    Some((fields, input.at))
}

struct Input<'f> {
    bytes: &'f [u8],
    at: usize,
    values_left: usize,
}

impl<'f> Input<'f> {
    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn take(&mut self, count: usize) -> Option<&'f [u8]> {
        let end = self.at.checked_add(count)?;
        let taken = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }

    /// A number of seven bits a byte, the lowest first.
    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    /// A number whose lowest bit is its sign.
    fn signed(&mut self) -> Option<i64> {
        let value = self.varint()?;
        Some((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    fn size(&mut self) -> Option<usize> {
        usize::try_from(self.varint()?).ok()
    }

    fn fields(&mut self, depth: usize) -> Option<Fields<'f>> {
        let (mut fields, mut number) = (Vec::new(), 0i16);
        loop {
            let head = self.byte()?;
            let (step, kind) = (head >> 4, head & 15);
            if kind == 0 {
                return Some(Fields(fields));
            }
            number = match step {
                0 => i16::try_from(self.signed()?).ok()?,
                step => number.checked_add(step.into())?,
            };
            let item = match kind {
                1 => Item::Number(1),
                2 => Item::Number(0),
                kind => self.item(kind, depth)?,
            };
            fields.push((number, item));
        }
    }

    /// The value of a field, or an element of a list.
    fn item(&mut self, kind: u8, depth: usize) -> Option<Item<'f>> {
        self.values_left = self.values_left.checked_sub(1).filter(|_| depth < DEPTH_MAX)?;
        match kind {
            1 | 2 => Some(Item::Number(i64::from(self.byte()? == 1))),
            3 => Some(Item::Number(self.byte()?.cast_signed().into())),
            4..=6 => Some(Item::Number(self.signed()?)),
            7 => self.take(8).map(|_| Item::Other),
            8 => {
                let length = self.size()?;
                self.take(length).map(Item::Bytes)
            }
            9 | 10 => self.list(depth),
            11 => self.map(depth),
            12 => Some(Item::Struct(self.fields(depth + 1)?)),
            _ => None,
        }
    }

    fn list(&mut self, depth: usize) -> Option<Item<'f>> {
        let head = self.byte()?;
        let count = if head >> 4 == 15 { self.size()? } else { usize::from(head >> 4) };
        // Not reserved: the count may be a lie. Each element takes a byte, and so the file bounds them.
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(self.item(head & 15, depth + 1)?);
        }
        Some(Item::List(items))
    }

    fn map(&mut self, depth: usize) -> Option<Item<'f>> {
        let count = self.size()?;
        let kinds = if count == 0 { 0 } else { self.byte()? };
        for _ in 0..count {
            self.item(kinds >> 4, depth + 1)?;
            self.item(kinds & 15, depth + 1)?;
        }
        Some(Item::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_fields_of_all_kinds_and_ends_where_bytes_do() {
        let bytes =
            b"\x15\x03\x18\x02ab\x29\x2c\x15\x02\x00\x15\x04\x00\x11\x12\x1b\x01\x85\x01x\x02\x00rest";
        let (fields, length) = read(bytes).expect("a struct");
        assert_eq!((fields.number(1), fields.bytes(2)), (Some(-2), Some(&b"ab"[..])));
        let numbers: Vec<_> = fields.structs(4).expect("a list").iter().map(|one| one.number(1)).collect();
        assert_eq!(numbers, [Some(1), Some(2)]);
        assert_eq!((fields.number(5), fields.number(6), fields.has(7)), (Some(1), Some(0), true));
        assert_eq!(bytes.get(length..), Some(&b"rest"[..]));
        for end in 0..length {
            assert!(read(&bytes[..end]).is_none());
        }
        // A list of structs in structs, and one of four billion elements.
        assert!(read(&[0x1c; 100]).is_none());
        assert!(read(b"\x19\xf3\xff\xff\xff\xff\x0f\x00").is_none());
    }
}
