//! The file of revocations: read whole, and appended to under a lock, on the disk before anybody is told so.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};

use super::{Revocation, RevocationError};
use crate::limits::{REVOCATIONS_BYTES_MAX, REVOCATIONS_LOCK_WAIT, REVOCATIONS_MAX};

/// What tells that a file is as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    bytes: u64,
    modified: (i64, i64),
    inode: u64,
}

/// A file as it was read.
pub(super) struct Content {
    pub(super) revocations: Vec<Revocation>,
    pub(super) complete: Complete,
    /// `None` when it is not there.
    pub(super) stamp: Option<Stamp>,
    text: Vec<u8>,
}

/// The complete lines of a file: how many bytes, and their SHA-256.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Complete {
    bytes: usize,
    digest: Option<Vec<u8>>,
}

impl Complete {
    fn of(lines: &[u8]) -> Self {
        let digest = (!lines.is_empty()).then(|| digest(&SHA256, lines).as_ref().to_vec());
        Self { bytes: lines.len(), digest }
    }

    /// Whether it is fewer lines, of one file.
    pub(super) fn is_less_than(&self, other: &Self) -> bool {
        self.bytes < other.bytes
    }
}

impl Content {
    /// Whether it has all lines that there were, first and unchanged.
    pub(super) fn begins_with(&self, before: &Complete) -> bool {
        self.text.get(..before.bytes).is_some_and(|lines| Complete::of(lines) == *before)
    }
}

/// Everything that a file says.
pub(super) fn read(path: &Path) -> Result<Content, RevocationError> {
    let unusable = |why: String| RevocationError::File { path: show(path), why };
    let stamp = stamp(path).map_err(|error| unusable(error.to_string()))?;
    let Some(seen) = stamp else {
        let (revocations, complete, text) = (Vec::new(), Complete::default(), Vec::new());
        return Ok(Content { revocations, complete, stamp: None, text });
    };
    if seen.bytes > REVOCATIONS_BYTES_MAX {
        return Err(unusable(format!("it is {} bytes, at most {REVOCATIONS_BYTES_MAX} allowed", seen.bytes)));
    }
    let mut text = Vec::new();
    let file = File::open(path).map_err(|error| unusable(error.to_string()))?;
    file.take(REVOCATIONS_BYTES_MAX + 1)
        .read_to_end(&mut text)
        .map_err(|error| unusable(error.to_string()))?;
    let (revocations, complete) = lines(path, &text)?;
    text.truncate(complete);
    Ok(Content { revocations, complete: Complete::of(&text), stamp, text })
}

/// The complete lines of a text, and how many bytes they are.
fn lines(path: &Path, text: &[u8]) -> Result<(Vec<Revocation>, usize), RevocationError> {
    let complete = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let whole = text.get(..complete).unwrap_or_default();
    let mut revocations = Vec::new();
    for (index, line) in whole.split_inclusive(|byte| *byte == b'\n').enumerate() {
        if index >= REVOCATIONS_MAX {
            return Err(RevocationError::Full(show(path)));
        }
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let read = Revocation::read(line);
        revocations.push(read.map_err(|why| RevocationError::Line {
            path: show(path),
            line: index + 1,
            why,
        })?);
    }
    Ok((revocations, complete))
}

/// What a file looks like from outside; `None` when it is not there.
pub(super) fn stamp(path: &Path) -> io::Result<Option<Stamp>> {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let modified = (metadata.mtime(), metadata.mtime_nsec());
    Ok(Some(Stamp { bytes: metadata.len(), modified, inode: metadata.ino() }))
}

enum AppendError {
    Io(io::Error),
    Refused(RevocationError),
}

impl From<io::Error> for AppendError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Puts a line behind those that are there, on the disk.
pub(super) fn append(path: &Path, line: &str) -> Result<(), RevocationError> {
    write(path, line).map_err(|error| match error {
        AppendError::Io(error) => RevocationError::File { path: show(path), why: error.to_string() },
        AppendError::Refused(error) => error,
    })
}

fn write(path: &Path, line: &str) -> Result<(), AppendError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.exists() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        if let Some(above) = folder.parent().filter(|above| !above.as_os_str().is_empty()) {
            File::open(above)?.sync_all()?;
        }
    }
    // For what it refuses: a link, a folder, a device.
    stamp(path)?;
    let mut file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    lock(path, &file)?;
    let mut text = Vec::new();
    (&mut file).take(REVOCATIONS_BYTES_MAX + 1).read_to_end(&mut text)?;
    let (revocations, complete) = lines(path, &text).map_err(AppendError::Refused)?;
    let complete = u64::try_from(complete).unwrap_or(u64::MAX);
    let bytes = complete + u64::try_from(line.len()).unwrap_or(u64::MAX);
    if revocations.len() >= REVOCATIONS_MAX || bytes > REVOCATIONS_BYTES_MAX {
        return Err(AppendError::Refused(RevocationError::Full(show(path))));
    }
    // What a writer left when it ended in the middle of a line.
    file.set_len(complete)?;
    file.seek(io::SeekFrom::Start(complete))?;
    file.write_all(line.as_bytes())?;
    file.sync_all()?;
    File::open(folder)?.sync_all()?;
    Ok(())
}

/// Waits for the right to write, which the system takes back with the file.
fn lock(path: &Path, file: &File) -> Result<(), AppendError> {
    /// Time between two attempts: the system offers no locking with a deadline.
    const POLL: Duration = Duration::from_millis(10);
    let deadline = Instant::now() + REVOCATIONS_LOCK_WAIT;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if Instant::now() >= deadline => {
                return Err(AppendError::Refused(RevocationError::Held(show(path))));
            }
            Err(TryLockError::WouldBlock) => thread::sleep(POLL),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
    }
}

/// A path, for people.
pub(super) fn show(path: &Path) -> String {
    path.display().to_string()
}
