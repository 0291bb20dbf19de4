//! Names in a folder, and a folder removed with all in it: by handles, so that no link leads elsewhere.

use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, SystemTime};

use rustix::fs::{AtFlags, Dir, FileType, Mode, openat, statat, unlinkat};

use crate::limits::{FOLDER_ENTRIES_MAX, FOLDERS_NESTED_MAX};
use crate::manifest::folder::{FOLDER, Folder, Refused};

/// The names in a folder that are UTF-8 text; no others are made here.
pub(super) fn names(folder: &Folder) -> Result<Vec<String>, Refused> {
    names_in(&folder.descend("")?)
}

fn names_in(folder: &OwnedFd) -> Result<Vec<String>, Refused> {
    let mut names = Vec::new();
    for entry in Dir::read_from(folder)?.take(FOLDER_ENTRIES_MAX) {
        match entry?.file_name().to_str() {
            Ok("." | "..") | Err(_) => {}
            Ok(name) => names.push(name.to_owned()),
        }
    }
    Ok(names)
}

/// When something in a folder was last changed; nothing when it is not there.
pub(super) fn modified(folder: &OwnedFd, name: &str) -> Option<SystemTime> {
    let stat = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
    Some(SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(stat.st_mtime).ok()?))
}

/// Removes it as far as it can be removed: what stays is tried again when the next set is kept.
pub(super) fn remove(folder: impl AsFd, name: &str) {
    remove_below(folder.as_fd(), name, 0);
}

fn remove_below(folder: std::os::fd::BorrowedFd<'_>, name: &str, level: usize) {
    let kind =
        statat(folder, name, AtFlags::SYMLINK_NOFOLLOW).map(|stat| FileType::from_raw_mode(stat.st_mode));
    let Ok(kind) = kind else { return };
    if !kind.is_dir() {
        let _ = unlinkat(folder, name, AtFlags::empty());
        return;
    }
    // One more for the set's own folder.
    if level <= FOLDERS_NESTED_MAX + 1
        && let Ok(inner) = openat(folder, name, FOLDER, Mode::empty())
    {
        for name in names_in(&inner).unwrap_or_default() {
            remove_below(inner.as_fd(), &name, level + 1);
        }
    }
    let _ = unlinkat(folder, name, AtFlags::REMOVEDIR);
}
