//! Secrets that a catalogue names: in the environment, among systemd's credentials, or in a file that only
//! its owner reads. Nothing prints them.

use rapsheet_fetch::Secret;
use std::env;
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};

/// The longest secret, in bytes.
const SECRET_MAX: u64 = 4096;

/// Finds a secret.
///
/// # Errors
/// What is missing, and where it may stand; or what is wrong with where it stands.
#[cfg(feature = "fetch")]
pub(crate) fn find(name: &str) -> Result<Secret, String> {
    find_text(name).map(Secret::new)
}

fn find_text(name: &str) -> Result<String, String> {
    let variable = variable(name);
    if let Ok(text) = env::var(&variable) {
        return usable(text.trim(), &variable);
    }
    for (path, is_shared_safely) in places(name) {
        if let Ok(about) = fs::metadata(&path) {
            return read(&path, &about, is_shared_safely);
        }
    }
    let file = own_folder()
        .map_or_else(String::new, |folder| format!(", or write it to {}", folder.join(name).display()));
    Err(format!("needs secret {name}: set {variable}{file}"))
}

/// Finds a secret that need not be there.
///
/// # Errors
/// What is wrong with where it stands.
pub(crate) fn find_optional(name: &str) -> Result<Option<Secret>, String> {
    Ok(find_optional_text(name)?.map(Secret::new))
}

/// Finds a password that need not be there.
///
/// # Errors
/// What is wrong with where it stands.
pub(crate) fn find_optional_text(name: &str) -> Result<Option<String>, String> {
    let is_set = env::var_os(variable(name)).is_some();
    if is_set || places(name).any(|(path, _)| path.exists()) { find_text(name).map(Some) } else { Ok(None) }
}

/// Reads a secret from a file that the command line names.
///
/// # Errors
/// What is wrong with the file.
pub(crate) fn read_file(path: &Path) -> Result<Secret, String> {
    let about = fs::metadata(path).map_err(|error| format!("needs secret: {}: {error}", path.display()))?;
    read(path, &about, false).map(Secret::new)
}

/// Reads a file that holds a secret of several lines, such as a key.
///
/// # Errors
/// What is wrong with the file.
#[cfg(feature = "publish")]
pub(crate) fn read_key_file(path: &Path) -> Result<String, String> {
    let about = fs::metadata(path).map_err(|error| format!("{}: {error}", path.display()))?;
    check_place(path, &about, false)?;
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn variable(name: &str) -> String {
    format!("RAPSHEET_SECRET_{}", name.to_ascii_uppercase().replace('-', "_"))
}

/// The files that may hold a secret, and whether others may read them by the system's own rules.
fn places(name: &str) -> impl Iterator<Item = (PathBuf, bool)> {
    let credentials =
        env::var_os("CREDENTIALS_DIRECTORY").map(|folder| (PathBuf::from(folder).join(name), true));
    let own = own_folder().map(|folder| (folder.join(name), false));
    let system = (Path::new("/etc/rapsheet/secrets").join(name), false);
    credentials.into_iter().chain(own).chain([system])
}

/// The folder of the user's secrets.
fn own_folder() -> Option<PathBuf> {
    let config = env::var_os("XDG_CONFIG_HOME").filter(|path| !path.is_empty()).map(PathBuf::from);
    let config = config.or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".config")));
    config.map(|config| config.join("rapsheet/secrets"))
}

fn read(path: &Path, about: &Metadata, is_shared_safely: bool) -> Result<String, String> {
    check_place(path, about, is_shared_safely)?;
    let shown = path.display();
    let text = fs::read_to_string(path).map_err(|error| format!("needs secret: {shown}: {error}"))?;
    usable(text.trim(), &shown.to_string())
}

/// Refuses what is no small file, and what others may read.
fn check_place(path: &Path, about: &Metadata, is_shared_safely: bool) -> Result<(), String> {
    let shown = path.display();
    if !about.is_file() || about.len() > SECRET_MAX {
        return Err(format!("needs secret: {shown} is no file of at most {SECRET_MAX} bytes"));
    }
    if !is_shared_safely && others_may_read(about) {
        return Err(format!("needs secret: others may read {shown}; run `chmod 600 {shown}`"));
    }
    Ok(())
}

/// Refuses what no header can carry.
fn usable(text: &str, place: &str) -> Result<String, String> {
    if text.is_empty() || !text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Err(format!("needs secret: expected a line of ASCII text in {place}, found something else"));
    }
    Ok(text.to_owned())
}

#[cfg(unix)]
fn others_may_read(about: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    about.permissions().mode() & 0o077 != 0
}

#[cfg(not(unix))]
fn others_may_read(_: &Metadata) -> bool {
    false
}
