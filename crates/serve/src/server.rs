//! The server as a whole: it starts, lets time pass, and ends.

use crate::access_log::{AccessLog, OpenLog};
use crate::connection::accept;
use crate::keys::Keys;
use crate::limits::{Limits, SHARED_BYTES, TICK};
use crate::metrics::Metrics;
use crate::reply::SharedRoom;
use crate::routes;
use crate::service::Service;
use crate::slots::Slots;
use crate::snapshots::Snapshots;
use crate::state::{Environment, Severity, State};
use arc_swap::ArcSwap;
use std::io;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::runtime::Builder;

/// How many steps of requests a thread takes before it looks at the sockets.
const EVENT_INTERVAL: u32 = 8;

/// How often the path of the snapshot is looked at.
const REFRESH_INTERVAL: Duration = Duration::from_millis(200);

/// What a server is to do.
pub struct Config {
    /// The path of the snapshot.
    pub snapshot: PathBuf,
    /// Whether the snapshot is read into memory, where nothing that is done to the file reaches it, and not mapped.
    pub in_memory: bool,
    /// After how many seconds a snapshot is too old to be ready.
    pub max_stale_seconds: i64,
    /// How many threads answer.
    pub threads: usize,
    /// What clients may do.
    pub limits: Limits,
    /// Who may ask; all where there are none.
    pub keys: Option<KeySource>,
    /// Where answers are logged.
    pub access_log: Option<OpenLog>,
}

/// Reads the keys, and reads them again.
pub type KeySource = Box<dyn Fn() -> Result<Keys, String> + Send + Sync>;

/// What the system has told the program. The flags are set from outside, as by the handlers of signals.
#[derive(Clone, Debug, Default)]
pub struct Signals {
    /// End when all requests are answered.
    pub end: Arc<AtomicBool>,
    /// Read the keys again, and open the access log anew.
    pub reload: Arc<AtomicBool>,
}

/// A server that can run.
pub struct Server {
    service: Arc<Service>,
    threads: usize,
    keys: Option<KeySource>,
}

impl Server {
    /// Reads the keys, opens the log, and takes the snapshot, if there is one.
    ///
    /// # Errors
    /// The keys cannot be read, or the log cannot be opened.
    pub fn new(config: Config, environment: Environment) -> io::Result<Server> {
        let keys = config.keys.as_ref().map(|read| read()).transpose().map_err(io::Error::other)?;
        let tell = Arc::clone(&environment.tell);
        let access_log = config
            .access_log
            .map(|open| AccessLog::start(open, move |message| tell(Severity::Trouble, message)))
            .transpose()?;
        let routes: Vec<String> =
            routes::all().map(|route| format!("{} {}", route.handler.method(), route.pattern)).collect();
        let state = State {
            environment,
            max_stale: config.max_stale_seconds,
            snapshots: Snapshots::new(config.snapshot, config.in_memory),
            keys: keys.map(ArcSwap::from_pointee),
            access_log: access_log.map(Arc::new),
            slots: Slots::new(config.limits.clone()),
            limits: config.limits,
            room: SharedRoom::new(SHARED_BYTES),
            metrics: Metrics::new(routes.len()),
            routes,
        };
        let service = Arc::new(Service { state, is_ending: AtomicBool::new(false) });
        refresh(&service);
        Ok(Server { service, threads: config.threads, keys: config.keys })
    }

    /// Answers until it is told to end, and then until all requests are answered or the time for that is over.
    ///
    /// # Errors
    /// A listener or a thread cannot be had.
    pub fn run(self, listeners: Vec<TcpListener>, signals: &Signals) -> io::Result<()> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(self.threads)
            .thread_name("answers")
            // How many steps a thread takes before it looks for what has come. The default, 61, would add up.
            .event_interval(EVENT_INTERVAL)
            .enable_io()
            .enable_time()
            .build()?;
        let refresher = self.start_refresher()?;
        let ran = runtime.block_on(self.serve(listeners, signals));
        self.service.is_ending.store(true, Relaxed);
        runtime.shutdown_timeout(TICK);
        let state = &self.service.state;
        if state.access_log.as_ref().is_some_and(|log| !log.finish(state.limits.grace_time)) {
            state.tell(Severity::Trouble, "the access log: what reads it does not; its last lines are lost");
        }
        refresher.thread().unpark();
        // It has nothing to lose.
        let _ = refresher.join();
        ran
    }

    async fn serve(&self, listeners: Vec<TcpListener>, signals: &Signals) -> io::Result<()> {
        let mut accepting = Vec::new();
        for listener in listeners {
            listener.set_nonblocking(true)?;
            let listener = tokio::net::TcpListener::from_std(listener)?;
            accepting.push(tokio::spawn(accept(listener, Arc::clone(&self.service))));
        }
        let slots = &self.service.state.slots;
        let mut ticks = tokio::time::interval(TICK);
        while !signals.end.load(Relaxed) {
            ticks.tick().await;
            slots.tick();
            if signals.reload.swap(false, Relaxed) {
                self.reload();
            }
        }
        self.service.is_ending.store(true, Relaxed);
        accepting.iter().for_each(tokio::task::JoinHandle::abort);
        for _ in 0..crate::limits::ticks(self.service.state.limits.grace_time) {
            slots.close_idle();
            if slots.count() == 0 {
                return Ok(());
            }
            ticks.tick().await;
            slots.tick();
        }
        self.service
            .state
            .tell(Severity::Trouble, &format!("{} connections were cut off in the end", slots.count()));
        Ok(())
    }

    /// Looks at the path of the snapshot, on a thread of its own: verifying a file takes longer than an answer may.
    fn start_refresher(&self) -> io::Result<JoinHandle<()>> {
        let service = Arc::clone(&self.service);
        thread::Builder::new().name("snapshots".to_owned()).spawn(move || {
            while !service.is_ending.load(Relaxed) {
                thread::park_timeout(REFRESH_INTERVAL);
                refresh(&service);
            }
        })
    }

    /// Reads the keys again. Keys that cannot be read change nothing.
    fn reload(&self) {
        let state = &self.service.state;
        if let Some(log) = &state.access_log {
            log.reopen();
        }
        let (Some(source), Some(current)) = (&self.keys, &state.keys) else { return };
        match source() {
            Ok(keys) => {
                keys.inherit(&current.load());
                let count = keys.count();
                state.tell(
                    Severity::Note,
                    &format!("{count} {} read", if count == 1 { "key was" } else { "keys were" }),
                );
                current.store(Arc::new(keys));
            }
            Err(error) => {
                state.tell(Severity::Trouble, &format!("{error}; going on with the keys of before"));
            }
        }
    }
}

fn refresh(service: &Service) {
    match service.state.snapshots.refresh() {
        None => {}
        Some(Ok(message)) => service.state.tell(Severity::Note, &message),
        Some(Err(message)) => service.state.tell(Severity::Trouble, &message),
    }
}
