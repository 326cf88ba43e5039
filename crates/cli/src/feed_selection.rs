//! Which feeds of a snapshot `--feed` names, where there is no catalogue: by id, or by a pattern of ids, a
//! provider, an assessment or a kind of list.

use crate::exit::Failure;
use crate::names;
use glob::Pattern;
use rapsheet_snapshot::{FeedRecord, Snapshot};

/// The feeds that any of the values selects, by their position; `None` for all, where there is no value.
///
/// # Errors
/// A value selects no feed, or cannot be read.
pub(crate) fn select(values: &[String], snapshot: &Snapshot) -> Result<Option<Vec<bool>>, Failure> {
    let feeds = &snapshot.origin().feeds;
    let mut chosen = vec![false; feeds.len()];
    for value in values {
        let selects = selector(value)?;
        let mut is_any = false;
        for (chosen, feed) in chosen.iter_mut().zip(feeds) {
            let selected = selects(feed);
            is_any |= selected;
            *chosen |= selected;
        }
        if !is_any {
            let ids = feeds.iter().map(|feed| feed.id.as_str());
            return Err(Failure::usage(format_args!("--feed: {}", names::unknown("feed", value, ids))));
        }
    }
    Ok((!values.is_empty()).then_some(chosen))
}

type Selects = Box<dyn Fn(&FeedRecord) -> bool>;

fn selector(value: &str) -> Result<Selects, Failure> {
    let pattern = |text: &str| {
        Pattern::new(text).map_err(|error| Failure::usage(format_args!("--feed {value}: {error}")))
    };
    // An id has no colon.
    let Some((key, text)) = value.split_once(':') else {
        let pattern = pattern(value)?;
        return Ok(Box::new(move |feed| pattern.matches(&feed.id)));
    };
    let text = text.to_owned();
    match key {
        "provider" => {
            let pattern = pattern(&text)?;
            Ok(Box::new(move |feed| pattern.matches(&feed.provider)))
        }
        "list" => Ok(Box::new(move |feed| feed.traits().list.word() == text)),
        "assessment" => {
            let word = text.replace(['_', '-'], " ");
            Ok(Box::new(move |feed| feed.traits().assessments.iter().any(|own| own.word() == word)))
        }
        _ => Err(Failure::usage(format_args!(
            "--feed {value}: expected an id or a pattern of ids, provider:PATTERN, assessment:WORD, list:block or \
             list:allow"
        ))),
    }
}
