//! What the host of a URL inherits to it: a look-up of the URL asks its host as well.

use rapsheet_snapshot::host::Host;
use rapsheet_snapshot::{Address, Entry, Index, Sighting, name, url};

/// The sightings that hold for a URL beside its own: those of its host, and of the same URL listed without a
/// scheme.
pub(crate) fn sightings(index: &Index<'_>, url_text: &str) -> Vec<Sighting> {
    let mut found = schemeless(index, url_text);
    let mut text = Vec::new();
    let Ok(parsed) = url::canonical(url_text.as_bytes(), &mut text) else { return found };
    match (parsed.host, text.get(parsed.host_at)) {
        (Host::Address(address), _) => of_address(index, address, &mut found),
        (Host::Name, Some(host)) => of_name(index, host, &mut found),
        (Host::Name, None) => {}
    }
    found
}

fn schemeless(index: &Index<'_>, url: &str) -> Vec<Sighting> {
    let bare = url.find("://").and_then(|at| url.get(at + 1..));
    let entry = bare.and_then(|bare| index.url(bare.as_bytes()));
    entry.into_iter().flat_map(|entry| index.sightings(entry)).collect()
}

fn of_address(index: &Index<'_>, address: Address, found: &mut Vec<Sighting>) {
    if let Some(entry) = index.address(address) {
        found.extend(index.sightings_of(entry, address));
    }
}

fn of_name(index: &Index<'_>, host: &[u8], found: &mut Vec<Sighting>) {
    let mut reversed = Vec::new();
    name::reversed(host, &mut reversed);
    let mut covering: Vec<(bool, Entry)> = Vec::new();
    index.each_covering_name(&reversed, |width, entry| covering.push((width < host.len(), entry)));
    for (is_below, entry) in covering {
        found.extend(index.sightings(entry).filter(|sighting| sighting.scope.covers(is_below)));
    }
}
