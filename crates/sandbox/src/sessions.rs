//! The sessions that something may run under: known from when a token is accepted until nothing holds its session any more.
//!
//! Who finds that one is over, and by what, is not known here.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use policy::Session;

/// Sessions of accepted tokens. As many as actors and processes hold, which are charged for.
#[derive(Default)]
pub(crate) struct LiveSessions(Mutex<Live>);

#[derive(Default)]
struct Live {
    sessions: Vec<Weak<Session>>,
    /// How many there may be before those that nothing holds are looked for.
    sweep_at: usize,
}

/// Fewest sessions at which a sweep is worth it.
const SWEEP_MIN: usize = 64;

impl LiveSessions {
    /// Keeps an eye on a session.
    pub(crate) fn add(&self, session: &Arc<Session>) {
        let live = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if live.sessions.len() >= live.sweep_at {
            live.sessions.retain(|session| session.strong_count() > 0);
            live.sweep_at = (live.sessions.len() * 2).max(SWEEP_MIN);
        }
        live.sessions.push(Arc::downgrade(session));
    }

    /// Marks every session that is over by this judgement, and gives those that were not before.
    pub(crate) fn mark(&self, judge: impl Fn(&Session) -> Option<String>) -> Vec<Arc<Session>> {
        // Judged without the lock: a judgement may take a while.
        let sessions: Vec<Arc<Session>> = {
            let live = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            live.sessions.iter().filter_map(Weak::upgrade).collect()
        };
        let unmarked = sessions.into_iter().filter(|session| session.over.why().is_none());
        unmarked.filter(|session| judge(session).is_some_and(|why| session.over.set(&why))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_that_nothing_holds_are_forgotten() {
        let live = LiveSessions::default();
        let session = || {
            Arc::new(Session {
                issuer: "a:b".into(),
                iss: "x".into(),
                audience: "z".into(),
                tenant: policy::TenantId::system(),
                subject: "y".into(),
                jti: None,
                kid: None,
                key: [0; 32],
                issued_at: 0,
                ends_at: 0,
                over: Default::default(),
            })
        };
        let held = session();
        live.add(&held);
        for _ in 0..10 * SWEEP_MIN {
            live.add(&session());
        }
        assert!(live.0.lock().unwrap().sessions.len() <= SWEEP_MIN);
        let marked = live.mark(|_| Some("revoked".to_owned()));
        assert!(matches!(&marked[..], [one] if Arc::ptr_eq(one, &held)));
        assert!(live.mark(|_| Some("revoked".to_owned())).is_empty(), "each once");
    }
}
