//! Short answers to the questions of a batch: as much as a [`Verdict`](crate::Verdict) says, but as numbers and
//! positions, in buffers that are kept.
//!
//! A verdict owns a text for each sighting, which is right for one question and a waste for a million of them. An
//! [`Answer`] borrows from its batch and writes texts where the caller wants them. Tests compare each with the
//! verdict on the same question.

use crate::batch::Batch;
use crate::evaluator::Provider;
use crate::lookup::{Hit, HitKind, find_many, sightings};
use crate::question::{Item, Question, name_of};
use crate::searcher::Searcher;
use crate::verdict::specificity;
use rapsheet_snapshot::{
    Address, AddressRange, Assessments, FeedId, Kinds, ListKind, Scope, Sighting, Status, Time,
};
use std::cmp::Ordering;
use std::fmt;

/// The answer to one question of a batch.
#[doc(hidden)]
pub struct Answer<'b> {
    /// The question.
    pub question: Question<'b>,
    /// The overall status.
    pub status: Status,
    /// How many providers have it on a blocklist.
    pub detected_by: usize,
    /// How many providers do not list it and have a failed, held or stale feed that could.
    pub failed: usize,
    /// The live sightings, in the order of a verdict.
    pub sources: &'b [AnswerSource],
}

/// One live sighting.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct AnswerSource {
    /// The feed.
    pub feed: FeedId,
    /// The position of its provider among [`Searcher::providers`].
    pub provider: usize,
    /// [`Status::Blocked`] or [`Status::Allowed`].
    pub status: Status,
    /// What the feed lists it as.
    pub assessments: Assessments,
    /// When the feed first listed it.
    pub first_seen: Time,
    /// When the feed last confirmed it.
    pub detect_time: Time,
    /// The instant from which on it no longer counts.
    pub expires: Time,
    /// Whether the feed is failed, held or stale.
    pub stale: bool,
    matched: Matched,
    specificity: u128,
    /// Sightings that are equal in all of this stay in the order in which they were found.
    order: usize,
}

/// What matched, as a part of the question.
#[derive(Clone, Copy, Debug)]
enum Matched {
    Range(AddressRange),
    Name { width: u16, star: bool },
    Url { schemeless: bool },
}

/// The buffers of answers, and what is counted once for all of them.
#[doc(hidden)]
#[derive(Default)]
pub struct AnswerBuffers {
    sources: Vec<AnswerSource>,
}

/// The answers to the questions of a batch, in their order. No iterator, since each borrows the buffers.
#[doc(hidden)]
pub struct Answers<'b> {
    searcher: &'b Searcher<'b>,
    batch: &'b Batch,
    buffers: &'b mut AnswerBuffers,
    /// The hits of the questions that are left.
    hits: &'b [Hit],
    at: usize,
    /// How many providers are failed, by the bits of the question's kinds.
    failed: [usize; 16],
}

impl Searcher<'_> {
    /// Looks up all questions of a batch, and returns their answers.
    #[doc(hidden)]
    pub fn answers<'b>(&'b self, batch: &'b mut Batch, buffers: &'b mut AnswerBuffers) -> Answers<'b> {
        let Batch { questions, hits, .. } = batch;
        hits.clear();
        find_many(self.index(), questions, hits);
        let failed = std::array::from_fn(|bits| {
            let kinds = Kinds::from_bits(bits as u8);
            let is_failed = |status: Status| status == Status::Failed;
            self.providers().iter().filter(|provider| is_failed(provider.unlisted(kinds))).count()
        });
        let batch = &*batch;
        Answers { searcher: self, batch, buffers, hits: &batch.hits, at: 0, failed }
    }
}

impl Answers<'_> {
    /// The next question, and its answer unless it is a range: what overlaps a range is found by a walk, see
    /// [`Searcher::verdict`]. `None` at the end.
    #[expect(clippy::should_implement_trait, reason = "the answer borrows the buffers")]
    pub fn next(&mut self) -> Option<(Question<'_>, Option<Answer<'_>>)> {
        let question = self.batch.questions.get(self.at)?;
        let count = self.hits.iter().take_while(|hit| hit.question as usize == self.at).count();
        let (own, others) = self.hits.split_at_checked(count).unwrap_or_default();
        (self.hits, self.at) = (others, self.at + 1);
        if matches!(question.item, Item::Range(_)) {
            return Some((question, None));
        }
        self.collect(question, own);
        Some((question, Some(self.conclude(question))))
    }

    /// Puts the live sightings of the hits into the buffer, in order.
    fn collect(&mut self, question: Question<'_>, hits: &[Hit]) {
        let (searcher, sources) = (self.searcher, &mut self.buffers.sources);
        sources.clear();
        for hit in hits {
            for sighting in sightings(searcher.index(), hit) {
                if sighting.scope.covers(hit.kind.is_below())
                    && let Some(source) = source(searcher, hit.kind, &sighting, sources.len())
                {
                    sources.push(source);
                }
            }
        }
        if sources.len() > 1 {
            sources.sort_unstable_by(|a, b| compare(question, a, b));
        }
    }

    fn conclude<'a>(&'a self, question: Question<'a>) -> Answer<'a> {
        let (evaluator, kinds) = (self.searcher.evaluator(), question.item.kinds());
        let sources = self.buffers.sources.as_slice();
        let mut failed = self.failed.get(usize::from(kinds.bits())).copied().unwrap_or(0);
        let (mut blocking, mut allowing) = (0, 0);
        for of_provider in sources.chunk_by(|a, b| a.provider == b.provider) {
            let is_blocked = of_provider.iter().any(|source| source.status == Status::Blocked);
            *if is_blocked { &mut blocking } else { &mut allowing } += 1;
            let provider = of_provider.first().and_then(|one| evaluator.providers().get(one.provider));
            let lists_although_failed =
                provider.is_some_and(|provider| provider.unlisted(kinds) == Status::Failed);
            failed -= usize::from(lists_although_failed);
        }
        let status = evaluator.overall(kinds, blocking > 0, allowing > 0);
        Answer { question, status, detected_by: blocking, failed, sources }
    }
}

/// The row of a sighting; `None` where the sighting is not live.
fn source(searcher: &Searcher<'_>, kind: HitKind, sighting: &Sighting, order: usize) -> Option<AnswerSource> {
    let evaluator = searcher.evaluator();
    let retention = evaluator.retention_seconds(sighting.feed);
    if !sighting.times.live(searcher.at(), retention) {
        return None;
    }
    let (matched, specificity) = match kind {
        HitKind::Address(address) => {
            let listed = searcher.index().listed(sighting.extent, address)?;
            (Matched::Range(listed), specificity(&listed))
        }
        HitKind::Name { width, .. } => {
            (Matched::Name { width, star: sighting.scope == Scope::Subdomains }, u128::from(width))
        }
        HitKind::Url { schemeless } => (Matched::Url { schemeless }, u128::MAX),
    };
    Some(AnswerSource {
        feed: sighting.feed,
        provider: evaluator.provider_of(sighting.feed),
        status: match sighting.list {
            ListKind::Block => Status::Blocked,
            ListKind::Allow => Status::Allowed,
        },
        assessments: sighting.assessments,
        first_seen: sighting.times.first_seen,
        detect_time: sighting.times.detect_time,
        expires: sighting.times.expires(retention),
        stale: evaluator.is_stale(sighting.feed),
        matched,
        specificity,
        order,
    })
}

/// The order of a verdict: by provider, feed, then most specific match first.
fn compare(question: Question<'_>, a: &AnswerSource, b: &AnswerSource) -> Ordering {
    let key = |source: &AnswerSource| (source.provider, source.feed);
    key(a).cmp(&key(b)).then(b.specificity.cmp(&a.specificity)).then_with(|| {
        // Equally specific matches of one feed are rare, and nearly all of them are the same text.
        let texts = match (a.matched, b.matched) {
            (Matched::Range(a), Matched::Range(b)) if a == b => Ordering::Equal,
            (Matched::Range(a), Matched::Range(b)) => range_text(&a).cmp(&range_text(&b)),
            // `*` and `/` come before the first character of a name and of a scheme.
            (Matched::Name { star: a, .. }, Matched::Name { star: b, .. }) => b.cmp(&a),
            (Matched::Url { schemeless: a }, Matched::Url { schemeless: b }) => b.cmp(&a),
            _ => texts_of(question, a).cmp(&texts_of(question, b)),
        };
        texts.then(a.order.cmp(&b.order))
    })
}

/// The text of a range, padded with zeros: two IPv6 addresses and a dash have 79 bytes.
fn range_text(range: &AddressRange) -> [u8; 80] {
    use std::io::Write;
    let mut text = [0; 80];
    // It fits.
    let _ = write!(text.as_mut_slice(), "{range}");
    text
}

fn texts_of(question: Question<'_>, source: &AnswerSource) -> Vec<u8> {
    let mut text = Vec::new();
    write_matched(question, source, &mut text);
    text
}

impl Answer<'_> {
    /// The assessments of the sightings that have the overall status.
    pub fn assessments(&self) -> Assessments {
        let deciding = self.sources.iter().filter(|source| source.status == self.status);
        deciding.fold(Assessments::EMPTY, |sum, source| sum.union(source.assessments))
    }

    /// The providers that list the indicator and whose status is the overall one, by position, ascending.
    pub fn decided_by(&self) -> impl Iterator<Item = usize> {
        let by_provider = self.sources.chunk_by(|a, b| a.provider == b.provider);
        by_provider.filter_map(|sources| {
            let is_blocked = sources.iter().any(|source| source.status == Status::Blocked);
            let status = if is_blocked { Status::Blocked } else { Status::Allowed };
            sources.first().filter(|_| status == self.status).map(|one| one.provider)
        })
    }

    /// The status of the question with a provider that does not list it.
    pub fn unlisted(&self, provider: &Provider) -> Status {
        provider.unlisted(self.question.item.kinds())
    }

    /// Appends the question in canonical form.
    pub fn write_indicator(&self, out: &mut Vec<u8>) {
        let questions = self.question.questions;
        match self.question.item {
            Item::Address(address) => write_address(*address, out),
            Item::Range(range) => write_range(range, out),
            Item::Name(name) => out.extend_from_slice(questions.bytes(&name.text)),
            Item::Url { text, .. } => out.extend_from_slice(questions.bytes(text)),
        }
    }

    /// Appends the entry that a source matched.
    pub fn write_matched(&self, source: &AnswerSource, out: &mut Vec<u8>) {
        write_matched(self.question, source, out);
    }
}

fn write_matched(question: Question<'_>, source: &AnswerSource, out: &mut Vec<u8>) {
    let Question { questions, item } = question;
    match source.matched {
        Matched::Range(range) => write_range(&range, out),
        Matched::Name { width, star } => {
            let text = name_of(item).map_or(&[][..], |name| questions.bytes(&name.text));
            let start = text.len().saturating_sub(usize::from(width));
            out.extend_from_slice(if star { b"*." } else { b"" });
            out.extend_from_slice(text.get(start..).unwrap_or(&[]));
        }
        Matched::Url { schemeless } => {
            let Item::Url { text, schemeless: bare, .. } = item else { return };
            out.extend_from_slice(questions.bytes(if schemeless { bare } else { text }));
        }
    }
}

pub(crate) fn write_range(range: &AddressRange, out: &mut Vec<u8>) {
    write_address(range.first(), out);
    if range.is_single() {
        return;
    }
    match range.prefix_len() {
        Some(length) => append(out, format_args!("/{length}")),
        None => {
            out.push(b'-');
            write_address(range.last(), out);
        }
    }
}

/// IPv4 is written by hand, which takes a fifth of the time of a formatter; most of a million answers are IPv4.
fn write_address(address: Address, out: &mut Vec<u8>) {
    let Address::V4(number) = address else { return append(out, format_args!("{address}")) };
    for (at, octet) in [24, 16, 8, 0].into_iter().map(|shift| (number >> shift) as u8).enumerate() {
        if at > 0 {
            out.push(b'.');
        }
        let [hundreds, tens, ones] = [octet / 100, octet / 10 % 10, octet % 10].map(|digit| b'0' + digit);
        match octet {
            100.. => out.extend_from_slice(&[hundreds, tens, ones]),
            10.. => out.extend_from_slice(&[tens, ones]),
            _ => out.push(ones),
        }
    }
}

/// Appends formatted text.
fn append(out: &mut Vec<u8>, text: fmt::Arguments<'_>) {
    use std::io::Write;
    // Memory takes it.
    let _ = out.write_fmt(text);
}
