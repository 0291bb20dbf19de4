//! Waiting for the disk without standing still: a place in the order of a log, how far the log is with it, and somebody
//! who is told that it has come further.
//!
//! Who waits, and what for, is not known here.

use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::sync::{Arc, Mutex, PoisonError};

/// Everything that a log had accepted at a moment: [`crate::Log::ticket`]. Later tickets are greater; of two logs they
/// have nothing to do with each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub(crate) u64);

/// How far a log is with everything up to a [`Ticket`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Accepted, and on its way to the disk.
    Waiting,
    /// All of it is durable.
    Durable,
    /// Not durable, and the disk takes no lines now, or nobody writes any more. It may become durable yet.
    Unwritable,
}

/// What [`crate::Log::watch`] gives: as long as it lives, its function is called when it was armed.
pub struct Watch {
    watchers: Arc<Watchers>,
    watcher: Arc<Watcher>,
}

impl Watch {
    /// Has the function called once, at the next change: a commit, a failure, the end. Ask how far the log is *after*
    /// this, and a change that this comes too late for is seen then.
    pub fn arm(&self) {
        self.watcher.armed.store(true, Ordering::Relaxed);
        // With the one in `tell`: either that sees `armed`, or whoever looks from here on sees what it was called for.
        fence(Ordering::SeqCst);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.watchers.list().retain(|known| !Arc::ptr_eq(known, &self.watcher));
    }
}

/// Those who watch one log. There are as many as somebody holds a [`Watch`] of.
#[derive(Default)]
pub(crate) struct Watchers(Mutex<Vec<Arc<Watcher>>>);

struct Watcher {
    armed: AtomicBool,
    wake: Box<dyn Fn() + Send + Sync>,
}

impl Watchers {
    /// Adds somebody who is told.
    pub(crate) fn add(self: &Arc<Self>, wake: Box<dyn Fn() + Send + Sync>) -> Watch {
        let watcher = Arc::new(Watcher { armed: AtomicBool::new(false), wake });
        self.list().push(watcher.clone());
        Watch { watchers: self.clone(), watcher }
    }

    /// For the writer, with no lock held: something has changed.
    pub(crate) fn tell(&self) {
        fence(Ordering::SeqCst);
        for watcher in self.list().iter() {
            if watcher.armed.swap(false, Ordering::Relaxed) {
                (watcher.wake)();
            }
        }
    }

    fn list(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Watcher>>> {
        // A function that panicked leaves the list as it was.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[test]
    fn who_watches_is_told_once_each_time_it_was_armed_and_never_after_its_end() {
        let watchers = Arc::new(Watchers::default());
        let told = Arc::new(AtomicUsize::new(0));
        let watch = {
            let told = told.clone();
            watchers.add(Box::new(move || {
                told.fetch_add(1, Ordering::Relaxed);
            }))
        };
        let count = || told.load(Ordering::Relaxed);
        watchers.tell();
        assert_eq!(count(), 0, "not armed");
        watch.arm();
        watchers.tell();
        watchers.tell();
        assert_eq!(count(), 1);
        watch.arm();
        drop(watch);
        watchers.tell();
        assert_eq!(count(), 1);
        assert!(watchers.list().is_empty());
    }
}
