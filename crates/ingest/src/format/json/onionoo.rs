//! `onionoo`: the relays of the Tor network, as its status service Onionoo publishes them.
//!
//! `{"relays":[{"or_addresses":["192.0.2.7:9001"],"flags":["Exit"],"running":true}]}`. A details document has
//! these keys; a summary document has `a` for addresses and `r` for running. Relays that are not running are
//! skipped. `bridges` is not read: the addresses of bridges are secret, and Onionoo replaces them.

use super::document;
use super::node::{self, Raw};
use super::{Format, Head, OpenError, Shape};
use crate::entry::{Details, Normalizer, Skip};
use crate::format::options::{OptionRow, Options};
use rapsheet_snapshot::{Assessment, Assessments, Kinds};

/// The row of the table.
pub(in crate::format) static FORMAT: Format = Format {
    id: "onionoo",
    about: "Tor relays: details or summary documents of Onionoo",
    example: r#"{"relays":[{"or_addresses":["192.0.2.7:9001"],"last_seen":"2026-08-20 10:00:00","flags":["Exit"],"running":true}]}"#,
    kinds: Kinds::ADDRESS,
    options: &[OptionRow {
        key: "relays",
        about: "the relays that are listed: `all` (default), or `exit`, where traffic leaves the network",
    }],
    shape: Shape::Document(read),
    ..Format::DEFAULT
};

fn read(options: &Options, whole: Head<'_>, normalizer: &mut Normalizer<'_>) -> Result<(), OpenError> {
    let exits_only = options.word("relays", &[("all", false), ("exit", true)], false)?;
    document::for_each_value(whole.bytes, normalizer, |value, base, normalizer| {
        if let Some(time) = node::time_of(value, "relays_published") {
            normalizer.generated(time);
        }
        let Some(relays) = node::member(value, "relays") else { return };
        node::elements(relays, |relay| {
            normalizer.record_at(base.offset(relay));
            read_relay(relay, exits_only, normalizer);
        });
    })?;
    Ok(())
}

fn read_relay(relay: Raw<'_>, exits_only: bool, normalizer: &mut Normalizer<'_>) {
    let running = node::member(relay, "running").or_else(|| node::member(relay, "r"));
    if running.is_some_and(|running| node::text(running) == "false") {
        return normalizer.skip(Skip::Inactive);
    }
    let mut is_exit = false;
    if let Some(flags) = node::member(relay, "flags") {
        node::elements(flags, |flag| is_exit |= node::text(flag) == "Exit");
    }
    let exit_addresses = node::member(relay, "exit_addresses");
    if exits_only && !is_exit && exit_addresses.is_none() {
        return normalizer.skip(Skip::Policy);
    }
    let details = Details {
        last_seen: node::time_of(relay, "last_seen"),
        assessments: Assessments::EMPTY.with(Assessment::Tor),
        ..Details::NONE
    };
    let addresses = ["or_addresses", "a"].into_iter().filter_map(|name| node::member(relay, name));
    addresses.chain(exit_addresses).for_each(|list| {
        node::elements(list, |address| normalizer.address(node::text(address).as_bytes(), &details));
    });
}

#[cfg(test)]
mod tests {
    use crate::pipeline::testing::{read_events, render};

    #[test]
    fn reads_relays_and_exits() {
        let text = r#"{"version":"8.0","relays_published":"2026-08-20 10:00:00","relays":[
{"or_addresses":["45.9.20.5:9001","[2a06:e480::5]:443"],"last_seen":"2026-08-20 09:00:00","flags":["Fast"],"running":true},
{"or_addresses":["45.9.20.6:9001"],"exit_addresses":["45.9.20.7"],"flags":["Exit"],"running":true},
{"a":["45.9.20.8"],"r":false}],"bridges":[{"or_addresses":["45.9.20.9:1"]}]}"#;
        let expected = ["ip 45.9.20.5", "ip 2a06:e480::5", "ip 45.9.20.6", "ip 45.9.20.7", "SKIP inactive"];
        assert_eq!(render("onionoo", &[], text), expected);
        let event = &read_events("onionoo", &[], text)[0];
        assert_eq!((event.port, event.detect_time.as_deref()), (Some(9001), Some("2026-08-20T09:00:00Z")));
        let exits = render("onionoo", &[("relays", "exit")], text);
        assert_eq!(exits, ["SKIP policy", "ip 45.9.20.6", "ip 45.9.20.7", "SKIP inactive"]);
    }
}
