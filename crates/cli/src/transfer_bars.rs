//! Progress of a fetch, on stderr: a bar for each transfer, and one for all feeds.

use crate::color::When;
use crate::exit::print_stderr;
use crate::settings::Settings;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use rapsheet_fetch::{Job, Observer, Outcome};
use std::collections::HashMap;
use std::io::{self, IsTerminal};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What is shown.
pub(crate) enum TransferBars {
    Nothing,
    Lines,
    Bars { all: MultiProgress, sum: ProgressBar, each: Mutex<HashMap<String, ProgressBar>> },
}

impl TransferBars {
    /// Decides what is shown.
    pub(crate) fn new(settings: &Settings) -> TransferBars {
        let terminal = io::stderr().is_terminal();
        match settings.progress {
            When::Always | When::Auto if terminal && !settings.quiet => TransferBars::bars(),
            When::Always => TransferBars::Lines,
            When::Auto | When::Never => TransferBars::Nothing,
        }
    }

    fn bars() -> TransferBars {
        let all = MultiProgress::new();
        let sum = all.add(styled(ProgressBar::new(0), "{spinner} fetching {wide_bar} {pos}/{len}"));
        TransferBars::Bars { all, sum, each: Mutex::default() }
    }

    /// Removes the bars.
    pub(crate) fn finish(&self) {
        if let TransferBars::Bars { all, sum, .. } = self {
            sum.finish_and_clear();
            // Only a terminal that is gone makes this fail.
            let _ = all.clear();
        }
    }
}

fn styled(bar: ProgressBar, template: &str) -> ProgressBar {
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

fn locked(each: &Mutex<HashMap<String, ProgressBar>>) -> MutexGuard<'_, HashMap<String, ProgressBar>> {
    each.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Observer for TransferBars {
    fn starts(&self, feeds: usize) {
        if let TransferBars::Bars { sum, .. } = self {
            sum.set_length(feeds as u64);
        }
    }

    fn begins(&self, job: &Job) {
        if let TransferBars::Bars { all, each, .. } = self {
            let bar = ProgressBar::no_length().with_prefix(job.id.clone());
            let bar = styled(all.add(bar), "  {prefix:<28!} {bytes:>10} {bytes_per_sec:>12} {wide_bar}");
            locked(each).insert(job.id.clone(), bar);
        }
    }

    fn receives(&self, job: &Job, bytes: u64, total: Option<u64>) {
        if let TransferBars::Bars { each, .. } = self
            && let Some(bar) = locked(each).get(&job.id)
        {
            if let Some(total) = total {
                bar.set_length(total);
            }
            bar.set_position(bytes);
        }
    }

    fn ends(&self, outcome: &Outcome) {
        match self {
            TransferBars::Nothing => {}
            TransferBars::Lines => print_stderr(&format!("{}: {}", outcome.id, outcome.state.word())),
            TransferBars::Bars { sum, each, .. } => {
                sum.inc(1);
                if let Some(bar) = locked(each).remove(&outcome.id) {
                    bar.finish_and_clear();
                }
            }
        }
    }
}
