//! One writer a folder: a lock file that the operating system frees when its holder ends, however it ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::disk::{is_at, names};
use crate::limits::LOCK_POLL;
use crate::regular;

/// Name of the lock file inside the log's folder. It is never removed: who removes a lock file can lock the
/// next one beside a holder of the last.
pub(crate) const NAME: &str = "lock";

/// The right to write in one folder, for as long as it lives.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
    path: PathBuf,
}

/// Why the right could not be had.
#[derive(Debug)]
pub(crate) enum LockError {
    /// Somebody has it: the process id that they wrote down, if it could be read.
    Held(Option<u32>),
    /// The lock file cannot be used.
    Io(io::Error),
}

impl Lock {
    /// Takes the lock, waiting no longer than `wait` for another holder.
    pub(crate) fn take(folder: &Path, wait: Duration) -> Result<Self, LockError> {
        let path = folder.join(NAME);
        let deadline = Instant::now() + wait;
        loop {
            let mut file = open(&path).map_err(LockError::Io)?;
            match file.try_lock() {
                // Between opening and locking, somebody may have put another file there.
                Ok(()) if is_at(&file, &path).map_err(LockError::Io)? => {
                    // The lock of another folder under this name would hold up its log, too.
                    match names(&file).map_err(LockError::Io)? {
                        1 => {}
                        names => {
                            let why = format!("it has {names} names (hard links), expected 1");
                            return Err(LockError::Io(io::Error::other(why)));
                        }
                    }
                    write_holder(&mut file).map_err(LockError::Io)?;
                    return Ok(Self { file, path });
                }
                Ok(()) => {}
                Err(TryLockError::WouldBlock) if Instant::now() >= deadline => {
                    return Err(LockError::Held(read_holder(&mut file)));
                }
                // The system offers no locking with a deadline.
                Err(TryLockError::WouldBlock) => thread::sleep(LOCK_POLL.min(wait)),
                Err(TryLockError::Error(error)) => return Err(LockError::Io(error)),
            }
        }
    }

    /// Takes the lock anew, on the file that is there now or on a new one, if nobody else holds it.
    pub(crate) fn retake(&self) -> Result<Self, LockError> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        Self::take(folder, Duration::ZERO)
    }

    /// Whether the lock file is still the one that was locked. When it is not, somebody else may be writing.
    pub(crate) fn in_place(&self) -> io::Result<bool> {
        is_at(&self.file, &self.path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    regular::open(&mut options, path)
}

fn write_holder(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

fn read_holder(file: &mut File) -> Option<u32> {
    // A process id has at most 10 digits; whatever else is in the file is not one.
    let mut text = String::new();
    file.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
