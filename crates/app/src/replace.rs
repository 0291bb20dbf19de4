//! A file put in the place of another, so that nobody ever sees half of it, nor is led elsewhere by a link.
//!
//! It is written beside its place under a name with a dot in front, which nobody watches, and made durable; then it is
//! renamed. Several files are prepared first and put one after the other, which takes no longer than the renames.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, fchmod, mkdirat, openat, renameat, statat, unlinkat};
use rustix::io::Errno;

use crate::manifest::folder::{FOLDER, Folder, Refused};

/// A file that is written and not yet in its place. Dropping it removes it.
#[derive(Debug)]
pub(crate) struct Prepared {
    folder: OwnedFd,
    temporary: String,
    name: String,
    is_put: bool,
    is_durable: bool,
}

impl Prepared {
    /// Writes the text beside its place: a path relative to the folder, with `/` between components. Folders on the way
    /// are made. A file that is there already gives its mode, a new one gets 0644 less the umask.
    ///
    /// # Errors
    /// A link or anything but a file is in the way, or the disk does not take it.
    pub(crate) fn new(folder: &Folder, path: &str, text: &str) -> Result<Self, Refused> {
        let (prepared, file) = Self::written(folder, path, text)?;
        file.sync_all()?;
        Ok(prepared)
    }

    /// The same for what can be had again: after a crash of the machine it may be empty.
    ///
    /// # Errors
    /// As [`Prepared::new`].
    pub(crate) fn without_sync(folder: &Folder, path: &str, text: &str) -> Result<Self, Refused> {
        let (mut prepared, _) = Self::written(folder, path, text)?;
        prepared.is_durable = false;
        Ok(prepared)
    }

    fn written(folder: &Folder, path: &str, text: &str) -> Result<(Self, File), Refused> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        let folder = open_below(folder, parent)?;
        let mode = match statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => match FileType::from_raw_mode(stat.st_mode) {
                FileType::RegularFile => Some(Mode::from_raw_mode(stat.st_mode)),
                FileType::Symlink => return Err(Refused::Link),
                _ => return Err(Refused::NotFile),
            },
            Err(Errno::NOENT) => None,
            Err(error) => return Err(error.into()),
        };
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let temporary = format!(".{name}.{}-{count}.new", std::process::id());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(&folder, &temporary, flags, Mode::from_raw_mode(0o644))?;
        // From here on dropping it cleans up.
        let prepared = Self { folder, temporary, name: name.to_owned(), is_put: false, is_durable: true };
        if let Some(mode) = mode {
            fchmod(&file, mode)?;
        }
        let mut file = File::from(file);
        file.write_all(text.as_bytes())?;
        Ok((prepared, file))
    }

    /// Puts it in its place.
    ///
    /// # Errors
    /// What the system says; whatever was there is there still.
    pub(crate) fn put(mut self) -> Result<(), Refused> {
        renameat(&self.folder, &self.temporary, &self.folder, &self.name)?;
        self.is_put = true;
        if self.is_durable {
            // That the name is durable, too, is worth an attempt and no failure: the file is in its place.
            let _ = rustix::fs::fsync(&self.folder);
        }
        Ok(())
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        if !self.is_put {
            // Nothing to be done about one that stays: nobody looks at it.
            let _ = unlinkat(&self.folder, &self.temporary, AtFlags::empty());
        }
    }
}

/// Removes a file, by its path relative to the folder.
///
/// # Errors
/// It is not there, or a link is on the way.
pub(crate) fn remove(folder: &Folder, path: &str) -> Result<(), Refused> {
    let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
    Ok(unlinkat(folder.descend(parent)?, name, AtFlags::empty())?)
}

/// Opens a folder below another, and makes what is not there.
///
/// # Errors
/// A link or a file is on the way, or it cannot be made.
pub(crate) fn open_below(folder: &Folder, path: &str) -> Result<OwnedFd, Refused> {
    let mut handle = folder.descend("")?;
    for component in path.split('/').filter(|component| !component.is_empty()) {
        if [".", ".."].contains(&component) {
            return Err(io::Error::from(io::ErrorKind::InvalidInput).into());
        }
        match mkdirat(&handle, component, Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        handle = openat(&handle, component, FOLDER, Mode::empty()).map_err(|error| match error {
            // A link on the way is no folder.
            Errno::NOTDIR => Refused::Link,
            error => error.into(),
        })?;
    }
    Ok(handle)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn names(folder: &std::path::Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_replaced_whole_and_keeps_its_mode() {
        let root = tempfile::tempdir().unwrap();
        let place = root.path().join("a.cedar");
        fs::write(&place, "old").unwrap();
        fs::set_permissions(&place, fs::Permissions::from_mode(0o600)).unwrap();
        let folder = Folder::open(root.path()).unwrap();
        let prepared = Prepared::new(&folder, "a.cedar", "new").unwrap();
        assert_eq!(fs::read_to_string(&place).unwrap(), "old");
        prepared.put().unwrap();
        assert_eq!(fs::read_to_string(&place).unwrap(), "new");
        assert_eq!(fs::metadata(&place).unwrap().permissions().mode() & 0o777, 0o600);
        Prepared::new(&folder, "b/c/d.cedar", "deep").unwrap().put().unwrap();
        assert_eq!(fs::read_to_string(root.path().join("b/c/d.cedar")).unwrap(), "deep");
        assert_eq!(names(root.path()), ["a.cedar", "b"]);
    }

    #[test]
    fn what_is_not_put_leaves_nothing_behind() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::open(root.path()).unwrap();
        drop(Prepared::new(&folder, "a.cedar", "new").unwrap());
        assert!(names(root.path()).is_empty());
    }

    #[test]
    fn nothing_is_written_through_a_link() {
        let (root, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(outside.path().join("secret"), "secret").unwrap();
        symlink(outside.path().join("secret"), root.path().join("a.cedar")).unwrap();
        symlink(outside.path(), root.path().join("folder")).unwrap();
        let folder = Folder::open(root.path()).unwrap();
        for path in ["a.cedar", "folder/secret", "folder/new", "../up"] {
            assert!(Prepared::new(&folder, path, "new").is_err(), "{path}");
        }
        assert_eq!(fs::read_to_string(outside.path().join("secret")).unwrap(), "secret");
        assert_eq!((names(root.path()).len(), names(outside.path())), (2, vec!["secret".to_owned()]));
    }
}
