//! What can come of a line beside an entry: a reason to skip it, a warning, a statement about the list.
//!
//! The words are printed in reports and never change.

use rapsheet_snapshot::Time;

macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($variant:ident $word:literal;)+ }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $(#[doc = $word] $variant,)+ }

        impl $name {
            /// All of them, in the order of their numbers.
            pub const ALL: &'static [$name] = &[$($name::$variant,)+];

            /// The word that reports print.
            pub const fn word(self) -> &'static str {
                match self { $($name::$variant => $word,)+ }
            }
        }
    };
}

words! {
    /// Why a line or element is skipped: it is not data, and not an error.
    Skip {
        Blank "blank";
        Comment "comment";
        Header "header";
        Metadata "metadata";
        Directive "directive";
        Record "record";
        SelfTest "self-test";
        Localhost "localhost";
        DefaultValue "default-value";
        Cosmetic "cosmetic";
        Scoped "scoped";
        Conditional "conditional";
        Rewrite "rewrite";
        Badfilter "badfilter";
        Routing "routing";
        Policy "policy";
        AccessLevel "access-level";
        Inactive "inactive";
        Deleted "deleted";
        ToIds "to_ids";
        Benign "benign";
        NoScore "no-score";
        NoData "no-data";
        NoIndicator "no-indicator";
        RuleWithoutAddress "rule-without-address";
        CategoryDefinition "category-definition";
        UnsupportedKind "unsupported-kind";
    }
}

words! {
    /// What is unusual about an entry that was accepted.
    Warning {
        HostBits "host-bits";
        BadTime "bad-time";
        LooksLikeFile "looks-like-file";
        Userinfo "userinfo";
        PartlyBogon "partly-bogon";
    }
}

/// A set of warnings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Warnings(u8);

impl Warnings {
    /// Adds a warning if `holds`.
    pub fn add(&mut self, warning: Warning, holds: bool) {
        self.0 |= u8::from(holds) << warning as u8;
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The members.
    pub fn iter(self) -> impl Iterator<Item = Warning> {
        Warning::ALL.iter().copied().filter(move |warning| self.0 >> *warning as u8 & 1 == 1)
    }
}

/// What a list states about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListMetadata {
    /// When it was generated.
    Generated(Time),
    /// How many entries it has.
    Declared(u64),
}
