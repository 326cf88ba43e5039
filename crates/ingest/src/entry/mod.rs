//! The rules for one entry, whatever its format: canonical forms, guards, times, counting.

pub(crate) mod counters;
pub(crate) mod details;
pub(crate) mod guard;
pub(crate) mod indicator;
pub(crate) mod key;
mod memo;
pub(crate) mod never_block;
pub(crate) mod normalizer;
pub(crate) mod outcome;
pub(crate) mod rules;
pub(crate) mod sink;
pub(crate) mod taxonomy;
pub(crate) mod timestamp;
pub(crate) mod token_type;

pub(crate) use crate::download::position::Position;
pub(crate) use counters::Counters;
pub(crate) use details::Details;
pub(crate) use key::Key;
pub(crate) use normalizer::Normalizer;
pub(crate) use outcome::{ListMetadata, Skip, Warnings};
pub(crate) use rules::Rules;
pub(crate) use sink::Sink;
