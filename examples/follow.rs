//! Serving look-ups while snapshots are published: one thread looks at the path, the others never wait.
//!
//! `cargo run --example follow -- rapsheet.rap < indicators.txt`

use rapsheet_query::Judge;
use rapsheet_snapshot::{ReloadingSnapshot, Time};
use std::error::Error;
use std::io::BufRead;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How often to look whether a new snapshot was published.
const EVERY: Duration = Duration::from_secs(5);

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("which snapshot?")?;
    let follow = Arc::new(ReloadingSnapshot::open(Path::new(&path))?);
    let watched = Arc::clone(&follow);
    thread::spawn(move || watch(&watched));
    for line in std::io::stdin().lock().lines() {
        println!("{}", answer(&follow, line?.trim())?);
    }
    Ok(())
}

/// A bad file is named, and the snapshot before it goes on answering.
fn watch(follow: &ReloadingSnapshot) {
    loop {
        thread::sleep(EVERY);
        match follow.refresh() {
            Ok(true) => eprintln!("now answering from the snapshot of {}", follow.current().built_at()),
            Ok(false) => {}
            Err(error) => eprintln!("{error}"),
        }
    }
}

/// Each question, or better each batch of them, is answered from the snapshot that is current when it begins.
fn answer(follow: &ReloadingSnapshot, text: &str) -> Result<String, Box<dyn Error>> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let current = follow.current();
    let judge = Judge::new(&current, Time::from_unix(now.try_into()?));
    Ok(match judge.ask(text) {
        Ok(answer) => format!("{text}\t{:?}", answer.status),
        Err(refusal) => format!("{text}\tno question: {refusal:?}"),
    })
}
