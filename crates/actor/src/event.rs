//! Lifecycle events of one process, in the order they arrived: CANCEL, EXIT and LINK_DOWN.
//!
//! Their number is bounded by the event slots that monitors and links reserve (one CANCEL more waits at most);
//! the bytes of their results are bounded here. Knows nothing of who may cause an event.

use std::collections::VecDeque;
use std::sync::Arc;

use value::Failure;

use crate::exit::ExitResult;
use crate::limits::EVENT_RESULT_BYTES_MAX;

/// Something that happened to a process or to one that it watches.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Somebody asks this process to end.
    Cancel {
        /// The pid of who asked first; `None` from outside.
        from: Option<Arc<str>>,
        /// When it will be terminated, RFC 3339; `None` when it is a request only.
        deadline: Option<String>,
    },
    /// A monitored process ended.
    Exit {
        /// Its pid.
        from: Arc<str>,
        /// How it ended.
        result: Arc<ExitResult>,
    },
    /// A linked process ended in an error, and this one traps links.
    LinkDown {
        /// Its pid.
        from: Arc<str>,
        /// How it ended: always an `Err`.
        result: Arc<ExitResult>,
    },
}

/// The unread events of one process.
#[derive(Debug, Default)]
pub(crate) struct EventQueue {
    waiting: VecDeque<Waiting>,
    result_bytes: usize,
}

/// What waits. A CANCEL's content stays with the process's ties until it is read, so that a later cancel can
/// still bring its deadline forward.
#[derive(Debug)]
pub(crate) enum Waiting {
    Cancel,
    Exit { from: Arc<str>, result: Arc<ExitResult> },
    LinkDown { from: Arc<str>, result: Arc<ExitResult> },
}

impl EventQueue {
    pub(crate) fn push_cancel(&mut self) {
        self.waiting.push_back(Waiting::Cancel);
    }

    pub(crate) fn push_exit(&mut self, from: Arc<str>, result: Arc<ExitResult>) {
        let result = self.bounded(result);
        self.waiting.push_back(Waiting::Exit { from, result });
    }

    pub(crate) fn push_link_down(&mut self, from: Arc<str>, result: Arc<ExitResult>) {
        let result = self.bounded(result);
        self.waiting.push_back(Waiting::LinkDown { from, result });
    }

    pub(crate) fn pop(&mut self) -> Option<Waiting> {
        let next = self.waiting.pop_front()?;
        if let Waiting::Exit { result, .. } | Waiting::LinkDown { result, .. } = &next {
            self.result_bytes = self.result_bytes.saturating_sub(crate::exit::bytes(result));
        }
        Some(next)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The result if it still fits beside the unread ones, else an error that says that it did not.
    fn bounded(&mut self, result: Arc<ExitResult>) -> Arc<ExitResult> {
        let bytes = crate::exit::bytes(&result);
        if self.result_bytes + bytes <= EVENT_RESULT_BYTES_MAX {
            self.result_bytes += bytes;
            return result;
        }
        let ended = if result.is_ok() { "returned a value" } else { "failed" };
        let message = format!(
            "it {ended}, but its result of {bytes} bytes was dropped: unread events may hold \
             {EVENT_RESULT_BYTES_MAX} bytes of results"
        );
        let dropped = Arc::new(Err(Failure::new(value::Kind::RateLimited, message)));
        self.result_bytes += crate::exit::bytes(&dropped);
        dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use value::Value;

    #[test]
    fn results_over_the_bound_arrive_as_an_error_and_room_comes_back_as_events_are_read() {
        let mut events = EventQueue::default();
        let large: Arc<ExitResult> = Arc::new(Ok(Value::text("x".repeat(60_000))));
        let fits = EVENT_RESULT_BYTES_MAX / crate::exit::bytes(&large);
        for _ in 0..=fits {
            events.push_exit(Arc::from("p~1"), large.clone());
        }
        for index in 0..=fits {
            let Some(Waiting::Exit { result, .. }) = events.pop() else { panic!("an exit") };
            assert_eq!(result.is_ok(), index < fits);
        }
        assert_eq!((events.result_bytes, events.is_empty()), (0, true));
        events.push_link_down(Arc::from("p~1"), large.clone());
        assert!(matches!(events.pop(), Some(Waiting::LinkDown { result, .. }) if result == large));
    }
}
