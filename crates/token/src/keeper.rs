//! Who keeps issuers fresh: a thread that fetches keys and one that looks at what was revoked, for as long as the value lives.
//!
//! What ends when keys or revocations change is for whoever started it to find out, with [`crate::Issuers::still_good`].

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use diagnostic::visible;

use crate::issuers::{Issuers, Refresh};
use crate::limits::REVOCATIONS_INTERVAL;

/// Tells the time in seconds since 1970.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// The system's clock.
pub fn system_clock() -> Clock {
    Arc::new(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    })
}

/// What is other than before: sessions may be over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// An issuer serves other keys than before; the id of its entry.
    Keys(Arc<str>),
    /// Something was revoked, since the last time or before the start; [`crate::Revocations::take_unrecorded`] has what is to
    /// be recorded.
    Revoked,
}

/// Runs while it lives; dropping it waits for its threads, at most for the fetch that is on its way.
pub struct Keeper {
    wake: Arc<Wake>,
    stopped: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Keeper {
    /// Starts to keep these issuers. `on_change` is called on its threads, and should only pass the change on.
    ///
    /// # Errors
    /// A thread cannot be made.
    pub fn start(
        issuers: &Arc<Issuers>,
        clock: Clock,
        on_change: impl Fn(Change) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let on_change = Arc::new(on_change);
        let mut keeper = Self { wake: issuers.wake().clone(), stopped: Arc::default(), threads: Vec::new() };
        let (of, stopped, tell) = (issuers.clone(), keeper.stopped.clone(), on_change.clone());
        keeper.spawn("moonward-keys", move || keep_keys(&of, &clock, &stopped, &*tell))?;
        let (of, stopped) = (issuers.clone(), keeper.stopped.clone());
        keeper.spawn("moonward-revocations", move || keep_revocations(&of, &stopped, &*on_change))?;
        Ok(keeper)
    }

    fn spawn(&mut self, name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
        self.threads.push(thread::Builder::new().name(name.to_owned()).spawn(run)?);
        Ok(())
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.wake.stop(&self.stopped);
        for thread in self.threads.drain(..) {
            // A thread that broke has said so.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Keeper {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Keeper").field("threads", &self.threads.len()).finish_non_exhaustive()
    }
}

/// Time between two looks at which keys are due: a second, in which times are counted.
const LOOK: Duration = Duration::from_secs(1);

fn keep_keys(issuers: &Issuers, clock: &Clock, stopped: &AtomicBool, tell: &dyn Fn(Change)) {
    let mut troubles: HashMap<Arc<str>, String> = HashMap::new();
    while !stopped.load(Ordering::Acquire) {
        for Refresh { issuer, outcome, left_out } in issuers.refresh(clock()) {
            match outcome {
                Ok(changed) => {
                    if troubles.remove(&issuer).is_some() {
                        tracing::info!(%issuer, "the keys of the issuer can be had again");
                    }
                    if changed {
                        for why in left_out {
                            tracing::warn!(%issuer, why = visible(&why), "a key of the issuer is not used");
                        }
                        tell(Change::Keys(issuer));
                    }
                }
                // Once for each new reason: an issuer that is away for a day is no news every 20 s.
                Err(why) if troubles.get(&issuer) != Some(&why) => {
                    tracing::warn!(%issuer, why = visible(&why), "the keys of the issuer cannot be had");
                    troubles.insert(issuer, why);
                }
                Err(_) => {}
            }
        }
        issuers.wake().rest(LOOK, stopped, true);
    }
}

fn keep_revocations(issuers: &Issuers, stopped: &AtomicBool, tell: &dyn Fn(Change)) {
    let mut trouble = None;
    // Not what a look finds new: another thread may have revoked, and looked, in between.
    let mut told = 0;
    while !stopped.load(Ordering::Acquire) {
        match issuers.revocations().reload() {
            Ok(_) => {
                if trouble.take().is_some() {
                    tracing::info!("what was revoked can be read again");
                }
                let known = issuers.revocations().len();
                if known != told {
                    tell(Change::Revoked);
                    told = known;
                }
            }
            Err(error) if trouble.as_ref() != Some(&error) => {
                tracing::error!(
                    error = visible(&error.to_string()),
                    "what was revoked cannot be read: no token is accepted"
                );
                trouble = Some(error);
            }
            Err(_) => {}
        }
        issuers.wake().rest(REVOCATIONS_INTERVAL, stopped, false);
    }
}

/// Where threads rest until there is something to do.
#[derive(Debug, Default)]
pub(crate) struct Wake {
    asked: Mutex<bool>,
    changed: Condvar,
}

impl Wake {
    /// Somebody needs keys now.
    pub(crate) fn now(&self) {
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }

    fn stop(&self, stopped: &AtomicBool) {
        // Under the lock, so that nobody who has just looked goes to rest without having seen it.
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        stopped.store(true, Ordering::Release);
        drop(asked);
        self.changed.notify_all();
    }

    /// Waits for that time, for the end, and if wanted for somebody who asks.
    fn rest(&self, time: Duration, stopped: &AtomicBool, until_asked: bool) {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = |asked: &mut bool| !(stopped.load(Ordering::Acquire) || (until_asked && *asked));
        let waited = self.changed.wait_timeout_while(asked, time, idle);
        let (mut asked, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if until_asked {
            *asked = false;
        }
    }
}
