//! The roles of named fields: what a column, a JSON member or an XML element can mean.
//!
//! Tables, JSON and XML differ in syntax only. All three have records with named fields, so the roles, and
//! the names that publishers give them, are defined here once. A feed's options may name the fields of a
//! role; the aliases of that role then do not count.

use crate::entry::Details;
use crate::entry::taxonomy;
use crate::entry::timestamp;
use crate::format::options::Options;
use rapsheet_snapshot::{Assessments, address::parse_port};

/// The meaning of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The indicator.
    Value,
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
    pub(crate) const ALL: [Role; 8] = [
        Role::Value,
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
            Role::Kind => "type",
            Role::Port => "port",
            Role::FirstSeen => "first_seen",
            Role::LastSeen => "last_seen",
            Role::Expires => "expires",
            Role::Category => "category",
            Role::Filter => "filter",
        }
    }

    /// Names that mean this role in any feed, lower-case, the best first. A URL is preferred to its host, and
    /// a host to the address that it resolved to, because a record that holds several of them is about the
    /// most specific.
    pub(crate) const fn aliases(self) -> &'static [&'static str] {
        match self {
            Role::Value => VALUE,
            Role::Kind => &["ioc_type", "indicator_type", "type"],
            Role::Port => &["dst_port", "dstport", "port"],
            Role::FirstSeen => FIRST_SEEN,
            Role::LastSeen => LAST_SEEN,
            Role::Expires => &["expires", "expiration", "valid_until", "indicatorexpirationdatetime"],
            Role::Category => &[
                "threat_type",
                "threattype",
                "indicatorthreattype",
                "threat",
                "tags",
                "category",
                "classification",
                "classification.type",
                "malware",
            ],
            Role::Filter => &[],
        }
    }
}

const VALUE: &[&str] = &[
    "value",
    "ioc_value",
    "indicator",
    "url",
    "urls",
    "domain",
    "domain_name",
    "domainname",
    "src_url",
    "dst_ip",
    "dstip",
    "ip_address",
    "ipaddress",
    "ipaddr",
    "ip",
    "src_ip",
    "source_ip",
    "source ip",
    "sourceip",
    "c2_ip",
    "c2 server",
    "source.ip",
    "networksourceipv4",
    "networksourceipv6",
    "cidr",
    "prefix",
    "network",
    "address",
    "hostname",
    "host",
    "ioc",
];

const FIRST_SEEN: &[&str] = &[
    "first_seen",
    "first_seen_utc",
    "firstseen",
    "firstseenat",
    "firstseen(utc)",
    "first_seen_at",
    "dateadded",
    "date_added",
    "date added",
    "added",
    "firstreporteddatetime",
    "time.source",
    "created",
    "submission_time",
    "detected_date",
    "date",
    "time",
    "timestamp",
];

const LAST_SEEN: &[&str] = &[
    "last_seen",
    "last_seen_utc",
    "lastseen",
    "lastseenat",
    "last_seen_at",
    "last_online",
    "lastreportedat",
    "lastreporteddatetime",
    "verification_time",
    "updated",
    "updated_at",
    "modified",
];

/// A table of options: the rows of one format, then those that every format with named fields takes.
macro_rules! with_role_options {
    ($($own:expr),* $(,)?) => {
        &[
            $($own,)*
            OptionRow { key: "value", about: "the field with the indicator, or several such fields" },
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

/// The names of a role's fields: those that the feed gives, else the known aliases.
pub(crate) fn names(role: Role, options: &Options) -> Vec<String> {
    let named = options.list(role.option());
    if !named.is_empty() {
        return named.iter().map(|name| name.to_ascii_lowercase()).collect();
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

/// Whether a kind of indicator is known and not indexed: hashes, e-mail addresses, file names.
pub(crate) fn is_unsupported(kind: &[u8]) -> bool {
    const PREFIXES: [&[u8]; 20] = [
        b"md5",
        b"sha",
        b"ssdeep",
        b"imphash",
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
        b"mutex",
        b"cve",
        b"yara",
        b"bitcoin",
        b"pehash",
        b"mac-",
    ];
    PREFIXES
        .iter()
        .any(|prefix| kind.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix)))
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
