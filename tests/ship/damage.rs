//! A bit of every byte of small files, and every cut: refused, the old snapshot stays, and the next pull heals.
//!
//! With `RAPSHEET_DAMAGE=all`, it is every bit.

use super::host::{Host, Overlay};
use super::publisher::{Publisher, copy_folder};
use crate::random::Random;
use rapsheet_ship::{Cause, Digest, Folder, MANIFEST, SIGNATURE};

/// Which bits of a byte are damaged.
fn bits(at: usize) -> std::ops::Range<u8> {
    let one = (at * 5 % 8) as u8;
    if std::env::var_os("RAPSHEET_DAMAGE").is_some_and(|value| value == "all") { 0..8 } else { one..one + 1 }
}

/// Two small publications, and a host with the first one.
struct Setting {
    publisher: Publisher,
    host: Host,
    before: Vec<u8>,
}

impl Setting {
    fn new() -> Setting {
        let mut publisher = Publisher::with_publications(1, 1);
        let (before, host) = (publisher.bytes(), Host::of(&publisher.site(), publisher.now()));
        publisher.next();
        Setting { publisher, host, before }
    }

    /// The publication with other bytes in a file, and without what could take its place.
    fn overlay(&self, path: &str, bytes: Vec<u8>) -> Overlay {
        let manifest = self.publisher.manifest();
        let signature = format!("signature/{}.minisig", Digest::of(&self.publisher.read(MANIFEST)));
        let (delta, full) = (&manifest.deltas[0].file.path, &manifest.full.path);
        let spare = if path == SIGNATURE {
            &signature
        } else if path == delta {
            full
        } else {
            delta
        };
        Overlay::new(&self.publisher.site()).without(spare).with(path, bytes)
    }

    /// Expects that a damaged file is refused.
    fn assert_refuses(&self, path: &str, bytes: Vec<u8>, context: &str) {
        let pulled = self.host.pull(&self.overlay(path, bytes), self.publisher.now());
        let (cause, text) = pulled.expect_err(context);
        let expected = match path {
            MANIFEST | SIGNATURE => [Cause::Signature, Cause::Unreachable],
            _ => [Cause::Damaged, Cause::Unreachable],
        };
        assert!(expected.contains(&cause), "{context}: {text}");
        assert!(self.host.bytes().as_ref() == Some(&self.before), "{context}: the old snapshot stays");
    }

    /// Expects that the sound publication is taken, whatever was refused before.
    fn assert_heals(&self, context: &str) {
        let host = Host::new();
        copy_folder(&self.host.path("."), &host.path("."));
        host.pull(&Folder(self.publisher.site()), self.publisher.now()).expect(context);
        assert!(host.bytes() == Some(self.publisher.bytes()), "{context}");
        host.assert_tidy(context);
    }

    /// Each bit is another one, and the file ends early; `begin`: where the bytes begin that matter.
    fn damage(&self, path: &str, begin: usize) {
        let sound = self.publisher.read(path);
        for at in begin..sound.len() {
            for bit in bits(at) {
                let mut bytes = sound.clone();
                bytes[at] ^= 1 << bit;
                self.assert_refuses(path, bytes, &format!("bit {bit} of byte {at} of {path}"));
            }
            if at % 64 == 0 {
                self.assert_heals(&format!("after byte {at} of {path}"));
            }
        }
        for length in 0..sound.len() - 1 {
            self.assert_refuses(path, sound[..length].to_vec(), &format!("{length} bytes of {path}"));
        }
        self.assert_heals(path);
    }
}

#[test]
fn of_a_manifest() {
    Setting::new().damage(MANIFEST, 0);
}

/// But for the comment in its first line, of which minisign says that it is not to be trusted.
#[test]
fn of_a_signature() {
    let setting = Setting::new();
    let text = setting.publisher.read(SIGNATURE);
    let begin = text.iter().position(|byte| *byte == b'\n').expect("lines") + 1;
    setting.damage(SIGNATURE, begin);
}

#[test]
fn of_a_delta() {
    let setting = Setting::new();
    setting.damage(&setting.publisher.manifest().deltas[0].file.path, 0);
}

#[test]
fn of_a_whole_file() {
    let setting = Setting::new();
    setting.damage(&setting.publisher.manifest().full.path, 0);
}

/// More bytes than were signed are not looked at: the server may send what it likes behind them.
#[test]
fn bytes_behind_a_file_do_not_matter() {
    let setting = Setting::new();
    let path = setting.publisher.manifest().deltas[0].file.path.clone();
    let longer = [setting.publisher.read(&path), vec![0; 99]].concat();
    let pulled = setting.host.pull(&setting.overlay(&path, longer), setting.publisher.now());
    assert_eq!(pulled.expect("all that was signed is there").path, "delta");
}

/// Some of it through the program, with its exit code.
#[test]
fn has_exit_code_4() {
    let setting = Setting::new();
    let site = setting.publisher.copy();
    let from = site.path().to_str().expect("UTF-8");
    let manifest = setting.publisher.manifest();
    let (delta, full) = (manifest.deltas[0].file.path.as_str(), manifest.full.path.as_str());
    let mut random = Random::new(20);
    for (path, spare) in [(MANIFEST, "signature"), (SIGNATURE, "signature"), (delta, full), (full, delta)] {
        let sound = setting.publisher.read(path);
        for round in 0..3 {
            // Not in the first line of a signature.
            let (at, mut bytes) = (random.below(sound.len() as u64 - 100) as usize + 90, sound.clone());
            match round {
                0 => bytes.truncate(at),
                _ => bytes[at] ^= 1 << random.below(8),
            }
            std::fs::write(site.path().join(path), &bytes).expect("written");
            std::fs::rename(site.path().join(spare), site.path().join("away")).expect("moved");
            // What came in an earlier round is sound, and would be gone on with.
            setting.host.forget_parts();
            let report = setting.host.refuses(from, setting.publisher.now());
            assert!(report.contains(path) || path == MANIFEST, "it names the file: {report}");
            assert!(setting.host.bytes().as_ref() == Some(&setting.before));
            std::fs::rename(site.path().join("away"), site.path().join(spare)).expect("moved");
        }
        std::fs::write(site.path().join(path), sound).expect("written");
        setting.assert_heals(path);
    }
    setting.host.succeeds(from, setting.publisher.now());
    assert!(setting.host.bytes() == Some(setting.publisher.bytes()));
}
