//! Folders that somebody filled to bring the verifier down: it answers, whatever is in them.

use std::fs;

use audit::{Finding, Question, verify};
use tempfile::tempdir;

use crate::by_hand::{ByHand, KEY, packed, verifying};
use crate::{Random, found, tampered};

#[test]
fn any_bytes_at_all_are_answered() {
    let mut log = ByHand::new(KEY);
    log.acts(2).checkpoint("interval").rotate(8).acts(2).checkpoint("shutdown");
    let good: Vec<u8> = log.segments.concat().concat();
    let mut random = Random::seeded();
    for _ in 0..400 {
        let folder = tempdir().unwrap();
        for number in 1..=1 + random.below(3) {
            let mut text = match random.below(3) {
                0 => (0..random.below(60_000)).map(|_| random.next() as u8).collect(),
                1 => vec![*b"\0 \n{\"[".get(random.below(6)).unwrap(); random.below(60_000)],
                _ => good.clone(),
            };
            for _ in 0..random.below(4) {
                let from = random.below(good.len());
                let to = (from + random.below(700)).min(good.len());
                let at = random.below(text.len() + 1);
                let until = (at + random.below(700)).min(text.len());
                text.splice(at..until, good[from..to].iter().copied());
            }
            let name = folder.path().join(format!("{number:08}.jsonl"));
            match random.below(4) {
                0 => fs::write(name.with_extension("jsonl.gz"), packed(&text)).unwrap(),
                1 => fs::write(name.with_extension("jsonl.gz"), &text).unwrap(),
                _ => fs::write(name, &text).unwrap(),
            }
        }
        let trust = [verifying(KEY)];
        let question =
            Question { folder: folder.path(), trust: &trust, in_force: &[], against: None, since: None };
        let verdict = verify(&question, &|_| {}).unwrap();
        if let Finding::Tampered(found) = verdict.finding {
            assert!(found.record > 0 && found.line > 0, "{found:?}");
        }
    }
}

#[test]
fn lines_that_look_like_records_and_hold_nonsense_are_named() {
    let deep = format!("{}{}", "[".repeat(8000), "]".repeat(8000));
    let members = [
        String::new(),
        "\"detail\":{}".to_owned(),
        "\"detail\":[]".to_owned(),
        format!("\"detail\":{deep}"),
        format!("\"x\":{deep},\"detail\":{{\"note\":\"\",\"reason\":\"\"}}"),
        "\"detail\":{\"note\":\"\\ud800\",\"reason\":\"interval\"}".to_owned(),
        "\"detail\":{\"note\":\"a\\n\\n\",\"reason\":\"interval\"}".to_owned(),
        "\"detail\":{\"through\":\"99999999999999999999\",\"head\":\"\"}".to_owned(),
        "\"detail\":{\"archive\":\"../../../etc/passwd\"}".to_owned(),
        "\"context\":{\"$stored\":{\"bytes\":\"1\",\"sha256\":\"../../lock\"}}".to_owned(),
    ];
    for kind in ["checkpoint", "key_rotate", "retention", "policy_load", "decision"] {
        for members in &members {
            let mut log = ByHand::new(KEY);
            log.acts(1).record(kind, members).checkpoint("shutdown");
            let folder = tempdir().unwrap();
            log.write(folder.path(), &[]);
            let stored = members.contains("$stored");
            let archive = members.contains("archive");
            let wrong = match kind {
                "decision" => stored,
                "policy_load" => archive || stored || members.starts_with("\"detail\":[["),
                _ => true,
            };
            match found(folder.path()) {
                Finding::Intact => assert!(!wrong, "{kind} {members:.50}"),
                finding => assert_eq!(tampered(&finding).0, 2, "{kind} {members:.50}"),
            }
        }
    }
}

#[test]
fn numbers_at_the_end_of_their_range_are_only_numbers() {
    let last = u64::MAX - 2;
    let mut log = ByHand::new(KEY);
    log.seq = last;
    log.acts(1).checkpoint("shutdown");
    let folder = tempdir().unwrap();
    log.write(folder.path(), &[]);
    assert_eq!(tampered(&found(folder.path())).0, 1, "no record says where the others are");
    let again = log.segments[0][1].clone();
    log.segment().segments[1].push(again);
    log.write(folder.path(), &[]);
    assert_eq!(tampered(&found(folder.path())).0, 1);

    let mut log = ByHand::new(KEY);
    log.acts(1).retention(u64::MAX, b"").checkpoint("shutdown");
    log.write(folder.path(), &[]);
    std::fs::remove_file(folder.path().join("00000002.jsonl")).unwrap();
    assert_eq!(found(folder.path()), Finding::Intact, "what is to go is not gone yet");
    log.segments[0].remove(0);
    log.write(folder.path(), &[]);
    assert_eq!(found(folder.path()), Finding::Intact);
}

#[test]
fn a_line_without_end_takes_no_memory() {
    let folder = tempdir().unwrap();
    let mut log = ByHand::new(KEY);
    log.acts(1).checkpoint("shutdown").write(folder.path(), &[]);
    // 64 MiB of one letter, packed into 64 KiB: told as an incomplete line, or as a line over the bound.
    let long = vec![b'x'; 64 << 20];
    fs::write(folder.path().join("00000002.jsonl.gz"), packed(&long)).unwrap();
    assert_eq!(tampered(&found(folder.path())), (3, "is incomplete, and others follow".to_owned()));
    fs::write(folder.path().join("00000002.jsonl.gz"), packed(&[&long[..], b"\n"].concat())).unwrap();
    assert_eq!(tampered(&found(folder.path())), (3, "is longer than 16384 bytes".to_owned()));
}
