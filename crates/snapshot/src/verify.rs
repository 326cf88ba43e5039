//! Verifying a file: that its bytes are the ones that were built, and that they make sense.
//!
//! Checksums cover header, table and sections, and what lies between sections must be zero, so there is no
//! byte that a flip could change unnoticed. The deeper check follows every reference and every order; the
//! writer cannot get them wrong, so it is for `rapsheet verify` and for whoever wants to believe a stranger's
//! file.

use crate::error::Damage;
use crate::layout::{Row, Section, Table, checksum_damage};
use crate::reader::{Index, Part, Snapshot};
use crate::section::packed::Packed;
use crate::section::rare::Rare;
use crate::section::records::{EXTENT_LEN, Extent, RECORD_LEN, When};
use crate::section::times::RUN_LEN;
use crate::{AddressRange, name};

/// The bytes of a section, if its checksum holds.
pub(crate) fn section<'f>(file: &'f [u8], row: &Row) -> Result<&'f [u8], Damage> {
    let part = row.section().map_or("unknown section", Section::name);
    let bytes = file.get(row.range()).unwrap_or(&[]);
    let actual = crc32fast::hash(bytes);
    if actual == row.checksum {
        Ok(bytes)
    } else {
        Err(checksum_damage(part, row.offset, row.checksum, actual))
    }
}

/// Verifies every checksum, and that the bytes between sections are zero.
pub(crate) fn checksums(file: &[u8], table: &Table) -> Result<(), Damage> {
    let mut end = table.encode().len();
    for row in &table.rows {
        let range = row.range();
        let padding = file.get(end..range.start).unwrap_or(&[]);
        if let Some(at) = padding.iter().position(|byte| *byte != 0) {
            return Err(Damage::new("padding", (end + at) as u64, "zeros", "something else"));
        }
        section(file, row)?;
        end = range.end;
    }
    if table.encode().as_slice() != file.get(..table.encode().len()).unwrap_or(&[]) {
        return Err(Damage::new("section table", 0, "reserved bytes to be zero", "something else"));
    }
    Ok(())
}

/// Verifies that every reference leads somewhere and every order is kept.
pub(crate) fn references(snapshot: &Snapshot) -> Result<(), Damage> {
    let check = Check { snapshot, index: snapshot.index() };
    check.lengths()?;
    check.records()?;
    check.sets()?;
    Part::ALL.iter().try_for_each(|part| check.entries(*part))?;
    check.addresses(AddressRange::V4 { first: 0, last: u32::MAX }, &Part::V4)?;
    check.addresses(AddressRange::V6 { first: 0, last: u128::MAX }, &[Part::V6Spans])?;
    check.keys(Section::Names, Section::NameSets)?;
    check.keys(Section::Urls, Section::UrlSets)
}

struct Check<'a> {
    snapshot: &'a Snapshot,
    index: Index<'a>,
}

impl Check<'_> {
    fn damage(&self, section: Section, expected: &str, found: String) -> Damage {
        let offset = self.snapshot.table().row(section).map_or(0, |row| row.offset);
        Damage::new(section.name(), offset, expected, found)
    }

    /// Arrays of fixed-size rows are as long as their counts say.
    fn lengths(&self) -> Result<(), Damage> {
        let rows = [(Section::Runs, RUN_LEN), (Section::Records, RECORD_LEN), (Section::Extents, EXTENT_LEN)];
        for (section, width) in rows {
            let (count, length) = (self.snapshot.count(section), self.snapshot.bytes(section).len());
            if count.checked_mul(width) != Some(length) {
                return Err(self.damage(
                    section,
                    "its count to match its length",
                    format!("{count}, {length}"),
                ));
            }
        }
        Ok(())
    }

    fn records(&self) -> Result<(), Damage> {
        let bytes = self.snapshot.bytes(Section::Records);
        let (runs, extents) = (self.snapshot.count(Section::Runs), self.snapshot.count(Section::Extents));
        for at in 0..self.snapshot.count(Section::Records) {
            let record = crate::section::records::record(bytes, at as u32);
            let sound = record.is_some_and(|record| {
                self.snapshot.feed(record.feed).is_some()
                    && !matches!(record.when, When::Run(run) if run as usize >= runs)
                    && !matches!(record.extent, Extent::Range(row) if row as usize >= extents)
            });
            if !sound {
                return Err(self.damage(Section::Records, "a sound record", format!("record {at}")));
            }
        }
        Ok(())
    }

    fn sets(&self) -> Result<(), Damage> {
        let (sets, records) = (self.snapshot.count(Section::Sets), self.snapshot.count(Section::Records));
        let bytes = self.snapshot.bytes(Section::Sets);
        let table = crate::section::records::Sets::new(bytes, sets);
        let items: usize = (0..table.len()).map(|set| table.get(set as u32).len()).sum();
        if table.len() != sets || (sets + 1 + items) * 4 != bytes.len() {
            return Err(self.damage(Section::Sets, "offsets that rise to the end", format!("{items} items")));
        }
        let stray = (0..sets).find(|set| {
            let mut members = table.get(*set as u32);
            members.len() == 0 || members.any(|record| record as usize >= records)
        });
        stray.map_or(Ok(()), |set| Err(self.damage(Section::Sets, "known records", format!("set {set}"))))
    }

    /// Every entry has a known set, and as many own times as its set has records that need them.
    fn entries(&self, part: Part) -> Result<(), Damage> {
        let (count, bytes) = (self.snapshot.count(part.sets()), self.snapshot.bytes(part.sets()));
        if count > 0 && Packed::new(bytes).byte_len(count) != bytes.len() {
            return Err(self.damage(part.sets(), "its count to match its length", format!("{count}")));
        }
        let rare = Rare::new(self.snapshot.bytes(Section::RareSets), part.sets().id());
        let packed = Packed::new(bytes);
        let is_rare = |ordinal: &usize| packed.get(*ordinal) == packed.largest();
        let escaped = (0..count).filter(is_rare).count();
        if !rare.is_empty() && escaped != rare.len() {
            return Err(self.damage(Section::RareSets, "a row for each rare set", format!("{escaped}")));
        }
        for ordinal in 0..count {
            let entry = crate::reader::Entry { part, ordinal: ordinal as u32 };
            if !self.index.is_entry(entry) {
                continue;
            }
            let set = self.index.set_of(entry);
            if set as usize >= self.index.set_count() {
                return Err(self.damage(part.sets(), "a known set", format!("set {set} at {ordinal}")));
            }
            if self.index.sightings(entry).count() != self.index.records_of(set).count() {
                return Err(self.damage(part.times(), "times for each record", format!("entry {ordinal}")));
            }
        }
        Ok(())
    }

    /// Runs of addresses are sorted and disjoint, and each ordinal occurs once.
    fn addresses(&self, all: AddressRange, parts: &[Part]) -> Result<(), Damage> {
        let (mut previous, mut broken, mut seen) = (None, None, 0usize);
        self.index.each_address(all, |range, entry| {
            seen += 1;
            let (first, last) = ends(range);
            if last < first || previous.is_some_and(|previous| first <= previous) {
                broken.get_or_insert((entry, range));
            }
            previous = Some(last);
        });
        if let Some((entry, range)) = broken {
            return Err(self.damage(entry.part.sets(), "sorted, disjoint runs", range.to_string()));
        }
        let expected: usize = parts.iter().map(|part| self.snapshot.count(part.counted())).sum();
        let section = parts.first().map_or(Section::V4EndSets, |part| part.sets());
        if seen == expected {
            Ok(())
        } else {
            Err(self.damage(section, "each run once", format!("{seen} runs")))
        }
    }

    /// Keys are sorted and canonical, and ordinals count from 0.
    fn keys(&self, section: Section, sets: Section) -> Result<(), Damage> {
        let (mut previous, mut next, mut broken) = (Vec::new(), 0, None);
        let count = self.snapshot.count(sets) as u64;
        let mut visit = |key: &[u8], entry: crate::reader::Entry| {
            let ordered = entry.ordinal == next && (next == 0 || previous.as_slice() < key);
            let sound = ordered && (section != Section::Names || self.index.leads_to(key, entry));
            if !sound || !is_canonical(section, key) {
                broken.get_or_insert_with(|| String::from_utf8_lossy(key).into_owned());
            }
            previous.clear();
            previous.extend_from_slice(key);
            next += 1;
        };
        let whole = match section {
            Section::Names => self.index.each_name(&mut visit),
            _ => self.index.each_url(&mut visit),
        };
        if let Some(key) = broken {
            return Err(self.damage(section, "sorted canonical keys that are found", format!("{key:?}")));
        }
        if whole && u64::from(next) == count {
            Ok(())
        } else {
            Err(self.damage(section, "a key for each ordinal", format!("{next} keys")))
        }
    }
}

fn ends(range: AddressRange) -> (u128, u128) {
    match range {
        AddressRange::V4 { first, last } => (first.into(), last.into()),
        AddressRange::V6 { first, last } => (first, last),
    }
}

fn is_canonical(section: Section, key: &[u8]) -> bool {
    let mut text = Vec::new();
    match section {
        Section::Names => {
            let mut forward = Vec::new();
            name::reversed(key, &mut forward);
            name::canonical(&forward, &mut text).is_ok() && text == forward
        }
        _ => crate::url::canonical(key, &mut text).is_ok() && text == key,
    }
}
