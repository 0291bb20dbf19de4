//! Whose tokens the running app accepts: keys kept fresh, revocations followed and recorded, sessions ended.
//!
//! What a token is, and why a session is over, is known by the crate `token`; which processes end with one, by the runtime.

use std::collections::VecDeque;
use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;

use audit::{Event, EventKind, Log};
use diagnostic::visible;
use policy::Session;
use sandbox::Runtime;
use token::{Issuers, Keeper, system_clock};

use crate::limits::{OWED_RECORDS_MAX, SESSIONS_LOOK_MS};
use crate::revoked::{revocation_event, with_token};

/// Issuers at work. Dropping it ends its threads.
pub(crate) struct Identities {
    current: Arc<RwLock<Arc<Issuers>>>,
    /// Keeps the current issuers; nothing for an app without.
    keeper: Option<Keeper>,
    /// Nothing for an app that never had issuers.
    ending: Option<Ending>,
    /// Keepers of versions before, each waiting for a fetch of keys that is on its way: a few seconds.
    leaving: Vec<JoinHandle<()>>,
}

/// Somebody who ends sessions, and how to call them.
struct Ending {
    /// Dropped first: the thread ends when nobody is left who calls.
    call: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Identities {
    /// Keeps these issuers from now on.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(crate) fn keep(issuers: Arc<Issuers>, runtime: &Arc<Runtime>, log: &Log) -> io::Result<Self> {
        let current = Arc::new(RwLock::new(Arc::new(Issuers::none())));
        let mut this = Self { current, keeper: None, ending: None, leaving: Vec::new() };
        this.replace(issuers, runtime, log)?;
        Ok(this)
    }

    /// Keeps these issuers from now on, instead of those before: sessions are judged by them at once.
    ///
    /// # Errors
    /// The system gives no thread; those before are kept.
    pub(crate) fn replace(
        &mut self,
        issuers: Arc<Issuers>,
        runtime: &Arc<Runtime>,
        log: &Log,
    ) -> io::Result<()> {
        issuers.read_files(system_clock()());
        if self.ending.is_none() && !issuers.is_empty() {
            self.ending = Some(Ending::start(self.current.clone(), runtime, log)?);
        }
        let keeper = match &self.ending {
            Some(Ending { call: Some(call), .. }) if !issuers.is_empty() => {
                let call = call.clone();
                Some(Keeper::start(&issuers, system_clock(), move |_| {
                    // Nobody is left who ends sessions: the app ends.
                    let _ = call.send(());
                })?)
            }
            _ => None,
        };
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = issuers;
        self.look();
        self.leaving.retain(|thread| !thread.is_finished());
        if let Some(before) = std::mem::replace(&mut self.keeper, keeper) {
            // Not here: whoever loads a new version also keeps services and hears signals.
            let named = std::thread::Builder::new().name("keys before".to_owned());
            self.leaving.push(named.spawn(move || drop(before))?);
        }
        Ok(())
    }

    /// Has sessions judged now.
    pub(crate) fn look(&self) {
        if let Some(Ending { call: Some(call), .. }) = &self.ending {
            // Nobody is left who judges: a defect, which the thread has said.
            let _ = call.send(());
        }
    }

    /// Whose tokens are accepted.
    pub(crate) fn issuers(&self) -> Arc<Issuers> {
        current(&self.current)
    }
}

fn current(issuers: &RwLock<Arc<Issuers>>) -> Arc<Issuers> {
    issuers.read().unwrap_or_else(PoisonError::into_inner).clone()
}

impl Drop for Identities {
    fn drop(&mut self) {
        // With the keepers, those are gone who call.
        self.keeper = None;
        for thread in self.leaving.drain(..) {
            let _ = thread.join();
        }
        self.ending = None;
    }
}

impl Ending {
    fn start(issuers: Arc<RwLock<Arc<Issuers>>>, runtime: &Arc<Runtime>, log: &Log) -> io::Result<Self> {
        let (call, calls) = channel();
        let mut judge = Judge { issuers, runtime: runtime.clone(), log: log.clone(), owed: VecDeque::new() };
        let thread = std::thread::Builder::new().name("sessions".to_owned());
        let thread = thread.spawn(move || judge.follow(&calls))?;
        Ok(Self { call: Some(call), thread: Some(thread) })
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.call = None;
        if let Some(thread) = self.thread.take() {
            // A thread that broke has said so.
            let _ = thread.join();
        }
    }
}

/// Ends what runs under tokens that are no longer good, by the issuers of the moment.
struct Judge {
    issuers: Arc<RwLock<Arc<Issuers>>>,
    runtime: Arc<Runtime>,
    log: Log,
    /// Records that the log could not take yet.
    owed: VecDeque<Event>,
}

impl Judge {
    fn follow(&mut self, calls: &Receiver<()>) {
        loop {
            self.look();
            match calls.recv_timeout(Duration::from_millis(SESSIONS_LOOK_MS)) {
                // Keys can become too old without any change.
                Ok(()) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn look(&mut self) {
        let issuers = current(&self.issuers);
        let revoked = issuers.revocations().take_unrecorded();
        self.owe(revoked.iter().map(|revocation| revocation_event(&issuers, revocation)));
        let now = system_clock()();
        let judge = |session: &Session| issuers.still_good(session, now).err().map(|why| why.to_string());
        let ended = self.runtime.judge_sessions(judge);
        for session in &ended {
            let why = session.over.why().map_or("", |why| why);
            let subject = visible(&session.subject);
            tracing::info!(target: "token", issuer = %session.issuer, subject, why, "a session is over");
            self.owe([session_event(session, why)]);
        }
        // First on record; but a log that takes nothing keeps nobody running.
        self.record();
        if !ended.is_empty() {
            let processes = self.runtime.end_sessions();
            tracing::info!(target: "token", processes, "processes end with their sessions");
        }
    }

    fn owe(&mut self, events: impl IntoIterator<Item = Event>) {
        for event in events {
            if self.owed.len() >= OWED_RECORDS_MAX {
                tracing::error!(?event, "what became of a token is never recorded: the log takes no records");
                continue;
            }
            self.owed.push_back(event);
        }
    }

    /// Records what is owed, in order, as far as the log takes it; the rest waits for the next look.
    fn record(&mut self) {
        while let Some(event) = self.owed.front() {
            if let Err(error) = self.log.accept(event.clone().into()) {
                let owed = self.owed.len();
                tracing::error!(%error, owed, "what became of tokens is not recorded yet");
                return;
            }
            self.owed.pop_front();
        }
    }
}

/// The record of a session that ended before its time. Of the token's id only a digest is in it.
fn session_event(session: &Session, why: &str) -> Event {
    let event = Event { tenant: Some(session.tenant.text().clone()), ..Event::new(EventKind::SessionEnd) };
    let event = event.with("issuer", &*session.issuer).with("sub", &*session.subject).with("why", why);
    with_token(event, session.jti.as_deref())
}
