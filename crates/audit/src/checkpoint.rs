//! The head of the chain, signed: how many records there are, and what the last one hashes to (docs/audit-format.md).
//!
//! When one is due is the writer's to know.

use value::base64::{Alphabet, decode, encode};

use crate::key::{KeyId, SigningKey, VerifyingKey};
use crate::note::{InvalidNote, Note};

/// What the origin begins with; the id of record 1 follows.
const ORIGIN: &str = "moonward.audit/";

/// SHA-256 of a line with its line feed.
pub(crate) type Hash = [u8; 32];

/// What `prev` of record 1 is.
pub(crate) const GENESIS: Hash = [0; 32];

/// A checkpoint, with whoever signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    note: Note,
    head: Head,
}

/// What a checkpoint says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Which log: the id of its record 1.
    pub log: String,
    /// How many records it has, from record 1, whether they are still there or not.
    pub records: u64,
    /// SHA-256 of the line of the last of them.
    pub hash: [u8; 32],
}

impl Checkpoint {
    /// A head signed by a key.
    pub(crate) fn signed(head: Head, key: &SigningKey) -> Self {
        Self { note: Note::signed(write_head(&head, ""), &[key]), head }
    }

    /// Reads what [`Display`](std::fmt::Display) writes. Who signed it is not looked at.
    ///
    /// # Errors
    /// It is no signed note, or no checkpoint of an audit log.
    pub fn parse(text: &str) -> Result<Self, InvalidNote> {
        let note = Note::parse(text)?;
        let lines: Vec<&str> = note.text().lines().collect();
        let &[origin, records, hash] = lines.as_slice() else {
            return Err(InvalidNote("it has not three lines"));
        };
        let head = parse_head(origin, records, hash, "")?;
        Ok(Self { note, head })
    }

    /// What it says.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Whether this key's owner signed it.
    pub fn is_signed_by(&self, key: &VerifyingKey) -> bool {
        self.note.is_signed_by(key)
    }

    /// The ids of the keys that are said to have signed it.
    pub fn key_ids(&self) -> impl Iterator<Item = KeyId> {
        self.note.key_ids()
    }
}

/// A head in three lines; the first says after the log what it is for.
pub(crate) fn write_head(head: &Head, purpose: &str) -> String {
    let hash = encode(&head.hash, Alphabet::Standard);
    format!("{ORIGIN}{}{purpose}\n{}\n{hash}\n", head.log, head.records)
}

/// Reads what [`write_head`] writes, line by line.
pub(crate) fn parse_head(
    origin: &str,
    records: &str,
    hash: &str,
    purpose: &str,
) -> Result<Head, InvalidNote> {
    let log = origin.strip_prefix(ORIGIN).and_then(|rest| rest.strip_suffix(purpose));
    let log = log.ok_or(InvalidNote("it is not of an audit log"))?.to_owned();
    let number = records.parse().ok().filter(|number: &u64| number.to_string() == records);
    let number = number.ok_or(InvalidNote("its count is no number"))?;
    let hash = decode(hash.as_bytes(), Alphabet::Standard).ok().and_then(|hash| Hash::try_from(&*hash).ok());
    Ok(Head { log, records: number, hash: hash.ok_or(InvalidNote("its hash is none"))? })
}

impl std::fmt::Display for Checkpoint {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.note.fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_reads_back_and_holds_only_its_own_form() {
        let key = SigningKey::new(&[3; 32]);
        let head = Head { log: "01JDA7E0Q4V4R6ZD2M1W5X8Y9B".to_owned(), records: 1000, hash: [9; 32] };
        let text = Checkpoint::signed(head.clone(), &key).to_string();
        let read = Checkpoint::parse(&text).unwrap();
        assert_eq!(read.head(), &head);
        assert!(read.is_signed_by(&key.verifying()));
        for (from, to) in
            [("moonward.audit/01", "other/01"), ("\n1000\n", "\n+1000\n"), ("\n1000\n", "\n"), ("CQk", "CQ")]
        {
            assert!(Checkpoint::parse(&text.replacen(from, to, 1)).is_err(), "{to}");
        }
    }
}
