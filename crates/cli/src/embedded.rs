//! Apps that are part of the binary, as files to be written into a folder.

use std::fs;
use std::io;
use std::path::Path;

/// A file of an embedded app: its path in the folder, and its text.
pub(crate) type File<'a> = (&'a str, &'a str);

/// Writes files into a folder, which is made if there is none, as are folders in it.
///
/// # Errors
/// A file is there already, or cannot be written; what was written before it stays.
pub(crate) fn write(folder: &Path, files: &[File<'_>]) -> io::Result<()> {
    for (path, text) in files {
        let path = folder.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        io::Write::write_all(&mut fs::File::create_new(path)?, text.as_bytes())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn files_are_written_with_their_folders_and_never_over_others() {
        let folder = tempfile::tempdir().unwrap();
        super::write(folder.path(), &[("a/b.txt", "one")]).unwrap();
        assert_eq!(std::fs::read_to_string(folder.path().join("a/b.txt")).unwrap(), "one");
        let again = super::write(folder.path(), &[("a/b.txt", "two")]);
        assert_eq!(again.unwrap_err().kind(), std::io::ErrorKind::AlreadyExists);
    }
}
