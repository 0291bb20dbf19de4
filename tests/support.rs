//! A temporary app folder, and the real binary run on it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// An app folder that goes with the test. Its log is in a folder of its own beside it.
pub(crate) struct Folder {
    root: TempDir,
}

impl Folder {
    /// A folder with these files, paths relative to it.
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let folder = Self { root: tempfile::tempdir().unwrap() };
        std::fs::create_dir(folder.path()).unwrap();
        for (path, text) in files {
            folder.write(path, text);
        }
        folder
    }

    /// The app's folder.
    pub(crate) fn path(&self) -> PathBuf {
        self.root.path().join("app")
    }

    /// Where its log goes.
    pub(crate) fn log(&self) -> PathBuf {
        self.root.path().join("log")
    }

    /// Writes or replaces one file.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// `moonward VERB <folder> ARGS... --log <log>`, waited for.
    pub(crate) fn run(&self, verb: &str, arguments: &[&str]) -> Output {
        let mut command = moonward();
        command.arg(verb).arg(self.path()).args(arguments).arg("--log").arg(self.log());
        command.output().unwrap()
    }

    /// `moonward call <folder> ID ARGS...`: the value that it printed.
    pub(crate) fn value(&self, id: &str, arguments: &[&str]) -> serde_json::Value {
        let output = self.run("call", &[&[id], arguments].concat());
        let (stdout, stderr) = texts(&output);
        assert!(output.status.success(), "{id} failed\nstdout: {stdout}\nstderr: {stderr}");
        serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}"))
    }

    /// The decision records of its log that denied, in order.
    pub(crate) fn denials(&self) -> Vec<serde_json::Value> {
        records(&self.log()).into_iter().filter(|record| record["decision"] == "deny").collect()
    }
}

/// The repository that this test was built from.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// The binary, without the environment's wishes about colour and logs.
pub(crate) fn moonward() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_moonward"));
    command.env_remove("MOONWARD_LOG").env("NO_COLOR", "1");
    command
}

/// Standard output and standard error.
pub(crate) fn texts(output: &Output) -> (String, String) {
    (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

/// Every record of a log folder, in order.
pub(crate) fn records(log: &Path) -> Vec<serde_json::Value> {
    let mut segments: Vec<PathBuf> = std::fs::read_dir(log)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"))
        .collect();
    segments.sort();
    let lines = segments.iter().flat_map(|path| {
        let text = std::fs::read_to_string(path).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<_>>()
    });
    lines.collect()
}

/// The last record of a log folder that is more than the signature over those before.
pub(crate) fn last_record(log: &Path) -> serde_json::Value {
    let mut records = records(log);
    records.retain(|record| record["kind"] != "checkpoint");
    records.pop().unwrap()
}
