//! The process is killed at any moment, two hundred times: what it acknowledged is there once, and the log goes on.
//!
//! What is killed is this test's own binary, started again with [`CHILD`] set. The machine stays up; what it may lose when
//! it does not, anything that was not synced, is cut off the log's end after every other kill.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use audit::{Log, Options, read};

use crate::random::Random;
use crate::{accept, assert_chained, of_kind, options, tempdir};

/// The folder in which a child is to write.
const CHILD: &str = "MOONWARD_AUDIT_KILLED";
const KILLS: u64 = 200;
const KILLS_A_FOLDER: u64 = 20;

#[test]
fn a_log_whose_process_is_killed_at_any_moment_has_all_that_was_acknowledged_once() {
    if let Ok(folder) = std::env::var(CHILD) {
        write_until_killed(Path::new(&folder));
    }
    let mut random = Random::seeded();
    let (mut acknowledged_records, mut torn, mut recovered) = (0, 0, 0);
    for _folder in 0..KILLS / KILLS_A_FOLDER {
        let folder = tempdir().unwrap();
        let mut acknowledged = Vec::new();
        for _kill in 0..KILLS_A_FOLDER {
            acknowledged.extend(run_and_kill(folder.path(), &mut random));
            if random.below(2) == 0 {
                lose_some(folder.path(), &acknowledged, &mut random);
            }
            torn += u64::from(ends_in_a_torn_line(folder.path()));
            assert_whole_so_far(folder.path(), &acknowledged);
        }
        Log::open(small(folder.path())).unwrap().close().unwrap();
        let records = assert_whole_so_far(folder.path(), &acknowledged);
        let cut = |record: &&&serde_json::Value| record["detail"]["bytes_cut"] != "0";
        recovered += of_kind(&records, "recovered").iter().filter(cut).count();
        acknowledged_records += acknowledged.len();
    }
    assert!(acknowledged_records as u64 > KILLS, "{acknowledged_records}");
    println!("{acknowledged_records} records acknowledged, {torn} lines torn, {recovered} recovered");
    // A process that is killed right after it has cut a line does not come to record that.
    assert!(torn > KILLS / 10 && recovered as u64 > torn / 2, "{torn} {recovered}");
}

#[test]
fn what_a_kill_leaves_of_a_line_is_cut_and_recorded_also_after_compressed_segments() {
    let folder = tempdir().unwrap();
    let log = Log::open(small(folder.path())).unwrap();
    let mut acknowledged = Vec::new();
    for number in 0..20 {
        acknowledged.push(accept(&log, number).unwrap());
        log.sync().unwrap();
    }
    log.close().unwrap();
    let last = last_segment(folder.path()).unwrap();
    let begun = br#"{"schema":"moonward.audit/1","seq":"21","#;
    fs::OpenOptions::new().append(true).open(&last).unwrap().write_all(begun).unwrap();

    Log::open(small(folder.path())).unwrap().close().unwrap();
    let records = assert_whole_so_far(folder.path(), &acknowledged);
    let recovered = of_kind(&records, "recovered");
    let cut: Vec<_> = recovered.iter().filter(|record| record["detail"]["bytes_cut"] != "0").collect();
    assert_eq!(cut.len(), 1);
    assert_eq!(cut[0]["detail"]["bytes_cut"], begun.len().to_string());
    assert_eq!(cut[0]["detail"]["file"], last.file_name().unwrap().to_str().unwrap());
}

fn small(folder: &Path) -> Options {
    Options { segment_bytes_max: 20_000, compress: true, reserve_bytes: 10_000, ..options(folder) }
}

/// Accepts, syncs, and then says what is durable: for ever.
fn write_until_killed(folder: &Path) -> ! {
    let log = Log::open(small(folder)).unwrap();
    let mut out = std::io::stdout().lock();
    for number in 0.. {
        let ids: Vec<_> = (0..1 + number % 7).map(|part| accept(&log, part).unwrap()).collect();
        log.sync().unwrap();
        // One write, so that a line is whole or not there.
        out.write_all(format!("\n{CHILD} {}\n", ids.join(" ")).as_bytes()).unwrap();
    }
    unreachable!("it is killed")
}

/// Starts a child, kills it at some moment, and gives what it acknowledged until then.
fn run_and_kill(folder: &Path, random: &mut Random) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", "--test-threads=1"])
        .arg("killed::a_log_whose_process_is_killed_at_any_moment_has_all_that_was_acknowledged_once")
        .env(CHILD, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = random.below(30);
    let moment = Duration::from_micros(random.below(5_000));
    let mut acknowledged = Vec::new();
    let mut out = BufReader::new(child.stdout.take().unwrap()).lines();
    for line in out.by_ref().map_while(Result::ok).filter_map(ids).take(lines as usize) {
        acknowledged.extend(line);
    }
    // A moment between two lines is as good as any other.
    let since = Instant::now();
    while since.elapsed() < moment {
        std::hint::spin_loop();
    }
    kill(&mut child);
    acknowledged.extend(out.map_while(Result::ok).filter_map(ids).flatten());
    acknowledged
}

fn kill(child: &mut Child) {
    child.kill().unwrap();
    let status = child.wait().unwrap();
    assert_eq!(status.code(), None, "it ended by itself");
}

fn ids(line: String) -> Option<Vec<String>> {
    Some(line.strip_prefix(CHILD)?.split_whitespace().map(str::to_owned).collect())
}

/// Cuts the log somewhere after the last record that was acknowledged.
fn lose_some(folder: &Path, acknowledged: &[String], random: &mut Random) {
    let Some(last) = last_segment(folder) else { return };
    let mut lines = read(folder);
    let mut kept = 0;
    while let Some(line) = lines.next_raw() {
        let line = line.unwrap();
        if line.file.as_ref() == last && acknowledged.iter().any(|id| line.holds(id)) {
            kept = line.end().offset;
        }
    }
    let file = fs::OpenOptions::new().write(true).open(&last).unwrap();
    let bytes = file.metadata().unwrap().len();
    file.set_len(kept + random.below(bytes - kept + 1)).unwrap();
}

fn last_segment(folder: &Path) -> Option<PathBuf> {
    let names = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    names.filter(|path| path.to_str().unwrap().ends_with(".jsonl")).max()
}

/// The last segment's last line is incomplete.
fn ends_in_a_torn_line(folder: &Path) -> bool {
    last_segment(folder).is_some_and(|last| fs::read(last).unwrap().last().is_some_and(|byte| *byte != b'\n'))
}

fn assert_whole_so_far(folder: &Path, acknowledged: &[String]) -> Vec<serde_json::Value> {
    let records = assert_chained(folder);
    let mut times = HashMap::new();
    for record in &records {
        *times.entry(record["id"].as_str().unwrap()).or_insert(0) += 1;
    }
    assert!(records.first().is_none_or(|first| first["seq"] == "1"));
    for id in acknowledged {
        assert_eq!(times.get(id.as_str()), Some(&1), "acknowledged record {id}");
    }
    records
}
