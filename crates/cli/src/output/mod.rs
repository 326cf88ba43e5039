//! How results are printed: one file per output format, and for each command with a choice a table of them.

#[cfg(feature = "ingest")]
pub(crate) mod build;
pub(crate) mod delimited;
#[cfg(feature = "export")]
pub(crate) mod export;
#[cfg(feature = "fetch")]
pub(crate) mod fetch;
mod interned;
pub(crate) mod json;
#[cfg(feature = "ledger")]
pub(crate) mod ledger;
pub(crate) mod lookup;
pub(crate) mod score;

/// Appends a number in decimal. Each row has some, so this avoids the cost of `std::fmt`.
pub(crate) fn push_number(mut number: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut first = digits.len();
    for (at, place) in digits.iter_mut().enumerate().rev() {
        (*place, number, first) = (b'0' + (number % 10) as u8, number / 10, at);
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(first..).unwrap_or(&[]));
}
