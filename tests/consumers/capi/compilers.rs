//! The header is C99 and C++17 without a warning, and programs link with either library.

use super::{library, root, text_of};
use crate::consumers::program::program;
use crate::sample;
use std::fs;
use std::process::Command;
use tempfile::TempDir;

const C: &str = "#include <rapsheet.h>\n#include <rapsheet.h>\nint unused(void);\n\
                 int unused(void) { return rapsheet_version() == 0; }\n";
const CXX: &str = "#include <rapsheet.h>\n#include <rapsheet.h>\nint main() {\n  rapsheet_error error{};\n  \
                   rapsheet_snapshot *snapshot = nullptr;\n  \
                   const auto code = rapsheet_open(\"no-such.rap\", RAPSHEET_OPEN_FOLLOW, &snapshot, &error);\n  \
                   static_assert(RAPSHEET_NOW < 0 && sizeof(rapsheet_result) == 16);\n  \
                   return code == RAPSHEET_ERROR_REFUSED && snapshot == nullptr ? 0 : 1;\n}\n";

#[test]
fn the_header_is_c99_and_cxx17_without_a_warning() {
    let folder = TempDir::new().expect("a folder");
    let strict = ["-Wall", "-Wextra", "-Werror", "-pedantic"];
    if let Some(cc) = program("cc") {
        fs::write(folder.path().join("a.c"), C).expect("written");
        for standard in ["-std=c99", "-std=c11", "-std=gnu17"] {
            let mut command = Command::new(&cc);
            command.current_dir(folder.path()).arg(standard).args(strict).arg("-I").arg(library().include());
            text_of(&command.args(["-c", "a.c"]).output().expect("a compiler"));
        }
    }
    let (Some(cxx), Some(flags)) = (program("c++"), library().flags(&["--cflags", "--libs"])) else { return };
    fs::write(folder.path().join("a.cc"), CXX).expect("written");
    let mut command = library().command(&cxx);
    command.current_dir(folder.path()).arg("-std=c++17").args(strict);
    text_of(&command.args(["a.cc", "-o", "program"]).args(flags).output().expect("a compiler"));
    text_of(&library().command(&folder.path().join("program")).output().expect("it runs"));
}

/// The archive brings Rust's library; what that needs of the system is in the pkg-config file.
#[test]
fn programs_link_with_the_archive() {
    let (Some(cc), Some(flags)) = (program("cc"), library().flags(&["--static", "--cflags", "--libs"]))
    else {
        return;
    };
    let folder = TempDir::new().expect("a folder");
    sample::publish(&folder.path().join("s.rap"));
    // A linker prefers the shared library where both are.
    let archive = library().lib().join("librapsheet.a").to_str().expect("text").to_owned();
    let flags = flags.into_iter().map(|flag| if flag == "-lrapsheet" { archive.clone() } else { flag });
    let mut command = Command::new(cc);
    command.current_dir(folder.path()).args(["-std=c99", "-o", "program"]);
    command.arg(root().join("examples/c/lookup.c")).args(flags);
    text_of(&command.output().expect("a compiler"));
    fs::write(folder.path().join("in"), "45.9.20.5\n").expect("written");
    let mut command = Command::new(folder.path().join("program"));
    command.current_dir(folder.path()).args(["s.rap", &super::sample_seconds()]);
    command.stdin(fs::File::open(folder.path().join("in")).expect("a file"));
    assert_eq!(text_of(&command.output().expect("it runs")), "45.9.20.5\t1\t1\tbotnet\tbad.example\n");
}

/// The dynamic linker finds a program's library by the number of the interface that it was linked with.
#[cfg(target_os = "linux")]
#[test]
fn the_shared_library_has_a_name_with_the_number_of_the_interface() {
    let bytes = fs::read(library().lib().join("librapsheet.so")).expect("a link to the library");
    let has = |text: &[u8]| bytes.windows(text.len()).any(|window| window == text);
    assert!(has(b"\0librapsheet.so.0\0"), "no SONAME");
    let Some(readelf) = program("readelf") else { return };
    let library = library().lib().join("librapsheet.so");
    let output = Command::new(readelf).args(["--dyn-syms", "--wide"]).arg(library).output().expect("it runs");
    let listed = text_of(&output);
    let defined = listed.lines().filter(|line| line.contains(" GLOBAL ") && !line.contains(" UND "));
    let names: Vec<&str> = defined.filter_map(|line| line.split_whitespace().last()).collect();
    assert!(names.len() > 20, "{listed}");
    assert!(names.iter().all(|name| name.starts_with("rapsheet_")), "{names:?}");
}
