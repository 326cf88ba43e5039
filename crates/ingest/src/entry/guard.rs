//! Guards on single entries: what no feed may list, however it is spelt.
//!
//! These are prefixes that are too wide, special-use space, public suffixes, and names whose last label does
//! not exist. Guards on a whole download (shrinking, reject ratio, coverage) are in `admission`; what must
//! never be blocked is in `never_block`.

use super::rules::Rules;
use ipnet::{Ipv4Net, Ipv6Net};
use rapsheet_snapshot::name::PlainName;
use rapsheet_snapshot::{AddressRange, ParseError, Time, hash};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

/// Whether a range lies in special-use space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bogon {
    /// Not at all.
    No,
    /// In part.
    Partly,
    /// Wholly.
    Wholly,
}

const fn v4(a: u8, b: u8, c: u8, length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, 0), length)
}

const fn v6(a: u16, b: u16, length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, 0), length)
}

/// Special-use IPv4 space (IANA registry, RFC 6890), which a block list may not list.
const SPECIAL_V4: [Ipv4Net; 13] = [
    v4(0, 0, 0, 8),
    v4(10, 0, 0, 8),
    v4(100, 64, 0, 10),
    v4(127, 0, 0, 8),
    v4(169, 254, 0, 16),
    v4(172, 16, 0, 12),
    v4(192, 0, 0, 24),
    v4(192, 0, 2, 24),
    v4(192, 168, 0, 16),
    v4(198, 18, 0, 15),
    v4(198, 51, 100, 24),
    v4(203, 0, 113, 24),
    v4(224, 0, 0, 3),
];

/// Special-use IPv6 space; `::` and `::1` are the /127.
const SPECIAL_V6: [Ipv6Net; 7] = [
    v6(0, 0, 127),
    v6(0x0100, 0, 64),
    v6(0x2001, 0x0DB8, 32),
    v6(0x3FFF, 0, 20),
    v6(0xFC00, 0, 7),
    v6(0xFE80, 0, 10),
    v6(0xFF00, 0, 8),
];

/// The same as first and last address: every address of every feed is compared with it.
static ENDS_V4: LazyLock<[(u32, u32); 13]> =
    LazyLock::new(|| SPECIAL_V4.map(|net| (net.network().to_bits(), net.broadcast().to_bits())));
static ENDS_V6: LazyLock<[(u128, u128); 7]> =
    LazyLock::new(|| SPECIAL_V6.map(|net| (net.network().to_bits(), net.broadcast().to_bits())));

/// Whether `range` lies in special-use space.
pub(crate) fn bogon(range: &AddressRange) -> Bogon {
    match *range {
        AddressRange::V4 { first, last } if first >> 24 == last >> 24 && !is_special_octet(first >> 24) => {
            Bogon::No
        }
        AddressRange::V4 { first, last } => worst((first, last), &*ENDS_V4),
        AddressRange::V6 { first, last } => worst((first, last), &*ENDS_V6),
    }
}

/// Whether some special-use space has this first octet. For most addresses this is the whole test.
pub(crate) const fn is_special_octet(octet: u32) -> bool {
    matches!(octet, 0 | 10 | 100 | 127 | 169 | 172 | 192 | 198 | 203 | 224..)
}

fn worst<N: Ord + Copy>(range: (N, N), special: &[(N, N)]) -> Bogon {
    let mut found = special.iter().map(|special| overlap(range, *special));
    found.find(|found| *found != Bogon::No).unwrap_or(Bogon::No)
}

fn overlap<N: Ord>(range: (N, N), special: (N, N)) -> Bogon {
    if special.0 <= range.0 && range.1 <= special.1 {
        Bogon::Wholly
    } else if range.0 <= special.1 && special.0 <= range.1 {
        Bogon::Partly
    } else {
        Bogon::No
    }
}

/// Further blocks of the IPv6 registry that no host has an address in, or that only stand for IPv4. A list of
/// what is harmless may name them, however wide they are.
const RESERVED_V6: [Ipv6Net; 3] = [v6(0x2002, 0, 16), v6(0x5F00, 0, 16), v6(0xFEC0, 0, 10)];

/// Whether a range lies wholly in space that is set aside, so that to allow it allows no host of the
/// internet.
pub(crate) fn is_set_aside(range: &AddressRange) -> bool {
    let in_reserved = |first: u128, last: u128| {
        RESERVED_V6.iter().any(|net| net.network().to_bits() <= first && last <= net.broadcast().to_bits())
    };
    bogon(range) == Bogon::Wholly
        || matches!(*range, AddressRange::V6 { first, last } if in_reserved(first, last))
}

/// Whether a range is wider than the widest prefix that its feed may list.
pub(crate) fn too_wide(range: &AddressRange, rules: &Rules) -> bool {
    match *range {
        AddressRange::V4 { first, last } => {
            u64::from(last - first) + 1 > 1 << (32 - u32::from(rules.widest_v4.min(32)))
        }
        AddressRange::V6 { first, last } => {
            let floor = u32::from(rules.widest_v6.min(128));
            last - first > u128::MAX.checked_shr(floor).unwrap_or(0)
        }
    }
}

/// A stated time, clamped to `now`; `None` if it is before 2000 or more than a day after `now`.
pub(crate) fn plausible_time(stated: Time, now: Time) -> Option<Time> {
    (Time::EARLIEST <= stated && stated <= now.plus(86_400)).then(|| stated.min(now))
}

/// Roots beside ICANN's, each with the system that serves it and where that system lists its roots. Lists
/// name hosts below them all, so all of them are known. Two kinds are missing: OpenNIC's root of one
/// letter, which no name may end in, and Handshake's roots at large, since each name that is bought there
/// is one.
const OTHER_ROOTS: &[(&str, &[&str])] = &[
    ("Tor: RFC 7686", &["onion"]),
    ("I2P: geti2p.net, naming and address book", &["i2p"]),
    ("GNU Name System: RFC 9498; RFC 9476", &["gnu", "zkey", "alt"]),
    ("Lokinet: docs.oxen.io", &["loki", "snode"]),
    (
        "OpenNIC, FurNIC, New Nations: wiki.opennic.org/opennic/dot",
        &[
            "bbs", "chan", "cyb", "dyn", "epic", "geek", "glue", "gopher", "indy", "libre", "neo", "null",
            "oss", "oz", "parody", "pirate", "fur", "ko", "ku", "rm", "te", "ti", "uu",
        ],
    ),
    ("Namecoin: namecoin.org", &["bit"]),
    ("Emercoin: docs of EmerDNS, supported zones", &["bazar", "bazaar", "coin", "emc", "lib"]),
    (
        "Handshake: roots whose names are sold by registrars",
        &[
            "badass", "creator", "elite", "forever", "hns", "hodl", "oh", "orb", "pgp", "saas", "sox",
            "stacked",
        ],
    ),
    (
        "Unstoppable Domains: docs.unstoppabledomains.com, supported TLDs",
        &[
            "altimist",
            "anime",
            "bitcoin",
            "bitget",
            "blockchain",
            "binanceus",
            "crypto",
            "dao",
            "dream",
            "ethermail",
            "klever",
            "kresus",
            "manga",
            "nft",
            "onchain",
            "polygon",
            "pudgy",
            "raiin",
            "secret",
            "stepn",
            "ubu",
            "unstoppable",
            "wallet",
            "wrkx",
            "zil",
        ],
    ),
    (
        "Name services of other chains: ENS, BNS, SNS, Tezos, TON, Space ID",
        &["arb", "bnb", "btc", "eth", "sol", "tez", "ton"],
    ),
];

fn is_other_root(label: &[u8]) -> bool {
    OTHER_ROOTS.iter().any(|(_, roots)| roots.iter().any(|root| root.as_bytes() == label))
}

/// Top-level domains that are also file endings.
const FILE_ENDINGS: &[&[u8]] = &[b"py", b"zip", b"mov", b"sh", b"rs", b"pl"];

/// The deepest ICANN suffix has four labels; a name with more dots than this cannot be one.
const SUFFIX_DOTS_MAX: usize = 3;

/// Top-level domains below which the registry has no suffix. Most listed names are in these, and need no
/// look-up in the public suffix list. A test compares them with it.
const FLAT_TLDS: [&[u8]; 12] =
    [b"com", b"net", b"org", b"top", b"xyz", b"info", b"online", b"shop", b"site", b"club", b"icu", b"app"];

/// Checks names against the public suffix list, with a cache of last labels.
pub(crate) struct NameGuard {
    labels: Vec<LastLabel>,
}

/// What is known of a last label of at most eight bytes, which is kept as a number.
#[derive(Clone, Copy, Default)]
struct LastLabel {
    label: u64,
    /// Whether it is a top-level domain, of ICANN's root or of another one.
    is_known: bool,
    /// Whether it is one of [`FLAT_TLDS`].
    is_flat: bool,
    /// Whether it is one of [`FILE_ENDINGS`].
    is_file_ending: bool,
}

/// The number of cached labels, direct-mapped: two labels with the same slot replace each other.
const LABEL_CACHE: usize = 256;

impl Default for NameGuard {
    fn default() -> NameGuard {
        NameGuard { labels: vec![LastLabel::default(); LABEL_CACHE] }
    }
}

impl NameGuard {
    /// Rejects a canonical name that is a public suffix or whose last label is unknown. Returns whether it
    /// looks like a file name.
    pub(crate) fn check(&mut self, name: &[u8]) -> Result<bool, ParseError> {
        let dots = name.iter().filter(|byte| **byte == b'.').count();
        let last_at = name.iter().rposition(|byte| *byte == b'.').map_or(0, |dot| dot + 1);
        self.check_scanned(name, PlainName { dots, last_at })
    }

    /// The same for a name whose dots have been counted.
    #[inline]
    pub(crate) fn check_scanned(&mut self, name: &[u8], seen: PlainName) -> Result<bool, ParseError> {
        if seen.dots > SUFFIX_DOTS_MAX && is_glued_to_sink(name) {
            return Err(ParseError::Glued);
        }
        let last = self.last_label(name, seen.last_at);
        if !last.is_known && !is_known(name) {
            return Err(ParseError::BadHost);
        }
        if seen.dots <= SUFFIX_DOTS_MAX && !last.is_flat && is_public_suffix(name) {
            return Err(ParseError::PublicSuffix);
        }
        Ok(seen.dots == 1 && last.is_file_ending)
    }

    /// Rejects a name whose last label is unknown. Returns that label.
    pub(crate) fn check_host<'n>(&mut self, name: &'n [u8]) -> Result<&'n [u8], ParseError> {
        let at = name.iter().rposition(|byte| *byte == b'.').map_or(0, |dot| dot + 1);
        // Some countries have rules for their second level only: there is a `co.za`, and no `za`.
        if self.last_label(name, at).is_known || is_known(name) {
            Ok(name.get(at..).unwrap_or(&[]))
        } else {
            Err(ParseError::BadHost)
        }
    }

    /// What is known of the label from `at` to the end of the name.
    #[inline]
    fn last_label(&mut self, name: &[u8], at: usize) -> LastLabel {
        let Some(label) = packed(name, at) else { return looked_up(name.get(at..).unwrap_or(&[]), 0) };
        // A multiplicative hash; its highest eight bits are the slot.
        let slot = (hash::spread(label) >> 56) as usize;
        match self.labels.get_mut(slot) {
            Some(cached) if cached.label == label => *cached,
            Some(cached) => {
                *cached = looked_up(name.get(at..).unwrap_or(&[]), label);
                *cached
            }
            None => looked_up(name.get(at..).unwrap_or(&[]), label),
        }
    }
}

#[cold]
fn looked_up(last: &[u8], label: u64) -> LastLabel {
    LastLabel {
        label,
        is_known: is_known(last) || is_other_root(last),
        is_flat: FLAT_TLDS.contains(&last),
        is_file_ending: FILE_ENDINGS.contains(&last),
    }
}

/// Whether a name begins with the sink of a hosts file that lost the blank after it: `0.0.0.0evil.example`.
/// As labels of their own (`0.0.0.0.example`), the same numbers are part of a name.
fn is_glued_to_sink(name: &[u8]) -> bool {
    let rest = name.strip_prefix(b"0.0.0.0").or_else(|| name.strip_prefix(b"127.0.0.1"));
    rest.and_then(<[u8]>::first).is_some_and(u8::is_ascii_alphabetic)
}

/// The last label of a name, from `at` on, as a number that no other label has; `None` where it is longer than
/// eight bytes. Its last byte is the highest one.
#[inline]
fn packed(name: &[u8], at: usize) -> Option<u64> {
    let len = name.len().checked_sub(at).filter(|len| (1..=8).contains(len))?;
    match name.last_chunk() {
        Some(last) => Some(u64::from_le_bytes(*last) >> (64 - 8 * len)),
        None => Some(name.get(at..)?.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))),
    }
}

fn is_known(name: &[u8]) -> bool {
    psl::suffix(name).is_some_and(|suffix| suffix.is_known())
}

fn is_public_suffix(name: &[u8]) -> bool {
    psl::suffix(name)
        .is_some_and(|suffix| suffix.as_bytes() == name && suffix.typ() == Some(psl::Type::Icann))
}

/// Whether the names below this one belong to different owners: a host of user pages, a private registry.
pub(crate) fn is_private_suffix(name: &[u8]) -> bool {
    psl::suffix(name)
        .is_some_and(|suffix| suffix.as_bytes() == name && suffix.typ() == Some(psl::Type::Private))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_special_use_space_at_its_edges() {
        let at = |text: &str| AddressRange::parse(text.as_bytes()).map(|read| bogon(&read.range));
        for wholly in [
            "0.0.0.0",
            "10.255.255.255",
            "100.64.0.0/10",
            "203.0.113.48",
            "255.255.255.255",
            "::",
            "::1",
            "2001:db8::1",
            "fd12:3456::1",
            "ff02::1",
        ] {
            assert_eq!(at(wholly), Ok(Bogon::Wholly), "{wholly}");
        }
        for clear in [
            "9.255.255.255",
            "11.0.0.0",
            "100.128.0.0",
            "172.32.0.0",
            "223.255.255.255",
            "::2",
            "2001:db9::",
            "2a06:e480::1",
        ] {
            assert_eq!(at(clear), Ok(Bogon::No), "{clear}");
        }
        assert_eq!(at("192.0.0.0/8"), Ok(Bogon::Partly));
    }

    #[test]
    fn lists_every_first_octet_of_special_use_space() {
        for octet in 0..256u32 {
            let whole = (octet << 24, octet << 24 | 0xFF_FFFF);
            let touched = worst(whole, &*ENDS_V4) != Bogon::No;
            assert_eq!(is_special_octet(octet), touched, "{octet}");
        }
    }

    #[test]
    fn has_no_suffix_below_flat_tlds() {
        // Labels that form a suffix with other top-level domains (`co`, `gov`, places) form none with these.
        let words = "ac adm art biz co com edu firm gen go gob gouv gov in ind info int k12 ltd med mil name ne net nom or \
                     org plc pro sch store tm tokyo uk us web aichi oslo milano nsw a b c x y z 1 2 3";
        for root in FLAT_TLDS {
            let root = String::from_utf8_lossy(root);
            for word in words.split_whitespace() {
                let name = format!("{word}.{root}");
                assert!(!is_public_suffix(name.as_bytes()), "{name}");
                assert!(!is_public_suffix(format!("{word}.{name}").as_bytes()), "{word}.{name}");
            }
            assert!(is_public_suffix(root.as_bytes()), "{root}");
        }
    }

    #[test]
    fn packs_every_short_label_alike() {
        for name in ["evilpanel.com", "t.co", "a.onion", "abcdefgh", "x.abcdefgh", "x.abcdefghi", "x."] {
            let at = name.rfind('.').map_or(0, |dot| dot + 1);
            let label = &name.as_bytes()[at..];
            let plain = label.iter().rev().fold(0u64, |number, byte| number << 8 | u64::from(*byte));
            let expected = (1..=8).contains(&label.len()).then_some(plain);
            assert_eq!(packed(name.as_bytes(), at), expected, "{name}");
        }
    }

    #[test]
    fn cached_labels_answer_as_the_list_does() {
        let mut names = NameGuard::default();
        let labels =
            "com net org top de uk zip py sh onion i2p museum photography za np exe html c0m localhost";
        for _ in 0..2 {
            for label in labels.split(' ') {
                let name = format!("evilpanel.{label}");
                let found = names.last_label(name.as_bytes(), 10);
                let last = label.as_bytes();
                assert_eq!(found.is_known, is_known(last) || is_other_root(last), "{label}");
                assert_eq!(found.is_flat, FLAT_TLDS.contains(&last), "{label}");
                assert_eq!(found.is_file_ending, FILE_ENDINGS.contains(&last), "{label}");
            }
        }
    }

    #[test]
    fn rejects_suffixes_and_unknown_tlds() {
        let mut names = NameGuard::default();
        assert_eq!(names.check(b"co.uk"), Err(ParseError::PublicSuffix));
        assert_eq!(names.check(b"loader.exe"), Err(ParseError::BadHost));
        assert_eq!(names.check(b"shop.co.za"), Ok(false));
        assert_eq!(names.check(b"shop.com.np"), Ok(false));
        assert_eq!(names.check(b"duckdns.org"), Ok(false));
        assert_eq!(names.check(b"pecheck.py"), Ok(true));
        assert_eq!(names.check(b"abcdef.onion"), Ok(false));
        assert_eq!(names.check(b"0.0.0.0evil.com"), Err(ParseError::Glued));
        assert_eq!(names.check(b"127.0.0.1.evil.com"), Ok(false));
    }

    #[test]
    fn knows_all_other_roots() {
        let mut names = NameGuard::default();
        let roots: Vec<&str> = OTHER_ROOTS.iter().flat_map(|(_, roots)| roots.iter().copied()).collect();
        for root in &roots {
            assert_eq!(names.check(format!("evil-abc.{root}").as_bytes()), Ok(false), "{root}");
            assert_eq!(roots.iter().filter(|other| *other == root).count(), 1, "{root} stands once");
        }
        assert_eq!(names.check(b"evil-abc.nosuchroot"), Err(ParseError::BadHost));
    }
}
