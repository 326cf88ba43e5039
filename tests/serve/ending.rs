//! How a server begins and ends: signals, sockets of systemd, and telling it.

use super::client::Client;
use super::{InProcess, Running, short};
use crate::test_dir::TestDir;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

#[test]
fn signals_end_it_with_0() {
    for signal in ["TERM", "INT"] {
        let dir = TestDir::new();
        let mut server = Running::start(&dir, &[]);
        let mut idle = Client::connect(server.address);
        assert_eq!(idle.get("/healthz").status, 200);
        server.signal(signal);
        assert_eq!(server.wait(), Some(0), "{signal}");
        assert!(idle.is_closed());
    }
}

#[test]
fn what_is_under_way_is_answered_before_the_end() {
    let dir = TestDir::new();
    let mut server = Running::start(&dir, &[]);
    let mut client = Client::connect(server.address);
    client.send("POST /v4/ip HTTP/1.1\r\nhost: x\r\ncontent-length: 14\r\n\r\n{\"addr");
    // Until its body is waited for.
    thread::sleep(Duration::from_millis(300));
    server.signal("TERM");
    thread::sleep(Duration::from_millis(300));
    client.send("ess\":[]}");
    let answer = client.answer();
    assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
    assert_eq!(server.wait(), Some(0));
}

#[test]
fn the_end_has_a_deadline() {
    let mut server = InProcess::start(rapsheet_serve::Limits { body_time: super::PATIENCE, ..short() });
    let mut client = server.connect();
    client.send("POST /v4/ip HTTP/1.1\r\nhost: x\r\ncontent-length: 14\r\n\r\n");
    thread::sleep(Duration::from_millis(300));
    let began = Instant::now();
    server.end();
    assert!((1500..10_000).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
    let told = server.told.lock().expect("no panic").join("\n");
    assert!(told.contains("1 connections were cut off"), "{told}");
}

/// As systemd passes a socket: the third descriptor, and two variables.
#[test]
fn a_socket_of_systemd_is_used() {
    let dir = TestDir::new();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let notified = UnixDatagram::bind(dir.path("notify")).expect("a socket");
    let mut command = Command::new("sh");
    command.args(["-c", "exec 3<&0 </dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec \"$@\"", "sh"]);
    command.arg(env!("CARGO_BIN_EXE_rapsheet")).args(["serve", "--now", crate::sample::NOW]);
    command.current_dir(dir.folder.path()).env("NOTIFY_SOCKET", dir.path("notify"));
    let child = command
        .stdin(Stdio::from(OwnedFd::from(listener)))
        .stderr(Stdio::null())
        .spawn()
        .expect("a child process");
    let _ended = Ended(child);
    let mut message = [0; 64];
    let length = notified.recv(&mut message).expect("a message");
    assert_eq!(message[..length].trim_ascii_end(), b"READY=1");
    assert_eq!(Client::connect(address).get("/healthz").status, 200);
}

/// A child process that ends with the test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What reads the log may have stopped reading.
#[test]
fn a_log_that_is_not_read_does_not_hold_up_the_end() {
    let dir = TestDir::new();
    let mut command = dir.command(&["serve", "--listen", "127.0.0.1:0", "--access-log", "-"]);
    command.stdout(Stdio::piped());
    let mut server = Running::of(command);
    // Nothing reads its stdout, and a pipe holds 64 KiB.
    let mut client = Client::connect(server.address);
    for _ in 0..1000 {
        assert_eq!(client.get("/v4/ip/45.9.20.5").status, 200);
    }
    server.signal("TERM");
    let began = Instant::now();
    server.line_with("its last lines are lost");
    assert_eq!(server.wait(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
}

#[test]
fn a_port_in_use_is_an_error() {
    let dir = TestDir::new();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let output = dir.run(&["serve", "--listen", &address]);
    assert_eq!(crate::test_dir::code(&output), 5);
    assert!(crate::test_dir::stderr(&output).contains(&format!("--listen {address}")));
}
