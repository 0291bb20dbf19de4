//! What is rendered from the declarations and committed is up to date; the shipped policies load and are written
//! as Cedar's formatter writes them.

use std::fs;
use std::path::{Path, PathBuf};

use policy::{BundleSources, ScopeSources, reference, schema};

use crate::world::{bundle, file, scope};

fn top(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

#[test]
fn the_rendered_files_are_up_to_date() {
    for (path, rendered) in
        [("schemas/moonward.cedarschema", schema::render()), ("docs/permissions.md", reference::render())]
    {
        let committed = fs::read_to_string(top(path)).unwrap_or_default();
        assert!(
            committed == rendered,
            "`{path}` is not what the declarations render to: run `moonward generate`"
        );
    }
}

fn shipped() -> Vec<(String, String)> {
    let mut policies: Vec<(String, String)> = fs::read_dir(top("policies"))
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "cedar"))
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap()))
        .collect();
    policies.sort();
    policies
}

#[test]
fn every_shipped_scope_loads_without_warnings_beside_the_others() {
    let not_scopes = ["guard.cedar", "isolation.cedar"];
    let (scopes, others): (Vec<_>, Vec<_>) =
        shipped().into_iter().partition(|(name, _)| !not_scopes.contains(&name.as_str()));
    assert_eq!(others.len(), not_scopes.len());
    let files: Vec<_> = scopes.iter().map(|(name, text)| file(name, text)).collect();
    let count = files.len();
    let sources =
        BundleSources { scopes: vec![ScopeSources { scope: scope(), files }], ..BundleSources::default() };
    let bundle = bundle(sources);
    assert!(bundle.warnings().is_empty(), "{:?}", bundle.warnings());
    assert!(bundle.policy_count() >= 16 + count);
}

#[test]
fn every_shipped_policy_is_written_as_the_formatter_writes_it() {
    for (name, text) in shipped() {
        let formatted = policy::format(&file(&name, &text)).unwrap();
        assert!(formatted == text, "`{name}` should read:\n{formatted}");
    }
}
