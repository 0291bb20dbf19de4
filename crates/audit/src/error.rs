//! What can go wrong between the log and those who record. Reading has its own errors.

use std::path::PathBuf;

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
    /// The last complete line is not a record, so nobody knows how to number the next.
    #[error("last line of audit segment `{}` is not a record: {why}", file.display())]
    Damaged {
        /// The segment.
        file: PathBuf,
        /// What is wrong with the line.
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
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Locked { .. } => "end that process, or give another folder with `--log DIR`",
            Self::Damaged { .. } => {
                "nothing was changed; keep a copy of the segment, remove the line, and start again"
            }
            Self::NoReserve { .. } => "make room on the disk, or give another folder with `--log DIR`",
            Self::Unusable { .. } => {
                "the folder has to be writable by this user, and the disk must not be full"
            }
        }
    }
}

fn holder_text(holder: Option<u32>) -> String {
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
