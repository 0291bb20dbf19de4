//! Tokens that were not accepted, counted for the audit log: a record the first time, the tenth, the hundredth, ... for each
//! tenant and sort of reason, so that guessing is seen and cannot flood the log.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use audit::{Event, EventKind};
use policy::TenantId;
use token::Cause;

/// How often, since the start. As many as there are tenants times sorts of reason.
#[derive(Default)]
pub(crate) struct RefusedTokens(Mutex<BTreeMap<(TenantId, &'static str), u64>>);

impl RefusedTokens {
    /// Counts one that a tenant's process came with. Gives the record, where one is owed.
    pub(crate) fn count(&self, tenant: &TenantId, cause: &Cause) -> Option<Event> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry((tenant.clone(), cause.sort())).or_default();
        *count = count.saturating_add(1);
        (*count == 10_u64.pow(count.ilog10())).then(|| refused(tenant, cause, *count))
    }
}

/// The record that a token was not accepted, for the `count`th time. Nothing of the token is in it.
fn refused(tenant: &TenantId, cause: &Cause, count: u64) -> Event {
    let event = Event { tenant: Some(tenant.text().clone()), ..Event::new(EventKind::TokenRefused) };
    event.with("cause", cause.sort()).with("count", count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_forged_tokens_is_a_few_records() {
        let (refused, acme) = (RefusedTokens::default(), TenantId::new("acme").unwrap());
        let owed: Vec<u64> = (0..2_500)
            .filter_map(|_| refused.count(&acme, &Cause::Signature))
            .map(|event| event.detail["count"].as_u64().unwrap())
            .collect();
        assert_eq!(owed, [1, 10, 100, 1000]);
        let other = refused.count(&acme, &Cause::Revoked).unwrap();
        assert_eq!((&other.detail["cause"], &other.detail["count"]), (&"revoked".into(), &1.into()));
    }
}
