//! All inputs of a scan, in the order in which they were named, cut into blocks.
//!
//! Compressed files are opened before their turn, because unpacking takes longest: each is unpacked on a thread of its
//! own, and whoever looks for a block takes one of a later file where the file whose turn it is has none ready. What is
//! said of an input is said in its turn, and every block has its place, so nobody sees that it was early. How many are
//! open at once is bounded, and so is what they take together: buffers, and the windows of their decoders.
//!
//! A pipe is not opened before its turn, and nothing behind it: nobody knows when it ends, and what the files are then.

use crate::args::{Score, Shard};
use crate::blocks::{Block, BlockReader, LINE_MAX};
use crate::exit::{Exit, tell};
use crate::input::{self, Input, IsReady};
use crate::log::Log;
use crate::parallel::Step;
use std::collections::VecDeque;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How many inputs are open at once, at most.
const OPEN_MAX: usize = 5;
/// How far to look for one that can be opened before its turn.
const SEEN_MAX: usize = 32;
/// How many buffers those that are early have together.
const EARLY_BUFFERS: usize = 15;
/// How few one of them has, at least.
const BUFFERS_MIN: usize = 3;
/// How many bytes their decoders take together.
const EARLY_MEMORY: usize = 12 << 20;

/// A block of one of the inputs.
pub(crate) struct Part {
    /// Its lines.
    pub(crate) block: Block,
    /// The input's name.
    pub(crate) file: Arc<str>,
    /// What the log is where the block begins.
    pub(crate) log: Log,
    /// Whether it is another one below the block, or may be: nothing of the log is said in a block where it is not.
    pub(crate) changes: bool,
}

/// All inputs. One that cannot be read is named, and the others go on.
pub(crate) struct Inputs<'a> {
    /// Files and folders that were not looked at yet.
    waiting: VecDeque<PathBuf>,
    /// Those that were: the first is the one whose turn it is.
    seen: VecDeque<Entry>,
    args: &'a Score,
    /// How many may be open before their turn.
    early_max: usize,
    /// How many were seen so far.
    count: u64,
    /// Whether nothing ended since inputs were looked for.
    is_settled: bool,
    refused: bool,
    without_field: bool,
}

/// An input in its place among the others.
struct Entry {
    number: u64,
    path: PathBuf,
    state: State,
    /// Whether it comes as it happens.
    is_live: bool,
    /// How much memory its decoder takes, where it was opened before its turn.
    memory: Option<usize>,
    is_ready: Option<IsReady>,
    /// How many steps it gave so far.
    given: u64,
    /// What is to be said of it in its turn, and what that means for the whole run.
    said: Vec<(String, Exit)>,
}

/// How far an input is.
enum State {
    Closed,
    Opened(Input),
    Begun(Open),
    /// It cannot be read, and its end was not given yet.
    Refused,
    Ended,
}

/// An input that is being read.
struct Open {
    reader: BlockReader<Box<dyn Read + Send>>,
    name: Arc<str>,
    log: Log,
    /// How many blocks it gave so far.
    blocks: u64,
    /// The offset of what comes next.
    end: u64,
}

impl<'a> Inputs<'a> {
    /// The files, and those in the folders, to be read as the arguments say by so many threads.
    pub(crate) fn new(files: &[PathBuf], args: &'a Score, threads: usize) -> Inputs<'a> {
        // Who takes a run up where another one ended passes over much, and that in its turn; and rows with the lines that they
        // stand for are too long to be held until their turn.
        let is_early = args.from.is_none_or(|from| from == 0) && !args.context;
        Inputs {
            waiting: files.iter().cloned().collect(),
            seen: VecDeque::new(),
            args,
            early_max: if is_early { threads.clamp(2, OPEN_MAX) - 1 } else { 0 },
            count: 0,
            is_settled: false,
            refused: false,
            without_field: false,
        }
    }

    /// What became of all of them.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Inputs { refused: true, .. } => Exit::Refused,
            Inputs { without_field: true, .. } => Exit::Usage,
            _ => Exit::Done,
        }
    }

    /// The next block of any input, or the end of one; `None` at the end of all. Where `may_be_early`, it may be one of a
    /// later input while the one whose turn it is has none ready.
    pub(crate) fn next(&mut self, mut buffer: Vec<u8>, may_be_early: bool) -> Option<Step<Part>> {
        if !self.is_settled {
            self.settle();
        }
        let at = self.choose(may_be_early);
        let entry = self.seen.get_mut(at)?;
        let block = entry.next(self.args, &mut buffer);
        let position = (entry.number, entry.given);
        entry.given += 1;
        self.is_settled = block.is_some();
        self.tell();
        Some(Step { position, early: at > 0, block })
    }

    /// Which of the inputs that were seen is read next.
    fn choose(&self, may_be_early: bool) -> usize {
        let is_ready = |entry: &Entry| entry.is_ready.as_ref().is_some_and(|is_ready| is_ready());
        let must_wait = |first: &Entry| first.is_ready.is_some() && !is_ready(first);
        if !may_be_early || !self.seen.front().is_some_and(must_wait) {
            return 0;
        }
        let later = self.seen.iter().skip(1);
        let ready = later.map(|entry| !entry.has_ended() && is_ready(entry)).position(|is_ready| is_ready);
        ready.map_or(0, |at| at + 1)
    }

    /// Gives the turn to the first that has not ended, and sees what comes behind it.
    fn settle(&mut self) {
        while self.seen.front().is_some_and(Entry::has_ended) {
            self.seen.pop_front();
            self.tell();
        }
        while self.may_see_more() {
            let Some(path) = self.waiting.pop_front() else { break };
            if !input::is_stdin(&path) && path.is_dir() {
                self.unfold(&path);
                continue;
            }
            let memory = if self.seen.is_empty() { None } else { early_memory(&path) };
            if memory.is_some_and(|memory| memory > self.memory_left()) {
                self.waiting.push_front(path);
                break;
            }
            self.see(path, memory);
        }
        self.is_settled = true;
    }

    fn may_see_more(&self) -> bool {
        let is_early = |entry: &&Entry| entry.memory.is_some() && !entry.has_ended();
        let early = self.seen.iter().skip(1).filter(is_early).count();
        let is_live = self.seen.back().is_some_and(|last| last.is_live);
        self.seen.is_empty() || early < self.early_max && self.seen.len() < SEEN_MAX && !is_live
    }

    /// How much of [`EARLY_MEMORY`] nobody has.
    fn memory_left(&self) -> usize {
        let early = self.seen.iter().skip(1).filter(|entry| !entry.has_ended());
        EARLY_MEMORY.saturating_sub(early.filter_map(|entry| entry.memory).sum())
    }

    /// Puts an input behind those that were seen, and opens it, if it says what memory that takes. What cannot be opened
    /// is left to its turn: then it is opened again, and refused.
    fn see(&mut self, path: PathBuf, memory: Option<usize>) {
        let buffers = (EARLY_BUFFERS / self.early_max.max(1)).clamp(BUFFERS_MIN, input::BUFFERS);
        let input = memory.and_then(|_| input::open_ahead(&path, buffers).ok());
        let mut entry = Entry {
            number: self.count,
            is_live: is_live(&path),
            path,
            state: State::Closed,
            memory: memory.filter(|_| input.is_some()),
            is_ready: None,
            given: 0,
            said: Vec::new(),
        };
        if let Some(input) = input {
            entry.opened(input);
        }
        self.count += 1;
        self.seen.push_back(entry);
    }

    /// The files of a folder come next, by name; links to folders are not followed, because they may lead in circles.
    fn unfold(&mut self, folder: &Path) {
        let entries = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let mut inside = match entries {
            Ok(entries) => entries,
            Err(error) => {
                self.see(folder.to_owned(), None);
                if let Some(entry) = self.seen.back_mut() {
                    entry.refuse(format!("{}: {error}", folder.display()));
                    entry.state = State::Refused;
                }
                return self.tell();
            }
        };
        let is_log = |entry: &fs::DirEntry| {
            let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
            let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
            !(is_hidden || is_link && entry.path().is_dir())
        };
        inside.retain(is_log);
        inside.sort_by_key(|entry| std::cmp::Reverse(entry.file_name()));
        inside.iter().for_each(|entry| self.waiting.push_front(entry.path()));
    }

    /// Says what there is to say of the input whose turn it is.
    fn tell(&mut self) {
        let Some(first) = self.seen.front_mut() else { return };
        for (message, exit) in first.said.drain(..) {
            tell(&format!("rapsheet: {message}"));
            self.refused |= exit == Exit::Refused;
            self.without_field |= exit == Exit::Usage;
        }
    }
}

/// How much memory it takes to open a file before its turn; `None` where that must not be, or is of no use.
#[cfg(feature = "ingest")]
fn early_memory(path: &Path) -> Option<usize> {
    if input::is_stdin(path) || is_live(path) || input::is_our_output(path) {
        return None;
    }
    crate::unpacking::memory_of(path).filter(|memory| *memory <= EARLY_MEMORY)
}

/// Without decompressors, nothing is worth it.
#[cfg(not(feature = "ingest"))]
fn early_memory(_: &Path) -> Option<usize> {
    None
}

/// Whether what stands at a path comes as it happens.
fn is_live(path: &Path) -> bool {
    input::is_stdin(path) || fs::metadata(path).is_ok_and(|about| !about.is_file() && !about.is_dir())
}

impl Entry {
    fn has_ended(&self) -> bool {
        matches!(self.state, State::Ended)
    }

    /// The next block; `None` at the end.
    fn next(&mut self, args: &Score, buffer: &mut Vec<u8>) -> Option<Part> {
        loop {
            match std::mem::replace(&mut self.state, State::Ended) {
                State::Refused | State::Ended => return None,
                State::Closed => self.open(),
                State::Opened(input) => self.begin(args, input),
                State::Begun(open) => {
                    let part = self.read(args, open, std::mem::take(buffer))?;
                    let is_mine = args.shard.is_none_or(|shard| shard.has(part.0));
                    if is_mine {
                        return Some(part.1);
                    }
                    *buffer = part.1.block.bytes;
                }
            }
        }
    }

    fn opened(&mut self, mut input: Input) {
        self.is_ready = input.is_ready.take();
        self.state = State::Opened(input);
    }

    fn open(&mut self) {
        if input::is_our_output(&self.path) {
            return self.refuse(format!("{}: the output goes there", self.path.display()));
        }
        match input::open(&self.path) {
            Ok(input) => self.opened(input),
            Err(error) => self.refuse(error.to_string()),
        }
    }

    /// Looks at how an input begins.
    fn begin(&mut self, args: &Score, input: Input) {
        let name = if input::is_stdin(&self.path) { "-".into() } else { self.path.to_string_lossy() };
        let name: Arc<str> = Arc::from(name);
        let mut reader = BlockReader::new(args.input.reshaped(input.reader), input.live);
        let mut log = Log::of(args.input, reader.head());
        if let Some(from) = args.from.filter(|from| *from > 0) {
            log = log.updated_by(reader.head()).unwrap_or(log);
            if let Err(error) = reader.skip_to(from) {
                return self.refuse(format!("{name}: {error}"));
            }
        }
        if log.is_quoted() {
            reader.keep_quotes();
        }
        self.state = State::Begun(Open { reader, name, log, blocks: 0, end: 0 });
    }

    /// Reads a block, and says which of them it is; `None` at the end.
    fn read(&mut self, args: &Score, mut open: Open, buffer: Vec<u8>) -> Option<(u64, Part)> {
        let block = match open.reader.next_block(buffer) {
            Ok(block) => block?,
            Err(error) => {
                let (name, end) = (&open.name, open.end);
                self.refuse(format!("{name}: {error}; what it holds up to byte {end} was looked into"));
                return None;
            }
        };
        let number = open.blocks;
        let part = self.part(args, &mut open, block)?;
        self.state = State::Begun(open);
        Some((number, part))
    }

    /// A block with what it needs from those before it; `None` where its input has no fields to look into.
    fn part(&mut self, args: &Score, open: &mut Open, block: Block) -> Option<Part> {
        let log = open.log.clone();
        let is_first = open.blocks == 0;
        if block.is_piece && !args.fields.is_empty() {
            let limit = LINE_MAX >> 20;
            self.refuse(format!(
                "{}:{}: a record of more than {limit} MiB, whose fields cannot be told apart; without --field it is read in pieces",
                open.name, block.line
            ));
        }
        open.blocks += 1;
        open.end = block.offset + block.bytes.len() as u64;
        let after = log.updated_by(&block.bytes);
        let said = after.as_ref().or(is_first.then_some(&log)).and_then(|log| log.field_error(&args.fields));
        if let Some(said) = said {
            self.said.push((format!("{}: {said}", open.name), Exit::Usage));
            if !log.headers_recur() {
                return None;
            }
        }
        let changes = after.is_some();
        open.log = after.unwrap_or(open.log.clone());
        Some(Part { block, file: open.name.clone(), log, changes })
    }

    /// Has it said that something of it could not be read.
    fn refuse(&mut self, message: String) {
        self.said.push((message, Exit::Refused));
    }
}

impl Shard {
    /// Whether a block of an input, counted from 0, belongs to this part.
    fn has(self, block: u64) -> bool {
        block % self.of == self.part
    }
}
