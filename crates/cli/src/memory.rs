//! How much memory the system grants to this process.
//!
//! The least of: what is available, the limits of the control groups it is in, and its limit of address
//! space. They are read from files of Linux; elsewhere nothing is known, and a build has no bound unless
//! `--max-memory` gives one.

#![allow(unsafe_code)]

use std::fs;
use std::path::{Path, PathBuf};

/// The memory that a build may take by default, in bytes: three quarters of what is granted, because all else
/// that runs needs some as well.
pub(crate) fn default_bound() -> u64 {
    let granted = [available(), control_groups(), address_space()].into_iter().flatten().min();
    granted.map_or(u64::MAX, |granted| granted / 4 * 3)
}

/// The most memory of its own that this process has had, in bytes, so far as the system says. Pages of files that it
/// maps do not count: the system takes them back when others need them.
pub(crate) fn peak() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    let row = |name: &str| {
        let row = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        row.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
    };
    row("VmHWM")?.checked_sub(row("RssFile")?)
}

fn available() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let field = |name: &str| {
        let row = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        row.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
    };
    field("MemAvailable").or_else(|| field("MemTotal"))
}

fn address_space() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/limits").ok()?;
    let row = text.lines().find_map(|line| line.strip_prefix("Max address space"))?;
    row.split_whitespace().next()?.parse().ok()
}

/// The least limit of the groups that this process is in, and of those above them.
fn control_groups() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/cgroup").ok()?;
    let limits = text.lines().flat_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
        match controllers {
            "" => group_limits(Path::new("/sys/fs/cgroup"), path, "memory.max"),
            _ if controllers.split(',').any(|name| name == "memory") => {
                group_limits(Path::new("/sys/fs/cgroup/memory"), path, "memory.limit_in_bytes")
            }
            _ => Vec::new(),
        }
    });
    limits.min()
}

fn group_limits(root: &Path, group: &str, file: &str) -> Vec<u64> {
    let group: PathBuf = root.join(group.trim_start_matches('/'));
    let above = group.ancestors().take_while(|folder| folder.starts_with(root));
    let limit = |folder: &Path| fs::read_to_string(folder.join(file)).ok()?.trim().parse().ok();
    above.filter_map(limit).collect()
}

/// Has the allocator return large blocks to the system when they are freed, and not keep them for later: a build frees
/// what it has read while it holds what it makes of it, and its peak would be half as high again.
pub(crate) fn return_large_blocks() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        unsafe extern "C" {
            fn mallopt(parameter: i32, value: i32) -> i32;
        }
        /// The size from which on a block has pages of its own. Setting it keeps glibc from raising it.
        const M_MMAP_THRESHOLD: i32 = -3;
        // SAFETY: `mallopt` may be called at any time, with any values, and takes no pointers.
        unsafe { mallopt(M_MMAP_THRESHOLD, 2 << 20) };
    }
}
