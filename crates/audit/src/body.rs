//! What a record says, as it waits for its place in the order: mostly its line but for the head, which that place gives it.
//!
//! Made by who records, so that the work is shared by as many threads as there are, and what waits is bytes that are counted as
//! they are. What is not to be kept is gone before it waits. Knows neither the order nor the chain.

use std::sync::{Arc, LazyLock};
use std::time::SystemTime;

use crate::entry::Entry;
use crate::fit::{Draft, Line};
use crate::record::Head;
use crate::redact::Redactor;
use crate::{Event, RecordId, ascii, fit};

/// What is to become a line.
pub(crate) enum Body {
    /// What follows the head, with the line feed.
    Line { tenant: Option<Arc<str>>, rest: Box<[u8]> },
    /// An entry whose line the writer makes, as it may be kept, and the paths at which something was replaced. It does not fit whole
    /// and only the writer knows what room there is elsewhere; or the log says it of itself, under a lock that is to be held shortly.
    Entry { entry: Entry, redacted: Vec<Arc<str>> },
}

/// A head that is as long as one can be, and its bytes: what fits after it fits after any.
static WIDEST: LazyLock<(Head, usize)> = LazyLock::new(|| {
    let now = SystemTime::now();
    let head = Head::new(u64::MAX, RecordId::at(now), now, [0; 32]);
    let bytes = opening(&head).len();
    (head, bytes)
});

impl Body {
    /// What is kept of an entry.
    pub(crate) fn of(entry: Entry, redactor: Option<&Redactor>) -> Self {
        let (entry, redacted) = match redactor {
            Some(redactor) => redactor.redacted(entry),
            None => (entry, Vec::new()),
        };
        let (widest, bytes) = &*WIDEST;
        // INVARIANT: a line begins with its head, in the head's own form (`record`).
        let rest = fit::whole(widest, &entry, &redacted).and_then(|line| line.get(*bytes..).map(Box::from));
        match rest {
            Some(rest) => Self::Line { tenant: entry.tenant().cloned(), rest },
            None => Self::Entry { entry, redacted },
        }
    }

    /// What the log says of itself and of nobody, so that nothing is to be redacted.
    pub(crate) fn of_log(event: Event) -> Self {
        Self::owed(event, None)
    }

    /// What the log says of itself and maybe of an actor.
    pub(crate) fn owed(event: Event, redactor: Option<&Redactor>) -> Self {
        let (entry, redacted) = match redactor {
            Some(redactor) => redactor.redacted(event.into()),
            None => (event.into(), Vec::new()),
        };
        Self::Entry { entry, redacted }
    }

    /// The tenant it is about, if only one.
    pub(crate) fn tenant(&self) -> Option<&Arc<str>> {
        match self {
            Self::Line { tenant, .. } => tenant.as_ref(),
            Self::Entry { entry, .. } => entry.tenant(),
        }
    }

    /// Bytes that holding it costs, beside its own size.
    pub(crate) fn bytes(&self) -> usize {
        let held = match self {
            Self::Line { rest, .. } => rest.len(),
            Self::Entry { entry, .. } => entry.bytes(),
        };
        self.tenant().map_or(0, |tenant| tenant.len()) + held
    }

    /// The line after this head, with so many bytes of room for parts elsewhere.
    pub(crate) fn line(&self, head: &Head, room: u64) -> Line {
        match self {
            Self::Line { rest, .. } => Line { bytes: [&opening(head), &**rest].concat(), parts: Vec::new() },
            Self::Entry { entry, redacted } => fit::line(head, Draft { entry, redacted, room }),
        }
    }
}

/// What a line with this head begins with: an object that is not closed yet.
fn opening(head: &Head) -> Vec<u8> {
    let mut opening = ascii::to_vec(head);
    opening.pop();
    opening
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{EventKind, Redaction};

    /// That of a number of 20 digits.
    const HEAD_BYTES_MAX: usize = 203;

    #[test]
    fn no_head_is_longer_than_the_widest() {
        assert_eq!(WIDEST.1, HEAD_BYTES_MAX);
    }

    #[test]
    fn a_body_after_a_head_is_the_line_of_the_entry_whatever_its_length() {
        let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let redaction = Redaction::of(["detail.secret"]).unwrap();
        let redactor = Redactor::new(&redaction, [7; 32]);
        let mut made_early = 0;
        // Around the bound one by one: the head of an early record leaves a few bytes more than the widest.
        for length in [0, 1, 1_000].into_iter().chain(15_900..16_300).chain([40_000]) {
            let event = Event::new(EventKind::Admin).with("text", "\u{fc}".to_owned() + &"x".repeat(length));
            let entry = Entry::from(event.with("secret", "s"));
            let (kept, redacted) = redactor.redacted(entry.clone());
            assert_eq!(redacted.len(), 1);
            let body = Body::of(entry, Some(&redactor));
            made_early += usize::from(matches!(body, Body::Line { .. }));
            for seq in [1, 42, u64::MAX] {
                let head = Head::new(seq, RecordId::at(then), then, [7; 32]);
                let expected = fit::line(&head, Draft { entry: &kept, redacted: &redacted, room: 0 });
                assert_eq!(body.line(&head, 0).bytes, expected.bytes, "{length} {seq}");
            }
        }
        assert!((3..403).contains(&made_early), "{made_early}: both sorts were there");
    }
}
