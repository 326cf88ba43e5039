//! One idea, one word, and the field's own word for it: names that were given up do not come back.
//!
//! Identifiers are looked at, in code and in tests, and the names of files; strings and comments are not,
//! except for a few pronouns that make a sentence longer than it has to be.

use super::source::{File, markdown, rust, tokens};

/// Words that no identifier and no file name has among its words: `set_soon` and `SoonSet` have `soon`.
const WORDS: &[(&str, &str)] = &[
    ("beside", "AtomicFile"),
    ("canaries", "NeverBlock"),
    ("canary", "never_block"),
    ("door", "admission"),
    ("doors", "admission"),
    ("ease", "flush_partial"),
    ("eased", "flush_partial"),
    ("eve", "FeedContext"),
    ("harvest", "collector"),
    ("harvests", "collector"),
    ("intake", "pipeline"),
    ("ladder", "Ipv6Index"),
    ("lens", "block_processor"),
    ("manner", "FormatOptions"),
    ("night", "build"),
    ("nights", "builds"),
    ("outlet", "ReorderBuffer"),
    ("remember", "state_file"),
    ("remembering", "state_file"),
    ("rung", "level"),
    ("rungs", "levels"),
    ("said", "Membership, states"),
    ("scribe", "normalizer"),
    ("settle", "resolve"),
    ("settled", "resolved"),
    ("settlement", "resolution"),
    ("soon", "prefetch"),
    ("spine", "top_index"),
    ("spot", "LeafSlot"),
    ("spots", "LeafSlot"),
    ("stranger", "miss"),
    ("strangers", "misses"),
    ("tally", "counters"),
    ("twin", "HASH_COLLISION"),
    ("twins", "HASH_COLLISION"),
    ("voice", "ClaimSource"),
    ("yesterday", "previous_build"),
];

/// Whole identifiers. Their words are good English elsewhere.
const NAMES: &[(&str, &str)] = &[
    ("Damage", "Corruption"),
    ("Equations", "Gf2System"),
    ("Refusal", "ParseError"),
    ("Remark", "Annotation"),
    ("Spent", "AcceptedDigest"),
    ("StateDamage", "StateCorruption"),
    ("spent", "AcceptedDigest"),
];

/// Names of types and traits that the crates define. A variant may be called so, because it has its type
/// beside it: `FeedState::Held` is the contract's word. So may a type of a test, where a run is a run of the
/// program.
const TYPES: &[(&str, &str)] = &[
    ("Ends", "Ipv4Index"),
    ("Follow", "ReloadingSnapshot"),
    ("Ground", "PreviousCoverage"),
    ("Held", "SnapshotGuard"),
    ("Known", "Listing"),
    ("Look", "Sample"),
    ("Pages", "AlignedWriter"),
    ("Placed", "UnsyncedFile"),
    ("Plan", "RetentionPolicy"),
    ("Print", "TokenKey"),
    ("Rare", "Exceptions"),
    ("Recall", "TokenCache"),
    ("Run", "range, SharedTimes, SortedRun"),
    ("Scored", "Match"),
    ("Sign", "Rule"),
    ("Stop", "HoldReason"),
    ("Threshold", "Baseline"),
    ("Wanted", "Filter"),
    ("Ways", "Stages"),
];

/// Names of functions of ours, alone or before a `_`.
const FUNCTIONS: &[(&str, &str)] = &[("ask", "lookup"), ("sweep", "remove_stale_temp_files")];

/// Names of modules and files. A variable may be called so: `code` is an exit code, `lanes` are those of a
/// vector.
const MODULES: &[(&str, &str)] = &[
    ("ahead", "read_ahead"),
    ("code", "prefix_code"),
    ("lanes", "simd"),
    ("marks", "tokenizer"),
    ("moment", "timestamp"),
    ("rare", "exceptions"),
    ("recall", "token_cache"),
    ("wanted", "filter"),
    ("words", "taxonomy"),
];

/// Where a word stays: the name, the beginning of the path, and the reason.
const EXCEPTIONS: &[(&str, &str, &str)] = &[("words", "tests/tidy", "this table")];

/// Files that were renamed, and whose old name is good elsewhere: a download has lines.
const PATHS: &[(&str, &str)] = &[("crates/snapshot/src/section/lines.rs", "section/xor_bucket.rs")];

#[test]
fn names_that_were_given_up_are_gone() {
    let mut found: Vec<String> = Vec::new();
    for file in rust() {
        found.extend(names_of_files(&file));
        found.extend(names_in(&file));
    }
    found.sort();
    found.dedup();
    assert!(found.is_empty(), "{} names:\n{}", found.len(), found.join("\n"));
}

fn is_excepted(name: &str, path: &str) -> bool {
    EXCEPTIONS.iter().any(|(excepted, place, _)| name == *excepted && path.starts_with(place))
}

fn find<'t>(table: &'t [(&str, &str)], name: &str) -> Option<&'t str> {
    table.iter().find(|(old, _)| *old == name).map(|(_, new)| *new)
}

/// What is wrong with the name of a file or a folder.
fn names_of_files(file: &File) -> Vec<String> {
    let stems = file.path.trim_end_matches(".rs").split('/');
    let wrong = stems.filter(|stem| !is_excepted(stem, &file.path)).filter_map(|stem| {
        let new = find(MODULES, stem).or_else(|| words(stem).iter().find_map(|word| find(WORDS, word)))?;
        Some(format!("{}: for `{stem}` the word is {new}", file.path))
    });
    wrong.chain(find(PATHS, &file.path).map(|new| format!("{}: the file is {new}", file.path))).collect()
}

/// What is wrong with the identifiers in a file.
fn names_in(file: &File) -> Vec<String> {
    let tokens = tokens(&file.text);
    let before = |at: usize| at.checked_sub(1).map_or("", |at| tokens[at]);
    let is_ours = file.path.starts_with("crates/");
    let wrong = tokens.iter().enumerate().filter_map(|(at, name)| {
        let new = words(name).iter().find_map(|word| find(WORDS, word)).or_else(|| find(NAMES, name));
        let new = new.or_else(|| match before(at) {
            "struct" | "enum" | "union" | "trait" | "type" if is_ours => find(TYPES, name),
            "mod" => find(MODULES, name),
            "fn" => find(FUNCTIONS, name.split('_').next().unwrap_or(name)),
            _ => None,
        })?;
        (!is_excepted(name, &file.path)).then(|| format!("{}: for `{name}` the word is {new}", file.path))
    });
    wrong.collect()
}

/// The words of an identifier, in small letters.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_small = false;
    for letter in name.chars() {
        if letter == '_' || letter.is_uppercase() && was_small {
            words.push(String::new());
        }
        was_small = letter.is_lowercase() || letter.is_numeric();
        words.last_mut().expect("a word").extend(letter.to_lowercase().filter(|letter| *letter != '_'));
    }
    words
}

#[test]
fn identifiers_have_words() {
    assert_eq!(words("set_soon"), ["set", "soon"]);
    assert_eq!(words("FeedNight"), ["feed", "night"]);
    assert_eq!(words("OF_TWINS"), ["of", "twins"]);
    assert_eq!(words("Ipv4Index"), ["ipv4", "index"]);
}

/// Text says who does a thing, in one word where there is one.
#[test]
fn prose_names_its_subject() {
    let banned = ["no", "some", "any", "every"].map(|which| format!("{which}{}", "body"));
    let banned = [banned.as_slice(), &[["who", "ever"].concat()]].concat();
    let mut found = Vec::new();
    for file in rust().into_iter().chain(markdown()) {
        for (line, text) in (1..).zip(file.text.lines()) {
            let lower = text.to_lowercase();
            let mut words = lower.split(|c: char| !c.is_alphabetic());
            if let Some(word) = words.find(|word| banned.iter().any(|banned| banned == word)) {
                found.push(format!("{}:{line}: {word}", file.path));
            }
        }
    }
    assert!(found.is_empty(), "{} sentences:\n{}", found.len(), found.join("\n"));
}
