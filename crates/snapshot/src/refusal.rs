//! Why a piece of text is no indicator: one closed list for feeds, questions and reports.
//!
//! A refusal is a result, not an error: it is counted, shown with its line and offset, and never stops
//! the rest of a file. The words are normative (`rapsheet parse` prints them), so a new one is a new row.

use std::fmt;

macro_rules! refusals {
    ($($variant:ident $word:literal $about:literal;)+) => {
        /// Why a text that looks like data cannot be used.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Refusal { $(#[doc = $about] $variant,)+ }

        impl Refusal {
            /// All of them, in the order of the list.
            pub const ALL: &'static [Refusal] = &[$(Refusal::$variant,)+];

            /// The word that reports print.
            pub const fn word(self) -> &'static str {
                match self { $(Refusal::$variant => $word,)+ }
            }

            /// One sentence for a person.
            pub const fn about(self) -> &'static str {
                match self { $(Refusal::$variant => $about,)+ }
            }
        }
    };
}

refusals! {
    BadIp "bad-ip" "Not an address in strict dotted-quad or IPv6 notation.";
    LeadingZero "leading-zero" "An octet with a leading zero: some tools read it as octal, people as decimal.";
    BadPrefix "bad-prefix" "A prefix length that is missing, signed, zero-padded or out of range.";
    BadMask "bad-mask" "A netmask with a hole.";
    BadRange "bad-range" "A range whose start lies after its end, or that mixes address families.";
    TooWide "too-wide" "A prefix, range or pattern wider than the floor of its feed.";
    Bogon "bogon" "Wholly inside special-use address space.";
    ZoneId "zone-id" "An IPv6 address with a zone id.";
    BadPort "bad-port" "A port that is 0, over 65535 or not a number.";
    BadHost "bad-host" "Not a host name.";
    BadLabel "bad-label" "A label that is empty or longer than 63 octets.";
    SingleLabel "single-label" "A name of one label.";
    PublicSuffix "public-suffix" "An ICANN public suffix: listing it would list everybody below it.";
    NeverBlock "never-block" "It would block what must never be blocked.";
    BadIdna "bad-idna" "Not a valid internationalised name, or one that hides characters.";
    BadScheme "bad-scheme" "A URL scheme other than http, https and ftp.";
    BadUrl "bad-url" "Not a usable URL.";
    PathOnly "path-only" "A path without a host.";
    Pattern "pattern" "A regular expression, substring or mid-label wildcard, which an index cannot hold.";
    ControlChar "control-char" "A control character inside the text.";
    BadEncoding "bad-encoding" "Bytes that are no valid UTF-8 inside the indicator.";
    BadColumns "bad-columns" "A row without the column that holds the indicator.";
    BadQuote "bad-quote" "A quoted field that does not end.";
    BadJson "bad-json" "Not valid JSON.";
    BadTime "bad-time" "A time that cannot be, which was dropped; the indicator stays.";
    TooLong "too-long" "A line of more than 64 KiB.";
    Glued "glued" "Two records that were joined without a separator.";
}

impl std::error::Error for Refusal {}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
