//! Reading one download from start to end: decoded, cut into blocks, its lines read in parallel.
//!
//! Two things want a download read: a build, which takes blocks on many threads and keeps columns, and `parse`,
//! which takes them in order and prints. What happens to the text on the way is told once, in `read_part`.

use crate::blocks::{Block, Blocks};
use crate::decode::{self, Text};
use crate::format::{Format, Head, LineReader, OpenError, OrderedReader, ReadDocument, Shape};
use crate::guard::Names;
use crate::harvest::Harvest;
use crate::options::Options;
use crate::read::{self, Page};
use crate::refused::FileRefusal;
use crate::scribe::{Place, Rules, Scribe, Sink, Skip};
use crate::sniff::{self, Guess};
use crate::tally::Tally;
use rayon::prelude::*;
use std::io::{self, Read};

/// How many blocks of one file are read at the same time, at most: the bound on a stream's memory.
const BLOCKS_AT_ONCE: usize = 8;
/// The largest file that a format may ask to see whole, in bytes.
pub const WHOLE_MAX: usize = 64 << 20;
/// The largest file in a wrapping, which stands in memory beside what is in it.
const ENCODED_MAX: usize = WHOLE_MAX / 2;
const START: Place = Place { line: 1, offset: 0 };

/// How one file is to be read.
#[derive(Clone, Copy)]
pub struct Recipe<'a> {
    /// The format.
    pub format: &'static Format,
    /// Its options.
    pub options: &'a Options,
    /// What holds for all entries.
    pub rules: &'a Rules,
    /// Whether a file without data is normal.
    pub can_be_empty: bool,
}

/// What a file gave.
#[derive(Default)]
pub(crate) struct Gathered {
    /// The blocks' entries, in the order of the file.
    pub(crate) harvests: Vec<Harvest>,
    /// What was counted.
    pub(crate) tally: Tally,
    /// Bytes read, after decompression.
    pub(crate) bytes: u64,
    /// What the file was taken for, where its feed does not say.
    pub(crate) guess: Option<Guess>,
    /// The last line that is not blank, or its end.
    pub(crate) last_line: Vec<u8>,
    /// A number that differs when the entries do, in whatever order they come.
    pub(crate) content: u64,
}

/// What was read, and as what.
pub struct Transcribed {
    /// What was counted, or why the file was refused.
    pub tally: Result<Tally, OpenError>,
    /// What the file was taken for, where the recipe does not say.
    pub guess: Option<Guess>,
}

/// Reads a download in parallel. `seen` is told of every block's bytes as they are read.
pub(crate) fn gather(
    recipe: &Recipe<'_>,
    text: &mut Text,
    seen: &(dyn Fn(u64) + Sync),
) -> Result<Gathered, OpenError> {
    let mut taker = Gathering { rules: recipe.rules, seen, gathered: Gathered::default() };
    let mut guess = None;
    read_parts(recipe, text, &mut taker, &mut guess)?;
    taker.gathered.guess = guess;
    refuse_if_empty(recipe, &taker.gathered.tally)?;
    Ok(taker.gathered)
}

/// Reads a whole download in order, on this thread: what `parse` does.
pub fn transcribe_all(recipe: &Recipe<'_>, text: &mut Text, sink: &mut dyn Sink) -> Transcribed {
    let mut taker = Transcribing::new(recipe.rules, sink);
    let mut guess = None;
    let read = read_parts(recipe, text, &mut taker, &mut guess);
    let tally = read.and_then(|()| refuse_if_empty(recipe, &taker.tally)).map(|()| taker.tally);
    Transcribed { tally, guess }
}

/// Reads a text that is one list in order, on this thread.
pub fn transcribe(recipe: &Recipe<'_>, text: &mut dyn Read, sink: &mut dyn Sink) -> Result<Tally, OpenError> {
    let mut taker = Transcribing::new(recipe.rules, sink);
    read_part(recipe, &mut Source { part: "", text, place: START }, &mut taker, &mut None)?;
    refuse_if_empty(recipe, &taker.tally)?;
    Ok(taker.tally)
}

/// Takes what is cut from a text.
trait Taker {
    /// How many blocks it wants at a time.
    const AT_ONCE: usize;
    /// Whether it wants no more.
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
        recipe: &Recipe<'_>,
        whole: Whole<'_>,
    ) -> Result<(), OpenError>;
}

/// A document and where it begins.
struct Whole<'a> {
    head: Head<'a>,
    base: Place,
}

/// One part of a download, to be read from `place` on.
struct Source<'a> {
    part: &'a str,
    text: &'a mut dyn Read,
    place: Place,
}

/// Reads all parts. What the first of them was taken for is told in `guess`, also where it is then refused.
fn read_parts<T: Taker>(
    recipe: &Recipe<'_>,
    text: &mut Text,
    taker: &mut T,
    guess: &mut Option<Guess>,
) -> Result<(), OpenError> {
    let mut place = START;
    while let Some(part) = text.next_part()? {
        let mut source = Source { part: &part, text: &mut text.part(), place };
        read_part(recipe, &mut source, taker, guess)?;
        place = source.place;
    }
    Ok(())
}

/// Reads one part in the shape that its format asks for.
fn read_part<T: Taker>(
    recipe: &Recipe<'_>,
    source: &mut Source<'_>,
    taker: &mut T,
    first_guess: &mut Option<Guess>,
) -> Result<(), OpenError> {
    let text: &mut dyn Read = &mut Ended { text: &mut *source.text, end: recipe.options.separator()? };
    let mut blocks = Blocks::starting_at(text, source.place);
    let head = blocks.head().map_err(|error| decode::refusal(&error))?;
    let head = Head { part: source.part, bytes: head };
    if let Some(refusal) = decode::kind_of(head.bytes, recipe.format.markup) {
        return Err(refusal.into());
    }
    let guess = sniff::needed(recipe.format, head.bytes)?;
    let format = guess.as_ref().map_or(recipe.format, |guess| guess.format);
    if first_guess.is_none() {
        *first_guess = guess;
    }
    if let Some(refusal) = decode::kind_of(head.bytes, format.markup) {
        return Err(refusal.into());
    }
    match format.shape {
        Shape::Lines(open) => {
            let reader = open(recipe.options, head)?;
            stream(taker, reader.as_ref(), &mut blocks)?;
        }
        Shape::Ordered(open) => {
            let mut reader = open(recipe.options, head)?;
            while let Some(block) = next(&mut blocks)?.filter(|_| !taker.is_closed()) {
                taker.ordered(reader.as_mut(), &block);
            }
        }
        Shape::TwoPass(first_pass) => {
            let held = hold(&mut blocks)?;
            let pages: Vec<&[u8]> = held.iter().map(|block| block.bytes.as_slice()).collect();
            taker.blocks(first_pass(recipe.options, &pages)?.as_ref(), held);
        }
        Shape::Encoded(decode, first_pass) => {
            let bytes = decode(whole(&mut blocks, ENCODED_MAX)?)?;
            let reader = first_pass(recipe.options, &[&bytes])?;
            taker.blocks(reader.as_ref(), vec![Block { bytes, base: source.place }]);
        }
        Shape::Document(read) => {
            let bytes = whole(&mut blocks, WHOLE_MAX)?;
            let head = Head { part: source.part, bytes: &bytes };
            taker.document(read, recipe, Whole { head, base: source.place })?;
        }
        Shape::Sniffed => return Err(FileRefusal::NoData.into()),
    }
    source.place = blocks.place();
    Ok(())
}

fn next(blocks: &mut Blocks<&mut dyn Read>) -> Result<Option<Block>, OpenError> {
    Ok(blocks.next_block().map_err(|error| decode::refusal(&error))?)
}

/// Hands on blocks, as many at a time as are wanted.
fn stream<T: Taker>(
    taker: &mut T,
    reader: &dyn LineReader,
    blocks: &mut Blocks<&mut dyn Read>,
) -> Result<(), OpenError> {
    let mut batch: Vec<Block> = next(blocks)?.into_iter().collect();
    while !batch.is_empty() && !taker.is_closed() {
        while batch.len() < T::AT_ONCE {
            match next(blocks)? {
                Some(block) => batch.push(block),
                None => break,
            }
        }
        taker.blocks(reader, std::mem::take(&mut batch));
        batch.extend(next(blocks)?);
    }
    Ok(())
}

/// All blocks of a text that must be seen whole. Lines too long to be read are cut, and do not count.
fn hold(blocks: &mut Blocks<&mut dyn Read>) -> Result<Vec<Block>, OpenError> {
    let (mut held, mut bytes) = (Vec::new(), 0);
    while let Some(block) = next(blocks)? {
        bytes += block.bytes.len();
        held.push(block);
        if bytes > WHOLE_MAX {
            return Err(FileRefusal::TooLarge(WHOLE_MAX as u64).into());
        }
    }
    Ok(held)
}

/// Everything, as one text.
fn whole(blocks: &mut Blocks<&mut dyn Read>, max: usize) -> Result<Vec<u8>, OpenError> {
    let whole = blocks.read_whole(max).map_err(|error| decode::refusal(&error))?;
    whole.ok_or_else(|| FileRefusal::TooLarge(max as u64).into())
}

/// A text in which another byte ends a line too: some publishers send one long line of many entries.
struct Ended<'a> {
    text: &'a mut dyn Read,
    end: Option<u8>,
}

impl Read for Ended<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.text.read(buffer)?;
        if let Some(end) = self.end {
            let read = buffer.iter_mut().take(count).filter(|byte| **byte == end);
            read.for_each(|byte| *byte = b'\n');
        }
        Ok(count)
    }
}

/// Keeps columns.
struct Gathering<'a> {
    rules: &'a Rules,
    seen: &'a (dyn Fn(u64) + Sync),
    gathered: Gathered,
}

/// What one block gave.
struct Taken {
    harvest: Harvest,
    tally: Tally,
    content: u64,
}

impl Taken {
    fn new(harvest: Harvest, tally: Tally) -> Taken {
        Taken { content: harvest.content(), harvest, tally }
    }
}

/// The last line of a block that says anything, without the white space around it.
fn last_line(bytes: &[u8]) -> &[u8] {
    let said = bytes.trim_ascii_end();
    let begin = memchr::memrchr2(b'\n', b'\r', said).map_or(0, |end| end + 1);
    let line = said.get(begin..).unwrap_or(&[]).trim_ascii_start();
    line.get(..LAST_LINE_MAX).unwrap_or(line)
}

/// How much of a last line is kept.
const LAST_LINE_MAX: usize = 256;

impl Gathering<'_> {
    fn add(&mut self, bytes: &[u8], taken: Taken) {
        (self.seen)(bytes.len() as u64);
        let gathered = &mut self.gathered;
        gathered.bytes += bytes.len() as u64;
        gathered.tally.add(&taken.tally);
        gathered.content = gathered.content.wrapping_add(taken.content);
        gathered.harvests.push(taken.harvest);
        let last = last_line(bytes);
        if !last.is_empty() {
            gathered.last_line = last.to_vec();
        }
    }
}

impl Taker for Gathering<'_> {
    const AT_ONCE: usize = BLOCKS_AT_ONCE;

    fn blocks(&mut self, reader: &dyn LineReader, blocks: Vec<Block>) {
        let one = |block: &Block| {
            let mut harvest = Harvest::new(self.rules.list);
            let tally = read::block(reader, page(block), self.rules, &mut Names::default(), &mut harvest);
            Taken::new(harvest, tally)
        };
        let read: Vec<Taken> = blocks.par_iter().map(one).collect();
        blocks.iter().zip(read).for_each(|(block, taken)| self.add(&block.bytes, taken));
    }

    fn ordered(&mut self, reader: &mut dyn OrderedReader, block: &Block) {
        let mut harvest = Harvest::new(self.rules.list);
        let tally = read::ordered(reader, page(block), self.rules, &mut Names::default(), &mut harvest);
        self.add(&block.bytes, Taken::new(harvest, tally));
    }

    fn document(
        &mut self,
        read: ReadDocument,
        recipe: &Recipe<'_>,
        whole: Whole<'_>,
    ) -> Result<(), OpenError> {
        let mut harvest = Harvest::new(self.rules.list);
        let tally = document(recipe, read, &whole, &mut Names::default(), &mut harvest)?;
        self.add(whole.head.bytes, Taken::new(harvest, tally));
        Ok(())
    }
}

/// Hands on to one sink, in the order of the text.
struct Transcribing<'a> {
    rules: &'a Rules,
    sink: &'a mut dyn Sink,
    names: Names,
    tally: Tally,
}

impl<'a> Transcribing<'a> {
    fn new(rules: &'a Rules, sink: &'a mut dyn Sink) -> Transcribing<'a> {
        Transcribing { rules, sink, names: Names::default(), tally: Tally::default() }
    }
}

impl Taker for Transcribing<'_> {
    const AT_ONCE: usize = 1;

    fn is_closed(&self) -> bool {
        self.sink.is_closed()
    }

    fn blocks(&mut self, reader: &dyn LineReader, blocks: Vec<Block>) {
        for block in &blocks {
            let tally = read::block(reader, page(block), self.rules, &mut self.names, self.sink);
            self.tally.add(&tally);
        }
    }

    fn ordered(&mut self, reader: &mut dyn OrderedReader, block: &Block) {
        let tally = read::ordered(reader, page(block), self.rules, &mut self.names, self.sink);
        self.tally.add(&tally);
    }

    fn document(
        &mut self,
        read: ReadDocument,
        recipe: &Recipe<'_>,
        whole: Whole<'_>,
    ) -> Result<(), OpenError> {
        let tally = document(recipe, read, &whole, &mut self.names, self.sink)?;
        self.tally.add(&tally);
        Ok(())
    }
}

fn page(block: &Block) -> Page<'_> {
    Page { bytes: &block.bytes, base: block.base }
}

fn document(
    recipe: &Recipe<'_>,
    read: ReadDocument,
    whole: &Whole<'_>,
    names: &mut Names,
    sink: &mut dyn Sink,
) -> Result<Tally, OpenError> {
    let mut scribe = Scribe::new(recipe.rules, sink, names, whole.head.bytes, whole.base);
    read(recipe.options, whole.head, &mut scribe)?;
    scribe.end_record();
    Ok(scribe.finish())
}

/// A file without a single entry is no list, unless its feed says that it may be empty; even then, many lines of
/// some syntax that holds no entry are another format, and not an empty list.
fn refuse_if_empty(recipe: &Recipe<'_>, tally: &Tally) -> Result<(), OpenError> {
    if tally.entries > 0 {
        return Ok(());
    }
    let skipped = |kinds: &[Skip]| kinds.iter().filter_map(|kind| tally.skips.get(kind)).sum::<u64>();
    let ordinary = skipped(&[Skip::Blank, Skip::Comment, Skip::Header, Skip::Metadata]);
    let strange = skipped(&[Skip::Directive, Skip::Record]);
    if tally.rejected_lines > 0 || recipe.can_be_empty && strange > STRANGE_MAX {
        return Err(FileRefusal::NoData.into());
    }
    match (recipe.can_be_empty, tally.skipped_lines > ordinary) {
        (true, _) => Ok(()),
        (false, true) => Err(FileRefusal::NoData.into()),
        (false, false) => Err(FileRefusal::Empty.into()),
    }
}

/// An empty list has a header, and no more lines of its syntax than this.
const STRANGE_MAX: u64 = 20;
