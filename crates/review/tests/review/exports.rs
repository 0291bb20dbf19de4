//! What is exported is everything, in order, at least once.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use review::{Cursor, ExportError, Exported, Found, Selection, Taken, Taker, export};
use serde_json::json;

use crate::written::{Written, decision, event, time};

/// Keeps what it takes, and a cursor file; fails after so many records.
struct Kept {
    seqs: Vec<u64>,
    cursor: PathBuf,
    fails_after: usize,
}

impl Taker for Kept {
    fn take(&mut self, found: &Found) -> io::Result<Taken> {
        if self.seqs.len() == self.fails_after {
            return Err(io::Error::other("full"));
        }
        self.seqs.push(found.row.seq);
        Ok(Taken::Whole)
    }

    fn settle(&mut self, cursor: &Cursor) -> Result<(), ExportError> {
        Ok(cursor.write(&self.cursor)?)
    }
}

fn go_on(log: &Path, cursor: &Path, fails_after: usize) -> (Vec<u64>, Result<Exported, ExportError>) {
    let mut kept = Kept { seqs: Vec::new(), cursor: cursor.to_owned(), fails_after };
    let from = Cursor::read(cursor).unwrap();
    let outcome = export(log, (0, from.as_ref()), (&Selection::default(), None), &mut kept);
    (kept.seqs, outcome)
}

#[test]
fn an_export_goes_on_where_it_stopped_and_nothing_is_left_out() {
    let log = Written::new();
    let place = tempfile::tempdir().unwrap();
    let cursor = place.path().join("cursor");
    let records: Vec<_> = (1..=2500).map(|seq| decision(seq, "deny", seq)).collect();
    log.append(1, &records[..1200]);
    log.append(2, &records[1200..]);
    // It is interrupted: what was taken since the last safe place comes again.
    let (first, outcome) = go_on(log.path(), &cursor, 1700);
    assert!(matches!(outcome, Err(ExportError::Output(_))) && first.len() == 1700);
    assert_eq!(Cursor::read(&cursor).unwrap().unwrap().seq, 1000);
    let (second, outcome) = go_on(log.path(), &cursor, usize::MAX);
    assert_eq!((second.first(), second.last(), second.len()), (Some(&1001), Some(&2500), 1500));
    assert!(outcome.unwrap().troubles.is_empty());
    assert!(go_on(log.path(), &cursor, usize::MAX).0.is_empty());
    log.append(2, &[decision(2501, "deny", 1)]);
    assert_eq!(go_on(log.path(), &cursor, usize::MAX).0, [2501]);
    // After a number, without a cursor.
    let mut kept = Kept { seqs: Vec::new(), cursor, fails_after: usize::MAX };
    export(log.path(), (2498, None), (&Selection::default(), None), &mut kept).unwrap();
    assert_eq!(kept.seqs, [2499, 2500, 2501]);
}

#[test]
fn a_cursor_of_another_log_is_refused_and_one_that_retention_overtook_is_told() {
    let log = Written::new();
    let place = tempfile::tempdir().unwrap();
    let cursor = place.path().join("cursor");
    log.append(1, &[decision(1, "deny", 1), decision(2, "deny", 2)]);
    assert_eq!(go_on(log.path(), &cursor, usize::MAX).0, [1, 2]);
    let other = Written::new();
    other.append(1, &[decision(1, "deny", 1), decision(2, "deny", 3)]);
    let (_, outcome) = go_on(other.path(), &cursor, usize::MAX);
    assert!(outcome.unwrap_err().to_string().contains("changed or replaced"));

    log.append(3, &[decision(5, "deny", 5)]);
    fs::remove_file(log.segment(1)).unwrap();
    let (seqs, outcome) = go_on(log.path(), &cursor, usize::MAX);
    assert_eq!(
        (seqs, outcome.unwrap().troubles),
        (vec![5], vec!["the records 3 to 4 are missing".to_owned()])
    );

    fs::write(&cursor, "{}").unwrap();
    assert!(Cursor::read(&cursor).unwrap_err().to_string().contains("is not a cursor"));
}

#[test]
fn the_cursor_stays_before_a_segment_that_cannot_be_read_now() {
    let log = Written::new();
    let place = tempfile::tempdir().unwrap();
    let cursor = place.path().join("cursor");
    log.append(1, &[decision(1, "deny", 1), decision(2, "deny", 2)]);
    log.append(3, &[event(4, "admin", json!({}))]);
    fs::create_dir(log.segment(2)).unwrap();
    let (seqs, outcome) = go_on(log.path(), &cursor, usize::MAX);
    assert_eq!(seqs, [1, 2, 4]);
    assert_eq!(outcome.unwrap().troubles.len(), 2);
    fs::remove_dir(log.segment(2)).unwrap();
    log.append(2, &[decision(3, "deny", 1)]);
    assert_eq!(go_on(log.path(), &cursor, usize::MAX).0, [3, 4]);
}

#[test]
fn a_beginning_that_no_retention_removed_is_missing_as_it_is_in_every_answer() {
    let place = tempfile::tempdir().unwrap();
    let unexplained = "the records 1 to 5 are missing, and no retention says that it removed them";
    let removed = "the records up to 5 were removed by retention, and some may be of the range";
    for (through, since, expected) in [
        (None, None, Some(unexplained)),
        (Some(4), None, Some(unexplained)),
        (Some(5), None, None),
        (Some(5), Some(time(3)), Some(removed)),
        // The range begins after what is left.
        (None, Some(time(7)), None),
    ] {
        let log = Written::new();
        log.append(1, &[decision(6, "deny", 6), decision(7, "deny", 7)]);
        if let Some(through) = through {
            log.append(1, &[event(8, "retention", json!({"through": through.to_string()}))]);
        }
        let selection = Selection { since, ..Selection::default() };
        let mut kept =
            Kept { seqs: Vec::new(), cursor: place.path().join("cursor"), fails_after: usize::MAX };
        let exported = export(log.path(), (0, None), (&selection, None), &mut kept).unwrap();
        assert_eq!(exported.troubles.first().map(String::as_str), expected, "{through:?} {since:?}");
        assert!(exported.troubles.len() < 2 && !kept.seqs.is_empty());
    }
}
