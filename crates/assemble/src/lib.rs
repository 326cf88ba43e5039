//! Sorted claims in, one snapshot image out.
//!
//! Once a build has read its input, this crate groups the rows of equal keys, resolves the claims of each
//! group to sightings, flattens overlapping ranges, interns equal sets, and composes the sections of the
//! file. It has no parser and no clock, and no files but one for rows that do not fit the memory, so that whatever else produces claims can use it.
//!
//! | module | does |
//! |---|---|
//! | `assembly` | runs the steps below |
//! | `limits` | states how large a snapshot may be |
//! | `columns` | holds rows of keys and sorts them |
//! | `run`, `run_set` | holds sorted rows, each key without what it shares with the one before |
//! | `scratch` | bounds the memory of rows, and holds the file of those that do not fit |
//! | `merge` | merges sorted rows and groups equal keys |
//! | `claim` | resolves the claims of a group to a sighting |
//! | `groups` | numbers equal groups of claims, and what they resolve to |
//! | `flatten` | makes overlapping address ranges disjoint |
//! | `place_table` | finds equal items that are elsewhere |
//! | `intern` | numbers records, sets and times |
//! | `compose` | encodes the sections |
//! | `row`, `part_keys` | visits what a snapshot lists, as rows |
//! | `collector` | makes a file of rows |
//! | `snapshot_id` | says which snapshot it is |
//!
//! ```
//! use rapsheet_assemble::{Claim, ClaimSource, ClaimTable, Columns, RetentionPolicy, Rows, Scratch};
//! use rapsheet_assemble::{SizeLimits, assemble, tag};
//! use rapsheet_snapshot::{AddressRange, Assessments, FeedId, ListKind, Mode, Scope, Time};
//!
//! let now = Time::from_unix(1_780_000_000);
//! let policy = RetentionPolicy {
//!     mode: Mode::Reset,
//!     keep_absent: false,
//!     retention_seconds: 15 * 86_400,
//!     accepted: true,
//!     update_time: now,
//!     confirmed: now,
//!     list: ListKind::Block,
//!     assessments: Assessments::EMPTY,
//!     now,
//! };
//! let claim = Claim {
//!     feed: FeedId(0),
//!     list: ListKind::Block,
//!     source: ClaimSource::Download,
//!     assessments: Assessments::EMPTY,
//!     first_seen: None,
//!     last_seen: None,
//!     expires: None,
//! };
//! let mut claims = ClaimTable::new(SizeLimits::default());
//! let number = claims.push(claim)?;
//!
//! let mut columns = Columns::default();
//! columns.push_range(AddressRange::V4 { first: 5, last: 9 }, tag(number, Scope::Exact));
//! columns.names.push(b"example.com".iter().rev().copied(), tag(number, Scope::Tree));
//! let scratch = Scratch::unlimited();
//! let mut rows = Rows::new(&scratch);
//! rows.add(columns, 0);
//!
//! let assembly = assemble(rows, &claims, &[policy], &mut ())?;
//! assert_eq!((assembly.totals.v4_ranges, assembly.totals.names), (1, 1));
//! # Ok::<(), rapsheet_assemble::AssembleError>(())
//! ```

mod assembly;
mod claim;
mod collector;
mod columns;
mod compose;
mod flatten;
mod groups;
mod intern;
mod limits;
mod merge;
mod part_keys;
mod place_table;
mod row;
mod run;
mod run_set;
mod scratch;
mod snapshot_id;

pub use assembly::{AssembleError, Assembly, RetainedRows, Totals, assemble, assemble_each};
pub use claim::{Claim, ClaimSource, ClaimTable, Counts, RetentionPolicy};
pub use collector::{Collected, Collector, compose, recomposed, row_of};
pub use columns::{Columns, RangeColumn, RangeRow, TextColumn, TextRow, claim_of, scope_of, tag};
pub use groups::DraftSighting;
pub use limits::SizeLimits;
pub use part_keys::{Ipv4Keys, Ipv6Keys, NameKeys, PartKeys, UrlKeys};
pub use row::{Fields, Range, Row};
pub use run_set::{
    Rows, RunSet, RunSetWriter, each_name_group, each_url_group, each_v4_group, each_v6_group,
};
pub use scratch::Scratch;
pub use snapshot_id::SnapshotId;
