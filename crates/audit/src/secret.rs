//! A file that only its owner may read, in a folder that only its owner may enter: made when there is none, and
//! refused when others could have read it or put it there.
//!
//! What is kept in it is not known here.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use crate::digest::{hex, key};
use crate::disk::{is_at, names, sync_folder_of};
use crate::limits::KEY_FILE_BYTES_MAX;
use crate::regular;

/// What a file may be for its group and for others: nothing.
#[cfg(unix)]
const OTHERS: u32 = 0o077;

/// Why a file with a key cannot be used. Nothing is signed, and nothing is started, with one that others may know.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// Others may read or change it.
    #[error("`{}` has mode {found:04o}, expected {expected:04o}: nobody else may read a key", file.display())]
    Mode {
        /// The file, or its folder.
        file: PathBuf,
        /// The mode it has.
        found: u32,
        /// The mode it has to have.
        expected: u32,
    },
    /// It is somebody else's.
    #[error("`{}` belongs to user {found}, expected user {expected}, whose process this is", file.display())]
    Owner {
        /// The file, or its folder.
        file: PathBuf,
        /// User number of its owner.
        found: u32,
        /// User number of this process.
        expected: u32,
    },
    /// It lies in the folder of the log that it is to protect.
    #[error(
        "`{}` is inside the log's folder `{}`: who can change the log could sign it anew",
        file.display(), log.display()
    )]
    InTheLog {
        /// The file.
        file: PathBuf,
        /// The log's folder.
        log: PathBuf,
    },
    /// It holds something else.
    #[error("`{}` does not hold {expected}", file.display())]
    NoKey {
        /// The file.
        file: PathBuf,
        /// What it is to hold.
        expected: &'static str,
    },
    /// It, or its folder, cannot be made, read or written, is a link, or no regular file.
    #[error("`{}` cannot be used: {why}", file.display())]
    Unusable {
        /// The file, or its folder.
        file: PathBuf,
        /// What the system says.
        why: String,
    },
}

impl KeyFileError {
    /// The next step.
    pub fn hint(&self) -> String {
        match self {
            Self::Mode { file, expected, .. } => {
                format!(
                    "`chmod {expected:o} {}`, and `moonward audit rotate-key` if others may have read it",
                    file.display()
                )
            }
            Self::Owner { file, expected, .. } => {
                format!("`chown {expected} {}`, or run as its owner", file.display())
            }
            Self::InTheLog { .. } => "give a key outside of the log's folder".to_owned(),
            Self::NoKey { .. } => {
                "put the key back, or move the file away: the next start makes a new key".to_owned()
            }
            Self::Unusable { .. } => {
                "it has to be a regular file of this user, in a folder that this user may write".to_owned()
            }
        }
    }

    pub(crate) fn unusable(file: &Path, error: impl ToString) -> Self {
        Self::Unusable { file: file.into(), why: error.to_string() }
    }
}

/// What a secret file holds; made of `fresh` when there is none. Its folder is made, too.
///
/// # Errors
/// See [`KeyFileError`]; nothing is made in a folder that is not safe.
pub(crate) fn open_or_make(
    path: &Path,
    log: &Path,
    fresh: impl Fn() -> io::Result<Vec<u8>>,
) -> Result<Vec<u8>, KeyFileError> {
    let folder = folder_of(path);
    make_folder(folder).map_err(|error| KeyFileError::unusable(folder, error))?;
    check_folder(folder)?;
    let real = |path: &Path| fs::canonicalize(path).map_err(|error| KeyFileError::unusable(path, error));
    if real(folder)?.starts_with(real(log)?) {
        return Err(KeyFileError::InTheLog { file: path.into(), log: log.into() });
    }
    if let Some(bytes) = read(path)? {
        return Ok(bytes);
    }
    let unusable = |error: io::Error| KeyFileError::unusable(path, error);
    // Whole or not at all, for whoever else looks: the key of an app is shared by logs that have a lock each.
    let beside = with_suffix(path, &hex(&key().map_err(unusable)?));
    write_new(&beside, &fresh().map_err(unusable)?).map_err(unusable)?;
    let linked = fs::hard_link(&beside, path);
    // Whoever found both names may have removed this one.
    removed(fs::remove_file(&beside)).map_err(unusable)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(unusable(error)),
        _ => sync_folder_of(path).map_err(unusable)?,
    }
    read(path)?.ok_or_else(|| unusable(io::ErrorKind::NotFound.into()))
}

/// What a secret file holds; nothing when there is none.
///
/// # Errors
/// See [`KeyFileError`].
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>, KeyFileError> {
    let unusable = |error: io::Error| KeyFileError::unusable(path, error);
    let file = match regular::open(OpenOptions::new().read(true), path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(unusable)?,
    };
    check(path, &file.metadata().map_err(unusable)?, 0o600)?;
    if names(&file).map_err(unusable)? != 1 {
        // Somebody who made it was stopped before its first name was gone.
        remove_first_name(path, &file).map_err(unusable)?;
        let names = names(&file).map_err(unusable)?;
        if names != 1 {
            return Err(KeyFileError::unusable(
                path,
                format!("it has {names} names (hard links), expected 1"),
            ));
        }
    }
    bounded(&file).map(Some).map_err(unusable)
}

/// The same without a look at whose it is, for those who only check signatures.
pub(crate) fn read_as_it_is(path: &Path) -> Result<Vec<u8>, KeyFileError> {
    let file = regular::open(OpenOptions::new().read(true), path);
    file.and_then(|file| bounded(&file)).map_err(|error| KeyFileError::unusable(path, error))
}

/// Makes a new file that only its owner may read, durable but for its name.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).inspect_err(|_| drop(fs::remove_file(path)))?;
    Ok(file)
}

/// Removes the name under which a file was made before it got its own.
fn remove_first_name(path: &Path, file: &File) -> io::Result<()> {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return Ok(()) };
    for entry in fs::read_dir(folder_of(path))? {
        let other = entry?.path();
        let suffix =
            other.file_name().and_then(|other| other.to_str()?.strip_prefix(name)?.strip_prefix('.'));
        let is_first =
            |suffix: &str| suffix.len() == 64 && suffix.bytes().all(|digit| digit.is_ascii_hexdigit());
        if suffix.is_some_and(is_first) && is_at(file, &other)? {
            removed(fs::remove_file(&other))?;
        }
    }
    Ok(())
}

/// Gone is gone, whoever did it.
fn removed(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// A name beside this one: with a dot and something more.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".");
    name.push(suffix);
    name.into()
}

fn bounded(file: &File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(KEY_FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > KEY_FILE_BYTES_MAX {
        true => Err(io::Error::other(format!("larger than {KEY_FILE_BYTES_MAX} bytes"))),
        false => Ok(bytes),
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn check_folder(folder: &Path) -> Result<(), KeyFileError> {
    let found = fs::symlink_metadata(folder).map_err(|error| KeyFileError::unusable(folder, error))?;
    if found.is_symlink() {
        return Err(KeyFileError::unusable(folder, "it is a symbolic link"));
    }
    if !found.is_dir() {
        return Err(KeyFileError::unusable(folder, "it is not a folder"));
    }
    check(folder, &found, 0o700)
}

#[cfg(unix)]
fn check(file: &Path, found: &fs::Metadata, expected: u32) -> Result<(), KeyFileError> {
    use std::os::unix::fs::MetadataExt as _;

    let mode = found.mode() & 0o7777;
    if mode & OTHERS != 0 {
        return Err(KeyFileError::Mode { file: file.into(), found: mode, expected });
    }
    let own = own_user(file).map_err(|error| KeyFileError::unusable(file, error))?;
    if found.uid() != own {
        return Err(KeyFileError::Owner { file: file.into(), found: found.uid(), expected: own });
    }
    Ok(())
}

/// Without modes and owners there is nothing to look at.
#[cfg(not(unix))]
fn check(_: &Path, _: &fs::Metadata, _: u32) -> Result<(), KeyFileError> {
    Ok(())
}

/// The user that this process acts as: whoever owns its entry of `/proc`, or, where there is none, a file that it makes.
#[cfg(unix)]
fn own_user(beside: &Path) -> io::Result<u32> {
    use std::os::unix::fs::MetadataExt as _;

    if let Ok(own) = fs::metadata("/proc/self") {
        return Ok(own.uid());
    }
    let probe = with_suffix(beside, &format!("{}.owner", std::process::id()));
    let made = write_new(&probe, b"")?.metadata();
    fs::remove_file(&probe)?;
    Ok(made?.uid())
}
