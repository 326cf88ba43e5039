//! The programs of others: where they are, and servers that end with the test.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::net::{TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Folders in which system programs are that a user's PATH may lack.
const SYSTEM: [&str; 3] = ["/usr/sbin", "/sbin", "/usr/local/sbin"];

/// The path of a program. Without it the test is skipped, which is a failure where all of them were
/// installed.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(SYSTEM.map(PathBuf::from));
    found(name, folders.map(|folder| folder.join(name)).find(|path| path.is_file()))
}

/// The path of what `tests/consumers/install.sh` puts below the target folder.
pub(crate) fn installed(name: &str) -> Option<PathBuf> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("the target folder");
    found(name, Some(target.join("consumers").join(name)).filter(|path| path.exists()))
}

fn found(name: &str, path: Option<PathBuf>) -> Option<PathBuf> {
    if path.is_none() {
        missing(&format!("there is no {name} here"));
    }
    path
}

/// Says why a test is skipped.
pub(crate) fn missing(why: &str) {
    let all = std::env::var_os("RAPSHEET_CONSUMERS").is_some_and(|value| value == "all");
    assert!(!all, "{why}, and RAPSHEET_CONSUMERS=all demands it");
    eprintln!("skipped: {why}; tests/consumers/install.sh installs what it can");
}

/// A command that runs in a network of its own, in which it may change what it likes.
pub(super) fn in_own_network(script: &str) -> Option<Command> {
    let unshare = program("unshare")?;
    for user in [&["--net"][..], &["--map-root-user", "--net"]] {
        let works = Command::new(&unshare).args(user).arg("true").stderr(Stdio::null()).status();
        if works.is_ok_and(|status| status.success()) {
            let mut command = Command::new(unshare);
            command.args(user).args(["sh", "-c", &format!("PATH=$PATH:/usr/sbin:/sbin; {script}")]);
            return Some(command);
        }
    }
    missing("no network namespace can be made here");
    None
}

/// A port on which neither UDP nor TCP listens.
pub(crate) fn free_port() -> u16 {
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let mut ports = (0..100).map(|_| {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.local_addr().expect("an address").port()
    });
    ports.find(is_free).expect("a free port")
}

/// A server, which ends when this is dropped.
pub(crate) struct Server {
    child: Child,
    log: PathBuf,
}

impl Server {
    /// Starts a server in a folder, and waits until its log and all else `is_ready`.
    pub(crate) fn start(
        program: &Path,
        args: &[impl AsRef<OsStr>],
        folder: &Path,
        is_ready: impl Fn(&str) -> bool,
    ) -> Server {
        let log = folder.join("log");
        let out = File::create(&log).expect("a log");
        let err = out.try_clone().expect("the same");
        let mut command = Command::new(program);
        command.current_dir(folder).args(args).stdin(Stdio::null()).stdout(out).stderr(err);
        let mut server = Server { child: command.spawn().expect("it starts"), log };
        let begin = Instant::now();
        while !is_ready(&server.log()) {
            let ended = server.child.try_wait().expect("a status");
            let is_late = begin.elapsed() > Duration::from_secs(60);
            assert!(ended.is_none() && !is_late, "{}: {ended:?}:\n{}", program.display(), server.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }

    /// What it wrote.
    pub(super) fn log(&self) -> String {
        fs::read(&self.log).map(|text| String::from_utf8_lossy(&text).into_owned()).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended by itself where this fails.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Lets a command run where the file is that it reads.
pub(super) fn in_folder_of(command: &mut Command, file: &Path) {
    command.current_dir(file.parent().expect("a folder"));
}
