//! The folder of a publisher: what stays in it, what goes, and what a reader finds in the middle.

use super::host::Host;
use super::publisher::Publisher;
use rapsheet_ship::{Folder, MANIFEST, Manifest, PublishError, SIGNATURE};
use std::collections::BTreeSet;
use std::fs;

/// The paths of the files in the folder, without those of signatures.
fn published(publisher: &Publisher) -> BTreeSet<String> {
    let in_folder = |folder: &str| {
        let files = crate::files::files(&publisher.site().join(folder));
        let name =
            |path: &std::path::PathBuf| path.file_name().expect("a name").to_string_lossy().into_owned();
        files.iter().map(|path| format!("{folder}/{}", name(path))).collect::<Vec<_>>()
    };
    ["full", "delta"].into_iter().flat_map(in_folder).collect()
}

fn named(manifest: &Manifest) -> BTreeSet<String> {
    manifest.files().map(|file| file.path.clone()).collect()
}

#[test]
fn the_manifest_names_what_is_there() {
    let mut publisher = Publisher::new(60);
    for count in 1..=16 {
        let manifest = publisher.next().manifest;
        assert_eq!(manifest, publisher.manifest());
        let spans = usize::from(count > 7);
        assert_eq!(manifest.deltas.len(), (count - 1).min(14) + spans, "{count} publications");
        for file in manifest.files() {
            let bytes = publisher.read(&file.path);
            assert_eq!((bytes.len() as u64, rapsheet_ship::Digest::of(&bytes)), (file.bytes, file.blake3));
        }
        assert!(named(&manifest).is_subset(&published(&publisher)));
    }
}

/// A reader that has the manifest of one generation gets its files while later ones are published, for a day.
#[test]
fn files_of_an_old_manifest_stay_for_a_day() {
    let mut publisher = Publisher::with_publications(60, 1);
    publisher.bytes_max = Some(1);
    let manifest = publisher.next().manifest;
    publisher.build();
    publisher.pass(-1);
    publisher.publish();
    assert!(named(&manifest).is_subset(&published(&publisher)), "the day has not passed");
    publisher.pass(2);
    let newest = publisher.publish().manifest;
    assert_eq!(published(&publisher), named(&newest), "the cap leaves what the newest manifest names");
}

#[test]
fn old_files_go_by_age() {
    let mut publisher = Publisher::with_publications(60, 3);
    let old = crate::files::files(&publisher.site().join("full"));
    for after in [10, 20] {
        publisher.pass(9);
        publisher.next();
        assert!(old.iter().all(|path| path.exists()), "after {after} days");
    }
    publisher.pass(9);
    let newest = publisher.next();
    // One of them was replaced 31 days ago.
    assert_eq!(newest.removed.files, 2, "a whole file and a signature");
    assert_eq!(old.iter().filter(|path| path.exists()).count(), 2);
    assert!(named(&newest.manifest).is_subset(&published(&publisher)));
}

#[test]
fn files_of_others_stay() {
    let mut publisher = Publisher::with_publications(60, 1);
    for name in ["index.html", "full/robots.txt", "delta/.htaccess"] {
        publisher.write(name, b"mine");
    }
    publisher.write("full/.restored-x.tmp-1", b"left by a killed publication");
    publisher.next();
    for name in ["index.html", "full/robots.txt", "delta/.htaccess"] {
        assert_eq!(publisher.read(name), b"mine");
    }
    assert!(!publisher.site().join("full/.restored-x.tmp-1").exists());
}

/// The folder is lost, or the list of publications: hosts take the whole once, and go on.
#[test]
fn a_publisher_that_lost_its_folder_goes_on() {
    let mut publisher = Publisher::with_publications(60, 4);
    let host = Host::of(&publisher.site(), publisher.now());
    let site = Folder(publisher.site());
    fs::remove_dir_all(&site.0).expect("removed");
    publisher.next();
    assert_eq!(host.pull(&site, publisher.now()).expect("a later generation").path, "full");
    fs::remove_file(site.0.join("publications.json")).expect("removed");
    publisher.next();
    assert_eq!(host.pull(&site, publisher.now()).expect("a later generation").path, "full");
    assert!(host.bytes() == Some(publisher.bytes()));
    publisher.write("publications.json", b"{");
    assert!(matches!(publisher.try_publish(), Err(PublishError::Damaged { .. })));
}

/// An old slim file that is damaged costs its delta, and the publication goes out.
#[test]
fn a_damaged_old_file_costs_its_delta() {
    let mut publisher = Publisher::with_publications(60, 2);
    let host = Host::of(&publisher.site(), publisher.now());
    let old = publisher.manifest().full.path;
    let mut bytes = publisher.read(&old);
    *bytes.last_mut().expect("a byte") ^= 1;
    publisher.write(&old, &bytes);
    let published = publisher.next();
    assert_eq!(published.left_out.len(), 1, "{published:?}");
    let pulled = host.pull(&Folder(publisher.site()), publisher.now()).expect("a sound publication");
    assert_eq!(pulled.path, "full");
    assert!(host.bytes() == Some(publisher.bytes()));
    // Once it is back, publishing the same snapshot again makes what was left out.
    *bytes.last_mut().expect("a byte") ^= 1;
    publisher.write(&old, &bytes);
    let again = publisher.publish();
    assert!(again.is_repeated && again.left_out.is_empty(), "{again:?}");
    assert_eq!(again.manifest.deltas.len(), 2);
}

/// Publishing a snapshot again makes files anew that were lost or damaged since.
#[test]
fn a_repeated_publication_is_whole() {
    let mut publisher = Publisher::with_publications(60, 2);
    publisher.next();
    let manifest = publisher.manifest();
    let step = &manifest.deltas[0].file.path;
    let sound = publisher.read(step);
    for file in manifest.files() {
        fs::write(publisher.site().join(&file.path), b"damaged").expect("written");
    }
    let again = publisher.publish();
    assert!(again.is_repeated);
    // The step between two earlier snapshots is not made again, and so not offered.
    assert_eq!(
        (again.left_out.len(), again.manifest.deltas.len()),
        (1, manifest.deltas.len() - 1),
        "{again:?}"
    );
    assert!(again.left_out[0].contains(step.as_str()), "{again:?}");
    let host = Host::of(&publisher.site(), publisher.now());
    assert!(host.bytes() == Some(publisher.bytes()));
    publisher.write(step, &sound);
    assert_eq!(publisher.publish().manifest.deltas.len(), manifest.deltas.len());
}

/// A nightly publication comes a little more than a day after the last one, whose readers are still at work.
#[test]
fn files_of_a_manifest_stay_when_it_is_replaced() {
    let mut publisher = Publisher::with_publications(60, 3);
    publisher.bytes_max = Some(1);
    let replaced = publisher.next().manifest;
    publisher.pass(1);
    publisher.next();
    assert!(named(&replaced).is_subset(&published(&publisher)));
}

#[test]
fn what_is_no_sound_snapshot_is_not_published() {
    let mut publisher = Publisher::with_publications(60, 1);
    publisher.build();
    let (bytes, manifest) = (publisher.bytes(), publisher.read(MANIFEST));
    for at in (0..bytes.len()).step_by(bytes.len() / 40) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1;
        fs::write(publisher.snapshot(), damaged).expect("written");
        assert!(matches!(publisher.try_publish(), Err(PublishError::Snapshot(_))), "byte {at}");
        assert_eq!(publisher.read(MANIFEST), manifest);
    }
}

/// The signature stands a second time under a name that the manifest gives, until it is a day out of date.
#[test]
fn signatures_of_replaced_manifests_go_after_a_day() {
    let mut publisher = Publisher::with_publications(60, 1);
    let count = |publisher: &Publisher| crate::files::files(&publisher.site().join("signature")).len();
    assert_eq!(count(&publisher), 1);
    publisher.next();
    publisher.pass(1);
    publisher.publish();
    publisher.pass(1);
    publisher.publish();
    // That of the first publication, which is a row of its own, the newest one's, and that of the manifest which was
    // replaced just now. That of the one before went.
    assert_eq!(count(&publisher), 3);
    let newest = publisher.read(SIGNATURE);
    let files = crate::files::files(&publisher.site().join("signature"));
    assert!(files.iter().any(|path| fs::read(path).expect("a file") == newest));
}
