//! What reaches a worker from outside its own thread: one queue, one wake.
//!
//! The queue needs no bound of its own: a message has room reserved in its mailbox before it comes here, a
//! start its place in the quotas, an EXIT or LINK_DOWN its edge, and a process is told at most once that it
//! is to end or that a cancel waits.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Thread;
use std::time::Duration;

use crossbeam_queue::SegQueue;

use crate::address::Address;
use crate::birth::Arrival;
use crate::entry::Entry;
use crate::exit::ExitResult;
use crate::mailbox::Charged;

/// One thing for a worker. Whatever one thread sent is received in the order it was sent.
pub(crate) enum Parcel<P> {
    /// A process that is to live here.
    Start(Box<Arrival<P>>),
    /// A message whose room is reserved.
    Message { to: Arc<Entry>, message: Charged },
    /// A signal of the system.
    Signal { to: Address, signal: Signal },
}

/// What the system tells a process's kernel. Whether it still applies is decided where it arrives.
#[derive(Debug, Clone)]
pub(crate) enum Signal {
    /// A monitored process ended.
    Exit(Ended),
    /// A linked process ended in an error.
    LinkDown(Ended),
    /// A called process ended.
    CallDone(Ended),
    /// A cancel waits in the process's ties.
    Cancel,
    /// The process is marked to end.
    End,
}

/// A process that ended, and how.
#[derive(Debug, Clone)]
pub(crate) struct Ended {
    pub(crate) address: Address,
    pub(crate) pid: Arc<str>,
    pub(crate) result: Arc<ExitResult>,
}

/// The inbox of one worker.
pub(crate) struct Inbox<P> {
    parcels: SegQueue<Parcel<P>>,
    /// Runnable processes, as the worker last said; what placement goes by.
    load: AtomicU32,
    bell: Arc<Bell>,
}

/// Wakes one worker. Apart from its inbox, so that who is only to wake it holds on to nothing of the node.
#[derive(Default)]
pub(crate) struct Bell {
    /// Set by a wake that is not for a parcel, until the worker has slept or not slept because of it.
    called: AtomicBool,
    asleep: AtomicBool,
    sleeper: Mutex<Option<Thread>>,
}

impl<P> Inbox<P> {
    pub(crate) fn new() -> Self {
        Self { parcels: SegQueue::new(), load: AtomicU32::new(0), bell: Arc::default() }
    }

    /// Adds a parcel and wakes the worker if it sleeps.
    pub(crate) fn push(&self, parcel: Parcel<P>) {
        self.parcels.push(parcel);
        self.bell.rouse();
    }

    pub(crate) fn pop(&self) -> Option<Parcel<P>> {
        self.parcels.pop()
    }

    /// What wakes the worker.
    pub(crate) fn bell(&self) -> &Arc<Bell> {
        &self.bell
    }

    /// Sleeps until there is a parcel, somebody calls, or the time is over. May return early.
    pub(crate) fn sleep(&self, at_most: Option<Duration>) {
        let bell = &self.bell;
        *bell.sleeper.lock().unwrap_or_else(PoisonError::into_inner) = Some(std::thread::current());
        // Sequentially consistent, as are the queue's own steps: either the sender sees `asleep` and unparks,
        // or this thread sees the parcel.
        bell.asleep.store(true, Ordering::SeqCst);
        if self.parcels.is_empty() && !bell.called.swap(false, Ordering::SeqCst) {
            match at_most {
                Some(time) => std::thread::park_timeout(time),
                None => std::thread::park(),
            }
        }
        bell.asleep.store(false, Ordering::SeqCst);
    }

    pub(crate) fn load(&self) -> u32 {
        self.load.load(Ordering::Relaxed)
    }

    pub(crate) fn set_load(&self, runnable: usize) {
        self.load.store(u32::try_from(runnable).unwrap_or(u32::MAX), Ordering::Relaxed);
    }
}

impl Bell {
    /// Wakes the worker, or keeps it from falling asleep the next time.
    pub(crate) fn ring(&self) {
        self.called.store(true, Ordering::SeqCst);
        self.rouse();
    }

    fn rouse(&self) {
        if self.asleep.swap(false, Ordering::SeqCst)
            && let Some(thread) = &*self.sleeper.lock().unwrap_or_else(PoisonError::into_inner)
        {
            thread.unpark();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sleeping_worker_is_woken_by_a_parcel_and_by_a_call() {
        let inbox = Inbox::<()>::new();
        let nobody = Address::new(0, 0, 1);
        std::thread::scope(|scope| {
            let worker = scope.spawn(|| {
                let mut received = 0;
                while received < 1_000 {
                    inbox.sleep(None);
                    received += std::iter::from_fn(|| inbox.pop()).count();
                }
                inbox.sleep(None);
            });
            for _ in 0..1_000 {
                inbox.push(Parcel::Signal { to: nobody, signal: Signal::End });
            }
            inbox.bell().ring();
            worker.join().unwrap();
        });
    }

    #[test]
    fn a_call_before_the_sleep_is_not_lost() {
        let inbox = Inbox::<()>::new();
        inbox.bell().ring();
        inbox.sleep(None);
    }
}
