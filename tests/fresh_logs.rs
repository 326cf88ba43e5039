//! Logs in which most tokens are new, as in a real day of traffic, for tests and benchmarks.
//!
//! A short log repeated many times is answered from the cache of tokens and says nothing of a day's log. These
//! logs have fixed seeds, so that every machine makes the same. The first four are the kinds that the benchmark
//! reports; the others have the spellings, borders and lengths at which a fast scorer takes another path.
//! Reserved addresses and names are rare, since a log of nothing else would have no indicators.

#![allow(dead_code, reason = "benchmarks use some of it")]
#![allow(clippy::indexing_slicing, reason = "every index is below the length of its list")]

use super::random::Random;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Listed indicators that the logs contain beside new ones. An empty list is left out.
#[derive(Clone, Copy, Default)]
pub(crate) struct Listed<'l> {
    pub(crate) addresses: &'l [String],
    pub(crate) names: &'l [String],
    pub(crate) urls: &'l [String],
}

/// A kind of log.
pub(crate) struct Kind {
    /// The name of its file.
    pub(crate) file: &'static str,
    /// Adds a number of lines.
    write: fn(&mut Log<'_>, usize),
}

/// The kinds that the benchmark reports.
pub(crate) const DAILY: [Kind; 4] = [
    Kind { file: "access.log", write: |log, lines| log.access(lines) },
    Kind { file: "dns.log", write: |log, lines| log.dns(lines) },
    Kind { file: "mail.log", write: |log, lines| log.mail(lines) },
    Kind { file: "addresses.txt", write: |log, lines| log.addresses(lines) },
];

/// The kinds that tests add.
pub(crate) const SHAPES: [Kind; 9] = [
    Kind { file: "ipv6.log", write: |log, lines| log.ipv6(lines) },
    Kind { file: "ports.log", write: |log, lines| log.ports(lines) },
    Kind { file: "upper.log", write: |log, lines| log.upper_case(lines) },
    Kind { file: "urls.log", write: |log, lines| log.urls(lines) },
    Kind { file: "events.jsonl", write: |log, lines| log.json(lines) },
    Kind { file: "defanged.txt", write: |log, lines| log.defanged(lines) },
    Kind { file: "long.log", write: |log, lines| log.long_tokens(lines) },
    Kind { file: "borders.log", write: |log, lines| log.borders(lines) },
    Kind { file: "near.log", write: |log, lines| log.near_misses(lines) },
];

impl Kind {
    /// The log: so many lines, with these listed indicators among the new ones.
    pub(crate) fn make(&self, lines: usize, listed: Listed<'_>) -> Vec<u8> {
        let seed = self.file.bytes().fold(7, |sum: u64, byte| sum.wrapping_mul(31) + u64::from(byte));
        let mut log = Log { random: Random::new(seed), text: String::new(), listed };
        (self.write)(&mut log, lines);
        log.text.into_bytes()
    }
}

/// All kinds.
pub(crate) fn kinds() -> impl Iterator<Item = &'static Kind> {
    DAILY.iter().chain(&SHAPES)
}

const ROOTS: [&str; 12] =
    ["com", "net", "org", "de", "co.uk", "io", "ru", "cn", "com.br", "fr", "info", "xyz"];
const SYLLABLES: [&str; 24] = [
    "ba", "con", "dre", "fil", "gar", "hot", "ist", "jal", "ker", "lum", "mon", "nor", "pel", "qui", "ros",
    "sta", "tur", "ver", "win", "zen", "a", "e", "o", "y",
];
/// The clients of an access log, half of whose lines come from a few of them.
const CLIENTS: usize = 400_000;

/// A log that is being made.
struct Log<'l> {
    random: Random,
    text: String,
    listed: Listed<'l>,
}

/// Appends formatted text to a log. The text is made first, since its parts need the log, too.
macro_rules! put {
    ($log:expr, $($format:tt)*) => {{
        let text = format!($($format)*);
        $log.text += &text;
    }};
}

impl Log<'_> {
    fn below(&mut self, end: u64) -> u64 {
        self.random.below(end)
    }

    fn one_in(&mut self, odds: u64) -> bool {
        self.below(odds) == 0
    }

    fn pick<'a, T: ?Sized>(&mut self, list: &[&'a T]) -> &'a T {
        list[self.below(list.len() as u64) as usize]
    }

    /// One of these texts, or none where the list is empty.
    fn listed(&mut self, list: &[String]) -> Option<String> {
        let at = self.below(list.len() as u64) as usize;
        list.get(at).cloned()
    }

    fn word(&mut self) -> String {
        let syllables = 2 + self.below(3);
        (0..syllables).map(|_| self.pick(&SYLLABLES)).collect()
    }

    fn new_address(&mut self) -> Ipv4Addr {
        let [b, c, d] = [(); 3].map(|()| self.below(256) as u8);
        Ipv4Addr::new(11 + self.below(212) as u8, b, c, d)
    }

    /// A new address, or a listed one once in eight times.
    fn address(&mut self) -> String {
        let listed = if self.one_in(8) { self.listed(self.listed.addresses) } else { None };
        listed.unwrap_or_else(|| self.new_address().to_string())
    }

    fn new_name(&mut self) -> String {
        if self.below(10) < 3 {
            return format!("{:x}.cdn{}.{}.net", self.random.next(), self.below(9), self.word());
        }
        format!("{}.{}{}.{}", self.word(), self.word(), self.below(300), self.pick(&ROOTS))
    }

    /// A new name; once in eight times a listed one, with a label before it in half of these.
    fn name(&mut self) -> String {
        let listed = if self.one_in(8) { self.listed(self.listed.names) } else { None };
        match listed {
            Some(name) if self.one_in(2) => format!("{}.{name}", self.word()),
            Some(name) => name,
            None => self.new_name(),
        }
    }

    fn new_address_v6(&mut self) -> Ipv6Addr {
        let mut groups = [(); 8].map(|()| self.below(1 << 16) as u16);
        groups[0] = 0x2a00 | groups[0] & 0xff;
        // Zeros, which are written in several ways.
        let (from, count) = (1 + self.below(7) as usize, self.below(6) as usize);
        groups.iter_mut().skip(from).take(count).for_each(|group| *group = 0);
        Ipv6Addr::from(groups)
    }

    /// An IPv6 address in one of its spellings.
    fn address_v6(&mut self) -> String {
        let address = self.new_address_v6();
        let groups = address.segments();
        match self.below(6) {
            0 => groups.map(|group| format!("{group:x}")).join(":"),
            1 => groups.map(|group| format!("{group:04X}")).join(":"),
            2 => address.to_string().to_uppercase(),
            3 => format!("::ffff:{}", self.address()),
            _ => address.to_string(),
        }
    }

    /// Path, query and fragment of a URL.
    fn path(&mut self) -> String {
        let mut path = format!("/{}/{}", self.word(), self.word());
        match self.below(6) {
            0 => path += &format!("%2F{}%20{}", self.word(), self.word()),
            1 => path += &format!("?q={:x}&u=http://{}/", self.below(1 << 24), self.new_name()),
            2 => path += &format!(";s={:x}#{}", self.below(1 << 24), self.word()),
            3 => path += "//../",
            _ => path += &format!("-{}.html", self.below(1 << 20)),
        }
        path
    }

    /// A URL: its scheme, user, host, port and path in several spellings; once in eight times a listed one.
    fn url(&mut self) -> String {
        if self.one_in(8)
            && let Some(url) = self.listed(self.listed.urls)
        {
            return url;
        }
        let scheme = self.pick(&["http", "https", "https", "HTTP", "ftp", "hxxp"]);
        let user = self.pick(&["", "", "", "user@", "user:pa%40ss@"]);
        let host = match self.below(8) {
            0 => self.address(),
            1 => format!("[{}]", self.new_address_v6()),
            2 => self.name().to_uppercase(),
            3 => format!("{}.", self.name()),
            _ => self.name(),
        };
        let port = self.pick(&["", "", "", ":80", ":443", ":8080", ":"]);
        let path = if self.one_in(10) { String::new() } else { self.path() };
        format!("{scheme}://{user}{host}{port}{path}")
    }

    /// An indicator of any kind.
    fn any(&mut self) -> String {
        match self.below(4) {
            0 => self.address(),
            1 => self.address_v6(),
            2 => self.url(),
            _ => self.name(),
        }
    }

    fn clock(&mut self, line: usize) {
        put!(self, "{:02}:{:02}:{:02}", line / 72_000 % 24, line / 1200 % 60, line / 20 % 60);
    }

    /// Half of the clients are a long-tailed few, half any of all of them; referers and paths are new.
    fn access(&mut self, lines: usize) {
        let clients: Vec<Ipv4Addr> = (0..CLIENTS).map(|_| self.new_address()).collect();
        for line in 0..lines {
            let rank = if self.one_in(2) {
                // Pareto's distribution with an exponent of 0.6.
                let uniform = (1 + self.below(1 << 30)) as f64 / (1u64 << 30) as f64;
                uniform.powf(-1.0 / 0.6) as usize
            } else {
                self.below(CLIENTS as u64) as usize
            };
            put!(self, "{} - - [27/Nov/2026:", clients[rank.min(CLIENTS - 1)]);
            self.clock(line);
            let (one, two, three) = (self.word(), self.word(), self.below(1 << 20));
            put!(self, " +0000] \"GET /{one}/{two}-{three}.html HTTP/1.1\" 200 {} \"", self.below(99_999));
            if self.below(10) < 6 {
                self.text.push('-');
            } else {
                let (one, two, root) = (self.word(), self.word(), self.pick(&ROOTS));
                put!(self, "https://www.{one}{two}.{root}/{}?q={:x}", self.word(), self.below(1 << 24));
            }
            let (major, build, patch) = (80 + self.below(51), self.below(6000), self.below(200));
            put!(
                self,
                "\" \"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
                 Chrome/{major}.0.{build}.{patch} Safari/537.36\"\n"
            );
        }
    }

    /// Zeek's columns: a name that is mostly new, and three addresses a line.
    fn dns(&mut self, lines: usize) {
        self.text += "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tdns\n\
            #fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\ttrans_id\trtt\tquery\tqclass\t\
            qclass_name\tqtype\tqtype_name\trcode\trcode_name\tAA\tTC\tRD\tRA\tZ\tanswers\tTTLs\trejected\n";
        for line in 0..lines {
            let (second, part) = (1_795_000_000 + line / 50, line % 50 * 20_000);
            put!(self, "{second}.{part:06}\tC{:x}\t10.0.", self.below(1 << 60));
            put!(self, "{}.{}\t{}\t", self.below(256), self.below(256), 1024 + self.below(64_511));
            put!(self, "10.0.0.53\t53\tudp\t{}\t0.0{}\t", self.below(65_535), self.below(99_999));
            let (name, address) = (self.new_name(), self.new_address());
            put!(self, "{name}\t1\tC_INTERNET\t1\tA\t0\tNOERROR\tF\tF\tT\tT\t0\t{address}\t300.000000\tF\n");
        }
    }

    /// Syslog with names and addresses in text.
    fn mail(&mut self, lines: usize) {
        for line in 0..lines {
            self.text += "Nov 27 ";
            self.clock(line);
            put!(self, " mx1 postfix/smtpd[{}]: {:010X}: ", self.below(65_535), self.below(1 << 40));
            put!(self, "client={}[{}], ", self.new_name(), self.new_address());
            put!(self, "from=<{}@{}.{}>, ", self.word(), self.word(), self.pick(&ROOTS));
            put!(self, "helo=<{}.{}.{}>\n", self.word(), self.word(), self.pick(&ROOTS));
        }
    }

    /// A bare address a line, every other one listed.
    fn addresses(&mut self, lines: usize) {
        for _ in 0..lines {
            let listed = if self.one_in(2) { self.listed(self.listed.addresses) } else { None };
            let address = listed.unwrap_or_else(|| self.new_address().to_string());
            put!(self, "{address}\n");
        }
    }

    fn ipv6(&mut self, lines: usize) {
        for line in 0..lines {
            match self.below(4) {
                0 => put!(self, "[{}]:{} - - [", self.new_address_v6(), self.below(65_536)),
                1 => put!(self, "{}%eth0 - - [", self.new_address_v6()),
                _ => put!(self, "{} - - [", self.address_v6()),
            }
            self.clock(line);
            put!(self, "] \"GET / HTTP/2.0\" 200 x_forwarded_for={},{}\n", self.address_v6(), self.address());
        }
    }

    fn ports(&mut self, lines: usize) {
        for _ in 0..lines {
            let port = self.pick(&["0", "22", "443", "8080", "65535", "65536", "00080", ""]);
            put!(self, "conn {}:{port} -> {}:443 ", self.address(), self.name());
            put!(self, "via {}#53 ({}:{port}) ", self.address(), self.name());
            put!(self, "{}/32 {}-{}\n", self.address(), self.address(), self.address());
        }
    }

    fn upper_case(&mut self, lines: usize) {
        for _ in 0..lines {
            let (name, mixed) = (self.name().to_uppercase(), self.name());
            let mixed: String = (0..)
                .zip(mixed.chars())
                .map(|(at, c)| if at % 2 == 0 { c.to_ascii_uppercase() } else { c })
                .collect();
            put!(self, "QUERY {name}. FROM {} Host={mixed} {}\n", self.address(), self.url().to_uppercase());
        }
    }

    fn urls(&mut self, lines: usize) {
        for _ in 0..lines {
            put!(self, "GET {} {} ref=\"{}\" ", self.url(), self.below(600), self.url());
            put!(self, "({}) <a href='{}'>{}{}</a>\n", self.url(), self.url(), self.name(), self.path());
        }
    }

    fn json(&mut self, lines: usize) {
        for line in 0..lines {
            self.text += "{\"ts\":\"2026-11-27T";
            self.clock(line);
            put!(self, "Z\",\"src_ip\":\"{}\",\"src_port\":{},", self.address(), self.below(65_536));
            put!(self, "\"dns\":{{\"query\":\"{}\",\"answers\":[\"{}\",", self.name(), self.address());
            let url = self.url();
            let (slashes, plain) = (url.replace('/', "\\/"), self.url());
            put!(self, "\"{}\"]}},\"url\":\"{slashes}\",\"ref\":\"{plain}\",", self.address_v6());
            put!(self, "\"text\":\"from\\u0020{}\\n{}\\t&amp;{}\"}}\n", self.any(), self.any(), self.any());
        }
    }

    fn defanged(&mut self, lines: usize) {
        for _ in 0..lines {
            let dot = self.pick(&["[.]", "(.)", "(dot)", "[dot]", "[.", " . ", "\\."]);
            let (address, name) = (self.address().replace('.', dot), self.name().replace('.', dot));
            let url = self.url().replacen("http", "hxxp", 1);
            let url = if self.one_in(2) { url.replacen("://", "[://]", 1) } else { url.replace('.', dot) };
            put!(self, "seen {address} and {name}, {url} ({})\n", self.any().replacen('.', dot, 1));
        }
    }

    /// Tokens up to the limits of names, of the cache and of lines that are compared with a set.
    fn long_tokens(&mut self, lines: usize) {
        for _ in 0..lines {
            match self.below(6) {
                0 => {
                    let mut name = self.name();
                    let most = 40 + self.below(240) as usize;
                    while name.len() < most {
                        name = format!("{}.{name}", self.word());
                    }
                    put!(self, "{name} {}\n", self.address());
                }
                1 => {
                    let label = "x".repeat(55 + self.below(12) as usize);
                    put!(self, "{label}.{} {}\n", self.name(), self.address());
                }
                2 => {
                    let most = self.below(700) as usize;
                    let mut url = self.url();
                    while url.len() < most {
                        url = format!("{url}/{}", self.word());
                    }
                    put!(self, "GET {url}\n");
                }
                3 => {
                    let noise: String = (0..self.below(400)).map(|_| self.pick(&SYLLABLES)).collect();
                    put!(self, "cookie={noise};{} {noise}.{}\n", self.any(), self.name());
                }
                4 => {
                    let many: Vec<String> = (0..self.below(40)).map(|_| self.any()).collect();
                    put!(self, "{}\n", many.join(self.pick(&[",", " ", "|", ";", "\t"])));
                }
                _ => put!(self, "{}={}\n", self.any(), self.any()),
            }
        }
    }

    /// Indicators that begin up to forty bytes before a multiple of 64 bytes or, in every fourth line, of 4096.
    fn borders(&mut self, lines: usize) {
        for line in 0..lines {
            let border = if line % 4 == 3 { 4096 } else { 64 };
            let indicator = self.any();
            let start = (self.text.len() + 41).next_multiple_of(border) - self.below(41) as usize;
            let gap = self.pick(&[" ", "a ", ". ", "\t\t", "=, "]);
            while self.text.len() + gap.len() <= start {
                self.text += gap;
            }
            self.text.extend(std::iter::repeat_n(' ', start - self.text.len()));
            put!(self, "{indicator}\n");
        }
    }

    /// Texts that look like indicators, beside some that are.
    fn near_misses(&mut self, lines: usize) {
        for _ in 0..lines {
            let (address, name) = (self.address(), self.name());
            let text = match self.below(16) {
                0 => format!("{address}.7"),
                1 => format!("0{address}"),
                2 => format!("{address}."),
                3 => format!("v{address}"),
                4 => format!("{address}-rc1"),
                5 => format!("{}.{}.{}", self.below(300), self.below(300), self.below(300)),
                6 => {
                    format!("{}.{}.{}.{}", self.below(400), self.below(400), self.below(400), self.below(400))
                }
                7 => format!("{name}.."),
                8 => format!("-{name}"),
                9 => format!("_dmarc.{name}"),
                10 => format!("{}.{}", self.word(), self.below(1000)),
                11 => format!("{}.exe", self.word()),
                12 => format!("{}:{}:{}", self.below(24), self.below(60), self.below(60)),
                13 => format!("{}@{name}", self.word()),
                14 => format!("xn--{}-{}.com", self.word(), self.word()),
                _ => format!("{}é{name}", self.word()),
            };
            put!(self, "{text} {address} [{text}] {name}\n");
        }
    }
}
