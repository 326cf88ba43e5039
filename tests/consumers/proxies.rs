//! Web servers and proxies: nginx, HAProxy, Squid.

use super::model::Says;
use super::program::{Server, free_port, program};
use super::world::{Exported, network, world};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What a list of addresses loses of the model.
const ADDRESSES_LOST: [&str; 4] = ["exception", "name", "time", "url"];

/// What a list of names with trees loses of the model.
const TREES_LOST: [&str; 5] = ["address", "exception", "scope", "time", "url"];

/// A server that is to be started in a folder of its own.
struct Setting {
    program: PathBuf,
    exported: Exported,
    folder: PathBuf,
    port: u16,
}

impl Setting {
    /// `None` where the program is missing.
    fn new(name: &str, format: &str, lost: &[&str]) -> Option<Setting> {
        let program = program(name)?;
        let exported = world().export(format, name, lost);
        let folder = exported.path.parent().expect("a folder").to_owned();
        Some(Setting { program, exported, folder, port: free_port() })
    }

    fn start(&self, config: &str, args: &[&str]) -> Server {
        let text = config.replace("FOLDER", self.folder.to_str().expect("UTF-8"));
        fs::write(self.folder.join("config"), text.replace("PORT", &self.port.to_string())).expect("written");
        Server::start(Path::new(&self.program), args, &self.folder, |_| {
            TcpStream::connect(("127.0.0.1", self.port)).is_ok()
        })
    }

    /// Sends a request over a connection of its own. Returns the status of the response.
    fn status(&self, request: &str) -> u16 {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
        stream.write_all(request.as_bytes()).expect("sent");
        let mut response = [0; 12];
        stream.read_exact(&mut response).expect("a response");
        let response = String::from_utf8_lossy(&response);
        response.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status")
    }

    /// Whether each request is refused: 403, and 200 otherwise.
    fn refused(&self, requests: impl Iterator<Item = String>) -> Vec<bool> {
        let is_refused = |request: String| {
            let status = self.status(&request);
            assert!([200, 403].contains(&status), "{status} for {request}");
            status == 403
        };
        requests.map(is_refused).collect()
    }
}

#[test]
fn nginx_refuses_what_lookup_blocks() {
    let Some(setting) = Setting::new("nginx", "nginx-geo", &ADDRESSES_LOST) else { return };
    let config = r#"
daemon off; master_process off; pid FOLDER/pid; error_log stderr;
events { }
http {
    access_log off; client_body_temp_path FOLDER/1; proxy_temp_path FOLDER/2; fastcgi_temp_path FOLDER/3;
    uwsgi_temp_path FOLDER/4; scgi_temp_path FOLDER/5;
    geo $arg_address $is_blocked { default 0; include FOLDER/exported; }
    server { listen 127.0.0.1:PORT; if ($is_blocked) { return 403; } return 200; }
}
"#;
    let _server = setting.start(config, &["-p", ".", "-e", "stderr", "-c", "config"]);
    let request = |text: &str| format!("GET /?address={text} HTTP/1.0\r\n\r\n");
    let found = setting.refused(world().addresses.iter().map(|row| request(&row.text)));
    world().check_addresses("nginx", &found);
}

/// What the program reads in a file that it wrote: as many indicators as lines, none refused.
fn read_back(exported: &Exported, args: &[&str]) -> Vec<(String, String)> {
    let path = exported.path.to_str().expect("UTF-8");
    let output = world().rapsheet(&[&["parse"], args, &[path]].concat(), "");
    let text = String::from_utf8(output.stdout).expect("text");
    let rows: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let word = |row: &serde_json::Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
    let rows = rows.iter().map(|row| (word(row, "result"), word(row, "indicator")));
    let rows: Vec<_> = rows.filter(|(result, _)| result != "skip").collect();
    let lines = exported.text().lines().filter(|line| !line.starts_with('#')).count();
    assert_eq!(rows.len(), lines);
    assert!(rows.iter().all(|(result, _)| result != "reject"), "{args:?}");
    rows
}

#[test]
fn what_nginx_reads_is_read_back() {
    let exported = world().export("nginx-geo", "nginx-back", &ADDRESSES_LOST);
    let networks = read_back(&exported, &["--format", "firewall-config"]);
    let networks: Vec<ipnet::IpNet> = networks.iter().map(|(_, text)| network(text)).collect();
    let is_in = |text: &str| {
        let asked = network(text);
        networks.iter().any(|listed| listed.contains(&asked))
    };
    let found: Vec<bool> = world().addresses.iter().map(|row| is_in(&row.text)).collect();
    world().check_addresses("parse", &found);
}

#[test]
fn what_squid_reads_is_read_back() {
    let exported = world().export("squid", "squid-back", &TREES_LOST);
    let rows = read_back(&exported, &["--format", "squidguard", "--option", "dialect=squid"]);
    let is_in = |name: &str| {
        rows.iter().any(|(result, listed)| match name.strip_suffix(listed.as_str()) {
            Some("") => true,
            Some(rest) => rest.ends_with('.') && result == "domain-tree",
            None => false,
        })
    };
    let found: Vec<bool> = world().names.iter().map(|row| is_in(&row.text)).collect();
    world().check_names("parse", Says::ExactAndTree, &exported, &found);
}

#[test]
fn haproxy_refuses_what_lookup_blocks() {
    let Some(setting) = Setting::new("haproxy", "plain-ip", &ADDRESSES_LOST) else { return };
    let config = "
defaults
    mode http
    timeout client 10s
    timeout server 10s
    timeout connect 10s
frontend web
    bind 127.0.0.1:PORT accept-proxy
    http-request deny if { src -f FOLDER/exported }
    http-request return status 200
";
    let _server = setting.start(config, &["-db", "-f", "config"]);
    // The first line states whose connection it is.
    let request = |is_ipv6: bool, text: &str| match is_ipv6 {
        true => format!("PROXY TCP6 {text} ::1 4000 80\r\nGET / HTTP/1.0\r\n\r\n"),
        false => format!("PROXY TCP4 {text} 127.0.0.1 4000 80\r\nGET / HTTP/1.0\r\n\r\n"),
    };
    let found = setting.refused(world().addresses.iter().map(|row| request(row.is_ipv6, &row.text)));
    world().check_addresses("haproxy", &found);
}

#[test]
fn squid_refuses_what_lookup_blocks() {
    let Some(setting) = Setting::new("squid", "squid", &TREES_LOST) else { return };
    // What is not blocked is redirected, so that no server is needed: only its status counts.
    let config = r#"
http_port 127.0.0.1:PORT
acl blocked dstdomain "FOLDER/exported"
acl all_others src all
http_access deny blocked
deny_info 200:ERR_ACCESS_DENIED all_others
http_access deny all_others
cache deny all
cache_mem 1 MB
access_log none
cache_log /dev/null
netdb_filename none
pid_filename none
pinger_enable off
shutdown_lifetime 0 seconds
max_filedescriptors 4096
"#;
    let server = setting.start(config, &["-N", "-f", "config", "-d", "1"]);
    let request = |name: &str| format!("GET http://{name}/ HTTP/1.0\r\nHost: {name}\r\n\r\n");
    let found = setting.refused(world().names.iter().map(|name| request(&name.text)));
    let log = server.log();
    assert!(!log.contains("WARNING: ") && !log.contains("ERROR: "), "{log}");
    world().check_names("squid", Says::ExactAndTree, &setting.exported, &found);
}
