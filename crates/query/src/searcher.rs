//! The searcher: answers questions from a snapshot as of an instant.
//!
//! The fast form gives one status per question and allocates nothing; the full form gives a [`Verdict`] with
//! every sighting that led to it.

use crate::batch::Batch;
use crate::conclusion::{Found, Matched, overlaps};
use crate::evaluator::{Evaluator, Provider};
use crate::lookup::{Hit, HitKind, find, find_many, sightings};
use crate::question::{Item, Question};
use crate::verdict::{Source, Verdict};
use rapsheet_snapshot::{Address, AddressRange, Index, Kinds, ParseError, Snapshot, Status, Time};
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

/// How many entries a walk visits for each live sighting that is wanted: what has expired, and what a range is cut into.
const VISITS_A_SIGHTING: usize = 16;

/// Answers questions from a snapshot, as of one instant.
///
/// Making a searcher costs a few microseconds, so keep one for many questions. It may be shared by threads.
/// The library reads no clock: a program that runs for long makes a new searcher when time has passed.
///
/// ```
/// # use rapsheet_query::{Searcher, Snapshot, Status};
/// # use std::net::IpAddr;
/// # let snapshot = Snapshot::open("../../tests/golden/v1.rap")?;
/// # let now = snapshot.built_at();
/// let searcher = Searcher::new(&snapshot, now);
/// assert_eq!(searcher.lookup("h77[.]evil[.]com")?.status, Status::Blocked);
/// assert_eq!(searcher.status("45.9.20.5".parse::<IpAddr>()?), Status::Blocked);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Searcher<'s> {
    index: Index<'s>,
    evaluator: Arc<Evaluator>,
}

impl<'s> Searcher<'s> {
    /// Prepares to answer from `snapshot` as of `at`: a [`Time`], or a [`SystemTime`](std::time::SystemTime).
    pub fn new(snapshot: &'s Snapshot, at: impl Into<Time>) -> Searcher<'s> {
        Searcher::with_evaluator(snapshot, Arc::new(Evaluator::new(snapshot, at.into())))
    }

    /// As [`Searcher::new`], with the evaluator of an earlier searcher of the same snapshot, which costs next to nothing.
    #[doc(hidden)]
    pub fn with_evaluator(snapshot: &'s Snapshot, evaluator: Arc<Evaluator>) -> Searcher<'s> {
        Searcher { index: snapshot.index(), evaluator }
    }

    /// The evaluator, for the next searcher.
    #[doc(hidden)]
    pub fn shared_evaluator(&self) -> Arc<Evaluator> {
        Arc::clone(&self.evaluator)
    }

    /// The instant.
    pub fn at(&self) -> Time {
        self.evaluator.at()
    }

    /// The providers of the snapshot's feeds, sorted by name.
    pub fn providers(&self) -> &[Provider] {
        self.evaluator.providers()
    }

    /// The name of the provider of a source, which a verdict of this searcher holds.
    pub fn provider_of(&self, source: &Source) -> &str {
        self.providers().get(source.provider).map_or("", |provider| &provider.name)
    }

    #[doc(hidden)]
    pub fn index(&self) -> &Index<'s> {
        &self.index
    }

    #[doc(hidden)]
    pub fn evaluator(&self) -> &Evaluator {
        &self.evaluator
    }

    /// The full answer to one indicator, in any spelling that [`Batch::push`] takes.
    ///
    /// # Errors
    /// The text is no indicator.
    pub fn lookup(&self, text: impl AsRef<[u8]>) -> Result<Verdict, ParseError> {
        self.lookup_at(text, self.at())
    }

    /// As [`Searcher::lookup`], but for sightings that are live at another instant. Whether a feed is stale
    /// is still decided at the searcher's own.
    ///
    /// # Errors
    /// The text is no indicator.
    pub fn lookup_at(&self, text: impl AsRef<[u8]>, at: Time) -> Result<Verdict, ParseError> {
        let mut batch = Batch::new();
        let item = batch.questions.read(text.as_ref())?;
        Ok(self.evaluate(Question { questions: &batch.questions, item: &item }, at))
    }

    /// The overall status of one address. It allocates nothing.
    #[inline]
    pub fn status(&self, address: impl Into<Address>) -> Status {
        let address = address.into();
        let hit = |entry| Hit { question: 0, entry, kind: HitKind::Address(address) };
        let hit = self.index.address(address).map(hit);
        self.status_of(&Item::Address(address), hit.as_slice())
    }

    /// The overall status of each question of a batch, in their order.
    pub fn statuses<'b>(&self, batch: &'b mut Batch) -> &'b [Status] {
        let Batch { questions, hits, statuses } = batch;
        statuses.clear();
        hits.clear();
        find_many(&self.index, questions, hits);
        let mut rest = hits.as_slice();
        for (at, item) in questions.items().iter().enumerate() {
            let count = rest.iter().take_while(|hit| hit.question as usize == at).count();
            let (own, others) = rest.split_at_checked(count).unwrap_or_default();
            rest = others;
            statuses.push(match item {
                Item::Range(_) => self.verdict(Question { questions, item }).status,
                _ => self.status_of(item, own),
            });
        }
        statuses
    }

    /// The overall status of one question, given its hits.
    #[inline]
    fn status_of(&self, item: &Item, hits: &[Hit]) -> Status {
        self.status_of_hits(item.kinds(), hits)
    }

    /// The overall status of a question of these kinds, given its hits.
    #[inline]
    pub(crate) fn status_of_hits(&self, kinds: Kinds, hits: &[Hit]) -> Status {
        let (mut block, mut allow) = (false, false);
        for hit in hits {
            let (blocks, allows) = self.evaluator.evaluate_hit(&self.index, hit);
            block |= blocks;
            allow |= allows;
        }
        self.evaluator.overall(kinds, block, allow)
    }

    /// The full answer to each question of a batch, in their order.
    pub fn verdicts<'a>(&'a self, batch: &'a Batch) -> impl ExactSizeIterator<Item = Verdict> + 'a {
        batch.iter().map(|question| self.verdict(question))
    }

    /// The full answer to one question of a batch.
    pub fn verdict(&self, question: Question<'_>) -> Verdict {
        self.evaluate(question, self.at())
    }

    /// As [`Searcher::verdict`], but `None` for a range with more than so many live sightings. The walk ends there, so that
    /// a wide range costs little more than those sightings.
    pub fn verdict_within(&self, question: Question<'_>, sightings: usize) -> Option<Verdict> {
        let sources = match question.item {
            Item::Range(range) => self.overlapping(*range, self.at(), sightings)?,
            _ => self.matching(question, self.at()),
        };
        Some(self.evaluator.sorted(question, sources, self.at()))
    }

    fn evaluate(&self, question: Question<'_>, at: Time) -> Verdict {
        let sources = match question.item {
            Item::Range(range) => self.overlapping(*range, at, usize::MAX).unwrap_or_default(),
            _ => self.matching(question, at),
        };
        self.evaluator.sorted(question, sources, at)
    }

    /// The live sightings of all entries that match an address, a name or a URL.
    fn matching(&self, question: Question<'_>, at: Time) -> Vec<Source> {
        let mut hits = Vec::new();
        find(&self.index, question.questions, question.item, 0, &mut hits);
        let of_hit = |hit: Hit| {
            sightings(&self.index, &hit)
                .filter(move |sighting| sighting.scope.covers(hit.kind.is_below()))
                .filter_map(move |sighting| {
                    let matched = Matched::of(&self.index, hit.kind, &sighting)?;
                    self.evaluator.found(question, &Found { sighting, matched }, at)
                })
        };
        hits.into_iter().flat_map(of_hit).collect()
    }

    /// The live sightings of all entries that overlap a range, each once; `None` where there are more than `most`.
    fn overlapping(&self, range: AddressRange, at: Time, most: usize) -> Option<Vec<Source>> {
        // The index cuts a listed range into disjoint ranges, so one range may come several times.
        let mut seen = BTreeSet::new();
        let (mut sources, mut visits) = (Vec::new(), 0usize);
        // A forged file, which a trusted open or a look-up does not notice, may claim more than any walk can
        // visit. Then the answer is what was found so far.
        self.index.each_listed_until(range, |_, listed, sighting| {
            visits += 1;
            if sources.len() > most || visits > most.saturating_mul(VISITS_A_SIGHTING) {
                return ControlFlow::Break(());
            }
            let key = (listed, sighting.feed, sighting.list);
            if !overlaps(&listed, &range) || !seen.insert(key) {
                return ControlFlow::Continue(());
            }
            sources.extend(self.evaluator.overlapping(&range, &listed, sighting, at));
            ControlFlow::Continue(())
        });
        let fits = sources.len() <= most && visits <= most.saturating_mul(VISITS_A_SIGHTING);
        fits.then_some(sources)
    }
}
