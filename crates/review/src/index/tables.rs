//! The tables of the index, and what their numbers say of whose they are.

use std::sync::LazyLock;

use rusqlite::Connection;

use crate::limits::{INDEX_BUSY_WAIT, INDEX_CACHE_BYTES};

/// What marks the file as ours: "mwai" in ASCII.
const APPLICATION: i32 = 0x6d77_6169;

/// The form of the tables. Another one is thrown away.
const VERSION: i32 = 2;

const TABLES: &str = "
CREATE TABLE record (
    seq INTEGER PRIMARY KEY,
    segment INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    id TEXT NOT NULL,
    ts_ns INTEGER NOT NULL,
    kind TEXT NOT NULL,
    tenant TEXT,
    actor TEXT,
    action TEXT,
    resource_type TEXT,
    decision TEXT,
    decision_kind TEXT,
    policies TEXT,
    opening TEXT,
    count INTEGER,
    best_effort INTEGER NOT NULL
) STRICT;
CREATE INDEX record_id ON record (id);
CREATE INDEX record_time ON record (ts_ns);
CREATE INDEX record_tenant ON record (tenant);
CREATE INDEX record_actor ON record (actor);
CREATE INDEX record_best_effort ON record (ts_ns) WHERE best_effort = 1;
CREATE INDEX record_rollup ON record (opening, count) WHERE kind = 'rollup';
-- Where the log could not be read, or is not whole: after which record.
CREATE TABLE trouble (after_seq INTEGER NOT NULL, segment INTEGER NOT NULL, unreadable INTEGER NOT NULL, what TEXT NOT NULL) STRICT;
-- Segments that records are in; with size and time of change once they are complete.
CREATE TABLE segment (number INTEGER PRIMARY KEY, bytes INTEGER, changed_ns INTEGER) STRICT;
-- The last line that is indexed, and where the next one begins.
CREATE TABLE head (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    seq INTEGER NOT NULL,
    line_segment INTEGER NOT NULL,
    line_offset INTEGER NOT NULL,
    line_hash BLOB NOT NULL,
    next_segment INTEGER NOT NULL,
    next_offset INTEGER NOT NULL
) STRICT;
";

/// Sets a connection up, and makes the tables where there are none. False when the file is somebody else's, or of another
/// version.
pub(super) fn prepare(connection: &Connection) -> rusqlite::Result<bool> {
    connection.busy_timeout(INDEX_BUSY_WAIT)?;
    // Nothing that a file from elsewhere defines is run.
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "cache_size", -i64::try_from(INDEX_CACHE_BYTES / 1024).unwrap_or(2000))?;
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    if (number("application_id")?, number("user_version")?) == (APPLICATION, VERSION) {
        // To the letter: a trigger or a view would have its own word to say.
        if definitions(connection)? != *OURS {
            return Ok(false);
        }
        write_ahead(connection);
        return Ok(true);
    }
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables > 0 {
        return Ok(false);
    }
    write_ahead(connection);
    // Two that come at once: the second finds it done.
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let made = (|| {
        let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        if tables == 0 {
            connection.execute_batch(TABLES)?;
            connection.pragma_update(None, "application_id", APPLICATION)?;
            connection.pragma_update(None, "user_version", VERSION)?;
        }
        Ok(())
    })();
    connection.execute_batch(if made.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
    made.map(|()| true)
}

/// What is defined in an index of this version.
static OURS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let connection = Connection::open_in_memory();
    let made = connection.and_then(|connection| {
        connection.execute_batch(TABLES)?;
        definitions(&connection)
    });
    // Then no file is ours, and each index is made anew: slow, and right.
    made.unwrap_or_else(|_| vec!["nothing".to_owned()])
});

/// Everything that is defined, in words.
fn definitions(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement =
        connection.prepare("SELECT type || ' ' || name || ' ' || coalesce(sql, '') FROM sqlite_schema")?;
    let definitions = statement.query_map([], |row| row.get(0))?;
    let mut definitions: Vec<String> = definitions.collect::<Result<_, _>>()?;
    definitions.sort_unstable();
    Ok(definitions)
}

/// An empty index in memory.
pub(super) fn in_memory() -> rusqlite::Result<Connection> {
    let connection = Connection::open_in_memory()?;
    prepare(&connection)?;
    Ok(connection)
}

/// Readers do not wait for a writer then. File systems that cannot do it work without.
fn write_ahead(connection: &Connection) {
    let _ = connection.pragma_update(None, "journal_mode", "wal");
    // Safe against corruption with a write-ahead log; what a crash loses is indexed again.
    let _ = connection.pragma_update(None, "synchronous", "normal");
}
