//! A token explained to the operator: what each claim and each rule did, and what comes of it.
//!
//! It goes the way of [`Issuers::authenticate`], and asks what that asks; the verdict is that one's own. No signature and no key is
//! ever in what it says.

use std::sync::Arc;

use serde_json::Value as Json;

use crate::algorithm::Algorithm;
use crate::compact::Token;
use crate::issuers::Issuers;
use crate::mapping::RuleOutcome;
use crate::refused::Cause;
use crate::session::Authenticated;
use crate::settings::Settings;

/// A token explained. All text of it is the token's, and hostile wherever it is shown.
#[derive(Debug, Clone)]
pub struct Inspection {
    /// The token's `alg`.
    pub algorithm: Algorithm,
    /// The token's `kid`.
    pub kid: Option<String>,
    /// Id and place of the issuer's entry that the token is for; `None` when there is none.
    pub issuer: Option<(Arc<str>, Arc<str>)>,
    /// Names of the keys that the issuer serves now; none while they could not be had.
    pub keys: Vec<Arc<str>>,
    /// What else it serves, and why that is not used.
    pub left_out: Vec<String>,
    /// Every claim, in the token's order.
    pub claims: Vec<ClaimLine>,
    /// Every rule of the issuer, and what it gives or would give.
    pub rules: Vec<RuleOutcome>,
    /// What the token is worth.
    pub verdict: Result<Authenticated, Cause>,
}

/// One claim.
#[derive(Debug, Clone, PartialEq)]
pub struct ClaimLine {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Json,
    /// What it counts for; nothing: no rule reads it.
    pub counts: Vec<String>,
}

impl Issuers {
    /// What [`Issuers::authenticate`] makes of a token, and why.
    ///
    /// # Errors
    /// It is no token: what is wrong with its form.
    pub fn inspect(&self, jwt: &[u8], now: i64) -> Result<Inspection, Cause> {
        let token = Token::read(jwt)?;
        let verdict = self.authenticate(jwt, None, now).map_err(|refused| refused.cause().clone());
        let issuer = self.issuer_of(&token, None).ok();
        let settings = issuer.map(|issuer| &issuer.settings);
        let keys = issuer.and_then(|issuer| issuer.keys(now).ok());
        let rules = settings.map(|settings| settings.mapping.apply(&token.claims, &settings.tenant).outcomes);
        let rules = rules.unwrap_or_default();
        let claims = token.claims.all.iter().map(|(name, value)| ClaimLine {
            name: name.clone(),
            value: value.clone(),
            counts: counts(name, settings, &rules),
        });
        Ok(Inspection {
            algorithm: token.header.algorithm,
            kid: token.header.kid.clone(),
            issuer: settings.map(|settings| (settings.id.clone(), settings.place.clone())),
            keys: keys.as_ref().map(|keys| keys.names()).unwrap_or_default(),
            left_out: keys.map(|keys| keys.left_out.clone()).unwrap_or_default(),
            claims: claims.collect(),
            rules,
            verdict,
        })
    }
}

/// What a claim counts for.
fn counts(name: &str, settings: Option<&Settings>, rules: &[RuleOutcome]) -> Vec<String> {
    let standing = match (name, settings) {
        ("iss", Some(settings)) => Some(format!("issuer `{}` ({})", settings.id, settings.place)),
        ("iss", None) => Some("no issuer of this app".to_owned()),
        ("aud", Some(settings)) => Some(format!("audience `{}` of `{}`", settings.audience, settings.id)),
        ("aud", None) => Some("no audience of this app".to_owned()),
        ("sub", _) => Some("whom `token revoke --sub` means".to_owned()),
        ("jti", _) => Some("which token `token revoke --jti` means".to_owned()),
        ("exp", _) => Some("until when it is good".to_owned()),
        ("nbf", _) => Some("from when it is good".to_owned()),
        ("iat", _) => Some("when it was issued".to_owned()),
        ("auth_time", _) => Some("when the actor authenticated".to_owned()),
        _ => None,
    };
    let reading = rules.iter().filter(|rule| rule.claims.iter().any(|claim| claim == name));
    let by_rules = reading.map(|rule| format!("`{}` ({})", rule.rule, rule.place));
    standing.into_iter().chain(by_rules).collect()
}
