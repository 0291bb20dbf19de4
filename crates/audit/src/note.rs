//! Signed notes: some lines of text, and who signed them (C2SP signed-note, https://c2sp.org/signed-note).
//!
//! What the text says is [`crate::checkpoint`]'s to know.

use value::base64::{Alphabet, decode, encode};

use crate::key::{KEY_NAME, KeyId, SigningKey, VerifyingKey};

/// What a line of a signature begins with: an em dash and a space.
const SIGNATURE: &str = "\u{2014} ";

/// A text with its signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Note {
    text: String,
    signatures: Vec<(KeyId, [u8; 64])>,
}

/// The text is no signed note.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a signed note: {0}")]
pub struct InvalidNote(pub(crate) &'static str);

impl Note {
    /// A text, which ends in a line feed, signed by each of these keys.
    pub(crate) fn signed(text: String, keys: &[&SigningKey]) -> Self {
        let sign = |key: &&SigningKey| (key.verifying().id(), key.sign(text.as_bytes()));
        let signatures = keys.iter().map(sign).collect();
        Self { text, signatures }
    }

    /// The note as it is written down.
    pub(crate) fn parse(note: &str) -> Result<Self, InvalidNote> {
        let (text, below) = note.rsplit_once("\n\n").ok_or(InvalidNote("there is no empty line"))?;
        let lines =
            below.strip_suffix('\n').ok_or(InvalidNote("it does not end in a line feed"))?.split('\n');
        let mut signatures = Vec::new();
        for line in lines {
            let line = line.strip_prefix(SIGNATURE).ok_or(InvalidNote("a line is no signature"))?;
            let (name, encoded) = line.split_once(' ').ok_or(InvalidNote("a signature has no key name"))?;
            // Others may sign it too, by keys and in ways that we need not know.
            if name == KEY_NAME
                && let Ok(bytes) = decode(encoded.as_bytes(), Alphabet::Standard)
                && let Some((id, signature)) = bytes.split_first_chunk()
                && let Ok(signature) = signature.try_into()
            {
                signatures.push((KeyId(*id), signature));
            }
        }
        Ok(Self { text: format!("{text}\n"), signatures })
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The ids of the keys that are said to have signed.
    pub(crate) fn key_ids(&self) -> impl Iterator<Item = KeyId> {
        self.signatures.iter().map(|(id, _)| *id)
    }

    /// Whether this key's owner signed it.
    pub(crate) fn is_signed_by(&self, key: &VerifyingKey) -> bool {
        let id = key.id();
        self.signatures
            .iter()
            .any(|(by, signature)| *by == id && key.verifies(self.text.as_bytes(), signature))
    }
}

impl std::fmt::Display for Note {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(formatter, "{}", self.text)?;
        for (KeyId(id), signature) in &self.signatures {
            let bytes = [id.as_slice(), signature].concat();
            writeln!(formatter, "{SIGNATURE}{KEY_NAME} {}", encode(&bytes, Alphabet::Standard))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_reads_back_and_is_signed_by_who_signed_it_only() {
        let [one, other] = [[1; 32], [2; 32]].map(|seed| SigningKey::new(&seed));
        let note = Note::signed("origin\n7\n".to_owned(), &[&one]);
        let read = Note::parse(&note.to_string()).unwrap();
        assert_eq!(read, note);
        assert!(read.is_signed_by(&one.verifying()) && !read.is_signed_by(&other.verifying()));
        let forged = note.to_string().replace("\n7\n", "\n8\n");
        assert!(!Note::parse(&forged).unwrap().is_signed_by(&one.verifying()));
        for other in ["", "origin\n7\n", "origin\n\nsigned\n", "origin\n\n\u{2014} moonward.audit AAAA"] {
            assert!(Note::parse(other).is_err(), "{other}");
        }
    }
}
