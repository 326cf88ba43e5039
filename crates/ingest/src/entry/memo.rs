//! Answers about short texts that recur: the words of a few columns, in nearly every row of a list.

use rapsheet_snapshot::hash;

/// How many answers are kept, direct-mapped: a power of two. Two texts with one slot replace each other.
const SLOTS: usize = 64;
/// The longest text whose answer is kept, in bytes.
const TEXT_MAX: usize = 128;

/// Answers about texts. A text may be asked about in several ways, each with a question of its own.
pub(crate) struct Memo<Q, A> {
    slots: Vec<Option<Slot<Q, A>>>,
}

struct Slot<Q, A> {
    text: Vec<u8>,
    question: Q,
    answer: A,
}

impl<Q, A> Default for Memo<Q, A> {
    fn default() -> Memo<Q, A> {
        Memo { slots: Vec::new() }
    }
}

impl<Q: PartialEq, A: Copy> Memo<Q, A> {
    /// The answer, which must depend on the question and the text alone.
    pub(crate) fn get(&mut self, question: Q, text: &[u8], answer: impl FnOnce() -> A) -> A {
        if self.slots.is_empty() {
            self.slots.resize_with(SLOTS, || None);
        }
        let slot = hash::bytes(0, text) as usize % SLOTS;
        match self.slots.get_mut(slot).filter(|_| text.len() <= TEXT_MAX) {
            Some(Some(known)) if known.text == text && known.question == question => known.answer,
            Some(place) => {
                // The memory of the text that was there is used again.
                let mut own = place.take().map_or_else(Vec::new, |known| known.text);
                text.clone_into(&mut own);
                let answer = answer();
                *place = Some(Slot { text: own, question, answer });
                answer
            }
            None => answer(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_those_of_the_question_and_the_text() {
        let mut memo = Memo::default();
        let long = "malware ".repeat(40);
        let texts: Vec<String> = (0..300).map(|n| format!("word {n}")).chain([String::new(), long]).collect();
        for text in texts.iter().chain(&texts).chain(texts.iter().rev()) {
            for question in [1, 2] {
                let answer = memo.get(question, text.as_bytes(), || text.len() * question);
                assert_eq!(answer, text.len() * question, "{text}");
            }
        }
    }

    #[test]
    fn a_text_that_recurs_is_answered_once() {
        let mut memo = Memo::default();
        let mut asked = 0;
        for _ in 0..9 {
            memo.get((), b"phishing", || asked += 1);
        }
        assert_eq!(asked, 1);
    }
}
