//! The policy sets that an app has had, by digest: `data/policies/<digest>/` in its folder, so that one can come back.
//!
//! A set is what its files said and what they belonged to. It is written whole or not at all, beside its place first, and
//! never through a link; what is read back is held against the hashes in its index. Whoever can change a file there can
//! change its hash with it: whether a set is still what its digest says, whether it loads, and which one is in force, is
//! not known here: `rollback` and the audit log know.

mod index;
mod tree;
pub(crate) mod unrecorded;

use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use diagnostic::Source;
use rustix::fs::{AtFlags, Mode, Timespec, Timestamps, UTIME_NOW, mkdirat, renameat, statat, utimensat};
use rustix::io::Errno;

pub(crate) use index::SetIndex;

use crate::limits::{ARCHIVE_BYTES_MAX, ARCHIVE_FILES_MAX, ARCHIVE_SETS_MAX, ARCHIVE_STALE_MS};
use crate::manifest::Manifest;
use crate::manifest::folder::{Folder, Refused};
use crate::replace::{Prepared, open_below};

/// Where sets are kept, in an app's folder. Manifests are never looked for below `data`.
pub(crate) const PLACE: &str = "data/policies";

const INDEX: &str = "index.json";

/// A set that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archived {
    /// Its digest, or `broken-` and the hash of its files for one that did not load.
    pub digest: String,
    /// When it was last loaded.
    pub loaded: SystemTime,
}

/// The sets of one app.
#[derive(Debug)]
pub struct Archive {
    sets: Folder,
}

/// What a prefix of a digest leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// One set.
    One(Archived),
    /// None: all that are kept, newest first.
    None(Vec<Archived>),
    /// Several, newest first.
    Several(Vec<Archived>),
}

/// A set read back.
#[derive(Debug)]
pub(crate) struct Set {
    pub(crate) index: SetIndex,
    pub(crate) files: BTreeMap<String, Arc<Source>>,
}

/// Keeps the set that an app has just loaded. That it cannot be kept is said in the program's log, the same reason once, and
/// stops nothing: the set is in force all the same.
pub(crate) fn keep(folder: &Path, manifest: &Manifest, digest: &str) {
    static SAID: Mutex<Option<String>> = Mutex::new(None);
    let trouble = Archive::keep(folder, manifest, digest).err().map(|refused| refused.to_string());
    let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(error) = trouble.as_ref().filter(|trouble| said.as_ref() != Some(*trouble)) {
        tracing::warn!(
            target: "archive",
            error,
            "policy sets cannot be kept in `{PLACE}`, so that none can be rolled back to; make `data` of the app writable"
        );
    }
    *said = trouble;
}

impl Archive {
    /// The sets of the app in a folder; nothing when it has kept none.
    ///
    /// # Errors
    /// The folder cannot be read, or a link is in the way.
    pub fn of(folder: &Path) -> io::Result<Option<Self>> {
        let app = Folder::open(folder)?;
        match app.descend(PLACE) {
            Ok(sets) => Ok(Some(Self { sets: Folder::from(sets) })),
            Err(Refused::Missing) => Ok(None),
            Err(refused) => Err(io::Error::other(format!("`{PLACE}` cannot be read: {refused}"))),
        }
    }

    /// Every set, the one that was loaded last first.
    pub fn sets(&self) -> Vec<Archived> {
        let Ok(names) = tree::names(&self.sets) else { return Vec::new() };
        let mut sets: Vec<Archived> = names
            .into_iter()
            .filter(|name| is_set_name(name))
            .filter_map(|digest| {
                let stat = self.stat(&digest).ok()?;
                Some(Archived { digest, loaded: stat })
            })
            .collect();
        sets.sort_by(|one, other| other.loaded.cmp(&one.loaded).then_with(|| one.digest.cmp(&other.digest)));
        sets
    }

    /// The set whose digest begins so.
    pub fn find(&self, prefix: &str) -> Found {
        let mut all = self.sets();
        let mut fitting: Vec<Archived> =
            all.iter().filter(|set| !prefix.is_empty() && set.digest.starts_with(prefix)).cloned().collect();
        match fitting.len() {
            0 if !prefix.is_empty()
                && let Some(damaged) = self.damaged(prefix) =>
            {
                Found::One(damaged)
            }
            0 => {
                all.truncate(ARCHIVE_SETS_MAX);
                Found::None(all)
            }
            1 => fitting.pop().map_or(Found::None(all), Found::One),
            _ => Found::Several(fitting),
        }
    }

    /// The only set whose digest begins so, although nothing tells when it was loaded: reading it tells what is wrong.
    fn damaged(&self, prefix: &str) -> Option<Archived> {
        let names = tree::names(&self.sets).ok()?;
        let mut fitting = names.into_iter().filter(|name| is_set_name(name) && name.starts_with(prefix));
        let digest = fitting.next()?;
        fitting.next().is_none().then_some(Archived { digest, loaded: SystemTime::UNIX_EPOCH })
    }

    /// When a set was last loaded: the time of its index.
    fn stat(&self, digest: &str) -> Result<SystemTime, Refused> {
        let set = self.sets.descend(digest)?;
        let stat = statat(&set, INDEX, AtFlags::SYMLINK_NOFOLLOW)?;
        let seconds = u64::try_from(stat.st_mtime).unwrap_or(0);
        let nanoseconds = u32::try_from(stat.st_mtime_nsec).unwrap_or(0);
        Ok(SystemTime::UNIX_EPOCH + Duration::new(seconds, nanoseconds.min(999_999_999)))
    }

    /// A file of a set, as it was; that of the shipped guard only if this version of the product ships the same.
    ///
    /// # Errors
    /// There is no such set or file, or it is not what was kept, in words.
    pub fn source(&self, digest: &str, path: &str) -> Result<Arc<Source>, String> {
        if !is_set_name(digest) {
            return Err("that is no digest of a set".to_owned());
        }
        let set = self.read(digest)?;
        let guard = policy::study::shipped_guard();
        if path == guard.path && !set.files.contains_key(path) {
            let same = policy::shipped_digest(false) == set.index.shipped;
            return if same {
                Ok(guard.clone())
            } else {
                Err("another version of the product shipped it".to_owned())
            };
        }
        set.files.get(path).cloned().ok_or_else(|| format!("the set has no file `{path}`"))
    }

    /// Reads a set back.
    ///
    /// # Errors
    /// It is not what was kept, in words.
    pub(crate) fn read(&self, digest: &str) -> Result<Set, String> {
        let set = self.sets.descend(digest).map(Folder::from).map_err(|refused| refused.to_string())?;
        let index = set.read(INDEX).map_err(|refused| format!("its index cannot be read: {refused}"))?;
        let index = SetIndex::parse(&index.text)?;
        if index.digest != digest {
            return Err(format!("its index is that of the set `{}`", index.digest));
        }
        let (mut files, mut bytes) = (BTreeMap::new(), 0);
        for file in &index.files {
            let source = set
                .read(&file.path)
                .map_err(|refused| format!("`{}` cannot be read: {refused}", file.path))?;
            if index::hash(&source.text) != file.sha256 {
                return Err(format!("`{}` is not the file that was kept", file.path));
            }
            bytes += source.text.len();
            if bytes > ARCHIVE_BYTES_MAX {
                return Err(format!("its files are over {} MiB together", ARCHIVE_BYTES_MAX / (1024 * 1024)));
            }
            files.insert(file.path.clone(), source);
        }
        Ok(Set { index, files })
    }

    /// Keeps a set: the files of a manifest, under this digest.
    ///
    /// # Errors
    /// It cannot be written, or is over a bound.
    pub(crate) fn keep(folder: &Path, manifest: &Manifest, digest: &str) -> Result<(), Refused> {
        let app = Folder::open(folder)?;
        let archive = Self { sets: Folder::from(open_below(&app, PLACE)?) };
        let index = SetIndex::of(manifest, digest);
        if index.files.len() > ARCHIVE_FILES_MAX {
            return Err(io::Error::other(format!("it has more than {ARCHIVE_FILES_MAX} files")).into());
        }
        if archive.read(digest).is_ok_and(|kept| kept.index == index) {
            return archive.touch(digest);
        }
        archive.write(manifest, &index)?;
        archive.tidy(digest);
        Ok(())
    }

    /// Notes that a set was loaded now.
    fn touch(&self, digest: &str) -> Result<(), Refused> {
        let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
        let times = Timestamps { last_access: now, last_modification: now };
        Ok(utimensat(self.sets.descend(digest)?, INDEX, &times, AtFlags::SYMLINK_NOFOLLOW)?)
    }

    fn write(&self, manifest: &Manifest, index: &SetIndex) -> Result<(), Refused> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = || format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let root = self.root()?;
        let new = format!(".new-{}", number());
        mkdirat(&root, &new, Mode::from_raw_mode(0o755))?;
        let written = self.fill(&new, manifest, index).and_then(|()| {
            match renameat(&root, &new, &root, &index.digest) {
                // Other text with the same meaning, or half of a set: the newest text is kept.
                Err(Errno::NOTEMPTY | Errno::EXIST) => {
                    let old = format!(".old-{}", number());
                    renameat(&root, &index.digest, &root, &old)?;
                    let put = renameat(&root, &new, &root, &index.digest);
                    tree::remove(&root, &old);
                    match put {
                        // Somebody else has just kept it.
                        Err(Errno::NOTEMPTY | Errno::EXIST) => Ok(()),
                        put => Ok(put?),
                    }
                }
                renamed => Ok(renamed?),
            }
        });
        // Nothing is there any more when it is in its place.
        tree::remove(&root, &new);
        written
    }

    fn fill(&self, name: &str, manifest: &Manifest, index: &SetIndex) -> Result<(), Refused> {
        let set = Folder::from(self.sets.descend(name)?);
        for source in index::files(manifest) {
            Prepared::without_sync(&set, &source.path, &source.text)?.put()?;
        }
        Prepared::without_sync(&set, INDEX, &index.text())?.put()
    }

    /// Removes what is over the bounds, oldest first and never `live`, and what a crash left half done.
    fn tidy(&self, live: &str) {
        let Ok(root) = self.root() else { return };
        let stale = SystemTime::now().checked_sub(Duration::from_millis(ARCHIVE_STALE_MS));
        for name in tree::names(&self.sets).unwrap_or_default() {
            let half_done = name.starts_with(".new-") || name.starts_with(".old-");
            if half_done && tree::modified(&root, &name) < stale {
                tree::remove(&root, &name);
            }
        }
        let (mut sets, mut bytes) = (1, self.bytes(live));
        for set in self.sets().into_iter().filter(|set| set.digest != live) {
            sets += 1;
            bytes += self.bytes(&set.digest);
            if sets > ARCHIVE_SETS_MAX || bytes > ARCHIVE_BYTES_MAX {
                tree::remove(&root, &set.digest);
            }
        }
    }

    /// Bytes of a set's files. Of one that cannot be read all that there may be, so that it goes.
    fn bytes(&self, digest: &str) -> usize {
        self.read(digest)
            .map_or(ARCHIVE_BYTES_MAX, |set| set.files.values().map(|file| file.text.len()).sum())
    }

    fn root(&self) -> Result<OwnedFd, Refused> {
        self.sets.descend("")
    }
}

/// What [`SetIndex::of`] calls a set, and nothing else that may lie there.
fn is_set_name(name: &str) -> bool {
    let hex = name.strip_prefix(BROKEN).unwrap_or(name);
    hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// Before the name of a set that did not load, and is kept for people.
pub(crate) const BROKEN: &str = "broken-";

/// The name for a set that did not load: the hash of what its files say.
pub(crate) fn name_of_broken(manifest: &Manifest) -> String {
    let text: String = index::files(manifest)
        .map(|source| format!("{} {}\n", index::hash(&source.text), source.path))
        .collect();
    format!("{BROKEN}{}", index::hash(&text))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn app(policy: &str) -> (tempfile::TempDir, Manifest) {
        let root = tempfile::tempdir().unwrap();
        let manifest = "version: \"1.0\"\nnamespace: app\nentries:\n  - {name: all, kind: security.scope, policies: [file://policies/all.cedar]}\n";
        fs::write(root.path().join("_index.yaml"), manifest).unwrap();
        fs::create_dir(root.path().join("policies")).unwrap();
        fs::write(root.path().join("policies/all.cedar"), policy).unwrap();
        let manifest = Manifest::load(root.path()).unwrap().0;
        (root, manifest)
    }

    fn digest(number: usize) -> String {
        format!("{number:064x}")
    }

    #[test]
    fn a_set_is_kept_once_and_read_back_as_it_was() {
        let (root, manifest) = app("permit");
        for _ in 0..2 {
            Archive::keep(root.path(), &manifest, &digest(1)).unwrap();
        }
        let archive = Archive::of(root.path()).unwrap().unwrap();
        assert_eq!(archive.sets().len(), 1);
        let set = archive.read(&digest(1)).unwrap();
        assert_eq!(set.index, SetIndex::of(&manifest, &digest(1)));
        assert_eq!(set.files["policies/all.cedar"].text, "permit");
        assert_eq!(fs::read_dir(root.path().join(PLACE)).unwrap().count(), 1);
        assert_eq!(archive.source(&digest(1), "policies/all.cedar").unwrap().text, "permit");
        assert!(archive.source(&digest(1), "policies/guard.cedar").unwrap().text.contains("forbid"));
        for (digest, path) in
            [(digest(1), "../_index.yaml"), (digest(2), "policies/all.cedar"), ("..".into(), "x")]
        {
            assert!(archive.source(&digest, path).is_err(), "{digest} {path}");
        }

        fs::write(root.path().join("policies/all.cedar"), "// other words\npermit").unwrap();
        let manifest = Manifest::load(root.path()).unwrap().0;
        Archive::keep(root.path(), &manifest, &digest(1)).unwrap();
        assert!(archive.read(&digest(1)).unwrap().files["policies/all.cedar"].text.starts_with("// other"));
        assert_eq!(fs::read_dir(root.path().join(PLACE)).unwrap().count(), 1);
    }

    #[test]
    fn what_was_tampered_with_is_not_read_back() {
        let (root, manifest) = app("permit");
        Archive::keep(root.path(), &manifest, &digest(1)).unwrap();
        let archive = Archive::of(root.path()).unwrap().unwrap();
        let kept = root.path().join(PLACE).join(digest(1)).join("policies/all.cedar");
        fs::write(&kept, "forbid").unwrap();
        assert!(archive.read(&digest(1)).unwrap_err().contains("is not the file that was kept"));
        fs::remove_file(&kept).unwrap();
        symlink("/etc/hostname", &kept).unwrap();
        assert!(archive.read(&digest(1)).unwrap_err().contains("symbolic link"));

        // One set in the place of another.
        Archive::keep(root.path(), &manifest, &digest(1)).unwrap();
        let place = |number| root.path().join(PLACE).join(digest(number));
        fs::rename(place(1), place(2)).unwrap();
        assert!(archive.read(&digest(2)).unwrap_err().contains("its index is that of the set"));
    }

    #[test]
    fn the_oldest_go_and_never_the_one_that_is_live() {
        let (root, manifest) = app("permit");
        for number in 0..ARCHIVE_SETS_MAX + 3 {
            Archive::keep(root.path(), &manifest, &digest(number)).unwrap();
            // Clocks of file systems are coarse: the order is made certain.
            let index = root.path().join(PLACE).join(digest(number)).join(INDEX);
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000 + number as u64);
            fs::File::options().write(true).open(index).unwrap().set_modified(time).unwrap();
        }
        let archive = Archive::of(root.path()).unwrap().unwrap();
        let kept: Vec<String> = archive.sets().into_iter().map(|set| set.digest).collect();
        let expected: Vec<String> = (3..ARCHIVE_SETS_MAX + 3).rev().map(digest).collect();
        assert_eq!(kept, expected);
        // The oldest of all is live again: it stays when the next one comes.
        Archive::keep(root.path(), &manifest, &digest(3)).unwrap();
        Archive::keep(root.path(), &manifest, &digest(999)).unwrap();
        let kept: Vec<String> = archive.sets().into_iter().map(|set| set.digest).collect();
        assert!(kept.contains(&digest(3)) && !kept.contains(&digest(4)), "{kept:?}");
    }

    #[test]
    fn nothing_is_kept_through_a_link() {
        let (root, manifest) = app("permit");
        let outside = tempfile::tempdir().unwrap();
        symlink(outside.path(), root.path().join("data")).unwrap();
        assert!(Archive::keep(root.path(), &manifest, &digest(1)).is_err());
        assert!(Archive::of(root.path()).is_err());
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_prefix_finds_one_set_or_says_which_there_are() {
        let (root, manifest) = app("permit");
        let names = [format!("a{}", "0".repeat(63)), format!("ab{}", "0".repeat(62))];
        names.iter().for_each(|name| Archive::keep(root.path(), &manifest, name).unwrap());
        let archive = Archive::of(root.path()).unwrap().unwrap();
        assert!(matches!(archive.find("ab"), Found::One(set) if set.digest == names[1]));
        assert!(matches!(archive.find("a"), Found::Several(sets) if sets.len() == 2));
        for unknown in ["", "b", "../.."] {
            assert!(matches!(archive.find(unknown), Found::None(sets) if sets.len() == 2), "{unknown}");
        }
    }
}
