//! Parses one download: its text is cut into blocks, and their lines are read.
//!
//! A build reads blocks on many threads and collects columns; `parse` reads them in order and prints. Both go
//! through `read_part`, which gives a format as much of the text as its [`Shape`] asks for.
//!
//! ```
//! use rapsheet_ingest::format;
//! use rapsheet_ingest::format::options::Options;
//! use rapsheet_ingest::pipeline::{EventLog, ParseConfig, Rules, parse_text};
//! use rapsheet_snapshot::{ListKind, Scope, Time};
//!
//! let rules = Rules::new(Time::from_unix(1_780_000_000), ListKind::Block, Scope::Exact);
//! let config = ParseConfig {
//!     format: format::find("plain-ip").expect("a format"),
//!     options: &Options::default(),
//!     rules: &rules,
//!     can_be_empty: false,
//! };
//! let mut events = EventLog::new(ListKind::Block);
//! let counters = parse_text(&config, &mut b"45.9.20.0/24\n".as_slice(), &mut events);
//! assert_eq!(counters.expect("a list").entries, 1);
//! assert_eq!(events.events[0].indicator.as_deref(), Some("45.9.20.0/24"));
//! ```

mod event_log;
mod line_loop;

pub use crate::download::position::Position;
pub use crate::download::refusal::FileRefusal;
pub use crate::entry::counters::Counters;
pub use crate::entry::details::Details;
pub use crate::entry::key::Key;
pub use crate::entry::outcome::{ListMetadata, Skip, Warning, Warnings};
pub use crate::entry::rules::Rules;
pub use crate::entry::sink::Sink;
pub use crate::format::sniff::Guess;
#[cfg(test)]
pub(crate) use event_log::tests as testing;
pub use event_log::{Event, EventLog};

use crate::download::blocks::{Block, Blocks};
use crate::download::decode::{self, Text};
use crate::entry::guard::NameGuard;
use crate::entry::normalizer::Normalizer;
use crate::format::options::Options;
use crate::format::sniff;
use crate::format::{Convert, Format, Head, LineReader, Open, OpenError, OrderedReader, ReadDocument, Shape};
use crate::sighting::collector::Collector;
use rapsheet_assemble::Scratch;
use rapsheet_decompress::{Consumed, LimitedReader, Limits};
use rapsheet_snapshot::TooLarge;
use rayon::prelude::*;
use std::io::{self, Read};
use std::sync::atomic::AtomicU64;

/// How many blocks of one file are read at the same time. This bounds the memory of a stream.
const BLOCKS_AT_ONCE: usize = 8;
/// The largest file that a format may ask to see whole, in bytes.
pub(crate) const WHOLE_MAX: usize = 64 << 20;
/// The largest encoded file. It is in memory together with what it decodes to.
const ENCODED_MAX: usize = WHOLE_MAX / 2;
const START: Position = Position { line: 1, offset: 0 };

/// How one file is to be read.
#[derive(Clone, Copy)]
pub struct ParseConfig<'a> {
    /// The format.
    pub format: &'static Format,
    /// Its options.
    pub options: &'a Options,
    /// What holds for all entries.
    pub rules: &'a Rules,
    /// Whether a file without data is a valid list.
    pub can_be_empty: bool,
}

/// The result of parsing a download into columns.
#[derive(Default)]
pub(crate) struct ParsedDownload {
    /// The entries of all blocks, in the order of the file, in one collector; none where there are no blocks.
    pub(crate) collectors: Vec<Collector>,
    /// What was counted.
    pub(crate) counters: Counters,
    /// Bytes read, after decompression.
    pub(crate) bytes: u64,
    /// The detected format, if the feed's format is `auto`.
    pub(crate) guess: Option<Guess>,
    /// The last line that is not blank, cut off.
    pub(crate) last_line: Vec<u8>,
    /// Whether its last line has a line end, in a format that is read line by line.
    pub(crate) has_last_line_end: bool,
    /// A hash of the entries that does not depend on their order.
    pub(crate) content_hash: u64,
    /// What is remarkable about the compressed file.
    pub(crate) trailing: Option<String>,
    /// The memory that its rows in memory take, in bytes.
    memory: u64,
    /// Why its rows could not be kept.
    pub(crate) too_large: Option<TooLarge>,
}

/// The result of parsing a download in order.
pub struct Parsed {
    /// What was counted, or why the file was refused.
    pub counters: Result<Counters, OpenError>,
    /// The detected format, if the configured one is `auto`.
    pub guess: Option<Guess>,
}

/// Parses a download in parallel. `on_bytes` is called with the size of every block. Rows beyond the memory of
/// `scratch` become sorted runs.
pub(crate) fn collect(
    config: &ParseConfig<'_>,
    text: &mut Text,
    scratch: &Scratch,
    on_bytes: &(dyn Fn(u64) + Sync),
) -> Result<ParsedDownload, OpenError> {
    let parsed = ParsedDownload::default();
    let mut consumer = CollectBlocks { rules: config.rules, on_bytes, scratch, parsed };
    let mut guess = None;
    let read = read_parts(config, text, &mut consumer, &mut guess)
        .and_then(|()| refuse_if_empty(config, &consumer.parsed.counters));
    if read.is_err() {
        consumer.parsed.release(scratch);
    }
    // Downloads that wait for others leave half of the memory to these.
    if scratch.is_half_full() {
        consumer.spill();
    }
    consumer.parsed.guess = guess;
    consumer.parsed.trailing = text.trailing().note();
    read.map(|()| consumer.parsed)
}

impl ParsedDownload {
    /// Gives back the memory of the rows: they are about to be dropped.
    pub(crate) fn release(&mut self, scratch: &Scratch) {
        scratch.release(std::mem::take(&mut self.memory));
    }
}

/// Parses a download in order, on this thread.
pub fn parse_download(config: &ParseConfig<'_>, text: &mut Text, sink: &mut dyn Sink) -> Parsed {
    let mut consumer = ParseInOrder::new(config.rules, sink);
    let mut guess = None;
    let read = read_parts(config, text, &mut consumer, &mut guess);
    let counters =
        read.and_then(|()| refuse_if_empty(config, &consumer.counters)).map(|()| consumer.counters);
    Parsed { counters, guess }
}

/// Parses the text of one list in order, on this thread.
pub fn parse_text(
    config: &ParseConfig<'_>,
    text: &mut dyn Read,
    sink: &mut dyn Sink,
) -> Result<Counters, OpenError> {
    let mut consumer = ParseInOrder::new(config.rules, sink);
    read_part(config, &mut PartSource { part: "", text, position: START }, &mut consumer, &mut None)?;
    refuse_if_empty(config, &consumer.counters)?;
    Ok(consumer.counters)
}

/// Consumes the blocks of a text.
trait Consumer {
    /// How many blocks it takes at a time.
    const AT_ONCE: usize;
    /// Whether it takes no more blocks.
    fn is_closed(&self) -> bool {
        false
    }
    /// Reads blocks whose order does not matter.
    fn blocks(&mut self, reader: &dyn LineReader, blocks: Vec<Block>);
    /// Reads the next block of a text whose lines depend on those before them.
    fn ordered(&mut self, reader: &mut dyn OrderedReader, block: &Block);
    /// Reads a document.
    fn document(
        &mut self,
        read: ReadDocument,
        config: &ParseConfig<'_>,
        document: Document<'_>,
    ) -> Result<(), OpenError>;
}

/// A document and where it begins.
struct Document<'a> {
    head: Head<'a>,
    base: Position,
}

/// One part of a download, to be read from `position` on.
struct PartSource<'a> {
    part: &'a str,
    text: &'a mut dyn Read,
    position: Position,
}

/// Reads all parts. `guess` is set to the detected format of the first one, also if that part is then
/// refused.
fn read_parts<T: Consumer>(
    config: &ParseConfig<'_>,
    text: &mut Text,
    consumer: &mut T,
    guess: &mut Option<Guess>,
) -> Result<(), OpenError> {
    let mut position = START;
    while let Some(part) = text.next_part()? {
        let mut source = PartSource { part: &part, text: &mut text.part(), position };
        read_part(config, &mut source, consumer, guess)?;
        position = source.position;
    }
    Ok(())
}

/// Reads one part in the shape that its format asks for.
fn read_part<T: Consumer>(
    config: &ParseConfig<'_>,
    source: &mut PartSource<'_>,
    consumer: &mut T,
    first_guess: &mut Option<Guess>,
) -> Result<(), OpenError> {
    let text: &mut dyn Read =
        &mut SeparatorReader { text: &mut *source.text, end: config.options.separator()? };
    let position = source.position;
    let mut blocks = Blocks::starting_at(text, position);
    let head = blocks.head().map_err(|error| decode::refusal(&error))?;
    let head = Head { part: source.part, bytes: head };
    let is_binary = matches!(config.format.shape, Shape::Converted(..));
    if !is_binary {
        decode::check_head(head.bytes, config.format.markup)?;
    }
    let guess = sniff::detect(config.format, head.bytes)?;
    let format = guess.as_ref().map_or(config.format, |guess| guess.format);
    if first_guess.is_none() {
        *first_guess = guess;
    }
    // Again, because `auto` admits markup that the detected format may not.
    if !is_binary {
        decode::check_head(head.bytes, format.markup)?;
    }
    match format.shape {
        Shape::Lines(open) => {
            let reader = open(config.options, head)?;
            pass_blocks(consumer, reader.as_ref(), &mut blocks)?;
        }
        Shape::Ordered(open) => {
            let mut reader = open(config.options, head)?;
            while let Some(block) = next_block(&mut blocks)?.filter(|_| !consumer.is_closed()) {
                consumer.ordered(reader.as_mut(), &block);
            }
        }
        Shape::TwoPass(first_pass) => {
            let all = read_blocks(&mut blocks)?;
            let pages: Vec<&[u8]> = all.iter().map(|block| block.bytes.as_slice()).collect();
            consumer.blocks(first_pass(config.options, &pages)?.as_ref(), all);
        }
        Shape::Encoded(decode, first_pass) => {
            let bytes = decode(read_whole(&mut blocks, ENCODED_MAX)?)?;
            let reader = first_pass(config.options, &[&bytes])?;
            consumer.blocks(reader.as_ref(), vec![Block { bytes, base: source.position }]);
        }
        Shape::Converted(convert, open) => {
            let mut text = converted(convert, read_whole(&mut blocks, WHOLE_MAX)?)?;
            read_lines(config, consumer, open, PartSource { part: source.part, text: &mut text, position })?;
        }
        Shape::Document(read) => {
            let bytes = read_whole(&mut blocks, WHOLE_MAX)?;
            let head = Head { part: source.part, bytes: &bytes };
            consumer.document(read, config, Document { head, base: source.position })?;
        }
        Shape::Sniffed => return Err(FileRefusal::NoData.into()),
    }
    source.position = blocks.position();
    Ok(())
}

fn next_block(blocks: &mut Blocks<&mut dyn Read>) -> Result<Option<Block>, OpenError> {
    Ok(blocks.next_block().map_err(|error| decode::refusal(&error))?)
}

/// The next block of whole records, where those of the reader may span lines.
fn next_records(
    reader: &dyn LineReader,
    blocks: &mut Blocks<&mut dyn Read>,
) -> Result<Option<Block>, OpenError> {
    if !reader.spans_lines() {
        return next_block(blocks);
    }
    let whole = |bytes: &[u8]| line_loop::whole_records(reader, bytes);
    Ok(blocks.next_whole(whole).map_err(|error| decode::refusal(&error))?)
}

/// Passes on blocks, as many at a time as the consumer takes.
fn pass_blocks<T: Consumer>(
    consumer: &mut T,
    reader: &dyn LineReader,
    blocks: &mut Blocks<&mut dyn Read>,
) -> Result<(), OpenError> {
    let mut batch: Vec<Block> = next_records(reader, blocks)?.into_iter().collect();
    while !batch.is_empty() && !consumer.is_closed() {
        while batch.len() < T::AT_ONCE {
            match next_records(reader, blocks)? {
                Some(block) => batch.push(block),
                None => break,
            }
        }
        consumer.blocks(reader, std::mem::take(&mut batch));
        batch.extend(next_records(reader, blocks)?);
    }
    Ok(())
}

/// All blocks of a text that must be seen whole. Lines that are too long are cut, and the rest of them does
/// not count towards the size.
fn read_blocks(blocks: &mut Blocks<&mut dyn Read>) -> Result<Vec<Block>, OpenError> {
    let (mut all, mut bytes) = (Vec::new(), 0);
    while let Some(block) = next_block(blocks)? {
        bytes += block.bytes.len();
        all.push(block);
        if bytes > WHOLE_MAX {
            return Err(FileRefusal::TooLarge(WHOLE_MAX as u64).into());
        }
    }
    Ok(all)
}

/// The rest of the stream, as one text.
fn read_whole(blocks: &mut Blocks<&mut dyn Read>, max: usize) -> Result<Vec<u8>, OpenError> {
    let whole = blocks.read_whole(max).map_err(|error| decode::refusal(&error))?;
    whole.ok_or_else(|| FileRefusal::TooLarge(max as u64).into())
}

/// The lines of a binary file, limited as those of a compressed file are.
fn converted(convert: Convert, file: Vec<u8>) -> Result<impl Read, FileRefusal> {
    let consumed = Consumed::new(AtomicU64::new(file.len() as u64));
    Ok(LimitedReader::new(convert(file)?, Limits::default(), consumed))
}

/// Reads lines that mean the same in any order.
fn read_lines<T: Consumer>(
    config: &ParseConfig<'_>,
    consumer: &mut T,
    open: Open,
    source: PartSource<'_>,
) -> Result<(), OpenError> {
    let mut blocks = Blocks::starting_at(source.text, source.position);
    let head = blocks.head().map_err(|error| decode::refusal(&error))?;
    let reader = open(config.options, Head { part: source.part, bytes: head })?;
    pass_blocks(consumer, reader.as_ref(), &mut blocks)
}

/// A text in which another byte ends a line, too: some publishers send one long line of many entries.
struct SeparatorReader<'a> {
    text: &'a mut dyn Read,
    end: Option<u8>,
}

impl Read for SeparatorReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.text.read(buffer)?;
        if let Some(end) = self.end {
            let read = buffer.iter_mut().take(count).filter(|byte| **byte == end);
            read.for_each(|byte| *byte = b'\n');
        }
        Ok(count)
    }
}

/// Collects columns, in parallel.
struct CollectBlocks<'a> {
    rules: &'a Rules,
    on_bytes: &'a (dyn Fn(u64) + Sync),
    scratch: &'a Scratch,
    parsed: ParsedDownload,
}

/// The result of one block.
struct BlockResult {
    collector: Collector,
    counters: Counters,
    content_hash: u64,
}

impl BlockResult {
    fn new(mut collector: Collector, counters: Counters) -> BlockResult {
        collector.finish();
        BlockResult { content_hash: collector.content_hash(), collector, counters }
    }
}

/// The last line of a block that is not blank, without the white space around it.
fn last_line(bytes: &[u8]) -> &[u8] {
    let text = bytes.trim_ascii_end();
    let begin = memchr::memrchr2(b'\n', b'\r', text).map_or(0, |end| end + 1);
    let line = text.get(begin..).unwrap_or(&[]).trim_ascii_start();
    line.get(..LAST_LINE_MAX).unwrap_or(line)
}

/// A download is not sorted and written before it has this share of the memory for rows, and so many bytes: few long
/// runs are merged in less time than many short ones, and each takes memory while it is merged.
const SPILL_SHARE: u64 = 16;
const SPILL_MIN: u64 = 4 << 20;

/// How much of a last line is kept.
const LAST_LINE_MAX: usize = 256;

impl CollectBlocks<'_> {
    /// Moves the rows in memory to sorted runs.
    fn spill(&mut self) {
        let parsed = &mut self.parsed;
        for collector in &mut parsed.collectors {
            match collector.spill(self.scratch) {
                Ok(freed) => {
                    self.scratch.release(freed);
                    parsed.memory = parsed.memory.saturating_sub(freed);
                }
                Err(error) => parsed.too_large = Some(error),
            }
        }
    }

    fn add_lines(&mut self, bytes: &[u8], result: BlockResult) {
        self.parsed.has_last_line_end = bytes.ends_with(b"\n") || bytes.ends_with(b"\r");
        self.add(bytes, result);
    }

    fn add(&mut self, bytes: &[u8], result: BlockResult) {
        (self.on_bytes)(bytes.len() as u64);
        let parsed = &mut self.parsed;
        parsed.bytes += bytes.len() as u64;
        parsed.counters.add(&result.counters);
        parsed.content_hash = parsed.content_hash.wrapping_add(result.content_hash);
        let memory = result.collector.memory();
        parsed.memory += memory;
        self.scratch.add(memory);
        match parsed.collectors.first_mut() {
            Some(all) => all.append(result.collector),
            None => parsed.collectors.push(result.collector),
        }
        // Attributes stay in memory, so that only the rows count here.
        let rows = parsed.collectors.iter().map(|collector| collector.columns.memory()).sum::<u64>();
        if self.scratch.is_full() && rows >= SPILL_MIN.max(self.scratch.limit() / SPILL_SHARE) {
            self.spill();
        }
        let parsed = &mut self.parsed;
        let last = last_line(bytes);
        if !last.is_empty() {
            parsed.last_line = last.to_vec();
        }
    }
}

impl Consumer for CollectBlocks<'_> {
    const AT_ONCE: usize = BLOCKS_AT_ONCE;

    fn blocks(&mut self, reader: &dyn LineReader, blocks: Vec<Block>) {
        let one = |block: &Block| {
            let (mut collector, mut names) = (Collector::new(self.rules.list), NameGuard::default());
            let counters = line_loop::read_block(reader, block, self.rules, &mut names, &mut collector);
            BlockResult::new(collector, counters)
        };
        let results: Vec<BlockResult> = blocks.par_iter().map(one).collect();
        blocks.iter().zip(results).for_each(|(block, result)| self.add_lines(&block.bytes, result));
    }

    fn ordered(&mut self, reader: &mut dyn OrderedReader, block: &Block) {
        let (mut collector, mut names) = (Collector::new(self.rules.list), NameGuard::default());
        let counters = line_loop::read_ordered(reader, block, self.rules, &mut names, &mut collector);
        self.add_lines(&block.bytes, BlockResult::new(collector, counters));
    }

    fn document(
        &mut self,
        read: ReadDocument,
        config: &ParseConfig<'_>,
        document: Document<'_>,
    ) -> Result<(), OpenError> {
        let mut collector = Collector::new(self.rules.list);
        let counters = read_document(config, read, &document, &mut NameGuard::default(), &mut collector)?;
        self.add(document.head.bytes, BlockResult::new(collector, counters));
        Ok(())
    }
}

/// Passes entries on to one sink, in the order of the text.
struct ParseInOrder<'a> {
    rules: &'a Rules,
    sink: &'a mut dyn Sink,
    names: NameGuard,
    counters: Counters,
}

impl<'a> ParseInOrder<'a> {
    fn new(rules: &'a Rules, sink: &'a mut dyn Sink) -> ParseInOrder<'a> {
        ParseInOrder { rules, sink, names: NameGuard::default(), counters: Counters::default() }
    }
}

impl Consumer for ParseInOrder<'_> {
    const AT_ONCE: usize = 1;

    fn is_closed(&self) -> bool {
        self.sink.is_closed()
    }

    fn blocks(&mut self, reader: &dyn LineReader, blocks: Vec<Block>) {
        for block in &blocks {
            let counters = line_loop::read_block(reader, block, self.rules, &mut self.names, self.sink);
            self.counters.add(&counters);
        }
    }

    fn ordered(&mut self, reader: &mut dyn OrderedReader, block: &Block) {
        let counters = line_loop::read_ordered(reader, block, self.rules, &mut self.names, self.sink);
        self.counters.add(&counters);
    }

    fn document(
        &mut self,
        read: ReadDocument,
        config: &ParseConfig<'_>,
        document: Document<'_>,
    ) -> Result<(), OpenError> {
        let counters = read_document(config, read, &document, &mut self.names, self.sink)?;
        self.counters.add(&counters);
        Ok(())
    }
}

fn read_document(
    config: &ParseConfig<'_>,
    read: ReadDocument,
    document: &Document<'_>,
    names: &mut NameGuard,
    sink: &mut dyn Sink,
) -> Result<Counters, OpenError> {
    let mut normalizer = Normalizer::new(config.rules, sink, names, document.head.bytes, document.base);
    read(config.options, document.head, &mut normalizer)?;
    normalizer.end_record();
    Ok(normalizer.finish())
}

/// Refuses a file without an entry, unless its feed may be empty. Even then, many lines of a syntax without
/// entries are another format, and not an empty list.
fn refuse_if_empty(config: &ParseConfig<'_>, counters: &Counters) -> Result<(), OpenError> {
    if counters.entries > 0 {
        return Ok(());
    }
    let skipped = |kinds: &[Skip]| kinds.iter().filter_map(|kind| counters.skips.get(kind)).sum::<u64>();
    let ordinary = skipped(&[Skip::Blank, Skip::Comment, Skip::Header, Skip::Metadata]);
    let foreign = skipped(&[Skip::Directive, Skip::Record]);
    if counters.rejected_lines > 0 || config.can_be_empty && foreign > FOREIGN_MAX {
        return Err(FileRefusal::NoData.into());
    }
    match (config.can_be_empty, counters.skipped_lines > ordinary) {
        (true, _) => Ok(()),
        (false, true) => Err(FileRefusal::NoData.into()),
        (false, false) => Err(FileRefusal::Empty.into()),
    }
}

/// An empty list may have this many lines of its syntax beside its header.
const FOREIGN_MAX: u64 = 20;
