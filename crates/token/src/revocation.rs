//! What was revoked: lines of a file that are on the disk before whoever revokes is told so.
//!
//! One JSON object a line, appended and never changed. A last line without its line break was never acknowledged and does not
//! count; anything else that cannot be read, and a file that lost lines, closes: nothing authenticates any more. Sessions that
//! run are then judged by what was last known. Who may revoke is not known here.

mod file;
mod line;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use policy::AssertedBy;

use crate::limits::{REVOCATION_BYTES_MAX, REVOCATIONS_MAX};
use crate::session::Session;
use file::{Complete, Content, Stamp, read, show, stamp};

/// How far back revocations that nobody recorded are still reported after opening, in seconds: who revokes while an app starts
/// finds the log taken and leaves the recording to it.
const UNRECORDED_SECONDS: i64 = 60;

/// One revocation: of one token, or of all tokens of a subject issued up to a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// When, in seconds since 1970; of a subject, up to when its tokens were issued: later than now by what its issuer's clock
    /// may be ahead.
    pub at: i64,
    /// Id of the issuer's entry; `None`, which only the revocation of one token may have, is any.
    pub issuer: Option<Arc<str>>,
    /// The subject all of whose tokens issued up to `at` are revoked.
    pub subject: Option<Arc<str>>,
    /// The `jti` of the one token that is revoked.
    pub jti: Option<Arc<str>>,
    /// Whether whoever revoked has recorded it in the audit log; else the app that has the log does.
    pub recorded: bool,
    /// Who revoked.
    pub by: AssertedBy,
}

/// Why something was not revoked, or what was revoked cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RevocationError {
    /// The file, or its folder, cannot be used.
    #[error("`{path}` cannot be used: {why}")]
    File {
        /// The file.
        path: String,
        /// What the system says.
        why: String,
    },
    /// A line that is no revocation.
    #[error("line {line} of `{path}` is no revocation: {why}")]
    Line {
        /// The file.
        path: String,
        /// Number of the line, from 1.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
    /// The file does not begin with the lines that it had.
    #[error("`{0}` lost lines that it had; nothing that it said may be forgotten")]
    Lost(String),
    /// The file is full.
    #[error(
        "`{0}` has {REVOCATIONS_MAX} revocations, as many as it may; start a new one when the tokens of the old have expired"
    )]
    Full(String),
    /// Somebody else is revoking and does not come to an end.
    #[error("`{0}` is held by another process")]
    Held(String),
}

/// Whether a session's token was revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revoked {
    /// It was not.
    No,
    /// It was.
    Yes,
    /// Nobody can tell; why, in words.
    Unreadable(String),
}

/// What was revoked, as far as this process has read.
#[derive(Debug)]
pub struct Revocations {
    path: Option<PathBuf>,
    known: RwLock<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// By issuer and subject: the latest moment.
    subjects: HashMap<(Arc<str>, Arc<str>), i64>,
    /// By `jti`: the issuers meant, `None` for any.
    tokens: HashMap<Arc<str>, Vec<Option<Arc<str>>>>,
    count: usize,
    /// The complete lines.
    complete: Complete,
    stamp: Option<Stamp>,
    trouble: Option<String>,
    /// Those that nobody has recorded and nobody has taken.
    unrecorded: Vec<Revocation>,
}

impl Revocations {
    /// Nothing revoked, and nowhere to write it.
    pub fn none() -> Self {
        Self { path: None, known: RwLock::default() }
    }

    /// What a file says, at a time in seconds since 1970. A file that is not there says that nothing was revoked. One that
    /// cannot be read is noted: nothing authenticates until it can be.
    pub fn open(path: &Path, now: i64) -> Self {
        let this = Self { path: Some(path.to_owned()), known: RwLock::default() };
        // What is wrong is kept, and answered to whoever wants to authenticate.
        let _ = this.reload();
        let mut known = this.known.write().unwrap_or_else(PoisonError::into_inner);
        known.unrecorded.retain(|revocation| revocation.at >= now.saturating_sub(UNRECORDED_SECONDS));
        drop(known);
        this
    }

    /// The file, if there is to be one.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Reads the file again if it is another than before; whether it said anything new.
    ///
    /// # Errors
    /// It cannot be read, a line of it is no revocation, or it lost lines. What was known stays known.
    pub fn reload(&self) -> Result<bool, RevocationError> {
        let Some(path) = &self.path else { return Ok(false) };
        let before = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let (seen, known, broken) = (before.stamp, before.complete.clone(), before.trouble.is_some());
        drop(before);
        if !broken && stamp(path).is_ok_and(|now| now == seen) {
            return Ok(false);
        }
        let read = read(path).and_then(|content| match content.begins_with(&known) {
            true => Ok(content),
            false => Err(RevocationError::Lost(show(path))),
        });
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        match read {
            Ok(content) => Ok(known.take(content)),
            Err(error) => {
                known.trouble = Some(error.to_string());
                Err(error)
            }
        }
    }

    /// The revocations that came since they were last asked for and that nobody has recorded: for whoever holds the audit log.
    pub fn take_unrecorded(&self) -> Vec<Revocation> {
        std::mem::take(&mut self.known.write().unwrap_or_else(PoisonError::into_inner).unrecorded)
    }

    /// Revokes. When this returns it is on the disk, and counts here; other processes see it at their next look.
    ///
    /// # Errors
    /// Nothing was revoked: the file cannot be used, is damaged or full, or somebody else holds it.
    pub fn append(&self, revocation: Revocation) -> Result<(), RevocationError> {
        let Some(path) = &self.path else {
            return Err(RevocationError::File { path: String::new(), why: "there is none".to_owned() });
        };
        let line = revocation.line();
        let unusable = |why: String| RevocationError::File { path: show(path), why };
        if line.len() > REVOCATION_BYTES_MAX {
            return Err(unusable(format!(
                "the line is {} bytes, at most {REVOCATION_BYTES_MAX} allowed",
                line.len()
            )));
        }
        if let Err(why) = Revocation::read(line.trim_end().as_bytes()) {
            return Err(unusable(format!("what is to be revoked is no revocation: {why}")));
        }
        file::append(path, &line)?;
        self.reload().map(drop)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.known.read().unwrap_or_else(PoisonError::into_inner).count
    }

    /// Whether nothing was revoked.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a token that wants in was revoked.
    pub(crate) fn judge(&self, session: &Session) -> Revoked {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        match &known.trouble {
            Some(why) => Revoked::Unreadable(why.clone()),
            None if known.has(session) => Revoked::Yes,
            None => Revoked::No,
        }
    }

    /// Whether the token of a session that runs was revoked, as far as is known.
    pub(crate) fn is_revoked(&self, session: &Session) -> bool {
        self.known.read().unwrap_or_else(PoisonError::into_inner).has(session)
    }
}

impl Known {
    fn has(&self, session: &Session) -> bool {
        let subject = (session.issuer.clone(), session.subject.clone());
        let all = self.subjects.get(&subject).is_some_and(|at| session.issued_at <= *at);
        let is_meant =
            |issuer: &Option<Arc<str>>| issuer.as_ref().is_none_or(|issuer| *issuer == session.issuer);
        let issuers = session.jti.as_ref().and_then(|jti| self.tokens.get(jti));
        all || issuers.is_some_and(|issuers| issuers.iter().any(is_meant))
    }

    /// Takes over a file; whether it says more than before.
    fn take(&mut self, content: Content) -> bool {
        if content.complete.is_less_than(&self.complete) {
            // Somebody else has read it since, with more in it.
            return false;
        }
        // All of it again, should it be another file: nothing that was revoked is ever taken back.
        let is_more = content.revocations.len() > self.count;
        for (index, revocation) in content.revocations.iter().enumerate() {
            match (&revocation.issuer, &revocation.subject, &revocation.jti) {
                (Some(issuer), Some(subject), _) => {
                    let at = self.subjects.entry((issuer.clone(), subject.clone())).or_insert(revocation.at);
                    *at = revocation.at.max(*at);
                }
                (issuer, _, Some(jti)) => {
                    let issuers = self.tokens.entry(jti.clone()).or_default();
                    if !issuers.contains(issuer) {
                        issuers.push(issuer.clone());
                    }
                }
                // The reader lets nothing else through.
                _ => {}
            }
            if index >= self.count && !revocation.recorded {
                self.unrecorded.push(revocation.clone());
            }
        }
        self.count = content.revocations.len();
        self.complete = content.complete;
        self.stamp = content.stamp;
        self.trouble = None;
        is_more
    }
}
