//! Embeds look-ups in a program: one indicator in full, many at once, and one as of another day.
//!
//! `make demo`, then `cargo run --example embed -- demo/rapsheet.rap 45.9.20.5 evilpanel.com`

use rapsheet_query::{Batch, Searcher, Snapshot};
use std::error::Error;
use std::time::SystemTime;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (path, indicators) = args.split_first().ok_or("usage: embed SNAPSHOT INDICATOR...")?;

    // `open` verifies every byte; `open_trusted` reads the header only, for a file that was verified when
    // installed.
    let snapshot = Snapshot::open(path)?;
    let searcher = Searcher::new(&snapshot, SystemTime::now());

    for indicator in indicators {
        let verdict = searcher.lookup(indicator)?;
        println!("{indicator}: {:?}", verdict.status);
        for source in &verdict.sources {
            let provider = searcher.provider_of(source);
            println!("  {provider} lists {} since {}", source.matched, source.first_seen);
        }
    }

    // A batch gives one status for each indicator, several times as fast. A batch that is cleared and filled
    // again allocates nothing.
    let mut batch = Batch::new();
    for indicator in indicators {
        batch.push(indicator)?;
    }
    println!("{:?}", searcher.statuses(&mut batch));

    // What was live at another instant, as far as the snapshot goes back.
    for indicator in indicators {
        let verdict = searcher.lookup_at(indicator, snapshot.built_at())?;
        println!("{indicator} at {}: {:?}", verdict.at, verdict.status);
    }
    Ok(())
}
