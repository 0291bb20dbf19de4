//! The app's folder: which manifests are in it, and the text of one file, never of one outside.
//!
//! A path is opened one component at a time, each relative to the folder before it and none through a
//! symbolic link, so that nothing that changes meanwhile can lead outside. What the text means is not known
//! here.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

use diagnostic::Source;
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, fstat, openat, statat};

use crate::limits::{FILE_BYTES_MAX, FOLDER_ENTRIES_MAX, FOLDERS_NESTED_MAX, PATH_BYTES_MAX};

/// Why a file or folder is not read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error("there is no such file in the app's folder")]
    Missing,
    #[error("it is or passes through a symbolic link")]
    Link,
    #[error("it is not a regular file")]
    NotFile,
    #[error("it is larger than {} KiB", FILE_BYTES_MAX / 1024)]
    TooLarge,
    #[error("line {0} is not UTF-8 text")]
    NotText(usize),
    #[error("line {0} holds a NUL character")]
    Nul(usize),
    #[error("folders are nested more than {FOLDERS_NESTED_MAX} deep")]
    TooDeep,
    #[error("there are more than {FOLDER_ENTRIES_MAX} files in the folder: is it an app?")]
    TooMany,
    #[error("its name is not UTF-8 text without control characters")]
    Name,
    #[error("it has changed meanwhile")]
    Changed,
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl From<rustix::io::Errno> for Refused {
    fn from(error: rustix::io::Errno) -> Self {
        match error {
            rustix::io::Errno::NOENT => Self::Missing,
            // What O_NOFOLLOW answers for a link; as a folder on the way it is "not a directory" as well,
            // which `open` tells apart.
            rustix::io::Errno::LOOP => Self::Link,
            error => Self::Io(error.into()),
        }
    }
}

/// What one look through the folder found.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// Files of the wanted sort, by path relative to the folder, in order.
    pub(crate) files: Vec<String>,
    /// Symbolic links to what may be folders; they are not followed.
    pub(crate) links: Vec<String>,
    /// What could not be looked at, and why.
    pub(crate) refused: Vec<(String, Refused)>,
}

/// An open app folder. What it is reached through may be a link; nothing below it may.
#[derive(Debug)]
pub(crate) struct Folder {
    root: OwnedFd,
}

impl From<OwnedFd> for Folder {
    fn from(root: OwnedFd) -> Self {
        Self { root }
    }
}

/// How a folder is opened: never through a link.
pub(crate) const FOLDER: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

impl Folder {
    /// Opens the folder.
    ///
    /// # Errors
    /// There is no such folder, or it may not be read.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self { root: openat(CWD, path, flags, Mode::empty())? })
    }

    /// Every manifest: `*.yaml` in this folder and the folders below, without `*_test.yaml`, and without
    /// folders called `testdata`, `data` or anything with a dot in front.
    pub(crate) fn list(&self) -> Listing {
        self.list_of(|name| name.ends_with(".yaml") && !name.ends_with("_test.yaml"))
    }

    /// Every file whose name is wanted, in this folder and the folders below that can hold manifests.
    pub(crate) fn list_of(&self, wanted: fn(&str) -> bool) -> Listing {
        let mut listing = Listing::default();
        let mut seen = 0;
        let mut waiting = vec![(String::new(), 0)];
        while let Some((folder, level)) = waiting.pop() {
            match self.names(&folder, &mut seen) {
                Ok(names) => {
                    for (name, what) in names {
                        sort_out(wanted, &folder, &name, (what, level), &mut waiting, &mut listing);
                    }
                }
                Err(refused) => listing.refused.push((folder, refused)),
            }
            if seen > FOLDER_ENTRIES_MAX {
                listing.refused.push((String::new(), Refused::TooMany));
                break;
            }
        }
        listing.files.sort();
        listing.links.sort();
        listing
    }

    /// The names in one folder and what they are.
    fn names(&self, folder: &str, seen: &mut usize) -> Result<Vec<(Vec<u8>, What)>, Refused> {
        let handle = self.descend(folder)?;
        let mut names = Vec::new();
        for entry in Dir::read_from(&handle)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name == b"." || name == b".." {
                continue;
            }
            *seen += 1;
            if *seen > FOLDER_ENTRIES_MAX {
                break;
            }
            let kind = |flags| statat(&handle, name, flags).map(|stat| FileType::from_raw_mode(stat.st_mode));
            let what = match kind(AtFlags::SYMLINK_NOFOLLOW)? {
                FileType::Directory => What::Folder,
                FileType::RegularFile => What::File,
                FileType::Symlink if kind(AtFlags::empty()).is_ok_and(FileType::is_dir) => What::LinkToFolder,
                FileType::Symlink => What::Link,
                _ => What::Other,
            };
            names.push((name.to_vec(), what));
        }
        Ok(names)
    }

    /// The text of a file, by its path relative to the folder with `/` between components.
    ///
    /// # Errors
    /// It is missing, not a regular file or reached through a link, larger than [`FILE_BYTES_MAX`], or not
    /// text.
    pub(crate) fn read(&self, path: &str) -> Result<Arc<Source>, Refused> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let folder = self.descend(folder)?;
        // Not waiting: opening a pipe that nobody writes to must not hang.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = openat(&folder, name, flags, Mode::empty())?;
        let stat = fstat(&file)?;
        if !FileType::from_raw_mode(stat.st_mode).is_file() {
            return Err(Refused::NotFile);
        }
        let mut bytes = Vec::new();
        File::from(file).take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
        if bytes.len() > FILE_BYTES_MAX {
            return Err(Refused::TooLarge);
        }
        Ok(Arc::new(Source { path: path.to_owned(), text: text(bytes)? }))
    }

    /// Opens a folder below, component by component.
    ///
    /// # Errors
    /// It is missing, or a link is on the way.
    pub(crate) fn descend(&self, folder: &str) -> Result<OwnedFd, Refused> {
        let mut handle = self.root.try_clone()?;
        if folder.is_empty() {
            // Not the clone: two readers of one open folder would share its position.
            return Ok(openat(&handle, ".", FOLDER, Mode::empty())?);
        }
        for component in folder.split('/') {
            handle = match openat(&handle, component, FOLDER, Mode::empty()) {
                Ok(next) => next,
                Err(rustix::io::Errno::NOTDIR) => {
                    let stat = statat(&handle, component, AtFlags::SYMLINK_NOFOLLOW)?;
                    let link = FileType::from_raw_mode(stat.st_mode).is_symlink();
                    return Err(if link { Refused::Link } else { Refused::Missing });
                }
                Err(error) => return Err(error.into()),
            };
        }
        Ok(handle)
    }
}

/// What a name in a folder is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Folder,
    File,
    LinkToFolder,
    Link,
    /// A pipe, socket or device.
    Other,
}

/// Puts one name where it belongs: a wanted file, a folder to look through, a link, or nothing to us.
fn sort_out(
    wanted: fn(&str) -> bool,
    folder: &str,
    name: &[u8],
    (what, level): (What, usize),
    waiting: &mut Vec<(String, usize)>,
    listing: &mut Listing,
) {
    let shown = String::from_utf8_lossy(name);
    let passed_over = shown.starts_with('.') || ["testdata", "data"].contains(&&*shown);
    let looked_at = match what {
        What::Folder | What::LinkToFolder => !passed_over,
        What::File | What::Link | What::Other => wanted(&shown) && !shown.starts_with('.'),
    };
    if !looked_at {
        return;
    }
    let path = if folder.is_empty() { shown.to_string() } else { format!("{folder}/{shown}") };
    let readable = str::from_utf8(name).is_ok_and(|name| !name.contains(char::is_control));
    match what {
        _ if !readable => listing.refused.push((path, Refused::Name)),
        What::Folder if level == FOLDERS_NESTED_MAX || path.len() > PATH_BYTES_MAX => {
            listing.refused.push((path, Refused::TooDeep));
        }
        What::Folder => waiting.push((path, level + 1)),
        What::LinkToFolder => listing.links.push(path),
        What::File => listing.files.push(path),
        What::Link => listing.refused.push((path, Refused::Link)),
        What::Other => listing.refused.push((path, Refused::NotFile)),
    }
}

/// The bytes as text without NUL, which ends text for much of what is written in C.
fn text(bytes: Vec<u8>) -> Result<String, Refused> {
    let line = |bytes: &[u8], upto: usize| bytes.iter().take(upto).filter(|byte| **byte == b'\n').count() + 1;
    let text = String::from_utf8(bytes)
        .map_err(|error| Refused::NotText(line(error.as_bytes(), error.utf8_error().valid_up_to())))?;
    match text.find('\0') {
        Some(at) => Err(Refused::Nul(line(text.as_bytes(), at))),
        None => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn folder(files: &[&str]) -> (tempfile::TempDir, Folder) {
        let directory = tempfile::tempdir().unwrap();
        for file in files {
            let path = directory.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
        let folder = Folder::open(directory.path()).unwrap();
        (directory, folder)
    }

    #[test]
    fn tests_data_and_dot_folders_are_passed_over() {
        let (_directory, folder) = folder(&[
            "_index.yaml",
            "workers/_index.yaml",
            "workers/deep/more.yaml",
            "workers/worker.lua",
            "policies/tests/workers_test.yaml",
            "policies/tests/testdata/entities.yaml",
            "data/audit/x.yaml",
            ".git/config.yaml",
            ".hidden.yaml",
            "notes.yml",
        ]);
        let listing = folder.list();
        assert_eq!(listing.files, ["_index.yaml", "workers/_index.yaml", "workers/deep/more.yaml"]);
        assert!(listing.refused.is_empty() && listing.links.is_empty());
    }

    #[test]
    fn links_are_not_followed() {
        let (directory, folder) = folder(&["real/worker.lua"]);
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("secret.lua"), "secret").unwrap();
        symlink(outside.path(), directory.path().join("folder")).unwrap();
        symlink(outside.path().join("secret.lua"), directory.path().join("real/file.lua")).unwrap();
        symlink("_real.yaml", directory.path().join("link.yaml")).unwrap();

        let listing = folder.list();
        assert_eq!(listing.links, ["folder"]);
        assert!(matches!(&listing.refused[..], [(path, Refused::Link)] if path == "link.yaml"));
        assert!(matches!(folder.read("folder/secret.lua"), Err(Refused::Link)));
        assert!(matches!(folder.read("real/file.lua"), Err(Refused::Link)));
        assert!(folder.read("real/worker.lua").is_ok());
    }

    #[test]
    fn only_a_regular_file_of_text_is_read() {
        let (directory, folder) = folder(&["a/file"]);
        let write = |name: &str, bytes: &[u8]| fs::write(directory.path().join(name), bytes).unwrap();
        write("large", &vec![b'x'; FILE_BYTES_MAX + 1]);
        write("largest", &vec![b'x'; FILE_BYTES_MAX]);
        write("latin", b"one\ntwo \xfc\n");
        write("nul", b"one\n\ntwo\0");
        let pipe = directory.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());

        for (path, expected) in [
            ("large", "it is larger than 256 KiB"),
            ("latin", "line 2 is not UTF-8 text"),
            ("nul", "line 3 holds a NUL character"),
            ("pipe", "it is not a regular file"),
            ("a", "it is not a regular file"),
            ("none", "there is no such file in the app's folder"),
            ("a/none", "there is no such file in the app's folder"),
            ("a/file/below", "there is no such file in the app's folder"),
        ] {
            assert_eq!(folder.read(path).unwrap_err().to_string(), expected, "{path}");
        }
        assert_eq!(folder.read("largest").unwrap().text.len(), FILE_BYTES_MAX);
    }
}
