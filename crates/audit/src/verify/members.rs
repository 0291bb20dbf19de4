//! The few members of records that matter to a verifier: checkpoints, rotations, removals, and parts kept elsewhere.
//!
//! Lines that have them are parsed whole, and a member that is there twice is refused: two readers might take two
//! different ones for it.

use serde::Deserialize;
use serde_json::Value;
use value::base64::{Alphabet, decode};

use super::head::{hash, is_id, number};
use super::verdict::Wrong;
use crate::checkpoint::{Checkpoint, Hash};
use crate::key::VerifyingKey;
use crate::key_rotation::FormerKey;
use crate::note::Note;

/// A record with a `detail` of this form.
#[derive(Deserialize)]
struct Detailed<D> {
    detail: D,
}

#[derive(Deserialize)]
struct CheckpointDetail {
    note: String,
    reason: String,
}

#[derive(Deserialize)]
struct RotationDetail {
    note: String,
    old: String,
    new: String,
}

#[derive(Deserialize)]
struct RetentionDetail {
    through: String,
    head: String,
}

#[derive(Deserialize)]
struct RecoveredDetail {
    #[serde(default)]
    unwitnessed_from: Option<String>,
    #[serde(default)]
    unwitnessed_through: Option<String>,
}

#[derive(Deserialize)]
struct PolicyLoad {
    #[serde(default)]
    detail: Option<Value>,
}

#[derive(Deserialize)]
struct Parts {
    #[serde(default)]
    context: Option<Value>,
    #[serde(default)]
    entities: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StandIn {
    #[serde(rename = "$stored")]
    stored: StoredDetail,
}

#[derive(Deserialize)]
struct StoredDetail {
    bytes: String,
    sha256: String,
}

/// A checkpoint, and whether it ended a run in order.
pub(super) fn checkpoint(line: &str) -> Result<(Checkpoint, bool), Wrong> {
    let CheckpointDetail { note, reason } = detail(line)?;
    let checkpoint = Checkpoint::parse(&note).map_err(|why| Wrong::Malformed(why.to_string()))?;
    if !is_id(&checkpoint.head().log) {
        return Err(Wrong::Malformed("its origin has no id of a record".to_owned()));
    }
    Ok((checkpoint, reason == "shutdown"))
}

/// A rotation: the chain's head as it says, and who hands over to whom.
pub(super) struct HandOver {
    pub(super) origin: String,
    pub(super) records: u64,
    pub(super) hash: Hash,
    pub(super) old: FormerKey,
    pub(super) new: VerifyingKey,
    note: Note,
}

impl HandOver {
    /// Whether both keys signed it, or the new one where the old one was lost.
    pub(super) fn is_signed(&self) -> bool {
        let by_old = match &self.old {
            FormerKey::AtHand(old) => self.note.is_signed_by(old),
            FormerKey::Gone(_) => true,
        };
        by_old && self.note.is_signed_by(&self.new)
    }
}

/// A rotation, as record and note say alike.
pub(super) fn hand_over(line: &str) -> Result<HandOver, Wrong> {
    let RotationDetail { note, old, new } = detail(line)?;
    let malformed = |why: &str| Wrong::Malformed(why.to_owned());
    let note = Note::parse(&note).map_err(|why| Wrong::Malformed(why.to_string()))?;
    let lines: Vec<&str> = note.text().split('\n').collect();
    let &[origin, records, head, from, to, ""] = lines.as_slice() else {
        return Err(malformed("its note has not five lines"));
    };
    let origin = origin.strip_prefix("moonward.audit/").and_then(|origin| origin.strip_suffix(" key"));
    let origin = origin.filter(|origin| is_id(origin));
    let head = decode(head.as_bytes(), Alphabet::Standard).ok().and_then(|head| Hash::try_from(&*head).ok());
    if from.strip_prefix("old ") != Some(&old) || to.strip_prefix("new ") != Some(&new) {
        return Err(malformed("its note names other keys"));
    }
    Ok(HandOver {
        origin: origin.ok_or_else(|| malformed("its note has another first line"))?.to_owned(),
        records: number(records).ok_or_else(|| malformed("its count is no number"))?,
        hash: head.ok_or_else(|| malformed("its hash is none"))?,
        old: old.parse().map_err(|_| malformed("`old` is neither a verifier key nor the id of one"))?,
        new: new.parse().map_err(|_| malformed("`new` is no verifier key"))?,
        note,
    })
}

/// A removal: the last record removed, and the hash of its line.
pub(super) fn retention(line: &str) -> Result<(u64, Hash), Wrong> {
    let RetentionDetail { through, head } = detail(line)?;
    let malformed = |why: &str| Wrong::Malformed(why.to_owned());
    let through = number(&through).ok_or_else(|| malformed("`through` is no number"))?;
    Ok((through, hash(&head).ok_or_else(|| malformed("`head` is no hash in hex"))?))
}

/// The records that a start took over without a checkpoint, if there were any.
pub(super) fn recovered(line: &str) -> Result<Option<(u64, u64)>, Wrong> {
    let RecoveredDetail { unwitnessed_from: from, unwitnessed_through: through } = detail(line)?;
    if from.is_none() && through.is_none() {
        return Ok(None);
    }
    let numbers = from.as_deref().and_then(number).zip(through.as_deref().and_then(number));
    let numbers = numbers.filter(|(from, through)| 0 < *from && from <= through);
    numbers.map(Some).ok_or_else(|| Wrong::Malformed("its numbers of records are none".to_owned()))
}

/// The digest of the policy set that a load archived, if it did.
pub(super) fn archive(line: &str) -> Result<Option<Hash>, Wrong> {
    let PolicyLoad { detail } = parse(line)?;
    let Some(archive) = detail.as_ref().and_then(|detail| detail.get("archive")) else { return Ok(None) };
    let digest = archive.as_str().and_then(hash);
    digest.map(Some).ok_or_else(|| Wrong::Malformed("`archive` is no hash in hex".to_owned()))
}

/// What every stand-in begins with. It is found in no text: there the quotes are escaped.
pub(super) const STORED: &str = "{\"$stored\"";

/// What a log that is not strict says in its checkpoints and gaps. It is found in no text, either.
pub(super) const BEST_EFFORT: &str = "\"log_mode\":\"best_effort\"";

/// Size and hash of the parts of a record that are kept elsewhere.
pub(super) fn stored(line: &str) -> Result<Vec<(u64, Hash)>, Wrong> {
    let Parts { context, entities } = parse(line)?;
    let mut stored = Vec::new();
    for part in [context, entities].into_iter().flatten() {
        // What has another form is data that somebody named so.
        let Ok(StandIn { stored: StoredDetail { bytes, sha256 } }) = serde_json::from_value(part) else {
            continue;
        };
        let part = number(&bytes).zip(hash(&sha256));
        stored.push(part.ok_or_else(|| Wrong::Malformed("`$stored` has no size or no hash".to_owned()))?);
    }
    Ok(stored)
}

fn detail<'l, D: Deserialize<'l>>(line: &'l str) -> Result<D, Wrong> {
    parse::<Detailed<D>>(line).map(|record| record.detail)
}

fn parse<'l, T: Deserialize<'l>>(line: &'l str) -> Result<T, Wrong> {
    serde_json::from_str(line).map_err(|error| Wrong::Malformed(error.to_string()))
}

/// Whether a line is JSON at all: asked only of the line before a fault, which may have swallowed a line feed.
pub(super) fn is_json(line: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_that_is_there_twice_is_refused() {
        let head = "ab".repeat(32);
        let line = format!("{{\"x\":1,\"detail\":{{\"through\":\"7\",\"head\":\"{head}\",\"more\":[]}}}}");
        assert_eq!(retention(&line), Ok((7, [0xab; 32])));
        for (from, to) in [
            ("\"through\":\"7\"", "\"through\":\"7\",\"through\":\"8\""),
            ("{\"x\":1", "{\"detail\":{},\"x\":1"),
            ("\"7\"", "7"),
            ("\"7\"", "\"07\""),
            ("\"head\"", "\"tail\""),
        ] {
            assert!(matches!(retention(&line.replacen(from, to, 1)), Err(Wrong::Malformed(_))), "{to}");
        }
    }

    #[test]
    fn only_a_whole_member_that_is_a_stand_in_is_kept_elsewhere() {
        let hash = "0c".repeat(32);
        let stand_in = format!("{{\"$stored\":{{\"bytes\":\"5\",\"sha256\":\"{hash}\"}}}}");
        for (line, expected) in [
            (format!("{{\"context\":{stand_in},\"entities\":[]}}"), Ok(1)),
            (format!("{{\"context\":{stand_in},\"entities\":{stand_in}}}"), Ok(2)),
            (format!("{{\"context\":{{\"a\":{stand_in}}},\"entities\":[{stand_in}]}}"), Ok(0)),
            (format!("{{\"detail\":{stand_in}}}"), Ok(0)),
            (format!("{{\"context\":{stand_in},\"context\":{{}}}}"), Err(())),
            (format!("{{\"context\":{}}}", stand_in.replace("0c0c", "0C0C")), Err(())),
        ] {
            assert_eq!(stored(&line).map(|parts| parts.len()).map_err(|_| ()), expected, "{line}");
        }
    }
}
