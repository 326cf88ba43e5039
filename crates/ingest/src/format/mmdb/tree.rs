//! The search tree of a MaxMind DB: its networks in order, each as a line of JSON.

use super::value::Section;
use super::{Metadata, NETWORK, OURS, SEPARATOR_LEN, broken};
use crate::download::decode;
use crate::download::refusal::FileRefusal;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr};

/// How many bytes of lines are made at a time.
const CHUNK: usize = 64 << 10;

/// The longest text of a record.
const RECORD_MAX: usize = 48 << 10;

/// The bits before the addresses of IPv4 in a tree of IPv6.
const IPV4_DEPTH: u8 = 96;

/// A part of the tree that was not visited yet.
#[derive(Clone, Copy)]
struct Branch {
    /// The number of a node, or where data is.
    value: usize,
    /// The bits on the way to it, the first one highest.
    bits: u128,
    depth: u8,
}

/// A database and how far it was read.
pub(super) struct Tree {
    file: Vec<u8>,
    /// Where the data begins and ends.
    data: std::ops::Range<usize>,
    node_count: usize,
    /// The bytes of a node.
    node_len: usize,
    /// The bits of an address.
    width: u8,
    is_ours: bool,
    /// A bit for each node.
    visited: Vec<u64>,
    /// The node at which the addresses of IPv4 begin.
    ipv4: Option<usize>,
    /// Depth first, so that there is at most one branch for each bit.
    branches: Vec<Branch>,
    lines: Vec<u8>,
    /// How much of the lines was read.
    at: usize,
}

impl Tree {
    /// The tree of a file whose data ends at an offset.
    pub(super) fn new(file: Vec<u8>, end: usize, metadata: &Metadata) -> Result<Tree, FileRefusal> {
        let Metadata { node_count, record_size, ip_version, .. } = *metadata;
        let width = match ip_version {
            4 => 32,
            6 => 128,
            found => return Err(broken(format!("its IP version is {found}, expected 4 or 6"))),
        };
        let node_len = match record_size {
            24 | 28 | 32 => record_size / 4,
            found => return Err(broken(format!("its records have {found} bits, expected 24, 28 or 32"))),
        };
        let data = node_count.checked_mul(node_len).and_then(|len| len.checked_add(SEPARATOR_LEN));
        let data = data.filter(|data| *data <= end);
        let data = data.ok_or_else(|| broken(format!("{node_count} nodes do not fit it")))?;
        Ok(Tree {
            file,
            data: data..end,
            node_count,
            node_len,
            width,
            is_ours: metadata.database_type == OURS,
            visited: vec![0; node_count.div_ceil(64)],
            ipv4: None,
            branches: vec![Branch { value: 0, bits: 0, depth: 0 }],
            lines: Vec::new(),
            at: 0,
        })
    }

    /// Both values of a node.
    fn node(&self, number: usize) -> Option<[usize; 2]> {
        let at = number.checked_mul(self.node_len)?;
        let node = self.file.get(at..at.checked_add(self.node_len)?)?;
        let value = |bytes: &[u8]| bytes.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        match *node {
            [a, b, c, x, y, z] => Some([value(&[a, b, c]), value(&[x, y, z])]),
            [a, b, c, both, x, y, z] => Some([value(&[both >> 4, a, b, c]), value(&[both & 15, x, y, z])]),
            [a, b, c, d, w, x, y, z] => Some([value(&[a, b, c, d]), value(&[w, x, y, z])]),
            _ => None,
        }
    }

    /// Visits a branch: puts the halves of a node on the stack, or writes a network.
    fn visit(&mut self, branch: Branch) -> Result<(), FileRefusal> {
        if branch.value == self.node_count {
            return Ok(());
        }
        if branch.value > self.node_count {
            return self.network(branch);
        }
        if self.width == 128 && branch.depth == IPV4_DEPTH && branch.bits == 0 {
            self.ipv4 = Some(branch.value);
        } else if self.ipv4 == Some(branch.value) {
            // IPv4 addresses as IPv6 has them.
            return Ok(());
        }
        self.mark(branch.value)?;
        let halves = self.node(branch.value).filter(|_| branch.depth < self.width);
        let [lower, upper] =
            halves.ok_or_else(|| broken(format!("node {} is deeper than an address", branch.value)))?;
        let depth = branch.depth + 1;
        let bit = 1u128 << (128 - u32::from(depth));
        self.branches.push(Branch { value: upper, bits: branch.bits | bit, depth });
        self.branches.push(Branch { value: lower, bits: branch.bits, depth });
        Ok(())
    }

    /// Marks a node. In a sound tree one way leads to it.
    fn mark(&mut self, node: usize) -> Result<(), FileRefusal> {
        let bit = 1 << (node % 64);
        match self.visited.get_mut(node / 64) {
            Some(word) if *word & bit == 0 => *word |= bit,
            _ => return Err(broken(format!("its tree leads to node {node} twice"))),
        }
        Ok(())
    }

    /// Writes the line of a network.
    fn network(&mut self, Branch { value, bits, depth }: Branch) -> Result<(), FileRefusal> {
        let at = value.checked_sub(self.node_count + SEPARATOR_LEN);
        let data = Section { bytes: self.file.get(self.data.clone()).unwrap_or(&[]) };
        let begin = self.lines.len();
        at.and_then(|at| data.write_json(at, RECORD_MAX, &mut self.lines))
            .ok_or_else(|| broken(format!("the data of a network is damaged, at {at:?} of its data")))?;
        let is_object = self.lines.get(begin) == Some(&b'{');
        if is_object {
            self.lines.pop();
        } else {
            // A text or a number says that the network is listed, and no more.
            self.lines.truncate(begin);
            self.lines.push(b'{');
        }
        if self.is_ours {
            name_status(&mut self.lines, begin);
        }
        let comma = if self.lines.len() - begin > 1 { "," } else { "" };
        let written = match (self.width, depth.checked_sub(IPV4_DEPTH)) {
            (32, _) => writeln!(self.lines, "{comma}\"{NETWORK}\":\"{}/{depth}\"}}", v4(bits >> 96)),
            (_, Some(depth)) if bits >> 32 == 0 => {
                writeln!(self.lines, "{comma}\"{NETWORK}\":\"{}/{depth}\"}}", v4(bits))
            }
            _ => writeln!(self.lines, "{comma}\"{NETWORK}\":\"{}/{depth}\"}}", Ipv6Addr::from_bits(bits)),
        };
        written.map_err(|error| FileRefusal::Unreadable(error.to_string()))
    }

    /// Makes the next lines; none at the end.
    fn refill(&mut self) -> Result<(), FileRefusal> {
        self.lines.clear();
        self.at = 0;
        while self.lines.len() < CHUNK {
            match self.branches.pop() {
                Some(branch) => self.visit(branch)?,
                None => break,
            }
        }
        Ok(())
    }
}

fn v4(bits: u128) -> Ipv4Addr {
    // The lowest 32 bits.
    Ipv4Addr::from_bits(bits as u32)
}

/// Gives the status of our own files its word, as tables have it.
fn name_status(lines: &mut Vec<u8>, begin: usize) {
    const NUMBERED: &[u8] = b"{\"status\":";
    let word: &[u8] = match lines.get(begin..).and_then(|line| line.strip_prefix(NUMBERED)) {
        Some([b'0', b',', ..]) => b"\"allowlisted\"",
        Some([b'1', b',', ..]) => b"\"blocklisted\"",
        _ => return,
    };
    let at = begin + NUMBERED.len();
    lines.splice(at..=at, word.iter().copied());
}

impl Read for Tree {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.lines.len() {
            self.refill().map_err(decode::refused)?;
        }
        let mut rest = self.lines.get(self.at..).unwrap_or(&[]);
        let count = rest.read(buffer)?;
        self.at += count;
        Ok(count)
    }
}
