//! As much of DNS as the tests need: questions to a resolver, and an upstream server that has an answer for
//! all.

#![allow(clippy::big_endian_bytes, reason = "networks have this order")]

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::time::{Duration, Instant};

/// What the upstream server answers for names that are not made of an address.
pub(super) const UPSTREAM: IpAddr = IpAddr::V4(Ipv4Addr::new(45, 200, 0, 1));

const A: u16 = 1;
const AAAA: u16 = 28;
/// How many questions are in flight at once.
const WINDOW: usize = 50;
const PATIENCE: Duration = Duration::from_millis(1500);

/// A question: for an IPv6 address of a name, or an IPv4 address.
#[derive(Clone)]
pub(super) struct Question {
    pub(super) name: String,
    pub(super) is_ipv6: bool,
}

impl Question {
    pub(super) fn new(name: &str) -> Question {
        Question { name: name.to_owned(), is_ipv6: false }
    }

    /// A question to which the upstream server answers with this address.
    pub(super) fn for_address(address: IpAddr) -> Question {
        let text = match address {
            IpAddr::V4(address) => format!("{:08x}", address.to_bits()),
            IpAddr::V6(address) => format!("{:032x}", address.to_bits()),
        };
        Question { name: format!("ip-{text}.addresses-of-hosts.net"), is_ipv6: address.is_ipv6() }
    }

    fn kind(&self) -> u16 {
        if self.is_ipv6 { AAAA } else { A }
    }

    fn packet(&self, id: u16) -> Vec<u8> {
        let mut packet = id.to_be_bytes().to_vec();
        // Recursion desired; one question.
        packet.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
        for label in self.name.split('.') {
            packet.push(u8::try_from(label.len()).expect("a short label"));
            packet.extend(label.as_bytes());
        }
        packet.extend([0, 0, u8::try_from(self.kind()).expect("A or AAAA"), 0, 1]);
        packet
    }
}

/// What a server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Address(IpAddr),
    NoData,
    NxDomain,
    /// Another code.
    Failure(u8),
    /// Nothing, also when asked again.
    Silence,
}

fn word(packet: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes([*packet.get(at)?, *packet.get(at + 1)?]))
}

/// The name at `at`, and where it ends.
fn name(packet: &[u8], mut at: usize) -> Option<(String, usize)> {
    let mut labels: Vec<String> = Vec::new();
    loop {
        let length = usize::from(*packet.get(at)?);
        match length {
            0 => return Some((labels.join("."), at + 1)),
            // A pointer to an earlier name, which no test follows.
            192.. => return Some((labels.join("."), at + 2)),
            _ => labels.push(String::from_utf8_lossy(packet.get(at + 1..at + 1 + length)?).into_owned()),
        }
        at += length + 1;
    }
}

fn answer(packet: &[u8]) -> Option<Answer> {
    match packet.get(3)? & 15 {
        0 => {}
        3 => return Some(Answer::NxDomain),
        code => return Some(Answer::Failure(code)),
    }
    let (_, end) = name(packet, 12)?;
    let mut at = end + 4;
    for _ in 0..word(packet, 6)? {
        let (_, end) = name(packet, at)?;
        let length = usize::from(word(packet, end + 8)?);
        let data = packet.get(end + 10..end + 10 + length)?;
        match word(packet, end)? {
            A => return Some(Answer::Address(Ipv4Addr::from(<[u8; 4]>::try_from(data).ok()?).into())),
            AAAA => return Some(Answer::Address(Ipv6Addr::from(<[u8; 16]>::try_from(data).ok()?).into())),
            _ => at = end + 10 + length,
        }
    }
    Some(Answer::NoData)
}

/// Asks a server on a port of the loopback interface, several questions at a time and those without an answer
/// again.
pub(super) fn query(port: u16, questions: &[Question]) -> Vec<Answer> {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.connect(("127.0.0.1", port)).expect("an address");
    socket.set_read_timeout(Some(Duration::from_millis(100))).expect("a timeout");
    let mut answers = vec![Answer::Silence; questions.len()];
    let mut waiting: BTreeMap<u16, Instant> = BTreeMap::new();
    let mut unasked: Vec<(usize, u8)> = (0..questions.len()).map(|at| (at, 4)).rev().collect();
    let mut tries: Vec<u8> = vec![0; questions.len()];
    while !unasked.is_empty() || !waiting.is_empty() {
        while waiting.len() < WINDOW {
            let Some((at, left)) = unasked.pop() else { break };
            tries[at] = left;
            let id = u16::try_from(at).expect("at most 65536 questions");
            // Refused while the server starts, and asked again.
            drop(socket.send(&questions[at].packet(id)));
            waiting.insert(id, Instant::now());
        }
        let mut packet = [0; 2048];
        match socket.recv(&mut packet) {
            Ok(length) => {
                let packet = &packet[..length];
                let id = word(packet, 0).filter(|id| waiting.remove(id).is_some());
                if let (Some(id), Some(answer)) = (id, answer(packet)) {
                    answers[usize::from(id)] = answer;
                }
            }
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(_) => {}
        }
        let late: Vec<u16> =
            waiting.iter().filter(|(_, since)| since.elapsed() > PATIENCE).map(|(id, _)| *id).collect();
        for id in late {
            waiting.remove(&id);
            let at = usize::from(id);
            if tries[at] > 0 {
                unasked.push((at, tries[at] - 1));
            }
        }
    }
    answers
}

/// Whether a server answers.
pub(super) fn is_ready(port: u16) -> bool {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.connect(("127.0.0.1", port)).expect("an address");
    socket.set_read_timeout(Some(Duration::from_millis(300))).expect("a timeout");
    let mut packet = [0; 2048];
    let question = Question::new("ready.addresses-of-hosts.net");
    let length = socket.send(&question.packet(1)).and_then(|_| socket.recv(&mut packet));
    length.is_ok_and(|length| answer(&packet[..length]) == Some(Answer::Address(UPSTREAM)))
}

/// Starts a server that has an address for each name, until the test program ends. Returns its port.
pub(super) fn upstream() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let port = socket.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        let mut packet = [0; 2048];
        loop {
            let Ok((length, from)) = socket.recv_from(&mut packet) else { continue };
            if let Some(response) = response(&packet[..length]) {
                drop(socket.send_to(&response, from));
            }
        }
    });
    port
}

/// The answer of the upstream server to a packet.
fn response(packet: &[u8]) -> Option<Vec<u8>> {
    let (name, end) = name(packet, 12)?;
    let kind = word(packet, end)?;
    let name = name.to_ascii_lowercase();
    let hex = name.split('.').next()?.strip_prefix("ip-");
    let data = match (kind, hex.map(|hex| (hex.len(), u128::from_str_radix(hex, 16)))) {
        (A, Some((8, Ok(bits)))) => bits.to_be_bytes()[12..].to_vec(),
        (AAAA, Some((32, Ok(bits)))) => bits.to_be_bytes().to_vec(),
        (A, None) => vec![45, 200, 0, 1],
        _ => Vec::new(),
    };
    let has_answer = !data.is_empty();
    let mut response = packet.get(..2)?.to_vec();
    // An answer, with recursion; one question.
    response.extend([0x81, 0x80, 0, 1, 0, u8::from(has_answer), 0, 0, 0, 0]);
    response.extend(packet.get(12..end + 4)?);
    if has_answer {
        // The name of the question, its kind and class, a minute.
        response.extend([0xc0, 12, packet[end], packet[end + 1], 0, 1, 0, 0, 0, 60]);
        response.extend(u16::try_from(data.len()).expect("short").to_be_bytes());
        response.extend(data);
    }
    Some(response)
}
