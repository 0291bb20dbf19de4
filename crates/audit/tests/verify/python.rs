//! The verifier in Python, docs/verify_audit_log.py, says the same as the one in Rust: of the published vectors, of changed
//! logs, and of a log that the product wrote. So the format is what its page says, and no secret of one program.
//!
//! Without a `python3` there is nothing to run, which is said; `MOONWARD_REQUIRE_PYTHON=1` makes that a failure.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use audit::{Event, EventKind, Finding, Log, Options, VerifyingKey};
use tempfile::tempdir;

use crate::by_hand::{ByHand, KEY, NEXT_KEY, STRANGER, packed, verifying};
use crate::{Random, judge, vectors};

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/verify_audit_log.py")
}

/// Whether Python is there, and whether it can check signatures.
fn python() -> Option<bool> {
    let required = std::env::var_os("MOONWARD_REQUIRE_PYTHON").is_some_and(|value| value == "1");
    let runs = |code: &str| {
        Command::new("python3").args(["-c", code]).output().is_ok_and(|output| output.status.success())
    };
    if !runs("import sys; assert sys.version_info >= (3, 9)") {
        assert!(!required, "`python3`, at least 3.9, is required and not there");
        println!("python3 is not there: docs/verify_audit_log.py was not run");
        return None;
    }
    let signatures = runs("import cryptography.hazmat.primitives.asymmetric.ed25519");
    if !signatures {
        println!("`cryptography` is not there: docs/verify_audit_log.py checked no signatures");
    }
    Some(signatures)
}

/// Exit code and text of the script.
fn run(folder: &Path, keys: &[u8]) -> (i32, String) {
    run_trusting(folder, keys.iter().map(|seed| verifying(*seed)))
}

fn run_trusting(folder: &Path, keys: impl IntoIterator<Item = VerifyingKey>) -> (i32, String) {
    let mut command = Command::new("python3");
    command.arg("-B").arg(script()).arg(folder);
    command.args(keys.into_iter().map(|key| key.to_string()));
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    (output.status.code().unwrap(), text)
}

/// What both say of a folder is the same.
#[track_caller]
fn agree(folder: &Path, keys: &[u8], signatures: bool) {
    let trust: Vec<_> = keys.iter().map(|seed| verifying(*seed)).collect();
    let expected = match judge(folder, &trust, None).finding {
        Finding::Tampered(found) => (6, found.wrong.to_string()),
        Finding::Unverifiable(doubt) => (4, doubt.to_string()),
        Finding::Intact => (0, String::new()),
    };
    let (code, said) = run(folder, keys);
    // Without a library for signatures, what only those tell is left open, and said to be.
    if !signatures && code == 4 {
        assert!(said.contains("cryptography"), "{said}");
        return;
    }
    assert_eq!(code, expected.0, "{said}\nexpected: {}", expected.1);
}

#[test]
fn the_script_is_short_enough_to_be_read() {
    assert!(fs::read_to_string(script()).unwrap().lines().count() <= 60);
}

#[test]
fn the_script_says_of_the_vectors_what_is_published() {
    let Some(signatures) = python() else { return };
    for (name, against, expected) in vectors::published() {
        // It compares with no checkpoint from outside.
        if !against && signatures {
            let (code, said) = run(&vectors::folder().join(&name), &[KEY]);
            assert_eq!(code, expected, "{name}: {said}");
        }
        agree(&vectors::folder().join(&name), &[KEY], signatures);
    }
    let intact = vectors::folder().join("intact");
    let (code, said) = run(&intact, &[]);
    assert!(code == 4 && said.contains("unverifiable: no key was given"), "{said}");
    assert_eq!(run(&tempdir().unwrap().path().join("none"), &[]).0, 1);
}

#[test]
fn the_script_follows_rotations_and_removals() {
    let Some(signatures) = python() else { return };
    let mut log = ByHand::new(KEY);
    log.acts(3).checkpoint("rotation").segment();
    log.acts(1).checkpoint("key").rotate(NEXT_KEY).acts(3).checkpoint("rotation").segment();
    let removed = log.segments[0].last().unwrap().clone();
    log.retention(4, &removed).checkpoint("interval").acts(2);
    let folder = tempdir().unwrap();
    log.write(folder.path(), &[2]);
    for key in [KEY, NEXT_KEY, STRANGER] {
        agree(folder.path(), &[key], signatures);
    }
    fs::remove_file(folder.path().join("00000001.jsonl")).unwrap();
    for key in [KEY, NEXT_KEY, STRANGER] {
        agree(folder.path(), &[key], signatures);
    }
    fs::remove_file(folder.path().join("00000002.jsonl.gz")).unwrap();
    agree(folder.path(), &[KEY], signatures);

    let mut laundered = ByHand::new(KEY);
    laundered.acts(3).checkpoint("rotation").segment();
    let removed = laundered.segments[0].last().unwrap().clone();
    laundered.acts(1).checkpoint("interval").retention(4, &removed);
    laundered
        .record("recovered", "\"detail\":{\"file\":\"00000002.jsonl\",\"bytes_cut\":\"0\"}")
        .checkpoint("start");
    laundered.segments[0].clear();
    let folder = tempdir().unwrap();
    laundered.write(folder.path(), &[]);
    assert_eq!(run(folder.path(), &[KEY]).0, 6, "the next record after a removal is its checkpoint");
    agree(folder.path(), &[KEY], signatures);

    let mut forged = ByHand::new(KEY);
    forged.acts(3).checkpoint("key").rotate_signed(STRANGER, &[STRANGER]).acts(1).checkpoint("shutdown");
    let folder = tempdir().unwrap();
    forged.write(folder.path(), &[]);
    agree(folder.path(), &[KEY], signatures);
}

#[test]
fn the_script_hands_no_trust_over_where_a_key_was_lost() {
    let Some(signatures) = python() else { return };
    let mut log = ByHand::new(KEY);
    log.acts(3).checkpoint("rotation").segment().acts(1).lose_key(NEXT_KEY).checkpoint("key").acts(1);
    log.rotate(9).acts(1).checkpoint("shutdown");
    let folder = tempdir().unwrap();
    log.write(folder.path(), &[]);
    for keys in [&[KEY][..], &[NEXT_KEY], &[9], &[KEY, NEXT_KEY], &[9, KEY], &[STRANGER], &[STRANGER, KEY]] {
        agree(folder.path(), keys, signatures);
    }
    if signatures {
        assert_eq!((run(folder.path(), &[KEY]).0, run(folder.path(), &[9, KEY]).0), (4, 0));
    }
    // The one that was lost was not in force; and what signs after it is not the new one.
    for (lost, signer) in [(STRANGER, NEXT_KEY), (KEY, STRANGER)] {
        let mut log = ByHand::new(KEY);
        log.acts(3).checkpoint("interval").take_key(lost).lose_key(NEXT_KEY).take_key(signer).acts(1);
        log.checkpoint("shutdown");
        let folder = tempdir().unwrap();
        log.write(folder.path(), &[]);
        agree(folder.path(), &[KEY], signatures);
    }
}

#[test]
fn both_go_by_the_names_of_segments_and_refuse_padding_and_ends_that_no_write_left() {
    let python = python();
    let mut log = ByHand::new(KEY);
    log.acts(3).checkpoint("rotation").segment().acts(3).checkpoint("shutdown");
    let last = log.segments[1].concat();
    let with = |name: &'static str, text: Vec<u8>| (name, text);
    let extended = |more: &[u8]| [last.clone(), more.to_vec()].concat();
    let member = packed(&log.segments[0].concat());
    let cases = [
        (with("none", vec![]), 0),
        // Files by other names are somebody else's.
        (with("1.jsonl", b"x".to_vec()), 0),
        (with("00000001-copy.jsonl", log.segments[0].concat()), 0),
        (with("000000003.jsonl", b"x\n".to_vec()), 0),
        (with("00000000.jsonl", b"x\n".to_vec()), 0),
        (with("00000002.jsonl.gz.part", b"x\n".to_vec()), 0),
        (with("100000000.jsonl", b"x\n".to_vec()), 6),
        // Zeros after a compressed segment, and other members.
        (with("00000001.jsonl.gz", [member.clone(), vec![0; 100]].concat()), 6),
        (with("00000001.jsonl.gz", [member.clone(), packed(b"")].concat()), 0),
        (with("00000001.jsonl.gz", [member.clone(), packed(&log.segments[0].concat())].concat()), 6),
        (with("00000001.jsonl.gz", [member.clone(), packed(b"").repeat(5000)].concat()), 0),
        (with("00000001.jsonl.gz", vec![]), 6),
        (with("00000001.jsonl.gz", member[..member.len() - 9].to_vec()), 6),
        // A line in the making is no longer than a line.
        (with("00000002.jsonl", extended(&[0; 16_384])), 0),
        (with("00000002.jsonl", extended(&[0; 16_385])), 6),
        (with("00000002.jsonl", extended(&[0; 20_000])), 6),
    ];
    for ((name, text), expected) in cases {
        let folder = tempdir().unwrap();
        log.write(folder.path(), &[1]);
        fs::write(folder.path().join(name), &text).unwrap();
        let finding = judge(folder.path(), &[verifying(KEY)], None).finding;
        let code = if matches!(finding, Finding::Tampered(_)) { 6 } else { 0 };
        assert_eq!(code, expected, "{name}, {} bytes: {finding:?}", text.len());
        if let Some(signatures) = python {
            agree(folder.path(), &[KEY], signatures);
        }
    }
}

#[test]
fn the_script_finds_random_flips_too() {
    let Some(signatures) = python() else { return };
    let mut log = ByHand::new(KEY);
    log.acts(3).checkpoint("rotation").segment().acts(3).checkpoint("shutdown");
    let mut random = Random::seeded();
    for _ in 0..6 {
        let mut changed = log.clone();
        // Up to the record before the last checkpoint.
        let index = random.below(7);
        let line = &mut changed.segments[index / 4][index % 4];
        let at = random.below(line.len());
        line[at] ^= 1 << random.below(8);
        let folder = tempdir().unwrap();
        changed.write(folder.path(), &[1]);
        agree(folder.path(), &[KEY], signatures);
        assert_eq!(run(folder.path(), &[KEY]).0, 6);
    }
}

#[test]
fn both_verifiers_read_what_the_product_writes() {
    let parent = tempdir().unwrap();
    let folder = parent.path().join("audit");
    let mut key = None;
    for _run in 0..2 {
        let log = Log::open(Options { segment_bytes_max: 4_096, ..Options::new(&folder) }).unwrap();
        key = Some(log.verifying_key());
        for number in 0..50 {
            log.accept(Event::new(EventKind::Admin).with("text", "gr\u{fc}n").with("number", number).into())
                .unwrap();
            log.sync().unwrap();
        }
        log.close().unwrap();
    }
    let verdict = judge(&folder, key.as_slice(), None);
    assert_eq!(verdict.finding, Finding::Intact, "{:?}", verdict.figures);
    if python() == Some(true) {
        let (code, said) = run_trusting(&folder, key);
        assert_eq!(code, 0, "{said}");
    }
    // No key is trusted: the chain holds, and nobody vouches for it.
    let verdict = judge(&folder, &[], None);
    assert_eq!(verdict.finding, Finding::Unverifiable(audit::Doubt::NoKey));
    assert!(verdict.figures.records >= 100 && verdict.figures.segments > 2, "{:?}", verdict.figures);
    if python().is_some() {
        let (code, said) = run(&folder, &[]);
        assert_eq!(code, 4, "{said}");
        assert!(said.contains(&format!("the chain of {} records holds", verdict.figures.records)), "{said}");
    }
}
