//! Numbers of bytes as people write them.

/// Reads a number of bytes: `4G`, `800M`, `64k`, each a power of 1024, also `4GiB` or `4GB`, or `1000000`.
///
/// ```
/// use rapsheet_snapshot::byte_size::parse;
///
/// assert_eq!((parse("64k"), parse("4GiB")), (Some(65_536), Some(4 << 30)));
/// assert_eq!(parse("a lot"), None);
/// ```
pub fn parse(text: &str) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let shift = match unit.trim_end_matches("iB").trim_end_matches('B') {
        "" => 0,
        "k" | "K" => 10,
        "m" | "M" => 20,
        "g" | "G" => 30,
        "t" | "T" => 40,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(1 << shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_powers_of_1024() {
        let rows =
            [("7", 7), ("7B", 7), ("64K", 1 << 16), ("256M", 1 << 28), ("1GB", 1 << 30), ("2TiB", 2 << 40)];
        for (text, bytes) in rows {
            assert_eq!(parse(text), Some(bytes), "{text}");
        }
        for text in ["", "M", "-1M", "1.5G", "1 M", "1P", "16777216T"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
