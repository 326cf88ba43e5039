//! Resolvers with response policy zones, local zones and lists of their own: BIND, Unbound, Knot Resolver,
//! the PowerDNS Recursor, dnsmasq.

use super::dns::{self, Answer, Question};
use super::model::Says;
use super::program::{Server, free_port, program};
use super::world::{Exported, world};
use std::fs;
use std::path::{Path, PathBuf};

/// What a response policy zone loses of the model.
const RPZ_LOST: [&str; 2] = ["time", "url"];

/// What a list of names with trees loses of the model.
const TREES_LOST: [&str; 5] = ["address", "exception", "scope", "time", "url"];

/// What a list of names loses of the model.
const NAMES_LOST: [&str; 5] = TREES_LOST;

/// A resolver that is to be started in a folder of its own.
struct Setting {
    program: PathBuf,
    exported: Exported,
    folder: PathBuf,
    port: u16,
    upstream: u16,
}

impl Setting {
    /// `None` where the program is missing.
    fn new(name: &str, format: &str, test: &str, lost: &[&str]) -> Option<Setting> {
        let program = program(name)?;
        let exported = world().export(format, test, lost);
        let folder = exported.path.parent().expect("a folder").to_owned();
        Some(Setting { program, exported, folder, port: free_port(), upstream: dns::upstream() })
    }

    fn write(&self, file: &str, text: &str) {
        let text = text.replace("FOLDER", self.folder.to_str().expect("UTF-8"));
        let text = text.replace("UPSTREAM", &self.upstream.to_string());
        fs::write(self.folder.join(file), text.replace("PORT", &self.port.to_string())).expect("written");
    }

    fn start(&self, args: &[&str]) -> Server {
        self.start_until(args, "")
    }

    /// Starts it, and waits until it answers and has logged a text.
    fn start_until(&self, args: &[&str], logged: &str) -> Server {
        Server::start(&self.program, args, &self.folder, |log| {
            log.contains(logged) && dns::is_ready(self.port)
        })
    }

    /// What it answers for each name.
    fn names(&self) -> Vec<Answer> {
        let questions: Vec<Question> = world().names.iter().map(|name| Question::new(&name.text)).collect();
        dns::query(self.port, &questions)
    }

    /// What it answers for names that have the addresses.
    fn addresses(&self) -> Vec<Answer> {
        let addresses = world().addresses.iter().map(|row| row.text.parse().expect("an address"));
        dns::query(self.port, &addresses.map(Question::for_address).collect::<Vec<_>>())
    }

    /// Checks that names are answered with one of `blocked`, or as the upstream server answers.
    fn check_names(&self, consumer: &str, says: Says, blocked: &[Answer]) {
        let found = self.names();
        let passed = Answer::Address(dns::UPSTREAM);
        assert_answers(consumer, found.iter(), |answer| blocked.contains(answer) || *answer == passed);
        let found: Vec<bool> = found.iter().map(|answer| *answer != passed).collect();
        world().check_names(consumer, says, &self.exported, &found);
    }

    /// Checks that a zone says what it can, of names and of the addresses that names have.
    fn check_zone(&self, consumer: &str) {
        self.check_names(consumer, Says::All, &[Answer::NxDomain]);
        let found = self.addresses();
        let is_answer = |answer: &Answer| matches!(answer, Answer::NxDomain | Answer::Address(_));
        assert_answers(consumer, found.iter(), is_answer);
        let found: Vec<bool> = found.iter().map(|answer| *answer == Answer::NxDomain).collect();
        world().check_addresses(consumer, &found);
    }
}

fn assert_answers<'a>(
    consumer: &str,
    answers: impl Iterator<Item = &'a Answer>,
    is_good: impl Fn(&Answer) -> bool,
) {
    let other: Vec<&Answer> = answers.filter(|answer| !is_good(answer)).collect();
    assert!(other.is_empty(), "{consumer}: {} other answers, such as {:?}", other.len(), other[0]);
}

const NULL_V4: Answer = Answer::Address(std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED));

#[test]
fn bind_answers_from_the_zone() {
    let Some(setting) = Setting::new("named", "rpz", "named", &RPZ_LOST) else { return };
    setting.write(
        "named.conf",
        r#"
options {
    directory "FOLDER"; listen-on port PORT { 127.0.0.1; }; listen-on-v6 { none; };
    pid-file none; session-keyfile "FOLDER/session.key"; lock-file none;
    forwarders { 127.0.0.1 port UPSTREAM; }; forward only; dnssec-validation no; empty-zones-enable no;
    recursive-clients 4000;
    response-policy { zone "rapsheet"; } qname-wait-recurse no;
};
controls { };
zone "rapsheet" { type primary; file "exported"; notify no; };
"#,
    );
    // It answers before it has read the zone.
    let server = setting.start_until(&["-g", "-c", "named.conf"], "rpz: rapsheet: reload done: success");
    setting.check_zone("named");
    let log = server.log();
    let allowed = world().names.iter().filter(|name| name.verdict.is_allowed && !name.verdict.is_blocked());
    for name in allowed.filter(|name| world().model.is_listed(&name.text)) {
        let passed = format!("rpz QNAME PASSTHRU rewrite {}/A/IN", name.text);
        assert!(log.contains(&passed), "{} is an exception", name.text);
    }
}

#[test]
fn unbound_answers_from_the_zone() {
    let Some(setting) = Setting::new("unbound", "rpz", "unbound-rpz", &RPZ_LOST) else { return };
    setting.write(
        "unbound.conf",
        r#"
server:
    interface: 127.0.0.1@PORT
    do-daemonize: no
    username: ""
    chroot: ""
    directory: "FOLDER"
    pidfile: ""
    use-syslog: no
    do-not-query-localhost: no
    module-config: "respip validator iterator"
rpz:
    name: rapsheet
    zonefile: "FOLDER/exported"
remote-control:
    control-enable: no
forward-zone:
    name: "."
    forward-addr: 127.0.0.1@UPSTREAM
"#,
    );
    let _server = setting.start(&["-d", "-c", "unbound.conf"]);
    setting.check_zone("unbound");
}

#[test]
fn pdns_recursor_answers_from_the_zone() {
    let Some(setting) = Setting::new("pdns_recursor", "rpz", "pdns", &RPZ_LOST) else { return };
    setting.write("zones.lua", "rpzFile(\"FOLDER/exported\", {policyName=\"rapsheet\"})\n");
    setting.write(
        "recursor.conf",
        "local-address=127.0.0.1\nlocal-port=PORT\nsocket-dir=FOLDER\ndaemon=no\ndnssec=off\nthreads=1\n\
         forward-zones-recurse=.=127.0.0.1:UPSTREAM\nlua-config-file=FOLDER/zones.lua\n\
         security-poll-suffix=\nwrite-pid=no\nexport-etc-hosts=no\nserve-rfc1918=no\n",
    );
    let _server = setting.start(&["--config-dir=."]);
    setting.check_zone("pdns_recursor");
}

/// Knot Resolver does not look at addresses, and an exception ends all of its policies, a forwarding one
/// among them.
#[test]
fn knot_resolver_answers_from_the_zone() {
    let Some(setting) = Setting::new("kresd", "rpz", "kresd", &RPZ_LOST) else { return };
    without_exceptions(&setting.exported.path, &setting.folder.join("zone"));
    setting.write(
        "kresd.conf",
        "net.listen('127.0.0.1', PORT, { kind = 'dns' })\n\
         trust_anchors.remove('.')\n\
         policy.add(policy.rpz(policy.DENY, 'FOLDER/zone', false))\n\
         policy.add(policy.all(policy.STUB('127.0.0.1@UPSTREAM')))\n",
    );
    let _server = setting.start(&["-n", "-c", "kresd.conf", "."]);
    setting.check_names("kresd", Says::All, &[Answer::NxDomain]);
}

fn without_exceptions(zone: &Path, to: &Path) {
    let text = fs::read_to_string(zone).expect("a zone");
    let lines = text.lines().filter(|line| !line.ends_with("rpz-passthru."));
    fs::write(to, lines.map(|line| format!("{line}\n")).collect::<String>()).expect("written");
}

#[test]
fn unbound_answers_from_local_zones() {
    let Some(setting) = Setting::new("unbound", "unbound", "unbound", &TREES_LOST) else { return };
    setting.write(
        "unbound.conf",
        r#"
server:
    interface: 127.0.0.1@PORT
    do-daemonize: no
    username: ""
    chroot: ""
    directory: "FOLDER"
    pidfile: ""
    use-syslog: no
    do-not-query-localhost: no
    module-config: "iterator"
include: "FOLDER/exported"
remote-control:
    control-enable: no
forward-zone:
    name: "."
    forward-addr: 127.0.0.1@UPSTREAM
"#,
    );
    let _server = setting.start(&["-d", "-c", "unbound.conf"]);
    setting.check_names("unbound", Says::ExactAndTree, &[Answer::NxDomain, NULL_V4]);
}

fn dnsmasq(format: &str, says: Says, lost: &[&str], option: &str) {
    let Some(setting) = Setting::new("dnsmasq", format, &format!("dnsmasq-{format}"), lost) else { return };
    setting.write(
        "dnsmasq.conf",
        &format!(
            "port=PORT\nlisten-address=127.0.0.1\nbind-interfaces\nno-resolv\nno-hosts\nuser=root\n\
             dns-forward-max=1000\nserver=127.0.0.1#UPSTREAM\n{option}=FOLDER/exported\n"
        ),
    );
    let _server = setting.start(&["--keep-in-foreground", "--pid-file", "--conf-file=dnsmasq.conf"]);
    setting.check_names("dnsmasq", says, &[Answer::NxDomain, NULL_V4]);
}

#[test]
fn dnsmasq_answers_from_its_configuration() {
    dnsmasq("dnsmasq", Says::ExactAndTree, &TREES_LOST, "conf-file");
}

#[test]
fn dnsmasq_answers_from_a_hosts_file() {
    dnsmasq("hosts", Says::Exact, &NAMES_LOST, "addn-hosts");
}
