//! What is asked of a record beyond what the index knows: of all that it says, the parts that are kept elsewhere among it.
//!
//! A part that cannot be had leaves it open whether a record matches, so that an answer without it is not complete. What a
//! condition means, whoever hands it in knows.

use std::path::Path;

use audit::{Whereabouts, filled, whereabouts};
use diagnostic::visible;
use serde_json::Value as Json;

/// What a condition says of a whole record.
pub type Matches<'a> = dyn Fn(&Json) -> Result<bool, String> + 'a;

/// A condition on records.
pub struct Condition<'a> {
    /// Whether a record matches, or why that cannot be said of it: the same words for every record with the same trouble.
    pub matches: Box<Matches<'a>>,
    /// Whether it looks at the member of this name.
    pub reads: Box<dyn Fn(&str) -> bool + 'a>,
}

/// Why it cannot be said whether a record matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undecided {
    /// The record does not say so.
    Record(String),
    /// A part of it cannot be had, which says it or does not.
    Part(String),
}

impl Condition<'_> {
    /// Whether a record of this segment of the log in a folder matches.
    ///
    /// # Errors
    /// See [`Undecided`].
    pub fn holds(&self, folder: &Path, segment: u64, record: &Json) -> Result<bool, Undecided> {
        let names = record.as_object().into_iter().flat_map(|members| members.keys());
        let mut is_elsewhere = false;
        for name in names.filter(|name| (self.reads)(name)) {
            match whereabouts(record, name) {
                Whereabouts::Here => {}
                Whereabouts::Elsewhere => is_elsewhere = true,
                Whereabouts::Nowhere => {
                    let seq = record.get("seq").and_then(Json::as_str).unwrap_or_default();
                    let why =
                        format!("`{}` of record {} was too large to be kept", visible(name), visible(seq));
                    return Err(Undecided::Part(why));
                }
            }
        }
        let matches = |record: &Json| (self.matches)(record).map_err(Undecided::Record);
        if !is_elsewhere {
            return matches(record);
        }
        matches(&filled(folder, segment, record).map_err(|error| Undecided::Part(error.to_string()))?)
    }
}
