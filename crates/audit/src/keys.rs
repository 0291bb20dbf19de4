//! The keys of one open log: the one that signs, the one that is to be the next, those that were before; and what a
//! start does when the last checkpoint is of another than the one in place.
//!
//! | the last checkpoint is of | a start |
//! |---|---|
//! | the key in place | goes on |
//! | the next key, beside it | was stopped while the key was changed: it puts that one in place |
//! | any other key | records the change, signed by the new one alone, and warns |
//!
//! Also a former key that is beside it is another key: it is kept for those who ask for it, and who has stolen it must not
//! be able to have the new key vouch for a log of theirs. A log that shares its key file with another one is handed over by
//! its operator: [`Options::hand_over`](crate::Options::hand_over).

use std::path::Path;

use crate::error::{RotateError, Unavailable};
use crate::key::{KeyId, SigningKey, VerifyingKey};
use crate::key_file::KeyFile;
use crate::secret::KeyFileError;

/// The keys of a log that is open.
#[derive(Debug)]
pub(crate) struct Keys {
    file: KeyFile,
    /// In place.
    current: SigningKey,
    /// Signs until a change of keys is on record; the same nearly always.
    signing: SigningKey,
    /// The key that signed before, when it is not at hand.
    gone: Option<KeyId>,
}

impl Keys {
    /// The key file, with a key in it.
    pub(crate) fn open(path: &Path, log: &Path) -> Result<Self, KeyFileError> {
        let (file, current) = KeyFile::open(path, log)?;
        Ok(Self { file, signing: current.clone(), current, gone: None })
    }

    /// The key of this id, in place or beside it. A file beside that cannot be used is told by [`Self::settle`].
    pub(crate) fn find(&self, id: KeyId) -> Option<VerifyingKey> {
        let beside = [self.file.next(), self.file.former(id)];
        let keys = beside.into_iter().filter_map(Result::ok).flatten();
        keys.chain([self.current.clone()]).map(|key| key.verifying()).find(|key| key.id() == id)
    }

    /// Makes up for whatever happened to the keys since the last checkpoint. Gives the key that has to come on record.
    /// `hand_over` says that a former key beside it is as good as the one in place.
    pub(crate) fn settle(
        &mut self,
        signer: Option<KeyId>,
        hand_over: bool,
    ) -> Result<Option<SigningKey>, KeyFileError> {
        let current = self.current.verifying().id();
        let Some(signer) = signer.filter(|signer| *signer != current) else {
            self.file.discard()?;
            return Ok(None);
        };
        if let Some(next) = self.file.next()?.filter(|key| key.verifying().id() == signer) {
            self.file.install(current)?;
            (self.current, self.signing) = (next.clone(), next);
            return Ok(None);
        }
        let former = if hand_over { self.file.former(signer)? } else { None };
        match former {
            Some(former) => self.signing = former,
            None => {
                tracing::warn!(
                    signed_by = %signer, key = %current,
                    "the key of the audit log is not the one that signed it so far: neither hands over to the other, and `moonward \
                     audit verify` needs both from here on (`--key`). If another log has the same key file, and its key was changed, see \
                     `moonward audit rotate-key --hand-over`"
                );
                self.gone = Some(signer);
            }
        }
        Ok(Some(self.current.clone()))
    }

    /// Changes the key for a new one: `record` has to make that durable in the log.
    pub(crate) fn rotate(
        &mut self,
        record: impl FnOnce(SigningKey) -> Result<(), Unavailable>,
    ) -> Result<VerifyingKey, RotateError> {
        let (new, _others_keep_off) = self.file.prepare()?;
        record(new.clone())?;
        self.file.install(self.current.verifying().id())?;
        (self.current, self.signing) = (new.clone(), new);
        Ok(self.verifying())
    }

    /// The key that signs until a change is on record.
    pub(crate) fn signing(&self) -> SigningKey {
        self.signing.clone()
    }

    /// The key that signed before, when it is not at hand.
    pub(crate) fn gone(&self) -> Option<KeyId> {
        self.gone
    }

    /// What checks signatures of the key in place.
    pub(crate) fn verifying(&self) -> VerifyingKey {
        self.current.verifying()
    }
}
