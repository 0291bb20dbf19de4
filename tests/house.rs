//! The house stands as `docs/architecture.md` says: which crate uses which, and who owns which library.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value as Json;

use crate::support::repository;

/// Our crates from right to left; those in one row do not know each other. A crate uses only rows before its own.
const ROWS: [&[&str]; 7] = [
    &["value", "diagnostic"],
    &["audit"],
    &["policy", "review"],
    &["actor", "luau", "token"],
    &["sandbox"],
    &["app"],
    &["moonward"],
];

/// Libraries that any crate may use.
const FREE: [&str; 6] = ["serde", "serde_json", "thiserror", "tracing", "humantime", "tokio"];

/// Crates in which nothing waits on a runtime.
const WITHOUT_TOKIO: [&str; 5] = ["value", "diagnostic", "audit", "luau", "token"];

/// The crate that may hold `unsafe`.
const UNSAFE: &str = "luau";

struct Crate {
    name: String,
    folder: PathBuf,
    /// Names of what it is built with, tests left out.
    uses: BTreeSet<String>,
}

fn crates() -> Vec<Crate> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline", "--locked"])
        .current_dir(repository())
        .output()
        .unwrap();
    let metadata: Json = serde_json::from_slice(&output.stdout).unwrap();
    let ours = |name: &str| name.strip_prefix("moonward-").unwrap_or(name).to_owned();
    let packages = metadata["packages"].as_array().unwrap().iter();
    packages
        .map(|package| Crate {
            name: ours(package["name"].as_str().unwrap()),
            folder: Path::new(package["manifest_path"].as_str().unwrap()).parent().unwrap().to_owned(),
            uses: package["dependencies"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|dependency| dependency["kind"] != "dev")
                .map(|dependency| ours(dependency["name"].as_str().unwrap()))
                .collect(),
        })
        .collect()
}

fn row(name: &str) -> Option<usize> {
    ROWS.iter().position(|row| row.contains(&name))
}

#[test]
fn a_crate_uses_only_crates_to_its_right() {
    let crates = crates();
    assert_eq!(crates.len(), ROWS.iter().map(|row| row.len()).sum::<usize>());
    for one in &crates {
        let own = row(&one.name).unwrap_or_else(|| panic!("`{}` is in no row", one.name));
        for used in one.uses.iter().filter_map(|name| Some((name, row(name)?))) {
            assert!(used.1 < own, "`{}` uses `{}`", one.name, used.0);
        }
    }
}

#[test]
fn each_outside_library_has_one_owner_and_the_workspace_names_it() {
    let mut owners: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for one in crates() {
        for used in one.uses.iter().filter(|name| row(name).is_none() && !FREE.contains(&name.as_str())) {
            owners.entry(used.clone()).or_default().insert(one.name.clone());
        }
        if WITHOUT_TOKIO.contains(&one.name.as_str()) {
            assert!(!one.uses.contains("tokio"), "`{}` uses tokio", one.name);
        }
    }
    let manifest = fs::read_to_string(repository().join("Cargo.toml")).unwrap();
    for (library, owners) in owners {
        let line = manifest.lines().find(|line| line.starts_with(&format!("{library} = "))).unwrap();
        let (_, comment) = line.rsplit_once("# ").unwrap_or_else(|| panic!("`{library}` has no owner"));
        let named = match comment.split([':', ';']).next().unwrap() {
            "cli" => "moonward",
            name => name,
        };
        assert_eq!(owners.iter().collect::<Vec<_>>(), [named], "owner of `{library}`");
    }
}

#[test]
fn in_the_policy_crate_nothing_waits_but_proofs() {
    let policy = repository().join("crates/policy/src");
    sources(&policy, &mut |path, text| {
        let may_wait = path.starts_with(policy.join("prove"));
        assert!(may_wait || !text.contains("tokio"), "{} names tokio", path.display());
    });
}

#[test]
fn only_one_crate_may_hold_unsafe_code() {
    for one in crates() {
        let manifest = fs::read_to_string(one.folder.join("Cargo.toml")).unwrap();
        let inherits = manifest.contains("[lints]\nworkspace = true");
        assert_eq!(inherits, one.name != UNSAFE, "lints of `{}`", one.name);
    }
    let workspace = fs::read_to_string(repository().join("Cargo.toml")).unwrap();
    assert!(workspace.contains("unsafe_code = \"forbid\""));
}

#[test]
fn every_source_file_says_first_what_it_is() {
    let mut silent = Vec::new();
    for one in crates() {
        sources(&one.folder.join("src"), &mut |path, text| {
            if !text.starts_with("//! ") {
                silent.push(path.to_owned());
            }
        });
    }
    assert!(silent.is_empty(), "{silent:?}");
}

/// Every source file in and below a folder, with its text.
pub(crate) fn sources(folder: &Path, each: &mut impl FnMut(&Path, &str)) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, each);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            each(&path, &fs::read_to_string(&path).unwrap());
        }
    }
}
