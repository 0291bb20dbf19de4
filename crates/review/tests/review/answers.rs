//! Answers are right whatever state the index is in, and say when they are not complete.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use review::{Answer, Condition, Index, Keeper, Question, Selection, query};
use serde_json::{Value as Json, json};

use crate::written::{Written, decision, event, rollup, time};

/// A log of 40 decisions in two segments, each third denied.
fn log() -> Written {
    let log = Written::new();
    let records: Vec<Json> =
        (1..=40).map(|seq| decision(seq, if seq % 3 == 0 { "deny" } else { "allow" }, seq * 100)).collect();
    log.append(1, &records[..25]);
    log.append(2, &records[25..]);
    log
}

fn ask(folder: &Path, selection: &Selection, limit: Option<usize>) -> (Vec<u64>, Answer, Vec<String>) {
    let mut index = Index::open(folder).unwrap();
    let (seqs, answer) = ask_index(&mut index, selection, limit);
    (seqs, answer, index.take_notes())
}

fn ask_index(index: &mut Index, selection: &Selection, limit: Option<usize>) -> (Vec<u64>, Answer) {
    let mut seqs = Vec::new();
    let question = Question { selection, condition: None, limit };
    let answer = query(index, &question, &mut |_| {}, &mut |found| {
        assert_eq!(found.record()["seq"], found.row.seq.to_string());
        seqs.push(found.row.seq);
        ControlFlow::Continue(())
    });
    (seqs, answer.unwrap())
}

fn denials() -> Selection {
    Selection { decision: Some("deny".to_owned()), ..Selection::default() }
}

const DENIED: [u64; 13] = [3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 33, 36, 39];

#[test]
fn what_is_asked_for_is_found_in_order_and_the_newest_under_a_limit() {
    let log = log();
    for (selection, limit, expected) in [
        (denials(), None, DENIED.to_vec()),
        (denials(), Some(2), vec![36, 39]),
        (Selection { decision: Some("deny_default".to_owned()), ..Selection::default() }, None, vec![]),
        (Selection { tenant: Some("globex".to_owned()), ..Selection::default() }, None, vec![]),
        (
            Selection { since: Some(time(10)), until: Some(time(13)), ..Selection::default() },
            None,
            vec![10, 11, 12],
        ),
        (Selection { policy: Some("guard.x".to_owned()), ..denials() }, Some(1), vec![39]),
        (Selection { policy: Some("guard".to_owned()), ..denials() }, None, vec![]),
        (
            Selection { actions: vec!["a".to_owned(), "process.send".to_owned()], ..denials() },
            Some(1),
            vec![39],
        ),
        (Selection { kinds: vec!["gap".to_owned()], ..Selection::default() }, None, vec![]),
        (Selection { kinds_left_out: vec!["decision"], ..Selection::default() }, None, vec![]),
    ] {
        let (seqs, answer, notes) = ask(log.path(), &selection, limit);
        assert_eq!(seqs, expected, "{selection:?}");
        assert!(answer.is_complete() && notes.is_empty(), "{answer:?} {notes:?}");
        assert_eq!(answer.shown, expected.len() as u64);
    }
    let (_, answer, _) = ask(log.path(), &denials(), Some(2));
    let scanned = answer.scanned.unwrap();
    assert_eq!((answer.matched, scanned.records, scanned.first.0, scanned.last.0), (13, 40, 1, 40));
}

/// That more bytes were sent.
fn over(least: u64) -> Condition<'static> {
    let matches = move |record: &Json| {
        let bytes = record.pointer("/context/bytes").and_then(Json::as_u64);
        bytes.map(|bytes| bytes > least).ok_or_else(|| "had no bytes".to_owned())
    };
    Condition { matches: Box::new(matches), reads: Box::new(|name| name == "context") }
}

#[test]
fn a_condition_is_asked_of_the_whole_record_and_an_answer_without_a_part_is_not_complete() {
    let log = log();
    let part = json!({"bytes": 9000, "topic": "x".repeat(20_000)}).to_string();
    let name = audit::digest::hex(&audit::digest::sha256(part.as_bytes()));
    let mut large = decision(41, "deny", 0);
    large["context"] = json!({"$stored": {"bytes": part.len().to_string(), "sha256": name}});
    let mut lost = decision(42, "deny", 0);
    lost["context"] = json!({"$oversized": {"bytes": "1", "sha256": "0"}});
    log.append(2, &[large]);
    let place = log.path().join("objects/00000002");
    fs::create_dir_all(&place).unwrap();
    fs::write(place.join(&name), &part).unwrap();
    let asked = |condition: &Condition<'_>| {
        let mut seqs = Vec::new();
        let question = Question { selection: &Selection::default(), condition: Some(condition), limit: None };
        let mut index = Index::open(log.path()).unwrap();
        let answer = query(&mut index, &question, &mut |_| {}, &mut |found| {
            seqs.push(found.row.seq);
            ControlFlow::Continue(())
        });
        (seqs, answer.unwrap().troubles)
    };
    assert_eq!(asked(&over(3900)), (vec![40, 41], vec![]));
    fs::write(place.join(&name), part.replace("9000", "1000")).unwrap();
    log.append(2, &[lost]);
    let (seqs, troubles) = asked(&over(3900));
    assert_eq!((seqs, troubles.len()), (vec![40], 2), "{troubles:?}");
    assert!(troubles[0].contains("is not what was recorded"), "{troubles:?}");
    assert_eq!(troubles[1], "`context` of record 42 was too large to be kept");
    // Who does not ask for the part can do without it.
    let by = Condition {
        matches: Box::new(|record| Ok(record["seq"] == "41")),
        reads: Box::new(|name| name == "seq"),
    };
    assert_eq!(asked(&by), (vec![41], vec![]));
}

#[test]
fn a_condition_is_asked_of_each_and_what_it_cannot_decide_is_counted() {
    let log = log();
    log.append(2, &[event(41, "admin", json!({}))]);
    let condition = over(3700);
    for (limit, expected) in [(None, vec![38, 39, 40]), (Some(2), vec![39, 40])] {
        let mut seqs = Vec::new();
        let selection = Selection::default();
        let question = Question { selection: &selection, condition: Some(&condition), limit };
        let mut index = Index::open(log.path()).unwrap();
        let answer = query(&mut index, &question, &mut |_| {}, &mut |found| {
            seqs.push(found.row.seq);
            ControlFlow::Continue(())
        })
        .unwrap();
        assert_eq!((seqs, answer.matched), (expected, 3));
        assert_eq!(answer.undecided.into_iter().collect::<Vec<_>>(), [("had no bytes".to_owned(), 1)]);
    }
}

#[test]
fn an_index_that_is_gone_corrupt_foreign_or_of_another_log_answers_the_same() {
    let log = log();
    let path = log.path().join("index/audit.sqlite");
    let expected = ask(log.path(), &denials(), None);
    let clear = || {
        for suffix in ["", "-wal", "-shm"] {
            let _ = fs::remove_file(log.path().join(format!("index/audit.sqlite{suffix}")));
        }
    };
    let said = |notes: &[String], word: &str| {
        assert!(notes.len() == 1 && notes[0].contains("made anew") && notes[0].contains(word), "{notes:?}");
    };

    clear();
    let (seqs, answer, notes) = ask(log.path(), &denials(), None);
    assert_eq!((&seqs, &answer, notes.len()), (&expected.0, &expected.1, 0));

    clear();
    fs::write(&path, "no database at all, and long enough to be taken for one".repeat(100)).unwrap();
    let (seqs, _, notes) = ask(log.path(), &denials(), None);
    assert_eq!(seqs, expected.0);
    said(&notes, "not a database");

    // A page in the middle is overwritten.
    clear();
    ask(log.path(), &denials(), None);
    let mut bytes = fs::read(&path).unwrap();
    let length = bytes.len();
    bytes[4096..length].fill(0xa5);
    fs::write(&path, bytes).unwrap();
    let (seqs, _, notes) = ask(log.path(), &denials(), None);
    assert_eq!(seqs, expected.0);
    said(&notes, "made anew");

    // Ours, with something of somebody else's in it.
    clear();
    ask(log.path(), &denials(), None);
    let connection = rusqlite::Connection::open(&path).unwrap();
    let hide =
        "CREATE TRIGGER hide AFTER INSERT ON record BEGIN DELETE FROM record WHERE decision = 'deny'; END";
    connection.execute_batch(hide).unwrap();
    drop(connection);
    log.append(2, &[decision(41, "deny", 1)]);
    let (seqs, _, notes) = ask(log.path(), &denials(), None);
    assert_eq!(seqs, [&expected.0[..], &[41]].concat());
    said(&notes, "not an index of this version");
    let expected = ask(log.path(), &denials(), None);

    // Any one page of it, whatever it holds: found out before or in the answer, or never needed.
    let pages = fs::metadata(&path).unwrap().len() / 4096;
    assert!(pages > 8, "{pages}");
    for page in 0..pages {
        clear();
        ask(log.path(), &denials(), None);
        let mut bytes = fs::read(&path).unwrap();
        bytes[page as usize * 4096..][..4096].fill(0x5a);
        fs::write(&path, bytes).unwrap();
        for limit in [None, Some(20)] {
            let (seqs, answer, _) = ask(log.path(), &denials(), limit);
            assert_eq!((&seqs, answer.is_complete()), (&expected.0, true), "page {page}: {answer:?}");
        }
    }

    // Somebody else's tables.
    clear();
    let foreign = Written::new();
    foreign.append(1, &[decision(1, "allow", 1)]);
    ask(foreign.path(), &denials(), None);
    fs::copy(foreign.path().join("index/audit.sqlite"), &path).unwrap();
    let (seqs, _, notes) = ask(log.path(), &denials(), None);
    assert_eq!(seqs, expected.0);
    said(&notes, "not the one that it was made from");
}

#[test]
fn rows_that_were_taken_out_of_the_index_are_missed_and_it_is_made_anew() {
    let log = log();
    // A gap of the log's own is none of the index.
    log.append(2, &[decision(44, "allow", 1), json!("no record"), decision(48, "allow", 1)]);
    let path = log.path().join("index/audit.sqlite");
    let since = Selection { since: Some(time(10)), until: Some(time(13)), ..denials() };
    let expected = (ask(log.path(), &denials(), None), ask(log.path(), &since, None));
    assert!(expected.1.1.is_complete() && !expected.0.1.is_complete(), "{expected:?}");
    for taken in [
        "DELETE FROM record WHERE decision = 'deny'",
        "DELETE FROM record WHERE seq = 12",
        "DELETE FROM record WHERE seq <= 12",
        "DELETE FROM record WHERE seq >= 12",
        "DELETE FROM record WHERE segment = 1; DELETE FROM segment WHERE number = 1",
        "DELETE FROM record",
        "DELETE FROM trouble",
        "UPDATE head SET seq = 12; DELETE FROM record WHERE seq > 12",
    ] {
        let connection = rusqlite::Connection::open(&path).unwrap();
        connection.execute_batch(taken).unwrap();
        drop(connection);
        for (selection, expected) in [(&since, &expected.1), (&denials(), &expected.0)] {
            let (seqs, answer, _) = ask(log.path(), selection, None);
            assert_eq!((&seqs, &answer), (&expected.0, &expected.1), "{taken}");
        }
        // Once made anew it is whole.
        assert_eq!(ask(log.path(), &since, None).2, Vec::<String>::new(), "{taken}");
    }
}

#[test]
fn a_limit_beyond_all_numbers_is_none() {
    let log = log();
    ask(log.path(), &denials(), None);
    for limit in [i64::MAX as usize + 1, usize::MAX] {
        let (seqs, answer, notes) = ask(log.path(), &denials(), Some(limit));
        assert!(seqs == DENIED && answer.is_complete() && notes.is_empty(), "{answer:?} {notes:?}");
    }
}

#[test]
fn a_log_that_was_replaced_or_changed_makes_the_index_begin_anew() {
    let log = log();
    ask(log.path(), &denials(), None);
    let rewrite = |segment: u64, from: &str, to: &str| {
        let text = fs::read_to_string(log.segment(segment)).unwrap();
        fs::write(log.segment(segment), text.replace(from, to)).unwrap();
    };
    for (segment, from, to, expected, said) in [
        // A line that the index leads to says something else: what was given until then stands, and is not all.
        (2, "\"deny\"", "\"Deny\"", 8, "the log changed"),
        (2, "\"Deny\"", "\"deny\"", 13, ""),
        // The last line is not where it was.
        (2, "\"deny\"", "\"allow\"", 8, "not the one"),
        // A segment that was complete is not as it was.
        (1, "\"bytes\":100}", "\"bytes\":100000}", 8, "segment 1 was changed"),
        (1, "\"deny\"", "\"Deny\"", 0, "segment 1 was changed"),
        (1, "\"Deny\"", "\"deny\"", 8, "segment 1 was changed"),
    ] {
        rewrite(segment, from, to);
        let (seqs, answer, notes) = ask(log.path(), &denials(), None);
        assert_eq!((seqs.len(), answer.matched), (expected, expected as u64), "{to}");
        assert!(
            notes.iter().all(|note| note.contains(said)) && notes.is_empty() == said.is_empty(),
            "{to}: {notes:?}"
        );
        assert_eq!(answer.is_complete(), said != "the log changed", "{answer:?}");
    }
    fs::remove_dir_all(log.path().join("index")).unwrap();
    assert_eq!(
        ask(log.path(), &denials(), None).0.len(),
        8,
        "what the index does not lead to is found by a new one"
    );
    fs::write(log.segment(2), "").unwrap();
    let (seqs, answer, notes) = ask(log.path(), &denials(), None);
    assert_eq!((seqs.len(), answer.scanned.unwrap().last.0), (8, 25));
    assert!(notes.len() == 1 && notes[0].contains("not the one"), "{notes:?}");
}

#[test]
fn the_newest_are_the_newest_also_where_the_index_leads_to_a_line_that_was_changed() {
    let log = log();
    ask(log.path(), &denials(), None);
    let text = fs::read_to_string(log.segment(2)).unwrap();
    let changed = text.lines().map(|line| match line.contains("\"seq\":\"36\"") {
        true => format!("{}\n", line.replace('{', "[")),
        false => format!("{line}\n"),
    });
    fs::write(log.segment(2), changed.collect::<String>()).unwrap();
    let (seqs, answer, notes) = ask(log.path(), &denials(), Some(4));
    assert_eq!((seqs, answer.matched, answer.shown), (vec![27, 30, 33, 39], 12, 4));
    assert_eq!(answer.troubles.len(), 2, "the line, and that its number is missing: {:?}", answer.troubles);
    assert!(notes.len() == 1 && notes[0].contains("the log changed"), "{notes:?}");
}

#[test]
fn a_folder_that_cannot_be_written_has_its_index_in_memory() {
    let log = log();
    fs::write(log.path().join("index"), "a file where the folder should be").unwrap();
    let (seqs, answer, notes) = ask(log.path(), &denials(), None);
    assert!(seqs == DENIED && answer.is_complete());
    assert!(notes.len() == 1 && notes[0].contains("for this answer only"), "{notes:?}");
    assert!(Index::open(Path::new("/nonexistent/log")).is_err());
    // A folder that is no log is left as it is.
    let other = tempfile::tempdir().unwrap();
    let (seqs, answer, notes) = ask(other.path(), &Selection::default(), None);
    assert!(seqs.is_empty() && answer.scanned.is_none() && notes.is_empty());
    assert_eq!(fs::read_dir(other.path()).unwrap().count(), 0);
}

#[test]
fn the_index_is_for_its_owner_only_and_not_made_through_a_link() {
    use std::os::unix::fs::{MetadataExt as _, symlink};

    let log = log();
    ask(log.path(), &denials(), None);
    for (path, mode) in [("index", 0o700), ("index/audit.sqlite", 0o600)] {
        assert_eq!(log.path().join(path).metadata().unwrap().mode() & 0o777, mode, "{path}");
    }
    let elsewhere = tempfile::tempdir().unwrap();
    fs::remove_dir_all(log.path().join("index")).unwrap();
    symlink(elsewhere.path(), log.path().join("index")).unwrap();
    let (seqs, _, notes) = ask(log.path(), &denials(), None);
    assert!(seqs == DENIED && notes[0].contains("for this answer only"), "{notes:?}");
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0, "nothing is made where it leads to");
}

#[test]
fn an_answer_that_is_not_complete_says_why() {
    let log = log();
    let whole = |selection: &Selection| ask(log.path(), selection, None).1;
    let all = Selection::default();
    assert!(whole(&all).is_complete());

    // A line that is none, and numbers that are missing.
    log.append(2, &[json!("no record"), decision(41, "deny", 1), decision(45, "deny", 1)]);
    let answer = whole(&all);
    assert_eq!(answer.troubles.len(), 2, "{answer:?}");
    assert!(answer.troubles[0].contains("begins no record") && answer.troubles[0].contains("00000002.jsonl"));
    assert_eq!(answer.troubles[1], "the records 42 to 44 are missing");
    // Of another time nothing is missing.
    let before = Selection { until: Some(time(30)), ..all.clone() };
    assert!(whole(&before).is_complete());
    let after = Selection { since: Some(time(45)), ..all.clone() };
    assert_eq!(whole(&after).troubles.len(), 1);

    // A segment that cannot be read for a while.
    let hidden = log.path().join("hidden");
    fs::rename(log.segment(1), &hidden).unwrap();
    fs::create_dir(log.segment(1)).unwrap();
    fs::remove_dir_all(log.path().join("index")).unwrap();
    let (seqs, answer, _) = ask(log.path(), &denials(), None);
    assert_eq!(seqs[0], 27);
    assert!(answer.troubles.iter().any(|why| why.contains("not a regular file")), "{answer:?}");
    fs::remove_dir(log.segment(1)).unwrap();
    fs::rename(&hidden, log.segment(1)).unwrap();
    let (seqs, _, notes) = ask(log.path(), &denials(), None);
    assert!(seqs[0] == 3 && notes[0].contains("can be read now"), "{notes:?}");
}

#[test]
fn a_compressed_segment_that_is_damaged_is_told_and_does_not_make_each_answer_begin_anew() {
    let log = log();
    fs::write(log.path().join("00000003.jsonl.gz"), "nothing that was compressed").unwrap();
    log.append(4, &[decision(50, "deny", 1)]);
    for _ in 0..2 {
        let (seqs, answer, notes) = ask(log.path(), &denials(), None);
        assert_eq!((seqs.last(), seqs.len(), notes), (Some(&50), 14, vec![]));
        assert!(answer.troubles[0].contains("00000003.jsonl.gz` cannot be read"), "{:?}", answer.troubles);
    }
}

#[test]
fn what_retention_removed_is_told_and_missing_when_it_was_asked_for() {
    let log = log();
    ask(log.path(), &Selection::default(), None);
    fs::remove_file(log.segment(1)).unwrap();
    let (_, answer, notes) = ask(log.path(), &Selection::default(), None);
    assert!(notes.is_empty() && answer.removed_through == Some(25));
    assert_eq!(
        answer.troubles,
        ["the records 1 to 25 are missing, and no retention says that it removed them"]
    );

    log.append(2, &[event(41, "retention", json!({"through": "25", "head": "0"}))]);
    let (seqs, answer, _) = ask(log.path(), &denials(), None);
    assert_eq!((seqs[0], answer.is_complete(), answer.removed_through), (27, true, Some(25)));
    let since = |seq| Selection { since: Some(time(seq)), ..denials() };
    let (_, answer, _) = ask(log.path(), &since(20), None);
    assert!(!answer.is_complete() && answer.troubles[0].contains("removed by retention"), "{answer:?}");
    let (_, answer, _) = ask(log.path(), &since(30), None);
    assert!(answer.is_complete() && answer.removed_through.is_none());
}

#[test]
fn decisions_that_are_only_counted_are_told_for_the_range_and_the_filter() {
    let log = Written::new();
    log.append(
        1,
        &[
            decision(1, "deny", 1),
            rollup(2, 1, 100),
            rollup(3, 1, 250),
            decision(4, "deny", 1),
            rollup(5, 4, 7),
            rollup(6, 1, 300),
        ],
    );
    let counted = |selection: Selection| ask(log.path(), &selection, None).1.counted;
    for (selection, expected) in [
        (Selection::default(), 307),
        (denials(), 307),
        (Selection { since: Some(time(3)), ..denials() }, 207),
        (Selection { since: Some(time(4)), until: Some(time(6)), ..denials() }, 7),
        (Selection { tenant: Some("acme".to_owned()), ..Selection::default() }, 307),
        (Selection { tenant: Some("globex".to_owned()), ..Selection::default() }, 0),
        (Selection { decision: Some("allow".to_owned()), ..Selection::default() }, 0),
        (Selection { policy: Some("guard.x".to_owned()), ..Selection::default() }, 307),
        (Selection { policy: Some("guard.y".to_owned()), ..Selection::default() }, 0),
        (Selection { kinds: vec!["admin".to_owned()], ..Selection::default() }, 0),
    ] {
        assert_eq!(counted(selection.clone()), expected, "{selection:?}");
    }
}

#[test]
fn two_can_index_and_ask_at_once() {
    let log = Written::new();
    let records: Vec<Json> = (1..=5000).map(|seq| decision(seq, "deny", seq)).collect();
    log.append(1, &records);
    std::thread::scope(|scope| {
        let ask = || ask(log.path(), &denials(), None);
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
        for thread in threads {
            let (seqs, answer, notes) = thread.join().unwrap();
            assert_eq!((seqs.len(), answer.matched, notes.len()), (5000, 5000, 0), "{notes:?}");
            assert!(seqs.is_sorted() && answer.is_complete());
        }
    });
}

#[test]
fn the_index_is_kept_up_in_the_background_and_stops_with_its_keeper() {
    let log = log();
    let keeper = Keeper::start(log.path()).unwrap();
    let indexed = |at_least: u64| {
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            // Only looked at: nothing but the keeper brings it up.
            let index = Index::open(log.path()).unwrap();
            let names = index.names(review::Column::Kind, 10).unwrap();
            if names.len() as u64 >= at_least {
                return;
            }
            assert!(Instant::now() < end, "{names:?}");
            std::thread::yield_now();
        }
    };
    indexed(1);
    log.append(2, &[event(41, "admin", json!({}))]);
    indexed(2);
    drop(keeper);
}
