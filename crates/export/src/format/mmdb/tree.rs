//! The search tree of an MMDB, written level by level, without a tree in memory.
//!
//! A node of level `d` stands for the addresses that share their first `d` bits, where a network is longer
//! than that. Its halves are nothing, a network of length `d + 1`, or a node of the next level. In sorted
//! networks that do not overlap, the addresses of a node are neighbours, so one pass over the networks gives
//! all nodes of a level in order. Nodes are numbered level by level: those of the next level are counted up
//! while this one is written.

use std::io::{self, Write};

/// The record of a network of IPv6 below which the tree of IPv4 is.
pub(super) const IPV4: u32 = u32::MAX;

/// An address whose first bit is the highest.
pub(super) trait Bits: Copy {
    /// How many bits it has.
    const WIDTH: u8;
    /// The address, as the highest bits.
    fn bits(self) -> u128;
    /// The address whose bits these are.
    fn of(bits: u128) -> Self;
}

impl Bits for u32 {
    const WIDTH: u8 = 32;

    fn bits(self) -> u128 {
        u128::from(self) << 96
    }

    fn of(bits: u128) -> u32 {
        (bits >> 96) as u32
    }
}

impl Bits for u128 {
    const WIDTH: u8 = 128;

    fn bits(self) -> u128 {
        self
    }

    fn of(bits: u128) -> u128 {
        bits
    }
}

/// A network, with its first address as the highest bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    first: u128,
    length: u8,
    /// Where its data is.
    record: u32,
}

impl Entry {
    /// The network that this one and the one before are the halves of.
    fn joined(self, before: Entry) -> Option<Entry> {
        let half = 1u128.checked_shl(u32::from(128u8.checked_sub(self.length)?))?;
        let are_halves =
            self.length == before.length && self.first & half != 0 && self.first ^ half == before.first;
        let joined = Entry { first: before.first, length: self.length.checked_sub(1)?, ..self };
        (are_halves && self.record == before.record).then_some(joined)
    }

    fn last(self) -> u128 {
        self.first | u128::MAX.checked_shr(u32::from(self.length)).unwrap_or(0)
    }

    /// The bits above a level.
    fn prefix(self, level: u8) -> u128 {
        self.first.checked_shr(128 - u32::from(level)).unwrap_or(0)
    }

    /// Whether it is in the upper half of its node of a level.
    fn is_upper(self, level: u8) -> bool {
        self.first << level >> 127 == 1
    }
}

/// Sorted networks that do not overlap: 9 bytes for each of IPv4.
pub(super) struct Networks<A> {
    firsts: Vec<A>,
    lengths: Vec<u8>,
    records: Vec<u32>,
}

impl<A> Default for Networks<A> {
    fn default() -> Networks<A> {
        Networks { firsts: Vec::new(), lengths: Vec::new(), records: Vec::new() }
    }
}

impl<A: Bits> Networks<A> {
    pub(super) fn is_empty(&self) -> bool {
        self.firsts.is_empty()
    }

    /// Adds the next network. Two halves of a network with the same record are one.
    pub(super) fn push(&mut self, first: A, length: u8, record: u32) -> io::Result<()> {
        let mut entry = Entry { first: first.bits(), length, record };
        if self.last().is_some_and(|last| entry.first <= last.last()) {
            return Err(io::Error::other("networks of the snapshot overlap or are out of order; rebuild it"));
        }
        while let Some(joined) = self.last().and_then(|last| entry.joined(last)) {
            entry = joined;
            self.firsts.pop();
            self.lengths.pop();
            self.records.pop();
        }
        self.firsts.push(A::of(entry.first));
        self.lengths.push(entry.length);
        self.records.push(entry.record);
        Ok(())
    }

    /// Adds a network between others.
    pub(super) fn insert(&mut self, first: A, length: u8, record: u32) {
        let at = self.firsts.partition_point(|other| other.bits() < first.bits());
        self.firsts.insert(at, first);
        self.lengths.insert(at, length);
        self.records.insert(at, record);
    }

    fn last(&self) -> Option<Entry> {
        let (first, length) = (self.firsts.last()?, self.lengths.last()?);
        Some(Entry { first: first.bits(), length: *length, record: *self.records.last()? })
    }

    fn iter(&self) -> impl Iterator<Item = Entry> {
        let rest = self.lengths.iter().zip(&self.records);
        let entries = self.firsts.iter().zip(rest);
        entries.map(|(first, (length, record))| Entry {
            first: first.bits(),
            length: *length,
            record: *record,
        })
    }

    /// The record of a network that is all addresses.
    fn of_all(&self) -> Option<u32> {
        self.last().filter(|last| last.length == 0).map(|last| last.record)
    }

    /// How many nodes each level has. A network adds those that it does not share with the one before.
    fn level_sizes(&self) -> Vec<u64> {
        let (mut sizes, mut before) = (vec![0; usize::from(A::WIDTH)], None::<u128>);
        for entry in self.iter() {
            let shared = before.map_or(0, |before| (before ^ entry.first).leading_zeros() as usize + 1);
            sizes.iter_mut().take(usize::from(entry.length)).skip(shared).for_each(|size| *size += 1);
            before = Some(entry.first);
        }
        sizes
    }

    /// Writes the nodes of a level. `next` is the number of the first node of the next level.
    fn write_level(&self, level: u8, mut next: u64, layout: &Layout, out: &mut dyn Write) -> io::Result<()> {
        let mut node: Option<(u128, [Option<u64>; 2])> = None;
        for entry in self.iter().filter(|entry| entry.length > level) {
            let prefix = entry.prefix(level);
            if let Some((_, halves)) = node.take_if(|(of, _)| *of != prefix) {
                layout.write_node(halves, out)?;
            }
            let (_, [lower, upper]) = node.get_or_insert((prefix, [None, None]));
            let half = if entry.is_upper(level) { upper } else { lower };
            if entry.length == level + 1 {
                *half = Some(layout.value(entry.record));
            } else if half.is_none() {
                *half = Some(next);
                next += 1;
            }
        }
        node.map_or(Ok(()), |(_, halves)| layout.write_node(halves, out))
    }

    /// Writes all nodes, which are numbered from `base` on.
    fn write(&self, base: u64, layout: &Layout, out: &mut dyn Write) -> io::Result<()> {
        let mut next = base;
        for (level, size) in (0..A::WIDTH).zip(self.level_sizes()) {
            next += size;
            if size > 0 {
                self.write_level(level, next, layout, out)?;
            }
        }
        Ok(())
    }
}

/// What the nodes of both trees are numbered by. The tree of IPv4 follows that of IPv6.
pub(super) struct Layout {
    v6_nodes: u64,
    v4_nodes: u64,
    /// The record of all IPv4 addresses, if they have one.
    all_ipv4: Option<u32>,
    record_bits: u8,
}

impl Layout {
    pub(super) fn new(v6: &Networks<u128>, v4: &Networks<u32>, data_len: u32) -> io::Result<Layout> {
        // There is a root, also of nothing.
        let v6_nodes = v6.level_sizes().iter().sum::<u64>().max(1);
        let v4_nodes = v4.level_sizes().iter().sum::<u64>();
        let largest = v6_nodes + v4_nodes + 16 + u64::from(data_len);
        let record_bits = [24, 28, 32].into_iter().find(|bits| largest >> bits == 0);
        let record_bits = record_bits.ok_or_else(|| {
            let expected = "an MMDB holds nodes and data up to 4294967295 together";
            io::Error::other(format!("{expected}, found {largest}; choose feeds, or use --max-entries"))
        })?;
        Ok(Layout { v6_nodes, v4_nodes, all_ipv4: v4.of_all(), record_bits })
    }

    /// The same with records of another size.
    #[cfg(test)]
    pub(super) fn with_record_bits(self, record_bits: u8) -> Layout {
        Layout { record_bits, ..self }
    }

    /// How many nodes there are; as a value of half a node, that nothing is there.
    pub(super) fn node_count(&self) -> u64 {
        self.v6_nodes + self.v4_nodes
    }

    pub(super) fn record_bits(&self) -> u8 {
        self.record_bits
    }

    /// The value of half a node that has this record.
    fn value(&self, record: u32) -> u64 {
        match (record, self.all_ipv4) {
            (IPV4, None) => self.v6_nodes,
            (IPV4, Some(record)) | (record, _) => self.node_count() + 16 + u64::from(record),
        }
    }

    pub(super) fn write(
        &self,
        v6: &Networks<u128>,
        v4: &Networks<u32>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        if v6.is_empty() {
            self.write_node([None, None], out)?;
        }
        v6.write(0, self, out)?;
        v4.write(self.v6_nodes, self, out)
    }

    fn write_node(&self, halves: [Option<u64>; 2], out: &mut dyn Write) -> io::Result<()> {
        let [lower, upper] = halves.map(|half| half.unwrap_or(self.node_count()));
        // Values fit the bits of a record, so that the casts drop zeros, and parts that stand elsewhere.
        let byte = |value: u64, shift: u32| (value >> shift) as u8;
        let low = |value: u64| [byte(value, 16), byte(value, 8), byte(value, 0)];
        match self.record_bits {
            24 => out.write_all(&[low(lower), low(upper)].concat()),
            // The highest four bits of both values share the byte in the middle.
            28 => {
                out.write_all(&low(lower))?;
                out.write_all(&[byte(lower, 24) << 4 | byte(upper, 24)])?;
                out.write_all(&low(upper))
            }
            _ => [lower, upper].into_iter().try_for_each(|value| {
                out.write_all(&[byte(value, 24)])?;
                out.write_all(&low(value))
            }),
        }
    }
}
