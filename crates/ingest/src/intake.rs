//! Reading one download from start to end: decoded, cut into blocks, its lines read in parallel.

use crate::blocks::{Block, Blocks};
use crate::decode;
use crate::format::{Format, LineReader, OpenError, ReadDocument, Shape};
use crate::guard::Names;
use crate::harvest::Harvest;
use crate::options::Options;
use crate::read;
use crate::refused::FileRefusal;
use crate::scribe::{Place, Rules, Scribe, Sink};
use crate::tally::Tally;
use rayon::prelude::*;
use std::io::Read;

/// How many blocks of one file are read at the same time, at most: the bound on a stream's memory.
const BLOCKS_AT_ONCE: usize = 8;
/// The largest file that a format may ask to see whole, in bytes.
pub const WHOLE_MAX: usize = 256 << 20;
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
pub(crate) struct Gathered {
    /// The blocks' entries, in the order of the file.
    pub(crate) harvests: Vec<Harvest>,
    /// What was counted.
    pub(crate) tally: Tally,
    /// Bytes read, after decompression.
    pub(crate) bytes: u64,
}

/// Reads a decoded text in parallel. `seen` is told of every block's bytes as they are read.
pub(crate) fn gather(
    recipe: &Recipe<'_>,
    text: &mut (dyn Read + Send),
    seen: &(dyn Fn(u64) + Sync),
) -> Result<Gathered, OpenError> {
    let mut blocks = Blocks::new(text);
    let head = next(&mut blocks)?;
    let gathered = match recipe.format.shape {
        Shape::Lines(open) => {
            let reader = open(recipe.options, head.as_ref().map_or(&[], |block| &block.bytes))?;
            gather_lines(recipe, reader.as_ref(), head, &mut blocks, seen)?
        }
        Shape::Surveyed(open) => {
            let whole = rest(head, blocks)?;
            let reader = open(recipe.options, &whole)?;
            gather_lines(recipe, reader.as_ref(), None, &mut Blocks::new(whole.as_slice()), seen)?
        }
        Shape::Document(read) => gather_document(recipe, read, &rest(head, blocks)?, seen)?,
    };
    refuse_if_empty(recipe, &gathered.tally)?;
    Ok(gathered)
}

/// Reads a whole decoded text in order, on this thread: what `parse` does.
pub fn transcribe(recipe: &Recipe<'_>, text: &mut dyn Read, sink: &mut dyn Sink) -> Result<Tally, OpenError> {
    let mut blocks = Blocks::new(text);
    let head = next(&mut blocks)?;
    let mut names = Names::default();
    let tally = match recipe.format.shape {
        Shape::Lines(open) => {
            let reader = open(recipe.options, head.as_ref().map_or(&[], |block| &block.bytes))?;
            transcribe_lines(recipe, reader.as_ref(), head, &mut blocks, sink)?
        }
        Shape::Surveyed(open) => {
            let whole = rest(head, blocks)?;
            let reader = open(recipe.options, &whole)?;
            read::block(reader.as_ref(), &whole, START, recipe.rules, &mut names, sink)
        }
        Shape::Document(read) => document(recipe, read, &rest(head, blocks)?, &mut names, sink)?,
    };
    refuse_if_empty(recipe, &tally)?;
    Ok(tally)
}

/// The next block. The first one also answers whether this is a list at all.
fn next<R: Read>(blocks: &mut Blocks<R>) -> Result<Option<Block>, OpenError> {
    let block = blocks.next_block().map_err(|error| decode::refusal(&error))?;
    if let Some(block) = &block
        && block.base.offset == 0
        && let Some(refusal) = decode::kind_of(&block.bytes)
    {
        return Err(refusal.into());
    }
    Ok(block)
}

/// The first block and everything behind it.
fn rest<R: Read>(head: Option<Block>, blocks: Blocks<R>) -> Result<Vec<u8>, OpenError> {
    let mut whole = head.map_or_else(Vec::new, |block| block.bytes);
    let room = WHOLE_MAX.saturating_sub(whole.len());
    match blocks.read_whole(room).map_err(|error| decode::refusal(&error))? {
        Some(bytes) => whole.extend(bytes),
        None => return Err(FileRefusal::TooLarge(WHOLE_MAX as u64).into()),
    }
    Ok(whole)
}

fn gather_lines<R: Read>(
    recipe: &Recipe<'_>,
    reader: &dyn LineReader,
    head: Option<Block>,
    blocks: &mut Blocks<R>,
    seen: &(dyn Fn(u64) + Sync),
) -> Result<Gathered, OpenError> {
    let mut gathered = Gathered { harvests: Vec::new(), tally: Tally::default(), bytes: 0 };
    let mut batch: Vec<Block> = head.into_iter().collect();
    loop {
        while batch.len() < BLOCKS_AT_ONCE {
            match blocks.next_block().map_err(|error| decode::refusal(&error))? {
                Some(block) => batch.push(block),
                None => break,
            }
        }
        if batch.is_empty() {
            return Ok(gathered);
        }
        let read: Vec<(Harvest, Tally)> =
            batch.par_iter().map(|block| gather_block(recipe, reader, block, seen)).collect();
        gathered.bytes += batch.iter().map(|block| block.bytes.len() as u64).sum::<u64>();
        batch.clear();
        for (harvest, tally) in read {
            gathered.tally.add(&tally);
            gathered.harvests.push(harvest);
        }
    }
}

fn gather_block(
    recipe: &Recipe<'_>,
    reader: &dyn LineReader,
    block: &Block,
    seen: &(dyn Fn(u64) + Sync),
) -> (Harvest, Tally) {
    let mut harvest = Harvest::new(recipe.rules.list);
    let mut names = Names::default();
    let tally = read::block(reader, &block.bytes, block.base, recipe.rules, &mut names, &mut harvest);
    seen(block.bytes.len() as u64);
    (harvest, tally)
}

fn gather_document(
    recipe: &Recipe<'_>,
    read: ReadDocument,
    whole: &[u8],
    seen: &(dyn Fn(u64) + Sync),
) -> Result<Gathered, OpenError> {
    let mut harvest = Harvest::new(recipe.rules.list);
    let tally = document(recipe, read, whole, &mut Names::default(), &mut harvest)?;
    seen(whole.len() as u64);
    Ok(Gathered { harvests: vec![harvest], tally, bytes: whole.len() as u64 })
}

fn document(
    recipe: &Recipe<'_>,
    read: ReadDocument,
    whole: &[u8],
    names: &mut Names,
    sink: &mut dyn Sink,
) -> Result<Tally, OpenError> {
    let mut scribe = Scribe::new(recipe.rules, sink, names, whole, START);
    read(recipe.options, whole, &mut scribe)?;
    scribe.end_record();
    Ok(scribe.finish())
}

fn transcribe_lines<R: Read>(
    recipe: &Recipe<'_>,
    reader: &dyn LineReader,
    head: Option<Block>,
    blocks: &mut Blocks<R>,
    sink: &mut dyn Sink,
) -> Result<Tally, OpenError> {
    let mut names = Names::default();
    let mut tally = Tally::default();
    let mut block = head;
    while let Some(current) = block {
        tally.add(&read::block(reader, &current.bytes, current.base, recipe.rules, &mut names, sink));
        block = blocks.next_block().map_err(|error| decode::refusal(&error))?;
    }
    Ok(tally)
}

/// A file without a single entry is no list, unless its feed says that it may be empty.
fn refuse_if_empty(recipe: &Recipe<'_>, tally: &Tally) -> Result<(), OpenError> {
    if tally.entries > 0 {
        return Ok(());
    }
    if tally.rejected_lines > 0 {
        return Err(FileRefusal::NoData.into());
    }
    if recipe.can_be_empty { Ok(()) } else { Err(FileRefusal::Empty.into()) }
}
