//! Which column means what: profiles of known publishers.
//!
//! Columns are bound by the header's names, because feeds grow columns in the middle; the numbers are for
//! files that have no header or have lost it. A negative number counts from the right, behind a column in which
//! the delimiter may stand unquoted.

use crate::format::role::Role;
use rapsheet_snapshot::Assessment;

/// A publisher's table.
pub(super) struct Profile {
    /// The value of option `profile`.
    pub(super) name: &'static str,
    /// The columns by number, for files without a header.
    pub(super) columns: &'static [(Role, isize)],
    /// Header names that mean a role in this table only.
    pub(super) names: &'static [(Role, &'static str)],
    /// Header names that no other table has together.
    pub(super) header: &'static [&'static str],
    /// A text that stands in every row of this table, and in no other's.
    pub(super) mark: &'static [u8],
    /// The words of the filter column with which a row counts.
    pub(super) keep: &'static [&'static str],
    /// What a row means that states no category.
    pub(super) assessment: Option<Assessment>,
    /// A column whose text is joined to the value: a path behind a host.
    pub(super) path: Option<isize>,
    /// What separates the columns, if it is known.
    pub(super) delimiter: Option<u8>,
    /// What separates several indicators in one field.
    pub(super) multi: Option<u8>,
}

/// The table of nobody in particular.
pub(super) const PLAIN: Profile = Profile {
    name: "none",
    columns: &[],
    names: &[],
    header: &[],
    mark: b"",
    keep: &[],
    assessment: None,
    path: None,
    delimiter: None,
    multi: None,
};

use Role::{Category, Filter, FirstSeen, Kind, LastSeen, Port, Value};

const BOTNET: Option<Assessment> = Some(Assessment::Botnet);
const MALWARE: Option<Assessment> = Some(Assessment::Malware);
const PHISHING: Option<Assessment> = Some(Assessment::Phishing);
const COMMA: Option<u8> = Some(b',');

/// Every known publisher's table.
pub(super) const PROFILES: &[Profile] = &[
    PLAIN,
    Profile {
        name: "feodo",
        columns: &[(FirstSeen, 1), (Value, 2), (Port, 3), (LastSeen, 5)],
        names: &[(Value, "dst_ip")],
        header: &["dst_ip", "c2_status"],
        assessment: BOTNET,
        delimiter: COMMA,
        ..PLAIN
    },
    Profile {
        name: "sslbl",
        columns: &[(FirstSeen, 1), (Value, 2), (Port, 3)],
        header: &["firstseen", "dstip", "dstport"],
        assessment: BOTNET,
        delimiter: COMMA,
        ..PLAIN
    },
    Profile {
        name: "urlhaus",
        columns: &[(FirstSeen, 2), (Value, 3), (LastSeen, 5), (Category, 6)],
        header: &["url", "url_status"],
        mark: b"urlhaus.abuse.ch/url/",
        assessment: MALWARE,
        delimiter: COMMA,
        ..PLAIN
    },
    Profile {
        name: "threatfox",
        columns: &[(FirstSeen, 1), (Value, 3), (Kind, 4), (Category, 5), (LastSeen, 9)],
        header: &["ioc_value", "ioc_type"],
        delimiter: COMMA,
        ..PLAIN
    },
    Profile {
        name: "tor-nodes",
        columns: &[(Value, 2), (Port, 3)],
        names: &[(Value, "ipaddr")],
        header: &["fingerprint", "ipaddr"],
        assessment: Some(Assessment::Tor),
        delimiter: COMMA,
        ..PLAIN
    },
    Profile {
        name: "tweetfeed",
        columns: &[(FirstSeen, 1), (Kind, 3), (Value, 4), (Category, 5)],
        delimiter: COMMA,
        ..PLAIN
    },
    Profile {
        name: "turris",
        columns: &[(Value, 1), (Category, 2)],
        header: &["address", "tags"],
        delimiter: COMMA,
        ..PLAIN
    },
    Profile {
        name: "foxit",
        columns: &[(Value, 1), (Port, 2), (FirstSeen, 3), (LastSeen, 4)],
        assessment: BOTNET,
        delimiter: COMMA,
        ..PLAIN
    },
    // The description holds commas and no quotes.
    Profile {
        name: "bambenek",
        columns: &[(Value, 1), (LastSeen, -2)],
        mark: b"osint.bambenekconsulting.com",
        assessment: BOTNET,
        delimiter: COMMA,
        ..PLAIN
    },
    Profile {
        name: "splunk",
        columns: &[(Value, 1)],
        names: &[(Value, "host")],
        header: &["host", "path", "message"],
        assessment: MALWARE,
        path: Some(2),
        delimiter: COMMA,
        ..PLAIN
    },
    Profile {
        name: "phishtank",
        columns: &[(Value, 2), (FirstSeen, 4), (LastSeen, 6), (Filter, 7)],
        names: &[(Value, "url"), (Filter, "online")],
        header: &["phish_id", "online"],
        mark: b"phishtank.com/phish_detail",
        keep: &["yes"],
        assessment: PHISHING,
        delimiter: COMMA,
        ..PLAIN
    },
    Profile {
        name: "phishstats",
        columns: &[(FirstSeen, 1), (Value, 3)],
        assessment: PHISHING,
        delimiter: COMMA,
        ..PLAIN
    },
    Profile {
        name: "c2intel",
        columns: &[(Value, 1)],
        names: &[(Value, "domain"), (Value, "ip")],
        header: &["ip", "ioc"],
        assessment: BOTNET,
        delimiter: COMMA,
        ..PLAIN
    },
    Profile {
        name: "threatview-c2",
        columns: &[(Value, 1), (FirstSeen, 2)],
        mark: b"Threatview[.]io",
        assessment: BOTNET,
        delimiter: COMMA,
        ..PLAIN
    },
    Profile {
        name: "viriback",
        columns: &[(Value, 2), (FirstSeen, 4)],
        names: &[(Value, "url")],
        header: &["family", "url", "firstseen"],
        assessment: BOTNET,
        delimiter: COMMA,
        ..PLAIN
    },
    Profile {
        name: "blackbook",
        columns: &[(Value, 1), (FirstSeen, 3)],
        header: &["domain", "malware", "date added"],
        assessment: MALWARE,
        delimiter: COMMA,
        ..PLAIN
    },
    Profile {
        name: "stopforumspam",
        columns: &[(Value, 1), (LastSeen, 3)],
        assessment: Some(Assessment::Spam),
        delimiter: COMMA,
        ..PLAIN
    },
    Profile {
        name: "benkow",
        columns: &[(Category, 2), (Value, 3), (FirstSeen, 5)],
        header: &["id", "type", "url", "ip", "date"],
        assessment: BOTNET,
        delimiter: Some(b';'),
        ..PLAIN
    },
    Profile {
        name: "infoblox",
        columns: &[(Kind, 1), (Value, 2), (Category, 3), (FirstSeen, 4)],
        header: &["type", "indicator", "classification"],
        delimiter: COMMA,
        ..PLAIN
    },
    Profile {
        name: "carbonblack",
        columns: &[(Value, 1)],
        names: &[
            (Value, "ip"),
            (Value, "c2_ip"),
            (FirstSeen, "first_seen_date"),
            (LastSeen, "last_seen_date"),
        ],
        header: &["c2_ip"],
        assessment: BOTNET,
        delimiter: Some(b'\t'),
        ..PLAIN
    },
    Profile { name: "botvrij", columns: &[(Value, 1)], delimiter: COMMA, ..PLAIN },
    Profile {
        name: "ransomwaretracker",
        columns: &[(FirstSeen, 1), (Category, 2), (Value, 5)],
        mark: b"\"Distribution Site\"",
        assessment: MALWARE,
        delimiter: COMMA,
        ..PLAIN
    },
    Profile {
        name: "spamhaus-cert",
        columns: &[(Value, 1), (LastSeen, 4)],
        names: &[(Value, "ip")],
        header: &["ip", "lastseen", "botname"],
        assessment: BOTNET,
        delimiter: COMMA,
        ..PLAIN
    },
    Profile {
        name: "shadowserver",
        columns: &[(FirstSeen, 1), (Value, 2)],
        names: &[(Value, "ip"), (Value, "src_ip"), (LastSeen, "timestamp")],
        header: &["timestamp", "ip", "protocol"],
        delimiter: COMMA,
        ..PLAIN
    },
    // A second TAB in front: the date of the next validation, mostly empty.
    Profile {
        name: "malwaredomains",
        columns: &[(Value, 3), (Category, 4), (FirstSeen, 6)],
        assessment: MALWARE,
        delimiter: Some(b'\t'),
        ..PLAIN
    },
    Profile {
        name: "ponmocup",
        columns: &[(Value, 2), (Value, 4)],
        assessment: MALWARE,
        delimiter: Some(b' '),
        ..PLAIN
    },
    Profile { name: "maltrail", columns: &[(Value, 1), (Category, -2)], delimiter: COMMA, ..PLAIN },
    Profile {
        name: "ctip",
        columns: &[(Value, 1), (FirstSeen, 2)],
        names: &[(Value, "sourceip"), (FirstSeen, "filetimeutc")],
        header: &["sourceip", "filetimeutc"],
        mark: b"Microsoft-DCU",
        assessment: BOTNET,
        delimiter: COMMA,
        ..PLAIN
    },
    Profile {
        name: "alienvault",
        columns: &[(Value, 1), (Category, 4)],
        assessment: Some(Assessment::Suspicious),
        delimiter: Some(b'#'),
        ..PLAIN
    },
];
