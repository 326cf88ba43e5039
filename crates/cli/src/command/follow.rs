//! `score --follow`: logs that are still being written, judged as their lines come.
//!
//! It goes on until it is stopped or nobody reads what it prints. Lines are printed as soon as they are whole; a snapshot
//! that is published meanwhile is verified and used from the next line on; and the instant of the judgement moves
//! with the clock.

use crate::args::{Instant as At, Score};
use crate::blocks::Block;
use crate::exit::{Exit, Failure, tell};
use crate::inputs::Part;
use crate::lens::{Lens, Scratch};
use crate::log::Log;
use crate::output::score::Scorer;
use crate::setting::Setting;
use crate::tail::Tail;
use rapsheet_query::Searcher;
use rapsheet_snapshot::{Follow, Time};
use std::io::Write;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// How long to wait where nothing was added.
const PAUSE: Duration = Duration::from_millis(200);
/// How often to look for another snapshot.
const LOOK: Duration = Duration::from_secs(2);
/// How long one instant is taken for the present.
const PRESENT: Duration = Duration::from_secs(30);
/// How many bytes are taken to remember what was met lately.
const MEMORY: usize = 6 << 20;

/// A log, and what is known of it so far.
struct Source {
    tail: Tail,
    file: Arc<str>,
    log: Log,
}

/// Follows logs.
pub(super) fn run(args: &Score, setting: &Setting, out: &mut dyn Write) -> Result<Exit, Failure> {
    check(args)?;
    let follow = Follow::open(&setting.snapshot).map_err(Failure::refused)?;
    let mut sources =
        args.files.iter().map(|path| Source::open(args, path)).collect::<Result<Vec<_>, _>>()?;
    let began = Instant::now();
    loop {
        let held = follow.current();
        let now = setting.now.plus(i64::try_from(began.elapsed().as_secs()).unwrap_or(i64::MAX));
        let searcher = Searcher::new(&held, at(args, now));
        let lens = Lens::new(&searcher, args, held.built_at());
        let mut scorer = lens.scorer(MEMORY);
        let (until, mut looked) = (Instant::now() + PRESENT, Instant::now());
        while Instant::now() < until {
            if !round(&mut sources, args, &lens, &mut scorer, out)? {
                thread::sleep(PAUSE);
            }
            if looked.elapsed() > LOOK {
                looked = Instant::now();
                match follow.refresh() {
                    Ok(true) => break,
                    Ok(false) => {}
                    Err(error) => tell(&format!("rapsheet: {error}; going on with the snapshot before")),
                }
            }
        }
    }
}

fn check(args: &Score) -> Result<(), Failure> {
    let wrong = |why: &str| Err(Failure::usage(why));
    match args {
        Score { files, .. } if files.is_empty() || files.iter().any(|path| path.as_os_str() == "-") => {
            wrong("--follow needs the names of files; a pipe is followed without it")
        }
        Score { summary: Some(_), .. } => wrong("--follow never ends, and --summary is printed at the end"),
        Score { input, .. } if input.is_document() => {
            wrong("--follow needs a log of lines, and this is a document, which is whole or nothing")
        }
        Score { shard: Some(_), .. } => wrong("--follow and --shard do not go together"),
        _ => Ok(()),
    }
}

const fn at(args: &Score, now: Time) -> Time {
    match args.at {
        At::At(time) => time,
        At::Now | At::Event => now,
    }
}

/// Looks at every log once. Returns whether anything was added to any.
fn round(
    sources: &mut [Source],
    args: &Score,
    lens: &Lens<'_>,
    scorer: &mut Scorer<'_>,
    out: &mut dyn Write,
) -> Result<bool, Failure> {
    let (mut any, mut scratch, mut made) = (false, Scratch::default(), Vec::new());
    for source in sources {
        while let Some(part) = source.next(args)? {
            any = true;
            made.clear();
            lens.look(&part, scorer, &mut scratch, &mut made, |_| {});
            out.write_all(&made)?;
            out.flush()?;
        }
    }
    Ok(any)
}

impl Source {
    fn open(args: &Score, path: &std::path::Path) -> Result<Source, Failure> {
        let tail = Tail::new(path, args.from)
            .map_err(|error| Failure::refused(format_args!("{}: {error}", path.display())))?;
        let file = Arc::from(path.to_string_lossy());
        Ok(Source { tail, file, log: Log::of_lines(args.input, &[]) })
    }

    fn next(&mut self, args: &Score) -> Result<Option<Part>, Failure> {
        let failed = |error| Failure::refused(format_args!("{}: {error}", self.file));
        let Some((block, is_first)) = self.tail.poll().map_err(failed)? else { return Ok(None) };
        if is_first {
            self.log = self.log_of(args, &block);
        }
        let log = self.log.clone();
        let after = log.after(&block.bytes);
        let changes = after.is_some();
        self.log = after.unwrap_or_else(|| log.clone());
        Ok(Some(Part { block, file: self.file.clone(), log, changes }))
    }

    /// A log that is joined in the middle has its header at its beginning, all the same.
    fn log_of(&self, args: &Score, block: &Block) -> Log {
        if block.offset == 0 {
            return Log::of_lines(args.input, &block.bytes);
        }
        let head = crate::log::head_of(self.tail.path());
        let log = Log::of_lines(args.input, &head);
        log.after(&head).unwrap_or(log)
    }
}
