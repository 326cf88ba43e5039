//! Which column means what: profiles of known publishers, and names that many of them use.
//!
//! Columns are bound by the header's names, because feeds grow columns in the middle; the numbers are for
//! files that have no header or have lost it.

use snapshot::{Assessment, Assessments};

/// What a column can mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
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
    /// A word that says whether the row counts.
    Filter,
}

impl Role {
    pub(super) const ALL: [Role; 8] = [
        Role::Value,
        Role::Kind,
        Role::Port,
        Role::FirstSeen,
        Role::LastSeen,
        Role::Expires,
        Role::Category,
        Role::Filter,
    ];

    /// The option that names its column.
    pub(super) const fn option(self) -> &'static str {
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

    /// Header names that mean this role wherever they stand, lower-case.
    pub(super) const fn usual_names(self) -> &'static [&'static str] {
        match self {
            Role::Value => &[
                "value",
                "ioc_value",
                "indicator",
                "dst_ip",
                "dstip",
                "ip_address",
                "ipaddress",
                "ipaddr",
                "ip",
                "address",
                "url",
                "domain",
                "hostname",
                "host",
                "ioc",
            ],
            Role::Kind => &["ioc_type", "type", "indicator_type"],
            Role::Port => &["dst_port", "dstport", "port"],
            Role::FirstSeen => &[
                "first_seen",
                "first_seen_utc",
                "firstseen",
                "dateadded",
                "date added",
                "date",
                "submission_time",
                "detected_date",
            ],
            Role::LastSeen => {
                &["last_seen", "last_seen_utc", "lastseen", "last_online", "verification_time", "updated"]
            }
            Role::Expires => &["expires", "expiration", "valid_until"],
            Role::Category => &["threat_type", "threat", "tags", "category", "classification"],
            Role::Filter => &[],
        }
    }
}

/// A publisher's table.
pub(super) struct Profile {
    /// The value of option `profile`.
    pub(super) name: &'static str,
    /// The columns by number from 1, for files without a header.
    pub(super) columns: &'static [(Role, usize)],
    /// Header names that mean a role in this table only.
    pub(super) names: &'static [(Role, &'static str)],
    /// The words of the filter column with which a row counts.
    pub(super) keep: &'static [&'static str],
    /// What a row means that states no category.
    pub(super) assessment: Option<Assessment>,
    /// A column whose text is joined to the value: a path behind a host.
    pub(super) path: Option<usize>,
}

impl Profile {
    pub(super) fn default_assessments(&self) -> Assessments {
        self.assessment.into_iter().collect()
    }
}

const PLAIN: Profile = Profile {
    name: "none",
    columns: &[(Role::Value, 1)],
    names: &[],
    keep: &[],
    assessment: None,
    path: None,
};

use Role::{Category, Filter, FirstSeen, Kind, LastSeen, Port, Value};

/// Every known publisher's table; the first is for all others.
pub(super) const PROFILES: &[Profile] = &[
    PLAIN,
    Profile {
        name: "feodo",
        columns: &[(FirstSeen, 1), (Value, 2), (Port, 3), (LastSeen, 5)],
        assessment: Some(Assessment::Botnet),
        ..PLAIN
    },
    Profile {
        name: "sslbl",
        columns: &[(FirstSeen, 1), (Value, 2), (Port, 3)],
        assessment: Some(Assessment::Botnet),
        ..PLAIN
    },
    Profile {
        name: "urlhaus",
        columns: &[(FirstSeen, 2), (Value, 3), (LastSeen, 5), (Category, 6)],
        assessment: Some(Assessment::Malware),
        ..PLAIN
    },
    Profile {
        name: "threatfox",
        columns: &[(FirstSeen, 1), (Value, 3), (Kind, 4), (Category, 5), (LastSeen, 9)],
        ..PLAIN
    },
    Profile {
        name: "tor-nodes",
        columns: &[(Value, 2), (Port, 3)],
        names: &[(Value, "ipaddr")],
        assessment: Some(Assessment::Tor),
        ..PLAIN
    },
    Profile { name: "tweetfeed", columns: &[(FirstSeen, 1), (Kind, 3), (Value, 4), (Category, 5)], ..PLAIN },
    Profile { name: "turris", columns: &[(Value, 1), (Category, 2)], ..PLAIN },
    Profile {
        name: "foxit",
        columns: &[(Value, 1), (Port, 2), (FirstSeen, 3), (LastSeen, 4)],
        assessment: Some(Assessment::Botnet),
        ..PLAIN
    },
    Profile {
        name: "bambenek",
        columns: &[(Value, 1), (LastSeen, 3)],
        assessment: Some(Assessment::Botnet),
        ..PLAIN
    },
    Profile {
        name: "splunk",
        columns: &[(Value, 1)],
        assessment: Some(Assessment::Malware),
        path: Some(2),
        ..PLAIN
    },
    Profile {
        name: "phishtank",
        columns: &[(Value, 2), (FirstSeen, 4), (LastSeen, 6), (Filter, 7)],
        names: &[(Filter, "online")],
        keep: &["yes"],
        assessment: Some(Assessment::Phishing),
        ..PLAIN
    },
    Profile {
        name: "c2intel",
        columns: &[(Value, 1)],
        names: &[(Value, "domain"), (Value, "ip")],
        assessment: Some(Assessment::Botnet),
        ..PLAIN
    },
    Profile {
        name: "threatview-c2",
        columns: &[(Value, 1), (FirstSeen, 2)],
        assessment: Some(Assessment::Botnet),
        ..PLAIN
    },
    Profile {
        name: "viriback",
        columns: &[(Value, 2), (FirstSeen, 4)],
        names: &[(Value, "url")],
        assessment: Some(Assessment::Botnet),
        ..PLAIN
    },
    Profile {
        name: "blackbook",
        columns: &[(Value, 1), (FirstSeen, 3)],
        assessment: Some(Assessment::Malware),
        ..PLAIN
    },
    Profile {
        name: "stopforumspam",
        columns: &[(Value, 1), (LastSeen, 3)],
        assessment: Some(Assessment::Spam),
        ..PLAIN
    },
];
