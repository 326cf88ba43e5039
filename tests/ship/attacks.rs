//! Those who offer the files, or stand between: each attack of TUF's list, and what the host makes of it.

use super::host::{Host, Overlay};
use super::publisher::{Publisher, TWO};
use super::web::{answer, offer};
use crate::fetch::server::{Answer, Server, Step};
use crate::support::DAY;
use crate::test_dir::{code, stderr};
use rapsheet_ship::{Accepted, Cause, Folder, MANIFEST, Opened, Origin, SIGNATURE, Unavailable, Wish};
use std::cell::RefCell;
use std::io::Read;
use std::time::{Duration, Instant};

/// A host with the first of two publications.
fn behind(rows: usize) -> (Publisher, Host) {
    let mut publisher = Publisher::with_publications(rows, 1);
    let host = Host::of(&publisher.site(), publisher.now());
    publisher.next();
    (publisher, host)
}

/// What is refused, and why; the old snapshot and what was accepted stay, and the next sound publication is taken.
#[track_caller]
fn assert_refused(host: &Host, origin: &dyn Origin, publisher: &Publisher, expected: Cause) -> String {
    let (before, accepted) = (host.bytes(), host.accepted());
    let (cause, text) = host.pull(origin, publisher.now()).expect_err("an attack");
    assert_eq!(cause, expected, "{text}");
    assert!(host.bytes() == before, "the old snapshot stays");
    assert_eq!(host.accepted(), accepted);
    text
}

#[track_caller]
fn assert_heals(host: &Host, publisher: &Publisher) {
    host.pull(&Folder(publisher.site()), publisher.now()).expect("a sound publication");
    assert!(host.bytes() == Some(publisher.bytes()));
    host.assert_tidy("after the next pull");
}

#[test]
fn rollback_to_an_older_generation() {
    let mut publisher = Publisher::with_publications(40, 1);
    let old = publisher.copy();
    publisher.next();
    let host = Host::of(&publisher.site(), publisher.now());
    let text = assert_refused(&host, &Folder(old.path().to_owned()), &publisher, Cause::Rollback);
    assert!(text.contains(&host.accepted().generation.to_string()), "{text}");
    let report = host.refuses(old.path().to_str().expect("UTF-8"), publisher.now());
    assert!(report.contains("someone offers an old one"), "{report}");
    // What was accepted counts, whatever became of the snapshot.
    std::fs::remove_file(host.snapshot()).expect("removed");
    let refused = host.pull(&Folder(old.path().to_owned()), publisher.now()).expect_err("an old one");
    assert_eq!(refused.0, Cause::Rollback);
    assert_heals(&host, &publisher);
}

#[test]
fn what_was_accepted_is_not_taken_for_missing() {
    let (publisher, host) = behind(40);
    let accepted = Accepted::path(&host.snapshot());
    std::fs::write(&accepted, "{").expect("written");
    let report = host.refuses(publisher.site().to_str().expect("UTF-8"), publisher.now());
    assert!(report.contains("edge.rap.pulled") && report.contains("remove the file"), "{report}");
    std::fs::remove_file(&accepted).expect("removed");
    assert_heals(&host, &publisher);
}

#[test]
fn freeze_with_a_manifest_that_has_expired() {
    let (mut publisher, host) = behind(40);
    publisher.pass(7);
    let text = assert_refused(&host, &Folder(publisher.site()), &publisher, Cause::Expired);
    assert!(text.contains("stays"), "{text}");
    publisher.publish();
    assert_heals(&host, &publisher);
}

/// The server says for ever that nothing has changed.
#[test]
fn freeze_with_unchanged_for_ever() {
    let mut publisher = Publisher::with_publications(40, 1);
    let (server, host) = (offer(&publisher.site()), Host::new());
    let (from, now) = (server.url("/"), publisher.now());
    host.succeeds(&from, now);
    host.succeeds(&from, now.plus(7 * DAY - 1));
    let report = host.refuses(&from, now.plus(7 * DAY));
    assert!(report.contains("expired at"), "{report}");
    assert!(server.requests().last().expect("a request").is_conditional());
    publisher.pass(7);
    publisher.publish();
    host.succeeds(&from, publisher.now());
}

/// One that was not asked whether anything has changed.
struct Unasked;

impl Origin for Unasked {
    fn open(&self, _: &str, _: &Wish<'_>) -> Result<Opened<'_>, Unavailable> {
        Ok(Opened::Unchanged)
    }

    fn name(&self) -> String {
        "unasked".to_owned()
    }
}

#[test]
fn freeze_with_unchanged_that_was_not_asked_for() {
    let (publisher, host) = behind(40);
    assert_refused(&host, &Unasked, &publisher, Cause::Unreachable);
    std::fs::remove_file(host.snapshot()).expect("removed");
    assert_refused(&host, &Unasked, &publisher, Cause::Unreachable);
    let server = Server::start();
    server.always("*", Answer::not_modified());
    assert_eq!(code(&Host::new().run(&server.url("/"), publisher.now())), 4);
}

#[test]
fn mix_of_a_delta_under_the_name_of_another() {
    let (mut publisher, host) = behind(40);
    let first = publisher.manifest().deltas[0].file.path.clone();
    publisher.next();
    let manifest = publisher.manifest();
    let second =
        manifest.deltas.iter().find(|delta| delta.file.path != first).expect("one").file.path.clone();
    let both = || {
        Overlay::new(&publisher.site())
            .with(&first, publisher.read(&second))
            .with(&second, publisher.read(&first))
    };
    let whole = manifest.full.path.clone();
    let reversed: Vec<u8> = publisher.read(&whole).into_iter().rev().collect();
    let text = assert_refused(&host, &both().with(&whole, reversed), &publisher, Cause::Damaged);
    assert!(text.contains(&first) || text.contains(&second), "what was wrong with the delta: {text}");
    assert!(text.contains(&whole), "{text}");
    let pulled = host.pull(&both(), publisher.now()).expect("the whole is sound");
    assert_eq!((pulled.path, pulled.fallback.expect("a cause").cause), ("full", Cause::Damaged));
    assert!(host.bytes() == Some(publisher.bytes()));
    host.assert_tidy("after the whole");
}

/// A manifest that signs a delta of another snapshot, which leads elsewhere.
#[test]
fn mix_of_sound_files_that_do_not_belong_together() {
    let (publisher, host) = behind(40);
    let mut other = Publisher::with_publications(41, 1);
    other.next();
    publisher.forge_file("delta", &other.read(&other.manifest().deltas[0].file.path));
    publisher.forge_file("full", &other.read(&other.manifest().full.path));
    let text = assert_refused(&host, &Folder(publisher.site()), &publisher, Cause::Unsound);
    assert!(text.contains("BLAKE3"), "{text}");
}

/// The signature of one generation with the manifest of another: the one that is named by the manifest heals it.
#[test]
fn mix_of_manifest_and_signature() {
    let mut publisher = Publisher::with_publications(40, 1);
    let host = Host::of(&publisher.site(), publisher.now());
    let (manifest, signature) = (publisher.read(MANIFEST), publisher.read(SIGNATURE));
    publisher.next();
    let site = publisher.site();
    for overlay in
        [Overlay::new(&site).with(SIGNATURE, signature.clone()), Overlay::new(&site).without(SIGNATURE)]
    {
        let host = Host::new();
        host.pull(&overlay, publisher.now()).expect("the signature by its other name");
        assert!(host.bytes() == Some(publisher.bytes()));
    }
    let pulled = host.pull(&Overlay::new(&site).with(MANIFEST, manifest), publisher.now());
    assert_eq!(pulled.expect("the generation that it has").path, "none");
    std::fs::remove_dir_all(site.join("signature")).expect("removed");
    assert_refused(&host, &Overlay::new(&site).with(SIGNATURE, signature), &publisher, Cause::Signature);
    assert_heals(&host, &publisher);
}

/// A cache gives the old one of the two some times more.
struct Late<'o> {
    site: Folder,
    path: &'o str,
    old: Vec<u8>,
    left: RefCell<u32>,
}

impl Origin for Late<'_> {
    fn open(&self, path: &str, wish: &Wish<'_>) -> Result<Opened<'_>, Unavailable> {
        if path == self.path && *self.left.borrow() > 0 {
            *self.left.borrow_mut() -= 1;
            return Overlay::new(&self.site.0).with(path, self.old.clone()).open(path, wish).map(|opened| {
                let Opened::Bytes { mut reader, from, validator } = opened else { return Opened::Unchanged };
                let mut bytes = Vec::new();
                reader.read_to_end(&mut bytes).expect("from memory");
                Opened::Bytes { reader: Box::new(std::io::Cursor::new(bytes)), from, validator }
            });
        }
        self.site.open(path, wish)
    }

    fn name(&self) -> String {
        "late".to_owned()
    }
}

#[test]
fn a_mix_heals_when_one_follows() {
    for (late, is_taken) in [(1, true), (3, true), (4, false)] {
        let mut publisher = Publisher::with_publications(40, 1);
        let host = Host::of(&publisher.site(), publisher.now());
        let old = publisher.read(SIGNATURE);
        publisher.next();
        std::fs::remove_dir_all(publisher.site().join("signature")).expect("removed");
        let site = Folder(publisher.site());
        let origin = Late { site, path: SIGNATURE, old, left: RefCell::new(late) };
        assert_eq!(host.pull(&origin, publisher.now()).is_ok(), is_taken, "{late} times late");
        assert_heals(&host, &publisher);
    }
}

/// A server that never stops sending, for each kind of file.
#[test]
fn endless_data() {
    let (publisher, host) = behind(40);
    let manifest = publisher.manifest();
    let (delta, full) = (manifest.deltas[0].file.path.clone(), manifest.full.path.clone());
    for path in [MANIFEST, SIGNATURE, &delta, &full] {
        let server = offer(&publisher.site());
        let head = b"HTTP/1.1 200 OK\r\nETag: \"x\"\r\n\r\n".to_vec();
        let endless = Answer::steps([Step::Send(head), Step::Forever(vec![b'x'; 1 << 16])]);
        server.always(&format!("/{path}"), endless);
        // By its other name, the signature is there.
        server.always("/signature", Answer::new(404, ""));
        let began = Instant::now();
        let output = host.run(&server.url("/"), publisher.now());
        assert!(began.elapsed() < Duration::from_secs(20), "{path}");
        let is_healed = path == SIGNATURE || path == delta || path == full;
        assert_eq!(code(&output), if is_healed { 0 } else { 4 }, "{path}: {}", stderr(&output));
    }
    for path in [MANIFEST, &full] {
        let (publisher, host) = behind(40);
        let server = Server::start();
        let (site, hidden) =
            (publisher.site(), [delta.clone(), publisher.manifest().deltas[0].file.path.clone()]);
        server.on("*", move |request| match hidden.iter().any(|path| request.path.contains(path.as_str())) {
            true => Answer::new(404, "not here\n"),
            false => answer(&site, request),
        });
        let path = if path == MANIFEST { path.to_owned() } else { publisher.manifest().full.path };
        let head = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
        server.always(
            &format!("/{path}"),
            Answer::steps([Step::Send(head), Step::Forever(vec![b'x'; 1 << 16])]),
        );
        host.refuses(&server.url("/"), publisher.now());
        assert_heals(&host, &publisher);
    }
}

/// Endless, or as good as, whatever is opened but manifest and signature.
struct Endless(Folder);

impl Origin for Endless {
    fn open(&self, path: &str, wish: &Wish<'_>) -> Result<Opened<'_>, Unavailable> {
        match [MANIFEST, SIGNATURE].contains(&path) {
            true => self.0.open(path, wish),
            false => Ok(Opened::Bytes {
                reader: Box::new(std::io::repeat(7).take(1 << 26)),
                from: wish.from,
                validator: None,
            }),
        }
    }

    fn name(&self) -> String {
        "endless".to_owned()
    }
}

/// A sound signature, and a petabyte behind it.
#[test]
fn endless_data_that_is_signed() {
    let (publisher, host) = behind(40);
    publisher.forge(|manifest| {
        manifest.full.bytes = 1 << 50;
        manifest.snapshot.bytes = 1 << 50;
        manifest.deltas[0].file.bytes = (1 << 50) - 1;
    });
    let began = Instant::now();
    let text = assert_refused(&host, &Endless(Folder(publisher.site())), &publisher, Cause::Manifest);
    assert!(text.contains("--max-bytes"), "{text}");
    assert!(began.elapsed() < Duration::from_secs(5));
    host.assert_tidy("nothing was received");
}

#[test]
fn wrong_software() {
    let (publisher, host) = behind(40);
    let text = String::from_utf8(publisher.read(MANIFEST)).expect("text");
    let cases = [
        ("\"rapsheet snapshot\"", "\"rapsheet\""),
        ("\"rapsheet snapshot\"", "\"other software\""),
        ("\"version\": 1", "\"version\": 2"),
        ("\"version\": 1", "\"version\": 4294967295"),
    ];
    for (from, to) in cases {
        assert!(text.contains(from));
        publisher.forge_bytes(text.replace(from, to).as_bytes());
        assert_refused(&host, &Folder(publisher.site()), &publisher, Cause::Product);
    }
    // Members that a later version adds do not matter.
    let later = text.replacen('{', "{\n  \"color\": [1, {\"a\": null}],", 1);
    publisher.forge_bytes(later.as_bytes());
    assert_heals(&host, &publisher);
}

#[test]
fn a_key_that_is_not_trusted() {
    let (mut publisher, host) = behind(40);
    publisher.key = &TWO;
    publisher.forge(|manifest| manifest.generation += 1);
    assert_refused(&host, &Folder(publisher.site()), &publisher, Cause::Signature);
    let report = host.refuses(publisher.site().to_str().expect("UTF-8"), publisher.now());
    assert!(report.contains("--public-key"), "{report}");
}

/// Opens nothing but manifest and signature.
struct Watched(Folder);

impl Origin for Watched {
    fn open(&self, path: &str, wish: &Wish<'_>) -> Result<Opened<'_>, Unavailable> {
        assert!(path.starts_with(MANIFEST) || path.starts_with("signature/"), "{path} is opened");
        self.0.open(path, wish)
    }

    fn name(&self) -> String {
        "watched".to_owned()
    }
}

#[test]
fn paths_that_lead_out_of_the_folder() {
    let (publisher, host) = behind(40);
    let long = "a/".repeat(200) + "a";
    let paths = [
        "../newest.rap",
        "/etc/passwd",
        "full/../../x",
        "./full/x",
        "full//x",
        "full/",
        "",
        ".",
        "..",
        "http://evil-one.com/x",
        "//evil-one.com/x",
        "full\\..\\x",
        "full/%2e%2e/x",
        "x?y",
        "x#y",
        "x\0",
        "é",
        "full/.edge.rap",
        &long,
    ];
    for path in paths {
        for which in ["full", "delta"] {
            let good = publisher.read(MANIFEST);
            publisher.forge(|manifest| match which {
                "full" => manifest.full.path = path.to_owned(),
                _ => manifest.deltas[0].file.path = path.to_owned(),
            });
            let text = assert_refused(&host, &Watched(Folder(publisher.site())), &publisher, Cause::Manifest);
            assert!(text.contains("path"), "{text}");
            publisher.forge_bytes(&good);
        }
    }
    assert_heals(&host, &publisher);
}

/// Two manifests of one generation: an equivocation, whichever came first.
#[test]
fn another_manifest_of_the_same_generation() {
    let (publisher, host) = behind(40);
    let (good, site) = (publisher.read(MANIFEST), Folder(publisher.site()));
    host.pull(&site, publisher.now()).expect("a sound publication");
    publisher.forge(|manifest| manifest.deltas.clear());
    let text = assert_refused(&host, &site, &publisher, Cause::Rollback);
    assert!(text.contains("another one of generation"), "{text}");
    publisher.forge_bytes(&good);
    assert_heals(&host, &publisher);
}

/// A thief of the key counts to the end. The operator removes what the host noted, once the key is replaced.
#[test]
fn generations_that_are_used_up() {
    let (mut publisher, mut host) = behind(40);
    publisher.forge(|manifest| manifest.generation = u64::MAX);
    host.pull(&Folder(publisher.site()), publisher.now()).expect("a sound signature");
    publisher.key = &TWO;
    publisher.next();
    host.keys = vec![TWO.public];
    assert_refused(&host, &Folder(publisher.site()), &publisher, Cause::Rollback);
    std::fs::remove_file(Accepted::path(&host.snapshot())).expect("removed");
    assert_heals(&host, &publisher);
}
