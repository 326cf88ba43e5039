//! The cheapest way from the snapshot that a host has to the newest one.
//!
//! Files are edges between snapshots. A host may take the deltas of each publication one after another, one
//! that spans many, or the whole file; which of them costs the fewest bytes depends on how long it was away.
//! There are some twenty edges, so the search looks at all of them again and again until nothing gets
//! cheaper.

use crate::manifest::{Digest, Manifest, PublishedDelta};
use std::collections::HashMap;

/// What to get, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route<'m> {
    /// The newest snapshot is there already.
    Here,
    /// These deltas, one applied to what the one before made.
    Deltas(Vec<&'m PublishedDelta>),
    /// The whole file.
    Full,
}

impl<'m> Route<'m> {
    /// From the snapshot that is there, if there is one. Of deltas, those are taken that fit into `bytes_max`
    /// as their results do, if the whole file costs more bytes than they do.
    pub fn cheapest(manifest: &'m Manifest, here: Option<Digest>, bytes_max: u64) -> Route<'m> {
        let Some(here) = here else { return Route::Full };
        if here == manifest.snapshot.blake3 {
            return Route::Here;
        }
        let mut best: HashMap<Digest, (u64, &PublishedDelta)> = HashMap::new();
        let cost_of = |best: &HashMap<Digest, (u64, &PublishedDelta)>, at: Digest| match at == here {
            true => Some(0),
            false => best.get(&at).map(|(cost, _)| *cost),
        };
        let fits = |delta: &PublishedDelta| delta.to_bytes.max(delta.file.bytes) <= bytes_max;
        let edges = || manifest.deltas.iter().filter(|delta| delta.to != here && fits(delta));
        for _ in edges() {
            for delta in edges() {
                let Some(start) = cost_of(&best, delta.from) else { continue };
                let cost = start.saturating_add(delta.file.bytes);
                if cost_of(&best, delta.to).is_none_or(|known| cost < known) {
                    best.insert(delta.to, (cost, delta));
                }
            }
        }
        let goal = manifest.snapshot.blake3;
        match best.get(&goal) {
            Some((cost, _)) if *cost < manifest.full.bytes => Route::Deltas(back(&best, here, goal)),
            _ => Route::Full,
        }
    }

    /// The bytes of the files.
    pub fn bytes(&self, manifest: &Manifest) -> u64 {
        match self {
            Route::Here => 0,
            Route::Deltas(deltas) => deltas.iter().fold(0, |sum, delta| sum.saturating_add(delta.file.bytes)),
            Route::Full => manifest.full.bytes,
        }
    }

    /// The word in reports and metrics.
    pub fn word(&self) -> &'static str {
        match self {
            Route::Here => "none",
            Route::Deltas(_) => "delta",
            Route::Full => "full",
        }
    }
}

/// The edges from `here` to `goal`. No edge comes twice, since each made its end cheaper than any way over
/// it.
fn back<'m>(
    best: &HashMap<Digest, (u64, &'m PublishedDelta)>,
    here: Digest,
    goal: Digest,
) -> Vec<&'m PublishedDelta> {
    let mut edges = Vec::new();
    let mut at = goal;
    while let Some((_, delta)) = best.get(&at).filter(|_| at != here && edges.len() < best.len()) {
        edges.push(*delta);
        at = delta.from;
    }
    edges.reverse();
    edges
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{PublishedFile, PublishedSnapshot};

    fn id(snapshot: u8) -> Digest {
        Digest([snapshot; 32])
    }

    /// A manifest of the tenth snapshot, with edges of so many bytes.
    fn manifest(edges: &[(u8, u8, u64)]) -> Manifest {
        let file = |bytes| PublishedFile { path: "x".to_owned(), bytes, blake3: id(0) };
        Manifest {
            product: String::new(),
            version: 1,
            channel: String::new(),
            generation: 1,
            published_at: String::new(),
            expires: String::new(),
            snapshot: PublishedSnapshot { blake3: id(10), bytes: 100, built_at: String::new() },
            full: file(100),
            deltas: edges
                .iter()
                .map(|(from, to, bytes)| PublishedDelta {
                    from: id(*from),
                    to: id(*to),
                    to_bytes: 100,
                    file: file(*bytes),
                })
                .collect(),
        }
    }

    fn ways(edges: &[(u8, u8, u64)], here: u8) -> Vec<u64> {
        let manifest = manifest(edges);
        match Route::cheapest(&manifest, Some(id(here)), u64::MAX) {
            Route::Deltas(deltas) => deltas.iter().map(|delta| delta.file.bytes).collect(),
            Route::Here => vec![0],
            Route::Full => vec![100],
        }
    }

    #[test]
    fn the_fewest_bytes_win() {
        let edges = [(9, 10, 10), (8, 9, 11), (7, 8, 12), (3, 10, 40), (2, 3, 70), (7, 10, 34), (10, 7, 1)];
        assert_eq!(ways(&edges, 10), [0]);
        assert_eq!(ways(&edges, 9), [10]);
        assert_eq!(ways(&edges, 7), [12, 11, 10], "33 bytes, not 34");
        assert_eq!(ways(&edges, 3), [40]);
        assert_eq!(ways(&edges, 2), [100], "110 bytes by deltas");
        assert_eq!(ways(&edges, 1), [100], "no way by deltas");
    }

    #[test]
    fn circles_end_and_large_results_are_avoided() {
        assert_eq!(ways(&[(1, 2, 0), (2, 1, 0), (2, 3, 0), (3, 2, 0)], 1), [100]);
        assert_eq!(ways(&[(1, 2, 0), (2, 1, 0), (2, 10, 0), (10, 2, 0)], 1), [0, 0]);
        let manifest = manifest(&[(9, 10, 10)]);
        assert_eq!(Route::cheapest(&manifest, Some(id(9)), 99), Route::Full);
        assert_eq!(Route::cheapest(&manifest, None, u64::MAX), Route::Full);
    }
}
