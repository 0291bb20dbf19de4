//! Policies that change under a running app: what is sound is in force within a second, what is not changes nothing.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use crate::support::{moonward, texts};

/// No wait is longer, however loaded the machine is.
const DEADLINE: Duration = Duration::from_secs(60);

const MANIFEST: &str = r#"
version: "1.0"
namespace: app
entries:
  - {name: all, kind: security.scope, policies: [file://start.cedar, file://names.cedar]}
  - {name: asks, kind: process.lua, source: file://asks.lua, modules: [time]}
  - {name: service, kind: process.service, process: asks, lifecycle: {auto_start: true, stop_timeout: 1s}}
"#;

/// Asks for a name again and again, and says each time whether it may have it.
const ASKS: &str = r#"
local time = require("time")
return function()
    while true do
        local held = process.registry.register("me")
        if held then process.registry.unregister("me") end
        print(held and "it has a name" or "it has none")
        time.sleep("20ms")
    end
end
"#;

const START: &str = "@id(\"start\")\npermit (principal, action in Moonward::Action::\"spawn\", resource);\n";
const NAMES: &str =
    "@id(\"names\")\npermit (principal, action in Moonward::Action::\"registry\", resource);\n";
const BROKEN: &str =
    "@id(\"names\")\npermit (principal, action in Moonward::Action::\"registry\", resorce);\n";
const NO_NAMES: &str = "// no names\n";

/// Writes the app's files into a folder.
pub(crate) fn app(folder: &Path, names: &str) {
    fs::create_dir_all(folder).unwrap();
    for (name, text) in
        [("_index.yaml", MANIFEST), ("asks.lua", ASKS), ("start.cedar", START), ("names.cedar", names)]
    {
        fs::write(folder.join(name), text).unwrap();
    }
}

/// `moonward run --watch` in the background; what it says is read as it is said.
pub(crate) struct Watched {
    child: Child,
    lines: Receiver<String>,
    log: PathBuf,
}

impl Watched {
    pub(crate) fn start(app: &Path, log: &Path) -> Self {
        let mut command = moonward();
        command.args(["run", "--watch"]).arg(app).arg("--log").arg(log);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (said, lines) = channel();
        std::thread::spawn(move || {
            stderr.lines().map_while(Result::ok).try_for_each(|line| said.send(line).map_err(drop)).ok()
        });
        Self { child, lines, log: log.to_owned() }
    }

    /// Everything that is said from here to the line that has this text in it.
    pub(crate) fn wait_for(&self, text: &str) -> String {
        let end = Instant::now() + DEADLINE;
        let mut seen = String::new();
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let line =
                self.lines.recv_timeout(left).unwrap_or_else(|_| panic!("`{text}` was not said:\n{seen}"));
            seen.push_str(&line);
            seen.push('\n');
            if line.contains(text) {
                return seen;
            }
        }
    }

    /// The records of this kind, of which there are at least so many soon.
    pub(crate) fn records(&self, kind: &str, count: usize) -> Vec<serde_json::Value> {
        let end = Instant::now() + DEADLINE;
        loop {
            // The last line may be being written.
            let lines = audit::read(&self.log).filter_map(Result::ok).map(|line| line.record);
            let found: Vec<_> = lines.filter(|record| record["kind"] == kind).collect();
            if found.len() >= count {
                return found;
            }
            assert!(Instant::now() < end, "{} records of kind `{kind}`, not {count}", found.len());
            std::thread::yield_now();
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const LOADED: &str = "the app changed and was loaded again";
const REFUSED: &str = "the app changed and has errors; the version before stays";

/// An app that is followed, and may have names.
fn started(root: &Path) -> (PathBuf, Watched) {
    let folder = root.join("app");
    app(&folder, NAMES);
    let watched = Watched::start(&folder, &root.join("log"));
    watched.wait_for("it has a name");
    (folder, watched)
}

/// As editors save: beside, then renamed over.
fn save(folder: &Path, name: &str, text: &str) {
    let beside = folder.join(format!("{name}~"));
    fs::write(&beside, text).unwrap();
    fs::rename(beside, folder.join(name)).unwrap();
}

#[test]
fn a_broken_save_is_told_with_its_place_and_changes_nothing_until_it_is_mended() {
    let root = tempfile::tempdir().unwrap();
    let (folder, watched) = started(root.path());
    save(&folder, "names.cedar", BROKEN);
    let said = watched.wait_for(REFUSED);
    assert!(said.contains("--> names.cedar:2:") && said.contains("resorce"), "{said}");
    // It goes on under the policies before.
    watched.wait_for("it has a name");
    // Saved again as it was: nothing new to say, and nothing new on record.
    save(&folder, "names.cedar", BROKEN);
    // Another mistake is another version.
    save(&folder, "names.cedar", "permit");
    let said = watched.wait_for(REFUSED);
    assert!(said.contains("--> names.cedar:1:"), "{said}");
    let refused = watched.records("policy_refused", 2);
    assert_eq!(refused.len(), 2, "{refused:?}");
    assert!(
        refused[0]["detail"]["diagnostics"][0].as_str().unwrap().contains("names.cedar:2:"),
        "{refused:?}"
    );
    let loads = watched.records("policy_load", 1);
    assert_eq!(loads.len(), 1, "{loads:?}");
    for record in &refused {
        assert_eq!(
            (&record["policy_set"], &record["generation"]),
            (&loads[0]["policy_set"], &loads[0]["generation"])
        );
    }
    save(&folder, "names.cedar", NO_NAMES);
    watched.wait_for(LOADED);
    watched.wait_for("it has none");
    assert_eq!(watched.records("policy_load", 2).len(), 2);
    assert_eq!(watched.records("policy_refused", 2).len(), 2);
}

#[test]
fn what_is_mended_is_in_force_within_a_second() {
    let root = tempfile::tempdir().unwrap();
    let (folder, watched) = started(root.path());
    let mut fastest = DEADLINE;
    // A loaded machine may take longer once, and not each time.
    for _ in 0..5 {
        save(&folder, "names.cedar", BROKEN);
        watched.wait_for(REFUSED);
        let saved = Instant::now();
        save(&folder, "names.cedar", NO_NAMES);
        watched.wait_for(LOADED);
        watched.wait_for("it has none");
        fastest = fastest.min(saved.elapsed());
        save(&folder, "names.cedar", NAMES);
        watched.wait_for(LOADED);
        if fastest < Duration::from_secs(1) {
            return;
        }
    }
    panic!("the fastest of five took {fastest:?}");
}

#[test]
fn a_burst_of_saves_is_one_version() {
    let root = tempfile::tempdir().unwrap();
    let (folder, watched) = started(root.path());
    for number in 0..50 {
        // Some as they are written in place, some as they are renamed; most of them would not load.
        match number % 2 {
            0 => fs::write(folder.join("names.cedar"), BROKEN).unwrap(),
            _ => save(&folder, "names.cedar", "permit"),
        }
        save(&folder, "start.cedar", &format!("// {number}\n{START}"));
    }
    save(&folder, "names.cedar", NO_NAMES);
    let said = watched.wait_for(LOADED);
    assert!(!said.contains(REFUSED), "{said}");
    watched.wait_for("it has none");
    assert_eq!(watched.records("policy_load", 2).len(), 2);
    assert!(watched.records("policy_refused", 0).is_empty());
}

#[test]
fn a_link_that_is_swapped_as_kubernetes_does_is_followed() {
    let root = tempfile::tempdir().unwrap();
    let mounted = root.path().join("mounted");
    let version = |name: &str, names: &str| app(&mounted.join(name), names);
    version("..2026_11_27_1", NAMES);
    symlink("..2026_11_27_1", mounted.join("..data")).unwrap();
    for file in ["_index.yaml", "asks.lua", "start.cedar", "names.cedar"] {
        symlink(format!("..data/{file}"), mounted.join(file)).unwrap();
    }
    let swap = |to: &str, old: &str| {
        symlink(to, mounted.join("..data_tmp")).unwrap();
        fs::rename(mounted.join("..data_tmp"), mounted.join("..data")).unwrap();
        fs::remove_dir_all(mounted.join(old)).unwrap();
    };
    // The mounted folder holds links, which are not followed; it says which path to give.
    let output = moonward().arg("check").arg(&mounted).output().unwrap();
    let (_, stderr) = texts(&output);
    assert!(output.status.code() == Some(3) && stderr.contains("`..data`"), "{stderr}");

    let watched = Watched::start(&mounted.join("..data"), &root.path().join("log"));
    watched.wait_for("it has a name");
    version("..2026_11_27_2", NO_NAMES);
    swap("..2026_11_27_2", "..2026_11_27_1");
    watched.wait_for(LOADED);
    watched.wait_for("it has none");
    version("..2026_11_27_3", BROKEN);
    swap("..2026_11_27_3", "..2026_11_27_2");
    assert!(watched.wait_for(REFUSED).contains("--> names.cedar:2:"));
    version("..2026_11_27_4", NAMES);
    swap("..2026_11_27_4", "..2026_11_27_3");
    watched.wait_for(LOADED);
    assert_eq!(watched.records("policy_load", 3).len(), 3);
    assert_eq!(watched.records("policy_refused", 1).len(), 1);
}
