//! Why a token is not accepted: one text for whoever sent it, the exact reason for the operator.

use std::fmt;

/// A token that is not accepted. As text it says one thing whatever the reason: nobody learns from it how far a forged token
/// got. [`Refused::cause`] is for the operator's log and `moonward token inspect` only.
#[derive(Clone, PartialEq, Eq)]
pub struct Refused {
    cause: Cause,
}

impl Refused {
    /// What is said to whoever sent the token.
    pub const TEXT: &str = "the token is not valid";

    /// The exact reason, for the operator only. Its text can quote the token: hostile wherever it is shown.
    pub fn cause(&self) -> &Cause {
        &self.cause
    }
}

impl From<Cause> for Refused {
    fn from(cause: Cause) -> Self {
        Self { cause }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(Self::TEXT)
    }
}

impl fmt::Debug for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the cause: debug output ends up in messages.
        formatter.write_str("Refused")
    }
}

impl std::error::Error for Refused {}

/// The exact reason why a token is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// Over [`crate::limits::TOKEN_BYTES_MAX`]; nothing of it was read.
    #[error("it is {0} bytes, at most {max} allowed", max = crate::limits::TOKEN_BYTES_MAX)]
    TooLong(usize),
    /// Not `header.claims.signature`.
    #[error("it has {0} {word} between dots, a signed token has 3", word = if *.0 == 1 { "part" } else { "parts" })]
    Parts(usize),
    /// A part that is not canonical base64url.
    #[error("its {part} is not base64url: it {why}")]
    Encoding {
        /// Which part.
        part: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// Header or claims that are not an object which can be read in one way only.
    #[error("its {part} cannot be read: {why}")]
    Json {
        /// Which part.
        part: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// A header member that is never accepted.
    #[error("its header has `{0}`, which is never accepted")]
    Header(&'static str),
    /// `typ` says that it is something else.
    #[error("its `typ` is `{0}`, expected `JWT` or `at+jwt`")]
    Type(String),
    /// A claim or header member that is required and not there.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A claim or header member of the wrong type or range.
    #[error("`{name}` is not {expected}")]
    Claim {
        /// Which one.
        name: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// An algorithm that no issuer can allow: `none`, for one.
    #[error("algorithm `{0}` is never accepted")]
    Algorithm(String),
    /// No issuer of that name, or none of that name for any of the token's audiences.
    #[error("no issuer `{issuer}` for audience {audiences}", audiences = quoted(.audiences))]
    UnknownIssuer {
        /// The token's `iss`.
        issuer: String,
        /// The token's audiences.
        audiences: Vec<String>,
    },
    /// Audiences for more than one entry of the same issuer.
    #[error("its audiences are those of more than one issuer: {}", quoted(.0))]
    Ambiguous(Vec<String>),
    /// An issuer of another tenant than who asks.
    #[error("issuer `{0}` is another tenant's")]
    OtherTenant(String),
    /// The keys of its issuer were never had, or are too old.
    #[error("the keys of issuer `{0}` could not be had for too long")]
    NoKeys(String),
    /// No such key; it is asked for.
    #[error("issuer `{issuer}` has no key {key}", key = .kid.as_ref().map_or("that a token may leave unnamed".to_owned(), |kid| format!("`{kid}`")))]
    UnknownKey {
        /// Id of the issuer's entry.
        issuer: String,
        /// The token's `kid`.
        kid: Option<String>,
    },
    /// `alg` is not the key's.
    #[error("its `alg` is `{found}`, key `{kid}` is for `{expected}`")]
    OtherAlgorithm {
        /// The token's.
        found: &'static str,
        /// The key's.
        expected: &'static str,
        /// The key; empty without a name.
        kid: String,
    },
    /// The signature is not that key's over these parts.
    #[error("its signature does not verify")]
    Signature,
    /// Past `exp`.
    #[error("it expired {0} s ago")]
    Expired(i64),
    /// Before `nbf`.
    #[error("it is not good for another {0} s (`nbf`)")]
    NotYet(i64),
    /// `iat` is later than now.
    #[error("it was issued {0} s in the future (`iat`)")]
    IssuedLater(i64),
    /// Older than the issuer's `max_age`.
    #[error("it was issued {age} s ago, `max_age` is {max} s")]
    TooOld {
        /// Seconds since `iat`.
        age: i64,
        /// The bound, in seconds.
        max: i64,
    },
    /// It, or all of its subject's at that time, was revoked.
    #[error("it was revoked")]
    Revoked,
    /// What was revoked cannot be read.
    #[error("what was revoked cannot be read: {0}")]
    RevocationsUnreadable(String),
    /// The issuer's rules make no actor of its claims.
    #[error("its claims make no actor: {0}")]
    Mapping(String),
}

impl Cause {
    /// The sort of reason, for counts: a stable word, with nothing of the token in it.
    pub fn sort(&self) -> &'static str {
        match self {
            Self::TooLong(_) | Self::Parts(_) | Self::Encoding { .. } | Self::Json { .. } => "form",
            Self::Header(_) | Self::Type(_) => "header",
            Self::Missing(_) | Self::Claim { .. } => "claims",
            Self::Algorithm(_) | Self::OtherAlgorithm { .. } => "algorithm",
            Self::UnknownIssuer { .. } | Self::Ambiguous(_) | Self::OtherTenant(_) => "issuer",
            Self::NoKeys(_) | Self::UnknownKey { .. } => "key",
            Self::Signature => "signature",
            Self::Expired(_) | Self::NotYet(_) | Self::IssuedLater(_) | Self::TooOld { .. } => "time",
            Self::Revoked | Self::RevocationsUnreadable(_) => "revoked",
            Self::Mapping(_) => "mapping",
        }
    }

    /// Whether it is no token at all, as opposed to one that is not accepted.
    pub fn is_malformed(&self) -> bool {
        matches!(
            self,
            Self::TooLong(_)
                | Self::Parts(_)
                | Self::Encoding { .. }
                | Self::Json { .. }
                | Self::Missing(_)
                | Self::Claim { .. }
        )
    }

    /// The next step, for the operator.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::TooLong(_) => "ask the issuer for fewer claims in the token",
            Self::Parts(_) | Self::Encoding { .. } | Self::Json { .. } => {
                "a token is `header.claims.signature`, each part base64url without padding: copy it whole, without spaces or quotes"
            }
            Self::Header(_) | Self::Type(_) | Self::Algorithm(_) => {
                "nothing here makes such a token acceptable; the issuer has to make another sort"
            }
            Self::Missing(_) | Self::Claim { .. } => {
                "the issuer has to put it in: `exp`, `iat`, `iss`, `aud` and `sub` are required, times are whole seconds"
            }
            Self::UnknownIssuer { .. } => {
                "`issuer` and `audience` of a `security.issuer` are compared byte by byte, a slash at the end counts"
            }
            Self::Ambiguous(_) => "ask the issuer for a token for one audience",
            Self::OtherTenant(_) => "a tenant accepts tokens of its own issuers only",
            Self::NoKeys(_) => {
                "see that `jwks` can be fetched from here; `moonward token inspect` says what goes wrong"
            }
            Self::UnknownKey { .. } => {
                "the issuer's keys are fetched again at most every 10 s; if it stays unknown, the token is of another issuer or its key was withdrawn"
            }
            Self::OtherAlgorithm { .. } => {
                "the key decides the algorithm; see `algorithms` and the key's `alg`"
            }
            Self::Signature => "the token was changed, or signed with another key of the same name",
            Self::Expired(_) | Self::TooOld { .. } => "ask the issuer for a new token",
            Self::NotYet(_) | Self::IssuedLater(_) => {
                "set the clocks of issuer and host; `leeway` is what may be between them"
            }
            Self::Revoked => {
                "revoked by subject, a token issued after the moment that `token revoke` said is good; revoked by `jti`, any other is"
            }
            Self::RevocationsUnreadable(_) => "until the file of revocations is readable nothing is accepted",
            Self::Mapping(_) => "see `actor` in the issuer's entry, and which claims the token has",
        }
    }
}

fn quoted(texts: &[String]) -> String {
    texts.iter().map(|text| format!("`{text}`")).collect::<Vec<_>>().join(", ")
}
