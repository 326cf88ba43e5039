//! What the columns of a file are.

use super::thrift::Fields;
use super::{ReadError, Value, broken};

/// The most columns, and the deepest one.
const COLUMNS_MAX: usize = 1000;
const DEPTH_MAX: usize = 16;

/// Seconds of a day, and the number of the day 1970-01-01 in timestamps of 96 bits.
const DAY: i64 = 86_400;
const EPOCH_DAY: i64 = 2_440_588;

/// How the values of a column are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Storage {
    Bit,
    /// Values of this many bytes.
    Fixed(usize),
    /// A length and bytes.
    Text,
}

/// What a value means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    Truth,
    Signed,
    Unsigned,
    Float,
    /// Parts of a second since 1970.
    Time(i64),
    Date,
    /// Nanoseconds of a day, and the day.
    DayTime,
    Text,
}

/// A column: a value that stands in rows, or a list of values.
#[derive(Clone, Debug)]
pub(super) struct Leaf {
    pub(super) name: String,
    pub(super) storage: Storage,
    meaning: Meaning,
    /// The level at which there is a value.
    pub(super) definition_max: u32,
    /// Above 0, a row may have several values.
    pub(super) repetition_max: u32,
}

/// The columns of a schema.
pub(super) fn columns(elements: &[&Fields<'_>]) -> Result<Vec<Leaf>, ReadError> {
    let (root, mut rest) = elements.split_first().ok_or_else(|| broken("it has no schema"))?;
    let mut leaves = Vec::new();
    let mut around = Around { path: Vec::new(), definition: 0, repetition: 0 };
    for _ in 0..root.size(5).unwrap_or(0) {
        column(&mut rest, &mut around, &mut leaves)?;
    }
    match leaves.len() {
        0 => Err(broken("it has no column")),
        1..=COLUMNS_MAX => Ok(leaves),
        count => Err(broken(format!("it has {count} columns; at most {COLUMNS_MAX} are read"))),
    }
}

/// The groups around an element.
struct Around {
    path: Vec<String>,
    definition: u32,
    repetition: u32,
}

/// Reads an element, and those in it.
fn column(rest: &mut &[&Fields<'_>], around: &mut Around, leaves: &mut Vec<Leaf>) -> Result<(), ReadError> {
    let (element, behind) = rest.split_first().ok_or_else(|| broken("its schema is cut off"))?;
    *rest = behind;
    let name = String::from_utf8_lossy(element.bytes(4).unwrap_or_default()).into_owned();
    let (is_optional, is_repeated) = (element.number(3) == Some(1), element.number(3) == Some(2));
    around.definition += u32::from(is_optional || is_repeated);
    around.repetition += u32::from(is_repeated);
    around.path.push(name);
    if around.path.len() > DEPTH_MAX || leaves.len() > COLUMNS_MAX {
        return Err(broken("its schema is too deep or too wide"));
    }
    match element.size(5).unwrap_or(0) {
        0 => leaves.push(leaf(element, around)?),
        children => {
            for _ in 0..children {
                column(rest, around, leaves)?;
            }
        }
    }
    around.path.pop();
    around.definition -= u32::from(is_optional || is_repeated);
    around.repetition -= u32::from(is_repeated);
    Ok(())
}

fn leaf(element: &Fields<'_>, around: &Around) -> Result<Leaf, ReadError> {
    let (storage, meaning) = match element.number(1) {
        Some(0) => (Storage::Bit, Meaning::Truth),
        Some(1) => (Storage::Fixed(4), of_number(element, true)),
        Some(2) => (Storage::Fixed(8), of_number(element, false)),
        Some(3) => (Storage::Fixed(12), Meaning::DayTime),
        Some(4) => (Storage::Fixed(4), Meaning::Float),
        Some(5) => (Storage::Fixed(8), Meaning::Float),
        Some(6) => (Storage::Text, Meaning::Text),
        Some(7) => {
            let length = element.size(2).filter(|length| (1..=1 << 16).contains(length));
            (
                Storage::Fixed(length.ok_or_else(|| broken("a column has values without length"))?),
                Meaning::Text,
            )
        }
        found => return Err(broken(format!("a column has type {found:?}, expected 0 to 7"))),
    };
    // The names within a list are those of its syntax, not of the column.
    let own = if around.repetition > 0 { 1 } else { around.path.len() };
    let name = around.path.iter().take(own).map(String::as_str).collect::<Vec<&str>>().join(".");
    let (definition_max, repetition_max) = (around.definition, around.repetition);
    Ok(Leaf { name, storage, meaning, definition_max, repetition_max })
}

/// What a number of 4 or 8 bytes means.
fn of_number(element: &Fields<'_>, is_short: bool) -> Meaning {
    let logical = element.fields(10);
    let unit = logical.and_then(|logical| logical.fields(8)).and_then(|time| time.fields(2));
    let parts = |unit: &Fields<'_>| match () {
        () if unit.has(1) => 1000,
        () if unit.has(2) => 1_000_000,
        () => 1_000_000_000,
    };
    let integer = logical.and_then(|logical| logical.fields(10));
    match (unit, integer, element.number(6)) {
        (Some(unit), ..) if !is_short => Meaning::Time(parts(unit)),
        (_, Some(integer), _) if integer.number(2) == Some(0) => Meaning::Unsigned,
        (.., Some(6)) if is_short => Meaning::Date,
        (.., Some(9)) if !is_short => Meaning::Time(1000),
        (.., Some(10)) if !is_short => Meaning::Time(1_000_000),
        (.., Some(11..=14)) => Meaning::Unsigned,
        _ if is_short && logical.is_some_and(|logical| logical.has(6)) => Meaning::Date,
        _ => Meaning::Signed,
    }
}

impl Leaf {
    /// The value of stored bytes. Numbers have the lowest byte first.
    pub(super) fn value<'p>(&self, bytes: &'p [u8]) -> Value<'p> {
        let unsigned = || bytes.iter().rev().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
        let signed = || match bytes.len() {
            // The casts keep the bits.
            4 => i64::from(unsigned() as u32 as i32),
            _ => unsigned() as i64,
        };
        match self.meaning {
            Meaning::Truth => Value::Truth(unsigned() == 1),
            Meaning::Signed => Value::Number(signed().into()),
            Meaning::Unsigned => Value::Number(unsigned().into()),
            Meaning::Float if bytes.len() == 4 => Value::Float(f32::from_bits(unsigned() as u32).into()),
            Meaning::Float => Value::Float(f64::from_bits(unsigned())),
            Meaning::Time(parts) => Value::Time(signed().div_euclid(parts)),
            Meaning::Date => Value::Time(signed().saturating_mul(DAY)),
            Meaning::DayTime => day_time(bytes),
            Meaning::Text => Value::of_text(bytes),
        }
    }
}

fn day_time(bytes: &[u8]) -> Value<'_> {
    let number = |bytes: &[u8]| bytes.iter().rev().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
    let (nanoseconds, day) = bytes.split_at_checked(8).unwrap_or_default();
    let seconds = i64::try_from(number(nanoseconds) / 1_000_000_000).unwrap_or(0);
    let day = i64::try_from(number(day)).unwrap_or(0) - EPOCH_DAY;
    Value::Time(day.saturating_mul(DAY).saturating_add(seconds))
}
