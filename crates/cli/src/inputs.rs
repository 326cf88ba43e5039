//! All inputs of a scan, in command-line order, cut into blocks.
//!
//! Compressed files are opened ahead of their turn, because decompression takes longest. Each is decompressed
//! on its own thread, and a worker gets a block of a later file while the current one has none ready. Every
//! block has a position in the order and messages wait for the turn of their input, so the output does not
//! depend on it. The number of open files is bounded, and so is their memory: buffers, and the windows of the
//! decoders.
//!
//! A pipe is not opened ahead, and nothing after it: it may last for hours, and the files may change
//! meanwhile.

use crate::args::{Score, Shard};
use crate::blocks::{Block, BlockReader, LINE_MAX, Runaways};
use crate::exit::{Exit, print_stderr};
use crate::fields::FieldSearch;
use crate::input::{self, Input, IsReady};
use crate::log::Log;
use crate::parallel::Step;
use rapsheet_decompress::{MEMORY_HEAD_LEN, TrailingBytes, memory_needed};
use std::collections::VecDeque;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How many inputs are open at once, at most.
const OPEN_MAX: usize = 5;
/// How many inputs are queued, at most, in search of one that can be opened ahead.
const QUEUE_MAX: usize = 32;
/// The buffers of all inputs that are open ahead.
const AHEAD_BUFFERS: usize = 15;
/// The fewest buffers of one of them.
const BUFFERS_MIN: usize = 3;
/// The memory of their decoders, in bytes.
const AHEAD_MEMORY: usize = 12 << 20;

/// How much of an input is looked at for UTF-16, in bytes.
const UTF16_HEAD_LEN: usize = 4 << 10;

/// A block of one of the inputs.
pub(crate) struct LogBlock {
    /// Its lines.
    pub(crate) block: Block,
    /// The input's name.
    pub(crate) file: Arc<str>,
    /// The state of the log where the block begins.
    pub(crate) log: Log,
    /// Whether the block may change that state: it has a header, for example.
    pub(crate) changes_log: bool,
}

/// All inputs. An input that cannot be read is named on stderr, and the others go on.
pub(crate) struct Inputs<'a> {
    /// Files and folders that are not queued yet.
    pending: VecDeque<PathBuf>,
    /// Inputs in order: it is the turn of the first.
    queue: VecDeque<QueuedInput>,
    args: &'a Score,
    /// How many may be open ahead.
    ahead_max: usize,
    /// How many were queued so far.
    count: u64,
    /// Whether no input has ended since the queue was filled.
    is_filled: bool,
    refused: bool,
    /// Whether the system refused what opening an input needs.
    unfinished: bool,
    /// Whether there is one input, so that a field which it lacks is lacking everywhere.
    is_only: bool,
    /// The fields that are asked for, over all inputs.
    fields: FieldSearch,
}

/// A queued input.
struct QueuedInput {
    number: u64,
    path: PathBuf,
    state: State,
    /// Whether it is a pipe or another stream.
    is_stream: bool,
    /// The memory of its decoder, where it is open ahead.
    memory: Option<usize>,
    is_ready: Option<IsReady>,
    /// What its decoder remarks.
    trailing: Option<TrailingBytes>,
    /// How many steps it has given so far.
    given: u64,
    /// Messages to print in its turn, and the exit codes that they imply.
    messages: Vec<(String, Exit)>,
    is_only: bool,
    /// Whether it has the fields that are asked for; `None` until that is known.
    fields: Option<FieldSearch>,
}

/// How far an input has been read.
enum State {
    Closed,
    Opened(Input),
    Reading(Box<LogReader>),
    /// It cannot be read. Its end is still to be given.
    Refused,
    Ended,
}

/// An input that is being read.
struct LogReader {
    blocks: BlockReader<Box<dyn Read + Send>>,
    name: Arc<str>,
    log: Log,
    /// How many blocks it has given so far.
    given: u64,
    /// The offset of the next block.
    end: u64,
    /// The search for the fields that are asked for, until it ends.
    fields: Option<FieldSearch>,
}

impl<'a> Inputs<'a> {
    /// The inputs that `files` names, for `threads` workers.
    pub(crate) fn new(files: &[PathBuf], args: &'a Score, threads: usize) -> Inputs<'a> {
        // With --from most of a file is skipped, which is done in its turn. With --context rows are long, and
        // results that wait for their turn would take too much memory.
        let may_open_ahead = args.from.is_none_or(|from| from == 0) && !args.context;
        Inputs {
            pending: files.iter().cloned().collect(),
            queue: VecDeque::new(),
            args,
            ahead_max: if may_open_ahead { threads.clamp(2, OPEN_MAX) - 1 } else { 0 },
            count: 0,
            is_filled: false,
            refused: false,
            unfinished: false,
            is_only: matches!(files, [file] if input::is_stdin(file) || !file.is_dir()),
            fields: FieldSearch::new(args),
        }
    }

    /// The exit code that the inputs imply. A field that no input has is named, if that was not done in
    /// the turn of the only input.
    pub(crate) fn exit(&self) -> Exit {
        let complaint = self.fields.complaint().filter(|_| self.fields.has_searched());
        if let Some(complaint) = complaint.as_ref().filter(|_| !self.is_only) {
            print_stderr(&format!("rapsheet: {complaint}"));
        }
        match self {
            Inputs { unfinished: true, .. } => Exit::Unfinished,
            Inputs { refused: true, .. } => Exit::Refused,
            _ if complaint.is_some() => Exit::Usage,
            _ => Exit::Done,
        }
    }

    /// The next block of an input, or its end; `None` after the last input. Where `may_be_ahead`, it may be a
    /// block of a later input while the first has none ready.
    pub(crate) fn next(&mut self, mut buffer: Vec<u8>, may_be_ahead: bool) -> Option<Step<LogBlock>> {
        if !self.is_filled {
            self.fill_queue();
        }
        let at = self.choose(may_be_ahead);
        let input = self.queue.get_mut(at)?;
        let block = input.next(self.args, &mut buffer);
        let position = (input.number, input.given);
        input.given += 1;
        self.is_filled = block.is_some();
        self.print_messages();
        Some(Step { position, early: at > 0, block })
    }

    /// The index of the queued input to read from: the first, unless reading it would wait and a later one is
    /// ready.
    fn choose(&self, may_be_ahead: bool) -> usize {
        let is_ready = |input: &QueuedInput| input.is_ready.as_ref().is_some_and(|is_ready| is_ready());
        let must_wait = |first: &QueuedInput| first.is_ready.is_some() && !is_ready(first);
        if !may_be_ahead || !self.queue.front().is_some_and(must_wait) {
            return 0;
        }
        let later = self.queue.iter().skip(1);
        let ready = later.map(|input| !input.has_ended() && is_ready(input)).position(|is_ready| is_ready);
        ready.map_or(0, |at| at + 1)
    }

    /// Drops inputs that have ended and queues the next ones, opening those that can be opened ahead.
    fn fill_queue(&mut self) {
        while self.queue.front().is_some_and(QueuedInput::has_ended) {
            let ended = self.queue.pop_front();
            ended.and_then(|input| input.fields).iter().for_each(|fields| self.fields.merge(fields));
            self.print_messages();
        }
        while self.may_queue_more() {
            let Some(path) = self.pending.pop_front() else { break };
            if !input::is_stdin(&path) && path.is_dir() {
                self.expand_folder(&path);
                continue;
            }
            let memory = if self.queue.is_empty() { None } else { memory_ahead(&path) };
            if memory.is_some_and(|memory| memory > self.memory_left()) {
                self.pending.push_front(path);
                break;
            }
            self.enqueue(path, memory);
        }
        self.is_filled = true;
    }

    fn may_queue_more(&self) -> bool {
        let is_ahead = |input: &&QueuedInput| input.memory.is_some() && !input.has_ended();
        let ahead = self.queue.iter().skip(1).filter(is_ahead).count();
        let is_stream = self.queue.back().is_some_and(|last| last.is_stream);
        self.queue.is_empty() || ahead < self.ahead_max && self.queue.len() < QUEUE_MAX && !is_stream
    }

    /// The unused part of [`AHEAD_MEMORY`].
    fn memory_left(&self) -> usize {
        let ahead = self.queue.iter().skip(1).filter(|input| !input.has_ended());
        AHEAD_MEMORY.saturating_sub(ahead.filter_map(|input| input.memory).sum())
    }

    /// Queues an input, and opens it ahead where there is a `memory`. A failure is not reported here:
    /// the input is opened again in its turn.
    fn enqueue(&mut self, path: PathBuf, memory: Option<usize>) {
        let buffers = (AHEAD_BUFFERS / self.ahead_max.max(1)).clamp(BUFFERS_MIN, input::BUFFERS);
        let input = memory.and_then(|_| input::open_ahead(&path, buffers).ok());
        let mut queued = QueuedInput {
            number: self.count,
            is_stream: input::is_stdin(&path) || input::is_stream(&path),
            path,
            state: State::Closed,
            memory: memory.filter(|_| input.is_some()),
            is_ready: None,
            trailing: None,
            given: 0,
            messages: Vec::new(),
            is_only: self.is_only,
            fields: None,
        };
        if let Some(input) = input {
            queued.set_opened(input);
        }
        self.count += 1;
        self.queue.push_back(queued);
    }

    /// Puts the files of a folder first in `pending`, sorted by name. Links to folders are not followed: they
    /// could form a cycle.
    fn expand_folder(&mut self, folder: &Path) {
        let entries = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let mut inside = match entries {
            Ok(entries) => entries,
            Err(error) => {
                self.enqueue(folder.to_owned(), None);
                if let Some(queued) = self.queue.back_mut() {
                    let message = format!("{}: {error}", folder.display());
                    queued.messages.push((message, Exit::of_unread(&error)));
                    queued.state = State::Refused;
                }
                return self.print_messages();
            }
        };
        let is_log = |entry: &fs::DirEntry| {
            let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
            let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
            !(is_hidden || is_link && entry.path().is_dir())
        };
        inside.retain(is_log);
        if inside.is_empty() && self.args.files.iter().any(|named| named == folder) {
            self.enqueue(folder.to_owned(), None);
            if let Some(queued) = self.queue.back_mut() {
                queued.messages.push((format!("{}: no file in it", folder.display()), Exit::Done));
                queued.state = State::Refused;
            }
            return self.print_messages();
        }
        inside.sort_by_key(|entry| std::cmp::Reverse(entry.file_name()));
        inside.iter().for_each(|entry| self.pending.push_front(entry.path()));
    }

    /// Prints the messages on the first input.
    fn print_messages(&mut self) {
        let Some(first) = self.queue.front_mut() else { return };
        for (message, exit) in first.messages.drain(..) {
            print_stderr(&format!("rapsheet: {message}"));
            self.refused |= exit == Exit::Refused;
            self.unfinished |= exit == Exit::Unfinished;
        }
    }
}

/// The memory that opening a file ahead takes; `None` where it must not be opened ahead, or where that does
/// not pay.
fn memory_ahead(path: &Path) -> Option<usize> {
    if input::is_stdin(path) || input::is_stream(path) || input::is_our_output(path) {
        return None;
    }
    let mut head = Vec::new();
    fs::File::open(path).ok()?.take(MEMORY_HEAD_LEN).read_to_end(&mut head).ok()?;
    memory_needed(&head).filter(|memory| *memory <= AHEAD_MEMORY)
}

/// Whether most of every second byte of a text is NUL, and few of the others.
fn looks_like_utf16(head: &[u8]) -> bool {
    let head = head.get(..UTF16_HEAD_LEN).unwrap_or(head);
    let nuls = |from: usize| head.iter().skip(from).step_by(2).filter(|byte| **byte == 0).count();
    let (few, many) = (nuls(0).min(nuls(1)), nuls(0).max(nuls(1)));
    head.len() >= 8 && many * 8 > head.len() * 3 && few * 16 < head.len()
}

impl QueuedInput {
    fn has_ended(&self) -> bool {
        matches!(self.state, State::Ended)
    }

    /// The next block; `None` at the end.
    fn next(&mut self, args: &Score, buffer: &mut Vec<u8>) -> Option<LogBlock> {
        loop {
            match std::mem::replace(&mut self.state, State::Ended) {
                State::Refused | State::Ended => return None,
                State::Closed => self.open(),
                State::Opened(input) => self.begin(args, input),
                State::Reading(reader) => {
                    let (number, log_block) = self.read(args, reader, std::mem::take(buffer))?;
                    if args.shard.is_none_or(|shard| shard.contains(number)) {
                        return Some(log_block);
                    }
                    *buffer = log_block.block.bytes;
                }
            }
        }
    }

    fn set_opened(&mut self, mut input: Input) {
        self.is_ready = input.is_ready.take();
        self.trailing = input.trailing.take();
        self.state = State::Opened(input);
    }

    fn open(&mut self) {
        if input::is_our_output(&self.path) {
            return self.refuse(format!("{}: not read: the output goes there", self.path.display()));
        }
        match input::open(&self.path) {
            Ok(input) => self.set_opened(input),
            Err(error) => self.messages.push((error.to_string(), error.exit)),
        }
    }

    /// Reads the beginning of an input, which says what kind of log it is.
    fn begin(&mut self, args: &Score, input: Input) {
        let name = if input::is_stdin(&self.path) { "-".into() } else { self.path.to_string_lossy() };
        let name: Arc<str> = Arc::from(name);
        let mut blocks = BlockReader::new(args.input.reshaped(input.reader), input.is_stream);
        if looks_like_utf16(blocks.head()) {
            let what = "looks like UTF-16 without a byte order mark: convert it";
            self.messages.push((format!("{name}: {what}"), Exit::Done));
        }
        let mut log = Log::of(args.input, blocks.head());
        if let Some(from) = args.from.filter(|from| *from > 0) {
            log = log.updated_by(blocks.head()).unwrap_or(log);
            if let Err(error) = blocks.skip_to(from) {
                return self.refuse(format!("{name}: {error}"));
            }
        }
        if let Some(quoted) = log.quoted() {
            blocks.keep_records(quoted);
        }
        let fields = Some(FieldSearch::new(args)).filter(FieldSearch::is_needed);
        self.state = State::Reading(Box::new(LogReader { blocks, name, log, given: 0, end: 0, fields }));
    }

    /// Reads a block; the number counts the blocks of the input. `None` at the end.
    fn read(&mut self, args: &Score, mut reader: Box<LogReader>, buffer: Vec<u8>) -> Option<(u64, LogBlock)> {
        let block = match reader.blocks.next_block(buffer) {
            Ok(Some(block)) => block,
            Ok(None) => {
                self.end_field_search(&mut reader);
                self.report_notes(&reader);
                return None;
            }
            Err(error) => {
                let LogReader { name, end, .. } = *reader;
                self.refuse(format!("{name}: {error}; it was searched up to byte {end}"));
                return None;
            }
        };
        let number = reader.given;
        let log_block = self.log_block(args, &mut reader, block)?;
        self.state = State::Reading(reader);
        Some((number, log_block))
    }

    /// A block with the state of its log; `None` where the log does not have the fields that are asked for.
    fn log_block(&mut self, args: &Score, reader: &mut LogReader, block: Block) -> Option<LogBlock> {
        let log = reader.log.clone();
        if block.is_piece && !args.fields.is_empty() {
            let limit = LINE_MAX >> 20;
            self.refuse(format!(
                "{}:{}: a record of more than {limit} MiB has no fields; without --field it is read in pieces",
                reader.name, block.line
            ));
        }
        reader.given += 1;
        reader.end = block.offset + block.bytes.len() as u64;
        let after = log.updated_by(&block.bytes);
        let search = reader.fields.as_mut();
        if search.is_some_and(|search| search.read(after.as_ref().unwrap_or(&log), &block.bytes))
            && !self.end_field_search(reader)
            && !log.headers_recur()
        {
            return None;
        }
        let changes_log = after.is_some();
        reader.log = after.unwrap_or(reader.log.clone());
        Some(LogBlock { block, file: reader.name.clone(), log, changes_log })
    }

    /// Says which fields the input lacks, once that is known. `false` where it has none of those to be searched.
    fn end_field_search(&mut self, reader: &mut LogReader) -> bool {
        let Some(search) = reader.fields.take().filter(FieldSearch::has_searched) else { return true };
        let lacks_all = search.lacks_all();
        if let Some(complaint) = search.complaint().filter(|_| lacks_all || self.is_only) {
            let rest = if lacks_all { "; this input is not searched" } else { "" };
            self.messages.push((format!("{}: {complaint}{rest}", reader.name), Exit::Usage));
        }
        self.fields = Some(search);
        !lacks_all
    }

    /// Adds what is remarkable about an input that was read to its end.
    fn report_notes(&mut self, reader: &LogReader) {
        let Runaways { count, first_line } = reader.blocks.runaways();
        if count > 0 {
            self.messages.push((
                format!(
                    "{}:{first_line}: a quotation mark opens a cell and does not close it ({count} in this \
                     file); such records end with their first line, and the lines below are records of their own",
                    reader.name
                ),
                Exit::Done,
            ));
        }
        if let Some(trailing) = self.trailing.as_ref().and_then(TrailingBytes::note) {
            self.messages.push((format!("{}: {trailing}", reader.name), Exit::Done));
        }
    }

    /// Adds a message that it, or a part of it, cannot be read.
    fn refuse(&mut self, message: String) {
        self.messages.push((message, Exit::Refused));
    }
}

impl Shard {
    /// Whether this part contains the block with this number, from 0.
    fn contains(self, block: u64) -> bool {
        block % self.of == self.part
    }
}
