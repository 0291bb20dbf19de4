//! Parts of records that are too large for a line, each in a file that is named by its hash, beside the segment whose
//! line names it: `objects/<segment>/<sha256>`.
//!
//! What a part says is not known here. Who may have how much of the disk is: a tenant's flood of large requests must not
//! fill it.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::digest::{hex, sha256};
use crate::disk::Disk;
use crate::limits::STORED_TENANT_BYTES_MAX;
use crate::{Line, by_hash};

/// The folder of all of them, in the log's.
const FOLDER: &str = "objects";

/// The name of the only member of what stands for a part in its line.
pub const STORED: &str = "$stored";

/// The member that stands for a part that its tenant had no room for.
pub(crate) const OVERSIZED: &str = "$oversized";

/// The members that may be kept elsewhere; in any other, what looks like it is data.
pub const STORED_MEMBERS: [&str; 2] = ["context", "entities"];

/// Where a member of a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whereabouts {
    /// In its line, as far as it has it.
    Here,
    /// In a file beside the segment: [`filled`] has it.
    Elsewhere,
    /// It was too large, and is lost.
    Nowhere,
}

/// A part, to be stored before the line that names it.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    /// Whose it is; nobody's counts as one tenant's.
    pub(crate) tenant: Arc<str>,
    pub(crate) sha256: String,
    pub(crate) bytes: Vec<u8>,
}

/// Why the parts of a record cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum StoredError {
    /// The file cannot be read.
    #[error("part `{}` of the audit log cannot be read: {source}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is not what was stored.
    #[error("part `{}` of the audit log is not what was recorded: its hash is another", file.display())]
    Changed {
        /// The file.
        file: PathBuf,
    },
}

/// A record with its parts filled in, each found to be what was recorded. One without parts elsewhere is given as it is.
///
/// # Errors
/// See [`StoredError`].
pub fn stored(folder: &Path, line: &Line) -> Result<Value, StoredError> {
    filled(folder, line.place.segment, &line.record)
}

/// The same of a record of that segment.
///
/// # Errors
/// See [`StoredError`].
pub fn filled(folder: &Path, segment: u64, record: &Value) -> Result<Value, StoredError> {
    let mut record = record.clone();
    for member in record.as_object_mut().into_iter().flat_map(parts_mut) {
        let Some(digest) = digest_of(member) else { continue };
        let file = folder.join(FOLDER).join(format!("{segment:08}")).join(digest);
        let unreadable = |source| StoredError::Unreadable { file: file.clone(), source };
        let bytes = by_hash::read(&file, STORED_TENANT_BYTES_MAX).map_err(unreadable)?;
        let part = serde_json::from_slice(&bytes).ok().filter(|_| hex(&sha256(&bytes)) == digest);
        *member = part.ok_or(StoredError::Changed { file })?;
    }
    Ok(record)
}

/// Where a member of a record is, by its name and what the line has of it.
pub fn whereabouts(record: &Value, name: &str) -> Whereabouts {
    let Some(members) = record.get(name).and_then(Value::as_object) else { return Whereabouts::Here };
    let is = |stand_in: &str| members.len() == 1 && members.contains_key(stand_in);
    match STORED_MEMBERS.contains(&name) && is(STORED) {
        true => Whereabouts::Elsewhere,
        false if is(OVERSIZED) => Whereabouts::Nowhere,
        false => Whereabouts::Here,
    }
}

fn parts_mut(record: &mut Map<String, Value>) -> impl Iterator<Item = &mut Value> {
    record.iter_mut().filter(|(name, _)| STORED_MEMBERS.contains(&name.as_str())).map(|(_, member)| member)
}

/// The digest of the part that a member stands for. What is no digest names no file.
fn digest_of(member: &Value) -> Option<&str> {
    let members = member.as_object().filter(|members| members.len() == 1)?;
    let digest = members.get(STORED)?.get("sha256")?.as_str()?;
    by_hash::is_name(digest).then_some(digest)
}

/// The parts of the segment that is written.
#[derive(Debug)]
pub(crate) struct Objects {
    folder: PathBuf,
    /// Number of the segment that the rest is about.
    segment: u64,
    /// Bytes that each tenant has stored.
    used: HashMap<Arc<str>, u64>,
    /// Digests of what this run made durable. A file that is there otherwise may be half of one, or not on the disk.
    durable: HashSet<String>,
}

impl Objects {
    /// The parts in a log's folder.
    pub(crate) fn new(log: &Path) -> Self {
        let folder = log.join(FOLDER);
        Self { folder, segment: 0, used: HashMap::new(), durable: HashSet::new() }
    }

    /// Bytes that a tenant may still store beside a segment.
    pub(crate) fn room(&self, segment: u64, tenant: &str) -> u64 {
        let used = self.used.get(tenant).filter(|_| segment == self.segment);
        STORED_TENANT_BYTES_MAX.saturating_sub(used.copied().unwrap_or_default())
    }

    /// Makes parts of a segment's lines durable, each once.
    pub(crate) fn put(
        &mut self,
        disk: &dyn Disk,
        segment: u64,
        parts: &[Part],
    ) -> Result<(), (PathBuf, io::Error)> {
        if segment != self.segment {
            self.segment = segment;
            self.used.clear();
            self.durable.clear();
        }
        for part in parts {
            if self.durable.contains(&part.sha256) {
                continue;
            }
            let own = self.folder.join(format!("{segment:08}"));
            disk.make_folder(&self.folder).map_err(|error| (self.folder.clone(), error))?;
            by_hash::put(disk, &own, &part.sha256, &part.bytes)?;
            *self.used.entry(part.tenant.clone()).or_default() += part.bytes.len() as u64;
            self.durable.insert(part.sha256.clone());
        }
        Ok(())
    }
}
