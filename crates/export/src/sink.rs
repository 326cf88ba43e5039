//! Takes entries on their way into a file: leaves out what the format cannot say or the limit cuts, joins
//! addresses.

use crate::aggregate::Aggregator;
use crate::format::{Detail, Format, Nothing, Scopes, Syntax};
use crate::header::Header;
use crate::indicator::Indicator;
use crate::loss::{LossKind, Losses};
use crate::network::{ends, networks};
use crate::rank::Cut;
use crate::statement::Statement;
use crate::walk::Trees;
use rapsheet_snapshot::{AddressRange, ListKind};
use std::io::{self, Write};
use std::rc::Rc;

/// Where entries go.
pub(crate) struct Sink<'o> {
    format: &'static Format,
    syntax: Box<dyn Syntax>,
    header: Header,
    cut: Cut,
    pending: Aggregator,
    trees: Trees,
    entries: u64,
    out: &'o mut dyn Write,
}

impl<'o> Sink<'o> {
    pub(crate) fn new(format: &'static Format, header: Header, cut: Cut, out: &'o mut dyn Write) -> Sink<'o> {
        let syntax = (format.syntax)();
        let (pending, trees) = (Aggregator::default(), Trees::default());
        Sink { format, syntax, header, cut, pending, trees, entries: 0, out }
    }

    /// A sink that counts what would be written, and writes nothing.
    pub(crate) fn counting(format: &'static Format, header: Header, out: &'o mut io::Sink) -> Sink<'o> {
        Sink { syntax: Box::new(Nothing), ..Sink::new(format, header, Cut::Nothing, out) }
    }

    pub(crate) fn begin(&mut self) -> io::Result<()> {
        self.syntax.begin(&self.header, self.out)
    }

    /// Takes the next entry.
    pub(crate) fn take(
        &mut self,
        losses: &mut Losses,
        indicator: Indicator<'_>,
        statement: &Rc<Statement>,
    ) -> io::Result<()> {
        let Some(indicator) = self.format.narrowed(indicator, statement, losses) else { return Ok(()) };
        match (indicator, self.cut != Cut::Nothing) {
            (Indicator::Range(range), true) => {
                for network in networks(range) {
                    let range = network.range();
                    if self.passes(losses, Indicator::Range(range), statement) {
                        self.range(range, statement)?;
                    }
                }
                Ok(())
            }
            (Indicator::Range(range), false) => {
                self.format.count_time(losses, &indicator, statement, &self.header);
                self.range(range, statement)
            }
            _ => match self.passes(losses, indicator, statement) {
                true => self.text(indicator, statement),
                false => Ok(()),
            },
        }
    }

    /// Whether the limit lets an entry through.
    fn passes(&mut self, losses: &mut Losses, indicator: Indicator<'_>, statement: &Statement) -> bool {
        let passes = self.cut.takes(statement);
        match passes {
            true => self.format.count_time(losses, &indicator, statement, &self.header),
            false => losses.add(LossKind::MaxEntries, &statement.feeds, &indicator),
        }
        passes
    }

    fn range(&mut self, range: AddressRange, statement: &Rc<Statement>) -> io::Result<()> {
        match self.pending.push(self.format.detail, range, statement) {
            Some((range, statement)) => self.networks(range, &statement),
            None => Ok(()),
        }
    }

    fn networks(&mut self, range: AddressRange, statement: &Statement) -> io::Result<()> {
        for network in networks(range) {
            self.entries += 1;
            self.syntax.network(&self.header, &network, statement, self.out)?;
        }
        Ok(())
    }

    fn flush_pending(&mut self) -> io::Result<()> {
        match self.pending.take() {
            Some((range, statement)) => self.networks(range, &statement),
            None => Ok(()),
        }
    }

    /// Writes a name or a URL.
    fn text(&mut self, indicator: Indicator<'_>, statement: &Statement) -> io::Result<()> {
        self.flush_pending()?;
        if let Indicator::Name { name, scope } = indicator {
            let joins = self.format.scopes != Scopes::Exact && self.format.detail != Detail::Full;
            if joins && self.trees.cover(name) && statement.list == ListKind::Block {
                return Ok(());
            }
            if joins {
                self.trees.add(name, scope, statement.list);
            }
            self.entries += 1;
            return self.syntax.name(&self.header, (name, scope), statement, self.out);
        }
        let Indicator::Url(url) = indicator else { return Ok(()) };
        self.entries += 1;
        self.syntax.url(&self.header, url, statement, self.out)
    }

    /// Ends the file. Returns how many entries it has.
    pub(crate) fn end(mut self) -> io::Result<u64> {
        self.flush_pending()?;
        self.syntax.end(&self.header, self.out)?;
        self.out.flush()?;
        Ok(self.entries)
    }
}

impl crate::Network {
    /// Its first and last address.
    fn range(&self) -> AddressRange {
        let host_bits =
            1u128.checked_shl(u32::from(self.width() - self.length)).map_or(u128::MAX, |size| size - 1);
        let last = self.first | host_bits;
        let range = match self.is_ipv6 {
            true => AddressRange::V6 { first: self.first, last },
            // An IPv4 address has 32 bits.
            false => AddressRange::V4 { first: self.first as u32, last: last as u32 },
        };
        debug_assert_eq!(ends(range), (self.is_ipv6, self.first, last));
        range
    }
}
