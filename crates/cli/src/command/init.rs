//! `moonward init`: a new app that runs, with a policy to edit, its tests, and schemas for the editor.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use diagnostic::visible;

use crate::embedded::{self, File};
use crate::exit::Exit;
use crate::fault::Fault;
use crate::print::Printer;
use crate::shell;

/// Everything of a new app that is always the same.
const FILES: [File<'static>; 9] = [
    ("_index.yaml", include_str!("../init/_index.yaml")),
    ("hello.lua", include_str!("../init/hello.lua")),
    ("worker.lua", include_str!("../init/worker.lua")),
    ("policies/permits.cedar", include_str!("../init/policies/permits.cedar")),
    ("policies/tests/permits_test.yaml", include_str!("../init/policies/tests/permits_test.yaml")),
    (
        "policies/tests/testdata/processes.yaml",
        include_str!("../init/policies/tests/testdata/processes.yaml"),
    ),
    (".gitignore", include_str!("../init/gitignore")),
    (".vscode/settings.json", include_str!("../init/settings.json")),
    ("README.md", include_str!("../init/README.md")),
];

/// Make a new app that runs, with a policy to edit and its tests
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  moonward init my-app")]
pub(crate) struct Init {
    /// Folder of the app: a new one, or one that is empty
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

impl Init {
    /// Writes the files and says what to do with them.
    pub(super) fn run(&self, printer: &Printer) -> Result<Exit, Fault> {
        let folder = visible(&self.folder.display().to_string());
        let unusable = |error: io::Error| Fault::failed(format!("`{folder}` cannot be written: {error}"));
        if !is_free(&self.folder).map_err(unusable)? {
            return Err(Fault::failed(format!("`{folder}` is not an empty folder"))
                .with_help("nothing was written; give a folder that is empty or does not exist"));
        }
        let (manifest, policies) = (app::schema_json(), policy::schema::render());
        let schemas = [
            (".moonward/manifest.json", manifest.as_str()),
            (".moonward/moonward.cedarschema", policies.as_str()),
        ];
        embedded::write(&self.folder, &[FILES.as_slice(), &schemas].concat()).map_err(unusable)?;
        let folder = shell::path(&self.folder);
        printer.say(&format!(
            "ok: made an app in {folder}\n\nNext:\n  \
             moonward check {folder}                   everything of it that can be known without running it\n  \
             moonward call {folder} app:hello World    one definition, run to its end\n  \
             moonward policy test {folder}             what its policies are meant to say\n  \
             moonward run {folder}                     its services, until Ctrl-C\n\n\
             What may happen is in {folder}/policies/permits.cedar, what was denied in {folder}/data/audit."
        ));
        Ok(Exit::Done)
    }
}

/// Whether nothing is there, or an empty folder.
fn is_free(folder: &Path) -> io::Result<bool> {
    match fs::read_dir(folder) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::is_free;

    #[test]
    fn only_nothing_and_an_empty_folder_are_free() {
        let folder = tempfile::tempdir().unwrap();
        assert!(is_free(folder.path()).unwrap());
        assert!(is_free(&folder.path().join("new")).unwrap());
        std::fs::write(folder.path().join("file"), "x").unwrap();
        assert!(!is_free(folder.path()).unwrap());
        assert!(!is_free(&folder.path().join("file")).unwrap());
    }
}
