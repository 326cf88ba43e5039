//! `score --follow`: scores logs while they are written.
//!
//! It runs until it is stopped or its output is closed. A line is scored as soon as it is complete. A
//! snapshot that is published meanwhile is verified, and used from the next line on. The instant of the
//! verdicts moves with the clock.

use crate::answers::Answers;
use crate::args::{At, Score};
use crate::block_processor::{BlockProcessor, Scratch};
use crate::blocks::Block;
use crate::exit::{Exit, Failure, print_stderr};
use crate::fields::FieldSearch;
use crate::filter::check_providers;
use crate::inputs::LogBlock;
use crate::log::Log;
use crate::output::score::Scorer;
use crate::settings::Settings;
use crate::tail::Tail;
use rapsheet_query::Searcher;
use rapsheet_snapshot::Time;
use std::io::Write;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// How long to wait when nothing was appended.
const PAUSE: Duration = Duration::from_millis(200);
/// How often to check for a newer snapshot.
const SNAPSHOT_CHECK: Duration = Duration::from_secs(2);
/// How often the instant of the verdicts is renewed.
const INSTANT_RENEWAL: Duration = Duration::from_secs(30);
/// The memory of the token cache, in bytes.
const CACHE_MEMORY: usize = 6 << 20;

/// A log that is followed, and its state so far.
struct FollowedLog {
    tail: Tail,
    file: Arc<str>,
    log: Log,
}

/// Follows logs. The header is written once the arguments are found to be sound.
pub(super) fn run(
    args: &Score,
    settings: &Settings,
    header: &[u8],
    out: &mut dyn Write,
) -> Result<Exit, Failure> {
    check(args)?;
    let answers = Answers::follow(&args.lists, settings)?;
    check_providers(args, &Searcher::new(&answers.current(), settings.now))?;
    check_fields(args)?;
    out.write_all(header)?;
    let mut logs =
        args.files.iter().map(|path| FollowedLog::open(args, path)).collect::<Result<Vec<_>, _>>()?;
    loop {
        let snapshot = answers.current();
        let searcher = Searcher::new(&snapshot, at(args, settings.instant()));
        let processor = BlockProcessor::new(&searcher, args, &snapshot);
        let mut scorer = processor.scorer(CACHE_MEMORY);
        let (until, mut checked) = (Instant::now() + INSTANT_RENEWAL, Instant::now());
        while Instant::now() < until {
            if !poll(&mut logs, args, &processor, &mut scorer, out)? {
                thread::sleep(PAUSE);
            }
            if checked.elapsed() > SNAPSHOT_CHECK {
                checked = Instant::now();
                match answers.refresh() {
                    Ok(true) => break,
                    Ok(false) => {}
                    Err(error) => {
                        print_stderr(&format!("rapsheet: {error}; going on with the previous snapshot"));
                    }
                }
            }
        }
    }
}

fn check(args: &Score) -> Result<(), Failure> {
    let usage = |why: &str| Err(Failure::usage(why));
    match args {
        Score { files, .. } if files.is_empty() || files.iter().any(|path| path.as_os_str() == "-") => {
            usage("--follow needs names of files; a pipe is read to its end without it")
        }
        Score { summary: Some(_), .. } => {
            usage("--follow and --summary exclude each other: a summary is printed at the end")
        }
        Score { input, .. } if input.is_document() => {
            usage("--follow needs a log of lines; this kind is a document, which is read as a whole")
        }
        Score { shard: Some(_), .. } => usage("--follow and --shard exclude each other"),
        _ => Ok(()),
    }
}

/// Fails where none of the logs has a field that is asked for. One that is empty or not there yet may get it.
fn check_fields(args: &Score) -> Result<(), Failure> {
    let mut all = FieldSearch::new(args);
    for path in &args.files {
        let (head, mut fields) = (crate::log::read_head(path), FieldSearch::new(args));
        if head.is_empty() {
            return Ok(());
        }
        let log = Log::of_lines(args.input, &head);
        fields.read(log.updated_by(&head).as_ref().unwrap_or(&log), &head);
        all.merge(&fields);
    }
    all.complaint().map_or(Ok(()), |complaint| Err(Failure::usage(complaint)))
}

const fn at(args: &Score, now: Time) -> Time {
    match args.at {
        At::Time(time) => time,
        At::Now | At::Event => now,
    }
}

/// Reads every log once. Returns whether anything was appended to one.
fn poll(
    logs: &mut [FollowedLog],
    args: &Score,
    processor: &BlockProcessor<'_>,
    scorer: &mut Scorer<'_>,
    out: &mut dyn Write,
) -> Result<bool, Failure> {
    let (mut any, mut scratch, mut text) = (false, Scratch::default(), Vec::new());
    for log in logs {
        while let Some(log_block) = log.next(args)? {
            any = true;
            text.clear();
            processor.process(&log_block, scorer, &mut scratch, &mut text, |_| {});
            out.write_all(&text)?;
            out.flush()?;
        }
    }
    Ok(any)
}

impl FollowedLog {
    fn open(args: &Score, path: &std::path::Path) -> Result<FollowedLog, Failure> {
        let tail = Tail::new(path, args.from)
            .map_err(|error| Failure::unread(&error, format_args!("{}: {error}", path.display())))?;
        let file = Arc::from(path.to_string_lossy());
        Ok(FollowedLog { tail, file, log: Log::of_lines(args.input, &[]) })
    }

    fn next(&mut self, args: &Score) -> Result<Option<LogBlock>, Failure> {
        let failed = |error| Failure::unread(&error, format_args!("{}: {error}", self.file));
        let Some((block, is_first)) = self.tail.poll().map_err(failed)? else { return Ok(None) };
        if is_first {
            self.log = self.log_of(args, &block);
        }
        let log = self.log.clone();
        let after = log.updated_by(&block.bytes);
        let changes_log = after.is_some();
        self.log = after.unwrap_or_else(|| log.clone());
        Ok(Some(LogBlock { block, file: self.file.clone(), log, changes_log }))
    }

    /// The state of the log before a block. A log that is read from its middle has its header at its
    /// beginning.
    fn log_of(&self, args: &Score, block: &Block) -> Log {
        if block.offset == 0 {
            return Log::of_lines(args.input, &block.bytes);
        }
        let head = crate::log::read_head(self.tail.path());
        let log = Log::of_lines(args.input, &head);
        log.updated_by(&head).unwrap_or(log)
    }
}
