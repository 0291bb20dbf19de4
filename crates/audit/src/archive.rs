//! Whole documents beside the log that its records name by their hash: the policy sets that were in force.
//!
//! A document is there whole or not at all, is never changed, and is held against its hash when it is read. What is in it
//! is the caller's to know; when it may go, whoever removes the last record that names it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;

use crate::digest::{hex, sha256};
use crate::limits::ARCHIVED_BYTES_MAX;
use crate::{ascii, regular};

/// Where documents are, in the log's folder.
const PLACE: &str = "policies";

/// Why a document is not in the archive.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// It cannot be written.
    #[error("`{}` cannot be written beside the audit log: {source}", file.display())]
    Unwritable {
        /// The file or folder.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is larger than any that would be read back.
    #[error(
        "a policy set of {bytes} bytes is too large for the audit log, at most {ARCHIVED_BYTES_MAX} allowed"
    )]
    TooLarge {
        /// Its bytes.
        bytes: usize,
    },
}

/// Why a document was not read from the archive.
#[derive(Debug, thiserror::Error)]
pub enum ArchivedError {
    /// Its name is no hash.
    #[error("`{}` is not the SHA-256 of an archived policy set: expected 64 characters of `0-9` and `a-f`", .0.escape_default())]
    NoDigest(String),
    /// It is not there, cannot be read, or is a link or no regular file.
    #[error("`{}` cannot be read: {source}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is not what was archived.
    #[error("`{}` was changed: its bytes have another hash than its name says", file.display())]
    Changed {
        /// The file.
        file: PathBuf,
    },
}

/// Writes a document, durably, unless it is there; gives its hash in hex, which is its name.
pub(crate) fn write(folder: &Path, document: &Value) -> Result<String, ArchiveError> {
    let bytes = ascii::to_vec(document);
    if bytes.len() > ARCHIVED_BYTES_MAX {
        return Err(ArchiveError::TooLarge { bytes: bytes.len() });
    }
    let digest = hex(&sha256(&bytes));
    if archived(folder, &digest).is_ok() {
        return Ok(digest);
    }
    let place = folder.join(PLACE);
    let unwritable = |file: &Path, source| ArchiveError::Unwritable { file: file.to_owned(), source };
    make(folder, &place).map_err(|error| unwritable(&place, error))?;
    let path = place.join(&digest);
    put(&place, &path, &bytes).map_err(|error| unwritable(&path, error))?;
    Ok(digest)
}

/// A document of the log in a folder, by its hash in hex. From the file alone: no lock and no writer is needed.
///
/// # Errors
/// There is none of that name, it cannot be read, or it is not what was archived.
pub fn archived(folder: &Path, digest: &str) -> Result<Value, ArchivedError> {
    let hexadecimal = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if digest.len() != 64 || !digest.bytes().all(hexadecimal) {
        return Err(ArchivedError::NoDigest(digest.chars().take(64).collect()));
    }
    let file = folder.join(PLACE).join(digest);
    let bytes = match read(&file) {
        Ok(bytes) => bytes,
        Err(source) => return Err(ArchivedError::Unreadable { file, source }),
    };
    if hex(&sha256(&bytes)) != digest {
        return Err(ArchivedError::Changed { file });
    }
    // What has that hash was written here, and is JSON.
    serde_json::from_slice(&bytes)
        .map_err(|error| ArchivedError::Unreadable { file, source: io::Error::other(error) })
}

fn read(file: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // One byte more than any has, so that a longer one does not pass for its beginning.
    let bound = ARCHIVED_BYTES_MAX as u64 + 1;
    regular::open(OpenOptions::new().read(true), file)?.take(bound).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Makes the folder of documents, never through a link.
fn make(folder: &Path, place: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(place) {
        Ok(()) => sync_folder(folder),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            match fs::symlink_metadata(place)?.is_dir() {
                true => Ok(()),
                false => Err(io::Error::new(io::ErrorKind::NotADirectory, "it is not a folder")),
            }
        }
        Err(error) => Err(error),
    }
}

/// Writes beside its place first, so that what has the name is whole.
fn put(place: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let beside = place.join(format!(".new-{}-{number}", std::process::id()));
    let written = write_new(&beside, bytes).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        // Whatever is left of it is nobody's.
        let _ = fs::remove_file(&beside);
    }
    written?;
    sync_folder(place)
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// A name is durable once its folder is (fsync(2), "Notes"); only Unix opens folders as files.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use serde_json::json;

    use super::*;

    #[test]
    fn a_document_is_written_once_by_its_hash_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let document = json!({"files": [{"path": "a\u{202e}.cedar", "text": "permit"}]});
        let digest = write(folder.path(), &document).unwrap();
        let path = folder.path().join(PLACE).join(&digest);
        let made = fs::metadata(&path).unwrap();
        assert_eq!(write(folder.path(), &document).unwrap(), digest);
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), made.modified().unwrap());
        assert_eq!(archived(folder.path(), &digest).unwrap(), document);
        assert!(fs::read(&path).unwrap().is_ascii());
        assert_eq!(made.permissions().mode() & 0o777, 0o600);
        let place = fs::metadata(folder.path().join(PLACE)).unwrap();
        assert_eq!(place.permissions().mode() & 0o777, 0o700);
        assert_eq!(fs::read_dir(folder.path().join(PLACE)).unwrap().count(), 1);
    }

    #[test]
    fn what_is_not_what_was_archived_is_not_read_and_written_anew() {
        let folder = tempfile::tempdir().unwrap();
        let document = json!({"text": "permit"});
        let digest = write(folder.path(), &document).unwrap();
        let path = folder.path().join(PLACE).join(&digest);
        fs::write(&path, "{\"text\":\"forbid\"}").unwrap();
        assert!(matches!(archived(folder.path(), &digest), Err(ArchivedError::Changed { .. })));
        assert_eq!(write(folder.path(), &document).unwrap(), digest);
        assert_eq!(archived(folder.path(), &digest).unwrap(), document);
        fs::remove_file(&path).unwrap();
        symlink("/etc/hostname", &path).unwrap();
        assert!(matches!(archived(folder.path(), &digest), Err(ArchivedError::Unreadable { .. })));
        for name in ["", "../00000001.jsonl", &digest.to_uppercase(), &format!("{digest}0")] {
            assert!(matches!(archived(folder.path(), name), Err(ArchivedError::NoDigest(_))), "{name}");
        }
    }

    #[test]
    fn a_link_in_the_place_of_the_folder_is_not_followed() {
        let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        symlink(elsewhere.path(), folder.path().join(PLACE)).unwrap();
        let error = write(folder.path(), &json!({})).unwrap_err();
        assert!(error.to_string().contains("it is not a folder"), "{error}");
        assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
    }
}
