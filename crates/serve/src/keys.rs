//! Keys: who may ask, and how much.
//!
//! The file has a line for each key: a name, the SHA-256 of the key, and limits:
//!
//! ```text
//! # name    sha-256                                                            limits
//! firewall  9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08  per-second=20 per-day=100000
//! ```
//!
//! A key is 256 random bits, so a plain digest is enough: there is nothing to guess, and a slow hash, which passwords
//! need, would only let strangers spend our time. Digests are compared in constant time, all of them for each request.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rapsheet_snapshot::Time;
use sha2::{Digest as _, Sha256};
use std::sync::{Arc, Mutex, PoisonError};

/// How long a day of a quota is, in seconds. It begins with the first request.
pub(crate) const DAY: i64 = 86_400;

/// The longest name of a key.
const NAME_MAX: usize = 64;

/// The keys that a server takes.
#[derive(Debug, Default)]
pub struct Keys(Vec<Arc<Key>>);

/// One key.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: String,
    digest: [u8; 32],
    per_second: Option<u64>,
    pub(crate) per_day: Option<u64>,
    usage: Mutex<Usage>,
}

/// What was asked with a key.
#[derive(Clone, Debug)]
struct Usage {
    second: i64,
    in_second: u64,
    day_began: i64,
    in_day: u64,
}

/// What is left of a day's quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quota {
    pub(crate) limit: u64,
    pub(crate) used: u64,
    /// In how many seconds it begins anew.
    pub(crate) reset_in: i64,
}

/// Why a key may not ask now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exceeded {
    /// Too many requests in this second.
    Second(u64),
    /// The day's quota is used, or what is left of it is too little.
    Day {
        quota: Quota,
        /// How many look-ups the request has.
        wanted: u64,
    },
}

impl Keys {
    /// Reads the text of a file of keys; `file` is its name, for errors.
    ///
    /// # Errors
    /// The line that is wrong, what was expected there, and what to do.
    pub fn parse(text: &str, file: &str) -> Result<Keys, String> {
        let mut keys: Vec<Arc<Key>> = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.split('#').next().unwrap_or_default().trim();
            if line.is_empty() {
                continue;
            }
            let key = Key::parse(line).map_err(|why| format!("{file}:{number}: {why}"))?;
            if keys.iter().any(|other| other.name == key.name || other.digest == key.digest) {
                return Err(format!("{file}:{number}: a second key with this name or digest; remove one"));
            }
            keys.push(Arc::new(key));
        }
        if keys.is_empty() {
            return Err(format!(
                "{file}: expected a line for each key, found none; make one with `rapsheet serve --new-key NAME`"
            ));
        }
        Ok(Keys(keys))
    }

    /// How many keys there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Takes over what was asked with keys that were there before, so that reading the file again gives none a new day.
    pub(crate) fn inherit(&self, before: &Keys) {
        for key in &self.0 {
            if let Some(old) = before.0.iter().find(|old| old.digest == key.digest) {
                *key.usage() = old.usage().clone();
            }
        }
    }

    /// The key with this text. Takes the same time whichever it is.
    pub(crate) fn find(&self, text: &[u8]) -> Option<Arc<Key>> {
        let digest = Sha256::digest(text);
        let mut found = None;
        for key in &self.0 {
            let differs = key.digest.iter().zip(digest).fold(0, |sum, (a, b)| sum | (a ^ b));
            if std::hint::black_box(differs) == 0 {
                found = Some(key);
            }
        }
        found.map(Arc::clone)
    }
}

impl Key {
    fn parse(line: &str) -> Result<Key, String> {
        let mut words = line.split_whitespace();
        let (name, digest) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        check_name(name)?;
        let digest = digest_of_hex(digest).ok_or_else(|| {
            format!(
                "key {name}: expected a SHA-256 of 64 hexadecimal digits, found {} characters",
                digest.len()
            )
        })?;
        let mut key = Key {
            name: name.to_owned(),
            digest,
            per_second: None,
            per_day: None,
            usage: Mutex::new(Usage { second: i64::MIN, in_second: 0, day_began: i64::MIN, in_day: 0 }),
        };
        for word in words {
            let limit = word.split_once('=').and_then(|(what, number)| Some((what, number.parse().ok()?)));
            match limit {
                Some(("per-second", limit @ 1..)) if key.per_second.is_none() => key.per_second = Some(limit),
                Some(("per-day", limit @ 1..)) if key.per_day.is_none() => key.per_day = Some(limit),
                _ => {
                    return Err(format!(
                        "key {name}: expected per-second=N or per-day=N of at least 1, each once, found {word}"
                    ));
                }
            }
        }
        Ok(key)
    }

    fn usage(&self) -> std::sync::MutexGuard<'_, Usage> {
        self.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request.
    pub(crate) fn count_request(&self, now: Time) -> Result<(), Exceeded> {
        let Some(limit) = self.per_second else { return Ok(()) };
        let mut usage = self.usage();
        if usage.second != now.unix() {
            (usage.second, usage.in_second) = (now.unix(), 0);
        }
        if usage.in_second >= limit {
            return Err(Exceeded::Second(limit));
        }
        usage.in_second += 1;
        Ok(())
    }

    /// Counts look-ups; all of them or none.
    pub(crate) fn count_lookups(&self, count: u64, now: Time) -> Result<(), Exceeded> {
        let Some(limit) = self.per_day else { return Ok(()) };
        let mut usage = self.usage();
        usage.begin_day(now);
        if usage.in_day.saturating_add(count) > limit {
            return Err(Exceeded::Day { quota: usage.quota(limit, now), wanted: count });
        }
        usage.in_day += count;
        Ok(())
    }

    /// What is left of the day's quota; `None` where there is none.
    pub(crate) fn quota(&self, now: Time) -> Option<Quota> {
        let limit = self.per_day?;
        let mut usage = self.usage();
        usage.begin_day(now);
        Some(usage.quota(limit, now))
    }
}

impl Usage {
    fn begin_day(&mut self, now: Time) {
        let has_ended = now.unix().saturating_sub(self.day_began) >= DAY;
        if has_ended || now.unix() < self.day_began {
            (self.day_began, self.in_day) = (now.unix(), 0);
        }
    }

    fn quota(&self, limit: u64, now: Time) -> Quota {
        Quota { limit, used: self.in_day, reset_in: (self.day_began + DAY - now.unix()).max(1) }
    }
}

/// Makes a key of 32 random bytes: the key, which is shown once, and the line for the file.
///
/// # Errors
/// The name cannot stand in the file.
pub fn new_key(name: &str, random: &[u8; 32]) -> Result<(String, String), String> {
    check_name(name)?;
    let key = format!("rs_{}", URL_SAFE_NO_PAD.encode(random));
    let digest: String = Sha256::digest(key.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    let line = format!("{name} {digest}");
    Ok((key, line))
}

fn check_name(name: &str) -> Result<(), String> {
    let is_named = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'@');
    if name.is_empty() || name.len() > NAME_MAX || !name.bytes().all(is_named) {
        return Err(format!(
            "expected the name of a key, of at most {NAME_MAX} letters, digits, `-`, `_`, `.` and `@`, found `{name}`"
        ));
    }
    Ok(())
}

fn digest_of_hex(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let mut digest = [0; 32];
    for (byte, at) in digest.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(digest)
}

/// The key in the value of `Authorization`: `apikey K`, `Bearer K`, or the password of `Basic`.
pub(crate) fn key_of_authorization(value: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(value).ok()?;
    let (scheme, rest) = text.trim().split_once(' ')?;
    match scheme.to_ascii_lowercase().as_str() {
        "apikey" | "bearer" => Some(rest.trim().as_bytes().to_vec()),
        "basic" => {
            let pair = STANDARD.decode(rest.trim()).ok()?;
            let colon = pair.iter().position(|byte| *byte == b':')?;
            pair.get(colon + 1..).map(<[u8]>::to_vec)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(limits: &str) -> (String, Keys) {
        let (key, line) = new_key("firewall", &[7; 32]).expect("a name");
        (key, Keys::parse(&format!("# keys\n\n{line} {limits} # ours\n"), "keys").expect("a file"))
    }

    #[test]
    fn a_new_key_is_found_and_others_are_not() {
        let (key, keys) = keys("");
        assert_eq!(keys.find(key.as_bytes()).expect("it is there").name, "firewall");
        assert!(keys.find(b"rs_other").is_none() && keys.find(b"").is_none());
        assert!(!format!("{keys:?}").contains(&key), "a key is nowhere but with its owner");
    }

    #[test]
    fn refuses_lines_with_the_reason() {
        let digest = "ab".repeat(32);
        for (text, found) in [
            ("firewall abc".to_owned(), "64 hexadecimal digits"),
            (format!("fire/wall {digest}"), "the name of a key"),
            (format!("a {digest} per-second=0"), "per-second=N"),
            (format!("a {digest} per_day=1"), "found per_day=1"),
            (format!("a {digest} per-day=1 per-day=2"), "each once, found per-day=2"),
            (format!("a {digest}\na {digest}"), "keys:2: a second key"),
            ("# none\n".to_owned(), "--new-key"),
        ] {
            let error = Keys::parse(&text, "keys").expect_err(&text);
            assert!(error.contains(found), "{error}");
        }
    }

    #[test]
    fn limits_begin_anew() {
        let (key, keys) = keys("per-second=2 per-day=3");
        let key = keys.find(key.as_bytes()).expect("it is there");
        let at = |second| Time::from_unix(1_780_000_000 + second);
        assert_eq!(key.count_request(at(0)), Ok(()));
        assert_eq!(key.count_request(at(0)), Ok(()));
        assert_eq!(key.count_request(at(0)), Err(Exceeded::Second(2)));
        assert_eq!(key.count_request(at(1)), Ok(()));
        assert_eq!(key.count_lookups(2, at(1)), Ok(()));
        let quota = Quota { limit: 3, used: 2, reset_in: DAY - 4 };
        assert_eq!(key.count_lookups(2, at(5)), Err(Exceeded::Day { quota, wanted: 2 }), "all or none");
        assert_eq!(key.count_lookups(1, at(5)), Ok(()));
        assert_eq!(
            key.count_lookups(1, at(DAY)),
            Err(Exceeded::Day { quota: Quota { used: 3, reset_in: 1, ..quota }, wanted: 1 })
        );
        assert_eq!(key.count_lookups(1, at(DAY + 1)), Ok(()));
    }

    #[test]
    fn reading_the_file_again_gives_no_new_day() {
        let (key, before) = keys("per-day=1");
        let now = Time::from_unix(1_780_000_000);
        let find = |keys: &Keys| keys.find(key.as_bytes()).expect("it is there");
        assert!(find(&before).count_lookups(1, now).is_ok());
        let (_, after) = keys("per-day=1");
        after.inherit(&before);
        assert!(find(&after).count_lookups(1, now).is_err());
    }

    #[test]
    fn reads_authorizations() {
        let key = |text: &str| key_of_authorization(text.as_bytes());
        assert_eq!(key("apikey K"), Some(b"K".to_vec()));
        assert_eq!(key("Bearer  K "), Some(b"K".to_vec()));
        assert_eq!(key("Basic dXNlcjpL"), Some(b"K".to_vec()), "user:K");
        assert_eq!(key("K"), None);
        assert_eq!(key("Basic ?"), None);
    }
}
