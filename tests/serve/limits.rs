//! Every limit on clients, each with what becomes of the client and that others see no difference.

use super::client::Client;
use super::{InProcess, PATIENCE, Running, short, wait_until};
use crate::process::memory;
use crate::test_dir::TestDir;
use rapsheet_serve::Limits;
use std::io::Write;
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

fn elapsed(of: impl FnOnce()) -> Duration {
    let began = Instant::now();
    of();
    began.elapsed()
}

/// The numbers of the contract.
#[test]
fn limits_are_those_that_are_promised() {
    let limits = Limits::default();
    let seconds = Duration::from_secs;
    assert_eq!((limits.connections, limits.bulk_max), (256, 50));
    assert_eq!((limits.header_time, limits.idle_time), (seconds(5), seconds(60)));
}

#[test]
fn headers_of_16_kib_pass_and_longer_ones_do_not() {
    let server = InProcess::start(short());
    let headers = |total: usize| {
        let start = "GET /healthz HTTP/1.1\r\nhost: x\r\nx: ";
        format!("{start}{}\r\n\r\n", "y".repeat(total - start.len() - 4))
    };
    let mut client = server.connect();
    client.send(headers(15 << 10));
    assert_eq!(client.answer().status, 200);
    let mut client = server.connect();
    client.send_until_refused(headers(17 << 10).as_bytes(), 17 << 10);
    assert_eq!(client.answer().code(), 431_001);
    assert!(client.is_closed());
}

#[test]
fn headers_that_come_slowly_end_the_connection() {
    let server = InProcess::start(short());
    let mut client = server.connect();
    let took = elapsed(|| {
        client.send("GET /healthz HTTP/1.1\r\n");
        let mut tcp = client.clone_stream();
        let drip = thread::spawn(move || {
            while tcp.write_all(b"x: y\r\n").is_ok() {
                thread::sleep(Duration::from_millis(100));
            }
        });
        assert!(client.is_closed());
        drip.join().expect("it ended");
    });
    assert!((500..5000).contains(&took.as_millis()), "{took:?}");
    server.assert_answers();
}

#[test]
fn a_body_of_1_mib_passes_and_a_longer_one_does_not() {
    let server = InProcess::start(short());
    let line = b"45.9.20.5\n";
    let body: Vec<u8> = line.iter().copied().cycle().take(1 << 20).collect();
    let answer = server.connect().post("/v1/lookup", &body);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body.iter().filter(|byte| **byte == b'\n').count(), body.len().div_ceil(line.len()));
    let longer = [body.as_slice(), b"x"].concat();
    let mut client = server.connect();
    client.send(format!("POST /v1/lookup HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", longer.len()));
    let answer = client.answer();
    assert_eq!((answer.code(), answer.header("connection")), (413_001, Some("close")), "before it is sent");
    assert!(client.is_closed());
}

/// The answer arrives although the client has sent more than was read.
#[test]
fn an_endless_body_ends_the_connection() {
    let server = InProcess::start(short());
    for _ in 0..5 {
        let mut client = server.connect();
        client.send("POST /v1/lookup HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n");
        let chunk = format!("4000\r\n{}\r\n", "45.9.20.5\n".repeat(0x4000 / 10 + 1).split_at(0x4000).0);
        assert!(client.send_until_refused(chunk.as_bytes(), 1 << 20) > 0);
        client.send_until_refused(chunk.as_bytes(), chunk.len() * 3);
        assert_eq!(client.answer().code(), 413_001);
    }
    server.assert_answers();
}

#[test]
fn a_body_that_comes_slowly_ends_the_connection() {
    let server = InProcess::start(short());
    let mut client = server.connect();
    let took = elapsed(|| {
        client.send("POST /v1/lookup HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n");
        let mut tcp = client.clone_stream();
        let drip = thread::spawn(move || {
            while tcp.write_all(b"4").is_ok() {
                thread::sleep(Duration::from_millis(100));
            }
        });
        assert!(client.is_closed());
        drip.join().expect("it ended");
    });
    assert!((800..5000).contains(&took.as_millis()), "{took:?}");
    server.assert_answers();
}

#[test]
fn a_connection_may_rest_between_requests_but_not_for_ever() {
    let server = InProcess::start(short());
    for method in ["GET", "HEAD"] {
        let mut client = server.connect();
        for _ in 0..2 {
            client.send(format!("{method} /healthz HTTP/1.1\r\nhost: x\r\n\r\n"));
            assert_eq!(client.try_answer(method == "GET").expect("an answer").status, 200);
            // Longer than headers may take.
            thread::sleep(Duration::from_millis(900));
        }
        let took = elapsed(|| assert!(client.is_closed()));
        assert!(took < Duration::from_secs(5), "{method}: {took:?}");
    }
}

/// A client that asks for much and reads nothing is closed.
#[test]
fn a_client_that_reads_nothing_ends_the_connection() {
    let server = InProcess::start(short());
    let body = "45.9.20.5\n".repeat(100_000);
    let request =
        format!("POST /v1/lookup HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let mut clients: Vec<Client> = (0..8).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send(&request);
    }
    thread::sleep(Duration::from_millis(600));
    server.assert_answers();
    wait_until("the server closes them", || {
        server.connect().get("/metrics").text().contains("\nrapsheet_http_connections 1\n")
    });
}

/// Answers that are read slowly, but read, go on.
#[test]
fn a_client_that_reads_slowly_gets_all() {
    let server = InProcess::start(short());
    let mut client = server.connect();
    let body = "45.9.20.5\n".repeat(50_000);
    client
        .send(format!("POST /v1/lookup HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}", body.len()));
    thread::sleep(Duration::from_millis(500));
    let answer = client.answer();
    assert_eq!(answer.body.iter().filter(|byte| **byte == b'\n').count(), 50_000);
}

#[test]
fn the_connection_that_waits_longest_makes_room() {
    let server = InProcess::start(Limits { connections: 4, ..Limits::default() });
    let mut idle: Vec<Client> = (0..4).map(|_| server.connect()).collect();
    idle.iter_mut().for_each(|client| assert_eq!(client.get("/healthz").status, 200));
    let refused = server.connect().get("/healthz");
    assert_eq!(
        (refused.code(), refused.header("retry-after")),
        (503_003, Some("1")),
        "all have just been used"
    );
    thread::sleep(Duration::from_millis(1500));
    server.assert_answers();
    let open = idle.iter_mut().map(|client| usize::from(client.is_open())).sum::<usize>();
    assert_eq!(open, 3, "one of them has made room");
}

/// 256 of them, which is all that there are, and of every kind.
#[test]
fn slow_clients_keep_none_from_others() {
    let server = InProcess::start(Limits::default());
    let starts = [
        "",
        "GET /v4/ip/45",
        "POST /v1/lookup HTTP/1.1\r\nhost: x\r\ncontent-length: 999999\r\n\r\n45.9.20.5\n",
        "POST /v1/lookup HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n",
    ];
    let slow: Vec<TcpStream> = (0..256)
        .map(|at| {
            let mut tcp = TcpStream::connect(server.address).expect("a connection");
            tcp.write_all(starts[at % starts.len()].as_bytes()).expect("sent");
            tcp
        })
        .collect();
    thread::sleep(Duration::from_millis(1500));
    for _ in 0..20 {
        server.assert_answers();
    }
    drop(slow);
}

/// Long bodies share some room; one that comes slowly makes way for those that come.
#[test]
fn slow_long_bodies_make_way() {
    let server = InProcess::start(Limits { body_time: PATIENCE, ..Limits::default() });
    let body = "45.9.20.5\n".repeat(20_000);
    let slow: Vec<Client> = (0..20)
        .map(|_| {
            let mut client = server.connect();
            client.send(format!(
                "POST /v1/lookup HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n",
                body.len()
            ));
            client.send(&body.as_bytes()[..100_000]);
            client
        })
        .collect();
    thread::sleep(Duration::from_millis(1500));
    let began = Instant::now();
    assert_eq!(server.connect().post("/v1/lookup", body.as_bytes()).status, 200);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    drop(slow);
}

/// Sixteen of them hold all the room that there is, and one reads a little now and then.
#[test]
fn answers_that_are_not_read_make_way() {
    let server = InProcess::start(Limits { stall_time: PATIENCE, ..Limits::default() });
    let body = "45.9.20.5\n".repeat(100_000);
    let slow: Vec<Client> = (0..20)
        .map(|_| {
            let mut client = server.connect();
            let length = body.len();
            client.send(format!("POST /v1/lookup HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n"));
            client.send_until_refused(body.as_bytes(), length);
            client
        })
        .collect();
    thread::sleep(Duration::from_millis(1500));
    let began = Instant::now();
    assert_eq!(server.connect().post("/v1/lookup", &body.as_bytes()[..100_000]).status, 200);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    drop(slow);
}

/// The program, with all that it may be given at once. The snapshot is mapped, and not counted.
#[test]
fn memory_is_bounded() {
    let dir = TestDir::new();
    let server = Running::start(&dir, &[]);
    let body = format!("{{\"address\":[{}]}}", vec!["\"45.9.20.5\""; 50].join(","));
    let long = "45.9.20.5\n".repeat(100_000);
    let mut clients: Vec<Client> = (0..255).map(|_| Client::connect(server.address)).collect();
    for (at, client) in clients.iter_mut().enumerate() {
        match at % 4 {
            0 => client.send(format!("POST /v4/ip HTTP/1.1\r\ncontent-length: {}\r\n\r\n{body}", body.len())),
            1 => client.send(format!("GET /healthz HTTP/1.1\r\nx: {}", "y".repeat(15_000))),
            2 => {
                client.send("POST /v1/lookup HTTP/1.1\r\ncontent-length: 1000000\r\n\r\n");
                client.send(&long[..60_000]);
            }
            // A long answer, which is not read. Not all of such bodies find room.
            _ => {
                client.send(format!("POST /v1/lookup HTTP/1.1\r\ncontent-length: {}\r\n\r\n", long.len()));
                client.send_until_refused(long.as_bytes(), long.len());
            }
        }
    }
    let mut most = 0;
    for _ in 0..20 {
        most = most.max(memory(&server.child.id().to_string(), "RssAnon").unwrap_or(0));
        thread::sleep(Duration::from_millis(50));
    }
    assert!(most < 48 << 10, "{most} KiB");
    assert_eq!(server.get("/healthz").status, 200);
}
