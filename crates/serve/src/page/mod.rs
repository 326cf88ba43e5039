//! From an answer to HTML, for people. No page has a script, or anything of another host; nothing that a client or a
//! feed says is markup or a link.

mod answered;
mod bulk;
mod csv;
mod feeds;
mod freshness;
mod front;
mod html;
mod layout;
mod programs;
mod providers;
mod reason;
mod shapes;
mod sources;
mod table;
mod time;
mod verdict;

pub(crate) use answered::Answered;
pub(crate) use bulk::{Answers, answers, form as bulk_form};
pub(crate) use csv::Csv;
pub(crate) use feeds::feeds;
pub(crate) use front::{front, problem, unusable};
pub(crate) use layout::{Context, Place, policy};
pub(crate) use programs::encoded;
pub(crate) use reason::{Absence, Reason};
pub(crate) use verdict::answer;
