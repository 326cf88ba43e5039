//! Why a text is not an indicator: one list for feeds, questions and reports.
//!
//! A line of a feed that does not parse is counted and reported with its offset; it never stops the rest of
//! the file. The words are normative (`rapsheet parse` prints them) and never change; new ones may be added.

use std::fmt;

macro_rules! parse_errors {
    ($($variant:ident $word:literal $about:literal;)+) => {
        /// Why a text is not an indicator.
        ///
        /// ```
        /// use rapsheet_snapshot::{Address, ParseError};
        ///
        /// let error = Address::parse(b"010.0.0.1").unwrap_err();
        /// assert_eq!((error, error.word()), (ParseError::LeadingZero, "leading-zero"));
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum ParseError { $(#[doc = $about] $variant,)+ }

        impl ParseError {
            /// All of them, in the order of the list.
            pub const ALL: &'static [ParseError] = &[$(ParseError::$variant,)+];

            /// The word that reports print.
            pub const fn word(self) -> &'static str {
                match self { $(ParseError::$variant => $word,)+ }
            }

            /// One sentence for a person.
            pub const fn about(self) -> &'static str {
                match self { $(ParseError::$variant => $about,)+ }
            }
        }
    };
}

parse_errors! {
    BadIp "bad-ip" "Not an address in strict dotted-quad or IPv6 notation.";
    LeadingZero "leading-zero" "An octet with a leading zero: some tools read it as octal, people as decimal.";
    BadPrefix "bad-prefix" "A prefix length that is missing, signed, zero-padded or out of range.";
    BadMask "bad-mask" "A netmask whose bits are not contiguous.";
    BadRange "bad-range" "A range whose start lies after its end, or that mixes address families.";
    TooWide "too-wide" "A prefix, range or pattern wider than its feed may list.";
    Bogon "bogon" "Only addresses of special use, such as private or reserved ones.";
    ZoneId "zone-id" "An IPv6 address with a zone, as in `fe80::1%eth0`.";
    BadPort "bad-port" "A port that is 0, over 65535 or not a number.";
    BadHost "bad-host" "Not a host name: it has characters that no name has.";
    BadLabel "bad-label" "A name with a part that is empty or longer than 63 bytes.";
    SingleLabel "single-label" "A name without a dot: only names with one are indexed.";
    PublicSuffix "public-suffix" "An ICANN public suffix: listing it would list every name below it.";
    NeverBlock "never-block" "On the list of what is never to be blocked.";
    BadIdna "bad-idna" "Not a valid internationalised name, or one that hides characters.";
    BadScheme "bad-scheme" "A URL scheme other than http, https and ftp.";
    BadUrl "bad-url" "A URL that cannot be read, or has no host.";
    PathOnly "path-only" "A path without a host.";
    Pattern "pattern" "A regular expression, substring or mid-label wildcard, which an index cannot hold.";
    ControlChar "control-char" "A control character inside the text.";
    BadEncoding "bad-encoding" "Bytes that are no valid UTF-8 inside the indicator.";
    BadColumns "bad-columns" "A row without the column that holds the indicator.";
    BadQuote "bad-quote" "A quoted field that does not end.";
    BadJson "bad-json" "Not valid JSON.";
    BadTime "bad-time" "An impossible time, which was dropped; the indicator stays.";
    TooLong "too-long" "A line of more than 64 KiB.";
    Glued "glued" "Two records that were joined without a separator.";
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl std::error::Error for ParseError {}
