//! The index: where each record is, by what people ask by. Made from the log's files, and thrown away whenever it does not
//! fit them.
//!
//! It is never the truth: whoever finds a record by it reads the record from its segment.

mod catch_up;
mod file;
mod fit;
mod head;
mod tables;
mod whole;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use audit::has_records;
use rusqlite::Connection;

pub use catch_up::{Indexed, Progress, Stage};
use file::Kept;
pub(crate) use file::is_unusable;

/// The index of one log.
#[derive(Debug)]
pub struct Index {
    /// The log's folder.
    folder: PathBuf,
    connection: Connection,
    kept: Kept,
    notes: Vec<String>,
}

/// Why there is no index.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The folder is not there, or is none.
    #[error("there is no audit log in `{}`: {why}", folder.display())]
    NoLog {
        /// The log's folder.
        folder: PathBuf,
        /// What the system says.
        why: String,
    },
    /// SQLite failed, in memory too.
    #[error("the index of the audit log failed: {0}")]
    Sqlite(#[from] rusqlite::Error),
}

impl Index {
    /// Opens the index of a log's folder, made anew where there is none that can be used. Where the folder cannot be written,
    /// it is in memory, and goes with this value.
    ///
    /// # Errors
    /// The folder is none, or SQLite does not work at all.
    pub fn open(folder: &Path) -> Result<Self, IndexError> {
        // SQLite refuses links anywhere in a path; those that lead to the folder are the operator's own.
        let no_log = |why: String| IndexError::NoLog { folder: folder.to_owned(), why };
        let folder = folder.canonicalize().map_err(|error| no_log(error.to_string()))?;
        if !folder.is_dir() {
            return Err(no_log("it is not a folder".to_owned()));
        }
        let mut notes = Vec::new();
        // What is no log, or not one yet, gets nothing written into it.
        let (connection, kept) = match has_records(&folder) {
            true => file::open(&folder, &mut notes)?,
            false => (tables::in_memory()?, Kept::Memory),
        };
        Ok(Self { folder, connection, kept, notes })
    }

    /// What a person should know of the index, once: that it was made anew, or is in memory only.
    pub fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }

    /// The log's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Bytes of the index's file; none when it is in memory.
    pub fn bytes(&self) -> Option<u64> {
        match &self.kept {
            Kept::File(path) => path.metadata().ok().map(|metadata| metadata.len()),
            Kept::Memory => None,
        }
    }

    /// What could not be read when it was indexed, or is missing between what could: where, and why; at most
    /// [`crate::limits::TROUBLES_MAX`].
    ///
    /// # Errors
    /// SQLite failed.
    pub fn troubles(&self) -> Result<Vec<String>, IndexError> {
        crate::query::every_trouble(self)
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Throws the index away and begins with an empty one, because of what is said.
    pub(crate) fn begin_anew(&mut self, why: &str) -> Result<(), IndexError> {
        self.notes.push(format!("the index of the audit log is made anew: {why}"));
        if let Kept::File(path) = &self.kept {
            // Closed before its file goes.
            self.connection = Connection::open_in_memory()?;
            file::remove(path);
            (self.connection, self.kept) = file::open(&self.folder, &mut self.notes)?;
        } else {
            self.connection = tables::in_memory()?;
        }
        Ok(())
    }

    /// Some text of a column that the records have, to tell a slip of the hand by: at most so many.
    ///
    /// # Errors
    /// SQLite failed.
    pub fn names(&self, column: Column, count_max: usize) -> Result<Vec<String>, IndexError> {
        let column = match column {
            Column::Tenant => "tenant",
            Column::Actor => "actor",
            Column::Action => "action",
            Column::Kind => "kind",
            Column::Policy => return self.policies(count_max),
        };
        let text =
            format!("SELECT DISTINCT {column} FROM record WHERE {column} IS NOT NULL LIMIT {count_max}");
        let mut statement = self.connection.prepare(&text)?;
        let names = statement.query_map([], |row| row.get(0))?;
        Ok(names.collect::<Result<_, _>>()?)
    }

    /// A column has all policies of a decision, which are taken apart.
    fn policies(&self, count_max: usize) -> Result<Vec<String>, IndexError> {
        let text =
            format!("SELECT DISTINCT policies FROM record WHERE policies IS NOT NULL LIMIT {count_max}");
        let mut statement = self.connection.prepare(&text)?;
        let mut names = BTreeSet::new();
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let policies: String = row.get(0)?;
            names.extend(policies.split('\n').filter(|id| !id.is_empty()).map(str::to_owned));
        }
        Ok(names.into_iter().take(count_max).collect())
    }
}

/// A column of the index with names in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// Tenants.
    Tenant,
    /// Actors.
    Actor,
    /// Actions.
    Action,
    /// Kinds of records.
    Kind,
    /// Policies that determined decisions.
    Policy,
}

/// Makes the index anew, whatever there was.
///
/// # Errors
/// As [`Index::open`].
pub fn reindex(folder: &Path, progress: &mut dyn FnMut(Progress)) -> Result<(Index, Indexed), IndexError> {
    let mut index = Index::open(folder)?;
    index.begin_anew("it was asked for")?;
    index.notes.clear();
    let indexed = index.catch_up(progress)?;
    Ok((index, indexed))
}
