//! The roles of named fields: what a column, a JSON member or an XML element can mean.
//!
//! Tables, JSON and XML differ in syntax only. All three have records with named fields, so the roles, and
//! the names that publishers give them, are defined here once. A feed's options may name the fields of a
//! role; the aliases of that role then do not count. Names are compared without case, blanks and marks:
//! `StartIP`, `start_ip` and `Start IP` are one name (see [`normal`]).
//!
//! How a record's addresses add up to a range is in `extent.rs`; what says that it is not bad, in `polarity.rs`.

use super::{extent, ranges};
use crate::entry::taxonomy;
use crate::entry::timestamp;
use crate::entry::{Details, Normalizer};
use crate::format::options::Options;
use crate::format::token;
use rapsheet_snapshot::{Assessments, ParseError, Scope, address::parse_port};

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
    pub(crate) const ALL: [Role; 11] = [
        Role::Value,
        Role::Start,
        Role::End,
        Role::Mask,
        Role::Kind,
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
            Role::Start => extent::STARTS,
            Role::End => extent::ENDS,
            Role::Mask => extent::MASKS,
            Role::Kind => &["ioctype", "indicatortype", "type", "scope"],
            Role::Port => &["dstport", "port"],
            Role::FirstSeen => FIRST_SEEN,
            Role::LastSeen => LAST_SEEN,
            Role::Expires => &["expires", "expiration", "validuntil", "indicatorexpirationdatetime"],
            Role::Category => &[
                "threattype",
                "indicatorthreattype",
                "threat",
                "tags",
                "category",
                "classification",
                "classificationtype",
                "malware",
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
    let counts = |character: &char| character.is_ascii_alphanumeric() || !character.is_ascii();
    name.chars().filter(counts).map(|character| character.to_ascii_lowercase()).collect()
}

/// The names of a role's fields: those that the feed gives, else the known aliases.
pub(crate) fn names(role: Role, options: &Options) -> Vec<String> {
    let named = options.list(role.option());
    if !named.is_empty() {
        return named.iter().map(|name| normal(name)).collect();
    }
    role.aliases().iter().map(|name| (*name).to_owned()).collect()
}

/// What a feed's options say about its records: which names mean which role, and which records count.
pub(super) struct RecordRules {
    /// The names of each role, in the order of [`Role::ALL`], the best name first.
    pub(super) names: Vec<Vec<String>>,
    /// The values of the filter field with which a record counts; empty where all count.
    pub(super) keep: Vec<String>,
    /// The assessments of a record without a category.
    pub(super) default: Assessments,
}

impl RecordRules {
    /// Reads the options that `with_role_options!` lists.
    pub(super) fn new(options: &Options) -> RecordRules {
        RecordRules {
            names: Role::ALL.iter().map(|role| names(*role, options)).collect(),
            keep: options.list("keep").to_vec(),
            default: default_assessments(options).unwrap_or_default(),
        }
    }
}

/// Whether a kind of indicator is known and not indexed: hashes, e-mail addresses, file names, and what is
/// about an indicator rather than one, such as links and comments.
pub(crate) fn is_unsupported(kind: &[u8]) -> bool {
    const WORDS: [&[u8]; 22] = [
        b"as",
        b"attachment",
        b"comment",
        b"cookie",
        b"country",
        b"cpe",
        b"external link",
        b"jarm",
        b"link",
        b"named pipe",
        b"phone-number",
        b"port",
        b"reference",
        b"regkey",
        b"sigma",
        b"snort",
        b"text",
        b"threat-actor",
        b"user",
        b"user-agent",
        b"username",
        b"vulnerability",
    ];
    const PREFIXES: [&[u8]; 28] = [
        b"md5",
        b"sha",
        b"ssdeep",
        b"imphash",
        b"impfuzzy",
        b"tlsh",
        b"envelope",
        b"email",
        b"ja3",
        b"filename",
        b"filehash",
        b"file_hash",
        b"file_name",
        b"hash",
        b"asn",
        b"authentihash",
        b"mutex",
        b"cve",
        b"yara",
        b"bitcoin",
        b"btc",
        b"pehash",
        b"mac-",
        b"malware-sample",
        b"pattern-in-",
        b"regkey|",
        b"whois-",
        b"x509-",
    ];
    let is_prefix =
        |prefix: &&[u8]| kind.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix));
    WORDS.iter().any(|word| kind.eq_ignore_ascii_case(word)) || PREFIXES.iter().any(is_prefix)
}

/// The indicator in a value of two parts, as MISP writes them, and the port where the second part is one. Of
/// a name and the address that it resolved to, the name is the indicator.
pub(crate) fn composite<'f>(kind: &[u8], value: &'f [u8]) -> (&'f [u8], Option<u16>) {
    let is_composite = kind.contains(&b'|');
    match token::split_once(value, b'|').filter(|_| is_composite) {
        Some((first, second)) if kind.ends_with(b"|port") => {
            (first.trim_ascii(), parse_port(second.trim_ascii()).ok())
        }
        Some((first, _)) => (first.trim_ascii(), None),
        None => (value, None),
    }
}

/// Emits the indicator in a field, without the `'` that protects spreadsheets from formulas. `*.x` is a tree
/// and `192.0.2.*` a prefix; what else holds a star is a pattern, and a netmask is never an indicator.
pub(crate) fn emit(text: &[u8], scope: Scope, details: &Details, normalizer: &mut Normalizer<'_>) {
    let text = text.strip_prefix(b"'").unwrap_or(text);
    match text {
        [b'*', b'.', name @ ..] if !name.contains(&b'*') && !name.contains(&b'/') => {
            normalizer.any(name, Scope::Tree, details);
        }
        _ if extent::is_netmask(text) => normalizer.reject(ParseError::BadMask),
        _ if !text.contains(&b'*') => normalizer.any(text, scope, details),
        _ if text.iter().all(|byte| b"0123456789.*".contains(byte)) => {
            ranges::emit(ranges::wildcard(text), details, normalizer);
        }
        _ if is_pattern(text) => normalizer.reject(ParseError::Pattern),
        _ => normalizer.any(text, scope, details),
    }
}

/// Whether a text with a star stands for many: a star in the host, or at the end of the path after a slash. A
/// star elsewhere in a path or in a query is a character like any other.
fn is_pattern(text: &[u8]) -> bool {
    let scheme = memchr::memmem::find(text, b"://").map_or(0, |at| at + 3);
    let rest = text.get(scheme..).unwrap_or(&[]);
    token::before(rest, b'/').contains(&b'*') || rest.ends_with(b"/*")
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
    Details {
        first_seen: timestamp::parse(field(Role::FirstSeen)),
        last_seen: timestamp::parse(field(Role::LastSeen)),
        expires: timestamp::parse(field(Role::Expires)),
        port: parse_port(field(Role::Port)).ok(),
        assessments: category(field(Role::Category), default),
        ..Details::NONE
    }
}

/// The assessments of a publisher's category; `default` where it has no known word.
pub(crate) fn category(text: &[u8], default: Assessments) -> Assessments {
    let found = assess(text, &[',', ';', ' ', '|']);
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
