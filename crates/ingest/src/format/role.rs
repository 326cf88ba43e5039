//! The roles of named fields: what a column, a JSON member or an XML element can mean.
//!
//! Tables, JSON and XML differ in syntax only. All three have records with named fields, so the roles, and
//! the names that publishers give them, are defined here once. A feed's options may name the fields of a
//! role; the aliases of that role then do not count. Names are compared without case, blanks and marks:
//! `StartIP`, `start_ip` and `Start IP` are one name (see [`normal`]).
//!
//! How a record's addresses add up to a range is in `extent.rs`; what says that it is not bad, in `polarity.rs`.

use crate::entry::Details;
use crate::entry::taxonomy;
use crate::entry::timestamp;
use crate::format::options::Options;
use rapsheet_snapshot::{Assessments, Scope, address::parse_port};

/// The meaning of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The indicator.
    Value,
    /// The first address of a range.
    Start,
    /// The last address of a range.
    End,
    /// The netmask or the length of the prefix that the indicator is the address of.
    Mask,
    /// The kind of indicator.
    Kind,
    /// Whether a name is listed, the names below it, or both.
    Scope,
    /// A port.
    Port,
    /// When it was first seen or added.
    FirstSeen,
    /// When it was last seen or confirmed.
    LastSeen,
    /// When it expires.
    Expires,
    /// The publisher's category.
    Category,
    /// Whether the record counts. It has no aliases: only options name such a field.
    Filter,
}

impl Role {
    /// All roles, in the order of their discriminants, so that an array indexed by role has this order.
    pub(crate) const ALL: [Role; 12] = [
        Role::Value,
        Role::Start,
        Role::End,
        Role::Mask,
        Role::Kind,
        Role::Scope,
        Role::Port,
        Role::FirstSeen,
        Role::LastSeen,
        Role::Expires,
        Role::Category,
        Role::Filter,
    ];

    /// The option that names the fields of this role.
    pub(crate) const fn option(self) -> &'static str {
        match self {
            Role::Value => "value",
            Role::Start => "start",
            Role::End => "end",
            Role::Mask => "mask",
            Role::Kind => "type",
            Role::Scope => "scope_field",
            Role::Port => "port",
            Role::FirstSeen => "first_seen",
            Role::LastSeen => "last_seen",
            Role::Expires => "expires",
            Role::Category => "category",
            Role::Filter => "filter",
        }
    }

    /// Names that mean this role in any feed, as [`normal`] leaves them, the best first. A URL is preferred to its host, and
    /// a host to the address that it resolved to, because a record that holds several of them is about the
    /// most specific.
    pub(crate) const fn aliases(self) -> &'static [&'static str] {
        match self {
            Role::Value => VALUE,
            Role::Start => STARTS,
            Role::End => ENDS,
            Role::Mask => MASKS,
            Role::Kind => &["ioctype", "indicatortype", "type", "scope"],
            // CrowdSec's `scope` is a kind: `Ip`, `Range`. A word that is no scope changes nothing.
            Role::Scope => &["scope"],
            Role::Port => &["dstport", "port"],
            Role::FirstSeen => FIRST_SEEN,
            Role::LastSeen => LAST_SEEN,
            Role::Expires => &["expires", "expiration", "validuntil", "indicatorexpirationdatetime"],
            Role::Category => &[
                "threattype",
                "indicatorthreattype",
                "threat",
                "tags",
                "assessments",
                "category",
                "classification",
                "classificationtype",
                "malware",
                "assessments",
            ],
            Role::Filter => &[],
        }
    }
}

const VALUE: &[&str] = &[
    "value",
    "iocvalue",
    "indicator",
    "url",
    "urls",
    "domain",
    "domainname",
    "fqdn",
    "srcurl",
    "dstip",
    "ipaddress",
    "ipaddr",
    "ip",
    "ipv4",
    "ipv6",
    "ipv4address",
    "ipv6address",
    "srcip",
    "sourceip",
    "c2ip",
    "c2server",
    "networksourceipv4",
    "networksourceipv6",
    "cidr",
    "ipprefix",
    "ipv4prefix",
    "ipv6prefix",
    "prefix",
    "network",
    "networkaddress",
    "subnet",
    "netblock",
    "iprange",
    "ipcidr",
    "address",
    "addr",
    "hostname",
    "host",
    "ioc",
    "observable",
    "attacker",
    "remoteaddr",
    "range",
];

/// Names of the first address. [`CLEAR`] of them mean nothing else.
const STARTS: &[&str] = &[
    "startip",
    "ipstart",
    "startaddress",
    "startaddr",
    "addressstart",
    "startipaddress",
    "ipaddressstart",
    "ipstartaddress",
    "ipfrom",
    "iprangestart",
    "firstip",
    "ipfirst",
    "firstaddress",
    "firstipaddress",
    "beginip",
    "ipbegin",
    "beginaddress",
    "beginipaddress",
    "lowip",
    "iplow",
    "lowerip",
    "minip",
    "ipmin",
    "startipv4",
    "ipv4start",
    "startipv6",
    "ipv6start",
    "startipnum",
    "beginipnum",
    "startipint",
    "ipstartint",
    "startingip",
    "startingaddress",
    "rangestartip",
    "ipv4from",
    "iplower",
    "loweraddress",
    "minaddress",
    "rangefrom",
    "rangestart",
    "startrange",
    "startofrange",
    "rangebegin",
    "rangefirst",
    "rangelow",
    "hostmin",
    "networkstart",
    "startnetwork",
    "netstart",
    "start",
    "from",
    "first",
    "begin",
    "low",
    "lower",
    "min",
];

/// Names of the last address, each at the place of its first one.
const ENDS: &[&str] = &[
    "endip",
    "ipend",
    "endaddress",
    "endaddr",
    "addressend",
    "endipaddress",
    "ipaddressend",
    "ipendaddress",
    "ipto",
    "iprangeend",
    "lastip",
    "iplast",
    "lastaddress",
    "lastipaddress",
    "stopip",
    "ipstop",
    "stopaddress",
    "stopipaddress",
    "highip",
    "iphigh",
    "upperip",
    "maxip",
    "ipmax",
    "endipv4",
    "ipv4end",
    "endipv6",
    "ipv6end",
    "endipnum",
    "stopipnum",
    "endipint",
    "ipendint",
    "endingip",
    "endingaddress",
    "rangeendip",
    "ipv4to",
    "ipupper",
    "upperaddress",
    "maxaddress",
    "rangeto",
    "rangeend",
    "endrange",
    "endofrange",
    "rangestop",
    "rangelast",
    "rangehigh",
    "hostmax",
    "networkend",
    "endnetwork",
    "netend",
    "end",
    "to",
    "last",
    "stop",
    "high",
    "upper",
    "max",
];

/// How many of the names at the beginning of [`STARTS`] and [`ENDS`] mean addresses and nothing else.
pub(super) const CLEAR: usize = 38;

/// Names of a netmask or a prefix length.
const MASKS: &[&str] = &[
    "netmask",
    "mask",
    "subnetmask",
    "networkmask",
    "ipmask",
    "addressmask",
    "masklen",
    "masklength",
    "masksize",
    "maskbits",
    "netmasklength",
    "prefixlen",
    "prefixlength",
    "prefixsize",
    "prefixbits",
    "bits",
    "netbits",
    "networkbits",
    "subnetlength",
    "subnetbits",
    "subnetsize",
    "cidrlen",
    "cidrlength",
    "cidrbits",
    "cidrmask",
    "cidrsuffix",
    "cidrprefix",
    "cidr",
    "prefix",
    "subnet",
    "length",
    "len",
];

const FIRST_SEEN: &[&str] = &[
    "firstseen",
    "firstseenutc",
    "firstseenat",
    "dateadded",
    "added",
    "firstreporteddatetime",
    "timesource",
    "created",
    "submissiontime",
    "detecteddate",
    "date",
    "time",
    "timestamp",
];

const LAST_SEEN: &[&str] = &[
    "lastseen",
    "lastseenutc",
    "lastseenat",
    "lastonline",
    "detecttime",
    "lastreportedat",
    "lastreporteddatetime",
    "verificationtime",
    "updated",
    "updatedat",
    "modified",
];

/// A table of options: the rows of one format, then those that every format with named fields takes.
macro_rules! with_role_options {
    ($($own:expr),* $(,)?) => {
        &[
            $($own,)*
            OptionRow { key: "value", about: "the field with the indicator, or several such fields" },
            OptionRow { key: "start", about: "the field with the first address of a range" },
            OptionRow { key: "end", about: "the field with the last address of a range" },
            OptionRow { key: "mask", about: "the field with the netmask or length of the value's prefix" },
            OptionRow { key: "type", about: "the field with the kind of indicator" },
            OptionRow { key: "scope_field", about: "the field that says `exact`, `tree` or `subdomains` of a name" },
            OptionRow { key: "port", about: "the field with the port" },
            OptionRow { key: "first_seen", about: "the field with the time when it was first seen" },
            OptionRow { key: "last_seen", about: "the field with the time when it was last seen" },
            OptionRow { key: "expires", about: "the field with the time when it expires" },
            OptionRow { key: "category", about: "the field with the publisher's category" },
            OptionRow { key: "filter", about: "the field that says whether the record counts" },
            OptionRow { key: "keep", about: "the values of the filter field with which a record counts" },
            OptionRow { key: "assessment", about: "the assessment of records without a category" },
        ]
    };
}

pub(super) use with_role_options;

/// A name in the form in which names are compared: lower-case, without blanks and marks.
pub(crate) fn normal(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    normal_into(name, &mut out);
    out
}

/// As [`normal`], into a buffer that is reused.
pub(crate) fn normal_into(name: &str, out: &mut String) {
    out.clear();
    let counts = |character: &char| character.is_ascii_alphanumeric() || !character.is_ascii();
    out.extend(name.chars().filter(counts).map(|character| character.to_ascii_lowercase()));
}

/// The names of a role's fields: those that the feed gives, else the known aliases.
pub(crate) fn names(role: Role, options: &Options) -> Vec<String> {
    let named = options.list(role.option());
    if !named.is_empty() {
        return named.iter().map(|name| normal(name)).collect();
    }
    role.aliases().iter().map(|name| (*name).to_owned()).collect()
}

/// The scope that a field states; what it does not know, or an empty field, leaves the feed's.
pub(crate) fn scope(field: &[u8], default: Scope) -> Scope {
    std::str::from_utf8(field).ok().and_then(Scope::parse).unwrap_or(default)
}

/// Whether a kind of indicator is known and not indexed: hashes, e-mail addresses, file names, and what is
/// about an indicator rather than one, such as links and comments.
pub(crate) fn is_unsupported(kind: &[u8]) -> bool {
    let Some(letter) = kind.first() else { return false };
    let (words, prefixes) = unsupported_with(letter.to_ascii_lowercase());
    let is_prefix =
        |prefix: &&[u8]| kind.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix));
    words.iter().any(|word| kind.eq_ignore_ascii_case(word)) || prefixes.iter().any(is_prefix)
}

/// The kinds that are not indexed and begin with a letter: whole words, and the beginnings of words.
const fn unsupported_with(letter: u8) -> (&'static [&'static [u8]], &'static [&'static [u8]]) {
    match letter {
        b'a' => (&[b"as", b"attachment"], &[b"asn", b"authentihash"]),
        b'b' => (&[], &[b"bitcoin", b"btc"]),
        b'c' => (&[b"comment", b"cookie", b"country", b"cpe"], &[b"cve"]),
        b'e' => (&[b"external link"], &[b"envelope", b"email"]),
        b'f' => (&[], &[b"filename", b"filehash", b"file_hash", b"file_name"]),
        b'h' => (&[], &[b"hash"]),
        b'i' => (&[], &[b"imphash", b"impfuzzy"]),
        b'j' => (&[b"jarm"], &[b"ja3"]),
        b'l' => (&[b"link"], &[]),
        b'm' => (&[], &[b"md5", b"mutex", b"mac-", b"malware-sample"]),
        b'n' => (&[b"named pipe"], &[]),
        b'p' => (&[b"phone-number", b"port"], &[b"pehash", b"pattern-in-"]),
        b'r' => (&[b"reference", b"regkey"], &[b"regkey|"]),
        b's' => (&[b"sigma", b"snort"], &[b"sha", b"ssdeep"]),
        b't' => (&[b"text", b"threat-actor"], &[b"tlsh"]),
        b'u' => (&[b"user", b"user-agent", b"username"], &[]),
        b'v' => (&[b"vulnerability"], &[]),
        b'w' => (&[], &[b"whois-"]),
        b'x' => (&[], &[b"x509-"]),
        b'y' => (&[], &[b"yara"]),
        _ => (&[], &[]),
    }
}

/// The field without blanks at its edges; empty where it holds a word for "no value".
pub(crate) fn non_null(field: &[u8]) -> &[u8] {
    let field = field.trim_ascii();
    match field {
        b"None" | b"none" | b"null" | b"NULL" | b"-" | b"?" | b"n/a" | b"N/A" => &[],
        _ => field,
    }
}

/// The details that the fields of a record state, given the text of each role's field. A field that cannot be
/// read counts as absent: a bad port or time must not cost the indicator.
pub(crate) fn details<'f>(field: impl Fn(Role) -> &'f [u8], default: Assessments) -> Details {
    let assessments = category(field(Role::Category), default);
    details_with(field, assessments)
}

/// As [`details`], where the assessments are known.
pub(crate) fn details_with<'f>(field: impl Fn(Role) -> &'f [u8], assessments: Assessments) -> Details {
    Details {
        first_seen: timestamp::parse(field(Role::FirstSeen)),
        last_seen: timestamp::parse(field(Role::LastSeen)),
        expires: timestamp::parse(field(Role::Expires)),
        port: parse_port(field(Role::Port)).ok(),
        assessments,
        ..Details::NONE
    }
}

/// What stands between the words of a category.
pub(crate) const SEPARATORS: &[char] = &[',', ';', ' ', '|'];

/// The assessments of a publisher's category; `default` where it has no known word.
pub(crate) fn category(text: &[u8], default: Assessments) -> Assessments {
    let found = assess(text, SEPARATORS);
    if found.is_empty() { default } else { found }
}

/// The assessments of a publisher's words; empty where no word is known.
pub(crate) fn assess(text: &[u8], separators: &[char]) -> Assessments {
    std::str::from_utf8(text).map_or(Assessments::EMPTY, |text| taxonomy::of_phrases(text, separators))
}

/// The assessments of records without a category, from option `assessment`.
pub(super) fn default_assessments(options: &Options) -> Option<Assessments> {
    options.text("assessment").map(taxonomy::assessments)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_the_names_of_ends() {
        assert_eq!(STARTS.len(), ENDS.len());
        assert_eq!(STARTS.get(CLEAR), Some(&"rangefrom"));
        assert_eq!(ENDS.get(CLEAR), Some(&"rangeto"));
    }

    #[test]
    fn unsupported_kinds_stand_at_their_letters() {
        for letter in 0..=u8::MAX {
            let (words, prefixes) = unsupported_with(letter);
            assert!(words.iter().chain(prefixes).all(|word| word.first() == Some(&letter)), "{letter}");
        }
        for kind in ["MD5", "sha256_hash", "Email-src", "regkey|value", "User", "cve-2024-1"] {
            assert!(is_unsupported(kind.as_bytes()), "{kind}");
        }
        for kind in ["", "url", "domain", "ip:port", "users", "IPv4"] {
            assert!(!is_unsupported(kind.as_bytes()), "{kind}");
        }
    }

    #[test]
    fn compares_names_without_case_blanks_and_marks() {
        for name in ["start_ip", "StartIP", "Start IP", "start-ip", "Start.Ip"] {
            assert_eq!(normal(name), "startip", "{name}");
        }
        for role in Role::ALL {
            assert!(role.aliases().iter().all(|name| normal(name) == *name), "{role:?}");
        }
    }
}
