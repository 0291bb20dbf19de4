//! A log written by hand: the lines that a test needs, in the segments that it wants.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value as Json, json};
use tempfile::TempDir;

pub(crate) struct Written {
    folder: TempDir,
}

impl Written {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn segment(&self, number: u64) -> PathBuf {
        self.path().join(format!("{number:08}.jsonl"))
    }

    /// Adds records to the end of a segment.
    pub(crate) fn append(&self, segment: u64, records: &[Json]) {
        let path = self.segment(segment);
        let mut text = fs::read_to_string(&path).unwrap_or_default();
        records.iter().for_each(|record| text += &format!("{record}\n"));
        fs::write(path, text).unwrap();
    }
}

/// The time of a record: as many seconds after an epoch as its number says.
pub(crate) fn time(seq: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_000_000 + seq)
}

fn head(seq: u64, kind: &str) -> Json {
    json!({
        "schema": "moonward.audit/1", "seq": seq.to_string(), "id": id(seq),
        "ts": value::rfc3339_nanos(time(seq)).to_string(), "prev": "0".repeat(64), "kind": kind,
    })
}

pub(crate) fn id(seq: u64) -> String {
    format!("01HF7YAT3V{seq:016}")
}

/// A decision of an actor of `acme` to send so many bytes.
pub(crate) fn decision(seq: u64, decision: &str, bytes: u64) -> Json {
    let mut record = head(seq, "decision");
    let more = json!({
        "decision": decision, "decision_kind": if decision == "allow" { "allow" } else { "deny_forbid" },
        "tenant": "acme", "actor": "acme/user/ada", "action": "process.send",
        "resource": {"type": "Process", "id": format!("p{seq}")}, "context": {"bytes": bytes},
        "policies": [{"id": "guard.x", "file": "guard.cedar", "line": 3, "column": 1}],
    });
    record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    record
}

/// Any other record.
pub(crate) fn event(seq: u64, kind: &str, detail: Json) -> Json {
    let mut record = head(seq, kind);
    record["detail"] = detail;
    record
}

pub(crate) fn rollup(seq: u64, opening: u64, count: u64) -> Json {
    let mut record = event(
        seq,
        "rollup",
        json!({"opening": id(opening), "action": "process.send", "resource_type": "Process",
            "decision_kind": "deny_forbid", "count": count.to_string(), "closed": false}),
    );
    record["tenant"] = "acme".into();
    record["actor"] = "acme/user/ada".into();
    record
}
