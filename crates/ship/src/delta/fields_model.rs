//! The model of what the rows of a feed state: mostly what another of its rows stated just now.

use crate::coder::{Bit, Coder};
use crate::number::{Numbers, Symbols};
use rapsheet_assemble::Fields;

/// How many values of a field are kept, in bits; the last symbol stands for a value that is not among them.
const RECENT_BITS: u32 = 6;
const RECENT: usize = (1 << RECENT_BITS) - 1;
/// No expiry. Stored times are lower.
const NO_EXPIRY: u32 = u32::MAX;

/// The fields of a feed's rows.
#[derive(Clone, Debug)]
pub(crate) struct FieldsModel {
    is_like_last: Bit,
    last: Fields,
    assessments: Recent,
    first_seen: Recent,
    detect_time: Recent,
    expiry: Recent,
}

impl FieldsModel {
    /// Before the first row, in a snapshot that was built at this instant.
    pub(crate) fn new(built_at: u32) -> FieldsModel {
        let last = Fields { assessments: 0, first_seen: built_at, detect_time: built_at, expiry: None };
        let [assessments, first_seen, detect_time, expiry] = [const { Recent::new() }; 4];
        FieldsModel { is_like_last: Bit::default(), last, assessments, first_seen, detect_time, expiry }
    }

    /// Codes what a row states.
    pub(crate) fn code(&mut self, coder: &mut impl Coder, fields: Fields) -> Fields {
        let last = self.last;
        if coder.bit(&mut self.is_like_last, fields == last) {
            return last;
        }
        let assessments = self.assessments.code(coder, fields.assessments.into(), last.assessments.into());
        let first_seen = self.first_seen.code(coder, fields.first_seen, last.first_seen);
        let detect_time = self.detect_time.code(coder, fields.detect_time, last.detect_time);
        // A row mostly expires as long after its detect_time as the one before.
        let after = last.expiry.map_or(0, |expiry| expiry.wrapping_sub(last.detect_time));
        let expiry =
            self.expiry.code(coder, fields.expiry.unwrap_or(NO_EXPIRY), detect_time.wrapping_add(after));
        let expiry = Some(expiry).filter(|expiry| *expiry != NO_EXPIRY);
        self.last = Fields { assessments: assessments as u16, first_seen, detect_time, expiry };
        self.last
    }
}

/// A field whose values recur.
#[derive(Clone, Debug)]
struct Recent {
    values: Vec<u32>,
    /// The place of the value that goes when another comes.
    next: usize,
    /// Made once there is a value, as most feeds of many have none.
    models: Option<Box<(Symbols, Numbers)>>,
}

impl Recent {
    const fn new() -> Recent {
        Recent { values: Vec::new(), next: 0, models: None }
    }

    /// Codes a value: as one of those that were met, or near another one.
    fn code(&mut self, coder: &mut impl Coder, value: u32, near: u32) -> u32 {
        let models = || Box::new((Symbols::new(RECENT_BITS), Numbers::default()));
        let (symbols, numbers) = &mut **self.models.get_or_insert_with(models);
        let place = self.values.iter().position(|known| *known == value).unwrap_or(RECENT);
        let place = symbols.code(coder, place as u32) as usize;
        if place != RECENT {
            // A forged place may have no value yet.
            return self.values.get(place).copied().unwrap_or(near);
        }
        let value = numbers.code_near(coder, value, near);
        match self.values.get_mut(self.next) {
            Some(oldest) => *oldest = value,
            None => self.values.push(value),
        }
        self.next = (self.next + 1) % RECENT;
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coder::{Decoder, Encoder};
    use proptest::prelude::*;

    fn fields() -> impl Strategy<Value = Fields> {
        let expiry = proptest::option::of(0u32..NO_EXPIRY);
        (0u16..4, 0u32..99, 0u32..NO_EXPIRY, expiry).prop_map(
            |(assessments, first_seen, detect_time, expiry)| Fields {
                assessments,
                first_seen,
                detect_time,
                expiry,
            },
        )
    }

    proptest! {
        #[test]
        fn fields_read_back(rows in proptest::collection::vec(fields(), 0..200)) {
            let (mut encoder, mut model) = (Encoder::new(), FieldsModel::new(7));
            rows.iter().for_each(|row| _ = model.code(&mut encoder, *row));
            let bytes = encoder.finish();
            let (mut decoder, mut model) = (Decoder::new(&bytes), FieldsModel::new(7));
            for row in &rows {
                prop_assert_eq!(model.code(&mut decoder, Fields::default()), *row);
            }
            prop_assert!(decoder.is_at_end());
        }
    }
}
