//! Files that a command names: policies, fixtures and tests, each read within the bounds of an app's files.
//!
//! A folder is looked through without following links. What the text means is not known here.

use std::io::Read as _;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use diagnostic::{Diagnostic, Source, Span};

use crate::limits::{FILE_BYTES_MAX, FOLDER_ENTRIES_MAX, FOLDERS_NESTED_MAX};
use crate::manifest::folder::Folder;
use crate::policy_files::unreadable;

/// What stands for standard input where a file is named, as everywhere.
const STANDARD_INPUT: &str = "-";

/// The text of a file, or of standard input.
///
/// # Errors
/// It cannot be read, is too large, is a link or device, or not text.
pub(crate) fn read(path: &Path) -> Result<Arc<Source>, Vec<Diagnostic>> {
    let shown = path.display().to_string();
    let refused = |why: String| {
        let error = Diagnostic::error("policy.unreadable", format!("`{shown}` cannot be read: {why}"));
        vec![error.at(Span::unread(shown.as_str()))]
    };
    if path == Path::new(STANDARD_INPUT) {
        let text = standard_input().map_err(|error| refused(error.to_string()))?;
        return Ok(Arc::new(Source { path: shown, text }));
    }
    let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        return Err(refused("it is not a file".to_owned()));
    };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let opened = Folder::open(folder).map_err(|error| refused(error.to_string()))?;
    let source = opened.read(name).map_err(|error| vec![unreadable(&shown, &error)])?;
    Ok(Arc::new(Source { path: shown.clone(), text: source.text.clone() }))
}

/// All of standard input, as far as a file may be large.
fn standard_input() -> io::Result<String> {
    let mut text = String::new();
    // One byte more says that it is too large.
    let bytes = u64::try_from(FILE_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    io::stdin().lock().take(bytes).read_to_string(&mut text)?;
    if text.len() > FILE_BYTES_MAX {
        return Err(io::Error::other(format!("it is over {FILE_BYTES_MAX} bytes")));
    }
    Ok(text)
}

/// A file, or the files in and below a folder whose name fits, in order. Folders called `testdata` or `data`, and
/// those with a dot in front, are passed over.
///
/// # Errors
/// There is nothing there, a folder cannot be read, or there is far more in it than somebody would write.
pub(crate) fn find(path: &Path, fits: impl Fn(&str) -> bool) -> Result<Vec<PathBuf>, Vec<Diagnostic>> {
    let shown = path.display().to_string();
    let refused = |why: &dyn std::fmt::Display| {
        let error = Diagnostic::error("policy.unreadable", format!("`{shown}` cannot be read: {why}"));
        vec![error.at(Span::unread(shown.as_str()))]
    };
    if path == Path::new(STANDARD_INPUT) {
        return Ok(vec![path.to_owned()]);
    }
    if !fs::metadata(path).map_err(|error| refused(&error))?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let (mut found, mut waiting, mut seen) = (Vec::new(), vec![(path.to_owned(), 0)], 0);
    while let Some((folder, level)) = waiting.pop() {
        for entry in fs::read_dir(&folder).map_err(|error| refused(&error))? {
            let entry = entry.map_err(|error| refused(&error))?;
            seen += 1;
            if seen > FOLDER_ENTRIES_MAX || level > FOLDERS_NESTED_MAX {
                return Err(refused(&"there are more files in it, or deeper ones, than anybody would write"));
            }
            let name = entry.file_name();
            let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else { continue };
            let kind = entry.file_type().map_err(|error| refused(&error))?;
            if kind.is_dir() && !["testdata", "data"].contains(&name) {
                waiting.push((entry.path(), level + 1));
            } else if kind.is_file() && fits(name) {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The path that is meant by one written in a file, with what `..` takes away taken away, so that it reads well.
pub(crate) fn beside(file: &Path, written: &str) -> PathBuf {
    let folder = file.parent().unwrap_or_else(|| Path::new(""));
    let mut path = PathBuf::new();
    for component in folder.join(written).components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if matches!(path.components().next_back(), Some(Component::Normal(_))) => {
                path.pop();
            }
            other => path.push(other),
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::beside;

    #[test]
    fn a_path_is_relative_to_the_file_that_names_it() {
        for (file, written, expected) in [
            ("policies/tests/a_test.yaml", "../worker.cedar", "policies/worker.cedar"),
            ("a_test.yaml", "testdata/", "testdata"),
            ("a_test.yaml", "../../x", "../../x"),
            ("../a_test.yaml", "../x", "../../x"),
            ("/a/b", "./c", "/a/c"),
        ] {
            assert_eq!(beside(Path::new(file), written), Path::new(expected), "{file} {written}");
        }
    }
}
