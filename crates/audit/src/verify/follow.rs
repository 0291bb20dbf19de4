//! Whether one record follows another, and which of both is wrong when it does not.

use super::verdict::Wrong;
use crate::checkpoint::Hash;

/// A record as the next one needs it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Link {
    pub(super) seq: u64,
    pub(super) hash: Hash,
    pub(super) prev: Hash,
}

/// How a record does not follow the one before it.
pub(super) enum Misfit {
    /// It is wrong itself, or what should be there is missing.
    Here(u64, Wrong),
    /// The one before it is wrong.
    Before(u64, Wrong),
}

/// Whether a record follows another one; if not, which of both is wrong, and how.
pub(super) fn follows(before: Link, seq: u64, prev: Hash) -> Option<Misfit> {
    let expected = before.seq.saturating_add(1);
    if seq == expected {
        return match digits_apart(prev, before.hash) {
            0 => None,
            // Two hashes of different lines have few digits in common: so this is no other hash, but a changed one.
            1..16 => Some(Misfit::Here(seq, Wrong::PrevChanged)),
            _ => Some(Misfit::Before(before.seq, Wrong::Changed)),
        };
    }
    Some(if prev == before.hash {
        Misfit::Here(expected, Wrong::Renumbered { found: seq })
    } else if seq == before.seq && prev == before.prev {
        Misfit::Here(seq, Wrong::Twice)
    } else if seq > expected {
        Misfit::Here(expected, Wrong::Missing { next: seq })
    } else {
        Misfit::Here(expected, Wrong::OutOfOrder { found: seq })
    })
}

/// In how many hex digits two hashes differ.
fn digits_apart(one: Hash, other: Hash) -> usize {
    let differ = |(one, other): (u8, u8)| {
        usize::from((one ^ other) & 0xf0 != 0) + usize::from((one ^ other) & 0x0f != 0)
    };
    one.into_iter().zip(other).map(differ).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_does_not_follow_says_which_is_wrong() {
        let before = Link { seq: 7, hash: [0xaa; 32], prev: [0xbb; 32] };
        let mut flipped = before.hash;
        flipped[3] ^= 4;
        for (seq, prev, expected) in [
            (8, [0xaa; 32], None),
            (8, flipped, Some((8, Wrong::PrevChanged))),
            (8, [0x11; 32], Some((7, Wrong::Changed))),
            (9, [0xaa; 32], Some((8, Wrong::Renumbered { found: 9 }))),
            (7, [0xbb; 32], Some((7, Wrong::Twice))),
            (7, [0xaa; 32], Some((8, Wrong::Renumbered { found: 7 }))),
            (10, [0xcc; 32], Some((8, Wrong::Missing { next: 10 }))),
            (3, [0xcc; 32], Some((8, Wrong::OutOfOrder { found: 3 }))),
        ] {
            let found = follows(before, seq, prev).map(|misfit| match misfit {
                Misfit::Here(record, wrong) | Misfit::Before(record, wrong) => (record, wrong),
            });
            assert_eq!(found, expected, "{seq}");
        }
        let last = Link { seq: u64::MAX, ..before };
        assert!(follows(last, 1, [0; 32]).is_some());
    }
}
