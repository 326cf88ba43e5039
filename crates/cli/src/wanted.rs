//! Which of the indicators that were found people want to see.

use crate::args::{Score, Verdict};
use rapsheet_query::{MatchFilter, MatchInfo, Searcher};
use rapsheet_snapshot::{Assessments, Status};

/// What the flags ask for.
pub(crate) struct Wanted {
    statuses: Vec<Status>,
    assessments: Assessments,
    providers: Vec<String>,
    min_providers: usize,
}

impl Wanted {
    /// Reads the flags.
    pub(crate) fn of(args: &Score) -> Wanted {
        let listed = vec![Status::Blocked, Status::Allowed];
        let all = vec![Status::Blocked, Status::Allowed, Status::Failed, Status::Unknown];
        let statuses = match args.status.as_slice() {
            [] if args.all => all,
            [] => listed,
            asked => asked.iter().map(|verdict| status_of(*verdict)).collect(),
        };
        let assessments = args.assessment.iter().fold(Assessments::EMPTY, |all, one| all.with(*one));
        Wanted { statuses, assessments, providers: args.provider.clone(), min_providers: args.min_providers }
    }

    /// What the scorer must report, where records are judged at their own time or not.
    pub(crate) fn report(&self, at_event: bool) -> MatchFilter {
        let asks_for = |status| self.statuses.contains(&status);
        match at_event {
            _ if asks_for(Status::Unknown) || asks_for(Status::Failed) => MatchFilter::All,
            true => MatchFilter::InSnapshot,
            false => MatchFilter::Listed,
        }
    }

    /// Whether people want to see this.
    pub(crate) fn admits(&self, searcher: &Searcher<'_>, info: &MatchInfo) -> bool {
        let providers = searcher.providers();
        let lists = |name: &str| {
            info.listed_by().any(|at| providers.get(at).is_some_and(|provider| provider.name == name))
        };
        let says = |wanted| info.assessments.iter().any(|one| one == wanted);
        self.statuses.contains(&info.status)
            && (self.assessments == Assessments::EMPTY || self.assessments.iter().any(says))
            && (self.providers.is_empty() || self.providers.iter().any(|name| lists(name)))
            && info.detected_by >= self.min_providers
    }
}

const fn status_of(verdict: Verdict) -> Status {
    match verdict {
        Verdict::Allowlisted => Status::Allowed,
        Verdict::Blocklisted => Status::Blocked,
        Verdict::Failed => Status::Failed,
        Verdict::Unknown => Status::Unknown,
    }
}
