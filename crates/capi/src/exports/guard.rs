//! Where a call ends: its code and its message, and a panic, if there is one.

use crate::failure::Failure;
use crate::layout::{RAPSHEET_MESSAGE_SIZE, RAPSHEET_OK};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The longest message, in bytes.
pub(super) const MESSAGE_MAX: usize = RAPSHEET_MESSAGE_SIZE - 1;

/// Does the work of a call, and gives the code and the message that it ends with. A panic becomes a failure.
///
/// What a panic leaves behind may be used again: batches are emptied when a call begins, and all else that a
/// call changes is exchanged at once.
pub(super) fn run(work: impl FnOnce() -> Result<(), Failure>) -> (i32, String) {
    match caught(work) {
        Ok(()) => (RAPSHEET_OK, String::new()),
        Err(Failure { code, message }) => (code, shortened(message)),
    }
}

/// The value that the work gives, or the panic as a failure.
pub(super) fn caught<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| {
        let failure = Failure::of_panic(&*payload);
        // A payload may itself panic when it is dropped. It is some words long.
        std::mem::forget(payload);
        Err(failure)
    })
}

/// A message that fits. The path is at its beginning and the remedy at its end, so the middle is left out. A
/// zero would end it early.
fn shortened(message: String) -> String {
    const MARK: &str = " … ";
    let message = if message.contains('\0') { message.replace('\0', "\u{fffd}") } else { message };
    if message.len() <= MESSAGE_MAX {
        return message;
    }
    let half = (MESSAGE_MAX - MARK.len()) / 2;
    let is_end = |at: &usize| message.is_char_boundary(*at);
    let head = (0..=half).rev().find(is_end).and_then(|at| message.get(..at)).unwrap_or_default();
    let tail = (message.len() - half..message.len()).find(is_end);
    let tail = tail.and_then(|at| message.get(at..)).unwrap_or_default();
    [head, MARK, tail].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::RAPSHEET_ERROR_INTERNAL;

    #[test]
    fn a_panic_becomes_a_code_and_a_message() {
        let (code, message) = run(|| panic!("at row {}", 7));
        assert_eq!(code, RAPSHEET_ERROR_INTERNAL);
        assert!(message.contains("a defect of librapsheet ended the call: at row 7;"), "{message}");
        let (code, message) = run(|| std::panic::panic_any(5));
        assert_eq!((code, message.contains("no message")), (RAPSHEET_ERROR_INTERNAL, true));
        assert_eq!(run(|| Ok(())), (RAPSHEET_OK, String::new()));
    }

    #[test]
    fn long_messages_keep_both_ends() {
        for letter in ["x", "é", "€", "😀"] {
            let (_, message) = run(|| Err(Failure::usage(format!("begin{}end", letter.repeat(3000)))));
            assert!(message.len() <= MESSAGE_MAX && message.len() > MESSAGE_MAX - 10, "{}", message.len());
            assert!(message.starts_with("begin") && message.ends_with("end") && message.contains('…'));
        }
        let (_, message) = run(|| Err(Failure::usage("a\0b")));
        assert_eq!(message, "a\u{fffd}b");
    }
}
