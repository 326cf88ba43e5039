//! The rules that all entries of one feed share.

use super::never_block::NeverBlock;
use rapsheet_snapshot::{ListKind, Scope, Time};
use std::sync::Arc;

/// The rules that all entries of one feed share.
#[derive(Clone)]
pub struct Rules {
    /// The instant of the build.
    pub now: Time,
    /// Whether an entry blocks or allows, unless it is an exception.
    pub list: ListKind,
    /// The scope of a bare name in formats that do not define it.
    pub scope: Scope,
    /// Whether special-use address space may be listed (bogon lists).
    pub allow_bogons: bool,
    /// The shortest IPv4 prefix that may be listed.
    pub widest_v4: u8,
    /// The shortest IPv6 prefix that may be listed.
    pub widest_v6: u8,
    /// Whether an allow entry may cover everything below a private suffix.
    pub allow_private_suffixes: bool,
    /// What no entry may block. `None` outside of builds.
    pub(crate) never_block: Option<Arc<NeverBlock>>,
}

impl Rules {
    /// The rules of a list without guards of its own.
    pub fn new(now: Time, list: ListKind, scope: Scope) -> Rules {
        Rules {
            now,
            list,
            scope,
            allow_bogons: false,
            widest_v4: 8,
            widest_v6: 19,
            allow_private_suffixes: true,
            never_block: None,
        }
    }
}
