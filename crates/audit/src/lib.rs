//! What happened: every denial, every error and every administrative act, as one line of a file.
//!
//! An [`Entry`] is what somebody has to say; [`Log::accept`] makes a line of it ([`schema_json`] says of what form), gives it
//! its place in the order and an id, and never waits for the disk; one writer thread chains it to the line before, writes it
//! to a segment and syncs. When the disk does not take lines, a strict log says so before anything else happens.
//! [`Log::decided`] is the same for decisions, of which a flood is counted instead.
//! [`read`] gives the lines back, and [`verify`](verify()) says whether they are as they were written, both from the files alone.
//!
//! Reading order: `entry`, `decision`, `event` (what is recorded), `record`, `redact`, `fit`, `objects`, `ascii`, `body` (how a
//! line is made), `chain`, `checkpoint`, `note`, `key`, `key_rotation`, `seal` (why nobody can change one), `log`, `options`,
//! `queue`, `watch`, `writer`, `reserve` (who waits for whom), `rollup`, `tally` (what is only counted), `segment`, `folder`, `tail`, `backward`,
//! `stamp`, `disk`, `lock` (the files), `compress`, `retention` (old ones), `secret`, `key_file`, `keys`, `checkpoint_copies`, `fork`
//! (the files elsewhere), `archive` (policy sets), `read`; `verify` stands by itself, but for
//! how files are listed and opened.
//!
//! This crate knows no policy engine, no scripts and no network. It knows neither who may read the log, nor
//! whether what it is told is true. It is also where the product hashes: [`digest`].

mod archive;
mod ascii;
mod backward;
mod body;
mod by_hash;
mod chain;
mod checkpoint;
mod checkpoint_copies;
mod compress;
mod decimal;
mod decision;
pub mod digest;
mod disk;
mod entry;
mod error;
mod event;
mod fit;
mod folder;
mod fork;
mod id;
mod key;
mod key_file;
mod key_rotation;
mod keys;
mod limits;
mod lock;
mod log;
mod note;
mod objects;
mod options;
mod queue;
mod read;
mod record;
mod redact;
mod regular;
mod reserve;
mod retention;
mod rollup;
mod schema;
mod seal;
mod secret;
mod segment;
mod stamp;
mod tail;
mod tally;
pub mod verify;
mod watch;
mod writer;

pub use archive::{ArchiveError, ArchivedError, archived};
pub use checkpoint::{Checkpoint, Head};
pub use checkpoint_copies::{CopyTo, Sink};
pub use decimal::Decimal;
pub use decision::{
    AssertedBy, Because, Decision, DecisionKind, Effect, Engine, Memo, Place, PolicyReference, Resource,
    Shadow,
};
pub use disk::{Disk, LocalDisk, SegmentFile};
pub use entry::Entry;
pub use error::{Cause, OpenError, RotateError, Unavailable};
pub use event::{Event, EventKind};
pub use folder::{is_packed, segments};
pub use id::{InvalidRecordId, RecordId};
pub use key::{InvalidVerifyingKey, KEY_NAME, KeyId, SigningKey, VerifyingKey};
pub use key_file::verifying_key_of;
pub use key_rotation::{FormerKey, KeyRotation};
pub use limits::{
    BATCH_RECORDS_MAX, CHECKPOINT_COPY_WAIT, CHECKPOINT_INTERVAL, CHECKPOINT_RECORDS_MAX, COMMIT_INTERVAL,
    KEY_FILE_BYTES_MAX, LINE_BYTES_MAX, LOCK_WAIT, QUEUE_BYTES_MAX, QUEUE_RECORDS_MAX, RECOVERED_ROLLUPS_MAX,
    RECOVERY_BYTES_MAX, REDACT_PATH_BYTES_MAX, REDACT_PATHS_MAX, RESERVE_BYTES, RETRY_INTERVAL,
    SEGMENT_AGE_MAX, SEGMENT_BYTES_MAX, STORED_TENANT_BYTES_MAX,
};
pub use log::Log;
pub use note::InvalidNote;
pub use objects::{STORED, STORED_MEMBERS, StoredError, Whereabouts, filled, stored, whereabouts};
pub use options::{Mode, Options};
pub use read::{
    Line, LinePlace, Lines, LinesBack, RawLine, ReadError, find, has_records, read, read_from, read_with,
};
pub use record::SCHEMA;
pub use redact::{InvalidRedaction, Redaction};
pub use rollup::Occurrence;
pub use schema::schema_json;
pub use secret::KeyFileError;
pub use tally::{Count, Tally};
pub use verify::{
    Doubt, Figures, Finding, InvalidTrust, Question, Tail, Tampering, Verdict, VerifyError, Wrong, verify,
};
pub use watch::{Progress, Ticket, Watch};
