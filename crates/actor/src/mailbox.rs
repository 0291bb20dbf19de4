//! The messages that wait for one process, oldest first.
//!
//! Each message's room was reserved in the process's entry before it came here; it is given back when the
//! message is taken or the mailbox dropped. Which topics are listened to is the taker's to know.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::entry::Entry;
use crate::message::Message;

/// Which message to take: always the oldest that fits.
pub enum Take<'a> {
    /// Of this topic.
    Topic(&'a str),
    /// Of a topic for which the function says that nobody listens to it.
    Unlistened(&'a dyn Fn(&str) -> bool),
}

impl Take<'_> {
    fn fits(&self, message: &Message) -> bool {
        match self {
            Self::Topic(topic) => *message.topic == **topic,
            Self::Unlistened(unlistened) => unlistened(&message.topic),
        }
    }
}

/// One process's mailbox.
#[derive(Debug)]
pub(crate) struct Mailbox {
    owner: Arc<Entry>,
    waiting: VecDeque<Charged>,
    /// How many of the oldest have been offered already: nobody was waiting for them then.
    offered: usize,
}

/// A message and the bytes that its room was reserved with.
#[derive(Debug)]
pub(crate) struct Charged {
    pub(crate) message: Message,
    pub(crate) bytes: u64,
}

impl Mailbox {
    pub(crate) fn new(owner: Arc<Entry>) -> Self {
        Self { owner, waiting: VecDeque::new(), offered: 0 }
    }

    /// Adds a message whose room is reserved.
    pub(crate) fn push(&mut self, message: Charged) {
        self.waiting.push_back(message);
    }

    pub(crate) fn take(&mut self, which: &Take<'_>) -> Option<Message> {
        let at = self.waiting.iter().position(|waiting| which.fits(&waiting.message))?;
        self.remove(at)
    }

    /// Takes the oldest message that was not offered before and is wanted. Each is offered once, so that a message
    /// for which nobody waits costs nothing however often the process is woken.
    pub(crate) fn take_new(&mut self, wanted: &dyn Fn(&str) -> bool) -> Option<Message> {
        while let Some(next) = self.waiting.get(self.offered) {
            if wanted(&next.message.topic) {
                return self.remove(self.offered);
            }
            self.offered += 1;
        }
        None
    }

    /// Offers all that wait once more: their topics have found another listener.
    pub(crate) fn offer_again(&mut self) {
        self.offered = 0;
    }

    fn remove(&mut self, at: usize) -> Option<Message> {
        let Charged { message, bytes } = self.waiting.remove(at)?;
        if at < self.offered {
            self.offered -= 1;
        }
        self.owner.release_message(bytes);
        // A burst's memory goes back, so that many parked processes do not each keep their largest.
        if self.waiting.is_empty() && self.waiting.capacity() > 64 {
            self.waiting.shrink_to(8);
        }
        Some(message)
    }

    pub(crate) fn has(&self, which: &Take<'_>) -> bool {
        self.waiting.iter().any(|waiting| which.fits(&waiting.message))
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        for Charged { bytes, .. } in self.waiting.drain(..) {
            self.owner.release_message(bytes);
        }
    }
}
