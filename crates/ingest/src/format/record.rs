//! What a feed's options and the known names say about the records of JSON and XML.

use super::polarity::{self, Polarity};
use super::role::{self, Role};
use crate::format::options::Options;
use rapsheet_snapshot::Assessments;
use std::collections::HashMap;

/// What a feed's options say about its records: which names mean which role, and which records count.
pub(super) struct RecordRules {
    /// The names of each role, in the order of [`Role::ALL`], the best name first.
    pub(super) names: Vec<Vec<String>>,
    /// The values of the filter field with which a record counts; empty where all count.
    pub(super) keep: Vec<String>,
    /// The assessments of a record without a category.
    pub(super) default: Assessments,
    /// What each known name means.
    meanings: HashMap<String, Meaning>,
}

/// What the name of a field can mean.
#[derive(Default)]
pub(super) struct Meaning {
    /// Its roles, each with the rank of the name; rank 0 is the best.
    pub(super) roles: Vec<(Role, usize)>,
    /// What the field can say about its record. The field of the filter is judged by the options alone.
    pub(super) polarity: Option<Polarity>,
}

impl RecordRules {
    /// Reads the options that `with_role_options!` lists.
    pub(super) fn new(options: &Options) -> RecordRules {
        let mut rules = RecordRules {
            names: Role::ALL.iter().map(|role| role::names(*role, options)).collect(),
            keep: options.list("keep").to_vec(),
            default: role::default_assessments(options).unwrap_or_default(),
            meanings: HashMap::new(),
        };
        rules.index_names();
        rules
    }

    /// Fills `meanings`. Names added to `names` later have no meaning for [`RecordRules::meaning`].
    fn index_names(&mut self) {
        for (role, names) in Role::ALL.iter().zip(&self.names) {
            for (rank, name) in names.iter().enumerate() {
                let meaning = self.meanings.entry(name.clone()).or_default();
                if meaning.roles.iter().all(|(of, _)| of != role) {
                    meaning.roles.push((*role, rank));
                }
            }
        }
        for (polarity, name) in polarity::names() {
            self.meanings.entry(name.to_owned()).or_default().polarity.get_or_insert(polarity);
        }
        for meaning in self.meanings.values_mut() {
            if meaning.roles.iter().any(|(role, _)| *role == Role::Filter) {
                meaning.polarity = None;
            }
        }
    }

    /// What a name means, as [`role::normal`] leaves it.
    pub(super) fn meaning(&self, name: &str) -> Option<&Meaning> {
        self.meanings.get(name)
    }

    /// The name of a role with this rank.
    pub(super) fn name(&self, role: Role, rank: usize) -> Option<&str> {
        self.names.get(role as usize)?.get(rank).map(String::as_str)
    }
}
