//! Files of policies as they lie in a folder, whoever names them: listed, read, and written in place of what they were.
//!
//! What is in them, and whether anything uses them, is not known here.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use diagnostic::{Diagnostic, Source, Span};

use crate::limits::{FILES_BYTES_MAX, FILES_MAX};
use crate::manifest::folder::{Folder, Refused};
use crate::replace::Prepared;

/// Every `.cedar` file below a folder, or one file.
#[derive(Debug)]
pub struct PolicyFiles {
    folder: Folder,
    /// What the folder is called, for people.
    place: PathBuf,
    names: Vec<String>,
    refused: Vec<Diagnostic>,
}

const HELP: &str = "give the folder of an app, a folder with `.cedar` files, or one such file";

impl PolicyFiles {
    /// The files of a path: that file, or those of the folder and the folders below it, but for `data`, `testdata` and
    /// folders with a dot in front. The folder may be a link. A file may not, nor is one followed that is met below: names
    /// come from a repository too, which a hook passes on.
    ///
    /// # Errors
    /// The path does not exist, may not be read, or is a link to something other than a folder.
    pub fn at(path: &Path) -> Result<Self, Diagnostic> {
        let shown = path.display().to_string();
        let refused = |why: Refused| unreadable(&shown, &why).help(HELP);
        let is_folder = path.is_dir();
        if !is_folder && path.is_symlink() {
            let help = "no link is followed: name the file that it leads to, if that is meant";
            return Err(unreadable(&shown, &Refused::Link).help(help));
        }
        if is_folder {
            let folder = Folder::open(path).map_err(|error| refused(error.into()))?;
            let listing = folder.list_of(|name| name.ends_with(".cedar"));
            let shown = |name: &str| path.join(name).display().to_string();
            let mut refused: Vec<Diagnostic> =
                listing.refused.iter().map(|(name, why)| unreadable(&shown(name), why)).collect();
            if listing.files.len() > FILES_MAX {
                let message = format!("there are more than {FILES_MAX} policy files in `{}`", path.display());
                refused.push(Diagnostic::error("policy.unreadable", message));
            }
            let names = listing.files.into_iter().take(FILES_MAX).collect();
            return Ok(Self { folder, place: path.to_owned(), names, refused });
        }
        path.symlink_metadata().map_err(|error| refused(error.into()))?;
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.ok_or_else(|| refused(Refused::Name))?.to_owned();
        let place = path.parent().unwrap_or(Path::new("")).to_owned();
        let beside = if place.as_os_str().is_empty() { Path::new(".") } else { &place };
        let folder = Folder::open(beside).map_err(|error| refused(error.into()))?;
        Ok(Self { folder, place, names: vec![name], refused: Vec::new() })
    }

    /// The text of each file, by the path that people know it under, and what cannot be read.
    pub fn read(&self) -> (Vec<Arc<Source>>, Vec<Diagnostic>) {
        let (mut read, mut refused) = (Vec::new(), self.refused.clone());
        let mut bytes = 0;
        for name in &self.names {
            let shown = self.place.join(name).display().to_string();
            if bytes > FILES_BYTES_MAX {
                let message =
                    format!("policy files are over {} MiB together", FILES_BYTES_MAX / (1024 * 1024));
                refused.push(Diagnostic::error("policy.unreadable", message).at(Span::unread(shown)));
                break;
            }
            match self.folder.read(name) {
                Ok(source) => {
                    bytes += source.text.len();
                    read.push(Arc::new(Source { path: shown, text: source.text.clone() }));
                }
                Err(why) => refused.push(unreadable(&shown, &why)),
            }
        }
        (read, refused)
    }

    /// Puts a text in the place of a file that [`PolicyFiles::read`] gave: the whole or nothing, with the mode that the file
    /// had.
    ///
    /// # Errors
    /// It cannot be written, or is no longer the file that was read; it is then as it was.
    pub fn replace(&self, read: &Source, text: &str) -> Result<(), Diagnostic> {
        let shown = |name: &&String| self.place.join(name).display().to_string() == read.path;
        let written = match self.names.iter().find(shown) {
            None => Err(Refused::Missing),
            Some(name) => match self.folder.read(name) {
                Ok(now) if now.text == read.text => {
                    Prepared::new(&self.folder, name, text).and_then(Prepared::put)
                }
                Ok(_) => Err(Refused::Changed),
                Err(refused) => Err(refused),
            },
        };
        written.map_err(|why| {
            let message = format!("`{}` cannot be written: {why}", read.path);
            Diagnostic::error("policy.unwritable", message).at(Span::unread(read.path.clone()))
        })
    }
}

/// A file that is not read. One that is too large can be read by others, and has a code of its own.
pub(crate) fn unreadable(path: &str, why: &Refused) -> Diagnostic {
    let message = format!("`{path}` cannot be read: {why}");
    let code = if matches!(why, Refused::TooLarge) { "policy.too-large" } else { "policy.unreadable" };
    Diagnostic::error(code, message).at(Span::unread(path))
}
