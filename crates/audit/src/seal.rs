//! The chain as the writer makes it: every record a line after the last, and its head signed when that is due
//! (docs/audit-format.md).
//!
//! Where lines are put, and whether they stay there, is not known here: the writer goes on with the chain whose lines
//! are durable.

use std::time::{Duration, Instant, SystemTime};

use crate::body::Body;
use crate::chain::Chain;
use crate::checkpoint::{Checkpoint, Head};
use crate::fit::Line;
use crate::key::{KeyId, SigningKey};
use crate::key_rotation::KeyRotation;
use crate::limits::CHECKPOINT_RECORDS_MAX;
use crate::options::Mode;
use crate::queue::Accepted;
use crate::tail::Tail;
use crate::{Event, EventKind, RecordId};

/// Why a checkpoint is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Enough records, or enough time, since the last.
    Interval,
    /// It ends a segment.
    Rotation,
    /// It ends a run: what a start takes for a sign that nothing is missing.
    Shutdown,
    /// The run before did not end with one.
    Start,
    /// Another key signs from here on.
    Key,
}

impl Reason {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Interval => "interval",
            Self::Rotation => "rotation",
            Self::Shutdown => "shutdown",
            Self::Start => "start",
            Self::Key => "key",
        }
    }
}

/// A chain with the key that signs its heads.
#[derive(Clone)]
pub(crate) struct Seal {
    chain: Chain,
    key: SigningKey,
    /// The key of the last checkpoint, when it is another and not at hand: until the change is on record.
    gone: Option<KeyId>,
    /// Id of record 1; nothing before there is one.
    log: Option<String>,
    /// Number of the last checkpoint; 0 without one.
    signed: u64,
    /// Whether the last line ends a run.
    shut: bool,
    /// Whether what the run before left is to be signed as soon as there is a record of this one.
    start: bool,
    /// When the last checkpoint was made, or the log was opened.
    last: Instant,
    interval: Duration,
    /// What the first checkpoint of the run says of the log.
    untold: Option<Mode>,
    newest: Option<Checkpoint>,
}

impl Seal {
    /// Goes on where the log ends.
    pub(crate) fn new(
        tail: Option<&Tail>,
        (key, gone): (SigningKey, Option<KeyId>),
        mode: Mode,
        interval: Duration,
    ) -> Self {
        Self {
            chain: tail.map_or_else(Chain::new, |tail| tail.chain.clone()),
            key,
            gone,
            log: tail.and_then(|tail| tail.log.clone()),
            signed: tail.map_or(0, |tail| tail.signed),
            shut: tail.is_some_and(|tail| tail.shut),
            start: tail.is_some_and(Tail::is_disorderly),
            last: Instant::now(),
            interval,
            untold: Some(mode),
            newest: None,
        }
    }

    /// The line of a record, which is the next from here on, with so many bytes of room for parts elsewhere.
    pub(crate) fn line(&mut self, accepted: &Accepted, room: u64) -> Line {
        let Some(new) = &accepted.new_key else {
            return self.next_line(accepted.id, accepted.ts, &accepted.body, room);
        };
        let change = self.change_of_keys(new, accepted.id);
        self.key = SigningKey::clone(new);
        self.gone = None;
        self.next_line(accepted.id, accepted.ts, &Body::of_log(change), 0)
    }

    /// The line of a checkpoint, which is the next from here on; nothing where it would say what the line before says.
    pub(crate) fn checkpoint(&mut self, reason: Reason) -> Option<Vec<u8>> {
        let nothing_new = match reason {
            // Only this one says that the run ended in order, so that it stands also behind another.
            Reason::Shutdown => self.shut,
            _ => self.unsigned() == 0,
        };
        let head = self.head().filter(|_| !nothing_new)?;
        let checkpoint = Checkpoint::signed(head, &self.key);
        let event = Event::new(EventKind::Checkpoint)
            .with("note", checkpoint.to_string())
            .with("reason", reason.as_str());
        let event = match self.untold.take() {
            Some(mode) => mode.told_by(event),
            None => event,
        };
        let ts = SystemTime::now();
        let id = RecordId::at(ts);
        let line = self.next_line(id, ts, &Body::of_log(event), 0).bytes;
        self.signed = self.chain.records;
        self.shut = reason == Reason::Shutdown;
        self.start = false;
        self.last = Instant::now();
        self.newest = Some(checkpoint);
        Some(line)
    }

    /// Why a checkpoint has to follow a record at once, if one has to.
    pub(crate) fn due_after(&self, added: &Accepted) -> Option<Reason> {
        match added.new_key {
            Some(_) => Some(Reason::Key),
            None => (self.unsigned() >= CHECKPOINT_RECORDS_MAX).then_some(Reason::Interval),
        }
    }

    /// The same at the end of what is written together.
    pub(crate) fn due(&self) -> Option<Reason> {
        match self.due_at() {
            _ if self.start => Some(Reason::Start),
            Some(at) if at <= Instant::now() => Some(Reason::Interval),
            _ => None,
        }
    }

    /// When the next checkpoint is due if no record comes; nothing while all are signed.
    pub(crate) fn due_at(&self) -> Option<Instant> {
        (self.unsigned() > 0).then(|| self.last + self.interval)
    }

    /// The newest checkpoint since this was asked last.
    pub(crate) fn take_newest(&mut self) -> Option<Checkpoint> {
        self.newest.take()
    }

    /// Records after the last checkpoint.
    fn unsigned(&self) -> u64 {
        self.chain.records - self.signed
    }

    fn head(&self) -> Option<Head> {
        let log = self.log.clone()?;
        Some(Head { log, records: self.chain.records, hash: self.chain.hash })
    }

    fn next_line(&mut self, id: RecordId, ts: SystemTime, body: &Body, room: u64) -> Line {
        self.log.get_or_insert_with(|| id.to_string());
        self.shut = false;
        self.chain.line(id, ts, body, room)
    }

    /// Of a log whose first record it is, it names itself.
    fn change_of_keys(&self, new: &SigningKey, id: RecordId) -> Event {
        let (records, hash) = (self.chain.records, self.chain.hash);
        let head = Head { log: self.log.clone().unwrap_or_else(|| id.to_string()), records, hash };
        let change = match self.gone {
            None => KeyRotation::signed(head, &self.key, new),
            Some(old) => KeyRotation::signed_alone(head, old, new),
        };
        Event::new(EventKind::KeyRotate)
            .with("new", change.new_key().to_string())
            .with("old", change.old().to_string())
            .with("note", change.to_string())
    }
}
