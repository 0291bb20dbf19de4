//! Proofs: what policies can never do, shown for every request that there can be, not for those that somebody thought of.
//!
//! A property comes apart into claims, one for each permission and, where it is about scopes, each scope: whatever the
//! one set of policies allows, the other allows as well. Cedar's symbolic compiler turns a claim into a question for a
//! solver. `unsat` is a proof; a counterexample counts only when the engine itself decides it so. Everything else is unknown,
//! and said to be.

mod access;
mod claim;
mod confirm;
mod errors;
mod held;
mod holding;
mod invariant;
mod isolation;
mod known;
mod naming;
mod programs;
mod side;
mod solver;
mod strict;
mod sweep;

pub use access::no_new_access;
pub use claim::{About, Claim, Counterexample, Expected, NotAsked, Outcome, digest};
pub use errors::never_errors;
pub use holding::{Holder, Holding, not_compared};
pub use invariant::Invariants;
pub use isolation::isolation;
#[cfg(test)]
pub(crate) use known::{Known, Named};
pub use solver::{NoSolver, Solver};
pub use sweep::sweep;

/// Versions of what proofs are made with, besides the solver: the language, and the two libraries.
pub fn engine_versions() -> String {
    format!("Cedar language {}, {ENGINE}", cedar_policy::get_lang_version())
}

/// The libraries as `Cargo.toml` has them; a test holds it against `Cargo.lock`.
const ENGINE: &str = "cedar-policy 4.14.1, cedar-policy-symcc 0.8.1";

#[cfg(test)]
mod tests {
    #[test]
    fn the_versions_of_the_engine_are_those_that_are_built_in() {
        let lock = include_str!("../../../Cargo.lock");
        for library in super::ENGINE.split(", ") {
            let (name, version) = library.split_once(' ').unwrap();
            assert!(lock.contains(&format!("name = \"{name}\"\nversion = \"{version}\"\n")), "{library}");
        }
    }
}
