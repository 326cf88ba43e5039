//! Pages: what is compressed, and how values are encoded in it.

use super::bits::{Numbers, width_of};
use super::schema::{Leaf, Storage};
use super::thrift::{self, Fields};
use super::{ReadError, broken};
use std::io::Read;

/// The largest page, unpacked. Writers make them of a megabyte or so.
const PAGE_MAX: usize = 64 << 20;

/// Encodings of values.
const PLAIN: i64 = 0;
const PLAIN_DICTIONARY: i64 = 2;
const RLE: i64 = 3;
const RLE_DICTIONARY: i64 = 8;

/// Kinds of pages.
const DATA: i64 = 0;
const DICTIONARY: i64 = 2;
const DATA_V2: i64 = 3;

/// How a column chunk is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Codec {
    Plain,
    Snappy,
    Gzip,
    Zstd,
}

impl Codec {
    pub(super) fn of(number: Option<i64>) -> Result<Codec, ReadError> {
        match number {
            Some(0) => Ok(Codec::Plain),
            Some(1) => Ok(Codec::Snappy),
            Some(2) => Ok(Codec::Gzip),
            Some(6) => Ok(Codec::Zstd),
            found => {
                let name = match found {
                    Some(3) => "LZO",
                    Some(4) => "Brotli",
                    Some(5 | 7) => "LZ4",
                    _ => "an unknown codec",
                };
                Err(broken(format!("it is compressed with {name}; write it with snappy, gzip or zstd")))
            }
        }
    }

    /// Unpacks a page that states its size.
    fn unpack(self, packed: &[u8], size: usize) -> Option<Vec<u8>> {
        let unpacked = match self {
            Codec::Plain => packed.to_vec(),
            Codec::Snappy => {
                let stated = snap::raw::decompress_len(packed).ok().filter(|stated| *stated == size)?;
                let mut out = vec![0; stated];
                snap::raw::Decoder::new().decompress(packed, &mut out).ok()?;
                out
            }
            Codec::Gzip => {
                let mut out = Vec::new();
                let limit = size as u64 + 1;
                flate2::read::MultiGzDecoder::new(packed).take(limit).read_to_end(&mut out).ok()?;
                out
            }
            Codec::Zstd => zstd::bulk::decompress(packed, size).ok()?,
        };
        (unpacked.len() == size).then_some(unpacked)
    }
}

/// A page as it stands in the file.
pub(super) struct RawPage<'f> {
    header: Fields<'f>,
    body: &'f [u8],
    size: usize,
}

/// The next page of a column chunk, and how much of it was read.
pub(super) fn next(chunk: &[u8]) -> Result<(RawPage<'_>, usize), ReadError> {
    let (header, length) = thrift::read(chunk).ok_or_else(|| broken("a page has no readable header"))?;
    let packed = header.size(3).and_then(|packed| length.checked_add(packed));
    let body = packed.and_then(|end| chunk.get(length..end));
    let size = header.size(2).filter(|size| *size <= PAGE_MAX);
    match (packed, body, size) {
        (Some(end), Some(body), Some(size)) => Ok((RawPage { header, body, size }, end)),
        (_, _, None) => Err(broken(format!("a page is larger than {PAGE_MAX} bytes"))),
        _ => Err(broken("a page reaches beyond its column")),
    }
}

/// The values that pages of a chunk point to.
pub(super) struct Dictionary {
    bytes: Vec<u8>,
    /// Where each text begins; nothing for values of one length.
    texts: Vec<usize>,
    storage: Storage,
    count: usize,
}

impl Dictionary {
    fn new(bytes: Vec<u8>, count: usize, storage: Storage) -> Result<Dictionary, ReadError> {
        let (mut texts, mut at) = (Vec::new(), 0);
        for _ in 0..if storage == Storage::Text { count } else { 0 } {
            let text = text_at(&bytes, at).ok_or_else(|| broken("a dictionary is cut off"))?;
            texts.push(at);
            at = text.end;
        }
        Ok(Dictionary { bytes, texts, storage, count })
    }

    fn value(&self, number: u32) -> Option<&[u8]> {
        let number = usize::try_from(number).ok().filter(|number| *number < self.count)?;
        match self.storage {
            Storage::Text => self.bytes.get(text_at(&self.bytes, *self.texts.get(number)?)?),
            Storage::Fixed(length) => {
                let at = number.checked_mul(length)?;
                self.bytes.get(at..at.checked_add(length)?)
            }
            Storage::Bit => None,
        }
    }

    pub(super) fn size(&self) -> usize {
        self.bytes.len() + self.texts.len() * size_of::<usize>()
    }
}

/// Where the text is whose length is at an offset.
fn text_at(bytes: &[u8], at: usize) -> Option<std::ops::Range<usize>> {
    let begin = at.checked_add(4)?;
    let length = bytes.get(at..begin)?.iter().rev().fold(0, |length, byte| length << 8 | usize::from(*byte));
    let end = begin.checked_add(length)?;
    (end <= bytes.len()).then_some(begin..end)
}

/// How the values of a page are found.
enum Values {
    Plain { at: usize, bit: usize },
    Places(Numbers),
    Truths(Numbers),
}

/// A page of entries: a value, or that there is none, and whether the entry continues a row.
pub(super) struct Page {
    bytes: Vec<u8>,
    entries_left: usize,
    repetitions: Numbers,
    definitions: Numbers,
    values: Values,
}

/// What a page turned out to be.
pub(super) enum Unpacked {
    Dictionary(Dictionary),
    Page(Page),
    /// An index, or something of later versions.
    Other,
}

impl RawPage<'_> {
    /// How many bytes it has unpacked.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    pub(super) fn unpack(&self, codec: Codec, leaf: &Leaf) -> Result<Unpacked, ReadError> {
        let header = &self.header;
        let unpacked = || {
            let unpacked = codec.unpack(self.body, self.size);
            unpacked.ok_or_else(|| broken("a page cannot be unpacked, or has another size than it states"))
        };
        match (header.number(1), header.fields(5), header.fields(7), header.fields(8)) {
            (Some(DATA), Some(about), ..) => Page::new(unpacked()?, about, leaf).map(Unpacked::Page),
            (Some(DICTIONARY), _, Some(about), _) => {
                let count = about.size(1).ok_or_else(|| broken("a dictionary has no size"))?;
                Dictionary::new(unpacked()?, count, leaf.storage).map(Unpacked::Dictionary)
            }
            (Some(DATA_V2), .., Some(about)) => self.page_v2(codec, about, leaf).map(Unpacked::Page),
            (Some(DATA | DICTIONARY | DATA_V2) | None, ..) => Err(broken("a page has no description")),
            _ => Ok(Unpacked::Other),
        }
    }

    /// A page whose levels are not compressed.
    fn page_v2(&self, codec: Codec, about: &Fields<'_>, leaf: &Leaf) -> Result<Page, ReadError> {
        let (definitions, repetitions) = (about.size(5).unwrap_or(0), about.size(6).unwrap_or(0));
        let levels = definitions.checked_add(repetitions).filter(|levels| *levels <= self.size);
        let split = levels.and_then(|levels| Some((levels, self.body.split_at_checked(levels)?)));
        let (levels, (head, rest)) = split.ok_or_else(|| broken("the levels of a page are cut off"))?;
        let codec = if about.number(7) == Some(0) { Codec::Plain } else { codec };
        // A page without a value may have nothing to unpack.
        let size = self.size - levels;
        let values = if size == 0 { Some(Vec::new()) } else { codec.unpack(rest, size) };
        let values = values.ok_or_else(|| broken("a page cannot be unpacked"))?;
        let bytes = [head, &values].concat();
        let levels_of = |at: usize, end: usize, largest: u32| match largest {
            0 => Some(Numbers::zeros()),
            largest => Numbers::new(at, end, width_of(largest)),
        };
        let repetitions_read = levels_of(0, repetitions, leaf.repetition_max);
        let definitions_read = levels_of(repetitions, levels, leaf.definition_max);
        let (Some(repetitions), Some(definitions)) = (repetitions_read, definitions_read) else {
            return Err(broken("the levels of a page cannot be read"));
        };
        Page::of_parts(bytes, about, (about.number(4), levels), [repetitions, definitions], leaf)
    }
}

impl Page {
    /// A page whose levels stand before its values, each with its length.
    fn new(bytes: Vec<u8>, about: &Fields<'_>, leaf: &Leaf) -> Result<Page, ReadError> {
        let mut at = 0;
        let mut levels = |largest: u32| {
            if largest == 0 {
                return Some(Numbers::zeros());
            }
            let levels = text_at(&bytes, at)?;
            at = levels.end;
            Numbers::new(levels.start, levels.end, width_of(largest))
        };
        let both = [leaf.repetition_max, leaf.definition_max].map(&mut levels);
        let [Some(repetitions), Some(definitions)] = both else {
            return Err(broken("the levels of a page are cut off"));
        };
        Page::of_parts(bytes, about, (about.number(2), at), [repetitions, definitions], leaf)
    }

    fn of_parts(
        bytes: Vec<u8>,
        about: &Fields<'_>,
        (encoding, at): (Option<i64>, usize),
        [repetitions, definitions]: [Numbers; 2],
        leaf: &Leaf,
    ) -> Result<Page, ReadError> {
        let values = match encoding {
            Some(PLAIN) => Some(Values::Plain { at, bit: 0 }),
            Some(PLAIN_DICTIONARY | RLE_DICTIONARY) => match bytes.get(at) {
                Some(width) => Numbers::new(at + 1, bytes.len(), usize::from(*width)).map(Values::Places),
                // There may be no value, and no width.
                None => Some(Values::Places(Numbers::zeros())),
            },
            Some(RLE) if leaf.storage == Storage::Bit => {
                let runs = text_at(&bytes, at);
                runs.and_then(|runs| Numbers::new(runs.start, runs.end, 1)).map(Values::Truths)
            }
            found => {
                let found = found.map_or_else(|| "none".to_owned(), |found| found.to_string());
                let remedy =
                    "write the file with dictionaries or plain values, as version 1 of the format does";
                return Err(broken(format!("a page has encoding {found}; {remedy}")));
            }
        };
        let values = values.ok_or_else(|| broken("the values of a page are cut off"))?;
        let entries_left =
            about.size(1).ok_or_else(|| broken("a page does not say how many values it has"))?;
        Ok(Page { bytes, entries_left, repetitions, definitions, values })
    }

    pub(super) fn size(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn has_entries(&self) -> bool {
        self.entries_left > 0
    }

    /// The level at which the next entry repeats: 0 where it begins a row.
    pub(super) fn repetition(&mut self) -> Option<u32> {
        self.entries_left = self.entries_left.checked_sub(1)?;
        self.repetitions.next(&self.bytes)
    }

    /// The stored bytes of the entry whose repetition was read; `Some(None)` where it has no value.
    pub(super) fn value<'p>(
        &'p mut self,
        leaf: &Leaf,
        dictionary: Option<&'p Dictionary>,
    ) -> Option<Option<&'p [u8]>> {
        let definition = self.definitions.next(&self.bytes)?;
        if leaf.definition_max > 0 && definition < leaf.definition_max {
            return Some(None);
        }
        let bytes: &[u8] = match &mut self.values {
            Values::Places(numbers) => dictionary?.value(numbers.next(&self.bytes)?)?,
            Values::Truths(numbers) => truth(numbers.next(&self.bytes)? == 1),
            Values::Plain { at, bit } => match leaf.storage {
                Storage::Bit => {
                    let byte = self.bytes.get(at.checked_add(*bit / 8)?)?;
                    let is_set = byte >> (*bit % 8) & 1 == 1;
                    *bit += 1;
                    truth(is_set)
                }
                Storage::Fixed(length) => {
                    let begin = *at;
                    *at = begin.checked_add(length)?;
                    self.bytes.get(begin..*at)?
                }
                Storage::Text => {
                    let text = text_at(&self.bytes, *at)?;
                    *at = text.end;
                    self.bytes.get(text)?
                }
            },
        };
        Some(Some(bytes))
    }
}

fn truth(is_set: bool) -> &'static [u8] {
    if is_set { &[1] } else { &[0] }
}
