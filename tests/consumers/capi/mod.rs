//! The C library: programs in C, C++ and Go are compiled against the header, linked with it, and answer as
//! the command line.
//!
//! `contrib/capi.sh` makes the library once for all tests, with the profile of the tests. The programs are
//! the examples that users get, and those in this folder.

mod answers;
mod calls;
mod compilers;
mod replaced;

use super::program::program;
use crate::sample;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use tempfile::TempDir;

/// The flags that all programs in C are compiled with.
const STRICT: [&str; 6] = ["-std=c11", "-g", "-Wall", "-Wextra", "-Werror", "-pedantic"];
/// What watches the memory: reads and writes out of bounds, use after free, leaks.
const SANITIZERS: [&str; 2] = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];

/// The library as users get it: `include`, `lib`, `lib/pkgconfig`.
struct Library {
    folder: PathBuf,
}

/// The one library that all tests share.
fn library() -> &'static Library {
    static LIBRARY: OnceLock<Library> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("capi");
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("the target folder");
        let output = Command::new("bash")
            .arg(root().join("contrib/capi.sh"))
            .arg(&folder)
            .envs([("PROFILE", "test"), ("CARGO", env!("CARGO"))])
            .env("CARGO_TARGET_DIR", target)
            .output()
            .expect("bash runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Library { folder }
    })
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The path of a program of this folder.
fn source(name: &str) -> PathBuf {
    root().join("tests/consumers/capi").join(name)
}

impl Library {
    fn lib(&self) -> PathBuf {
        self.folder.join("lib")
    }

    fn include(&self) -> PathBuf {
        self.folder.join("include")
    }

    /// A command that finds the library when it compiles, and when it runs.
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env("PKG_CONFIG_PATH", self.lib().join("pkgconfig")).env("LD_LIBRARY_PATH", self.lib());
        command
    }

    /// What pkg-config says that a program needs; `None` without it.
    fn flags(&self, args: &[&str]) -> Option<Vec<String>> {
        let output =
            self.command(&program("pkg-config")?).args(args).arg("rapsheet").output().expect("it runs");
        let text = text_of(&output);
        Some(text.split_whitespace().map(str::to_owned).collect())
    }

    /// Compiles a program in C and links it with the shared library; `None` without a compiler.
    fn compile(&self, source: &Path, flags: &[&str]) -> Option<Compiled> {
        let (cc, folder) = (program("cc")?, TempDir::new().expect("a folder"));
        let path = folder.path().join("program");
        let output = self
            .command(&cc)
            .args(STRICT)
            .args(flags)
            .arg(source)
            .arg("-o")
            .arg(&path)
            .args(self.flags(&["--cflags", "--libs"])?)
            .output()
            .expect("a compiler");
        text_of(&output);
        Some(Compiled { path, _folder: folder })
    }

    /// The same, with the sanitizers that the compiler has; without them where it has none.
    fn compile_watched(&self, source: &Path, flags: &[&str]) -> Option<Compiled> {
        let (cc, folder) = (program("cc")?, TempDir::new().expect("a folder"));
        let empty = folder.path().join("empty.c");
        std::fs::write(&empty, "int main(void) { return 0; }\n").expect("written");
        let mut trial = Command::new(cc);
        let trial =
            trial.current_dir(folder.path()).args(SANITIZERS).arg(&empty).output().expect("a compiler");
        let watched: &[&str] = if trial.status.success() { &SANITIZERS } else { &[] };
        self.compile(source, &[watched, flags].concat())
    }
}

/// A program, which is removed with this.
struct Compiled {
    path: PathBuf,
    _folder: TempDir,
}

impl Compiled {
    fn command(&self) -> Command {
        library().command(&self.path)
    }
}

/// The text on stdout of what has to succeed without a message.
fn text_of(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && errors.is_empty(), "{}: {errors}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The instant of the sample's look-ups, in seconds since 1970.
fn sample_seconds() -> String {
    sample::time(sample::NOW).unix().to_string()
}
