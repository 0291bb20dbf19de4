//! Files that are named by the SHA-256 of what is in them, so that a record can name them: there whole or not at all, and
//! never changed. What is in one is not known here, nor who may have how many.

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use crate::disk::Disk;
use crate::folder::partial;
use crate::regular;

/// Whether a text can be the name of one; anything else could lead elsewhere.
pub(crate) fn is_name(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// What is in one, but of no more than so many bytes, and one more, so that a longer one does not pass for its beginning.
/// Whoever reads it holds it against its name.
pub(crate) fn read(file: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let opened = regular::open(OpenOptions::new().read(true), file)?;
    opened.take(bytes_max + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Writes one, durably, in the place of what has its name: that may be half of one, or not on the disk. The folder is made,
/// when there is none. One at a time in a folder.
///
/// # Errors
/// What the disk says, and of which path. Nothing counts as written then.
pub(crate) fn put(
    disk: &dyn Disk,
    folder: &Path,
    name: &str,
    bytes: &[u8],
) -> Result<PathBuf, (PathBuf, io::Error)> {
    disk.make_folder(folder).map_err(|error| (folder.to_owned(), error))?;
    let file = folder.join(name);
    match put_file(disk, &file, bytes) {
        Ok(()) => Ok(file),
        Err(error) => Err((file, error)),
    }
}

/// Beside its place first, so that what has the name is whole.
fn put_file(disk: &dyn Disk, file: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = partial(file);
    let mut made = match disk.create(&beside) {
        // Of an attempt that ended in between.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            disk.remove(&beside)?;
            disk.create(&beside)?
        }
        made => made?,
    };
    let written = made.write(bytes).and_then(|()| made.sync());
    drop(made);
    let written = written.and_then(|()| disk.rename(&beside, file));
    if written.is_err() {
        // Whatever is left of it is nobody's, and takes room. What cannot be removed now is with the next attempt.
        let _ = disk.remove(&beside);
    }
    written
}
