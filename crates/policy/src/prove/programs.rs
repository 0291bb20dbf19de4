//! The programs that a proof is made by, told apart by what is in them: this one, and the solver.
//!
//! Of a solver the file itself counts. What it starts or loads in its turn, a library or the program behind a script, is known by
//! no more than the version that it says it has.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::limits::PROOF_PROGRAM_BYTES_MAX;

/// SHA-256 of the program that runs here, in hex: a build that proves otherwise is another program.
///
/// # Errors
/// It cannot be read, in words.
pub(super) fn own() -> Result<String, String> {
    let path = std::env::current_exe().map_err(|error| format!("this program is not found: {error}"))?;
    digest(&path)
}

/// Where the program at a path really is, and its SHA-256 in hex.
///
/// # Errors
/// It cannot be found or read, in words.
pub(super) fn solver(path: &Path) -> Result<(PathBuf, String), String> {
    let found = path.canonicalize().map_err(|error| format!("`{}` is not found: {error}", path.display()))?;
    let digest = digest(&found)?;
    Ok((found, digest))
}

fn digest(path: &Path) -> Result<String, String> {
    let unreadable = |why: &dyn std::fmt::Display| format!("`{}` cannot be read: {why}", path.display());
    let file = File::open(path).map_err(|error| unreadable(&error))?;
    let read = audit::digest::sha256_of(file.take(PROOF_PROGRAM_BYTES_MAX + 1));
    match read.map_err(|error| unreadable(&error))? {
        (_, bytes) if bytes > PROOF_PROGRAM_BYTES_MAX => {
            Err(unreadable(&format!("it is over {PROOF_PROGRAM_BYTES_MAX} bytes long")))
        }
        (digest, _) => Ok(audit::digest::hex(&digest)),
    }
}
