//! Asking a snapshot from a program of one's own: open it, ask one thing, ask many, walk it, ask about another day.
//!
//! `cargo run --example embed -- rapsheet.rap 45.9.20.5 evilpanel.com`

use rapsheet_query::{Judge, Questions};
use rapsheet_snapshot::{AddressRange, Snapshot, Status, Time};
use std::error::Error;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let Some((path, asked)) = args.split_first() else {
        return Err("which snapshot?".into());
    };
    // `open` reads every byte once; `open_trusted` looks at the header alone, for a file that was verified before.
    let snapshot = Snapshot::open(Path::new(path))?;
    let now = Time::from_unix(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs().try_into()?);
    ask_one(&snapshot, now, asked)?;
    ask_many(&snapshot, now, asked);
    ask_about_another_day(&snapshot, asked)?;
    walk(&snapshot);
    Ok(())
}

/// Everything about one indicator, in words: who lists it, as what, since when.
fn ask_one(snapshot: &Snapshot, now: Time, asked: &[String]) -> Result<(), Box<dyn Error>> {
    let judge = Judge::new(snapshot, now);
    for text in asked {
        let answer = judge.ask(text).map_err(|refusal| format!("{text}: {refusal:?}"))?;
        println!("{text}: {:?}", answer.status);
        for source in &answer.sources {
            let feed = snapshot.feed(source.feed).map_or("?", |feed| feed.provider.as_str());
            println!("  {feed} lists {} since {}", source.matched, source.first_seen);
        }
    }
    Ok(())
}

/// Many indicators at once, which is several times as fast: one status each, and nothing is allocated for them once
/// the buffers have grown.
fn ask_many(snapshot: &Snapshot, now: Time, asked: &[String]) {
    let judge = Judge::new(snapshot, now);
    let (mut questions, mut hits, mut statuses) = (Questions::new(), Vec::new(), Vec::new());
    let understood = asked.iter().filter(|text| questions.push(text.as_bytes()).is_ok()).count();
    judge.statuses(&questions, &mut hits, &mut statuses);
    let blocked = statuses.iter().filter(|status| **status == Status::Blocked).count();
    println!("{blocked} of {understood} are blocklisted");
}

/// The same snapshot knows what held on other days, as far as it goes back.
fn ask_about_another_day(snapshot: &Snapshot, asked: &[String]) -> Result<(), Box<dyn Error>> {
    let then = snapshot.built_at();
    let judge = Judge::new(snapshot, then);
    for text in asked {
        let answer = judge.ask(text).map_err(|refusal| format!("{text}: {refusal:?}"))?;
        println!("{text} at {then}: {:?}", answer.status);
    }
    Ok(())
}

/// Everything that is listed, in order.
fn walk(snapshot: &Snapshot) {
    let index = snapshot.index();
    let mut runs = 0u64;
    index.each_address(AddressRange::V4 { first: 0, last: u32::MAX }, |_, _| runs += 1);
    let mut names = 0u64;
    index.each_name(|_, _| names += 1);
    println!("{runs} runs of IPv4 addresses, {names} names");
}
