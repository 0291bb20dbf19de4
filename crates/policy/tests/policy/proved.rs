//! Proofs by a real solver: what is proved of the shipped guard, and that none of its forbids can go.
//!
//! Without a `cvc5` there is nothing to ask, which is said; `MOONWARD_REQUIRE_CVC5=1` makes that a failure.

use std::time::Duration;

use policy::prove::{self, Claim, Expected, Outcome, Solver};
use policy::study::Study;
use policy::{Bundle, BundleSources};

/// Long enough for a machine that does a lot else.
const WAIT: Duration = Duration::from_secs(300);

pub(crate) fn solver() -> Option<Solver> {
    match Solver::find(None) {
        Ok(solver) => Some(solver),
        Err(why) => {
            let required = std::env::var_os("MOONWARD_REQUIRE_CVC5").is_some_and(|value| value == "1");
            assert!(!required, "{why}");
            println!("{why}: nothing was proved");
            None
        }
    }
}

fn sweep(study: &Study, claims: &[Claim], solver: &Solver) -> Vec<Outcome> {
    prove::sweep(study, claims, solver, WAIT, |_| {}).unwrap()
}

fn shipped() -> Study {
    Study::new(Bundle::load(BundleSources::default()).unwrap())
}

#[test]
fn the_shipped_guard_keeps_tenants_apart_in_every_request_environment() {
    let Some(solver) = solver() else { return };
    let study = shipped();
    let claims = prove::isolation(&study).unwrap();
    assert_eq!(claims.len(), policy::permission::ALL.len());
    let start = std::time::Instant::now();
    for (claim, outcome) in claims.iter().zip(sweep(&study, &claims, &solver)) {
        assert!(matches!(outcome, Outcome::Proved), "{}: {outcome:?}", claim.spec.action);
    }
    println!("{} claims in {:?}", claims.len(), start.elapsed());
}

#[test]
fn each_forbid_of_the_shipped_guard_is_needed() {
    let Some(solver) = solver() else { return };
    let ids: Vec<String> = shipped().policies().map(|policy| policy.id.to_string()).collect();
    assert_eq!(ids.len(), 16);
    for id in ids {
        let study = shipped().without(std::slice::from_ref(&id)).unwrap().unwrap();
        let claims = prove::isolation(&study).unwrap();
        let outcomes = sweep(&study, &claims, &solver);
        let mut broken = 0;
        for (claim, outcome) in claims.iter().zip(outcomes) {
            match outcome {
                Outcome::Proved => {}
                Outcome::Counterexample(found) => {
                    broken += 1;
                    assert!(found.verdict.allows() && found.expected == Expected::DeniedByGuard);
                }
                Outcome::Unknown(why) => panic!("without {id}, {}: {why}", claim.spec.action),
            }
        }
        println!("without {id}: {broken} counterexamples");
        assert!(broken > 0, "{id} is not needed");
    }
}
