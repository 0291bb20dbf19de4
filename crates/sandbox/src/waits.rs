//! What the strands of one process wait for, and how a wait ends.
//!
//! A wait is on channels (receive, send, select), a sleep, a call, or a record that is not durable yet. It ends once; the places it had in other
//! channels' queues are stale from then on. This file knows no Lua beyond the reply that ends a wait.

use std::rc::Rc;

use luau::{Item, Reply, StrandId};
use value::{Failure, Kind, Value};

use crate::channel::{Case, Channel, Held, Received, Sent, Source, Waiter};
use crate::limits::{RECORD_WAITS_MAX, WAITS_MAX};
use crate::object::Object;
use crate::recorded_call::GoOn;
use crate::timer::Token;

/// All waits of one process, and the replies that have not reached their strand yet.
#[derive(Default)]
pub(crate) struct Waits {
    next: u64,
    /// Oldest first, and so in the order of their numbers. Most processes wait in one place for most of their life,
    /// so this is a list with room for exactly that.
    going_on: Vec<Wait>,
    ended: Vec<(StrandId, Reply<Object>)>,
}

/// One parked strand.
struct Wait {
    number: u64,
    strand: StrandId,
    on: On,
}

enum On {
    /// Cases of channels; the form of the answer.
    Channels(Form, Vec<Case>),
    /// A sleep.
    Sleep(Token),
    /// A callee's end.
    Call,
    /// The call's own record; what goes on then.
    Record(Box<dyn GoOn>),
}

/// Which function waits, and so what it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// `value, ok`.
    Receive,
    /// `true`, or an error when the channel is closed.
    Send,
    /// `{channel, value, ok}`.
    Select,
}

/// A value taken from a channel, and whether it was one: `nil, false` when closed and drained.
pub(crate) type Taken = (Item<Object>, bool);

impl Waits {
    /// Whether that wait goes on.
    pub(crate) fn waiting(&self, waiter: &Waiter) -> bool {
        self.position(waiter.wait).is_ok()
    }

    /// The replies to hand to the virtual machine.
    pub(crate) fn take_ended(&mut self) -> Vec<(StrandId, Reply<Object>)> {
        std::mem::take(&mut self.ended)
    }

    /// Whether a reply is ready.
    pub(crate) fn any_ended(&self) -> bool {
        !self.ended.is_empty()
    }

    /// Parks a strand on channels.
    ///
    /// # Errors
    /// RATE_LIMITED: [`WAITS_MAX`] strands wait already.
    pub(crate) fn on_channels(
        &mut self,
        strand: StrandId,
        form: Form,
        cases: Vec<Case>,
    ) -> Result<(), Failure> {
        let number = self.begin()?;
        for (index, case) in cases.iter().enumerate() {
            let waiter = Waiter { strand, wait: number, case: index };
            match &case.send {
                Some(value) => case.channel.wait_to_send(waiter, value.clone(), &|other| self.waiting(other)),
                None => case.channel.wait_to_receive(waiter, &|other| self.waiting(other)),
            }
        }
        self.park(Wait { number, strand, on: On::Channels(form, cases) });
        Ok(())
    }

    /// Parks a strand until a timer fires.
    ///
    /// # Errors
    /// RATE_LIMITED: [`WAITS_MAX`] strands wait already.
    pub(crate) fn on_sleep(&mut self, strand: StrandId, token: Token) -> Result<(), Failure> {
        let number = self.begin()?;
        self.park(Wait { number, strand, on: On::Sleep(token) });
        Ok(())
    }

    /// Parks a strand until a callee has ended; the token by which that will be told.
    ///
    /// # Errors
    /// RATE_LIMITED: [`WAITS_MAX`] strands wait already.
    pub(crate) fn on_call(&mut self, strand: StrandId) -> Result<u64, Failure> {
        let number = self.begin()?;
        self.park(Wait { number, strand, on: On::Call });
        Ok(number)
    }

    /// Whether one call more may wait for its record.
    ///
    /// # Errors
    /// RATE_LIMITED: [`RECORD_WAITS_MAX`] do already, or [`WAITS_MAX`] strands wait.
    pub(crate) fn may_await_record(&self) -> Result<(), Failure> {
        let waiting = self.going_on.iter().filter(|wait| matches!(wait.on, On::Record(_))).count();
        if waiting >= RECORD_WAITS_MAX {
            let message = format!("at most {RECORD_WAITS_MAX} calls may wait for their audit record at once");
            return Err(Failure::new(Kind::RateLimited, message));
        }
        self.has_room()
    }

    /// Parks a strand until the record of its call is durable; the token by which that will be told.
    ///
    /// # Errors
    /// RATE_LIMITED: [`WAITS_MAX`] strands wait already.
    pub(crate) fn on_record(&mut self, strand: StrandId, call: Box<dyn GoOn>) -> Result<u64, Failure> {
        let number = self.begin()?;
        self.park(Wait { number, strand, on: On::Record(call) });
        Ok(number)
    }

    /// Takes out a call whose record may be durable; nothing for a token of another wait.
    pub(crate) fn take_record(&mut self, token: u64) -> Option<(StrandId, Box<dyn GoOn>)> {
        let at = self.position(token).ok()?;
        self.going_on.get(at).filter(|wait| matches!(wait.on, On::Record(_)))?;
        match self.going_on.remove(at) {
            Wait { strand, on: On::Record(call), .. } => Some((strand, call)),
            _ => None,
        }
    }

    /// Hands a strand its reply that was taken out.
    pub(crate) fn answer(&mut self, strand: StrandId, reply: Reply<Object>) {
        self.ended.push((strand, reply));
    }

    /// Takes a call's wait back: the callee was never started.
    pub(crate) fn forget(&mut self, wait: u64) {
        self.take(wait);
    }

    fn position(&self, number: u64) -> Result<usize, usize> {
        self.going_on.binary_search_by_key(&number, |wait| wait.number)
    }

    fn park(&mut self, wait: Wait) {
        if self.going_on.is_empty() {
            self.going_on.reserve_exact(1);
        }
        self.going_on.push(wait);
    }

    fn take(&mut self, number: u64) -> Option<Wait> {
        self.position(number).ok().map(|at| self.going_on.remove(at))
    }

    fn begin(&mut self) -> Result<u64, Failure> {
        self.has_room()?;
        self.next += 1;
        Ok(self.next)
    }

    fn has_room(&self) -> Result<(), Failure> {
        if self.going_on.len() >= WAITS_MAX {
            return Err(Failure::new(
                Kind::RateLimited,
                format!("at most {WAITS_MAX} coroutines may wait at once"),
            ));
        }
        Ok(())
    }

    /// Receives from a channel that holds its own values, if one is there.
    pub(crate) fn receive(&mut self, channel: &Channel) -> Option<Taken> {
        match channel.receive(&|waiter| self.waiting(waiter)) {
            Received::Value(value, sender) => {
                if let Some(sender) = sender {
                    self.end_send(sender, true);
                }
                Some((value.into(), true))
            }
            Received::Closed => Some((Item::Value(Value::Nil), false)),
            Received::Empty => None,
        }
    }

    /// Sends to a channel, if a receiver waits or there is room; the value comes back otherwise.
    ///
    /// # Errors
    /// The channel is closed.
    pub(crate) fn send(&mut self, channel: &Channel, value: Held) -> Result<Option<Held>, Failure> {
        match channel.send(value, &|waiter| self.waiting(waiter)) {
            Sent::To(receiver, value) => {
                self.end_receive(receiver, (value.into(), true));
                Ok(None)
            }
            Sent::Buffered => Ok(None),
            Sent::Full(value) => Ok(Some(value)),
            Sent::Closed => Err(closed()),
        }
    }

    /// Delivers a timer's value, in place of one that still waits.
    pub(crate) fn deliver(&mut self, channel: &Channel, value: Held) {
        if let Sent::To(receiver, value) = channel.put(value, &|waiter| self.waiting(waiter)) {
            self.end_receive(receiver, (value.into(), true));
        }
    }

    /// Closes a channel and tells who waited: receivers `nil, false`, senders an error.
    pub(crate) fn close(&mut self, channel: &Rc<Channel>) {
        let (receivers, senders) = channel.close();
        for receiver in receivers {
            self.end_receive(receiver, (Item::Value(Value::Nil), false));
        }
        for sender in senders {
            self.end_send(sender, false);
        }
    }

    /// Takes a sleep's wait back: its timer was never started.
    pub(crate) fn forget_sleep(&mut self, token: Token) {
        self.going_on.retain(|parked| !matches!(parked.on, On::Sleep(waited) if waited == token));
    }

    /// A timer has fired: the sleeping strand goes on.
    pub(crate) fn wake_sleeper(&mut self, token: Token) {
        let found =
            self.going_on.iter().position(|parked| matches!(parked.on, On::Sleep(waited) if waited == token));
        if let Some(parked) = found.map(|at| self.going_on.remove(at)) {
            self.ended.push((parked.strand, Reply::Return(Vec::new())));
        }
    }

    /// A callee has ended.
    pub(crate) fn end_call(&mut self, wait: u64, result: &Result<Value, Failure>) {
        if let Some(parked) = self.take(wait) {
            let items = match result {
                Ok(value) => vec![Item::Value(value.clone())],
                Err(failure) => crate::function::refused(failure.clone()),
            };
            self.ended.push((parked.strand, Reply::Return(items)));
        }
    }

    /// The oldest wait of a receiver of this channel; [`Waits::hand`] ends it.
    pub(crate) fn receiver(&self, channel: &Channel) -> Option<Waiter> {
        channel.next_receiver(&|waiter| self.waiting(waiter))
    }

    /// Whether a receiver of this channel waits.
    pub(crate) fn has_receiver(&self, channel: &Channel) -> bool {
        channel.has_receiver(&|waiter| self.waiting(waiter))
    }

    /// Gives a receiver what it waits for.
    pub(crate) fn hand(&mut self, receiver: Waiter, item: Item<Object>) {
        self.end_receive(receiver, (item, true));
    }

    /// Whether nothing that a strand waits for can ever come: every wait is on plain channels, or on timers that
    /// have stopped. The sleepers, callers and receivers of mail are not dead. A strand that is parked without a wait
    /// here waits for a library that another strand loads, and is as dead as that one.
    pub(crate) fn deadlocked(&self) -> bool {
        self.ended.is_empty()
            && self.going_on.iter().all(|parked| match &parked.on {
                On::Channels(_, cases) => cases.iter().all(|case| match case.channel.source() {
                    Source::Plain => true,
                    Source::Timer(guard) => !guard.is_running(),
                    Source::Inbox | Source::Events | Source::Topic { .. } => case.channel.is_closed(),
                }),
                On::Sleep(_) | On::Call | On::Record(_) => false,
            })
    }

    fn end_receive(&mut self, waiter: Waiter, (item, ok): Taken) {
        let Some(Wait { strand, on: On::Channels(form, mut cases), .. }) = self.take(waiter.wait) else {
            return;
        };
        let items = match form {
            Form::Select => {
                let channel = cases.swap_remove(waiter.case).channel;
                vec![selected(channel, Some(item), ok)]
            }
            Form::Receive | Form::Send => vec![item, Item::Value(ok.into())],
        };
        self.ended.push((strand, Reply::Return(items)));
    }

    fn end_send(&mut self, waiter: Waiter, sent: bool) {
        let Some(Wait { strand, on: On::Channels(form, mut cases), .. }) = self.take(waiter.wait) else {
            return;
        };
        let reply = if !sent {
            Reply::Raise(closed())
        } else if form == Form::Select {
            Reply::Return(vec![selected(cases.swap_remove(waiter.case).channel, None, true)])
        } else {
            Reply::Return(vec![Item::Value(true.into())])
        };
        self.ended.push((strand, reply));
    }
}

/// `{channel, value, ok}`.
pub(crate) fn selected(channel: Rc<Channel>, value: Option<Item<Object>>, ok: bool) -> Item<Object> {
    let mut entries = vec![
        ("channel".into(), Item::Object(Object::Channel(channel))),
        ("ok".into(), Item::Value(ok.into())),
    ];
    if let Some(value) = value {
        entries.push(("value".into(), value));
    }
    Item::Table(entries)
}

/// What a send on a closed channel raises.
pub(crate) fn closed() -> Failure {
    Failure::invalid("the channel is closed")
}
