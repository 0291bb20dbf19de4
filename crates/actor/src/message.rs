//! One message, and the rule for its topic.

use std::sync::Arc;

use value::{Failure, Value};

use crate::limits::TOPIC_BYTES_MAX;

/// What one process sent to another.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// The topic it was sent under.
    pub topic: Arc<str>,
    /// The sender's pid; `None` from outside.
    pub from: Option<Arc<str>>,
    /// The data.
    pub payload: Value,
}

/// Whether a script may send or listen under this topic.
///
/// # Errors
/// INVALID for a topic that is empty, begins with `@` or is longer than 256 bytes.
pub fn check_topic(topic: &str) -> Result<(), Failure> {
    if topic.is_empty() {
        return Err(Failure::invalid("`topic` is empty, a name is expected"));
    }
    if topic.starts_with('@') {
        return Err(Failure::invalid("`topic` must not begin with `@`: such topics are the system's"));
    }
    if topic.len() > TOPIC_BYTES_MAX {
        let message = format!("`topic` is {} bytes, at most {TOPIC_BYTES_MAX} allowed", topic.len());
        return Err(Failure::invalid(message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_not_empty_not_the_systems_and_not_long() {
        let long = "t".repeat(TOPIC_BYTES_MAX + 1);
        for (topic, allowed) in [
            ("greet", true),
            ("a@b", true),
            (&long[1..], true),
            ("", false),
            ("@inbox", false),
            ("@", false),
            (&long, false),
        ] {
            assert_eq!(check_topic(topic).is_ok(), allowed, "{topic}");
        }
    }
}
