//! The change of the signing key, as a signed note: which key signs from here on, said by both (docs/audit-format.md).
//!
//! Whom to trust, and where the note stands in the chain, is not known here.

use std::fmt;
use std::str::FromStr;

use crate::checkpoint::{Head, parse_head, write_head};
use crate::key::{KeyId, SigningKey, VerifyingKey};
use crate::note::{InvalidNote, Note};

/// What follows the origin, so that no checkpoint passes for this.
const PURPOSE: &str = " key";

/// A change of keys, with whoever signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRotation {
    note: Note,
    head: Head,
    old: FormerKey,
    new: VerifyingKey,
}

/// The key that signed before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormerKey {
    /// It was at hand, and signed the change.
    AtHand(VerifyingKey),
    /// It was not: no more than its id was known, from the last checkpoint.
    Gone(KeyId),
}

impl KeyRotation {
    /// A change from a key at hand.
    pub(crate) fn signed(head: Head, old: &SigningKey, new: &SigningKey) -> Self {
        Self::of(head, FormerKey::AtHand(old.verifying()), new, &[old, new])
    }

    /// A change from a key that is gone, which only the new one can sign.
    pub(crate) fn signed_alone(head: Head, old: KeyId, new: &SigningKey) -> Self {
        Self::of(head, FormerKey::Gone(old), new, &[new])
    }

    fn of(head: Head, old: FormerKey, new: &SigningKey, signers: &[&SigningKey]) -> Self {
        let new = new.verifying();
        let text = format!("{}old {old}\nnew {new}\n", write_head(&head, PURPOSE));
        Self { note: Note::signed(text, signers), head, old, new }
    }

    /// Reads what [`Display`](fmt::Display) writes. Who signed it is not looked at.
    ///
    /// # Errors
    /// It is no signed note, or no change of keys of an audit log.
    pub fn parse(text: &str) -> Result<Self, InvalidNote> {
        let note = Note::parse(text)?;
        let lines: Vec<&str> = note.text().lines().collect();
        let &[origin, records, hash, old, new] = lines.as_slice() else {
            return Err(InvalidNote("it has not five lines"));
        };
        let head = parse_head(origin, records, hash, PURPOSE)?;
        let old = old.strip_prefix("old ").and_then(|old| old.parse().ok());
        let new = new.strip_prefix("new ").and_then(|new| new.parse().ok());
        let (old, new) = old.zip(new).ok_or(InvalidNote("its keys are none"))?;
        Ok(Self { note, head, old, new })
    }

    /// The records before it.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The key that signed before.
    pub fn old(&self) -> FormerKey {
        self.old
    }

    /// The key that signs from here on.
    pub fn new_key(&self) -> VerifyingKey {
        self.new
    }

    /// Whether this key's owner signed it.
    pub fn is_signed_by(&self, key: &VerifyingKey) -> bool {
        self.note.is_signed_by(key)
    }
}

impl fmt::Display for KeyRotation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.note.fmt(formatter)
    }
}

impl FormerKey {
    /// Whether it is this one, so far as is known of it.
    pub(crate) fn is(&self, key: &VerifyingKey) -> bool {
        match self {
            Self::AtHand(old) => old == key,
            Self::Gone(id) => *id == key.id(),
        }
    }
}

/// A verifier key, or the id of one.
impl fmt::Display for FormerKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtHand(key) => key.fmt(formatter),
            Self::Gone(id) => id.fmt(formatter),
        }
    }
}

impl FromStr for FormerKey {
    type Err = InvalidNote;

    fn from_str(text: &str) -> Result<Self, InvalidNote> {
        let id = || text.parse().map(Self::Gone).ok();
        text.parse().map(Self::AtHand).ok().or_else(id).ok_or(InvalidNote("its old key is none"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_keys_reads_back_with_those_who_signed_it() {
        let [old, new] = [[1; 32], [2; 32]].map(|seed| SigningKey::new(&seed));
        let head = Head { log: "01JDA7E0Q4V4R6ZD2M1W5X8Y9B".to_owned(), records: 7, hash: [9; 32] };
        for (change, by_old) in [
            (KeyRotation::signed(head.clone(), &old, &new), true),
            (KeyRotation::signed_alone(head.clone(), old.verifying().id(), &new), false),
        ] {
            let read = KeyRotation::parse(&change.to_string()).unwrap();
            assert_eq!((&read, read.head(), read.new_key()), (&change, &head, new.verifying()));
            assert_eq!(
                [&old, &new].map(|key| read.is_signed_by(&key.verifying())),
                [by_old, true],
                "{change}"
            );
            let checkpoint = change.to_string().replacen(" key\n", "\n", 1);
            assert!(KeyRotation::parse(&checkpoint).is_err(), "the purpose is part of it");
        }
    }
}
