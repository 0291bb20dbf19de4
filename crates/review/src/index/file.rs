//! The index's file: `index/audit.sqlite` in the log's folder, for its owner only; thrown away when it cannot be used.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::tables;

/// Where an index is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kept {
    File(PathBuf),
    Memory,
}

/// The index of a log's folder; in memory where it cannot be kept.
pub(super) fn open(folder: &Path, notes: &mut Vec<String>) -> rusqlite::Result<(Connection, Kept)> {
    let path = folder.join("index/audit.sqlite");
    let outcome = make(&path).map_err(|error| error.to_string()).and_then(|()| match try_open(&path) {
        Ok(Some(connection)) => Ok(connection),
        other => {
            let why = match other {
                Ok(_) => "it is not an index of this version".to_owned(),
                Err(error) if !is_unusable(&error) => return Err(error.to_string()),
                Err(error) => error.to_string(),
            };
            notes.push(format!("the index of the audit log is made anew: {why}"));
            remove(&path);
            make(&path).map_err(|error| error.to_string())?;
            match try_open(&path) {
                Ok(connection) => connection.ok_or_else(|| "somebody else writes there".to_owned()),
                Err(error) => Err(error.to_string()),
            }
        }
    });
    match outcome {
        Ok(connection) => Ok((connection, Kept::File(path))),
        Err(why) => {
            notes.push(format!(
                "the index of the audit log cannot be kept, and is made for this answer only: {why}"
            ));
            Ok((tables::in_memory()?, Kept::Memory))
        }
    }
}

/// Whether a file is no index any more, rather than one that cannot be had now.
pub(crate) fn is_unusable(error: &rusqlite::Error) -> bool {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => true,
        // A table or column is missing, or a value is not what it has to be.
        Some(ErrorCode::Unknown | ErrorCode::TypeMismatch) => true,
        Some(_) => false,
        None => !matches!(error, rusqlite::Error::SqliteFailure(..)),
    }
}

/// Removes the file and what SQLite has beside it. Who has it open goes on with what it had.
pub(super) fn remove(path: &Path) {
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        // What cannot be removed cannot be opened anew either, which is told.
        let _ = fs::remove_file(PathBuf::from(name));
    }
}

fn make(path: &Path) -> io::Result<()> {
    let mut folder = fs::DirBuilder::new();
    let mut file = OpenOptions::new();
    #[cfg(unix)]
    {
        std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
        std::os::unix::fs::OpenOptionsExt::mode(&mut file, 0o600);
    }
    if let Some(parent) = path.parent() {
        let made = folder.create(parent);
        // Never through a link: whoever hands a folder over chooses what its names lead to.
        let kind = parent.symlink_metadata().map(|metadata| metadata.file_type());
        match (made, kind) {
            (_, Ok(kind)) if kind.is_symlink() => {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, "`index` is a symbolic link"));
            }
            (_, Ok(kind)) if kind.is_dir() => {}
            (made, _) => made?,
        }
    }
    // SQLite would make it readable for all.
    match file.write(true).create_new(true).open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

fn try_open(path: &Path) -> rusqlite::Result<Option<Connection>> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NOFOLLOW | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    if connection.is_readonly("main")? {
        let readonly = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_READONLY);
        return Err(rusqlite::Error::SqliteFailure(readonly, Some("it cannot be written".to_owned())));
    }
    Ok(tables::prepare(&connection)?.then_some(connection))
}
