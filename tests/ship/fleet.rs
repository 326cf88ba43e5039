//! One origin, many hosts that pull when they like, over connections that break: all end with the same snapshot, and
//! the origin sends hardly more than it must.
//!
//! In CI, there are twelve hosts and five publications; with `RAPSHEET_PULLERS`, fifty hosts, or as many as it says,
//! and thirty publications.

use super::host::Host;
use super::publisher::Publisher;
use super::web::offer;
use crate::consumers::program::{self, free_port, program};
use crate::fetch::server;
use crate::random::Random;
use rapsheet_ship::{Manifest, Route};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

/// How many hosts, and how many publications.
fn sizes() -> (usize, usize) {
    match std::env::var("RAPSHEET_PULLERS") {
        Ok(text) => (text.parse().unwrap_or(50), 30),
        Err(_) => (12, 5),
    }
}

/// nginx, or the server of these tests where there is none.
enum Origin {
    Nginx { _server: program::Server, address: SocketAddr },
    Own(server::Server),
}

impl Origin {
    fn of(publisher: &Publisher) -> Origin {
        let Some(nginx) = program("nginx") else { return Origin::Own(offer(&publisher.site())) };
        let (port, folder) = (free_port(), publisher.path("nginx"));
        std::fs::create_dir_all(&folder).expect("a folder");
        let config = "
daemon off; master_process off; pid FOLDER/pid; error_log stderr;
events { worker_connections 1000; }
http {
    log_format sent '$body_bytes_sent'; access_log FOLDER/sent sent; client_body_temp_path FOLDER/1; proxy_temp_path FOLDER/2; fastcgi_temp_path FOLDER/3;
    uwsgi_temp_path FOLDER/4; scgi_temp_path FOLDER/5;
    server { listen 127.0.0.1:PORT; root SITE; }
}
";
        let text = config
            .replace("FOLDER", folder.to_str().expect("UTF-8"))
            .replace("SITE", publisher.site().to_str().expect("UTF-8"))
            .replace("PORT", &port.to_string());
        std::fs::write(folder.join("config"), text).expect("written");
        let args = ["-p", ".", "-e", "stderr", "-c", "config"];
        let is_ready = |_: &str| TcpStream::connect(("127.0.0.1", port)).is_ok();
        let server = program::Server::start(&nginx, &args, &folder, is_ready);
        Origin::Nginx { _server: server, address: SocketAddr::from(([127, 0, 0, 1], port)) }
    }

    /// How many bytes it sent, without the heads of its answers, where it counts them.
    fn sent(&self, publisher: &Publisher) -> Option<u64> {
        let Origin::Nginx { .. } = self else { return None };
        let log = std::fs::read_to_string(publisher.path("nginx/sent")).expect("a log");
        Some(log.lines().map(|line| line.parse::<u64>().expect("a number")).sum())
    }

    fn address(&self) -> SocketAddr {
        match self {
            Origin::Nginx { address, .. } => *address,
            Origin::Own(server) => server.address(),
        }
    }
}

/// A network that breaks a share of the connections in the middle.
struct Network {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    origin: SocketAddr,
    /// Of a thousand connections, how many break.
    loss: AtomicU64,
    broken: AtomicU64,
    stop: AtomicBool,
}

impl Network {
    fn before(origin: SocketAddr) -> Network {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (loss, broken) = (AtomicU64::new(0), AtomicU64::new(0));
        let shared = Arc::new(Shared { origin, loss, broken, stop: AtomicBool::new(false) });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                if accepting.stop.load(Ordering::SeqCst) {
                    break;
                }
                let (shared, Ok(stream)) = (Arc::clone(&accepting), stream) else { continue };
                thread::spawn(move || carry(stream, &shared, &mut Random::new(number as u64)));
            }
        });
        Network { address, shared }
    }

    fn url(&self) -> String {
        format!("http://{}/", self.address)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

/// Carries a connection to its end, or breaks it after some bytes.
fn carry(client: TcpStream, shared: &Shared, random: &mut Random) {
    let Ok(server) = TcpStream::connect(shared.origin) else { return };
    let (Ok(mut from_client), Ok(mut to_server)) = (client.try_clone(), server.try_clone()) else { return };
    thread::spawn(move || {
        let _ = std::io::copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(Shutdown::Write);
    });
    let breaks = random.below(1000) < shared.loss.load(Ordering::SeqCst);
    let mut left = if breaks { 100 + random.below(3000) } else { u64::MAX };
    let (mut server, mut client, mut buffer) = (server, client, [0; 1 << 10]);
    while left > 0 {
        let Ok(count @ 1..) = server.read(&mut buffer) else { break };
        let count = count.min(usize::try_from(left).unwrap_or(usize::MAX));
        if client.write_all(&buffer[..count]).is_err() {
            break;
        }
        left -= count as u64;
    }
    shared.broken.fetch_add(u64::from(left == 0), Ordering::SeqCst);
    let _ = client.shutdown(Shutdown::Both);
    let _ = server.shutdown(Shutdown::Both);
}

/// What a host must get at least: the files of its way, the manifest, and the signature.
fn least(publisher: &Publisher, host: &Host, manifest: &Manifest) -> u64 {
    let here = host.bytes().map(|bytes| rapsheet_ship::Digest::of(&bytes));
    let small = ["latest.json", "latest.json.minisig"].map(|path| publisher.read(path).len() as u64);
    Route::cheapest(manifest, here, u64::MAX).bytes(manifest) + small.iter().sum::<u64>()
}

/// All hosts that have their turn pull, a few at a time; each may have to try more than once.
fn pull(hosts: &[&Host], from: &str, publisher: &Publisher, tries: usize) {
    let now = publisher.now();
    let next = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(host) = hosts.get(next.fetch_add(1, Ordering::SeqCst) as usize) {
                    let is_done = (0..tries).any(|_| host.run(from, now).status.success());
                    assert!(is_done, "a host succeeds in {tries} tries");
                }
            });
        }
    });
}

/// Each publication is taken by a random half of the hosts, and the last one by all. Returns how many times as many
/// bytes the origin sent as the hosts needed.
fn follow(loss: u64, tries: usize) -> Option<f64> {
    let (count, publications) = sizes();
    let mut publisher = Publisher::with_publications(3000, 1);
    let origin = Origin::of(&publisher);
    let network = Network::before(origin.address());
    let hosts: Vec<Host> = (0..count).map(|_| Host::new()).collect();
    let (mut random, mut ideal) = (Random::new(loss + 1), 0);
    network.shared.loss.store(loss, Ordering::SeqCst);
    for publication in 1..=publications {
        let manifest = publisher.next().manifest;
        let turn = |_: &&Host| random.below(2) == 0 || publication == publications;
        let turn: Vec<&Host> = hosts.iter().filter(turn).collect();
        ideal += turn.iter().map(|host| least(&publisher, host, &manifest)).sum::<u64>();
        pull(&turn, &network.url(), &publisher, tries);
    }
    for host in &hosts {
        assert!(host.bytes() == Some(publisher.bytes()), "all end with the same snapshot");
        host.assert_tidy("at the end");
    }
    let broken = network.shared.broken.load(Ordering::SeqCst);
    assert!(loss == 0 || broken > 3, "{broken} connections broke");
    // What is still under way.
    thread::sleep(Duration::from_millis(100));
    let share = origin.sent(&publisher)? as f64 / ideal as f64;
    eprintln!(
        "{count} hosts, {publications} publications, {broken} broken connections: {share:.3} of the ideal"
    );
    Some(share)
}

#[test]
fn hosts_take_hardly_more_than_they_must() {
    let share = follow(0, 1);
    assert!(share.is_none_or(|share| (0.9..1.1).contains(&share)), "{share:?}");
}

#[test]
fn all_hosts_get_there_over_a_network_that_breaks() {
    let share = follow(300, 5);
    assert!(share.is_none_or(|share| (0.9..2.0).contains(&share)), "{share:?}");
}
