//! A message object: what `inbox:receive()` gives.

use value::Value;

/// One message taken from the mailbox.
pub(crate) struct Message {
    /// Its topic.
    pub(crate) topic: String,
    /// The sender's pid as the host wrote it; none from outside.
    pub(crate) from: Option<String>,
    /// The data itself.
    pub(crate) payload: Value,
}

impl Message {
    /// What the payload is charged.
    pub(crate) fn payload_bytes(&self) -> usize {
        self.topic.len() + self.payload.bytes()
    }
}
