//! A revocation as the audit log has it, whoever records it: the command that revoked, or the app that holds the log.

use audit::digest::{hex, sha256};
use audit::{Event, EventKind};
use token::{Issuers, Revocation};

/// The record of a revocation. It names who revoked; of one token only a digest of its `jti` is in it.
pub fn revocation_event(issuers: &Issuers, revocation: &Revocation) -> Event {
    let issuer = revocation.issuer.as_ref();
    let settings = issuers.settings().find(|settings| issuer.is_some_and(|id| *id == settings.id));
    let mut event = Event {
        tenant: settings.map(|settings| settings.tenant.text().clone()),
        asserted_by: Some(revocation.by.clone()),
        ..Event::new(EventKind::TokenRevoke).with("at", revocation.at)
    };
    if let Some(issuer) = issuer {
        event = event.with("issuer", &**issuer);
    }
    if let Some(subject) = &revocation.subject {
        event = event.with("sub", &**subject);
    }
    with_token(event, revocation.jti.as_deref())
}

/// The same event, saying of which token: by a digest of its `jti`, since whoever reads the log is not to learn the id itself.
pub(crate) fn with_token(event: Event, jti: Option<&str>) -> Event {
    match jti {
        Some(jti) => event.with("jti_sha256", hex(&sha256(jti.as_bytes()))),
        None => event,
    }
}
