//! Progress of a build, on stderr, and the time that its stages take.
//!
//! On a terminal it is a bar. Elsewhere, `--progress always` prints plain lines.

use crate::color::When;
use crate::exit::print_stderr;
use crate::settings::Settings;
use crate::table::bytes;
use indicatif::{ProgressBar, ProgressStyle};
use rapsheet_ingest::build::{Observer, Stage};
use rapsheet_ingest::report::{FeedReport, Report};
use std::collections::HashMap;
use std::io::{self, IsTerminal};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Shows how far a build has come.
pub(crate) struct Progress {
    show: Show,
    read: AtomicU64,
    done: AtomicUsize,
    /// The number of feeds.
    total: AtomicUsize,
    times: Mutex<Times>,
}

/// Start times and durations, in seconds.
struct Times {
    began: Instant,
    stage: Option<(Stage, Instant)>,
    stages: Vec<(&'static str, f64)>,
    feeds: HashMap<String, Instant>,
    seconds: HashMap<String, f64>,
}

impl Times {
    fn new() -> Times {
        Times {
            began: Instant::now(),
            stage: None,
            stages: Vec::new(),
            feeds: HashMap::new(),
            seconds: HashMap::new(),
        }
    }

    fn end_stage(&mut self) {
        if let Some((stage, began)) = self.stage.take() {
            self.stages.push((word(stage), rounded(began.elapsed())));
        }
    }
}

/// Seconds to the millisecond.
fn rounded(time: Duration) -> f64 {
    (time.as_secs_f64() * 1000.0).round() / 1000.0
}

enum Show {
    Nothing,
    Lines,
    Bar(ProgressBar),
}

impl Progress {
    /// Decides what is shown.
    pub(crate) fn new(settings: &Settings) -> Progress {
        let terminal = io::stderr().is_terminal();
        let show = match settings.progress {
            When::Never => Show::Nothing,
            When::Always | When::Auto if terminal && !settings.quiet => Show::Bar(bar()),
            When::Always => Show::Lines,
            When::Auto => Show::Nothing,
        };
        Progress {
            show,
            read: AtomicU64::new(0),
            done: AtomicUsize::new(0),
            total: AtomicUsize::new(0),
            times: Mutex::new(Times::new()),
        }
    }

    /// Writes durations into the report.
    pub(crate) fn add_times_to(&self, report: &mut Report) {
        let times = self.times();
        report.seconds = times.stages.iter().copied().collect();
        report.seconds.insert("total", rounded(times.began.elapsed()));
        for feed in &mut report.feeds {
            feed.seconds = times.seconds.get(&feed.id).copied();
        }
    }

    fn times(&self) -> std::sync::MutexGuard<'_, Times> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the last stage and removes the bar.
    pub(crate) fn finish(&self) {
        self.times().end_stage();
        if let Show::Bar(bar) = &self.show {
            bar.finish_and_clear();
        }
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix:<8} {wide_bar} {pos}/{len} {msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

const fn word(stage: Stage) -> &'static str {
    match stage {
        Stage::Read => "reading",
        Stage::Carry => "carrying",
        Stage::Merge => "merging",
    }
}

impl Observer for Progress {
    fn feed_begins(&self, id: &str) {
        self.times().feeds.insert(id.to_owned(), Instant::now());
    }

    fn stage_begins(&self, stage: Stage, of: usize) {
        let mut times = self.times();
        times.end_stage();
        times.stage = Some((stage, Instant::now()));
        drop(times);
        if stage == Stage::Read {
            self.total.store(of, Ordering::Relaxed);
        }
        match &self.show {
            Show::Nothing => {}
            Show::Lines => print_stderr(word(stage)),
            Show::Bar(bar) => {
                if stage == Stage::Read {
                    bar.set_length(of as u64);
                }
                bar.set_prefix(word(stage));
            }
        }
    }

    fn bytes_read(&self, count: u64) {
        let read = self.read.fetch_add(count, Ordering::Relaxed) + count;
        if let Show::Bar(bar) = &self.show {
            bar.set_message(bytes(read));
        }
    }

    fn feed_ends(&self, report: &FeedReport) {
        let mut times = self.times();
        if let Some(began) = times.feeds.remove(&report.id) {
            times.seconds.insert(report.id.clone(), rounded(began.elapsed()));
        }
        drop(times);
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        match &self.show {
            Show::Nothing => {}
            Show::Lines => {
                let of = self.total.load(Ordering::Relaxed);
                print_stderr(&format!("read {done} of {of}: {} {}", report.id, report.state.word()));
            }
            Show::Bar(bar) => bar.inc(1),
        }
    }
}
