//! One revocation as a line of the file, and back.

use std::sync::Arc;

use policy::AssertedBy;
use serde_json::{Value as Json, json};

use super::Revocation;
use crate::strict;

/// Version of a line; a reader that does not know it must not guess.
const VERSION: u64 = 1;

impl Revocation {
    /// The line, with its line break.
    pub(super) fn line(&self) -> String {
        let mut members = serde_json::Map::new();
        members.insert("version".to_owned(), VERSION.into());
        members.insert("at".to_owned(), self.at.into());
        for (name, value) in [("issuer", &self.issuer), ("sub", &self.subject), ("jti", &self.jti)] {
            if let Some(value) = value {
                members.insert(name.to_owned(), json!(value));
            }
        }
        members.insert("recorded".to_owned(), self.recorded.into());
        members.insert("by".to_owned(), json!(self.by));
        format!("{}\n", Json::Object(members))
    }

    /// What a line says.
    pub(super) fn read(line: &[u8]) -> Result<Self, String> {
        let members = strict::object(line)?;
        let text = |name: &str| match members.get(name) {
            None => Ok(None),
            Some(Json::String(text)) if !text.is_empty() => Ok(Some(Arc::from(text.as_str()))),
            Some(_) => Err(format!("`{name}` is not text")),
        };
        if members.get("version").and_then(Json::as_u64) != Some(VERSION) {
            return Err(format!("its `version` is not {VERSION}"));
        }
        let at = members.get("at").and_then(Json::as_i64).ok_or("`at` is not a time")?;
        let (issuer, subject, jti) = (text("issuer")?, text("sub")?, text("jti")?);
        if subject.is_some() == jti.is_some() || (subject.is_some() && issuer.is_none()) {
            return Err("it has neither `jti` nor `issuer` and `sub`".to_owned());
        }
        let by = members.get("by").ok_or("`by` is missing")?;
        let by = AssertedBy {
            uid: by
                .get("uid")
                .and_then(Json::as_u64)
                .and_then(|uid| u32::try_from(uid).ok())
                .ok_or("`by.uid` is not a number")?,
            login: by.get("login").and_then(Json::as_str).unwrap_or_default().into(),
            host: by.get("host").and_then(Json::as_str).unwrap_or_default().into(),
        };
        let recorded = members.get("recorded").and_then(Json::as_bool).unwrap_or(false);
        Ok(Self { at, issuer, subject, jti, recorded, by })
    }
}
