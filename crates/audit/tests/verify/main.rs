//! The verifier from the outside: what it finds in logs that were changed in every way there is, what it says of logs
//! that nobody vouches for, and that others read the format as it does.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests may fail loudly, and so may what they share"
)]

mod by_hand;
mod hostile;
mod mutation;
mod python;
mod trust;
mod vectors;

use std::path::Path;

use audit::{Checkpoint, Doubt, Finding, Question, Verdict, VerifyingKey, verify};

use by_hand::KEY;

/// The verdict on a folder.
fn judge(folder: &Path, trust: &[VerifyingKey], against: Option<&Checkpoint>) -> Verdict {
    verify(&Question { folder, trust, in_force: &[], against, since: None }, &|_| {}).unwrap()
}

/// The verdict of who trusts the key that logs by hand are signed with.
fn found(folder: &Path) -> Finding {
    judge(folder, &[by_hand::verifying(KEY)], None).finding
}

/// The number of the first wrong record, and what is wrong with it.
#[track_caller]
fn tampered(finding: &Finding) -> (u64, String) {
    match finding {
        Finding::Tampered(tampering) => (tampering.record, tampering.wrong.to_string()),
        other => panic!("expected tampering, found {other:?}"),
    }
}

/// The doubt of an unverifiable log.
#[track_caller]
fn doubted(finding: &Finding) -> Doubt {
    match finding {
        Finding::Unverifiable(doubt) => doubt.clone(),
        other => panic!("expected a doubt, found {other:?}"),
    }
}

/// A small generator of numbers for tests (splitmix64).
struct Random(u64);

impl Random {
    /// The generator of `MOONWARD_SEED`, or of this moment; says which.
    fn seeded() -> Self {
        let given = std::env::var("MOONWARD_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(|| std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64);
        println!("MOONWARD_SEED={seed}");
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}
