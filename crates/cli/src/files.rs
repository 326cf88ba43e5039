//! The files that a command reads and writes: checks that no file has two roles, and writes results
//! atomically.
//!
//! Two results under one name would leave one of them, and a result under the name of an input would replace
//! it. Both are mistakes on the command line, and are reported before the work starts. Devices and pipes are
//! written to in place, after everything else and without waiting: a rename over `/dev/null` would replace
//! the device, and a pipe that is not read must not hold a build.

use crate::exit::Failure;
use crate::input::is_stream;
use rapsheet_snapshot::{AtomicFile, Error, layout};
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// The files of one command, each with the flag that names it.
#[derive(Default)]
pub(crate) struct Files(Vec<(&'static str, PathBuf)>);

impl Files {
    /// Adds a file that is read. Another flag may read it, too.
    pub(crate) fn add_input(&mut self, flag: &'static str, path: &Path) {
        self.0.push((flag, resolved(path)));
    }

    /// Adds a file that is written.
    ///
    /// # Errors
    /// Another flag names the same file.
    pub(crate) fn add_output(&mut self, flag: &'static str, path: &Path) -> Result<(), Failure> {
        let real = resolved(path);
        // A download may be a folder, and all that is in it belongs to the download.
        let is_same = |other: &Path| real.starts_with(other) && !is_stream(&real);
        let other = self.0.iter().find(|(_, other)| is_same(other));
        if let Some((other, _)) = other {
            let path = path.display();
            return Err(Failure::usage(format_args!(
                "{flag} {path}: this file belongs to {other} already; name another"
            )));
        }
        self.0.push((flag, real));
        Ok(())
    }
}

/// A result that is ready to be published: a temporary file, or what a device or a pipe will get.
pub(crate) enum Prepared<'a> {
    /// A temporary file next to its target.
    File(AtomicFile),
    /// The device or pipe, and what writes to it.
    Stream(&'a Path, Fill<'a>),
}

/// What writes a result.
pub(crate) type Fill<'a> = Box<dyn FnOnce(&mut dyn Write) -> io::Result<()> + 'a>;

impl<'a> Prepared<'a> {
    /// Writes a temporary file next to `target`. Nothing is written to a device or a pipe yet.
    pub(crate) fn new(target: &'a Path, fill: Fill<'a>) -> Result<Prepared<'a>, Error> {
        // Where a stream of ours leads to a file, its name is a link of the system, which must not be
        // replaced.
        if is_stream(target) || leads_to_own_stream(target) {
            return Ok(Prepared::Stream(target, fill));
        }
        let mut file = AtomicFile::create(target)?;
        file.fill(|out| fill(out))?;
        Ok(Prepared::File(file))
    }

    /// Renames the file over its target, or writes to the device or pipe.
    pub(crate) fn publish(self) -> Result<(), Error> {
        match self {
            Prepared::File(file) => file.publish(),
            Prepared::Stream(target, fill) => write_stream(target, fill).map_err(|source| Error::Io {
                path: target.to_owned(),
                doing: "writing",
                source,
            }),
        }
    }
}

fn write_stream(target: &Path, fill: Fill<'_>) -> io::Result<()> {
    let mut out = BufWriter::new(Patient(open_stream(target)?));
    fill(&mut out)?;
    out.flush()
}

/// Opens a device or a pipe. A pipe that no program reads is an error at once.
#[cfg(unix)]
fn open_stream(target: &Path) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags, open};
    if fs::metadata(target).is_ok_and(|about| about.is_file()) {
        return open_own_file(target);
    }
    let links = if leads_to_own_stream(target) { OFlags::empty() } else { OFlags::NOFOLLOW };
    let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | links;
    match open(target, flags, Mode::empty()) {
        Ok(file) => Ok(File::from(file)),
        Err(rustix::io::Errno::NXIO) => {
            Err(io::Error::other("no program reads this pipe; start its reader first"))
        }
        Err(error) => Err(error.into()),
    }
}

/// The file that a stream of ours leads to, at the place where that stream writes on.
#[cfg(unix)]
fn open_own_file(target: &Path) -> io::Result<File> {
    use std::os::fd::AsFd;
    let stream = match target.file_name().and_then(|name| name.to_str()) {
        Some("stdout" | "1") => io::stdout().as_fd().try_clone_to_owned()?,
        Some("stderr" | "2") => io::stderr().as_fd().try_clone_to_owned()?,
        _ => return fs::OpenOptions::new().append(true).open(target),
    };
    Ok(File::from(stream))
}

#[cfg(not(unix))]
fn open_stream(target: &Path) -> io::Result<File> {
    fs::OpenOptions::new().write(true).open(target)
}

/// Writes to a pipe whose reader may be slow, and gives up on one that takes nothing.
struct Patient(File);

/// How long the reader of a pipe may take nothing.
const STALL_MAX: Duration = Duration::from_secs(5);
/// How often a full pipe is tried again.
const RETRY: Duration = Duration::from_millis(10);

impl Write for Patient {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let begin = Instant::now();
        loop {
            match self.0.write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => return written,
            }
            if begin.elapsed() > STALL_MAX {
                let why = format!("its reader took nothing for {} seconds", STALL_MAX.as_secs());
                return Err(io::Error::new(io::ErrorKind::TimedOut, why));
            }
            thread::sleep(RETRY);
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Whether a path is one of the names that the system gives our own streams. They are links by nature.
pub(crate) fn leads_to_own_stream(path: &Path) -> bool {
    ["/dev/stdout", "/dev/stderr", "/dev/fd", "/proc/self/fd"].iter().any(|own| path.starts_with(own))
}

/// Checks that a result can be placed at `target`, so that a mistake is noticed before the work and not after
/// it.
///
/// # Errors
/// It is `-`, a folder, or lies in no folder.
pub(crate) fn check_target(flag: &str, target: &Path) -> Result<(), Failure> {
    let usage = |what: String| Err(Failure::usage(format_args!("{flag} {}: {what}", target.display())));
    if target.as_os_str() == "-" {
        let other = if flag == "--out" { "one" } else { "/dev/stdout" };
        return Err(Failure::usage(format_args!("{flag} - is no file: name {other}")));
    }
    let ends_in_separator = target.as_os_str().as_encoded_bytes().ends_with(b"/");
    if ends_in_separator || target.is_dir() {
        return usage("it is a folder; name a file in it".to_owned());
    }
    let folder = folder_of(target);
    if !folder.is_dir() {
        return usage(format!("the folder {} does not exist; create it, or name another", folder.display()));
    }
    Ok(())
}

/// Checks that a result other than a snapshot replaces no snapshot and follows no link to a device or a pipe.
pub(crate) fn check_report(flag: &str, target: &Path) -> Result<(), Failure> {
    let is_link = fs::symlink_metadata(target).is_ok_and(|about| about.is_symlink());
    if is_link && is_stream(target) && !leads_to_own_stream(target) {
        let target = target.display();
        return Err(Failure::usage(format_args!(
            "{flag} {target}: it is a link to a device or a pipe; name that itself"
        )));
    }
    match head_of(target) {
        Ok(Some(head)) if layout::is_snapshot(&head) => {
            let target = target.display();
            Err(Failure::usage(format_args!("{flag} {target}: it is a snapshot; name another file")))
        }
        _ => Ok(()),
    }
}

/// Checks that what stands at a path, if anything, is what a new one may replace. `is_ours` is given its
/// first bytes.
#[cfg(any(feature = "ingest", feature = "remote"))]
pub(crate) fn check_replaces_only(
    flag: &str,
    path: &Path,
    what: &str,
    is_ours: fn(&[u8]) -> bool,
) -> Result<(), Failure> {
    let refused = |why: String| Failure::refused(format_args!("{flag}: {}: {why}", path.display()));
    match head_of(path) {
        Ok(Some(head)) if !is_ours(&head) => Err(refused(format!(
            "this file is no {what} of rapsheet and is not replaced; move it away, or name another {flag}"
        ))),
        Ok(_) => Ok(()),
        Err(error) => Err(refused(error.to_string())),
    }
}

/// The first eight bytes of a file, fewer where it has fewer; `None` where there is none.
fn head_of(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::metadata(path) {
        Ok(about) if about.is_file() => {}
        Ok(_) => return Err(io::Error::other("it is not a regular file; name another")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    }
    let mut head = Vec::new();
    File::open(path)?.take(8).read_to_end(&mut head)?;
    Ok(Some(head))
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// One path for all spellings of it. The file need not exist; only its folder is resolved.
fn resolved(path: &Path) -> PathBuf {
    match (fs::canonicalize(folder_of(path)), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}
