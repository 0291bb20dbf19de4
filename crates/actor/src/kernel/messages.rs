//! Sending and taking messages.

use std::sync::Arc;

use policy::{Permit, Process, ProcessSend};
use value::{Failure, Value};

use super::{Kernel, Notice};
use crate::address::{Address, LocalId};
use crate::entry::{Entry, no_such_process};
use crate::mailbox::{Charged, Take};
use crate::message::Message;

impl<P> Kernel<P> {
    /// Sends a message to the process that the permit names, under the topic that it names. When this returns
    /// the message has its room and will be delivered unless the receiver ends first. `from` is the sender, if
    /// it is a process.
    ///
    /// # Errors
    /// NOT_FOUND for a dead process; RATE_LIMITED over the mailbox's bounds or the tenant's quotas; INVALID for
    /// a topic of the system or a message over half the receiver's memory limit.
    pub fn send(
        &mut self,
        permit: Permit<ProcessSend>,
        from: Option<&Arc<Process>>,
        payload: Value,
    ) -> Result<(), Failure> {
        let request = permit.into_request();
        let address = Address::of(&request.to);
        if address.worker() != self.worker {
            return self.node.post(request, from, payload);
        }
        let ProcessSend { to, topic, bytes } = request;
        let receiver = if self.is_here(address) { self.locals.get_mut(address) } else { None };
        let receiver = receiver.ok_or_else(|| no_such_process(&to))?;
        let message = Message { topic, from: from.map(|from| from.pid().clone()), payload };
        let message = self.node.admit(&receiver.entry, message, bytes)?;
        receiver.mailbox.push(message);
        receiver.notices.push(Notice::Mail);
        self.wake(address);
        Ok(())
    }

    /// Takes the oldest message that fits.
    pub fn take_message(&mut self, local: LocalId, which: &Take<'_>) -> Option<Message> {
        self.locals.get_mut(local.0)?.mailbox.take(which)
    }

    /// Takes the oldest message that was not offered before and of whose topic `wanted` says yes; what it says no to
    /// is not offered again, but waits on for [`Self::take_message`].
    pub fn take_new_message(&mut self, local: LocalId, wanted: &dyn Fn(&str) -> bool) -> Option<Message> {
        self.locals.get_mut(local.0)?.mailbox.take_new(wanted)
    }

    /// Offers every waiting message once more: their topics have found another listener.
    pub fn offer_messages_again(&mut self, local: LocalId) {
        if let Some(process) = self.locals.get_mut(local.0) {
            process.mailbox.offer_again();
        }
    }

    /// Whether a message that fits waits.
    pub fn has_message(&self, local: LocalId, which: &Take<'_>) -> bool {
        self.locals.get(local.0).is_some_and(|process| process.mailbox.has(which))
    }

    /// A message from another thread; its room is reserved.
    pub(super) fn receive(&mut self, to: &Entry, message: Charged) {
        let Some(receiver) = self.locals.get_mut(to.address()) else {
            // The receiver ended after the message was accepted.
            to.release_message(message.bytes);
            return;
        };
        receiver.mailbox.push(message);
        receiver.notices.push(Notice::Mail);
        self.wake(to.address());
    }
}
