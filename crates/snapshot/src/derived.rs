//! Sections that follow from others: what only saves time. A copy of the file can do without them on its way,
//! and has them made again where it arrives, in little memory.

use crate::column::ColumnStore;
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

/// Makes a section of [`DERIVED`] from the others of a snapshot, whose own bytes for it are not read. Visits
/// the bytes in pieces, each with where it begins in the section. Hashes are sorted in `store`.
///
/// # Errors
/// The names or URLs cannot be read to their end, or are not as many as the section table counts; or the store cannot
/// be written.
pub fn derive(
    snapshot: &Snapshot,
    section: Section,
    store: &ColumnStore,
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
            let urls = Urls { urls: &index.urls, count: snapshot.count(Section::UrlSets) };
            let count = counted(snapshot, Part::Urls, urls.count, |visit| index.urls.each(|_, _| visit()))?;
            url_filter::encode_to(&Urls { count, ..urls }, store, |bytes, _| append(bytes))?;
        }
        Section::NameFilter | Section::NameLocator => {
            let Some(leaves) = index.names.leaves() else { return Err(snapshot.unwalkable(Part::Names)) };
            let count = snapshot.count(Section::NameSets);
            let count = counted(snapshot, Part::Names, count, |visit| leaves.each(|_, _| visit()))?;
            let names = Names { leaves, count };
            if section == Section::NameFilter {
                filter::encode_to(&names, leaves.seed(), store, |bytes, _| append(bytes))?;
            } else {
                append(&[0; locator::HEADER_LEN]);
                let header = locator::encode_to(&names, leaves.seed(), store, append)?;
                write(0, &header);
            }
        }
        _ => {}
    }
    store.check()
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

struct Names<'a> {
    leaves: &'a Leaves<'a>,
    count: usize,
}

impl SortedKeys for Names<'_> {
    fn count(&self) -> usize {
        self.count
    }

    fn each(&self, mut visit: impl FnMut(&[u8])) {
        self.leaves.each(|name, _| visit(name));
    }
}

impl SlottedNames for Names<'_> {
    fn count(&self) -> usize {
        self.count
    }

    fn each(&self, mut visit: impl FnMut(&[u8], LeafSlot)) {
        self.leaves.each_in(0..self.leaves.leaf_count(), |name, _, slot| visit(name, slot));
    }
}

struct Urls<'a> {
    urls: &'a UrlBlocks<'a>,
    count: usize,
}

impl SortedKeys for Urls<'_> {
    fn count(&self) -> usize {
        self.count
    }

    fn each(&self, mut visit: impl FnMut(&[u8])) {
        self.urls.each(|url, _| visit(url));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_sections_are_those_of_the_builder() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/v1.rap");
        let snapshot = Snapshot::open(path).expect("a sound file");
        let store = ColumnStore::memory();
        for section in DERIVED {
            let mut made = Vec::new();
            derive(&snapshot, section, &store, |at, bytes| {
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
