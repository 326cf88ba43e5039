//! The memory of a process, as Linux reports it.

/// A row of `/proc/<process>/status` in KiB, such as `VmHWM` or `RssAnon`; `None` where the system has no
/// such row.
pub(crate) fn memory(process: &str, row: &str) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let value = text.lines().find_map(|line| line.strip_prefix(row)?.strip_prefix(':'))?;
    value.trim().trim_end_matches(" kB").parse().ok()
}
