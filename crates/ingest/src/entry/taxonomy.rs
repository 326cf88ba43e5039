//! Maps the words of providers to assessments.
//!
//! A phrase is looked up as a whole, ignoring case, and then word by word. An unknown word maps to nothing,
//! and the feed's default assessment holds.
//!
//! Words that say that something is not bad count as a whole phrase only: `safe` clears an entry, `safe
//! browsing` does not, and `not malicious` is not malicious.

use rapsheet_snapshot::{Assessment, Assessments};
use std::sync::LazyLock;

use Assessment::{
    Blacklist, Botnet, Bruteforce, HighRisk, Malware, Phishing, Scanner, Spam, Suspicious, Tor, Trustworthy,
};

/// Words and codes seen in feeds, lower-case, in the order of bytes.
const WORDS: &[(&str, Assessment)] = &[
    ("abuse", Spam),
    ("allow", Trustworthy),
    ("allowed", Trustworthy),
    ("allowlist", Trustworthy),
    ("allowlisted", Trustworthy),
    ("anomalous-activity", Suspicious),
    ("anonymization", Suspicious),
    ("anonymizers", Tor),
    ("attackpage", Malware),
    ("backdoor", Malware),
    ("bad", Blacklist),
    ("benign", Trustworthy),
    ("blacklist", Blacklist),
    ("blacklisted", Blacklist),
    ("blocklist", Blacklist),
    ("bot", Botnet),
    ("botnet", Botnet),
    ("botnet c2", Botnet),
    ("botnet cc", Botnet),
    ("botnet_cc", Botnet),
    ("botnetcc", Botnet),
    ("bots", Botnet),
    ("brute force", Bruteforce),
    ("brute-force", Bruteforce),
    ("bruteforce", Bruteforce),
    ("bruteforce-login", Bruteforce),
    ("bruteforcelogin", Bruteforce),
    ("bulletproof", HighRisk),
    ("c&c", Botnet),
    ("c2", Botnet),
    ("c2 server", Botnet),
    ("c2-server", Botnet),
    ("c2panel", Botnet),
    ("c_and_c", Botnet),
    ("cc", Botnet),
    ("cc_skimming", Malware),
    ("clean", Trustworthy),
    ("clickfix", Phishing),
    ("cobalt strike", Botnet),
    ("cobaltstrike", Botnet),
    ("coinhive bot", Botnet),
    ("coinminer", Malware),
    ("command and control", Botnet),
    ("command-and-control", Botnet),
    ("comment spammer", Spam),
    ("compromised", Malware),
    ("controller", Botnet),
    ("controllers", Botnet),
    ("cr", Malware),
    ("cracked", Malware),
    ("cryptojacking", Malware),
    ("darknet", Scanner),
    ("datacenter", Suspicious),
    ("ddns", Suspicious),
    ("dga", Botnet),
    ("distribution site", Malware),
    ("dnsrd", Scanner),
    ("dnsrdany", Scanner),
    ("dnsversion", Scanner),
    ("doh", Suspicious),
    ("drone", Botnet),
    ("drones", Botnet),
    ("dropper", Malware),
    ("exit", Tor),
    ("exit node", Tor),
    ("exploit", Malware),
    ("fake login", Phishing),
    ("fakeshop", Phishing),
    ("false positive", Trustworthy),
    ("false-positive", Trustworthy),
    ("false_positive", Trustworthy),
    ("falsepositive", Trustworthy),
    ("fraud", HighRisk),
    ("ftp", Bruteforce),
    ("good", Trustworthy),
    ("goodware", Trustworthy),
    ("guard", Tor),
    ("ham", Trustworthy),
    ("harmless", Trustworthy),
    ("harvester", Spam),
    ("high risk", HighRisk),
    ("hijacked", HighRisk),
    ("honeypot", Scanner),
    ("http", Scanner),
    ("imap", Bruteforce),
    ("infected", Botnet),
    ("infected-system", Botnet),
    ("iotmirai", Botnet),
    ("known good", Trustworthy),
    ("known-good", Trustworthy),
    ("known_good", Trustworthy),
    ("l_spamlink", Spam),
    ("legit", Trustworthy),
    ("legitimate", Trustworthy),
    ("loader", Malware),
    ("login", Bruteforce),
    ("malicious", Malware),
    ("malicious host", Botnet),
    ("malicious-activity", Malware),
    ("maliciousurl", Malware),
    ("malware", Malware),
    ("malware distribution", Malware),
    ("malware domain", Malware),
    ("malware ip", Malware),
    ("malware-distribution", Malware),
    ("malware_download", Malware),
    ("miner", Suspicious),
    ("mirai", Botnet),
    ("mw", Malware),
    ("no threat", Trustworthy),
    ("no threats", Trustworthy),
    ("non-malicious", Trustworthy),
    ("non_malicious", Trustworthy),
    ("nonmalicious", Trustworthy),
    ("not malicious", Trustworthy),
    ("not-malicious", Trustworthy),
    ("not_malicious", Trustworthy),
    ("nrd", Suspicious),
    ("open proxy", Suspicious),
    ("open relay", Spam),
    ("openrelay", Spam),
    ("panel", Botnet),
    ("payload", Malware),
    ("payload delivery", Malware),
    ("payload_delivery", Malware),
    ("payment site", Malware),
    ("permit", Trustworthy),
    ("permitted", Trustworthy),
    ("ph", Phishing),
    ("phish", Phishing),
    ("phishing", Phishing),
    ("phishing-urls", Phishing),
    ("pool", Suspicious),
    ("pop3", Bruteforce),
    ("port scan", Scanner),
    ("port_scan", Scanner),
    ("portscan", Scanner),
    ("probe", Scanner),
    ("proto41", Scanner),
    ("proxy", Suspicious),
    ("ransomware", Malware),
    ("rat", Botnet),
    ("recon", Scanner),
    ("relay", Tor),
    ("reputation", Blacklist),
    ("safe", Trustworthy),
    ("scam", Phishing),
    ("scan", Scanner),
    ("scanner", Scanner),
    ("scanning", Scanner),
    ("scanning host", Scanner),
    ("sinkhole", Botnet),
    ("sipinvitation", Scanner),
    ("sipquery", Scanner),
    ("sipregistration", Scanner),
    ("skimmer", Malware),
    ("smtp", Scanner),
    ("smtpauth", Bruteforce),
    ("smtpdata", Spam),
    ("smtpgreet", Spam),
    ("spam", Spam),
    ("spamhaus", Spam),
    ("spammer", Spam),
    ("spamming", Spam),
    ("ssh", Bruteforce),
    ("sshauth", Bruteforce),
    ("sshclient", Scanner),
    ("sshpwauth", Bruteforce),
    ("stealer", Botnet),
    ("suspicious", Suspicious),
    ("telnet", Scanner),
    ("telnetauth", Bruteforce),
    ("telnetlogin", Bruteforce),
    ("tor", Tor),
    ("tor exit", Tor),
    ("tor_ip", Tor),
    ("torexit", Tor),
    ("trojan", Malware),
    ("trojan-activity", Malware),
    ("trusted", Trustworthy),
    ("trustworthy", Trustworthy),
    ("undetected", Trustworthy),
    ("unroutable", HighRisk),
    ("vncrfb", Scanner),
    ("vpn", Suspicious),
    ("w_wplogin", Bruteforce),
    ("whitelist", Trustworthy),
    ("whitelisted", Trustworthy),
];

/// The longest known word, in bytes.
const WORD_MAX: usize = 32;

/// The positions of the words with each first letter.
static BY_LETTER: LazyLock<[(usize, usize); 256]> = LazyLock::new(|| {
    std::array::from_fn(|letter| {
        let before = |word: &&(&str, Assessment), end: usize| usize::from(first(word.0)) < letter + end;
        let start = WORDS.iter().take_while(|word| before(word, 0)).count();
        (start, WORDS.iter().take_while(|word| before(word, 1)).count())
    })
});

/// Whether any word for what is not bad begins with this letter, in any case.
pub(crate) fn begins_trusted(letter: u8) -> bool {
    static LETTERS: LazyLock<[bool; 256]> = LazyLock::new(|| {
        std::array::from_fn(|letter| {
            WORDS.iter().any(|(word, meaning)| usize::from(first(word)) == letter && *meaning == Trustworthy)
        })
    });
    LETTERS.get(usize::from(letter.to_ascii_lowercase())).copied().unwrap_or(true)
}

fn first(word: &str) -> u8 {
    word.bytes().next().unwrap_or(0)
}

/// The assessments for one word or phrase of a provider; empty if it is not known.
pub(crate) fn assessments(text: &str) -> Assessments {
    let text = text.trim().trim_start_matches('#').trim_matches(['(', ')', '[', ']', '"', ':']);
    let letter = first(text).to_ascii_lowercase();
    if !letter.is_ascii_lowercase() || text.len() > WORD_MAX {
        return Assessments::EMPTY;
    }
    let (start, end) = BY_LETTER.get(usize::from(letter)).copied().unwrap_or_default();
    let candidates = WORDS.get(start..end).unwrap_or(&[]).iter();
    let mut found = candidates.filter(|(word, _)| word.eq_ignore_ascii_case(text));
    found.next().map(|(_, assessment)| *assessment).into_iter().collect()
}

/// Whether a verdict says that an indicator is not bad.
pub(crate) fn is_benign(phrase: &str) -> bool {
    let whole = assessments(phrase);
    match whole.is_empty() {
        false => is_good(whole),
        // Most words are neither, and have no parts to look up.
        true => phrase.contains([',', ';', '|', ' ']) && is_good(of_phrases(phrase, &[',', ';', '|', ' '])),
    }
}

/// Whether a tag takes back what the other tags say.
pub(crate) fn is_retraction(tag: &str) -> bool {
    const WORDS: &[&str] = &[
        "falsepositive",
        "whitelisted",
        "allowlisted",
        "whitelist",
        "allowlist",
        "notmalicious",
        "retracted",
    ];
    let letters = tag.bytes().filter(u8::is_ascii_alphabetic).map(|byte| byte.to_ascii_lowercase());
    WORDS.iter().any(|word| word.bytes().eq(letters.clone()))
}

fn is_good(found: Assessments) -> bool {
    found == Assessments::EMPTY.with(Trustworthy)
}

/// The assessments for several phrases of a provider, given their separators. A blank among the separators
/// splits only phrases that are unknown as a whole: `malicious host` is known, and differs from its words.
pub(crate) fn of_phrases(text: &str, separators: &[char]) -> Assessments {
    let whole = assessments(text);
    if !whole.is_empty() {
        return whole;
    }
    let phrases = text.split(|character| character != ' ' && separators.contains(&character));
    phrases.fold(whole, |sum, phrase| sum.union(of_phrase(phrase, separators.contains(&' '))))
}

fn of_phrase(phrase: &str, has_words: bool) -> Assessments {
    let whole = assessments(phrase);
    if !whole.is_empty() || !has_words {
        return whole;
    }
    let words = || phrase.split(' ').filter(|word| !word.is_empty());
    let first = words().next().unwrap_or_default();
    if first.eq_ignore_ascii_case("benign") {
        return Assessments::EMPTY.with(Trustworthy);
    }
    let is_negated = ["not", "no", "non"].iter().any(|word| first.eq_ignore_ascii_case(word));
    let bad = words().map(assessments).filter(|found| !is_good(*found));
    let found = bad.fold(whole, Assessments::union);
    if is_negated && !found.is_empty() { Assessments::EMPTY.with(Trustworthy) } else { found }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_words_and_phrases() {
        assert_eq!(assessments("Botnet_CC").to_string(), "botnet");
        assert_eq!(assessments("high risk").to_string(), "high risk");
        assert_eq!(of_phrases("ftp,http,port_scan", &[',']).to_string(), "bruteforce, scanner");
        assert_eq!(of_phrases("#phishing #scam", &[' ']).to_string(), "phishing");
        assert_eq!(of_phrases("Malicious Host;Scanning Host", &[';', ' ']).to_string(), "botnet, scanner");
        assert!(assessments("win.emotet").is_empty());
    }

    #[test]
    fn clears_by_whole_phrases_only() {
        let words = |text: &str| of_phrases(text, &[',', ' ']).to_string();
        for (text, expected) in [
            ("Benign", "trustworthy"),
            ("benign scanner", "trustworthy"),
            ("False Positive", "trustworthy"),
            ("not malicious", "trustworthy"),
            ("no phishing", "trustworthy"),
            ("safe browsing", ""),
            ("phishing, safe", "phishing, trustworthy"),
            ("whitelist bypass", ""),
        ] {
            assert_eq!(words(text), expected, "{text}");
        }
        assert!(is_benign("clean") && !is_benign("malware, clean") && !is_benign("unknown"));
        assert!(is_retraction(" false-positive ") && !is_retraction("clean"));
    }

    #[test]
    fn finds_trusted_words_by_their_first_letter() {
        let trusted = WORDS.iter().filter(|(_, meaning)| *meaning == Trustworthy);
        assert!(trusted.clone().all(|(word, _)| begins_trusted(first(word).to_ascii_uppercase())));
        assert!(trusted.count() > 5 && !begins_trusted(b'x') && !begins_trusted(0));
    }

    #[test]
    fn keeps_the_words_sorted_and_short() {
        assert!(WORDS.is_sorted_by(|(first, _), (second, _)| first < second));
        assert!(WORDS.iter().all(|(word, _)| word.len() <= WORD_MAX && *word == word.to_lowercase()));
    }

    #[test]
    fn maps_every_assessment_to_itself() {
        for assessment in Assessment::ALL {
            assert_eq!(assessments(assessment.word()), Assessments::EMPTY.with(*assessment));
        }
    }
}
