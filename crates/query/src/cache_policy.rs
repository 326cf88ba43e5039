//! Decides which tokens are looked for in the cache: those of logs that repeat themselves.
//!
//! A token that is in the cache is answered in a third of the time of one that is read. A token that is not
//! there takes longer than one that is only read, since it is looked for, and put there at the expense of
//! another. So the cache pays where most tokens are in it, and costs where most are new. Addresses take less
//! time to read than names, and have a policy of their own.
//!
//! While the cache is not used, a sample of tokens, chosen by their bytes, still is looked for and put there.
//! How often these are found tells what the cache would give.

use crate::tokenizer::Token;
use rapsheet_snapshot::hash;

/// Whether a token is looked for in the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    Cache,
    Bypass,
}

/// After how many look-ups the rate of hits is considered.
const PERIOD: u32 = 8 << 10;
/// After how many look-ups of a sample.
const SAMPLE_PERIOD: u32 = 128;
/// One token in two to the power of this is in the sample.
const SAMPLE_BITS: u32 = 7;
/// How many periods a sample must do well before the cache is used again, at most: twice as many after each
/// time that the sample was wrong.
const PATIENCE_MAX: u32 = 64;

/// The policy for one kind of tokens.
#[derive(Debug)]
struct KindPolicy {
    /// The least share of hits, of 256, at which the cache pays.
    worth: u32,
    is_bypassed: bool,
    lookups: u32,
    hits: u32,
    /// How many periods of the sample must do well.
    patience: u32,
    /// How many have.
    good_periods: u32,
}

impl KindPolicy {
    const fn new(worth: u32) -> KindPolicy {
        KindPolicy { worth, is_bypassed: false, lookups: 0, hits: 0, patience: 1, good_periods: 0 }
    }

    #[inline]
    fn looked_up(&mut self, is_hit: bool) {
        self.lookups += 1;
        self.hits += u32::from(is_hit);
        let period = if self.is_bypassed { SAMPLE_PERIOD } else { PERIOD };
        if self.lookups >= period {
            self.end_period();
        }
    }

    #[cold]
    fn end_period(&mut self) {
        let is_worth = self.hits * 256 >= self.lookups * self.worth;
        (self.lookups, self.hits) = (0, 0);
        if !self.is_bypassed {
            self.is_bypassed = !is_worth;
            self.good_periods = 0;
            self.patience = if is_worth { 1 } else { (2 * self.patience).min(PATIENCE_MAX) };
        } else if is_worth {
            self.good_periods += 1;
            self.is_bypassed = self.good_periods < self.patience;
        } else {
            self.good_periods = 0;
        }
    }
}

/// How many tokens a scorer found, for the benchmark: a figure says little without the share that the cache
/// answered.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenCounts {
    /// All of them.
    pub all: u64,
    /// Those that were not in the cache, or not looked for there, and were searched.
    pub searched: u64,
}

/// The policy of a scorer.
#[derive(Debug)]
pub(crate) struct CachePolicy {
    /// Of tokens that begin with a digit, most of which are addresses, and of others.
    kinds: [KindPolicy; 2],
    lookups: u64,
    hits: u64,
    bypassed: u64,
}

impl Default for CachePolicy {
    fn default() -> CachePolicy {
        let kinds = [KindPolicy::new(128), KindPolicy::new(192)];
        CachePolicy { kinds, lookups: 0, hits: 0, bypassed: 0 }
    }
}

impl CachePolicy {
    /// Whether to look for this token.
    #[inline(always)]
    pub(crate) fn next(&mut self, text: &[u8], token: &Token) -> Use {
        let kind = self.kinds.get(kind_of(text, token));
        if kind.is_some_and(|kind| !kind.is_bypassed) || is_sample(text, token) {
            return Use::Cache;
        }
        self.bypassed += 1;
        Use::Bypass
    }

    /// Counts a token that was looked for.
    #[inline(always)]
    pub(crate) fn looked_up(&mut self, text: &[u8], token: &Token, is_hit: bool) {
        self.lookups += 1;
        self.hits += u64::from(is_hit);
        if let Some(kind) = self.kinds.get_mut(kind_of(text, token)) {
            kind.looked_up(is_hit);
        }
    }

    /// How many tokens there were.
    pub(crate) fn counts(&self) -> TokenCounts {
        let all = self.lookups + self.bypassed;
        TokenCounts { all, searched: all - self.hits }
    }
}

#[inline(always)]
fn kind_of(text: &[u8], token: &Token) -> usize {
    usize::from(text.get(token.start).is_some_and(u8::is_ascii_digit))
}

/// Whether a token is in the sample; it depends on the eight bytes in its middle.
#[inline(always)]
fn is_sample(text: &[u8], token: &Token) -> bool {
    let len = token.end - token.start;
    let word = text.get(token.start + len.saturating_sub(8) / 2..).and_then(<[u8]>::first_chunk);
    let word = word.map_or(0, |word| u64::from_le_bytes(*word)) << (8 * (8 - len.clamp(1, 8)));
    hash::spread(word) >> (u64::BITS - SAMPLE_BITS) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of `count` tokens, made by `token`, are looked for, where a cache of any size would find what
    /// was there before.
    fn lookups(policy: &mut CachePolicy, count: u32, token: impl Fn(u32) -> String) -> u64 {
        let mut cache = std::collections::HashSet::new();
        let before = policy.lookups;
        for nth in 0..count {
            let text = token(nth);
            let token = Token { start: 0, end: text.len(), line: 0 };
            if policy.next(text.as_bytes(), &token) == Use::Cache {
                let is_hit = !cache.insert(text.clone());
                policy.looked_up(text.as_bytes(), &token, is_hit);
            }
        }
        policy.lookups - before
    }

    #[test]
    fn the_cache_is_used_where_tokens_repeat() {
        let mut policy = CachePolicy::default();
        let repeated = |nth: u32| format!("name-{}.example", nth % 1000);
        let new = |nth: u32| format!("name-{nth}.example");
        assert_eq!(lookups(&mut policy, 100_000, repeated), 100_000);
        let some = lookups(&mut policy, 400_000, new);
        assert!((4_000..20_000).contains(&some), "{some}: a few, then a sample");
        let most = lookups(&mut policy, 400_000, repeated);
        assert!(most > 300_000, "{most}: used again");
        assert_eq!(lookups(&mut policy, 1000, |nth| format!("10.0.0.{nth}")), 1000, "another kind");
    }
}
