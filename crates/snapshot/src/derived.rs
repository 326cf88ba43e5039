//! Sections that follow from others: what only saves time. A copy of the file can do without them on its way,
//! and has them made again where it arrives, in little memory.

use crate::error::Error;
use crate::index::Part;
use crate::layout::Section;
use crate::section::leaves::{LeafSlot, Leaves};
use crate::section::locator::{self, SlottedNames};
use crate::section::url_blocks::UrlBlocks;
use crate::section::{SortedKeys, filter, url_filter};
use crate::snapshot::Snapshot;

/// The sections that follow from others.
pub const DERIVED: [Section; 3] = [Section::NameFilter, Section::NameLocator, Section::UrlFilter];

/// What sorting its hash takes for a name, in bytes.
const HASH_COST: u64 = 16;

/// Makes a section of [`DERIVED`] from the others of a snapshot, whose own bytes for it are not read. Visits
/// the bytes in pieces, each with where it begins in the section. Hashes that are sorted take so many bytes
/// of memory.
///
/// # Errors
/// The names or URLs cannot be read to their end, or are not as many as the section table counts.
pub fn derive(
    snapshot: &Snapshot,
    section: Section,
    memory: u64,
    mut write: impl FnMut(u64, &[u8]),
) -> Result<(), Error> {
    let mut at = 0;
    let mut append = |bytes: &[u8]| {
        write(at, bytes);
        at += bytes.len() as u64;
    };
    let index = snapshot.index();
    match section {
        Section::UrlFilter => {
            let urls = Urls { urls: &index.urls, count: snapshot.count(Section::UrlSets), memory };
            let count = counted(snapshot, Part::Urls, urls.count, |visit| index.urls.each(|_, _| visit()))?;
            url_filter::encode_to(&Urls { count, ..urls }, |bytes, _| append(bytes))?;
        }
        Section::NameFilter | Section::NameLocator => {
            let Some(leaves) = index.names.leaves() else { return Err(snapshot.unwalkable(Part::Names)) };
            let count = snapshot.count(Section::NameSets);
            let count = counted(snapshot, Part::Names, count, |visit| leaves.each(|_, _| visit()))?;
            let names = Names { leaves, count, memory };
            if section == Section::NameFilter {
                filter::encode_to(&names, leaves.seed(), |bytes, _| append(bytes))?;
            } else {
                append(&[0; locator::HEADER_LEN]);
                let header = locator::encode_to(&names, leaves.seed(), append)?;
                write(0, &header);
            }
        }
        _ => {}
    }
    Ok(())
}

/// How many keys there are, if they are as many as stated.
fn counted(
    snapshot: &Snapshot,
    part: Part,
    stated: usize,
    each: impl FnOnce(&mut dyn FnMut()) -> bool,
) -> Result<usize, Error> {
    let mut count = 0;
    let is_whole = each(&mut || count += 1);
    if is_whole && count == stated { Ok(count) } else { Err(snapshot.unwalkable(part)) }
}

fn parts(count: usize, memory: u64) -> usize {
    (count as u64).saturating_mul(HASH_COST).div_ceil(memory.max(1)).max(1) as usize
}

struct Names<'a> {
    leaves: &'a Leaves<'a>,
    count: usize,
    memory: u64,
}

impl SortedKeys for Names<'_> {
    fn count(&self) -> usize {
        self.count
    }

    fn each(&self, mut visit: impl FnMut(&[u8])) {
        self.leaves.each(|name, _| visit(name));
    }

    fn parts(&self) -> usize {
        parts(self.count, self.memory)
    }
}

impl SlottedNames for Names<'_> {
    fn count(&self) -> usize {
        self.count
    }

    fn each(&self, mut visit: impl FnMut(&[u8], LeafSlot)) {
        self.leaves.each_in(0..self.leaves.leaf_count(), |name, _, slot| visit(name, slot));
    }

    fn parts(&self) -> usize {
        parts(self.count, self.memory)
    }
}

struct Urls<'a> {
    urls: &'a UrlBlocks<'a>,
    count: usize,
    memory: u64,
}

impl SortedKeys for Urls<'_> {
    fn count(&self) -> usize {
        self.count
    }

    fn each(&self, mut visit: impl FnMut(&[u8])) {
        self.urls.each(|url, _| visit(url));
    }

    fn parts(&self) -> usize {
        parts(self.count, self.memory)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_sections_are_those_of_the_builder() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/v1.rap");
        let snapshot = Snapshot::open(path).expect("a sound file");
        for memory in [1 << 20, 4000] {
            for section in DERIVED {
                let mut made = Vec::new();
                derive(&snapshot, section, memory, |at, bytes| {
                    let end = at as usize + bytes.len();
                    made.resize(end.max(made.len()), 0);
                    made[at as usize..end].copy_from_slice(bytes);
                })
                .expect("sound names and URLs");
                assert!(made == snapshot.bytes(section), "{}", section.name());
                assert!(!made.is_empty(), "the golden file has one");
            }
        }
    }
}
