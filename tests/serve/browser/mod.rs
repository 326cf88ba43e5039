//! The pages in a real browser, which a script of Node drives. `tests/consumers/install.sh` installs both.

use super::Running;
use super::listed::{self, ALLOWED, HOSTILE_URL, LISTED, UNLISTED};
use crate::consumers::program::{installed, program};
use crate::test_dir::TestDir;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the scripts need to run.
struct Browser {
    node: PathBuf,
    modules: PathBuf,
    chromium: PathBuf,
}

impl Browser {
    /// `None` where something is missing, and the test is skipped.
    fn find() -> Option<Browser> {
        let (node, chromium) = (program("node")?, program("chromium")?);
        installed("node_modules/puppeteer-core")?;
        installed("node_modules/axe-core")?;
        Some(Browser { node, chromium, modules: installed("node_modules")? })
    }

    /// Runs a script, which throws where a page is not as it should be.
    fn run(&self, script: &str, mut about: Value) {
        about["chromium"] = json!(self.chromium);
        about["modules"] = json!(self.modules);
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/serve/browser");
        let output = Command::new(&self.node)
            .arg(folder.join(script))
            .arg(about.to_string())
            .output()
            .expect("node runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    }
}

/// Where pictures go that people look at.
fn pictures() -> PathBuf {
    let folder = std::env::var_os("RAPSHEET_PICTURES")
        .map_or_else(|| Path::new(env!("CARGO_TARGET_TMPDIR")).join("pictures"), PathBuf::from);
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

/// A server whose feeds are as they should be, but for two, and one whose feeds are all old.
fn servers() -> (TestDir, Running, Running) {
    let dir = TestDir::new();
    listed::publish(&dir);
    let server = Running::start(&dir, &[]);
    let stale = Running::start(&dir, &["--now", "2026-12-04T00:00:00Z"]);
    (dir, server, stale)
}

fn about(server: &Running, stale: &Running) -> Value {
    json!({
        "url": server.url(), "stale": stale.url(),
        "listed": LISTED, "allowed": ALLOWED, "unlisted": UNLISTED, "hostile": HOSTILE_URL,
    })
}

/// What a person does: types, reads, opens, pastes, takes away; with scripts forbidden and by keyboard alone.
#[test]
fn a_browser_finds_its_way_without_a_script() {
    let Some(browser) = Browser::find() else { return };
    let (dir, server, stale) = servers();
    let mut about = about(&server, &stale);
    about["downloads"] = json!(dir.path("taken"));
    browser.run("drive.cjs", about);
}

/// All rules of axe, on all pages, in both themes, narrow and wide.
#[test]
fn axe_finds_nothing() {
    let Some(browser) = Browser::find() else { return };
    let (_dir, server, stale) = servers();
    browser.run("axe.cjs", about(&server, &stale));
}

/// Pictures of all pages, none of which is wider than its window.
#[test]
fn pictures_of_all_pages_are_taken() {
    let Some(browser) = Browser::find() else { return };
    let (_dir, server, stale) = servers();
    let mut about = about(&server, &stale);
    let folder = pictures();
    about["pictures"] = json!(folder);
    browser.run("pictures.cjs", about);
    let taken = std::fs::read_dir(&folder).expect("a folder").count();
    assert!(taken >= 9 * 6, "three widths and two themes of each page: {taken}");
}
