//! The file operations of the log, few enough that a test can stand in for the disk and let any of them fail.
//!
//! Knows paths and bytes; not what a segment is for, nor what to do about an error.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use crate::regular;

/// Where segments live, and the files beside them that records name.
pub trait Disk: Send + Sync {
    /// Makes a new file that only its owner may read, and makes its name durable.
    ///
    /// # Errors
    /// Whatever the system says; `AlreadyExists` when there is one by that name, which is left alone.
    fn create(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>>;

    /// Opens a file to write at its end.
    ///
    /// # Errors
    /// Whatever the system says.
    fn append(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>>;

    /// Cuts a file to a length, durably.
    ///
    /// # Errors
    /// Whatever the system says; the file may have either length then.
    fn cut(&self, path: &Path, bytes: u64) -> io::Result<()>;

    /// Removes a file, durably.
    ///
    /// # Errors
    /// Whatever the system says; the file may be there or not then.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Gives a file another name in the same folder, durably, in the place of what has that name.
    ///
    /// # Errors
    /// Whatever the system says; the file may have either name then, and what was there before may be gone.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Makes a new file that only its owner may read, durably, and fills it with so many zeros: the room is taken, not
    /// only promised.
    ///
    /// # Errors
    /// Whatever the system says; `AlreadyExists` when there is one by that name, which is left alone. Nothing is left
    /// of what was made.
    fn allocate(&self, path: &Path, bytes: u64) -> io::Result<()>;

    /// Makes a folder that only its owner may enter, and makes its name durable, unless there is one.
    ///
    /// # Errors
    /// Whatever the system says; there is something else by that name, such as a link to a folder.
    fn make_folder(&self, path: &Path) -> io::Result<()>;

    /// Removes a folder with everything in it, durably. Links in it are removed, not followed.
    ///
    /// # Errors
    /// Whatever the system says; any part of it may be gone then.
    fn remove_folder(&self, path: &Path) -> io::Result<()>;
}

/// One open segment, or file beside one, written at its end.
pub trait SegmentFile: Send {
    /// Writes all bytes.
    ///
    /// # Errors
    /// Whatever the system says; any part of the bytes may be in the file then.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Makes everything written durable. After an error nothing is known about any byte since the last sync, and
    /// a second call proves nothing: Linux reports a failed write-back once and then forgets it (LWN 752063).
    ///
    /// # Errors
    /// Whatever the system says.
    fn sync(&mut self) -> io::Result<()>;

    /// Whether the path it was opened by still leads to this very file: false once it was removed, renamed or
    /// replaced.
    ///
    /// # Errors
    /// Whatever the system says.
    fn in_place(&self) -> io::Result<bool>;

    /// Its length in bytes, whoever made it so.
    ///
    /// # Errors
    /// Whatever the system says.
    fn bytes(&self) -> io::Result<u64>;
}

/// The disk of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct LocalDisk;

impl Disk for LocalDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>> {
        let file = new_file(path)?;
        // Without a durable name the file may be gone after a crash, so it does not count as made.
        sync_folder_of(path).inspect_err(|_| drop(fs::remove_file(path)))?;
        Ok(Box::new(LocalFile { file, path: path.into() }))
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>> {
        let file = regular::open(OpenOptions::new().append(true), path)?;
        only_for_its_owner(&file)?;
        Ok(Box::new(LocalFile { file, path: path.into() }))
    }

    fn cut(&self, path: &Path, bytes: u64) -> io::Result<()> {
        let file = regular::open(OpenOptions::new().write(true), path)?;
        file.set_len(bytes)?;
        file.sync_all()
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)?;
        sync_folder_of(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)?;
        sync_folder_of(to)
    }

    fn allocate(&self, path: &Path, bytes: u64) -> io::Result<()> {
        let filled = fill(&mut new_file(path)?, bytes).and_then(|()| sync_folder_of(path));
        filled.inspect_err(|_| drop(fs::remove_file(path)))
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        match builder.create(path) {
            Ok(()) => sync_folder_of(path).inspect_err(|_| drop(fs::remove_dir(path))),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                match fs::symlink_metadata(path)?.is_dir() {
                    true => Ok(()),
                    false => Err(io::Error::new(io::ErrorKind::NotADirectory, "it is not a folder")),
                }
            }
            Err(error) => Err(error),
        }
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir_all(path)?;
        sync_folder_of(path)
    }
}

fn new_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// A file that somebody else made may let others read what is to come.
#[cfg(unix)]
fn only_for_its_owner(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;

    match file.metadata()?.permissions().mode() & 0o7777 {
        0o600 => Ok(()),
        _ => file.set_permissions(fs::Permissions::from_mode(0o600)),
    }
}

#[cfg(not(unix))]
fn only_for_its_owner(_: &File) -> io::Result<()> {
    Ok(())
}

fn fill(file: &mut File, bytes: u64) -> io::Result<()> {
    io::copy(&mut io::repeat(0).take(bytes), file)?;
    file.sync_all()
}

struct LocalFile {
    file: File,
    path: Box<Path>,
}

impl SegmentFile for LocalFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn in_place(&self) -> io::Result<bool> {
        is_at(&self.file, &self.path)
    }

    fn bytes(&self) -> io::Result<u64> {
        self.file.metadata().map(|found| found.len())
    }
}

/// Whether a path leads to this very file, and not through a link.
#[cfg(unix)]
pub(crate) fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;

    let held = file.metadata()?;
    match fs::symlink_metadata(path) {
        Ok(named) => Ok(held.nlink() > 0 && (held.dev(), held.ino()) == (named.dev(), named.ino())),
        Err(error) if is_missing(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether there is a file at the path: without inode numbers no more can be told.
#[cfg(not(unix))]
pub(crate) fn is_at(_: &File, path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if is_missing(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// How many names a file has; who has another one could write it from elsewhere.
#[cfg(unix)]
pub(crate) fn names(file: &File) -> io::Result<u64> {
    file.metadata().map(|found| std::os::unix::fs::MetadataExt::nlink(&found))
}

#[cfg(not(unix))]
pub(crate) fn names(_: &File) -> io::Result<u64> {
    Ok(1)
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// A name is durable once its folder is (fsync(2), "Notes"); only Unix opens folders as files.
pub(crate) fn sync_folder_of(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if cfg!(unix) => File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}
