//! Room on the disk that is held beforehand and given up for the last words of a log whose disk is full.
//!
//! The file is filled with zeros that were written, so that the room is taken and not only promised (a file system
//! that compresses or shares its blocks may still promise less). What goes into the room is the writer's business.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::disk::Disk;

/// Name of the file in the log's folder.
const NAME: &str = "reserve";

/// The reserve of one log.
pub(crate) struct Reserve {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    bytes: u64,
    is_held: bool,
}

impl Reserve {
    /// That of a folder, not held yet.
    pub(crate) fn of(disk: Arc<dyn Disk>, folder: &Path, bytes: u64) -> Self {
        Self { disk, path: folder.join(NAME), bytes, is_held: false }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the room, unless it is held: also with what an earlier run left of its own.
    ///
    /// # Errors
    /// There is not so much room, or whatever else the system says.
    pub(crate) fn hold(&mut self) -> io::Result<()> {
        if self.is_held {
            return Ok(());
        }
        match fs::symlink_metadata(&self.path) {
            Ok(found) if found.is_file() && found.len() == self.bytes => {}
            Ok(_) => {
                // A crash left a part of it, or it is of another size now.
                self.disk.remove(&self.path)?;
                self.disk.allocate(&self.path, self.bytes)?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.disk.allocate(&self.path, self.bytes)?;
            }
            Err(error) => return Err(error),
        }
        self.is_held = true;
        Ok(())
    }

    pub(crate) fn is_held(&self) -> bool {
        self.is_held
    }

    /// Gives the room back to the disk: whether there is more of it now than before.
    pub(crate) fn give_up(&mut self) -> bool {
        std::mem::take(&mut self.is_held) && self.disk.remove(&self.path).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LocalDisk;

    #[test]
    fn the_reserve_is_whole_or_made_anew_and_given_up_once() {
        let folder = tempfile::tempdir().unwrap();
        let bytes = || fs::metadata(folder.path().join(NAME)).map(|found| found.len()).ok();
        let reserve = || Reserve::of(Arc::new(LocalDisk), folder.path(), 100_000);
        for left in [None, Some(0), Some(99_999), Some(100_000), Some(100_001)] {
            if let Some(left) = left {
                fs::write(folder.path().join(NAME), vec![1; left]).unwrap();
            }
            let mut reserve = reserve();
            assert!(!reserve.give_up(), "it is not held yet");
            reserve.hold().unwrap();
            reserve.hold().unwrap();
            assert_eq!(bytes(), Some(100_000), "{left:?}");
            assert!(reserve.give_up() && !reserve.give_up());
            assert_eq!(bytes(), None);
        }
        fs::create_dir(folder.path().join(NAME)).unwrap();
        reserve().hold().unwrap_err();
    }
}
