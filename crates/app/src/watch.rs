//! Follows the app's folder: when a file changes, the app is loaded anew and, if nothing is wrong with it, runs.
//!
//! The folder is watched, not its files, so that an editor that writes a new file over the old one is seen; and the
//! folder is looked up by its path again and again, so that a link that is turned to another folder is, too. What is
//! loaded is compared with what runs: a file that is written as it was changes nothing.

use std::convert::Infallible;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use diagnostic::{Diagnostic, Source, render};
use notify::{Event, EventKind, RecursiveMode, Watcher as _};
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::app::App;
use crate::archive;
use crate::limits::{FOLDER_LOOK_MS, QUIET_MS, UNQUIET_MAX_MS};
use crate::running::Running;

/// What came of a change of the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reload {
    /// It runs. With what is probably not meant.
    Applied(Vec<Diagnostic>),
    /// After a version that was refused it is again what runs: there is nothing to do.
    Restored,
    /// Something is wrong with it; the version before stays. Everything that is wrong.
    Refused(Vec<Diagnostic>),
}

/// Is told what came of a change, at once.
pub type Report = Box<dyn FnMut(&Reload)>;

/// Follows the folder for ever.
pub(crate) async fn follow(running: &Running, mut report: Option<Report>) -> Infallible {
    let folder = running.deployed().folder.clone();
    let mut changes = Changes::new(folder.clone(), running.log().folder());
    let mut refused = None;
    loop {
        changes.next().await;
        // Before the load that comes of it: whoever put the files back did not have the log.
        archive::unrecorded::record(&folder, running.log());
        let loading = folder.clone();
        // Reading and compiling take a while; services are kept meanwhile.
        let Ok(loaded) = tokio::task::spawn_blocking(move || App::load(&loading)).await else { continue };
        let version = Version::of(&loaded);
        if version == Version::Sound(running.deployed().manifest.sources().to_vec()) {
            if refused.take().is_some() {
                tell(&Reload::Restored, running.gate().generation(), report.as_deref_mut());
            }
            continue;
        }
        if refused.as_ref() == Some(&version) {
            continue;
        }
        let reload = match loaded {
            Ok((app, warnings)) => match running.reload(app) {
                Ok(()) => Reload::Applied(warnings),
                Err(failure) => Reload::Refused(vec![Diagnostic::error("app.reload", failure.message)]),
            },
            Err(found) => {
                running.gate().refuse(&found);
                Reload::Refused(found)
            }
        };
        refused = matches!(reload, Reload::Refused(_)).then_some(version);
        tell(&reload, running.gate().generation(), report.as_deref_mut());
    }
}

/// What tells one version of the folder from another: everything that was read, or that is wrong. A version that was
/// refused is not refused twice.
#[derive(PartialEq)]
enum Version {
    Sound(Vec<Arc<Source>>),
    Broken(Vec<Diagnostic>),
}

impl Version {
    fn of<T>(loaded: &Result<(App, T), Vec<Diagnostic>>) -> Self {
        match loaded {
            Ok((app, _)) => Self::Sound(app.manifest.sources().to_vec()),
            Err(found) => Self::Broken(found.clone()),
        }
    }
}

/// Says it to whoever asked to be told, or else to whoever reads the program's log.
fn tell(reload: &Reload, generation: u64, report: Option<&mut (dyn FnMut(&Reload) + 'static)>) {
    let found = match (report, reload) {
        (Some(report), _) => return report(reload),
        (None, Reload::Applied(found)) => {
            tracing::info!(target: "watch", generation, "the changed app runs");
            found
        }
        (None, Reload::Restored) => {
            tracing::info!(target: "watch", generation, "the app is again what runs");
            return;
        }
        (None, Reload::Refused(found)) => {
            tracing::error!(target: "watch", generation, "the changed app is refused, the one before runs on");
            found
        }
    };
    for diagnostic in found {
        tracing::warn!(target: "watch", "{}", render(diagnostic).trim_end());
    }
}

/// Changes of a folder, however it is reached.
struct Changes {
    folder: PathBuf,
    filter: Filter,
    /// What watches, and the folder that it watches. Nothing at first, so that the first look counts as a change: what
    /// changed between loading and looking is not missed.
    watched: Option<(notify::RecommendedWatcher, Held)>,
    /// Why it could not be watched; said once.
    trouble: Option<String>,
    changed: Arc<Notify>,
}

impl Changes {
    fn new(folder: PathBuf, log_folder: &Path) -> Self {
        let log_folder = log_folder.canonicalize().unwrap_or_else(|_| log_folder.to_owned());
        let filter = Filter { folder: PathBuf::new(), log_folder };
        Self { folder, filter, watched: None, trouble: None, changed: Arc::default() }
    }

    /// Waits until something has changed and then nothing for a while. Whatever changes meanwhile is part of it.
    async fn next(&mut self) {
        let mut looks = interval(Duration::from_millis(FOLDER_LOOK_MS));
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.changed.notified() => break,
                _ = looks.tick() => if self.look() { break },
            }
        }
        let quiet = Duration::from_millis(QUIET_MS);
        let settled = async { while timeout(quiet, self.changed.notified()).await.is_ok() {} };
        // A folder that never comes to rest is read all the same.
        let _ = timeout(Duration::from_millis(UNQUIET_MAX_MS), settled).await;
    }

    /// Watches whatever folder is at the path now; whether that is another one than before.
    fn look(&mut self) -> bool {
        let Ok(found) = self.folder.metadata() else { return false };
        if self.watched.as_ref().is_some_and(|(_, held)| held.is(&found)) {
            return false;
        }
        match self.watch() {
            Ok(watched) => {
                self.watched = Some(watched);
                self.trouble = None;
                true
            }
            Err(error) => {
                let trouble = Some(error.to_string());
                if self.trouble != trouble {
                    tracing::error!(target: "watch", folder = %self.folder.display(), %error, "cannot be watched");
                    self.trouble = trouble;
                }
                false
            }
        }
    }

    fn watch(&mut self) -> notify::Result<(notify::RecommendedWatcher, Held)> {
        self.filter.folder = self.folder.canonicalize()?;
        let held = Held::open(&self.filter.folder)?;
        let (filter, changed) = (self.filter.clone(), self.changed.clone());
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            // Of what was missed nothing is known: in doubt, look.
            if event.is_ok_and(|event| !filter.passes(&event)) {
                return;
            }
            changed.notify_one();
        })?;
        watcher.watch(&self.filter.folder, RecursiveMode::Recursive)?;
        Ok((watcher, held))
    }
}

/// A folder that is kept open, so that no other can get its number while it is compared with what is at the path: file
/// systems give the number of one that was removed to the next one that is made.
struct Held {
    _folder: File,
    device: u64,
    inode: u64,
}

impl Held {
    fn open(path: &Path) -> io::Result<Self> {
        let folder = File::open(path)?;
        let metadata = folder.metadata()?;
        Ok(Self { _folder: folder, device: metadata.dev(), inode: metadata.ino() })
    }

    fn is(&self, found: &Metadata) -> bool {
        (self.device, self.inode) == (found.dev(), found.ino())
    }
}

/// Which events can be about an app.
#[derive(Debug, Clone)]
struct Filter {
    folder: PathBuf,
    log_folder: PathBuf,
}

impl Filter {
    /// Not that something was read, nor what the product itself writes into the app's folder (the audit log, and policy
    /// sets that are kept), nor what is hidden there.
    fn passes(&self, event: &Event) -> bool {
        if event.need_rescan() {
            return true;
        }
        let hidden = |component: Component<'_>| component.as_os_str().as_encoded_bytes().starts_with(b".");
        let ours = |path: &PathBuf| match path.strip_prefix(&self.folder) {
            Ok(below) => {
                !path.starts_with(&self.log_folder)
                    && !below.starts_with(archive::PLACE)
                    && !below.components().any(hidden)
            }
            Err(_) => false,
        };
        !matches!(event.kind, EventKind::Access(_)) && event.paths.iter().any(ours)
    }
}

#[cfg(test)]
mod tests {
    use notify::event::{AccessKind, CreateKind, Flag, ModifyKind, RenameMode};

    use super::*;

    #[test]
    fn only_what_can_be_about_the_app_passes() {
        let filter = Filter { folder: "/srv/app".into(), log_folder: "/srv/app/data/audit".into() };
        let created = EventKind::Create(CreateKind::Any);
        let renamed = EventKind::Modify(ModifyKind::Name(RenameMode::Both));
        for (kind, paths, expected) in [
            (created, vec!["/srv/app/worker.lua"], true),
            (created, vec!["/srv/app/policies"], true),
            (created, vec!["/srv/app/data/audit/00000001.jsonl"], false),
            (created, vec!["/srv/app/data/policies/12ab/all.cedar"], false),
            (created, vec!["/srv/app/.worker.lua.swp"], false),
            (created, vec!["/srv/app/.git/index"], false),
            (created, vec!["/srv/elsewhere"], false),
            (created, vec![], false),
            (renamed, vec!["/srv/app/.worker.lua.tmp", "/srv/app/worker.lua"], true),
            (EventKind::Access(AccessKind::Any), vec!["/srv/app/worker.lua"], false),
        ] {
            let event = paths.iter().fold(Event::new(kind), |event, path| event.add_path(path.into()));
            assert_eq!(filter.passes(&event), expected, "{event:?}");
        }
        assert!(filter.passes(&Event::new(EventKind::Other).set_flag(Flag::Rescan)));
    }
}
