//! What policies are studied with: an app's policies and facts, files on their own, fixtures, and tests.
//!
//! Everything comes from files; nothing is run, and of logs only `replay` reads any. What a policy allows is the policy engine's
//! to say.

mod files;
mod fixtures;
mod premises;
mod proofs;
mod property;
mod replay;
mod run_tests;
pub mod suggest;
mod suite;
mod vocabulary;
mod who;

pub use premises::{Premises, WithFiles};
pub use proofs::Proofs;
pub use property::{NotPosed, Posed, Property};
pub use replay::{AnswerChange, Decided, Outcome, Seen, replay};
pub use suite::{Cell, Expected, Suites, Test};
pub use who::{Ask, Asked, NoRoll, Roll};
