//! Sightings as claims: of the current downloads, of the previous snapshot, of the state file.

pub(crate) mod collector;
pub(crate) mod previous_snapshot;
pub(crate) mod state_file;
