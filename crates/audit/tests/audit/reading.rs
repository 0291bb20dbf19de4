//! The log read back from its files.

use std::fs;

use audit::{LINE_BYTES_MAX, ReadError, find, read, read_with};
use tempfile::tempdir;

use crate::{accept, open};

#[test]
fn a_record_is_found_by_its_id_among_others() {
    let folder = tempdir().unwrap();
    let log = open(folder.path());
    let ids: Vec<_> = (0..20).map(|number| accept(&log, number).unwrap()).collect();
    log.sync().unwrap();
    let line = find(folder.path(), ids[7].parse().unwrap()).unwrap().expect("while the log is open");
    assert_eq!((line.number, &line.record["detail"]["number"]), (8, &7.into()));
    assert_eq!(line.file.file_name().unwrap(), "00000001.jsonl");
    assert_eq!(find(folder.path(), "01HF7YAT3V0000000000000000".parse().unwrap()).unwrap(), None);
}

#[test]
fn a_line_that_is_no_record_is_reported_with_its_place_and_reading_goes_on() {
    let folder = tempdir().unwrap();
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(3 * LINE_BYTES_MAX));
    let segments =
        [format!("{{\"n\":1}}\nnonsense\n[]\n{long}\n{{\"n\":2}}\n{{\"n\""), "{\"n\":3}\n{\"n".into()];
    for (number, text) in (1..).zip(segments) {
        fs::write(folder.path().join(format!("{number:08}.jsonl")), text).unwrap();
    }
    let read: Vec<String> = read(folder.path())
        .map(|line| match line {
            Ok(line) => format!("{}: {}", line.number, line.record),
            Err(ReadError::NotARecord { number, why, .. }) => format!("{number}: {why}"),
            Err(error) => panic!("{error}"),
        })
        .collect();
    assert_eq!(
        read,
        [
            "1: {\"n\":1}",
            "2: expected ident at line 1 column 2",
            "3: not a JSON object",
            "4: longer than 16384 bytes",
            "5: {\"n\":2}",
            "6: it is incomplete",
            "1: {\"n\":3}",
        ]
    );
}

#[test]
fn only_lines_that_hold_a_text_are_given_and_what_cannot_be_read_is_told() {
    let folder = tempdir().unwrap();
    let long = "x".repeat(2 * LINE_BYTES_MAX);
    let text =
        format!("{{\"n\":1}}\n{{\"k\":\"a\"}}\nnonsense\n{long}\n{{\"k\":\"b\"}}\n{{\"k\":\"a\", }}\n");
    fs::write(folder.path().join("00000001.jsonl"), text).unwrap();
    let read: Vec<String> = read_with(folder.path(), &["\"k\":\"a\"", "\"k\":\"b\""])
        .map(|line| match line {
            Ok(line) => format!("{}: {}", line.number, line.record),
            Err(ReadError::NotARecord { number, .. }) => format!("{number}: no record"),
            Err(error) => panic!("{error}"),
        })
        .collect();
    assert_eq!(read, ["2: {\"k\":\"a\"}", "4: no record", "5: {\"k\":\"b\"}", "6: no record"]);
}

#[test]
fn a_folder_that_is_not_there_is_an_error_and_an_empty_one_has_no_lines() {
    let folder = tempdir().unwrap();
    assert_eq!(read(folder.path()).count(), 0);
    let missing: Vec<_> = read(&folder.path().join("missing")).collect();
    assert!(matches!(missing[..], [Err(ReadError::Unreadable { .. })]), "{missing:?}");
    find(&folder.path().join("missing"), "01HF7YAT3V0000000000000000".parse().unwrap()).unwrap_err();
}
