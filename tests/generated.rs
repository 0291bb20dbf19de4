//! What is rendered from code is committed as it is rendered.

use std::fs;

use crate::support::{moonward, repository, texts};

#[test]
fn every_rendered_file_is_up_to_date_and_one_that_is_not_is_named() {
    let check = |root: &std::path::Path| {
        moonward().args(["generate", "--check", "--root"]).arg(root).output().unwrap()
    };
    let output = check(&repository());
    assert_eq!(output.status.code(), Some(0), "{}", texts(&output).1);

    // A repository with nothing rendered in it yet: everything is named, and nothing is written.
    let bare = tempfile::tempdir().unwrap();
    fs::create_dir_all(bare.path().join("crates/cli")).unwrap();
    fs::write(bare.path().join("crates/cli/Cargo.toml"), "").unwrap();
    let output = check(bare.path());
    let (_, stderr) = texts(&output);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    for file in [
        "schemas/moonward.cedarschema",
        "schemas/manifest.json",
        "schemas/audit-record.json",
        "docs/lua-api.md",
    ] {
        assert!(stderr.contains(&format!("`{file}` is out of date")), "{stderr}");
    }
    assert!(!bare.path().join("schemas").exists());

    let written = moonward().args(["generate", "--root"]).arg(bare.path()).output().unwrap();
    assert_eq!(written.status.code(), Some(0), "{}", texts(&written).1);
    assert_eq!(check(bare.path()).status.code(), Some(0));
}
