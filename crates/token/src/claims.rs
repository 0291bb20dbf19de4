//! The claims of a token, by their exact types (RFC 7519 section 4.1): what every token has to say, and the rest for the rules.

use serde_json::Value as Json;

use crate::limits::{AUDIENCES_MAX, NAME_BYTES_MAX, SUBJECT_BYTES_MAX, TIME_SECONDS_MAX, TOKEN_ID_BYTES_MAX};
use crate::refused::Cause;
use crate::strict::Object;

/// Claims whose types are right. Whether they are true is asked elsewhere.
#[derive(Debug)]
pub(crate) struct Claims {
    pub(crate) issuer: String,
    pub(crate) subject: String,
    pub(crate) audiences: Vec<String>,
    pub(crate) expires_at: i64,
    pub(crate) issued_at: i64,
    pub(crate) not_before: Option<i64>,
    pub(crate) authenticated_at: Option<i64>,
    pub(crate) id: Option<String>,
    /// Every claim, those above among them.
    pub(crate) all: Object,
}

impl Claims {
    pub(crate) fn read(all: Object) -> Result<Self, Cause> {
        let issuer = text(&all, "iss", NAME_BYTES_MAX)?.ok_or(Cause::Missing("iss"))?;
        let subject = text(&all, "sub", SUBJECT_BYTES_MAX)?.ok_or(Cause::Missing("sub"))?;
        let id = text(&all, "jti", TOKEN_ID_BYTES_MAX)?;
        Ok(Self {
            issuer,
            subject,
            audiences: audiences(all.get("aud").ok_or(Cause::Missing("aud"))?)?,
            expires_at: time(&all, "exp")?.ok_or(Cause::Missing("exp"))?,
            issued_at: time(&all, "iat")?.ok_or(Cause::Missing("iat"))?,
            not_before: time(&all, "nbf")?,
            authenticated_at: time(&all, "auth_time")?,
            id,
            all,
        })
    }
}

/// Text that names somebody or something: not empty, without control characters, bounded.
fn text(all: &Object, name: &'static str, bytes_max: usize) -> Result<Option<String>, Cause> {
    let Some(value) = all.get(name) else { return Ok(None) };
    let wrong = |expected| Err(Cause::Claim { name, expected });
    match value.as_str() {
        None => wrong("text"),
        Some("") => wrong("text of at least one character"),
        Some(text) if text.len() > bytes_max => wrong("text of a bounded length"),
        Some(text) if text.chars().any(char::is_control) => wrong("text without control characters"),
        Some(text) => Ok(Some(text.to_owned())),
    }
}

/// Seconds since 1970, a whole number without sign, point or exponent.
fn time(all: &Object, name: &'static str) -> Result<Option<i64>, Cause> {
    let Some(value) = all.get(name) else { return Ok(None) };
    match value.as_i64() {
        Some(seconds) if (0..=TIME_SECONDS_MAX).contains(&seconds) => Ok(Some(seconds)),
        Some(_) => Err(Cause::Claim { name, expected: "a time from 1970 to 9999" }),
        None => Err(Cause::Claim { name, expected: "a whole number of seconds" }),
    }
}

fn audiences(value: &Json) -> Result<Vec<String>, Cause> {
    let wrong = |expected| Cause::Claim { name: "aud", expected };
    let one = |value: &Json| value.as_str().map(str::to_owned);
    let list = match value {
        Json::Array(items) => items.iter().map(one).collect(),
        other => one(other).map(|audience| vec![audience]),
    };
    let list: Vec<String> = list.ok_or_else(|| wrong("text or a list of texts"))?;
    if list.is_empty() || list.iter().any(String::is_empty) {
        return Err(wrong("an audience"));
    }
    if list.len() > AUDIENCES_MAX {
        return Err(wrong("a list of at most 64 audiences"));
    }
    Ok(list)
}
