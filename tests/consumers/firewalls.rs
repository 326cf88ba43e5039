//! ipset and nft, each in a network of its own.

use super::program::{in_own_network, program};
use super::world::{Address, DAYS_BEFORE, network, run_with_input, world};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// What an export of addresses loses of the model.
const LOST: [&str; 3] = ["exception", "name", "url"];

/// The longest that a set of the kernel can say, in seconds.
const IPSET_MAX: u32 = 2_147_483;

#[test]
fn ipset_blocks_what_lookup_blocks() {
    if program("ipset").is_none() {
        return;
    }
    // As a reload does: what stood there before is replaced.
    let script = "ipset restore < \"$0\" && ipset restore < \"$0\" &&
        while read set address; do ipset -q test $set $address && echo $address; done; ipset save";
    let Some(mut command) = in_own_network(script) else { return };
    // Some entries live longer than a set can say.
    let exported = world().export("ipset", "ipset", &[&LOST[..], &["time"]].concat());
    let set = |is_ipv6: bool| if is_ipv6 { "rapsheet6" } else { "rapsheet4" };
    let rows = world().addresses.iter().map(|row| format!("{} {}\n", set(row.is_ipv6), row.text));
    let output = run_with_input(command.arg(&exported.path), &rows.collect::<String>());
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let text = String::from_utf8(output.stdout).expect("text");
    let blocked: BTreeSet<&str> = text.lines().collect();
    let found: Vec<bool> = world().addresses.iter().map(|row| blocked.contains(row.text.as_str())).collect();
    world().check_addresses("ipset", &found);
    let elements: Vec<(ipnet::IpNet, u32)> = text.lines().filter_map(element).collect();
    for row in world().addresses.iter().filter(|row| row.verdict.is_blocked()) {
        let address: IpAddr = row.text.parse().expect("an address");
        let (_, left) = elements.iter().find(|(network, _)| network.contains(&address)).expect("an element");
        let expected = ((row.verdict.days - DAYS_BEFORE) * 86_400).min(IPSET_MAX);
        // The clock has gone on since they were loaded.
        assert!(
            (expected - 300..=expected).contains(left),
            "{address} ends in {left} s, not in {expected} s"
        );
    }
}

/// An element of a saved set, and for how many seconds it stays: `add rapsheet4 45.9.20.0/24 timeout 86400`.
fn element(line: &str) -> Option<(ipnet::IpNet, u32)> {
    let mut words = line.strip_prefix("add ")?.split(' ').skip(1);
    let element = network(words.next()?);
    (words.next()? == "timeout").then_some((element, words.next()?.parse().ok()?))
}

#[test]
fn nft_blocks_what_lookup_blocks() {
    if program("nft").is_none() {
        return;
    }
    // Interactively, as a process for each question would read the rules anew.
    let script = "nft -f \"$0\" && nft -f \"$0\" && exec nft --interactive";
    let Some(mut command) = in_own_network(script) else { return };
    let exported = world().export("nft", "nft", &LOST);
    let set = |is_ipv6: bool| if is_ipv6 { "block6" } else { "block4" };
    let get = |row: &Address| format!("get element inet rapsheet {} {{ {} }}", set(row.is_ipv6), row.text);
    let questions: Vec<String> = world().addresses.iter().map(get).collect();
    let output = run_with_input(command.arg(&exported.path), &(questions.join("\n") + "\n"));
    let (text, errors) =
        (String::from_utf8(output.stdout).expect("text"), String::from_utf8_lossy(&output.stderr));
    // Below an error is the command that it is about.
    let lines: Vec<&str> = errors.lines().collect();
    let not_found = "Error: Could not process rule: No such file or directory";
    let missed: BTreeSet<&str> =
        lines.windows(2).filter(|pair| pair[0] == not_found).map(|pair| pair[1]).collect();
    assert_eq!(lines.len(), missed.len() * 3, "{errors}");
    let found: Vec<bool> = questions.iter().map(|question| !missed.contains(question.as_str())).collect();
    assert_eq!(text.matches("elements = ").count(), questions.len() - missed.len());
    world().check_addresses("nft", &found);
}
