//! One part of a delta: the keys of both snapshots side by side, and what differs.
//!
//! For each key of the earlier snapshot, in order: new keys that come before it; what becomes of its rows;
//! the rows that it gets. Whatever is as expected is one bit that is nearly certain.

use crate::coder::{Coder, Decoder, Encoder};
use crate::delta::redating::Redating;
use crate::delta::row_model::{KeyState, RowModel};
use crate::keys::Keys;
use rapsheet_assemble::Row;
use rapsheet_snapshot::{ListKind, Scope};

/// What is equal for all parts of a delta.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context<'a> {
    pub(crate) redating: &'a Redating,
    /// When the earlier snapshot was built, as it stores times; and the new one.
    pub(crate) built_at: [u32; 2],
}

impl Context<'_> {
    fn row_model(&self) -> RowModel {
        let [before, now] = self.built_at;
        RowModel::new(self.redating.feed_count(), before, now)
    }
}

/// Writes a part.
pub(crate) struct PartWriter<'a, K: Keys> {
    context: Context<'a>,
    coder: Encoder,
    keys: K,
    rows: RowModel,
    /// The last key of either snapshot.
    last: Option<K::Key>,
    /// The new keys since then, which wait for the next one of the earlier snapshot.
    new: Vec<(K::Key, Vec<Row>)>,
    /// How many bits tell what rows of the earlier snapshot become.
    kept_bits: f64,
}

impl<'a, K: Keys> PartWriter<'a, K> {
    /// Before the first key.
    pub(crate) fn new(context: Context<'a>, keys: K) -> PartWriter<'a, K> {
        let (coder, rows) = (Encoder::new(), context.row_model());
        PartWriter { context, coder, keys, rows, last: None, new: Vec::new(), kept_bits: 0.0 }
    }

    /// Adds a key of either snapshot, or both, with its rows in the earlier one and in the new one, sorted.
    pub(crate) fn key(&mut self, key: &K::Key, before: &[Row], after: &[Row]) -> Result<(), &'static str> {
        if before.is_empty() {
            self.new.push((key.clone(), after.to_vec()));
            return Ok(());
        }
        self.new_keys(Some(key))?;
        let (mut state, mut first) = (KeyState::default(), None);
        let mut gained = after.to_vec();
        let bits = self.coder.bits();
        for row in before.iter().filter_map(|row| self.context.redating.renumbered(row)) {
            first.get_or_insert(row.feed);
            let actual = after.iter().find(|after| after.identity() == row.identity()).copied();
            gained.retain(|after| after.identity() != row.identity());
            let expected = self.context.redating.predicted(&row);
            self.rows.kept(&mut self.coder, (&row, expected), &mut state, actual);
        }
        self.kept_bits += self.coder.bits() - bits;
        for (at, row) in gained.iter().enumerate() {
            self.rows.gains(&mut self.coder, (first, state), at == 0, true);
            self.rows.new_row(&mut self.coder, true, *row)?;
        }
        self.rows.gains(&mut self.coder, (first, state), gained.is_empty(), false);
        self.last = Some(key.clone());
        Ok(())
    }

    fn new_keys(&mut self, next: Option<&K::Key>) -> Result<(), &'static str> {
        for (key, rows) in std::mem::take(&mut self.new) {
            self.rows.is_new_key(&mut self.coder, true);
            if self.keys.code(&mut self.coder, (self.last.as_ref(), next), &key)? != key {
                return Err("a key that has the byte 0");
            }
            for (at, row) in rows.iter().enumerate() {
                if at > 0 {
                    self.rows.has_more(&mut self.coder, true);
                }
                self.rows.new_row(&mut self.coder, false, *row)?;
            }
            self.rows.has_more(&mut self.coder, false);
            self.last = Some(key);
        }
        self.rows.is_new_key(&mut self.coder, false);
        Ok(())
    }

    /// The bytes, and about how many of them tell what rows of the earlier snapshot become.
    pub(crate) fn finish(mut self) -> Result<(Vec<u8>, u64), &'static str> {
        self.new_keys(None)?;
        Ok((self.coder.finish(), (self.kept_bits / 8.0).round() as u64))
    }
}

/// Reads a part. It is given the keys of the earlier snapshot, and gives the rows of the new one.
pub(crate) struct PartReader<'a, K: Keys> {
    context: Context<'a>,
    coder: Decoder<'a>,
    keys: K,
    rows: RowModel,
    last: Option<K::Key>,
    /// How many rows may still come.
    rows_left: u64,
}

/// What a decoder is given for a row, which it does not look at.
const NO_ROW: Row = Row {
    feed: 0,
    list: ListKind::Block,
    scope: Scope::Exact,
    fields: rapsheet_assemble::Fields { assessments: 0, first_seen: 0, detect_time: 0, expiry: None },
};

impl<'a, K: Keys> PartReader<'a, K> {
    /// Before the first key of a part with so many rows.
    pub(crate) fn new(context: Context<'a>, keys: K, bytes: &'a [u8], rows: u64) -> PartReader<'a, K> {
        let (coder, model) = (Decoder::new(bytes), context.row_model());
        PartReader { context, coder, keys, rows: model, last: None, rows_left: rows }
    }

    /// Counts a row before it is given on.
    fn count(&mut self) -> Result<(), &'static str> {
        if self.coder.is_past_end() {
            return Err("a part that ends early");
        }
        self.rows_left = self.rows_left.checked_sub(1).ok_or("more rows than stated")?;
        Ok(())
    }

    /// Takes a key of the earlier snapshot with its rows. Visits the rows of the new one up to this key.
    pub(crate) fn key(
        &mut self,
        key: &K::Key,
        before: &[Row],
        visit: &mut impl FnMut(&K::Key, Row) -> Result<(), &'static str>,
    ) -> Result<(), &'static str> {
        self.new_keys(Some(key), visit)?;
        let (mut state, mut first) = (KeyState::default(), None);
        for row in before.iter().filter_map(|row| self.context.redating.renumbered(row)) {
            first.get_or_insert(row.feed);
            let expected = self.context.redating.predicted(&row);
            if let Some(row) = self.rows.kept(&mut self.coder, (&row, expected), &mut state, None) {
                self.count()?;
                visit(key, row)?;
            }
        }
        let mut is_first = true;
        while self.rows.gains(&mut self.coder, (first, state), is_first, false) {
            let row = self.rows.new_row(&mut self.coder, true, NO_ROW)?;
            self.count()?;
            visit(key, row)?;
            is_first = false;
        }
        match &mut self.last {
            Some(last) => last.clone_from(key),
            None => self.last = Some(key.clone()),
        }
        Ok(())
    }

    fn new_keys(
        &mut self,
        next: Option<&K::Key>,
        visit: &mut impl FnMut(&K::Key, Row) -> Result<(), &'static str>,
    ) -> Result<(), &'static str> {
        while self.rows.is_new_key(&mut self.coder, false) {
            let key = self.keys.code(&mut self.coder, (self.last.as_ref(), next), &K::Key::default())?;
            loop {
                let row = self.rows.new_row(&mut self.coder, false, NO_ROW)?;
                self.count()?;
                visit(&key, row)?;
                if !self.rows.has_more(&mut self.coder, false) {
                    break;
                }
            }
            self.last = Some(key);
        }
        Ok(())
    }

    /// Visits the rows after the last key of the earlier snapshot.
    ///
    /// # Errors
    /// The part is not read to its end, or gave fewer rows than stated.
    pub(crate) fn finish(
        mut self,
        visit: &mut impl FnMut(&K::Key, Row) -> Result<(), &'static str>,
    ) -> Result<(), &'static str> {
        self.new_keys(None, visit)?;
        match (self.coder.is_at_end(), self.rows_left) {
            (true, 0) => Ok(()),
            (true, _) => Err("fewer rows than stated"),
            (false, _) => Err("a part of another length"),
        }
    }
}
