//! What a column, a key or an element can mean, and the names under which publishers keep it.
//!
//! Tables, JSON and XML differ in syntax only: each has records with named fields, so the roles and the usual names
//! stand here once. Options of a feed name fields of their own; then the usual names do not count.

use crate::options::Options;
use crate::scribe::Details;
use crate::timestamp;
use crate::words;
use rapsheet_snapshot::{Assessments, address::parse_port};

/// What a field can mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The indicator.
    Value,
    /// A word for the kind of indicator.
    Kind,
    /// A port.
    Port,
    /// When it was first seen or added.
    FirstSeen,
    /// When it was last seen or confirmed.
    LastSeen,
    /// When it ends.
    Expires,
    /// The provider's word for what is bad about it.
    Category,
    /// A word that says whether the record counts.
    Filter,
}

impl Role {
    /// All roles, in the order of their numbers.
    pub const ALL: [Role; 8] = [
        Role::Value,
        Role::Kind,
        Role::Port,
        Role::FirstSeen,
        Role::LastSeen,
        Role::Expires,
        Role::Category,
        Role::Filter,
    ];

    /// The option that names its fields.
    pub const fn option(self) -> &'static str {
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

    /// Names that mean this role wherever they stand, lower-case, the best first. A URL says more than its name,
    /// and a name more than the address that it had that day.
    pub const fn aliases(self) -> &'static [&'static str] {
        match self {
            Role::Value => VALUES,
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

const VALUES: &[&str] = &[
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
pub fn names(role: Role, options: &Options) -> Vec<String> {
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
    /// Reads the options that [`with_role_options`] lists.
    pub(super) fn new(options: &Options) -> RecordRules {
        RecordRules {
            names: Role::ALL.iter().map(|role| names(*role, options)).collect(),
            keep: options.list("keep").to_vec(),
            default: default_assessments(options).unwrap_or_default(),
        }
    }
}

/// Kinds that are recognised and not indexed.
pub fn is_unsupported(kind: &[u8]) -> bool {
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

/// The field without blanks; nothing where it is a word for nothing.
pub fn non_null(field: &[u8]) -> &[u8] {
    let field = field.trim_ascii();
    match field {
        b"None" | b"none" | b"null" | b"NULL" | b"-" | b"?" | b"n/a" | b"N/A" => &[],
        _ => field,
    }
}

/// What the fields of a record state, but for its indicator.
pub fn details<'f>(field: impl Fn(Role) -> &'f [u8], default: Assessments) -> Details {
    Details {
        first_seen: timestamp::parse(field(Role::FirstSeen)),
        last_seen: timestamp::parse(field(Role::LastSeen)),
        expires: timestamp::parse(field(Role::Expires)),
        port: parse_port(field(Role::Port)).ok(),
        assessments: category(field(Role::Category), default),
        ..Details::NONE
    }
}

/// What a publisher's category means; `default` where it has no known word.
pub fn category(text: &[u8], default: Assessments) -> Assessments {
    let found = assess(text, &[',', ';', ' ', '|']);
    if found.is_empty() { default } else { found }
}

/// What a publisher's words mean together; nothing where none of them is known.
pub fn assess(text: &[u8], separators: &[char]) -> Assessments {
    std::str::from_utf8(text).map_or(Assessments::EMPTY, |text| words::all(text, separators))
}

/// What option `assessment` says that a record without a category means.
pub(super) fn default_assessments(options: &Options) -> Option<Assessments> {
    options.text("assessment").map(words::assessments)
}
