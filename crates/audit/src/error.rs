//! What can go wrong between the log and those who record. Reading has its own errors.

use std::path::PathBuf;

use crate::secret::KeyFileError;

/// Why a log could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process writes it.
    #[error("audit log `{}` is in use by {}", folder.display(), holder_text(*holder))]
    Locked {
        /// The log's folder.
        folder: PathBuf,
        /// Process id of the holder, if it could be read.
        holder: Option<u32>,
    },
    /// What is there is not what a log wrote: nobody knows what the next record follows.
    #[error("audit log `{}` is damaged, or was changed: {why}", file.display())]
    Damaged {
        /// The segment, or the folder.
        file: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// It does not go on from the checkpoint that was kept outside: it was cut, written anew, or put back from an older copy.
    #[error("audit log `{}` is not the one that the checkpoint `{}` was copied of: {why}", folder.display(), copy.display())]
    Forked {
        /// The log's folder.
        folder: PathBuf,
        /// The checkpoint.
        copy: PathBuf,
        /// What it says else.
        why: String,
    },
    /// There is no room for the file that is given up when the disk is full, so that the log can say so.
    #[error("audit log's reserve `{}` of {bytes} bytes cannot be made: {why}", file.display())]
    NoReserve {
        /// The file.
        file: PathBuf,
        /// Its size.
        bytes: u64,
        /// What the system says.
        why: String,
    },
    /// The signing key, or its file, cannot be used.
    #[error("key of the audit log: {0}")]
    Key(#[from] KeyFileError),
    /// The folder or a file in it cannot be used.
    #[error("audit log `{}` cannot be opened: {why}", file.display())]
    Unusable {
        /// The folder or file.
        file: PathBuf,
        /// What the system says.
        why: String,
    },
}

impl OpenError {
    /// The next step, for whoever started the product.
    pub fn hint(&self) -> String {
        let hint = match self {
            Self::Key(error) => return error.hint(),
            Self::Locked { .. } => "end that process, or give another folder with `--log DIR`",
            Self::Damaged { .. } => {
                "nothing was changed; `moonward audit verify` says what is wrong. Keep the folder as it is, and start \
                 with another (`--log DIR`)"
            }
            Self::Forked { copy, .. } => {
                return format!(
                    "`moonward audit verify --against {}` tells what is missing. The checkpoint is kept. Start with another folder \
                     (`--log DIR`), or, if the log was put back from an older copy, move the checkpoint away",
                    copy.display()
                );
            }
            Self::NoReserve { .. } => "make room on the disk, or give another folder with `--log DIR`",
            Self::Unusable { .. } => {
                "the folder has to be writable by this user, its files regular files and no links, and the disk must not \
                 be full"
            }
        };
        hint.to_owned()
    }
}

pub(crate) fn holder_text(holder: Option<u32>) -> String {
    holder.map_or_else(|| "another process".to_owned(), |id| format!("process {id}"))
}

/// Why an entry was not accepted, or is not durable. For operators: a tenant is told no file and no cause.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// The disk takes no lines. Attempts go on, and what was accepted is kept for them.
    #[error("audit log cannot be written: `{}`: {why}", file.display())]
    Unwritable {
        /// The file that failed first.
        file: PathBuf,
        /// What the system said.
        why: String,
        /// What sort of trouble.
        cause: Cause,
    },
    /// The disk is slower than those who record, by as much as the queue holds.
    #[error("audit log is too slow: {records} records ({bytes} bytes) wait for the disk")]
    Full {
        /// Records accepted and not durable.
        records: usize,
        /// Their bytes.
        bytes: usize,
    },
    /// The log was closed, or its writer ended.
    #[error("audit log is closed")]
    Closed,
}

/// What sort of trouble keeps lines from the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// There is no more room.
    Full,
    /// The folder is gone, or another one is in its place.
    Folder,
    /// The lock file is gone or another one, and whoever holds that one may write.
    Lock,
    /// Somebody else changed the file that is written.
    Changed,
    /// Whatever else the system says.
    Other,
}

impl Unavailable {
    /// The next step, for whoever started the product.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Unwritable { cause: Cause::Full, .. } => "free the disk: the log goes on by itself then",
            Self::Unwritable { cause: Cause::Folder, .. } => {
                "put the log's folder back: the log goes on by itself then"
            }
            Self::Unwritable { cause: Cause::Lock, .. } => {
                "end the other process that writes this log, if there is one, and start this one again; \
                 `moonward audit verify` says whether the log is whole"
            }
            Self::Unwritable { cause: Cause::Changed, .. } => {
                "keep others from the log's files; `moonward audit verify` says whether the log is whole"
            }
            Self::Unwritable { cause: Cause::Other, .. } => {
                "mend the disk, or what the file may be used for: the log goes on by itself then"
            }
            Self::Full { .. } => "the disk is too slow for what is recorded: try again",
            Self::Closed => "`moonward audit verify` says whether the log is whole",
        }
    }
}

/// Why the key was not changed for another, or not wholly.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    /// A key file cannot be used.
    #[error("key of the audit log: {0}")]
    Key(#[from] KeyFileError),
    /// The change is not on record.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}
