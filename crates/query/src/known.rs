//! What a scorer keeps of an answer: enough for every row that is printed of it, in a quarter of the memory.
//!
//! A log of any length goes through a memory of a stated size, so what is held for each indicator counts.

use crate::answer::Answer;
use rapsheet_snapshot::{Assessments, Status, Time};
use std::cell::OnceCell;
use std::hash::{DefaultHasher, Hash, Hasher};

/// What is known of an indicator.
#[derive(Debug)]
pub struct Known {
    /// The indicator in canonical form.
    pub indicator: Box<str>,
    /// `ipv4`, `ipv6`, `domain` or `url`.
    pub type_word: &'static str,
    /// The overall status.
    pub status: Status,
    /// How many providers say that it is bad.
    pub detected_by: usize,
    /// The assessments of the sightings that are of the overall status.
    pub assessments: Assessments,
    /// When the first of those was first seen.
    pub first_seen: Option<Time>,
    /// When the last of those was confirmed.
    pub detect_time: Option<Time>,
    /// The providers that list it, by their positions among the [`crate::Verdicts::providers`], in that order.
    providers: Box<[(u32, Status)]>,
    /// Tells most indicators apart without looking at their texts.
    hash: u64,
    /// What an output made of it, for the next time.
    pub text: OnceCell<Box<[u8]>>,
}

impl Known {
    /// What an answer says.
    pub fn new(answer: Answer) -> Known {
        let speaking = || answer.sources.iter().filter(|source| source.status == answer.status);
        let is_listing = |(_, status): &(u32, &Status)| matches!(status, Status::Blocked | Status::Allowed);
        let providers = (0..).zip(&answer.providers).filter(is_listing);
        Known {
            type_word: answer.type_word,
            status: answer.status,
            detected_by: answer.detected_by,
            assessments: answer.assessments(),
            first_seen: speaking().map(|source| source.first_seen).min(),
            detect_time: speaking().map(|source| source.detect_time).max(),
            providers: providers.map(|(at, status)| (at, *status)).collect(),
            hash: hash_of(&answer.indicator),
            text: OnceCell::new(),
            indicator: answer.indicator.into_boxed_str(),
        }
    }

    /// The providers that list it, by their positions.
    pub fn listing(&self) -> impl Iterator<Item = usize> {
        self.providers.iter().map(|(at, _)| *at as usize)
    }

    /// The providers whose verdict is the overall one, where that is a verdict.
    pub fn speaking(&self) -> impl Iterator<Item = usize> {
        self.providers.iter().filter(|(_, status)| *status == self.status).map(|(at, _)| *at as usize)
    }

    /// Whether both are of the same indicator.
    pub(crate) fn is_of_same(&self, other: &Known) -> bool {
        self.hash == other.hash && self.indicator == other.indicator
    }

    /// Tells all indicators apart, even where somebody looks for two that it takes for one.
    pub(crate) fn hashes(&self) -> (u64, u64) {
        (self.hash, hash_of(&(self.hash, &self.indicator)))
    }
}

fn hash_of(value: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
