//! The published test vectors: small logs below docs/audit-vectors/, and what is to be said of each. Anybody who reads the
//! format can try their reader on them, so they are compared with what this crate finds, and with the page that shows them.
//!
//! `MOONWARD_WRITE_VECTORS=1` writes them anew.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use audit::{Checkpoint, Finding};
use serde_json::{Value, json};

use crate::by_hand::{ByHand, KEY, NEXT_KEY, STRANGER, unpacked, verifying};
use crate::judge;

/// The folder of the vectors.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/audit-vectors")
}

/// One log, with what is to be said of it.
struct Vector {
    name: &'static str,
    log: ByHand,
    /// Whether it is to be compared with the checkpoint from outside.
    against: bool,
}

fn unfinished() -> ByHand {
    let mut log = ByHand::new(KEY);
    log.acts(2).checkpoint("rotation").segment();
    log.record("service", "\"tenant\":\"acme\",\"detail\":{\"id\":\"acme:\\u00fcber\"}").acts(1);
    log
}

fn intact() -> ByHand {
    let mut log = unfinished();
    log.checkpoint("shutdown");
    log
}

fn vectors() -> Vec<Vector> {
    let changed = |change: fn(&mut ByHand)| {
        let mut log = intact();
        change(&mut log);
        log
    };
    let stranger = || {
        let mut log = ByHand::new(KEY);
        log.acts(2).checkpoint("rotation").segment().acts(2).take_key(STRANGER).checkpoint("shutdown");
        log
    };
    let mut another = ByHand::of_another_era(STRANGER);
    another.acts(3).checkpoint("shutdown");
    let mut lost = ByHand::new(KEY);
    lost.acts(2)
        .checkpoint("shutdown")
        .acts(1)
        .lose_key(NEXT_KEY)
        .checkpoint("key")
        .acts(1)
        .checkpoint("shutdown");
    vec![
        Vector { name: "intact", log: intact(), against: false },
        Vector {
            name: "changed",
            log: changed(|log| {
                let text = String::from_utf8(log.segments[1][0].clone()).unwrap();
                log.segments[1][0] = text.replace("acme:", "evil:").into_bytes();
            }),
            against: false,
        },
        Vector { name: "removed", log: changed(|log| drop(log.segments[0].remove(1))), against: false },
        Vector { name: "forged", log: stranger(), against: false },
        Vector { name: "replaced", log: another, against: false },
        Vector { name: "lost", log: lost, against: false },
        Vector { name: "cut", log: changed(|log| log.segments[1].truncate(1)), against: false },
        Vector { name: "cut", log: changed(|log| log.segments[1].truncate(1)), against: true },
    ]
}

/// The checkpoint that was kept elsewhere: the last of the log that is intact.
fn outside() -> String {
    unfinished().note()
}

/// Every file of the vectors.
fn files() -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut expected = Vec::new();
    for Vector { name, log, against } in vectors() {
        let folder = tempfile::tempdir().unwrap();
        log.write(folder.path(), &[1]);
        let outside = against.then(|| Checkpoint::parse(&outside()).unwrap());
        let verdict = judge(folder.path(), &[verifying(KEY)], outside.as_ref());
        let mut said = json!({"log": name, "against": against.then_some("checkpoint.txt"), "exit": 0, "verdict": "intact"});
        match &verdict.finding {
            Finding::Intact => {}
            Finding::Unverifiable(doubt) => {
                (said["exit"], said["verdict"], said["why"]) =
                    (4.into(), "unverifiable".into(), doubt.to_string().into());
            }
            Finding::Tampered(found) => {
                (said["exit"], said["verdict"], said["record"], said["why"]) =
                    (6.into(), "tampered".into(), found.record.into(), found.wrong.to_string().into());
            }
        }
        if !matches!(verdict.finding, Finding::Tampered(_)) {
            said["records"] = verdict.figures.records.into();
            said["after_last_checkpoint"] = verdict.figures.after_last_checkpoint.into();
            said["head"] = verdict.figures.head.into();
        }
        expected.push(said);
        // As its lines; a reader of compressed files finds one in the log that is intact.
        let compressed: &[usize] = if name == "intact" { &[1] } else { &[] };
        let folder = tempfile::tempdir().unwrap();
        log.write(folder.path(), compressed);
        for file in fs::read_dir(folder.path()).unwrap().map(Result::unwrap) {
            let path = format!("{name}/{}", file.file_name().to_str().unwrap());
            files.insert(path, fs::read(file.path()).unwrap());
        }
    }
    let seed = format!("{}\n", crate::by_hand::hex(&[KEY; 32]));
    files.insert("seed.txt".to_owned(), seed.into_bytes());
    files.insert("key.txt".to_owned(), format!("{}\n", verifying(KEY)).into_bytes());
    files.insert("checkpoint.txt".to_owned(), outside().into_bytes());
    let expected = serde_json::to_string_pretty(&Value::from(expected)).unwrap() + "\n";
    files.insert("expected.json".to_owned(), expected.into_bytes());
    files
}

/// What is published to be said: name of the log, checkpoint to compare with, exit code.
pub(crate) fn published() -> Vec<(String, bool, i32)> {
    let text = fs::read_to_string(folder().join("expected.json")).unwrap();
    let expected: Vec<Value> = serde_json::from_str(&text).unwrap();
    let one = |said: &Value| {
        let exit = i32::try_from(said["exit"].as_i64().unwrap()).unwrap();
        (said["log"].as_str().unwrap().to_owned(), said["against"].is_string(), exit)
    };
    expected.iter().map(one).collect()
}

#[test]
fn the_published_vectors_are_what_this_format_makes_and_this_verifier_says() {
    let files = files();
    if std::env::var_os("MOONWARD_WRITE_VECTORS").is_some() {
        for (path, bytes) in &files {
            let path = folder().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
    }
    for (path, bytes) in &files {
        let published = fs::read(folder().join(path)).unwrap_or_default();
        let same = match path.strip_suffix(".gz") {
            // Another version of the library may pack the same lines another way.
            Some(_) => !published.is_empty() && unpacked(&published) == unpacked(bytes),
            None => published == *bytes,
        };
        assert!(
            same,
            "docs/audit-vectors/{path} is not what is made: MOONWARD_WRITE_VECTORS=1 writes it anew"
        );
    }
    let verdicts: Vec<_> = published().into_iter().map(|(log, _, exit)| (log, exit)).collect();
    let expected = [
        ("intact", 0),
        ("changed", 6),
        ("removed", 6),
        ("forged", 6),
        ("replaced", 4),
        ("lost", 4),
        ("cut", 0),
        ("cut", 6),
    ];
    assert_eq!(verdicts, expected.map(|(log, exit)| (log.to_owned(), exit)));
}

#[test]
fn the_page_shows_the_vectors_as_they_are() {
    let page = fs::read_to_string(folder().join("../audit-format.md")).unwrap();
    let text = |path: &str| fs::read_to_string(folder().join(path)).unwrap();
    for shown in [
        text("seed.txt"),
        text("key.txt"),
        text("checkpoint.txt"),
        text("intact/00000002.jsonl").lines().next().unwrap().to_owned(),
    ] {
        assert!(page.contains(shown.trim()), "docs/audit-format.md does not show\n{shown}");
    }
    let expected: Vec<Value> = serde_json::from_str(&text("expected.json")).unwrap();
    for said in expected {
        let row = format!(
            "| `{}` | {} | {} |",
            said["log"].as_str().unwrap(),
            said["against"].as_str().unwrap_or_default(),
            said["exit"]
        );
        let row = page.lines().find(|line| line.starts_with(&row)).unwrap_or_else(|| panic!("no row {row}"));
        if let Some(record) = said["record"].as_u64() {
            assert!(row.contains(&format!("record {record} ")), "{row}");
        }
        if let Some(why) = said["why"].as_str() {
            assert!(row.contains(why), "{row}\nlacks `{why}`");
        }
    }
}
