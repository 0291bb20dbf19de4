//! Back to a policy set that the app has had: its files are put back, after the same checks as a load.
//!
//! First everything is found out ([`Rollback::plan`]), and nothing is written; then the set that the folder holds is kept,
//! so that going back can be undone, and the files are put in their places one right after the other. Whoever may write
//! the app's folder may do this; who did is the caller's to record.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use diagnostic::{Diagnostic, Severity, Source};

use crate::app::App;
use crate::archive::{self, Archive, Archived, Found, Set, SetIndex};
use crate::manifest::Manifest;
use crate::manifest::folder::Folder;
use crate::replace::{self, Prepared};

/// What going back to a set comes to.
pub struct Rollback {
    folder: PathBuf,
    /// The set that the folder holds, and its name: its digest, or `broken-` and a hash when it does not load.
    before: Manifest,
    /// Name of the set that the folder holds now.
    pub from: String,
    /// Name of the set that is gone back to: its digest, or `broken-` and a hash when it did not load.
    pub to: String,
    /// Digest that the set has when it is loaded now, and by which it decides. Another one than `to` for a set that did not
    /// load, and where the product's own schema or guard has changed since.
    pub digest_now: Arc<str>,
    /// Files that are not in the folder and will be.
    pub added: Vec<String>,
    /// Files that say something else now.
    pub changed: Vec<String>,
    /// What is probably not meant in the set.
    pub warnings: Vec<Diagnostic>,
    /// How to open the log that the rollback is recorded in.
    pub log: audit::Options,
    files: BTreeMap<String, Arc<Source>>,
    /// What the files that change say now.
    current: BTreeMap<String, Arc<Source>>,
}

/// Why there is no going back.
#[derive(Debug)]
pub enum NoRollback {
    /// No set has such a digest, or several do: those that there are, newest first.
    Unknown(Found),
    /// The set is not what was kept.
    Damaged(String),
    /// The folder is no app, or its manifest cannot be understood.
    NoApp(Vec<Diagnostic>),
    /// The set does not load under the manifest as it is, or is another one than its digest says.
    Refused(Vec<Diagnostic>),
}

impl Rollback {
    /// Finds out what going back to the set whose digest begins with `prefix` comes to. Nothing is written. `log` is
    /// the folder of the log, where that is not the app's own.
    ///
    /// # Errors
    /// There is no such set, it does not load now, what loads has another digest, or the manifest's guards, scopes or
    /// tenants are others.
    pub fn plan(folder: &Path, prefix: &str, log: Option<&Path>) -> Result<Self, NoRollback> {
        let before = match Manifest::read(folder) {
            (Some(manifest), _) => manifest,
            (None, found) => return Err(NoRollback::NoApp(found.unwrap_or_else(|errors| errors))),
        };
        let archive = Archive::of(folder).map_err(|error| NoRollback::Damaged(error.to_string()))?;
        let found = archive.as_ref().map_or(Found::None(Vec::new()), |archive| archive.find(prefix));
        let (Found::One(Archived { digest: to, .. }), Some(archive)) = (&found, &archive) else {
            return Err(NoRollback::Unknown(found));
        };
        let to = to.clone();
        let Set { index, files } = archive.read(&to).map_err(NoRollback::Damaged)?;
        let (app, warnings) = match App::load_with(folder, files.clone()) {
            Ok(loaded) => loaded,
            Err(mut found) => {
                // What the manifest says is the reason, where it is: what follows from that is told after it.
                if let (Some(manifest), _) = Manifest::read_with(folder, files) {
                    found.splice(..0, index.unfit(&SetIndex::of(&manifest, &to)));
                }
                found.retain(|found| found.severity == Severity::Error);
                return Err(NoRollback::Refused(found));
            }
        };
        let unfit = index.unfit(&SetIndex::of(&app.manifest, &to));
        if !unfit.is_empty() {
            return Err(NoRollback::Refused(unfit));
        }
        if let Some(changed) = not_as_kept(&index, &app) {
            return Err(NoRollback::Refused(vec![changed]));
        }
        let from = match App::load(folder) {
            Ok((app, _)) => app.policy_digest().to_string(),
            Err(_) => archive::name_of_broken(&before),
        };
        let opened = Folder::open(folder).map_err(|error| NoRollback::Damaged(error.to_string()))?;
        let current: BTreeMap<String, Arc<Source>> =
            files.keys().filter_map(|path| Some((path.clone(), opened.read(path).ok()?))).collect();
        let is_same = |path: &String, source: &Arc<Source>| {
            current.get(path).is_some_and(|current| current.text == source.text)
        };
        let (mut added, mut changed) = (Vec::new(), Vec::new());
        for (path, source) in &files {
            match current.contains_key(path) {
                false => added.push(path.clone()),
                true if is_same(path, source) => {}
                true => changed.push(path.clone()),
            }
        }
        Ok(Self {
            folder: folder.to_owned(),
            before,
            from,
            to,
            digest_now: app.policy_digest().clone(),
            added,
            changed,
            warnings,
            log: app.log_options(log),
            files,
            current,
        })
    }

    /// Whether the files are those of the set already.
    pub fn is_nothing(&self) -> bool {
        self.added.is_empty() && self.changed.is_empty()
    }

    /// Leaves the record of it to whoever holds the log: the app that runs, or else the next that starts.
    ///
    /// # Errors
    /// It cannot be left there, in words.
    pub fn leave_record(&self, event: &audit::Event) -> Result<(), String> {
        archive::unrecorded::leave(&self.folder, &self.log.folder, event)
    }

    /// Keeps what the folder holds, then puts the files back: all of them are written first and then put in their places,
    /// within the time that a watched folder is given to come to rest.
    ///
    /// # Errors
    /// What could not be kept or put; the files are then as they were, unless it says otherwise.
    pub fn apply(&self) -> Result<(), String> {
        Archive::keep(&self.folder, &self.before, &self.from)
            .map_err(|error| format!("the set that is there now cannot be kept: {error}"))?;
        let folder = Folder::open(&self.folder).map_err(|error| error.to_string())?;
        let prepared = self
            .added
            .iter()
            .chain(&self.changed)
            .filter_map(|path| Some((path, self.files.get(path)?)))
            .map(|(path, source)| match Prepared::new(&folder, path, &source.text) {
                Ok(prepared) => Ok((path, prepared)),
                Err(error) => Err(format!("`{path}` cannot be written: {error}; nothing was changed")),
            })
            .collect::<Result<Vec<_>, _>>()?;
        let mut put = Vec::new();
        for (path, prepared) in prepared {
            if let Err(error) = prepared.put() {
                let undone = self.undo(&folder, &put);
                return Err(format!("`{path}` cannot be written: {error}; {undone}"));
            }
            put.push(path);
        }
        Ok(())
    }

    /// Puts back what was there, and says how that went.
    fn undo(&self, folder: &Folder, put: &[&String]) -> String {
        let left: Vec<&str> = put
            .iter()
            .filter(|path| {
                let undone = match self.current.get(**path) {
                    Some(before) => Prepared::new(folder, path, &before.text).and_then(Prepared::put),
                    None => replace::remove(folder, path),
                };
                undone.is_err()
            })
            .map(|path| path.as_str())
            .collect();
        match left.as_slice() {
            [] => "the other files are as they were".to_owned(),
            left => format!("`{}` are of the other set already", left.join("`, `")),
        }
    }
}

/// What there is against a set that would load: that it is not the one it is kept as. Whoever can change the files there can
/// change their hashes in its index; the set's name is what was seen in the audit log, and asked for. It holds for the schema
/// and guard of another version, too: a wrong word about those makes another digest.
fn not_as_kept(index: &SetIndex, app: &App) -> Option<Diagnostic> {
    let is = if index.digest.starts_with(archive::BROKEN) {
        archive::name_of_broken(&app.manifest)
    } else {
        app.assembly.bundle.digest_with(&index.shipped)
    };
    let message = format!("what is kept as the set `{}` is another one: `{is}`", index.digest);
    let help = "it was changed where it is kept: look at it there, or take it from a backup";
    (is != index.digest).then(|| Diagnostic::error("policy.set-unknown", message).help(help))
}

impl std::fmt::Debug for Rollback {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Rollback({} to {})", self.from, self.to)
    }
}
