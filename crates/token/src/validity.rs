//! When a token is good: between its beginning and its end, as far as clocks agree.

use crate::claims::Claims;
use crate::issuer::seconds;
use crate::refused::Cause;
use crate::settings::Settings;

/// Until when claims are good, the leeway included; or why they are not at this time.
pub(crate) fn good_until(claims: &Claims, settings: &Settings, now: i64) -> Result<i64, Cause> {
    let leeway = seconds(settings.leeway);
    let expires_at = claims.expires_at.saturating_add(leeway);
    if now >= expires_at {
        return Err(Cause::Expired(now.saturating_sub(claims.expires_at)));
    }
    if let Some(not_before) = claims.not_before.filter(|not_before| not_before.saturating_sub(leeway) > now) {
        return Err(Cause::NotYet(not_before.saturating_sub(now)));
    }
    if claims.issued_at.saturating_sub(leeway) > now {
        return Err(Cause::IssuedLater(claims.issued_at.saturating_sub(now)));
    }
    let age = now.saturating_sub(claims.issued_at);
    match settings.max_age.map(seconds) {
        Some(max) if age > max.saturating_add(leeway) => Err(Cause::TooOld { age, max }),
        _ => Ok(expires_at),
    }
}
