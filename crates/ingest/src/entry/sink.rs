//! Where the normalizer delivers what it finds.

use super::details::Details;
use super::key::Key;
use super::outcome::{ListMetadata, Skip, Warnings};
use crate::download::position::Position;
use rapsheet_snapshot::ParseError;

/// Receives the results of lines. A build collects columns; `parse` prints.
pub trait Sink {
    /// An accepted entry. Its times have been checked against the clock.
    fn entry(&mut self, position: Position, key: Key<'_>, details: &Details, warnings: Warnings);
    /// A skipped line or element.
    fn skip(&mut self, position: Position, why: Skip);
    /// What the list states about itself.
    fn metadata(&mut self, _: Position, _: ListMetadata) {}
    /// A rejected entry. `text` is its line, or its document from the beginning of the record on.
    fn reject(&mut self, position: Position, why: ParseError, text: &[u8]);
    /// Whether the sink takes no more, so that reading can stop.
    fn is_closed(&self) -> bool {
        false
    }
}
