//! Suricata with a reputation list reads a capture, and alerts for what is listed.

#![allow(clippy::big_endian_bytes, reason = "networks have this order")]

use super::program::program;
use super::world::world;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::process::Command;

/// An address in no list, the other end of each packet.
const OTHER: (Ipv4Addr, Ipv6Addr) =
    (Ipv4Addr::new(45, 200, 0, 1), Ipv6Addr::new(0x2a06, 0xffff, 0, 0, 0, 0, 0, 1));

/// The port that numbers the first question.
const FIRST_PORT: u16 = 10_000;

/// The checksum of the Internet, of IPv4 headers and of UDP.
fn checksum(parts: &[&[u8]]) -> u16 {
    let words = parts.iter().flat_map(|part| part.chunks(2));
    let sum: u32 = words.map(|word| u32::from(word[0]) << 8 | u32::from(*word.get(1).unwrap_or(&0))).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    !u16::try_from((folded & 0xffff) + (folded >> 16)).expect("folded")
}

/// A datagram of eight bytes between two addresses of a family.
fn packet(from: IpAddr, to: IpAddr, port: u16) -> Vec<u8> {
    let mut udp = Vec::new();
    [port, 4000, 16, 0].iter().for_each(|word: &u16| udp.extend(word.to_be_bytes()));
    udp.extend(b"rapsheet");
    let (mut ip, addresses) = match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let addresses = [from.octets(), to.octets()].concat();
            let mut ip = vec![0x45, 0, 0, 36, 0, 1, 0x40, 0, 64, 17, 0, 0];
            let sum = checksum(&[&ip, &addresses]).to_be_bytes();
            ip[10..12].copy_from_slice(&sum);
            (ip, addresses)
        }
        _ => {
            let octets = [from, to].map(|address| match address {
                IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
                IpAddr::V6(address) => address.octets(),
            });
            (vec![0x60, 0, 0, 0, 0, 16, 17, 64], octets.concat())
        }
    };
    let sum = checksum(&[&addresses, &[0, 17, 0, 16], &udp]).to_be_bytes();
    udp[6..8].copy_from_slice(&sum);
    ip.extend(addresses);
    ip.extend(udp);
    ip
}

/// A packet for each question, by turns from the address and to it.
fn capture() -> Vec<u8> {
    // Version 2.4, at most 65,535 bytes a packet, raw IP.
    let mut capture = Vec::new();
    [0xa1b2_c3d4_u32, 4 << 16 | 2, 0, 0, 65535, 101].iter().for_each(|w| capture.extend(w.to_le_bytes()));
    for (at, row) in (0..).zip(&world().addresses) {
        let address: IpAddr = row.text.parse().expect("an address");
        let other = if address.is_ipv4() { OTHER.0.into() } else { OTHER.1.into() };
        let (from, to) = if at % 2 == 0 { (address, other) } else { (other, address) };
        let packet = packet(from, to, FIRST_PORT + at);
        let length = u32::try_from(packet.len()).expect("short");
        [1_787_000_000, u32::from(at), length, length].iter().for_each(|w| capture.extend(w.to_le_bytes()));
        capture.extend(packet);
    }
    capture
}

/// The categories, which the export states in its header: the lines after this one, without their mark.
fn categories(text: &str) -> String {
    let lines = text.lines().skip_while(|line| *line != "# categories file:").skip(1);
    lines.map_while(|line| line.strip_prefix("# ")).map(|line| format!("{line}\n")).collect()
}

/// Rules for each category: one for all scores, and one for those that two providers give.
fn rules(categories: &str) -> (String, BTreeMap<u32, String>) {
    let (mut rules, mut names) = (String::new(), BTreeMap::new());
    for (at, line) in (1..).zip(categories.lines()) {
        let name = line.split(',').nth(1).expect("a short name");
        for (sid, above) in [(at, 0), (at + 100, 32)] {
            rules += &format!(
                "alert ip any any -> any any (msg:\"{name}\"; iprep:any,{name},>,{above}; sid:{sid};)\n"
            );
        }
        names.insert(at, name.to_owned());
    }
    (rules, names)
}

#[test]
fn suricata_alerts_for_what_lookup_blocks() {
    let Some(suricata) = program("suricata") else { return };
    let exported = world().export("suricata-iprep", "suricata", &["exception", "name", "time", "url"]);
    let folder = exported.path.parent().expect("a folder");
    let categories = categories(&exported.text());
    let (rules, names) = rules(&categories);
    let config = format!(
        "%YAML 1.1\n---\noutputs:\n  - fast: {{ enabled: yes, filename: fast.log }}\n\
         reputation-categories-file: {0}/categories\ndefault-reputation-path: {0}\n\
         reputation-files: [ exported ]\n",
        folder.display()
    );
    let files = [("categories", categories), ("rules", rules), ("config", config)];
    files.iter().for_each(|(name, text)| fs::write(folder.join(name), text).expect("written"));
    fs::write(folder.join("capture"), capture()).expect("written");
    drop(fs::remove_file(folder.join("fast.log")));
    let args = ["-c", "config", "-S", "rules", "-r", "capture", "-l", ".", "--runmode", "single"];
    let output = Command::new(suricata).current_dir(folder).args(args).output().expect("it runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !errors.contains("Error"), "{errors}");
    let log = fs::read_to_string(folder.join("fast.log")).expect("alerts");
    let mut alerts: Vec<(BTreeSet<&str>, bool)> = vec![Default::default(); world().addresses.len()];
    for line in log.lines() {
        let (at, sid) = alert(line).expect("an alert");
        match names.get(&sid) {
            Some(name) => drop(alerts[at].0.insert(name)),
            None => alerts[at].1 = true,
        }
    }
    let found: Vec<bool> = alerts.iter().map(|(names, _)| !names.is_empty()).collect();
    world().check_addresses("suricata", &found);
    for (row, (names, by_two)) in world().addresses.iter().zip(&alerts) {
        assert_eq!(*names, row.verdict.assessments, "{}", row.text);
        assert_eq!(*by_two, row.verdict.providers.len() > 1, "{}", row.text);
    }
}

/// The question and the rule of an alert: `... [**] [1:3:0] botnet [**] ... {UDP} 45.9.20.5:10017 -> ...`.
fn alert(line: &str) -> Option<(usize, u32)> {
    let sid = line.split("[1:").nth(1)?.split(':').next()?.parse().ok()?;
    let from = line.split("{UDP} ").nth(1)?.split(" -> ").next()?;
    let port: u16 = from.rsplit(':').next()?.parse().ok()?;
    Some((usize::from(port - FIRST_PORT), sid))
}
