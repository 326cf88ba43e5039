//! Answers from the newest snapshot while new ones are published: one thread refreshes, the others never
//! wait.
//!
//! `make demo`, then `cargo run --example follow -- demo/rapsheet.rap < indicators.txt`

use rapsheet_query::{ReloadingSnapshot, Searcher};
use std::error::Error;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: follow SNAPSHOT < INDICATORS")?;
    let snapshots = Arc::new(ReloadingSnapshot::open(path)?);

    let refreshed = Arc::clone(&snapshots);
    thread::spawn(move || {
        loop {
            thread::sleep(Duration::from_secs(5));
            // A file that is rejected is reported once, and the previous snapshot stays current.
            if let Err(error) = refreshed.refresh() {
                eprintln!("{error}");
            }
        }
    });

    for line in std::io::stdin().lines() {
        // Hold a snapshot for one question, or better one batch, and no longer.
        let (line, current) = (line?, snapshots.current());
        match Searcher::new(&current, SystemTime::now()).lookup(&line) {
            Ok(verdict) => println!("{line}\t{:?}", verdict.status),
            Err(error) => println!("{line}\t{error}"),
        }
    }
    Ok(())
}
