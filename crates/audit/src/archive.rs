//! Whole documents beside the log that its records name by their hash: the policy sets that were in force.
//!
//! A document is there whole or not at all, is never changed, and is held against its hash when it is read. What is in it
//! is the caller's to know; when it may go, whoever removes the last record that names it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use crate::digest::{hex, sha256};
use crate::disk::Disk;
use crate::limits::ARCHIVED_BYTES_MAX;
use crate::{ascii, by_hash};

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

/// The documents of one log, as its writer has them.
pub(crate) struct Archive {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    /// The last that this run made durable: one that is there otherwise may not be on the disk. Held while one is written.
    durable: Mutex<Option<String>>,
}

impl Archive {
    /// Those beside a log.
    pub(crate) fn new(disk: Arc<dyn Disk>, log: &Path) -> Self {
        Self { disk, folder: log.to_owned(), durable: Mutex::default() }
    }

    /// Writes a document, durably, unless it is there; gives its hash in hex, which is its name.
    pub(crate) fn write(&self, document: &Value) -> Result<String, ArchiveError> {
        let bytes = ascii::to_vec(document);
        if bytes.len() > ARCHIVED_BYTES_MAX {
            return Err(ArchiveError::TooLarge { bytes: bytes.len() });
        }
        let digest = hex(&sha256(&bytes));
        let mut durable = self.durable.lock().unwrap_or_else(PoisonError::into_inner);
        if durable.as_ref() != Some(&digest) || archived(&self.folder, &digest).is_err() {
            *durable = None;
            by_hash::put(&*self.disk, &self.folder.join(PLACE), &digest, &bytes)
                .map_err(|(file, source)| ArchiveError::Unwritable { file, source })?;
            *durable = Some(digest.clone());
        }
        Ok(digest)
    }
}

/// A document of the log in a folder, by its hash in hex. From the file alone: no lock and no writer is needed.
///
/// # Errors
/// There is none of that name, it cannot be read, or it is not what was archived.
pub fn archived(folder: &Path, digest: &str) -> Result<Value, ArchivedError> {
    if !by_hash::is_name(digest) {
        return Err(ArchivedError::NoDigest(digest.chars().take(64).collect()));
    }
    let file = folder.join(PLACE).join(digest);
    let bytes = match by_hash::read(&file, ARCHIVED_BYTES_MAX as u64) {
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

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use serde_json::json;

    use super::*;
    use crate::LocalDisk;

    fn archive(log: &Path) -> Archive {
        Archive::new(Arc::new(LocalDisk), log)
    }

    #[test]
    fn a_document_is_written_once_by_its_hash_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let document = json!({"files": [{"path": "a\u{202e}.cedar", "text": "permit"}]});
        let archive = archive(folder.path());
        let digest = archive.write(&document).unwrap();
        let path = folder.path().join(PLACE).join(&digest);
        let made = fs::metadata(&path).unwrap();
        assert_eq!(archive.write(&document).unwrap(), digest);
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
        let archive = archive(folder.path());
        let digest = archive.write(&document).unwrap();
        let path = folder.path().join(PLACE).join(&digest);
        fs::write(&path, "{\"text\":\"forbid\"}").unwrap();
        assert!(matches!(archived(folder.path(), &digest), Err(ArchivedError::Changed { .. })));
        assert_eq!(archive.write(&document).unwrap(), digest);
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
        let error = archive(folder.path()).write(&json!({})).unwrap_err();
        assert!(error.to_string().contains("it is not a folder"), "{error}");
        assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
    }
}
