//! Proofs that are remembered: a small file for each, under the digest of all that the proof is about.
//!
//! Only what was proved is kept. A file says no more than its name does: whoever can write into the folder can forge one, so
//! that where this matters nothing is remembered (`--no-cache`).

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::limits::{PROOF_FILE_BYTES_MAX, PROOFS_MAX};

/// A folder of proofs.
#[derive(Debug, Clone)]
pub struct Proofs(PathBuf);

/// A proof as it is kept.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    schema: String,
    digest: String,
    claims: usize,
}

const SCHEMA: &str = "moonward.proof/1";

impl Proofs {
    /// The folder of this user: `moonward/proofs` in `$XDG_CACHE_HOME` or else `~/.cache`; nothing where there is no such place.
    pub fn of_user() -> Option<Self> {
        let absolute = |place: OsString| Some(PathBuf::from(place)).filter(|path| path.is_absolute());
        let cache = std::env::var_os("XDG_CACHE_HOME").and_then(absolute);
        let cache = cache.or_else(|| Some(std::env::var_os("HOME").and_then(absolute)?.join(".cache")))?;
        Some(Self(cache.join("moonward/proofs")))
    }

    /// When that many claims were proved that have this digest, if they were.
    pub fn proved(&self, digest: &str, claims: usize) -> Option<SystemTime> {
        let path = self.path(digest);
        let about = fs::symlink_metadata(&path).ok()?;
        if !about.is_file() || about.len() > PROOF_FILE_BYTES_MAX {
            return None;
        }
        let kept: Kept = serde_json::from_str(&fs::read_to_string(&path).ok()?).ok()?;
        let is_it = kept.schema == SCHEMA && kept.digest == digest && kept.claims == claims;
        is_it.then(|| about.modified().unwrap_or(SystemTime::UNIX_EPOCH))
    }

    /// Keeps that so many claims of this digest were proved, and at most [`PROOFS_MAX`] such files.
    ///
    /// # Errors
    /// What the system says; nothing is kept then.
    pub fn keep(&self, digest: &str, claims: usize) -> io::Result<()> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.0)?;
        let kept = Kept { schema: SCHEMA.to_owned(), digest: digest.to_owned(), claims };
        let text = serde_json::to_string(&kept)?;
        let new = self.0.join(format!(".{digest}.{}", std::process::id()));
        let written = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&new)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .and_then(|()| fs::rename(&new, self.path(digest)));
        if written.is_err() {
            let _ = fs::remove_file(&new);
        }
        written?;
        self.forget_oldest()
    }

    fn path(&self, digest: &str) -> PathBuf {
        self.0.join(format!("{digest}.json"))
    }

    fn forget_oldest(&self) -> io::Result<()> {
        let mut files: Vec<(SystemTime, PathBuf)> = Vec::new();
        for entry in fs::read_dir(&self.0)? {
            let entry = entry?;
            let modified = entry.metadata()?.modified()?;
            files.push((modified, entry.path()));
        }
        files.sort();
        let over = files.len().saturating_sub(PROOFS_MAX);
        files.iter().take(over).try_for_each(|(_, path)| forget(path))
    }
}

/// Somebody else may have done so in the meantime.
fn forget(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proofs() -> (tempfile::TempDir, Proofs) {
        let folder = tempfile::tempdir().unwrap();
        let proofs = Proofs(folder.path().join("moonward/proofs"));
        (folder, proofs)
    }

    #[test]
    fn a_proof_is_remembered_for_its_digest_alone() {
        let (_folder, proofs) = proofs();
        assert_eq!(proofs.proved("aa", 26), None);
        proofs.keep("aa", 26).unwrap();
        assert!(proofs.proved("aa", 26).is_some());
        assert_eq!(proofs.proved("aa", 25), None);
        assert_eq!(proofs.proved("ab", 26), None);
        fs::copy(proofs.path("aa"), proofs.path("ab")).unwrap();
        assert_eq!(proofs.proved("ab", 26), None, "a file under another name");
    }

    #[test]
    fn a_file_that_is_no_proof_proves_nothing() {
        let (_folder, proofs) = proofs();
        for text in [
            "",
            "{}",
            "proved",
            &"x".repeat(10_000),
            r#"{"schema":"moonward.proof/2","digest":"aa","claims":1}"#,
        ] {
            proofs.keep("bb", 1).unwrap();
            fs::write(proofs.path("aa"), text).unwrap();
            assert_eq!(proofs.proved("aa", 1), None, "{text}");
        }
    }

    #[test]
    fn only_so_many_proofs_are_kept() {
        let (_folder, proofs) = proofs();
        for number in 0..PROOFS_MAX + 3 {
            proofs.keep(&number.to_string(), 1).unwrap();
        }
        assert_eq!(fs::read_dir(&proofs.0).unwrap().count(), PROOFS_MAX);
    }
}
