//! Whose tokens the running app accepts: keys kept fresh, revocations followed and recorded, sessions ended.
//!
//! What a token is, and why a session is over, is known by the crate `token`; which processes end with one, by the runtime.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use audit::digest::{hex, sha256};
use audit::{Event, EventKind, Log};
use diagnostic::visible;
use policy::Session;
use sandbox::Runtime;
use token::{Change, Issuers, Keeper, system_clock};

use crate::limits::SESSIONS_LOOK_MS;
use crate::revoked::revocation_event;

/// Issuers at work. Dropping it ends its threads.
pub(crate) struct Identities {
    issuers: Arc<Issuers>,
    /// Nothing for an app that never had issuers.
    keeping: Option<Keeping>,
}

struct Keeping {
    /// Dropped first: with it nobody is left who tells of changes, and the thread ends.
    keeper: Option<Keeper>,
    thread: Option<JoinHandle<()>>,
}

impl Identities {
    /// Keeps these issuers from now on, instead of those before.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(crate) fn keep(
        issuers: Arc<Issuers>,
        before: Option<&Self>,
        runtime: &Arc<Runtime>,
        log: &Log,
    ) -> io::Result<Self> {
        // Where there were issuers, there can be sessions of theirs.
        let had_issuers = before.is_some_and(|before| before.keeping.is_some());
        if issuers.is_empty() && !had_issuers {
            return Ok(Self { issuers, keeping: None });
        }
        let (tell, changes) = channel();
        let keeper = Keeper::start(&issuers, system_clock(), move |change| {
            // Nobody is left who ends sessions: the app ends.
            let _ = tell.send(change);
        })?;
        let ending = Ending { issuers: issuers.clone(), runtime: runtime.clone(), log: log.clone() };
        let thread = std::thread::Builder::new().name("sessions".to_owned());
        let thread = thread.spawn(move || ending.follow(&changes))?;
        Ok(Self { issuers, keeping: Some(Keeping { keeper: Some(keeper), thread: Some(thread) }) })
    }

    /// Whose tokens are accepted.
    pub(crate) fn issuers(&self) -> &Arc<Issuers> {
        &self.issuers
    }
}

impl Drop for Keeping {
    fn drop(&mut self) {
        self.keeper = None;
        if let Some(thread) = self.thread.take() {
            // A thread that broke has said so.
            let _ = thread.join();
        }
    }
}

/// Ends what runs under tokens that are no longer good.
struct Ending {
    issuers: Arc<Issuers>,
    runtime: Arc<Runtime>,
    log: Log,
}

impl Ending {
    fn follow(&self, changes: &Receiver<Change>) {
        loop {
            self.look();
            match changes.recv_timeout(Duration::from_millis(SESSIONS_LOOK_MS)) {
                // Keys can become too old without any change.
                Ok(_) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn look(&self) {
        for revocation in self.issuers.revocations().take_unrecorded() {
            self.record(revocation_event(&self.issuers, &revocation));
        }
        let now = system_clock()();
        let judge =
            |session: &Session| self.issuers.still_good(session, now).err().map(|why| why.to_string());
        let (ended, processes) = self.runtime.end_sessions(judge);
        for session in &ended {
            let why = session.over.why().map_or("", |why| why);
            let subject = visible(&session.subject);
            tracing::info!(target: "token", issuer = %session.issuer, subject, why, "a session is over");
            self.record(session_event(session, why));
        }
        if processes > 0 {
            tracing::info!(target: "token", processes, "processes end with their sessions");
        }
    }

    fn record(&self, event: Event) {
        if let Err(error) = self.log.accept(event.into()) {
            tracing::error!(%error, "what became of a token is not recorded");
        }
    }
}

/// The record of a session that ended before its time. Of the token's id only a digest is in it.
fn session_event(session: &Session, why: &str) -> Event {
    let event = Event { tenant: Some(session.tenant.text().clone()), ..Event::new(EventKind::SessionEnd) };
    let event = event.with("issuer", &*session.issuer).with("sub", &*session.subject).with("why", why);
    match &session.jti {
        Some(jti) => event.with("jti_sha256", hex(&sha256(jti.as_bytes()))),
        None => event,
    }
}
