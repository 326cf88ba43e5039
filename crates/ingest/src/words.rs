//! What providers' words for bad things mean in ours.
//!
//! A word is looked up as a whole, case-blind; then its parts are. What nobody knows maps to nothing, and the
//! feed's default assessment holds.

use snapshot::{Assessment, Assessments};

use Assessment::{
    Botnet, Bruteforce, HighRisk, Malware, Phishing, Scanner, Spam, Suspicious, Tor, Trustworthy,
};

/// Words and codes seen in feeds, lower-case, sorted by what they mean.
const WORDS: &[(&str, Assessment)] = &[
    ("botnet_cc", Botnet),
    ("botnet c2", Botnet),
    ("botnet cc", Botnet),
    ("botnet", Botnet),
    ("c2", Botnet),
    ("c&c", Botnet),
    ("cc", Botnet),
    ("c_and_c", Botnet),
    ("malicious host", Botnet),
    ("bot", Botnet),
    ("bots", Botnet),
    ("controller", Botnet),
    ("infected-system", Botnet),
    ("mirai", Botnet),
    ("drone", Botnet),
    ("c2-server", Botnet),
    ("dga", Botnet),
    ("malware", Malware),
    ("malware_download", Malware),
    ("payload", Malware),
    ("payload_delivery", Malware),
    ("cc_skimming", Malware),
    ("skimmer", Malware),
    ("distribution site", Malware),
    ("payment site", Malware),
    ("malware-distribution", Malware),
    ("attackpage", Malware),
    ("exploit", Malware),
    ("malicious", Malware),
    ("coinminer", Malware),
    ("cryptojacking", Malware),
    ("phishing", Phishing),
    ("phish", Phishing),
    ("fake login", Phishing),
    ("scam", Phishing),
    ("clickfix", Phishing),
    ("bruteforce", Bruteforce),
    ("brute-force", Bruteforce),
    ("brute force", Bruteforce),
    ("bruteforcelogin", Bruteforce),
    ("sshpwauth", Bruteforce),
    ("telnetlogin", Bruteforce),
    ("sshauth", Bruteforce),
    ("telnetauth", Bruteforce),
    ("smtpauth", Bruteforce),
    ("ftp", Bruteforce),
    ("imap", Bruteforce),
    ("spam", Spam),
    ("spamming", Spam),
    ("smtpdata", Spam),
    ("smtpgreet", Spam),
    ("openrelay", Spam),
    ("harvester", Spam),
    ("scanner", Scanner),
    ("scanning host", Scanner),
    ("scan", Scanner),
    ("port_scan", Scanner),
    ("recon", Scanner),
    ("darknet", Scanner),
    ("sshclient", Scanner),
    ("vncrfb", Scanner),
    ("telnet", Scanner),
    ("http", Scanner),
    ("smtp", Scanner),
    ("tor", Tor),
    ("exit", Tor),
    ("relay", Tor),
    ("guard", Tor),
    ("tor_ip", Tor),
    ("high risk", HighRisk),
    ("hijacked", HighRisk),
    ("fraud", HighRisk),
    ("suspicious", Suspicious),
    ("proxy", Suspicious),
    ("vpn", Suspicious),
    ("blacklist", Assessment::Blacklist),
    ("trustworthy", Trustworthy),
];

/// What one word or phrase of a provider means; nothing where it is not known.
pub fn assessments(text: &str) -> Assessments {
    let text = text.trim().trim_start_matches('#');
    let known = |word: &str| WORDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(word));
    known(text).map(|(_, assessment)| *assessment).into_iter().collect()
}

/// What several words of a provider mean together, given what separates them.
pub fn all(text: &str, separators: &[char]) -> Assessments {
    let words = text.split(|character| separators.contains(&character));
    words.fold(assessments(text), |sum, word| sum.union(assessments(word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_words_become_ours() {
        assert_eq!(assessments("Botnet_CC").to_string(), "botnet");
        assert_eq!(assessments("high risk").to_string(), "high risk");
        assert_eq!(all("ftp,http,port_scan", &[',']).to_string(), "bruteforce, scanner");
        assert_eq!(all("#phishing #scam", &[' ']).to_string(), "phishing");
        assert!(assessments("win.emotet").is_empty());
    }

    #[test]
    fn every_assessment_is_its_own_word() {
        for assessment in Assessment::ALL {
            assert_eq!(assessments(assessment.word()), Assessments::EMPTY.with(*assessment));
        }
    }
}
