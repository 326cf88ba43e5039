//! `maltrail`: the static trails of Maltrail, one per line: names, addresses with ports, URLs, hosts with
//! paths.
//!
//! A name means itself and everything below it, as Maltrail's sensor reads it. `#` begins a comment only at
//! the start of a line or after a blank, because paths contain it. A path without a host (`/gate.php`)
//! cannot be indexed. The sensor's compiled table, `trail,info,reference`, is read as well; its second column
//! is the category.

use super::csv::split;
use super::{Format, Head, LineReader, OpenError, Shape, role};
use crate::entry::{Details, Normalizer, Skip};
use crate::format::options::Options;
use crate::format::token;
use rapsheet_snapshot::{Assessments, Scope};

/// The row of the table.
pub(super) static FORMAT: Format = Format {
    id: "maltrail",
    about: "Maltrail trails: names, address:port, URLs, host/path",
    example: "192.0.2.7:443",
    shape: Shape::Lines(open),
    ..Format::DEFAULT
};

struct Maltrail;

fn open(_: &Options, _: Head<'_>) -> Result<Box<dyn LineReader>, OpenError> {
    Ok(Box::new(Maltrail))
}

impl LineReader for Maltrail {
    fn line(&self, line: &[u8], normalizer: &mut Normalizer<'_>) {
        // No such text has a comma, as rows of the compiled table have.
        if normalizer.fast_any(line, Scope::Tree, &Details::NONE) {
            return;
        }
        if line.starts_with(b"#") {
            return normalizer.skip(Skip::Comment);
        }
        let trail = token::before_comment(line);
        if let Some((trail, info)) = compiled_row(trail) {
            let assessments = role::category(&info, Assessments::EMPTY);
            return normalizer.any(&trail, Scope::Tree, &Details { assessments, ..Details::NONE });
        }
        match trail {
            [b'.', name @ ..] => normalizer.host(name, Scope::Tree, &Details::NONE),
            _ => normalizer.any(trail, Scope::Tree, &Details::NONE),
        }
    }
}

/// The trail and the category of a row of the compiled table. A URL may hold commas, so a line with any other
/// number of columns is a trail.
fn compiled_row(line: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    if memchr::memchr_iter(b',', line).count() < 2 {
        return None;
    }
    match split::fields(line, b',').ok()?.as_slice() {
        [trail, info, reference] if !info.is_empty() && !reference.is_empty() => {
            Some((trail.to_vec(), info.to_vec()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::pipeline::testing::render;

    #[test]
    fn reads_trails_of_every_kind() {
        let text = "# Reference: http://blog.example/x\nevilpanel.com\n45.9.20.5:443\n182.86.133:8880\n/gate.php\n\
                    /00O0o0O0o0####00.doc\nhttp://45.9.20.5/verify.php\n45.9.20.5/1/gate.php\n\
                    evilpanel.com/.x/fre.php  # compromised site\nih[0-9]{7}\\.evilpanel\\.com\n\
                    yboa7nidpv5jdtumgfm4fmmvju3ccxlleut2xvzgn5uqlbjd5n7p3kid.onion\n.evil.example.com\n\
                    [fe80::bdd9:fd11:ea3f:a4]:135\n45.9.21.0/24 # net\n161.35.41.9:53:53\n";
        let expected = [
            "SKIP comment",
            "domain-tree evilpanel.com",
            "ip 45.9.20.5",
            "REJECT bad-ip",
            "REJECT path-only",
            "REJECT path-only",
            "url http://45.9.20.5/verify.php",
            "url //45.9.20.5/1/gate.php",
            "url //evilpanel.com/.x/fre.php",
            "REJECT pattern",
            "domain-tree yboa7nidpv5jdtumgfm4fmmvju3ccxlleut2xvzgn5uqlbjd5n7p3kid.onion",
            "domain-tree evil.example.com",
            "REJECT bogon",
            "cidr 45.9.21.0/24",
            "REJECT bad-port",
        ];
        assert_eq!(render("maltrail", &[], text), expected);
    }
}
