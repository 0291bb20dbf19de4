//! What the log owes to be told: that its disk took no lines, and what was lost or refused since it said so last.
//!
//! When the disk fails, and when all is well again, is the writer's to know.

use std::time::SystemTime;

use crate::error::Unavailable;
use crate::options::Mode;
use crate::segment::Trouble;
use crate::{Event, EventKind};

/// What the next `gap` record says.
pub(super) struct Gap {
    mode: Mode,
    outage: Option<Outage>,
    /// Entries lost, and entries whose caller was told.
    dropped: u64,
    refused: u64,
}

struct Outage {
    trouble: Trouble,
    since: SystemTime,
}

impl Gap {
    /// Nothing, of a log of this mode.
    pub(super) fn none(mode: Mode) -> Self {
        Self { mode, outage: None, dropped: 0, refused: 0 }
    }

    /// What is told to those who ask; nothing while the disk takes lines.
    pub(super) fn unavailable(&self) -> Option<Unavailable> {
        self.outage.as_ref().map(Outage::unavailable)
    }

    /// One entry more was lost.
    pub(super) fn add_dropped(&mut self) {
        self.dropped += 1;
    }

    /// So many more were refused.
    pub(super) fn add_refused(&mut self, count: u64) {
        self.refused += count;
    }

    /// The disk takes no lines. Said once for each outage, with the first cause: the event that says so, and when that began.
    pub(super) fn open(&mut self, trouble: Trouble) -> Option<(SystemTime, Event)> {
        if self.outage.is_some() {
            return None;
        }
        tracing::error!(file = %trouble.file.display(), why = %trouble.why, "audit log cannot be written");
        let outage = self.outage.insert(Outage { trouble, since: SystemTime::now() });
        let event = outage.told_by(Event::new(EventKind::Gap).with("state", "open"));
        Some((outage.since, self.mode.told_by(event)))
    }

    /// Lines are taken again: the event that says what was lost, refused or late, if anything was. Nothing is owed then.
    pub(super) fn close(&mut self) -> Option<Event> {
        let Self { outage, dropped, refused, .. } = std::mem::replace(self, Self::none(self.mode));
        if outage.is_none() && dropped == 0 && refused == 0 {
            return None;
        }
        let mut event = Event::new(EventKind::Gap)
            .with("state", "closed")
            .with("dropped", dropped.to_string())
            .with("refused", refused.to_string());
        if let Some(outage) = outage {
            tracing::warn!(file = %outage.trouble.file.display(), "audit log can be written again");
            event = outage.told_by(event);
        }
        Some(self.mode.told_by(event))
    }
}

impl Outage {
    fn told_by(&self, event: Event) -> Event {
        event
            .with("why", self.trouble.why.clone())
            .with("file", self.trouble.file.display().to_string())
            .with("since", value::rfc3339_nanos(self.since).to_string())
    }

    fn unavailable(&self) -> Unavailable {
        Unavailable::Unwritable {
            file: self.trouble.file.clone(),
            why: self.trouble.why.clone(),
            cause: self.trouble.cause,
        }
    }
}
