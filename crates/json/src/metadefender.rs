//! The shape of the MetaDefender v4 reputation API, so that its clients can be pointed here.
//!
//! The shape has one element per provider, so the sightings of a provider with several feeds are merged: the
//! assessments of those that make its status, and the latest time that one of them was confirmed. What is
//! absent is an empty text, never null and never left out: the vendor's own client refuses an empty
//! `geo_info`. Every time carries its zone, which the original sometimes omits.
//!
//! Most providers do not list most indicators, so the elements of those are made once and copied.

use crate::directory::{Directory, Named};
use crate::text::{push_number, string};
use rapsheet_query::answer::{Answer, AnswerSource};
use rapsheet_query::{Assessments, Searcher, Source, Status, Time, Verdict};
use std::io::Write as _;

/// Where an address is. rapsheet has no such data, so every value is the shape's word for unknown.
const GEO_INFO: &[u8] = b"\"geo_info\":{\"country\":{\"code\":\"\",\"name\":\"\"},\"city\":{\"name\":\"\"},\
\"location\":{\"latitude\":0,\"longitude\":0},\"subdivisions\":[]}";

/// Writes answers in the shape; keeps the texts that they have in common.
pub struct Metadefender {
    providers: Vec<ProviderTexts>,
    start_time: String,
}

/// The texts of one provider.
struct ProviderTexts {
    /// Up to the assessment.
    head: Vec<u8>,
    /// From the update time up to the status.
    tail: Vec<u8>,
    /// The whole element where the provider does not list an indicator, and where its data could not be had.
    unknown: Vec<u8>,
    failed: Vec<u8>,
}

/// What a provider that lists an indicator says of it.
struct Listed {
    provider: usize,
    status: Status,
    assessments: Assessments,
    detect_time: Option<Time>,
}

impl Metadefender {
    /// Prepares to write answers of one searcher, which are as of `at`.
    pub fn new(directory: &Directory, at: Time) -> Metadefender {
        let providers = directory.providers.iter().map(ProviderTexts::of).collect();
        Metadefender { providers, start_time: with_fraction(at, "000") }
    }

    /// Appends an answer.
    pub fn verdict(&self, answer: &Verdict, out: &mut Vec<u8>) {
        self.head(answer.indicator.as_bytes(), answer.detected_by, out);
        let listed = answer.sources.chunk_by(|a, b| a.provider == b.provider).filter_map(|sources| {
            let provider = sources.first()?.provider;
            let status = *answer.providers.get(provider)?;
            let deciding = || sources.iter().filter(|source: &&Source| source.status == status);
            Some(Listed {
                provider,
                status,
                assessments: union(deciding().map(|source| source.assessments)),
                detect_time: deciding().map(|source| source.detect_time).max(),
            })
        });
        let unlisted = |at: usize| answer.providers.get(at).copied().unwrap_or(Status::Unknown);
        self.elements(listed, unlisted, out);
        finish(answer.type_word, out);
    }

    /// Appends a short answer.
    pub fn answer(&self, searcher: &Searcher<'_>, answer: &Answer<'_>, out: &mut Vec<u8>) {
        let mut indicator = Vec::with_capacity(64);
        answer.write_indicator(&mut indicator);
        self.head(&indicator, answer.detected_by, out);
        let listed = answer.sources.chunk_by(|a, b| a.provider == b.provider).filter_map(|sources| {
            let is_blocked = sources.iter().any(|source| source.status == Status::Blocked);
            let status = if is_blocked { Status::Blocked } else { Status::Allowed };
            let deciding = || sources.iter().filter(|source: &&AnswerSource| source.status == status);
            Some(Listed {
                provider: sources.first()?.provider,
                status,
                assessments: union(deciding().map(|source| source.assessments)),
                detect_time: deciding().map(|source| source.detect_time).max(),
            })
        });
        let providers = searcher.providers();
        let unlisted =
            |at: usize| providers.get(at).map_or(Status::Unknown, |provider| answer.unlisted(provider));
        self.elements(listed, unlisted, out);
        finish(answer.question.type_word(), out);
    }

    /// Appends the object of a text that is not judged. It has all that an answer has, with nothing in it, since strict
    /// clients would refuse the answers around it otherwise; `error` is the text of one more member.
    pub fn refused(&self, input: &[u8], is_address: bool, error: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"success\":false,");
        out.extend_from_slice(error);
        out.push(b',');
        self.results(input, 0, out);
        finish(if is_address { "ipv4" } else { "" }, out);
    }

    fn head(&self, indicator: &[u8], detected_by: usize, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"success\":true,");
        self.results(indicator, detected_by, out);
    }

    fn results(&self, indicator: &[u8], detected_by: usize, out: &mut Vec<u8>) {
        out.extend_from_slice(b"\"address\":");
        string(indicator, out);
        out.extend_from_slice(b",\"lookup_results\":{\"start_time\":\"");
        out.extend_from_slice(self.start_time.as_bytes());
        out.extend_from_slice(b"\",\"detected_by\":");
        push_number(detected_by as u64, out);
        out.extend_from_slice(b",\"sources\":[");
    }

    /// The elements of all providers; `listed` is in their order.
    fn elements(
        &self,
        listed: impl Iterator<Item = Listed>,
        unlisted: impl Fn(usize) -> Status,
        out: &mut Vec<u8>,
    ) {
        let mut listed = listed.peekable();
        for (at, texts) in self.providers.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            match listed.next_if(|listed| listed.provider == at) {
                Some(listed) => texts.element(&listed, out),
                None if unlisted(at) == Status::Failed => out.extend_from_slice(&texts.failed),
                None => out.extend_from_slice(&texts.unknown),
            }
        }
    }
}

impl ProviderTexts {
    fn of(provider: &Named) -> ProviderTexts {
        let mut texts =
            ProviderTexts { head: Vec::new(), tail: Vec::new(), unknown: Vec::new(), failed: Vec::new() };
        texts.head.extend_from_slice(b"{\"provider\":");
        string(provider.name.as_bytes(), &mut texts.head);
        texts.head.extend_from_slice(b",\"assessment\":\"");
        texts.tail.extend_from_slice(b"\",\"update_time\":\"");
        if let Some(time) = provider.update_time {
            texts.tail.extend_from_slice(with_fraction(time, "000000").as_bytes());
        }
        texts.tail.extend_from_slice(b"\",\"status\":");
        texts.unknown = texts.unlisted(Status::Unknown);
        texts.failed = texts.unlisted(Status::Failed);
        texts
    }

    fn unlisted(&self, status: Status) -> Vec<u8> {
        let listed = Listed { provider: 0, status, assessments: Assessments::EMPTY, detect_time: None };
        let mut text = Vec::new();
        self.element(&listed, &mut text);
        text
    }

    fn element(&self, listed: &Listed, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.head);
        // Memory takes it; the words have no character that JSON escapes.
        let _ = write!(out, "{}", listed.assessments);
        out.extend_from_slice(b"\",\"detect_time\":\"");
        if let Some(time) = listed.detect_time {
            out.extend_from_slice(with_fraction(time, "000000").as_bytes());
        }
        out.extend_from_slice(&self.tail);
        push_number(u64::from(listed.status.number()), out);
        out.push(b'}');
    }
}

fn finish(type_word: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"]}");
    if matches!(type_word, "ipv4" | "ipv6") {
        out.push(b',');
        out.extend_from_slice(GEO_INFO);
    }
    out.push(b'}');
}

fn union(assessments: impl Iterator<Item = Assessments>) -> Assessments {
    assessments.fold(Assessments::EMPTY, Assessments::union)
}

fn with_fraction(time: Time, fraction: &str) -> String {
    let text = time.to_string();
    format!("{}.{fraction}Z", text.trim_end_matches('Z'))
}
