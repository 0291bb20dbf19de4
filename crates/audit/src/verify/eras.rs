//! The parts of a log within which trust is handed over: another one begins where a key was lost, since the key that signs from
//! there on was named by nobody but its owner.
//!
//! Whether what is said to be signed is so was looked at before.

use super::verdict::Doubt;
use crate::key::VerifyingKey;

/// All of them, in order; at least one.
#[derive(Debug)]
pub(super) struct Eras(Vec<Era>);

/// One part.
#[derive(Debug, Default)]
struct Era {
    /// Its first record: the one that says that a key was lost; 0 of the first part.
    first: u64,
    /// Its last record that signs what is before it; 0 without one.
    signed: u64,
    /// Records that sign.
    checkpoints: u64,
    /// The keys that were in force, in order.
    keys: Vec<VerifyingKey>,
}

impl Era {
    /// Whether one of its keys is trusted, which hands the trust on to all of them.
    fn is_trusted(&self, trust: &[VerifyingKey]) -> bool {
        self.keys.iter().any(|key| trust.contains(key))
    }
}

impl Eras {
    /// Of a log of which nothing is known yet.
    pub(super) fn new() -> Self {
        Self(vec![Era::default()])
    }

    /// A key was lost, as this record says.
    pub(super) fn begin(&mut self, first: u64) {
        self.0.push(Era { first, ..Era::default() });
    }

    /// A key is in force.
    pub(super) fn enter(&mut self, key: VerifyingKey) {
        if let Some(era) = self.0.last_mut() {
            era.keys.push(key);
        }
    }

    /// So many more records sign, up to this one.
    pub(super) fn sign(&mut self, record: u64, checkpoints: u64) {
        if let Some(era) = self.0.last_mut() {
            era.signed = era.signed.max(record);
            era.checkpoints += checkpoints;
        }
    }

    /// All keys that were in force, in order.
    pub(super) fn keys(&self) -> Vec<VerifyingKey> {
        self.0.iter().flat_map(|era| &era.keys).copied().collect()
    }

    /// Those of the parts that a trusted key vouches for.
    pub(super) fn trusted_keys(&self, trust: &[VerifyingKey]) -> Vec<VerifyingKey> {
        self.trusted(trust).flat_map(|era| &era.keys).copied().collect()
    }

    /// Records that sign in these parts.
    pub(super) fn checkpoints(&self, trust: &[VerifyingKey]) -> u64 {
        self.trusted(trust).map(|era| era.checkpoints).sum()
    }

    /// Why trusted keys do not vouch for all parts, if they do not, of a log of these records.
    pub(super) fn doubt(&self, trust: &[VerifyingKey], first: u64, last: u64) -> Option<Doubt> {
        match self.trusted(trust).count() {
            count if count == self.0.len() => return None,
            0 => return Some(Doubt::NotTrusted),
            _ => {}
        }
        let (mut vouched, mut others) = (Vec::new(), Vec::new());
        for (at, era) in self.0.iter().enumerate() {
            let next = self.0.get(at + 1);
            let from = era.first.max(first);
            let to = next.map_or(last, |next| next.first.saturating_sub(1));
            let through = match (era.is_trusted(trust), next.is_some_and(|next| next.is_trusted(trust))) {
                (false, _) => from.saturating_sub(1),
                // The next part begins with a signature on what is before it.
                (true, true) => to,
                (true, false) => era.signed.min(to),
            };
            add(&mut vouched, from, through);
            add(&mut others, from.max(through.saturating_add(1)), to);
        }
        Some(Doubt::KeyLost { vouched, others })
    }

    fn trusted(&self, trust: &[VerifyingKey]) -> impl Iterator<Item = &Era> {
        self.0.iter().filter(|era| era.is_trusted(trust))
    }
}

/// Adds what is not empty, to the range before where it goes on with that.
fn add(ranges: &mut Vec<(u64, u64)>, from: u64, to: u64) {
    match ranges.last_mut() {
        _ if from > to => {}
        Some((_, end)) if end.saturating_add(1) == from => *end = to,
        _ => ranges.push((from, to)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::SigningKey;

    #[test]
    fn each_record_is_vouched_for_or_not_and_never_both() {
        let keys = [1, 2, 3].map(|seed| SigningKey::new(&[seed; 32]).verifying());
        let mut eras = Eras::new();
        for (first, key) in [1, 11, 21].into_iter().zip(keys) {
            if first > 1 {
                eras.begin(first);
            }
            eras.enter(key);
            eras.sign(first + 7, 1);
        }
        let lost = |vouched: &[(u64, u64)], others: &[(u64, u64)]| {
            Some(Doubt::KeyLost { vouched: vouched.to_vec(), others: others.to_vec() })
        };
        let [one, two, three] = keys;
        for (trust, expected) in [
            (vec![], Some(Doubt::NotTrusted)),
            (vec![one, two, three], None),
            (vec![one], lost(&[(3, 8)], &[(9, 30)])),
            (vec![two], lost(&[(11, 18)], &[(3, 10), (19, 30)])),
            (vec![three], lost(&[(21, 28)], &[(3, 20), (29, 30)])),
            (vec![one, two], lost(&[(3, 18)], &[(19, 30)])),
            (vec![one, three], lost(&[(3, 8), (21, 28)], &[(9, 20), (29, 30)])),
        ] {
            assert_eq!(eras.doubt(&trust, 3, 30), expected, "{} trusted", trust.len());
        }
    }
}
