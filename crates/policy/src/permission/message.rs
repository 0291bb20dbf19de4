//! Sending messages.

use std::sync::Arc;

use super::{Datum, Fields, Permission, Recorded, Resource, Spec, declared};
use crate::resource::Process;
use crate::vocabulary::{EntityType, Field, FieldType, Group};

/// Put one message in another process's mailbox.
#[derive(Debug, Clone)]
pub struct ProcessSend {
    /// Whose mailbox.
    pub to: Arc<Process>,
    /// The message's topic.
    pub topic: Arc<str>,
    /// Size of the payload in bytes, as mailboxes charge it.
    pub bytes: u64,
}

impl declared::Here for ProcessSend {}

impl Permission for ProcessSend {
    const SPEC: Spec = Spec {
        action: "process.send",
        group: Group::Message,
        resource: EntityType::Process,
        doc: "Put one message in another process's mailbox.",
        asked_by: &["process.send"],
        context: &[
            Field::new("topic", FieldType::String, "The message's topic."),
            Field::new("bytes", FieldType::Long, "Size of the payload in bytes, as mailboxes charge it."),
        ],
        recorded: Recorded::Asked,
    };

    fn resource(&self) -> Resource<'_> {
        Resource::Process(&self.to)
    }

    fn context(&self) -> Fields<'_> {
        let bytes = i64::try_from(self.bytes).unwrap_or(i64::MAX);
        Fields::one("topic", Datum::String(&self.topic)).with("bytes", Datum::Long(bytes))
    }
}
