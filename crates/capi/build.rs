//! Names the shared library for the dynamic linker. Its number is that of the binary interface: a program
//! that was linked with another one does not start, instead of reading structures that have changed.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    match env::var("CARGO_CFG_TARGET_OS").as_deref() {
        Ok("macos" | "ios") => {
            println!("cargo::rustc-cdylib-link-arg=-Wl,-install_name,@rpath/librapsheet.0.dylib");
        }
        Ok("windows") => {}
        _ => println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,librapsheet.so.0"),
    }
}
