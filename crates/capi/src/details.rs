//! The full answer to one indicator as C reads it: its live sightings, with their texts.

use crate::handle::View;
use crate::layout::{RAPSHEET_NO_TIME, Source};
use crate::names::c_string;
use rapsheet_json::Directory;
use rapsheet_query::{Time, Verdict};
use std::ffi::{CStr, CString, c_char};

/// A full answer. C knows its address alone.
pub(crate) struct Details {
    sources: Vec<Source>,
    indicator: CString,
    status: u8,
    /// What the pointers in `sources` lead to. A text does not move when its owner does.
    _texts: Vec<[CString; 3]>,
}

impl Details {
    pub(crate) fn new(view: &View, verdict: &Verdict) -> Details {
        let directory = view.directory();
        let (mut sources, mut texts) = (Vec::new(), Vec::new());
        for source in &verdict.sources {
            let strings = [
                c_string(directory.provider(source.provider)),
                c_string(directory.feed(source.feed).0),
                c_string(&source.matched),
            ];
            sources.push(of_source(directory, source, strings.each_ref().map(|text| text.as_ptr())));
            texts.push(strings);
        }
        Details {
            sources,
            indicator: c_string(&verdict.indicator),
            status: verdict.status.number(),
            _texts: texts,
        }
    }

    /// The live sightings, in the order of a verdict.
    pub(crate) fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// The question in canonical form.
    pub(crate) fn indicator(&self) -> &CStr {
        &self.indicator
    }

    /// The overall status.
    pub(crate) fn status(&self) -> u8 {
        self.status
    }
}

fn of_source(
    directory: &Directory,
    source: &rapsheet_query::Source,
    [provider, feed, matched]: [*const c_char; 3],
) -> Source {
    Source {
        provider,
        feed,
        matched,
        first_seen: source.first_seen.unix(),
        detect_time: source.detect_time.unix(),
        update_time: directory.feed(source.feed).1.map_or(RAPSHEET_NO_TIME, Time::unix),
        expires: source.expires.unix(),
        assessments: source.assessments.bits(),
        status: source.status.number(),
        stale: u8::from(source.stale),
        reserved: 0,
    }
}
