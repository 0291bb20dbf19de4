//! A finished log, changed in every way there is: each is found, and the first wrong record is named.

use std::fs;

use audit::{Checkpoint, Finding, Tail};
use tempfile::tempdir;

use crate::by_hand::{self, ByHand, KEY, NEXT_KEY, STRANGER, packed, unpacked, verifying, write};
use crate::{Random, doubted, found, judge, tampered};

type Segments = Vec<Vec<Vec<u8>>>;

/// Three segments of 12, 12 and 8 records with a rotation in the second, which is compressed. Record 31 is the last but
/// one, 32 the checkpoint at the end.
fn finished() -> ByHand {
    let mut log = ByHand::new(KEY);
    log.acts(5).checkpoint("interval").acts(5).checkpoint("rotation");
    log.segment().acts(4).checkpoint("key").rotate(NEXT_KEY).acts(5).checkpoint("rotation");
    log.segment().acts(4).checkpoint("interval").acts(2).checkpoint("shutdown");
    log
}

const COMPRESSED: &[usize] = &[2];

/// Number of the last record of a finished log.
const LAST: u64 = 32;

fn finding(segments: &Segments) -> Finding {
    let folder = tempdir().unwrap();
    write(segments, folder.path(), COMPRESSED);
    found(folder.path())
}

/// The record that is named.
#[track_caller]
fn named(segments: &Segments) -> u64 {
    tampered(&finding(segments)).0
}

/// Segment and index of a record's line.
fn place(segments: &Segments, record: u64) -> (usize, usize) {
    let mut index = record as usize - 1;
    for (segment, lines) in segments.iter().enumerate() {
        if index < lines.len() {
            return (segment, index);
        }
        index -= lines.len();
    }
    panic!("no record {record}");
}

fn line(segments: &mut Segments, record: u64) -> &mut Vec<u8> {
    let (segment, index) = place(segments, record);
    &mut segments[segment][index]
}

#[test]
fn a_finished_log_is_intact() {
    let log = finished();
    let folder = tempdir().unwrap();
    log.write(folder.path(), COMPRESSED);
    let verdict = judge(folder.path(), &[verifying(KEY)], None);
    assert_eq!(verdict.finding, Finding::Intact);
    let figures = verdict.figures;
    assert_eq!((figures.records, figures.first_record, figures.last_record), (LAST, 1, LAST));
    assert_eq!((figures.segments, figures.compressed, figures.unsealed), (3, 1, 0));
    assert_eq!((figures.checkpoints, figures.last_checkpoint, figures.after_last_checkpoint), (7, LAST, 0));
    assert_eq!(figures.keys, [verifying(KEY).id(), verifying(NEXT_KEY).id()]);
    assert_eq!(figures.tail, Tail::Closed);
    assert_eq!(figures.first_ts, "2026-11-27T13:00:01.000000001Z");
    assert_eq!(format!("moonward.audit/{}", figures.origin.unwrap()), log.origin());
}

#[test]
fn a_flipped_bit_is_found_wherever_it_is() {
    let log = finished();
    for record in 1..LAST {
        let length = log.at(record).len();
        // Every byte of an act, a checkpoint and the rotation, at the ends of segments; some of the others.
        let step = if [12, 13, 18].contains(&record) { 1 } else { 31 };
        for at in (record as usize % step..length).step_by(step) {
            let mut segments = log.segments.clone();
            line(&mut segments, record)[at] ^= 1 << (at % 8);
            assert_eq!(named(&segments), record, "bit {} of byte {at} of record {record}", at % 8);
        }
    }
}

#[test]
fn every_bit_of_a_line_feed_counts() {
    let log = finished();
    for record in [1, 3, 12, 13, 24, 31] {
        for bit in 0..8 {
            let mut segments = log.segments.clone();
            *line(&mut segments, record).last_mut().unwrap() ^= 1 << bit;
            assert_eq!(named(&segments), record, "bit {bit}");
        }
    }
}

#[test]
fn the_signature_of_the_last_checkpoint_is_looked_at() {
    let log = finished();
    let note = log.at(LAST).windows(6).position(|window| window == b"\"note\"").unwrap() + 8;
    let end = log.at(LAST).windows(8).position(|window| window == b"\"reason\"").unwrap() - 2;
    for at in note..end {
        let mut segments = log.segments.clone();
        line(&mut segments, LAST)[at] ^= 1;
        assert_eq!(named(&segments), LAST, "byte {at}");
    }
}

#[test]
fn a_line_that_is_gone_is_named() {
    for record in 1..LAST {
        let mut segments = finished().segments;
        let (segment, index) = place(&segments, record);
        segments[segment].remove(index);
        assert_eq!(named(&segments), record);
    }
}

#[test]
fn a_line_that_was_put_in_is_named() {
    let log = finished();
    for record in 1..=LAST {
        let (segment, index) = place(&log.segments, record);
        // In the right form and place, and with the right hash of the line before: only what follows tells.
        let forged =
            String::from_utf8(log.at(record).to_vec()).unwrap().replacen("000000001Z", "000000002Z", 1);
        for inserted in [&b"\n"[..], b"{}\n", b"hello\n", log.at(record), forged.as_bytes()] {
            let mut segments = log.segments.clone();
            segments[segment].insert(index, inserted.to_vec());
            assert_eq!(named(&segments), record, "{}", String::from_utf8_lossy(inserted));
        }
    }
}

#[test]
fn lines_in_another_order_are_named_from_the_first_on() {
    let log = finished();
    for record in 1..LAST {
        for other in [record + 1, (record + 7).min(LAST)] {
            let mut segments = log.segments.clone();
            let swapped = log.at(other).to_vec();
            *line(&mut segments, other) = log.at(record).to_vec();
            *line(&mut segments, record) = swapped;
            assert_eq!(named(&segments), record, "with {other}");
        }
    }
}

#[test]
fn a_segment_that_was_cut_short_is_named_where_it_ends() {
    let log = finished();
    for (segment, last) in [(0, 12), (1, 24)] {
        for cut in [1, 2, 100] {
            let mut segments = log.segments.clone();
            let lines = &mut segments[segment];
            let line = lines.last_mut().unwrap();
            line.truncate(line.len() - cut);
            assert_eq!(named(&segments), last, "{cut} bytes");
        }
    }
}

#[test]
fn segments_that_are_gone_swapped_or_there_twice_are_named() {
    let log = finished();
    let with = |change: fn(&mut Segments)| {
        let mut segments = log.segments.clone();
        change(&mut segments);
        tampered(&finding(&segments))
    };
    let missing = "is missing: record 25 is in its place".to_owned();
    assert_eq!(with(|segments| segments[1].clear()), (13, missing.clone()));
    assert_eq!(with(|segments| drop(segments.remove(1))), (13, missing));
    assert_eq!(with(|segments| drop(segments.remove(0))).0, 1);
    assert_eq!(with(|segments| segments.swap(0, 1)).0, 1);
    assert_eq!(with(|segments| segments.swap(1, 2)).0, 13);
    assert_eq!(with(|segments| segments.insert(2, segments[1].clone())).0, 25);
    assert_eq!(with(|segments| segments.insert(1, segments[0].clone())).0, 13);
    assert_eq!(with(|segments| segments.push(segments[2].clone())).0, LAST + 1);
}

#[test]
fn a_tail_that_was_cut_is_seen_only_against_a_checkpoint_from_outside() {
    let log = finished();
    // Where the rotation is cut off too, only who trusts the new key can tell the checkpoint from a stranger's.
    let trust = [verifying(KEY), verifying(NEXT_KEY)];
    let outside = Checkpoint::parse(&log.note()).unwrap();
    for left in [32, 31, 30, 29, 24, 20, 12] {
        let mut segments = log.segments.clone();
        for record in (left + 1..=LAST).rev() {
            let (segment, index) = place(&segments, record);
            segments[segment].remove(index);
        }
        let folder = tempdir().unwrap();
        write(&segments, folder.path(), COMPRESSED);
        let verdict = judge(folder.path(), &trust, None);
        assert_eq!(verdict.finding, Finding::Intact, "{left}");
        let checkpoint = match left {
            32 => 32,
            29..=31 => 29,
            12 => 12,
            20 => 18,
            left => left,
        };
        assert_eq!(verdict.figures.after_last_checkpoint, left - checkpoint, "{left}");
        let against = judge(folder.path(), &trust, Some(&outside)).finding;
        if left == LAST {
            assert_eq!(against, Finding::Intact);
        } else {
            let (record, wrong) = tampered(&against);
            assert_eq!(record, left + 1);
            assert!(wrong.contains("counts 32 records"), "{wrong}");
        }
    }
}

#[test]
fn an_incomplete_last_line_is_no_tampering_and_is_told() {
    let log = finished();
    for cut in [1, 50, log.at(LAST).len() - 1] {
        let mut segments = log.segments.clone();
        let line = line(&mut segments, LAST);
        line.truncate(line.len() - cut);
        let torn = line.len() as u64;
        let folder = tempdir().unwrap();
        write(&segments, folder.path(), COMPRESSED);
        let verdict = judge(folder.path(), &[verifying(KEY)], None);
        assert_eq!((verdict.finding, verdict.figures.tail), (Finding::Intact, Tail::Torn(torn)));
        assert_eq!(verdict.figures.after_last_checkpoint, 2);
        // An empty file after it changes nothing: it was begun and not written.
        fs::write(folder.path().join("00000004.jsonl"), "").unwrap();
        let verdict = judge(folder.path(), &[verifying(KEY)], None);
        assert_eq!((verdict.finding, verdict.figures.tail), (Finding::Intact, Tail::Torn(torn)));
    }
}

#[test]
fn a_log_that_was_replaced_by_another_is_not_believed() {
    let mut other = ByHand::of_another_era(STRANGER);
    other.acts(8).checkpoint("rotation").segment().acts(8).checkpoint("shutdown");
    let folder = tempdir().unwrap();
    other.write(folder.path(), &[]);
    assert_eq!(doubted(&found(folder.path())), audit::Doubt::NotTrusted);
    let outside = Checkpoint::parse(&finished().note()).unwrap();
    let trust = [verifying(KEY), verifying(NEXT_KEY)];
    let (record, wrong) = tampered(&judge(folder.path(), &trust, Some(&outside)).finding);
    assert_eq!(record, 1);
    assert!(wrong.contains("is of another log"), "{wrong}");
}

#[test]
fn a_log_that_was_rewritten_under_another_key_is_found_where_that_begins() {
    // From record 13 on, by somebody who can write the folder and cannot sign.
    let mut forged = finished();
    forged.segments.truncate(1);
    let (_, last) = (forged.segments.clone(), forged.at(12).to_vec());
    let mut again = ByHand::new(KEY);
    again.acts(5).checkpoint("interval").acts(5).checkpoint("rotation");
    assert_eq!(again.at(12), last);
    again.segment().take_key(STRANGER).acts(4).checkpoint("interval").acts(1).checkpoint("shutdown");
    let folder = tempdir().unwrap();
    again.write(folder.path(), &[]);
    assert_eq!(
        tampered(&found(folder.path())),
        (17, "has no valid signature of the key in force".to_owned())
    );

    // The same where the checkpoint claims the key's id.
    let text = fs::read_to_string(folder.path().join("00000002.jsonl")).unwrap();
    let claims = |log: &ByHand| log.note().rsplit_once(' ').unwrap().1[..4].to_owned();
    let (stranger, ours) = (claims(&again), claims(again.take_key(KEY)));
    fs::write(folder.path().join("00000002.jsonl"), text.replace(&stranger, &ours)).unwrap();
    assert_eq!(tampered(&found(folder.path())).0, 17);
}

#[test]
fn a_log_that_was_replaced_up_to_a_checkpoint_is_seen_against_it() {
    // Whoever has the key can write everything anew; not what was copied elsewhere.
    let outside = Checkpoint::parse(&finished().note()).unwrap();
    let mut other = ByHand::new(KEY);
    other.acts(5).checkpoint("interval").rotate(NEXT_KEY).acts(30).checkpoint("shutdown");
    let folder = tempdir().unwrap();
    other.write(folder.path(), &[]);
    assert_eq!(found(folder.path()), Finding::Intact);
    let (record, wrong) = tampered(&judge(folder.path(), &[verifying(KEY)], Some(&outside)).finding);
    assert_eq!(record, LAST);
    assert!(wrong.contains("was replaced"), "{wrong}");
}

#[test]
fn a_compressed_file_that_is_damaged_is_tampering_where_its_lines_end() {
    let log = finished();
    let packed = packed(&log.segments[1].concat());
    let mut random = Random::seeded();
    for _ in 0..200 {
        let (at, bit) = (random.below(packed.len()), random.below(8));
        let mut damaged = packed.clone();
        damaged[at] ^= 1 << bit;
        let folder = tempdir().unwrap();
        log.write(folder.path(), COMPRESSED);
        fs::write(folder.path().join("00000002.jsonl.gz"), &damaged).unwrap();
        match found(folder.path()) {
            // Time, system and unused bits, of which no record knows.
            Finding::Intact => {
                assert_eq!(unpacked(&damaged), log.segments[1].concat(), "bit {bit} of byte {at}")
            }
            Finding::Tampered(found) => assert!((13..=25).contains(&found.record), "{found:?}"),
            other => panic!("{other:?}"),
        }
    }
    for length in [0, 5, 10, packed.len() / 2, packed.len() - 1] {
        let folder = tempdir().unwrap();
        log.write(folder.path(), COMPRESSED);
        fs::write(folder.path().join("00000002.jsonl.gz"), &packed[..length]).unwrap();
        assert!((13..=25).contains(&tampered(&found(folder.path())).0), "{length}");
    }
}

#[test]
fn a_plain_segment_counts_where_a_compressed_one_is_beside_it() {
    let folder = tempdir().unwrap();
    finished().write(folder.path(), &[]);
    fs::write(folder.path().join("00000002.jsonl.gz"), "not even compressed").unwrap();
    assert_eq!(found(folder.path()), Finding::Intact);
}

#[test]
fn random_mutations_are_found_and_named() {
    let log = finished();
    let mut random = Random::seeded();
    for _ in 0..400 {
        let mut segments = log.segments.clone();
        let record = 1 + random.below(LAST as usize - 2) as u64;
        let (segment, index) = place(&segments, record);
        let kind = random.below(6);
        match kind {
            0 => {
                let line = line(&mut segments, record);
                let at = random.below(line.len());
                line[at] ^= 1 << random.below(8);
            }
            // Two lines near each other; the later one may hide what the earlier one should have been.
            1 => {
                for record in [record, record + 1] {
                    let line = line(&mut segments, record);
                    let at = random.below(line.len() - 1);
                    line[at] ^= 1 << random.below(8);
                }
            }
            2 => drop(segments[segment].remove(index)),
            3 => {
                let other = 1 + random.below(LAST as usize) as u64;
                let repeated = log.at(other).to_vec();
                segments[segment].insert(index, repeated);
            }
            4 => {
                let line = line(&mut segments, record);
                let at = random.below(line.len() - 1);
                line.truncate(at);
            }
            _ => {
                let line = line(&mut segments, record);
                let at = random.below(line.len() - 1);
                line.insert(at, b' ' + random.below(95) as u8);
            }
        }
        let (found, wrong) = tampered(&finding(&segments));
        // A repeated line is named where it stands; the one before, if it is that one's double.
        let named = match kind {
            1 => found == record || found == record + 1,
            3 => found == record || found + 1 == record && wrong == "is there twice",
            _ => found == record,
        };
        assert!(named, "mutation {kind} of record {record}: record {found} {wrong}");
    }
}

#[test]
fn who_cannot_sign_cannot_take_the_beginning_away() {
    let mut log = finished();
    let removed = log.segments[0].last().unwrap().clone();
    // A retention record that chains, after the last checkpoint.
    log.retention(12, &removed);
    log.segments[0].clear();
    let folder = tempdir().unwrap();
    log.write(folder.path(), COMPRESSED);
    let (record, wrong) = tampered(&found(folder.path()));
    assert_eq!((record, wrong.contains("with all up to 12")), (1, true), "{wrong}");
    // Nor once a start has signed it with what it says of an end that it did not see made.
    let mut laundered = log.clone();
    laundered.record("recovered", "\"detail\":{\"file\":\"00000004.jsonl\",\"bytes_cut\":\"0\"}");
    laundered.checkpoint("start").write(folder.path(), COMPRESSED);
    assert_eq!(tampered(&found(folder.path())).0, 1);
    // Only with the checkpoint that the log writes together with it.
    log.checkpoint("shutdown").write(folder.path(), COMPRESSED);
    let verdict = judge(folder.path(), &[verifying(KEY)], None);
    assert_eq!((verdict.finding, verdict.figures.removed), (Finding::Intact, 12));
    // And not for more than it says, nor with another end.
    log.segments[1].clear();
    log.write(folder.path(), COMPRESSED);
    let (record, wrong) = tampered(&found(folder.path()));
    assert_eq!((record, wrong.contains("with all up to 24")), (13, true), "{wrong}");
    let mut other = finished();
    other.retention(12, b"another line\n").checkpoint("shutdown");
    other.segments[0].clear();
    other.write(folder.path(), COMPRESSED);
    assert_eq!(tampered(&found(folder.path())).0, 13);
    // A removal that was begun and not finished: more was to go than is gone.
    let mut half = finished();
    let removed = half.segments[1].last().unwrap().clone();
    half.retention(24, &removed).checkpoint("shutdown");
    half.segments[0].clear();
    half.write(folder.path(), COMPRESSED);
    assert_eq!(found(folder.path()), Finding::Intact);
}

#[test]
fn parts_kept_elsewhere_are_there_and_as_they_were() {
    let part = b"{\"large\":true}";
    let hash = by_hand::hex(&<sha2::Sha256 as sha2::Digest>::digest(part));
    let stand_in = format!("{{\"$stored\":{{\"bytes\":\"{}\",\"sha256\":\"{hash}\"}}}}", part.len());
    let mut log = ByHand::new(KEY);
    log.acts(2).checkpoint("rotation").segment();
    log.record("policy_load", &format!("\"detail\":{{\"archive\":\"{hash}\"}}"));
    log.record("decision", &format!("\"context\":{stand_in},\"entities\":[]"));
    log.checkpoint("shutdown");
    let folder = tempdir().unwrap();
    log.write(folder.path(), &[1]);
    let (objects, policies) = (folder.path().join("objects/00000002"), folder.path().join("policies"));
    let lacks = |record| {
        let (found, wrong) = tampered(&found(folder.path()));
        assert_eq!(found, record, "{wrong}");
        wrong
    };
    assert_eq!(lacks(4), format!("lacks a part: `policies/{hash}` is not there"));
    fs::create_dir_all(&policies).unwrap();
    fs::write(policies.join(&hash), part).unwrap();
    assert_eq!(lacks(5), format!("lacks a part: `objects/00000002/{hash}` is not there"));
    fs::create_dir_all(&objects).unwrap();
    fs::write(objects.join(&hash), "other").unwrap();
    assert!(lacks(5).ends_with("has another hash"));
    fs::remove_file(objects.join(&hash)).unwrap();
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(policies.join(&hash), objects.join(&hash)).unwrap();
        assert!(lacks(5).ends_with("is a link, or no regular file"));
        fs::remove_file(objects.join(&hash)).unwrap();
    }
    fs::write(objects.join(&hash), part).unwrap();
    let verdict = judge(folder.path(), &[verifying(KEY)], None);
    assert_eq!((verdict.finding, verdict.figures.parts), (Finding::Intact, 2));

    // A folder of parts that is a link: what it leads to is not kept with the log.
    #[cfg(unix)]
    for (name, record) in [("policies", 4), ("objects", 5), ("objects/00000002", 5)] {
        let elsewhere = tempdir().unwrap();
        let (here, there) = (folder.path().join(name), elsewhere.path().join("moved"));
        fs::rename(&here, &there).unwrap();
        std::os::unix::fs::symlink(&there, &here).unwrap();
        assert_eq!(lacks(record), format!("lacks a part: `{name}` is a link, or no folder"));
        fs::remove_file(&here).unwrap();
        fs::rename(&there, &here).unwrap();
    }
    assert_eq!(found(folder.path()), Finding::Intact);
}
