//! Who is it? Tokens of outside issuers, verified and turned into actors and scopes; what ends the sessions that they begin.
//!
//! [`Issuers::authenticate`] takes a JSON Web Token apart with readers of its own ([`compact`], [`strict`], [`claims`]), finds
//! the key that its issuer serves ([`key`], [`jwks`]), has the signature verified, and lets the issuer's rules say what the
//! claims are worth ([`mapping`]). It never waits for a network: a [`Keeper`] fetches keys beside it ([`fetch`]) and reads
//! what was revoked ([`revocation`]). What RFC 8725 asks for is done here, whatever the library that verifies signatures
//! would let pass.
//!
//! This crate is the only one that names a signature or speaks HTTP. It knows no Lua, no manifest and no process: whoever
//! runs processes asks [`Issuers::still_good`] about the sessions that they carry.

mod algorithm;
mod claims;
mod compact;
mod decoy;
mod development;
mod fetch;
mod inspect;
mod issuer;
mod issuers;
mod jwks;
mod keeper;
mod key;
pub mod limits;
mod mapping;
mod refused;
mod revocation;
mod session;
mod settings;
mod strict;
mod validity;

pub use algorithm::Algorithm;
pub use development::{DEVELOPMENT_PREFIX, DevelopmentKey, InvalidDevelopmentKey, random_id};
pub use fetch::{InvalidUrl, check_url};
pub use inspect::{ClaimLine, Inspection};
pub use issuers::{Issuers, Refresh};
pub use keeper::{Change, Clock, Keeper, system_clock};
pub use mapping::{Condition, Grant, InvalidMapping, Mapping, Rule, RuleOutcome, Template};
pub use refused::{Cause, Refused};
pub use revocation::{Revocation, RevocationError, Revocations, Revoked};
pub use session::{Authenticated, Ended, Session};
pub use settings::{InvalidIssuer, KeyFile, KeySource, Settings};

pub use policy::AssertedBy;
