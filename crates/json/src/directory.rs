//! The names that answers refer to by number: providers and feeds. They come from a snapshot, or from a server that has
//! one.

use rapsheet_query::{FeedId, Searcher, Snapshot, Source, Status, Time, Verdict};

/// Providers and feeds, in the order of their numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directory {
    /// The providers, in the order of [`Verdict::providers`].
    pub providers: Vec<Named>,
    /// The feeds, by [`FeedId`].
    pub feeds: Vec<Named>,
}

/// A provider or a feed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// The name of the provider, or the id of the feed.
    pub name: String,
    /// When the newest download was retrieved.
    pub update_time: Option<Time>,
}

/// The part of one provider in an answer: its status and its sightings.
pub struct ProviderAnswer<'a> {
    /// The provider.
    pub provider: &'a Named,
    /// What it says.
    pub status: Status,
    /// Its sightings.
    pub sources: &'a [Source],
}

impl Directory {
    /// The names of a snapshot; the searcher is one of its own.
    pub fn of(snapshot: &Snapshot, searcher: &Searcher<'_>) -> Directory {
        let provider = |provider: &rapsheet_query::Provider| Named {
            name: provider.name.clone(),
            update_time: provider.update_time,
        };
        let feed = |feed: &rapsheet_snapshot::FeedRecord| Named {
            name: feed.id.clone(),
            update_time: feed.traits().update_time,
        };
        Directory {
            providers: searcher.providers().iter().map(provider).collect(),
            feeds: snapshot.origin().feeds.iter().map(feed).collect(),
        }
    }

    /// The id of a feed, and when its download was retrieved.
    pub fn feed(&self, feed: FeedId) -> (&str, Option<Time>) {
        self.feeds.get(usize::from(feed.0)).map_or(("", None), |feed| (feed.name.as_str(), feed.update_time))
    }

    /// The name of a provider.
    pub fn provider(&self, at: usize) -> &str {
        self.providers.get(at).map_or("", |provider| &provider.name)
    }

    /// The part of each provider in an answer. Providers without sightings are left out unless `all`.
    pub fn answers<'c>(&'c self, answer: &'c Verdict, all: bool) -> impl Iterator<Item = ProviderAnswer<'c>> {
        let providers = self.providers.iter().zip(&answer.providers).enumerate();
        providers.filter_map(move |(at, (provider, status))| {
            let first = answer.sources.partition_point(|source| source.provider < at);
            let end = answer.sources.partition_point(|source| source.provider <= at);
            let sources = answer.sources.get(first..end).unwrap_or(&[]);
            (all || !sources.is_empty()).then_some(ProviderAnswer { provider, status: *status, sources })
        })
    }
}
