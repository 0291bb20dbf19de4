//! Whom a verdict rests on: which keys count, what a rotation hands on, and what nobody vouches for.

use std::fs;
use std::time::{Duration, UNIX_EPOCH};

use audit::{Checkpoint, Doubt, Finding, Question, Tail, VerifyError, Wrong, verify};
use tempfile::tempdir;

use crate::by_hand::{ByHand, KEY, NEXT_KEY, STRANGER, verifying};
use crate::{doubted, found, judge, tampered};

/// Two hand-overs, each in a segment of its own.
fn handed_over() -> ByHand {
    let mut log = ByHand::new(KEY);
    log.acts(3).checkpoint("rotation").segment();
    log.acts(3).checkpoint("key").rotate(NEXT_KEY).acts(3).checkpoint("rotation").segment();
    log.acts(3).checkpoint("rotation").segment();
    log.acts(3).checkpoint("key").rotate(9).acts(3).checkpoint("rotation").segment();
    log.acts(3).checkpoint("shutdown");
    log
}

#[test]
fn any_key_that_a_log_was_signed_with_vouches_for_all_of_it() {
    let folder = tempdir().unwrap();
    let log = handed_over();
    log.write(folder.path(), &[1, 3]);
    for trusted in [KEY, NEXT_KEY, 9] {
        let verdict = judge(folder.path(), &[verifying(trusted)], None);
        assert_eq!(verdict.finding, Finding::Intact, "{trusted}");
        assert_eq!(verdict.figures.keys, [KEY, NEXT_KEY, 9].map(|seed| verifying(seed).id()));
        assert_eq!(verdict.figures.checkpoints, 9);
        // Whoever the trusted key handed over to may have signed the checkpoint from outside.
        let outside = Checkpoint::parse(&log.note()).unwrap();
        assert_eq!(judge(folder.path(), &[verifying(trusted)], Some(&outside)).finding, Finding::Intact);
    }
    let strangers = [verifying(STRANGER), verifying(KEY)];
    assert_eq!(judge(folder.path(), &strangers, None).finding, Finding::Intact, "one of them is enough");
}

#[test]
fn a_log_that_ends_with_a_retired_key_is_not_the_one_that_its_writer_has() {
    let mut log = ByHand::new(KEY);
    log.acts(3).checkpoint("shutdown");
    let folder = tempdir().unwrap();
    log.write(folder.path(), &[]);
    let asked = |in_force: &[u8]| {
        let in_force: Vec<_> = in_force.iter().map(|seed| verifying(*seed)).collect();
        let trust = [verifying(KEY)];
        let question = Question {
            folder: folder.path(),
            trust: &trust,
            in_force: &in_force,
            against: None,
            since: None,
        };
        verify(&question, &|_| {}).unwrap().finding
    };
    for in_force in [&[][..], &[KEY], &[NEXT_KEY, KEY]] {
        assert_eq!(asked(in_force), Finding::Intact, "{in_force:?}");
    }
    assert_eq!(doubted(&asked(&[NEXT_KEY])), Doubt::OtherKeyInForce);
    log.rotate(NEXT_KEY).checkpoint("shutdown").write(folder.path(), &[]);
    assert_eq!(asked(&[NEXT_KEY]), Finding::Intact);
}

#[test]
fn what_nobody_vouches_for_is_unverifiable_and_not_tampered() {
    let folder = tempdir().unwrap();
    let log = handed_over();
    log.write(folder.path(), &[]);
    let outside = Checkpoint::parse(&log.note()).unwrap();
    let doubt = |trust: &[u8], outside| {
        let trust: Vec<_> = trust.iter().map(|seed| verifying(*seed)).collect();
        doubted(&judge(folder.path(), &trust, outside).finding)
    };
    assert_eq!(doubt(&[], None), Doubt::NoKey);
    assert_eq!(doubt(&[STRANGER], None), Doubt::NotTrusted);
    assert_eq!(doubt(&[STRANGER], Some(&outside)), Doubt::OutsideNotTrusted);
    let foreign = Checkpoint::parse(&log.clone().take_key(STRANGER).note()).unwrap();
    assert_eq!(doubt(&[KEY], Some(&foreign)), Doubt::OutsideNotTrusted);

    let folder = tempdir().unwrap();
    ByHand::new(KEY).acts(3).write(folder.path(), &[]);
    assert_eq!(doubted(&found(folder.path())), Doubt::NoCheckpoint);
    let verdict = judge(folder.path(), &[verifying(KEY)], None);
    assert_eq!((verdict.figures.after_last_checkpoint, verdict.figures.tail), (3, Tail::Open));
    fs::write(folder.path().join("00000001.jsonl"), "").unwrap();
    assert_eq!(doubted(&found(folder.path())), Doubt::NoCheckpoint, "a log that was only begun");
}

#[test]
fn a_hand_over_takes_both_keys_and_comes_from_the_one_in_force() {
    for (signers, expected) in
        [(&[KEY, NEXT_KEY][..], None), (&[KEY], Some(5)), (&[NEXT_KEY], Some(5)), (&[], Some(5))]
    {
        let mut log = ByHand::new(KEY);
        log.acts(3).checkpoint("key").rotate_signed(NEXT_KEY, signers).acts(1).checkpoint("shutdown");
        let folder = tempdir().unwrap();
        log.write(folder.path(), &[]);
        let found = found(folder.path());
        match expected {
            None => assert_eq!(found, Finding::Intact),
            Some(record) => assert_eq!(tampered(&found).0, record, "{signers:?}"),
        }
    }
    // A stranger hands over to himself, properly signed.
    let mut log = ByHand::new(KEY);
    log.acts(3).checkpoint("key").take_key(STRANGER).rotate(STRANGER + 1).acts(1).checkpoint("shutdown");
    let folder = tempdir().unwrap();
    log.write(folder.path(), &[]);
    let (record, wrong) = tampered(&found(folder.path()));
    assert_eq!((record, wrong.as_str()), (5, "hands over from another key than the one in force"));
}

/// A key that was lost between records 5 and 6, and its successor that was handed over in order.
fn key_lost() -> ByHand {
    let mut log = ByHand::new(KEY);
    log.acts(3).checkpoint("rotation").segment().acts(1).lose_key(NEXT_KEY).checkpoint("key").acts(1);
    log.checkpoint("rotation").segment().rotate(9).acts(1).checkpoint("interval").acts(2);
    log
}

#[test]
fn a_lost_key_hands_no_trust_over_and_each_side_is_vouched_for_by_its_own() {
    let folder = tempdir().unwrap();
    let log = key_lost();
    log.write(folder.path(), &[1]);
    let lost = |vouched: &[(u64, u64)], others: &[(u64, u64)]| {
        Finding::Unverifiable(Doubt::KeyLost { vouched: vouched.to_vec(), others: others.to_vec() })
    };
    for (trust, expected, checkpoints) in [
        (&[KEY][..], lost(&[(1, 4)], &[(5, 14)]), 1),
        (&[NEXT_KEY], lost(&[(6, 12)], &[(1, 5), (13, 14)]), 5),
        (&[9, STRANGER], lost(&[(6, 12)], &[(1, 5), (13, 14)]), 5),
        (&[9, KEY], Finding::Intact, 6),
        (&[STRANGER], Finding::Unverifiable(Doubt::NotTrusted), 0),
        (&[], Finding::Unverifiable(Doubt::NoKey), 0),
    ] {
        let trusted: Vec<_> = trust.iter().map(|seed| verifying(*seed)).collect();
        let verdict = judge(folder.path(), &trusted, None);
        assert_eq!((verdict.finding, verdict.figures.checkpoints), (expected, checkpoints), "{trust:?}");
    }
    // A checkpoint of after the loss is none that the key of before vouches for.
    let outside = Checkpoint::parse(&log.note()).unwrap();
    assert_eq!(
        doubted(&judge(folder.path(), &[verifying(KEY)], Some(&outside)).finding),
        Doubt::OutsideNotTrusted
    );
    assert_eq!(
        doubted(&judge(folder.path(), &[verifying(KEY)], None).finding).to_string(),
        "a signing key was lost: records 1 to 4 are vouched for by a trusted key, records 5 to 14 are not"
    );
}

#[test]
fn who_says_that_a_key_was_lost_makes_no_log_intact() {
    // Somebody without the key writes the tail anew, and says that the key was lost.
    let mut log = ByHand::new(KEY);
    log.acts(3).checkpoint("interval").acts(1).lose_key(STRANGER).acts(1).checkpoint("shutdown");
    let folder = tempdir().unwrap();
    log.write(folder.path(), &[]);
    let doubt = doubted(&found(folder.path()));
    assert_eq!(doubt, Doubt::KeyLost { vouched: vec![(1, 4)], others: vec![(5, 8)] });
    // The new key did not sign, or another one was in force.
    for (from, signer) in [(KEY, NEXT_KEY), (STRANGER, NEXT_KEY)] {
        let mut log = ByHand::new(KEY);
        log.acts(3).checkpoint("interval").take_key(from).lose_key(NEXT_KEY);
        let seal = if from == KEY { STRANGER } else { signer };
        log.take_key(seal).acts(1).checkpoint("shutdown");
        let folder = tempdir().unwrap();
        log.write(folder.path(), &[]);
        let (record, wrong) = tampered(&found(folder.path()));
        match from {
            KEY => assert_eq!((record, wrong.as_str()), (7, "has no valid signature of the key in force")),
            _ => {
                assert_eq!((record, wrong.as_str()), (5, "hands over from another key than the one in force"))
            }
        }
    }
}

#[test]
fn checkpoints_that_say_another_thing_than_the_chain_are_found_without_a_key() {
    let mut log = ByHand::new(KEY);
    log.acts(3);
    let early = log.note();
    let note = early.replace('\n', "\\n").replace('\u{2014}', "\\u2014");
    log.acts(1).record("checkpoint", &format!("\"detail\":{{\"note\":\"{note}\",\"reason\":\"interval\"}}"));
    let folder = tempdir().unwrap();
    log.write(folder.path(), &[]);
    let (record, wrong) = tampered(&judge(folder.path(), &[], None).finding);
    assert_eq!((record, wrong.as_str()), (5, "has another count or hash than the chain before it"));
}

#[test]
fn a_checkpoint_from_outside_of_records_that_were_removed_tells_nothing() {
    let mut log = ByHand::new(KEY);
    log.acts(3);
    let early = Checkpoint::parse(&log.note()).unwrap();
    log.acts(5).checkpoint("rotation");
    let last = Checkpoint::parse(&log.note()).unwrap();
    let removed = log.segments[0].last().unwrap().clone();
    log.segment().retention(9, &removed).checkpoint("shutdown");
    log.segments[0].clear();
    let folder = tempdir().unwrap();
    log.write(folder.path(), &[]);
    let against = |outside| judge(folder.path(), &[verifying(KEY)], Some(outside)).finding;
    assert_eq!(doubted(&against(&early)), Doubt::OutsideGone);
    assert_eq!(against(&last), Finding::Intact, "the first record that is left has that hash in `prev`");
}

#[test]
fn since_looks_at_the_segments_of_that_time_only() {
    let mut log = ByHand::new(KEY);
    log.acts(9).checkpoint("rotation").segment().acts(9).checkpoint("rotation").segment();
    log.acts(9).checkpoint("shutdown");
    // The first segment is gone, and nothing says so.
    log.segments[0].clear();
    let folder = tempdir().unwrap();
    log.write(folder.path(), &[2]);
    assert_eq!(tampered(&found(folder.path())).0, 1);
    let since = |seconds: u64| {
        // 2026-11-27T13:00:00Z
        let since = Some(UNIX_EPOCH + Duration::from_secs(1_795_784_400 + seconds));
        let trust = [verifying(KEY)];
        verify(
            &Question { folder: folder.path(), trust: &trust, in_force: &[], against: None, since },
            &|_| {},
        )
        .unwrap()
    };
    for (seconds, records) in [(15, 20), (20, 20), (22, 10), (500, 10)] {
        let verdict = since(seconds);
        assert_eq!(verdict.finding, Finding::Intact, "{seconds}");
        assert_eq!((verdict.figures.partial, verdict.figures.records), (true, records), "{seconds}");
    }
}

#[test]
fn where_no_log_is_nothing_is_said_and_a_link_is_none() {
    let folder = tempdir().unwrap();
    let ask = |folder: &std::path::Path| {
        verify(&Question { folder, trust: &[], in_force: &[], against: None, since: None }, &|_| {})
    };
    assert!(matches!(ask(folder.path()), Err(VerifyError::NoLog(_))));
    assert!(matches!(ask(&folder.path().join("none")), Err(VerifyError::NoLog(_))));
    #[cfg(unix)]
    {
        let segment = folder.path().join("00000001.jsonl");
        std::os::unix::fs::symlink("/dev/zero", &segment).unwrap();
        let Finding::Tampered(found) = ask(folder.path()).unwrap().finding else { unreachable!() };
        assert_eq!((found.file, found.wrong), (segment, Wrong::NotAFile("it is a symbolic link".to_owned())));
    }
}

#[test]
fn progress_reaches_the_whole() {
    let mut log = ByHand::new(KEY);
    log.acts(5000).checkpoint("rotation").segment().acts(10).checkpoint("shutdown");
    let folder = tempdir().unwrap();
    log.write(folder.path(), &[]);
    let seen = std::sync::Mutex::new(Vec::new());
    let question = Question {
        folder: folder.path(),
        trust: &[verifying(KEY)],
        in_force: &[],
        against: None,
        since: None,
    };
    verify(&question, &|progress| seen.lock().unwrap().push(progress)).unwrap();
    let seen = seen.into_inner().unwrap();
    assert!(seen.len() >= 2, "{seen:?}");
    assert!(
        seen.iter().any(|progress| progress.read == progress.total && progress.total > 1 << 20),
        "{seen:?}"
    );
}

#[test]
fn a_log_that_says_that_it_is_best_effort_is_known_by_its_own_words() {
    let says = |kind: &str, detail: &str| {
        let mut log = ByHand::new(KEY);
        log.acts(1).record(kind, &format!("\"detail\":{{{detail}}}")).checkpoint("shutdown");
        let folder = tempdir().unwrap();
        log.write(folder.path(), &[]);
        judge(folder.path(), &[verifying(KEY)], None).figures.best_effort
    };
    assert!(says("gap", "\"state\":\"open\",\"log_mode\":\"best_effort\""));
    for (kind, detail) in [
        ("gap", "\"state\":\"open\""),
        ("gap", "\"why\":\"\\\"log_mode\\\":\\\"best_effort\\\"\""),
        ("admin", "\"act\":\"test\",\"log_mode\":\"best_effort\""),
    ] {
        assert!(!says(kind, detail), "{kind} {detail}");
    }
}
