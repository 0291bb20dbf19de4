//! Where the signing key is kept: a PKCS#8 file in PEM (RFC 5958, RFC 8410), as `openssl pkey` reads it, and what
//! is beside it while it is changed for another.
//!
//! | beside `audit.ed25519` | is |
//! |---|---|
//! | `audit.ed25519.new` | the next key, until the log has it on record |
//! | `audit.ed25519.<key id>.old` | a key that was used until then |
//!
//! Whose signatures are to be trusted is not known here.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, KeypairBytes};

use crate::digest::{hex, key};
use crate::disk::sync_folder_of;
use crate::key::{KeyId, SigningKey, VerifyingKey};
use crate::regular;
use crate::secret::{self, KeyFileError, with_suffix};

/// What a key file is to hold.
const EXPECTED: &str = "an Ed25519 private key (PKCS#8, in PEM)";

/// The public key of a key file, for those who check signatures. Modes and owner are not looked at.
///
/// # Errors
/// It cannot be read, or holds no key.
pub fn verifying_key_of(path: &Path) -> Result<VerifyingKey, KeyFileError> {
    parse(path, &secret::read_as_it_is(path)?).map(|key| key.verifying())
}

/// The key of commitments, in a file beside the signing key: 64 hexadecimal digits. Made when there is none.
pub(crate) fn redaction_key(signing: &Path, log: &Path) -> Result<[u8; 32], KeyFileError> {
    let path = signing.with_file_name("audit.hmac");
    let bytes =
        secret::open_or_make(&path, log, || key().map(|key| format!("{}\n", hex(&key)).into_bytes()))?;
    let text = str::from_utf8(&bytes).unwrap_or_default().trim_end();
    let key =
        text.as_bytes().chunks(2).map(|digits| u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok());
    let key = key.collect::<Option<Vec<u8>>>().and_then(|key| key.try_into().ok());
    // Only as it is written: no signs, no upper case.
    let key = key.filter(|key: &[u8; 32]| hex(key) == text);
    key.ok_or(KeyFileError::NoKey { file: path, expected: "a key of 64 hexadecimal digits" })
}

/// The key file of one log, or of several.
#[derive(Debug, Clone)]
pub(crate) struct KeyFile {
    path: PathBuf,
}

impl KeyFile {
    /// The file, and the key in it; both are made when there is none.
    pub(crate) fn open(path: &Path, log: &Path) -> Result<(Self, SigningKey), KeyFileError> {
        let bytes = secret::open_or_make(path, log, || written(&fresh()?))?;
        let key = parse(path, &bytes)?;
        Ok((Self { path: path.into() }, key))
    }

    /// The key that was to be the next when somebody stopped in the middle.
    pub(crate) fn next(&self) -> Result<Option<SigningKey>, KeyFileError> {
        read(&self.next_path())
    }

    /// A key that was used before, if it is still there.
    pub(crate) fn former(&self, id: KeyId) -> Result<Option<SigningKey>, KeyFileError> {
        read(&self.former_path(id)).map(|key| key.filter(|key| key.verifying().id() == id))
    }

    /// Makes the key that is to be the next, and keeps it beside; the lock is whoever's who changes keys.
    pub(crate) fn prepare(&self) -> Result<(SigningKey, File), KeyFileError> {
        let path = self.next_path();
        let unusable = |error: io::Error| KeyFileError::unusable(&path, error);
        let key = fresh().map_err(unusable)?;
        let made = secret::write_new(&path, &written(&key).map_err(unusable)?);
        let file = made.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => KeyFileError::unusable(
                &path,
                "the key is being changed already; a start settles what was left over",
            ),
            _ => unusable(error),
        })?;
        file.lock().map_err(unusable)?;
        sync_folder_of(&path).map_err(unusable)?;
        Ok((key, file))
    }

    /// Puts the next key in the place of this one, which is kept. At any moment there is a whole key in place.
    pub(crate) fn install(&self, former: KeyId) -> Result<(), KeyFileError> {
        let unusable = |error: io::Error| KeyFileError::unusable(&self.path, error);
        // A copy, so that no key file ever has two names. A start after a crash makes it for the second time.
        let (kept, beside) = (self.former_path(former), with_suffix(&self.former_path(former), "new"));
        let key = secret::read(&self.path)?.ok_or_else(|| unusable(io::ErrorKind::NotFound.into()))?;
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(unusable(error)),
            _ => {}
        }
        secret::write_new(&beside, &key).map_err(unusable)?;
        fs::rename(&beside, &kept).map_err(unusable)?;
        sync_folder_of(&kept).map_err(unusable)?;
        fs::rename(self.next_path(), &self.path).map_err(unusable)?;
        sync_folder_of(&self.path).map_err(unusable)
    }

    /// Removes a next key that is on no record, unless somebody is about to put it there.
    pub(crate) fn discard(&self) -> Result<(), KeyFileError> {
        let path = self.next_path();
        let unusable = |error: io::Error| KeyFileError::unusable(&path, error);
        let file = match regular::open(OpenOptions::new().read(true).write(true), &path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            opened => opened.map_err(unusable)?,
        };
        match file.try_lock() {
            Ok(()) => fs::remove_file(&path).and_then(|()| sync_folder_of(&path)).map_err(unusable),
            Err(TryLockError::WouldBlock) => Ok(()),
            Err(TryLockError::Error(error)) => Err(unusable(error)),
        }
    }

    fn next_path(&self) -> PathBuf {
        with_suffix(&self.path, "new")
    }

    fn former_path(&self, id: KeyId) -> PathBuf {
        with_suffix(&self.path, &format!("{id}.old"))
    }
}

fn fresh() -> io::Result<SigningKey> {
    key().map(|seed| SigningKey::new(&seed))
}

fn read(path: &Path) -> Result<Option<SigningKey>, KeyFileError> {
    secret::read(path)?.map(|bytes| parse(path, &bytes)).transpose()
}

/// Without the public key, which would make it a form that OpenSSL reads only since 3.0.
fn written(key: &SigningKey) -> io::Result<Vec<u8>> {
    let pair = KeypairBytes { secret_key: key.pair().to_bytes(), public_key: None };
    let text = pair.to_pkcs8_pem(LineEnding::LF).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(text.as_bytes().to_vec())
}

fn parse(path: &Path, bytes: &[u8]) -> Result<SigningKey, KeyFileError> {
    let pair = str::from_utf8(bytes).ok().and_then(|text| KeypairBytes::from_pkcs8_pem(text).ok());
    // A public part that is another key's is refused.
    let pair = pair.and_then(|pair| ed25519_dalek::SigningKey::try_from(pair).ok());
    let pair = pair.ok_or_else(|| KeyFileError::NoKey { file: path.into(), expected: EXPECTED })?;
    Ok(SigningKey::new(&pair.to_bytes()))
}
