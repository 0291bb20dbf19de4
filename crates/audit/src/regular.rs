//! A file of the log, opened: never through a link, never waiting for anybody, and only when it is a regular file.
//!
//! Whoever hands a folder over chooses what its names lead to: a pipe would hold its reader up for ever, a link to a
//! device would fill its memory. What the file is for is not known here.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

/// Opens a regular file with these options.
///
/// # Errors
/// It cannot be opened, is a link, or is anything but a regular file.
pub(crate) fn open(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    #[cfg(unix)]
    // Nothing waits for a regular file, so that it takes no notice of the second flag.
    std::os::unix::fs::OpenOptionsExt::custom_flags(options, libc::O_NOFOLLOW | libc::O_NONBLOCK);
    let refused = |what: &str| io::Error::new(io::ErrorKind::InvalidInput, what);
    match options.open(path) {
        Ok(file) if file.metadata()?.is_file() => Ok(file),
        Ok(_) => Err(refused("it is not a regular file")),
        Err(_) if path.is_symlink() => Err(refused("it is a symbolic link")),
        Err(error) => Err(error),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::process::Command;

    use super::*;

    #[test]
    fn only_a_regular_file_is_opened_and_nothing_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("file"), "x").unwrap();
        assert!(Command::new("mkfifo").arg(at("pipe")).status().unwrap().success());
        symlink("/dev/zero", at("device")).unwrap();
        symlink(at("file"), at("link")).unwrap();
        for (name, expected) in [
            ("file", None),
            ("pipe", Some("it is not a regular file")),
            ("device", Some("it is a symbolic link")),
            ("link", Some("it is a symbolic link")),
            (".", Some("it is not a regular file")),
        ] {
            let said = open(OpenOptions::new().read(true), &at(name)).err().map(|error| error.to_string());
            assert_eq!(said.as_deref(), expected, "{name}");
        }
        // Writing to a pipe that nobody reads does not wait either.
        assert!(open(OpenOptions::new().append(true), &at("pipe")).is_err());
    }
}
