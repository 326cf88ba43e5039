//! Profiles: what the columns of known publishers' tables mean.
//!
//! To add a table, add one row to [`PROFILES`]; what the row does not state is as in [`PLAIN`]. Give the
//! names in the header where there is one, because feeds get new columns in the middle. Numbers are for files
//! without a header, 1 for the first column; a negative number counts from the right, where a column before
//! it may hold the delimiter without quotes. The names of the profiles are also listed in the description of
//! option `profile`.

use crate::format::role::Role;
use rapsheet_snapshot::Assessment;

/// A publisher's table.
pub(super) struct Profile {
    /// Its name in option `profile`.
    pub(super) name: &'static str,
    /// The numbers of the columns, for files without a header.
    pub(super) columns: &'static [(Role, isize)],
    /// Names in the header that mean a role in this table only, lower-case.
    pub(super) names: &'static [(Role, &'static str)],
    /// Names in the header that together identify this table; empty where they do not.
    pub(super) header: &'static [&'static str],
    /// A text in every row that identifies this table without a header; empty where there is none.
    pub(super) mark: &'static [u8],
    /// The values of the filter column with which a row counts; empty where all count.
    pub(super) keep: &'static [&'static str],
    /// The assessment of a row without a category.
    pub(super) assessment: Option<Assessment>,
    /// The number of a column that holds the path of a URL whose host is the value.
    pub(super) path: Option<isize>,
    /// The delimiter; `None` where it is detected.
    pub(super) delimiter: Option<u8>,
    /// The character between several indicators in one field.
    pub(super) multi: Option<u8>,
}

/// The profile of any other table.
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

/// All profiles. Where two could apply, the first one does.
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
    // The description before the time may hold commas without quotes.
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
    // Rows begin with a TAB, or with two where the date of the next validation is empty.
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
