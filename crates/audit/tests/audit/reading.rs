//! The log read back from its files.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use audit::{
    LINE_BYTES_MAX, LinePlace, Lines, LinesBack, Log, Options, RawLine, ReadError, find, read, read_from,
    read_with,
};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::{accept, assert_whole, open, options, records, tempdir};

/// Puts a segment's compressed form in its place, and gives its path.
fn compress(folder: &Path, number: u64) -> std::path::PathBuf {
    let segment = folder.join(format!("{number:08}.jsonl"));
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&fs::read(&segment).unwrap()).unwrap();
    let packed = segment.with_extension("jsonl.gz");
    fs::write(&packed, encoder.finish().unwrap()).unwrap();
    fs::remove_file(segment).unwrap();
    packed
}

/// Adds this many segments of one record each.
fn segments(folder: &Path, count: u64) {
    let log = Log::open(Options { segment_bytes_max: 1, ..options(folder) }).unwrap();
    for number in 0..count {
        accept(&log, number).unwrap();
        log.sync().unwrap();
    }
    log.close().unwrap();
}

fn raw(mut lines: Lines) -> Vec<RawLine> {
    std::iter::from_fn(|| lines.next_raw()).map(Result::unwrap).collect()
}

#[test]
fn a_compressed_segment_reads_like_any_other_and_the_log_goes_on_after_it() {
    for compressed in [&[1][..], &[1, 2], &[2], &[3], &[1, 2, 3]] {
        let folder = tempdir().unwrap();
        segments(folder.path(), 3);
        let before = raw(read(folder.path()));
        for number in compressed {
            compress(folder.path(), *number);
        }
        let after = raw(read(folder.path()));
        let places = |lines: &[RawLine]| -> Vec<_> {
            lines.iter().map(|line| (line.place, line.bytes.clone())).collect()
        };
        assert_eq!(places(&before), places(&after));
        let id = records(folder.path())[0]["id"].as_str().unwrap().to_owned();
        assert!(find(folder.path(), id.parse().unwrap()).unwrap().is_some());

        let log = open(folder.path());
        let acknowledged = [accept(&log, 4).unwrap()];
        log.close().unwrap();
        assert_whole(&records(folder.path()), &acknowledged);
    }
}

#[test]
fn reading_goes_on_from_any_line_in_either_form() {
    let folder = tempdir().unwrap();
    let log = open(folder.path());
    for number in 0..20 {
        accept(&log, number).unwrap();
    }
    log.close().unwrap();
    segments(folder.path(), 2);
    for is_compressed in [false, true] {
        if is_compressed {
            compress(folder.path(), 1);
        }
        let all = raw(read(folder.path()));
        for (index, line) in all.iter().enumerate() {
            assert_eq!(raw(read_from(folder.path(), line.place)), all[index..]);
            assert_eq!(raw(read_from(folder.path(), line.end())), all[index + 1..]);
            let mut lines = read_from(folder.path(), line.place);
            assert_eq!(lines.place(), line.place);
            assert_eq!(lines.next().unwrap().unwrap().place, line.place);
            assert_eq!(lines.place(), line.end());
        }
        // Places that are no longer there, or not yet.
        let second = all.iter().position(|line| line.place.segment > 1).unwrap();
        let mut lines = read_from(folder.path(), LinePlace { segment: 1, offset: 1 << 40 });
        let told = lines.next_raw();
        assert!(matches!(told, Some(Err(ReadError::Shorter { .. }))), "{told:?}");
        assert_eq!(lines.place(), LinePlace { segment: 1, offset: 0 });
        assert_eq!(raw(lines), all[second..]);
        assert_eq!(raw(read_from(folder.path(), LinePlace { segment: 99, offset: 0 })), []);
    }
}

#[test]
fn who_has_read_to_the_end_is_given_what_is_written_later_through_new_segments() {
    let folder = tempdir().unwrap();
    let mut lines = read(folder.path());
    assert!(lines.next().is_none());
    let log = Log::open(Options { segment_bytes_max: 1_500, ..options(folder.path()) }).unwrap();
    for number in 0..20 {
        accept(&log, number).unwrap();
        log.sync().unwrap();
        let records = lines.by_ref().map(|line| line.unwrap().record);
        let brought = records.filter(|record| record["kind"] != "checkpoint");
        let found: Vec<_> = brought.map(|record| record["detail"]["number"].clone()).collect();
        assert_eq!(found, [number]);
    }
    log.close().unwrap();
    assert_eq!(lines.next().unwrap().unwrap().record["kind"], "checkpoint");

    // A line whose end is written later.
    let last = folder.path().join("00009999.jsonl");
    fs::write(&last, "{\"n\":").unwrap();
    assert!(lines.next().is_none());
    fs::OpenOptions::new().append(true).open(&last).unwrap().write_all(b"1}\n{\"n\":2").unwrap();
    assert_eq!(lines.next().unwrap().unwrap().record["n"], 1);
    assert!(lines.next().is_none());
    // One that was taken back, because the disk failed, is not missed.
    fs::write(&last, "{\"n\":1}\n").unwrap();
    fs::write(folder.path().join("00010000.jsonl"), "{\"n\":3}\n").unwrap();
    assert_eq!(lines.next().unwrap().unwrap().record["n"], 3);
    assert!(lines.next().is_none());
}

#[test]
fn a_damaged_or_torn_compressed_segment_is_told_by_its_name_and_reading_goes_on() {
    type Harm = fn(&mut Vec<u8>);
    let harms: [Harm; 4] = [
        |bytes| bytes.truncate(bytes.len() / 2),
        |bytes| bytes.truncate(bytes.len() - 1),
        |bytes| bytes.clear(),
        |bytes| *bytes = b"{\"n\":1}\n".to_vec(),
    ];
    for harm in harms {
        let folder = tempdir().unwrap();
        segments(folder.path(), 3);
        let packed = compress(folder.path(), 2);
        let mut bytes = fs::read(&packed).unwrap();
        harm(&mut bytes);
        fs::write(&packed, bytes).unwrap();
        let (good, bad): (Vec<_>, Vec<_>) = read(folder.path()).partition(Result::is_ok);
        let [Err(ReadError::Unreadable { file, .. })] = &bad[..] else { panic!("{bad:?}") };
        assert_eq!(file, &packed);
        assert!(good.last().unwrap().as_ref().unwrap().file.ends_with("00000003.jsonl"));
    }
}

#[test]
fn a_line_without_an_end_in_a_compressed_segment_takes_no_memory() {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("00000001.jsonl"), vec![b'x'; 64 << 20]).unwrap();
    let packed = compress(folder.path(), 1);
    assert!(fs::metadata(packed).unwrap().len() < 1 << 20);
    fs::write(folder.path().join("00000002.jsonl"), "{\"n\":2}\n").unwrap();
    let read: Vec<_> = read(folder.path()).collect();
    assert!(
        matches!(&read[..], [Err(ReadError::NotARecord { why, .. }), Ok(_)] if why.starts_with("longer than")),
        "{read:?}"
    );
}

#[test]
fn a_record_is_found_by_its_id_among_others() {
    let folder = tempdir().unwrap();
    let log = open(folder.path());
    let ids: Vec<_> = (0..20).map(|number| accept(&log, number).unwrap()).collect();
    log.sync().unwrap();
    let line = find(folder.path(), ids[7].parse().unwrap()).unwrap().expect("while the log is open");
    assert_eq!(line.record["detail"]["number"], 7);
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
            Ok(line) => format!("{}: {}", line.place.offset, line.record),
            Err(ReadError::NotARecord { place, why, .. }) => format!("{}: {why}", place.offset),
            Err(error) => panic!("{error}"),
        })
        .collect();
    assert_eq!(
        read,
        [
            "0: {\"n\":1}",
            "8: expected ident at line 1 column 2",
            "17: not a JSON object",
            "20: longer than 16384 bytes",
            "49181: {\"n\":2}",
            "49189: it is incomplete",
            "0: {\"n\":3}",
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
            Ok(line) => format!("{}: {}", line.place.offset, line.record),
            Err(ReadError::NotARecord { place, .. }) => format!("{}: no record", place.offset),
            Err(error) => panic!("{error}"),
        })
        .collect();
    assert_eq!(read, ["8: {\"k\":\"a\"}", "27: no record", "32796: {\"k\":\"b\"}", "32806: no record"]);
}

#[test]
fn a_folder_that_is_not_there_is_an_error_and_an_empty_one_has_no_lines() {
    let folder = tempdir().unwrap();
    assert_eq!(read(folder.path()).count(), 0);
    let missing: Vec<_> = read(&folder.path().join("missing")).collect();
    assert!(matches!(missing[..], [Err(ReadError::Unreadable { .. })]), "{missing:?}");
    find(&folder.path().join("missing"), "01HF7YAT3V0000000000000000".parse().unwrap()).unwrap_err();
}

#[test]
fn a_segment_reads_the_same_from_its_end() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("00000001.jsonl");
    for long in [LINE_BYTES_MAX - 1, LINE_BYTES_MAX, 65_535, 65_536, 65_537, 200_000] {
        let long = "x".repeat(long);
        for text in [
            String::new(),
            "torn".to_owned(),
            format!("a\n{long}\nb\n\n{long}\n"),
            format!("{long}\n"),
            format!("{long}\na\n{long}"),
            format!("{long}\n{long}\n{long}\n"),
        ] {
            fs::write(&path, &text).unwrap();
            let shown = |line: Result<RawLine, ReadError>| match line {
                Ok(line) => format!("{:?} {}", line.place, String::from_utf8(line.bytes).unwrap()),
                Err(error) => error.to_string(),
            };
            let mut lines = read(folder.path());
            let mut forward: Vec<_> = std::iter::from_fn(|| lines.next_raw()).map(shown).collect();
            let back = LinesBack::open(1, &path).unwrap();
            assert_eq!(back.end().offset, text.rfind('\n').map_or(0, |at| at as u64 + 1));
            assert_eq!(back.torn().is_some(), !text.is_empty() && !text.ends_with('\n'));
            let mut found: Vec<_> = back.map(shown).collect();
            found.reverse();
            // Of a long one that is torn, the way forward may tell more.
            forward.truncate(found.len());
            assert_eq!(found, forward);
        }
    }
}
