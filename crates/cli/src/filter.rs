//! The filter of `score`: which matches are printed, by status, assessment, provider and number of providers.
//!
//! It works twice: [`Filter::report`] lets the scorer skip what can never be accepted, and
//! [`Filter::accepts`] decides on each match that is left.

use crate::args::{Score, StatusArg};
use crate::exit::Failure;
use crate::names;
use rapsheet_query::{Listing, MatchFilter, Searcher};
use rapsheet_snapshot::{Assessments, Status};

/// What the arguments select.
pub(crate) struct Filter {
    statuses: Vec<Status>,
    /// Empty for all.
    assessments: Assessments,
    /// Empty for all.
    providers: Vec<String>,
    min_providers: usize,
}

impl Filter {
    /// The filter that the arguments state.
    pub(crate) fn new(args: &Score) -> Filter {
        let listed = vec![Status::Blocked, Status::Allowed];
        let all = vec![Status::Blocked, Status::Allowed, Status::Failed, Status::Unknown];
        let statuses = match args.status.as_slice() {
            [] if args.all => all,
            [] => listed,
            verdicts => verdicts.iter().map(|verdict| status_of(*verdict)).collect(),
        };
        let assessments = args.assessment.iter().fold(Assessments::EMPTY, |all, one| all.with(*one));
        Filter { statuses, assessments, providers: args.provider.clone(), min_providers: args.min_providers }
    }

    /// What the scorer must report so that no accepted match is lost. Where records are
    /// looked up as of their own times, that includes entries that are not live now.
    pub(crate) fn report(&self, at_event: bool) -> MatchFilter {
        let selects = |status| self.statuses.contains(&status);
        match at_event {
            _ if selects(Status::Unknown) || selects(Status::Failed) => MatchFilter::All,
            true => MatchFilter::InSnapshot,
            false => MatchFilter::Listed,
        }
    }

    /// Whether it looks at nothing but the status of a match.
    pub(crate) fn is_by_status(&self) -> bool {
        self.assessments == Assessments::EMPTY && self.providers.is_empty() && self.min_providers == 0
    }

    /// Whether a match is printed.
    pub(crate) fn accepts(&self, searcher: &Searcher<'_>, listing: &Listing) -> bool {
        let providers = searcher.providers();
        let is_listed_by = |name: &str| {
            listing.listed_by().any(|at| providers.get(at).is_some_and(|provider| provider.name == name))
        };
        let has_assessment = |assessment| listing.assessments.iter().any(|one| one == assessment);
        self.statuses.contains(&listing.status)
            && (self.assessments == Assessments::EMPTY || self.assessments.iter().any(has_assessment))
            && (self.providers.is_empty() || self.providers.iter().any(|name| is_listed_by(name)))
            && listing.detected_by >= self.min_providers
    }
}

/// Fails where `--provider` names none of the providers that can list anything.
pub(crate) fn check_providers(args: &Score, searcher: &Searcher<'_>) -> Result<(), Failure> {
    let known = || searcher.providers().iter().map(|provider| provider.name.as_str());
    match args.provider.iter().find(|name| !known().any(|other| other == name.as_str())) {
        Some(name) => {
            Err(Failure::usage(format_args!("--provider: {}", names::unknown("provider", name, known()))))
        }
        None => Ok(()),
    }
}

const fn status_of(verdict: StatusArg) -> Status {
    match verdict {
        StatusArg::Allowlisted => Status::Allowed,
        StatusArg::Blocklisted => Status::Blocked,
        StatusArg::Failed => Status::Failed,
        StatusArg::Unknown => Status::Unknown,
    }
}
