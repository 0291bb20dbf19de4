//! Parts of records that are files of their own: they are there, and are what the record's hash says.

use std::collections::HashSet;
use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::VerifyError;
use super::verdict::Wrong;
use crate::checkpoint::Hash;
use crate::digest::{hex, sha256_of};
use crate::limits::VERIFY_ARCHIVES_MAX;
use crate::regular;

/// The folders beside the segments.
pub(super) struct Parts<'f> {
    folder: &'f Path,
    /// Policy sets that were found as they were: a set is loaded at each start, and read once.
    seen: Mutex<HashSet<Hash>>,
}

/// What is wrong with a part, if anything.
type Checked = Result<Option<Wrong>, VerifyError>;

impl<'f> Parts<'f> {
    pub(super) fn new(folder: &'f Path) -> Self {
        Self { folder, seen: Mutex::new(HashSet::new()) }
    }

    /// A part of a record of this segment.
    pub(super) fn object(&self, segment: u64, bytes: u64, hash: Hash) -> Checked {
        self.check(&format!("objects/{segment:08}"), Some(bytes), hash)
    }

    /// A policy set.
    pub(super) fn policies(&self, hash: Hash) -> Checked {
        let seen = || self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen().contains(&hash) {
            return Ok(None);
        }
        let checked = self.check("policies", None, hash)?;
        let mut seen = seen();
        if checked.is_none() && seen.len() < VERIFY_ARCHIVES_MAX {
            seen.insert(hash);
        }
        Ok(checked)
    }

    fn check(&self, below: &str, bytes: Option<u64>, hash: Hash) -> Checked {
        // Never through a link: what is elsewhere is not kept with the log, and nobody knows who writes there.
        let above = below.split_once('/').map(|(above, _)| above);
        for folder in above.into_iter().chain([below]) {
            let path = self.folder.join(folder);
            if path.symlink_metadata().is_ok_and(|metadata| !metadata.is_dir()) {
                return Ok(Some(Wrong::Part { name: folder.to_owned(), why: "is a link, or no folder" }));
            }
        }
        let name = format!("{below}/{}", hex(&hash));
        let path = self.folder.join(&name);
        let found = regular::open(OpenOptions::new().read(true), &path).and_then(sha256_of);
        let why = match found {
            Ok((found, _)) if found != hash => "has another hash",
            Ok((_, found)) if bytes.is_some_and(|bytes| bytes != found) => "has another size",
            Ok(_) => return Ok(None),
            Err(error) => why(path, error)?,
        };
        Ok(Some(Wrong::Part { name, why }))
    }
}

/// What is wrong with a part that cannot be opened; other errors are of this machine, not of the log.
fn why(file: PathBuf, source: io::Error) -> Result<&'static str, VerifyError> {
    match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Ok("is not there"),
        io::ErrorKind::InvalidInput => Ok("is a link, or no regular file"),
        _ => Err(VerifyError::Unreadable { file, source }),
    }
}
