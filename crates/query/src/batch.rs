//! A batch of questions, and the buffers in which they are answered.
//!
//! Looking up many questions at once is several times as fast as one by one, because the memory accesses of
//! different questions overlap. The buffers are kept between uses, so that a batch that is filled again
//! allocates nothing.

use crate::lookup::{Hit, find_many};
use crate::question::{Question, Questions};
use rapsheet_snapshot::{Address, Index, ParseError, Status};

/// Questions that are looked up together.
///
/// ```
/// # use rapsheet_query::{Batch, Searcher, Snapshot, Status, Time};
/// # let snapshot = Snapshot::open("../../tests/golden/v1.rap")?;
/// # let now = snapshot.built_at();
/// let mut batch = Batch::new();
/// for text in ["45.9.20.5", "h77.evil.com", "example.org"] {
///     batch.push(text)?;
/// }
/// let statuses = Searcher::new(&snapshot, now).statuses(&mut batch);
/// assert_eq!(statuses, [Status::Blocked, Status::Blocked, Status::Unknown]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Batch {
    pub(crate) questions: Questions,
    /// The entries that match, in the order of the questions.
    pub(crate) hits: Vec<Hit>,
    /// The overall status of each question.
    pub(crate) statuses: Vec<Status>,
}

impl Batch {
    /// An empty batch.
    pub fn new() -> Batch {
        Batch::default()
    }

    /// Adds the indicator in `text`: an address, a prefix, a range, a name or a URL, in any common spelling.
    /// It may be defanged or bracketed, or have a port.
    ///
    /// # Errors
    /// The text is no indicator. The batch stays as it was.
    pub fn push(&mut self, text: impl AsRef<[u8]>) -> Result<(), ParseError> {
        self.questions.push(text.as_ref())
    }

    /// Adds an address.
    pub fn push_address(&mut self, address: impl Into<Address>) {
        self.questions.push_address(address.into());
    }

    /// Finds the entries of an index that match each question, in the order of the questions. Questions of ranges
    /// have none.
    #[doc(hidden)]
    pub fn find(&self, index: &Index<'_>, hits: &mut Vec<Hit>) {
        hits.clear();
        find_many(index, &self.questions, hits);
    }

    /// A question.
    #[doc(hidden)]
    pub fn get(&self, at: usize) -> Option<Question<'_>> {
        self.questions.get(at)
    }

    /// Removes all questions and keeps the memory.
    pub fn clear(&mut self) {
        self.questions.clear();
    }

    /// The number of questions.
    pub fn len(&self) -> usize {
        self.questions.len()
    }

    /// Whether there are no questions.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The questions, in the order in which they were added.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Question<'_>> + DoubleEndedIterator {
        self.questions.iter()
    }
}
