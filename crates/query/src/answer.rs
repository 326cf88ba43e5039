//! Answers in full: every live sighting that speaks of a question, each provider's verdict, and the overall one.

use crate::lookup::{Hit, Matched, find, find_many};
use crate::question::{HostRef, Question, Questions};
use crate::verdict::Verdicts;
use rapsheet_snapshot::{
    AddressRange, Assessments, FeedId, Index, ListKind, ParseError, Scope, Sighting, Snapshot, Status, Time,
};
use std::collections::BTreeSet;

/// How a listed range lies to the range that was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Overlap {
    /// It covers all that was asked.
    Covers,
    /// It lies inside what was asked, or overlaps one end of it.
    Within,
}

impl Overlap {
    /// `covers` or `within`.
    pub const fn word(self) -> &'static str {
        match self {
            Overlap::Covers => "covers",
            Overlap::Within => "within",
        }
    }
}

/// One live sighting of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The feed.
    pub feed: FeedId,
    /// The position of its provider among the [`Verdicts::providers`].
    pub provider: usize,
    /// [`Status::Blocked`] or [`Status::Allowed`].
    pub status: Status,
    /// How bad.
    pub assessments: Assessments,
    /// The entry that matched: as listed for addresses and URLs, with `*.` for names that list only what is below.
    pub matched: String,
    /// Its reach.
    pub scope: Scope,
    /// When the feed first listed it.
    pub first_seen: Time,
    /// When the feed last confirmed it.
    pub detect_time: Time,
    /// From when on it no longer counts.
    pub expires: Time,
    /// Whether the feed is failed, held or stale.
    pub stale: bool,
    /// For questions of ranges: how the entry lies to the question.
    pub overlap: Option<Overlap>,
    specificity: u128,
}

/// The answer to one question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The question in canonical form.
    pub indicator: String,
    /// `ipv4`, `ipv6`, `domain` or `url`.
    pub type_word: &'static str,
    /// The overall status.
    pub status: Status,
    /// How many providers say that it is bad.
    pub detected_by: usize,
    /// How many providers that could know of it are failed, and say nothing else.
    pub failed: usize,
    /// The instant that was asked about.
    pub at: Time,
    /// The live sightings, by provider, feed, then most specific match first.
    pub sources: Vec<Source>,
    /// The status of each provider, in the order of [`Verdicts::providers`].
    pub providers: Vec<Status>,
}

impl Answer {
    /// The assessments of all sightings that block; where none does, of all that allow.
    pub fn assessments(&self) -> Assessments {
        let of = |source: &&Source| source.status == self.status;
        self.sources.iter().filter(of).fold(Assessments::EMPTY, |sum, source| sum.union(source.assessments))
    }
}

/// A snapshot and an instant, ready to answer.
pub struct Judge<'s> {
    index: Index<'s>,
    verdicts: Verdicts,
}

impl<'s> Judge<'s> {
    /// Prepares to answer from `snapshot` as of `at`.
    pub fn new(snapshot: &'s Snapshot, at: Time) -> Judge<'s> {
        Judge { index: snapshot.index(), verdicts: Verdicts::new(snapshot, at) }
    }

    /// The index.
    pub fn index(&self) -> &Index<'s> {
        &self.index
    }

    /// The instant and the providers.
    pub fn verdicts(&self) -> &Verdicts {
        &self.verdicts
    }

    /// The overall status of many questions, in their order: one batch of look-ups, then one load a hit. `hits` is
    /// scratch that is kept between calls.
    pub fn statuses(&self, questions: &Questions, hits: &mut Vec<Hit>, out: &mut Vec<Status>) {
        out.clear();
        hits.clear();
        find_many(&self.index, questions, hits);
        let mut rest = hits.as_slice();
        for (at, question) in questions.list().iter().enumerate() {
            let of_this = rest.iter().take_while(|hit| hit.question as usize == at).count();
            let (of_this, others) = rest.split_at_checked(of_this).unwrap_or_default();
            rest = others;
            out.push(match question {
                Question::Range(_) => self.answer(questions, question).status,
                _ => self.status_of(question, of_this),
            });
        }
    }

    /// The overall status of one question, given its hits.
    #[inline]
    pub fn status_of(&self, question: &Question, hits: &[Hit]) -> Status {
        let (mut block, mut allow) = (false, false);
        for hit in hits {
            let (blocks, allows) = self.verdicts.of_hit(&self.index, hit);
            block |= blocks;
            allow |= allows;
        }
        self.verdicts.overall(question.kinds(), block, allow)
    }

    /// Answers many questions in full, in their order.
    pub fn answers(&self, questions: &Questions) -> Vec<Answer> {
        questions.list().iter().map(|question| self.answer(questions, question)).collect()
    }

    /// Answers one indicator in any spelling that people use.
    pub fn ask(&self, text: &str) -> Result<Answer, ParseError> {
        let mut questions = Questions::new();
        questions.push(text.as_bytes())?;
        self.answers(&questions).pop().ok_or(ParseError::BadHost)
    }

    /// Answers one question in full.
    pub fn answer(&self, questions: &Questions, question: &Question) -> Answer {
        self.answer_at(questions, question, self.verdicts.at())
    }

    /// Answers one indicator as of another instant, in any spelling that people use. Whether feeds are fresh enough is
    /// still judged at the judge's own.
    pub fn ask_at(&self, text: &str, at: Time) -> Result<Answer, ParseError> {
        let mut questions = Questions::new();
        questions.push(text.as_bytes())?;
        let question = questions.list().first().ok_or(ParseError::BadHost)?;
        Ok(self.answer_at(&questions, question, at))
    }

    fn answer_at(&self, questions: &Questions, question: &Question, at: Time) -> Answer {
        let mut sources = match question {
            Question::Range(range) => self.overlapping(*range, at),
            _ => self.matching(questions, question, at),
        };
        sources.sort_by(|a, b| {
            let key = |source: &Source| (source.provider, source.feed);
            key(a).cmp(&key(b)).then(b.specificity.cmp(&a.specificity)).then(a.matched.cmp(&b.matched))
        });
        self.fold(questions.text(question), question, sources, at)
    }

    fn matching(&self, questions: &Questions, question: &Question, at: Time) -> Vec<Source> {
        let mut hits = Vec::new();
        find(&self.index, questions, question, 0, &mut hits);
        let of_hit = |hit: Hit| {
            self.index
                .sightings(hit.entry)
                .filter(move |sighting| sighting.scope.covers(hit.matched.is_below()))
                .filter_map(move |sighting| {
                    let (matched, specificity) = self.matched(questions, question, hit.matched, &sighting)?;
                    self.source(&sighting, matched, specificity, at)
                })
        };
        hits.into_iter().flat_map(of_hit).collect()
    }

    /// The text of the entry that a hit matched, and how specific it is.
    fn matched(
        &self,
        questions: &Questions,
        question: &Question,
        matched: Matched,
        sighting: &Sighting,
    ) -> Option<(String, u128)> {
        match matched {
            Matched::Address(address) => {
                let listed = self.index.listed(sighting.extent, address)?;
                Some((listed.to_string(), specificity(&listed)))
            }
            Matched::Name { width, .. } => {
                let text = questions.bytes(&name_of(question)?.text);
                let name = text.get(text.len().checked_sub(usize::from(width))?..)?;
                let star = if sighting.scope == Scope::Subdomains { "*." } else { "" };
                Some((format!("{star}{}", String::from_utf8_lossy(name)), u128::from(width)))
            }
            Matched::Url { schemeless } => {
                let Question::Url { text, schemeless: bare, .. } = question else { return None };
                let text = questions.bytes(if schemeless { bare } else { text });
                Some((String::from_utf8_lossy(text).into_owned(), u128::MAX))
            }
        }
    }

    /// The live sightings of all entries that overlap a range, each once.
    fn overlapping(&self, asked: AddressRange, at: Time) -> Vec<Source> {
        let mut seen = BTreeSet::new();
        let mut sources = Vec::new();
        self.index.each_address(asked, |run, entry| {
            self.index.each_listed(run, entry, |listed, sighting| {
                let key = (listed, sighting.feed, sighting.list);
                if !overlaps(&listed, &asked) || !seen.insert(key) {
                    return;
                }
                if let Some(mut source) = self.source(sighting, listed.to_string(), specificity(&listed), at)
                {
                    let covers = listed.covers(&asked);
                    source.overlap = Some(if covers { Overlap::Covers } else { Overlap::Within });
                    sources.push(source);
                }
            });
        });
        sources
    }

    /// The answer's row for a sighting; `None` where it is not live.
    fn source(&self, sighting: &Sighting, matched: String, specificity: u128, at: Time) -> Option<Source> {
        let retention = self.verdicts.retention_seconds(sighting.feed);
        sighting.times.live(at, retention).then(|| Source {
            feed: sighting.feed,
            provider: self.verdicts.provider_of(sighting.feed),
            status: match sighting.list {
                ListKind::Block => Status::Blocked,
                ListKind::Allow => Status::Allowed,
            },
            assessments: sighting.assessments,
            matched,
            scope: sighting.scope,
            first_seen: sighting.times.first_seen,
            detect_time: sighting.times.detect_time,
            expires: sighting.times.expires(retention),
            stale: self.verdicts.is_stale(sighting.feed),
            overlap: None,
            specificity,
        })
    }

    /// Folds sightings into the status of each provider, and those into the overall one.
    fn fold(&self, indicator: String, question: &Question, sources: Vec<Source>, at: Time) -> Answer {
        let kinds = question.kinds();
        let unlisted = |provider: &crate::verdict::Provider| {
            if provider.stale_kinds.meets(kinds) { Status::Failed } else { Status::Unknown }
        };
        let mut providers: Vec<Status> = self.verdicts.providers().iter().map(unlisted).collect();
        for source in &sources {
            if let Some(status) = providers.get_mut(source.provider) {
                *status = match (*status, source.status) {
                    (Status::Blocked, _) | (_, Status::Blocked) => Status::Blocked,
                    _ => Status::Allowed,
                };
            }
        }
        let count = |wanted: Status| providers.iter().filter(|status| **status == wanted).count();
        let (detected_by, allowed_by) = (count(Status::Blocked), count(Status::Allowed));
        Answer {
            indicator,
            type_word: question.type_word(),
            status: self.verdicts.overall(kinds, detected_by > 0, allowed_by > 0),
            detected_by,
            failed: count(Status::Failed),
            at,
            sources,
            providers,
        }
    }
}

fn name_of(question: &Question) -> Option<&crate::question::NameRef> {
    match question {
        Question::Name(name) | Question::Url { host: HostRef::Name(name), .. } => Some(name),
        _ => None,
    }
}

/// The smaller the range, the more specific.
fn specificity(range: &AddressRange) -> u128 {
    match *range {
        AddressRange::V4 { first, last } => u128::from(u32::MAX - (last - first)),
        AddressRange::V6 { first, last } => u128::MAX - 1 - (last - first).min(u128::MAX - 1),
    }
}

fn overlaps(a: &AddressRange, b: &AddressRange) -> bool {
    match (*a, *b) {
        (AddressRange::V4 { first, last }, AddressRange::V4 { first: from, last: to }) => {
            first <= to && from <= last
        }
        (AddressRange::V6 { first, last }, AddressRange::V6 { first: from, last: to }) => {
            first <= to && from <= last
        }
        _ => false,
    }
}
