//! The stock `minisign`: it takes our signatures, and hosts take its.

use super::host::Host;
use super::publisher::{ONE, Publisher, TWO};
use crate::consumers::program::program;
use crate::test_dir::{TestDir, code, stderr};
use rapsheet_ship::{Cause, Folder, MANIFEST, PublicKeys, SIGNATURE, SigningKey};
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Runs minisign; the password is on its stdin.
fn minisign(folder: &Path, args: &[&str], password: &str) -> Option<Output> {
    let mut command = Command::new(program("minisign")?);
    command.current_dir(folder).args(args).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::piped()).spawn().expect("it starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    // It closes its stdin unread where it needs no password.
    let _ = stdin.write_all(password.as_bytes());
    drop(stdin);
    Some(child.wait_with_output().expect("an exit status"))
}

#[test]
fn minisign_takes_our_signatures() {
    let publisher = Publisher::with_publications(60, 2);
    let by_name = crate::files::files(&publisher.site().join("signature"));
    let by_name = by_name.iter().find(|path| fs::read(path).expect("a file") == publisher.read(SIGNATURE));
    let by_name = by_name.expect("the signature, under its other name").to_str().expect("UTF-8").to_owned();
    let verify = |key: &str, signature: &str| {
        minisign(&publisher.site(), &["-V", "-m", MANIFEST, "-P", key, "-x", signature], "")
    };
    for (key, signature, is_taken) in
        [(ONE.public, SIGNATURE, true), (ONE.public, &by_name, true), (TWO.public, SIGNATURE, false)]
    {
        let Some(output) = verify(key, signature) else { return };
        assert_eq!(output.status.success(), is_taken, "{output:?}");
        let printed = String::from_utf8_lossy(&output.stdout);
        assert_eq!(printed.contains("rapsheet channel default generation"), is_taken, "{printed}");
    }
    let mut manifest = publisher.read(MANIFEST);
    manifest.push(b'\n');
    publisher.write(MANIFEST, &manifest);
    assert!(verify(ONE.public, SIGNATURE).is_some_and(|output| !output.status.success()));
}

/// An operator edits the manifest, as to withdraw a delta, and signs it by hand.
#[test]
fn hosts_take_what_minisign_signs() {
    let mut publisher = Publisher::with_publications(60, 1);
    let hosts = [Host::of(&publisher.site(), publisher.now()), Host::of(&publisher.site(), publisher.now())];
    publisher.next();
    let mut manifest = publisher.manifest();
    manifest.deltas.clear();
    manifest.generation += 1;
    publisher.write(MANIFEST, &manifest.to_bytes());
    fs::write(publisher.path("k.key"), ONE.secret).expect("written");
    let (cause, _) = hosts[0].pull(&Folder(publisher.site()), publisher.now()).expect_err("edited");
    assert_eq!(cause, Cause::Signature);
    let args = ["-S", "-s", "../k.key", "-m", MANIFEST, "-t", "edited by hand"];
    let Some(output) = minisign(&publisher.site(), &args, "") else { return };
    assert!(output.status.success(), "{output:?}");
    let pulled = hosts[0].pull(&Folder(publisher.site()), publisher.now()).expect("signed");
    assert_eq!((pulled.path, pulled.generation), ("full", manifest.generation));
    // The legacy form, which signs the whole text, is not taken.
    let args = ["-S", "-l", "-s", "../k.key", "-m", MANIFEST];
    let output = minisign(&publisher.site(), &args, "").expect("it was there");
    assert!(output.status.success(), "{output:?}");
    fs::remove_dir_all(publisher.site().join("signature")).expect("removed");
    let refused = hosts[1].pull(&Folder(publisher.site()), publisher.now()).expect_err("the legacy form");
    assert_eq!(refused.0, Cause::Signature);
}

/// Publishes the sample with a key file; `password` is the secret `minisign`.
fn publish(dir: &TestDir, key: &str, password: Option<&str>) -> Output {
    let mode = fs::Permissions::from_mode(0o600);
    fs::set_permissions(dir.path(key), mode).expect("a file of its own");
    let mut command = dir.command(&["ship", "publish", "--to", "site", "--secret-key", key]);
    command.env("HOME", dir.path(".")).env_remove("XDG_CONFIG_HOME").env_remove("CREDENTIALS_DIRECTORY");
    command.env_remove("RAPSHEET_SECRET_MINISIGN").stdin(Stdio::null());
    command.envs(password.map(|password| ("RAPSHEET_SECRET_MINISIGN", password)));
    command.args(["--snapshot", "rapsheet.rap"]).output().expect("it runs")
}

fn pull(dir: &TestDir, key: &str) -> Output {
    dir.run(&["ship", "pull", "--from", "site", "--to", "edge.rap", "--public-key", key])
}

#[test]
fn keys_of_minisign_publish_and_prove() {
    let dir = TestDir::new();
    let Some(made) = minisign(&dir.path("."), &["-G", "-W", "-p", "k.pub", "-s", "k.key"], "") else {
        return;
    };
    assert!(made.status.success(), "{made:?}");
    let output = publish(&dir, "k.key", None);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let line = dir.read("k.pub").lines().nth(1).expect("a key").to_owned();
    // The file of a key, and the key itself.
    for key in ["k.pub", &line] {
        let output = pull(&dir, key);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
    }
    fs::set_permissions(dir.path("k.key"), fs::Permissions::from_mode(0o644)).expect("a file of its own");
    let output =
        dir.run(&["ship", "publish", "--to", "site", "--secret-key", "k.key", "--snapshot", "rapsheet.rap"]);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("chmod 600"), "{}", stderr(&output));
}

/// minisign makes the check of a password slow on purpose, and so it is slow here.
#[test]
#[ignore = "a gibibyte of memory, and half a minute without optimization"]
fn a_key_with_a_password_needs_it() {
    let dir = TestDir::new();
    let Some(made) = minisign(&dir.path("."), &["-G", "-p", "k.pub", "-s", "k.key"], "secret\nsecret\n")
    else {
        return;
    };
    assert!(made.status.success(), "{made:?}");
    for (password, expected, says) in [
        (None, 2, "RAPSHEET_SECRET_MINISIGN"),
        (Some("other"), 2, "password"),
        (Some("secret"), 0, "published"),
    ] {
        let output = publish(&dir, "k.key", password);
        assert_eq!(code(&output), expected, "{password:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(says) || says.starts_with("RAPSHEET"), "{}", stderr(&output));
        assert!(!stderr(&output).contains("secret\n"));
    }
    assert_eq!(code(&pull(&dir, "k.pub")), 0);
}

/// Every bit of a key: it is refused, or is another key, which has signed nothing.
#[test]
fn a_damaged_key_is_none() {
    let publisher = Publisher::with_publications(20, 1);
    let (manifest, signature) = (publisher.read(MANIFEST), publisher.read(SIGNATURE));
    let opens =
        |key: &str| PublicKeys::parse([key]).is_ok_and(|keys| keys.open(&manifest, &signature).is_ok());
    assert!(opens(ONE.public));
    let others = |text: &str, at: usize| -> Vec<String> {
        let other = |bit: u8| {
            let mut bytes = text.as_bytes().to_vec();
            bytes[at] ^= 1_u8 << bit;
            String::from_utf8(bytes).ok()
        };
        (0..8_u8).filter_map(other).collect()
    };
    // The first three digits say which algorithm it is of.
    for at in 3..ONE.public.len() {
        for other in others(ONE.public, at) {
            assert!(!opens(&other), "{other}");
        }
    }
    let begin = ONE.secret.find('\n').expect("two lines") + 1;
    let line = ONE.secret[begin..].trim_end();
    let mut refused = 0;
    for at in (begin..begin + line.len()).step_by(5) {
        for other in others(ONE.secret, at).into_iter().step_by(3) {
            // What is not the key itself, as the salt of no password, is not looked at.
            refused += usize::from(SigningKey::parse(&other, None).is_err());
        }
    }
    assert!(refused > 40, "{refused}");
}

/// Pulls with the program, with a key as the command line gives it.
fn pull_with_key(publisher: &Publisher, host: &Host, key: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rapsheet"));
    command.current_dir(host.path("")).args(["ship", "pull", "--to", "x.rap", "--public-key", key, "--from"]);
    let now = publisher.now().to_string();
    command.arg(publisher.site()).args(["--now", &now]).output().expect("it runs")
}

/// The two files differ by a suffix. What is taken for a public key is not printed.
#[test]
fn a_secret_key_in_the_place_of_a_public_one_is_not_printed() {
    let publisher = Publisher::with_publications(40, 1);
    let host = Host::new();
    let secret = publisher.key.secret.lines().nth(1).expect("a key");
    fs::write(host.path("rapsheet.key"), publisher.key.secret).expect("written");
    for key in ["rapsheet.key", secret] {
        let output = pull_with_key(&publisher, &host, key);
        let told = stderr(&output);
        assert_eq!(code(&output), 2, "{told}");
        assert!(told.contains("secret key") && !told.contains(&secret[..20]), "{told}");
    }
}

/// Both keys of a rotation may be in one file.
#[test]
fn one_file_may_have_two_keys() {
    let publisher = Publisher::with_publications(40, 1);
    let keys = [&TWO, publisher.key]
        .map(|pair| format!("untrusted comment: minisign public key\n{}\n", pair.public));
    let host = Host::new();
    fs::write(host.path("both.pub"), keys.concat()).expect("written");
    let output = pull_with_key(&publisher, &host, "both.pub");
    assert_eq!(code(&output), 0, "{}", stderr(&output));
}
