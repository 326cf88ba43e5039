//! The header that is checked in is the one that cbindgen makes of the source.
//!
//! It is checked in so that a program needs no Rust to be compiled against it. `RAPSHEET_BLESS=1 cargo test
//! -p rapsheet-capi --test header` writes it; read the difference: what a program was compiled with must
//! stay.

use std::fs;
use std::path::Path;

#[test]
fn the_header_is_that_of_the_source() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = root.join("include/rapsheet.h");
    let config = cbindgen::Config::from_file(root.join("cbindgen.toml")).expect("a valid configuration");
    let mut builder = cbindgen::Builder::new().with_config(config);
    // Files and not the crate, whose metadata cargo would have to be asked for.
    for source in ["src/layout.rs", "src/handle.rs", "src/batch.rs", "src/details.rs", "src/exports/mod.rs"] {
        builder = builder.with_src(root.join(source));
    }
    let mut made = Vec::new();
    builder.generate().expect("a header").write(&mut made);
    let made = String::from_utf8(made).expect("text");
    assert!(made.contains("int32_t rapsheet_lookup_many("), "cbindgen finds the functions:\n{made}");
    if std::env::var_os("RAPSHEET_BLESS").is_some() {
        fs::write(&path, &made).expect("written");
    }
    let found = fs::read_to_string(&path).expect("the header");
    assert!(
        found == made,
        "include/rapsheet.h is not of this source; the head of this test says how to make it"
    );
}
