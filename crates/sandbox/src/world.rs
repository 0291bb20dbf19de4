//! What a running script can reach: the kernel, the gate, the catalogue, and the process that runs.
//!
//! One world a worker. While a body runs its state is `current`; a host call acts on it and on nothing else
//! that is local. The virtual machines are not in here: a call cannot touch the one it came from.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::SystemTime;

use actor::{Event, Kernel, Take};
use audit::AssertedBy;
use luau::{Call, Host, Item, Reply, StrandId};
use policy::{Caller, Gate, Operation, Refusal, Ticket};
use value::{Failure, Kind, Value};

use crate::catalogue::Catalogue;
use crate::channel::{Channel, Held, Source};
use crate::message::Message;
use crate::module::time::Moment;
use crate::object::Object;
use crate::process_state::{ProcessState, Program, Subscriptions};
use crate::recorded_call::GoOn;
use crate::refused_tokens::RefusedTokens;
use crate::sessions::LiveSessions;
use crate::site::Site;
use crate::surface::DECLARED;
use crate::timer::{Token, Use};

/// Everything a worker's processes share.
pub(crate) struct World {
    /// Processes, mailboxes, timers.
    pub(crate) kernel: Kernel<Program>,
    /// The one place where decisions are made.
    pub(crate) gate: Arc<Gate>,
    /// What there is to run.
    pub(crate) catalogue: Arc<Catalogue>,
    /// The sessions that something may run under.
    pub(crate) sessions: Arc<LiveSessions>,
    /// How often tokens were not accepted.
    pub(crate) refused_tokens: Arc<RefusedTokens>,
    /// Who says that the callers from outside are who they are.
    pub(crate) asserted_by: Option<Arc<AssertedBy>>,
    /// The process whose body runs.
    pub(crate) current: Option<Box<ProcessState>>,
    /// Makes chains that no other worker makes.
    pub(crate) chains: Chains,
}

/// Causal ids: unique in the node's life.
pub(crate) struct Chains {
    prefix: String,
    next: Cell<u64>,
}

impl Chains {
    /// The chains of one worker of one run.
    pub(crate) fn new(prefix: String) -> Self {
        Self { prefix, next: Cell::new(0) }
    }

    /// A chain that nobody has.
    pub(crate) fn next(&self) -> Arc<str> {
        self.next.set(self.next.get() + 1);
        format!("{}{:x}", self.prefix, self.next.get()).into()
    }
}

impl Host for World {
    type Object = Object;

    fn call(&mut self, call: Call<'_, Object>) -> Reply<Object> {
        match DECLARED.get(usize::from(call.function.0)) {
            Some(declared) => (declared.enter)(self, call),
            None => Reply::Raise(Failure::new(Kind::Internal, "no such function")),
        }
    }
}

impl World {
    /// The process whose body runs.
    ///
    /// # Errors
    /// INVALID: none does.
    pub(crate) fn state(&self) -> Result<&ProcessState, Failure> {
        self.current.as_deref().ok_or_else(|| Failure::invalid("no process context"))
    }

    /// The same, to change it.
    ///
    /// # Errors
    /// INVALID: none does.
    pub(crate) fn state_mut(&mut self) -> Result<&mut ProcessState, Failure> {
        self.current.as_deref_mut().ok_or_else(|| Failure::invalid("no process context"))
    }

    /// Refuses every call of a process that has been marked as ending, before its check.
    ///
    /// # Errors
    /// CANCELED: it is ending. INVALID: the caller is not the process that runs.
    pub(crate) fn still_here(&self, key: u64) -> Result<(), Failure> {
        let state = self.state()?;
        if state.local.key() != key {
            return Err(Failure::invalid("no process context"));
        }
        if state.entry.ending().load(Ordering::Relaxed) {
            return Err(Failure::new(Kind::Canceled, "this process is being ended"));
        }
        Ok(())
    }

    /// The process that runs, as the gate sees it.
    ///
    /// # Errors
    /// INVALID: none does; or what `ask` returns.
    pub(crate) fn with_caller<T>(
        &self,
        site: &dyn Site,
        ask: impl FnOnce(&Caller<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let state = self.state()?;
        let place = || site.place();
        ask(&Caller {
            actor: Some(&state.actor),
            scopes: Some(&state.scopes),
            process: Some(&state.facts),
            chain: &state.chain,
            place: &place,
            asserted_by: self.asserted_by.as_deref(),
        })
    }

    /// Asks the gate on behalf of the process that runs; all asks of one call see one policy generation. A
    /// refusal names the destination as the script wrote it; a denial is charged to the process.
    ///
    /// # Errors
    /// PERMISSION_DENIED with its record, UNAVAILABLE while nothing can be recorded.
    pub(crate) fn decide<T>(
        &self,
        site: &dyn Site,
        named: Option<&str>,
        ask: impl FnOnce(&Operation<'_>, &Caller<'_>) -> Result<T, Refusal>,
    ) -> Result<T, Failure> {
        let state = self.state()?;
        self.with_caller(site, |caller| {
            let operation = self.gate.operation();
            let operation = match named {
                Some(destination) => operation.naming(destination),
                None => operation,
            };
            ask(&operation, caller).map_err(|refusal| {
                if let Refusal::Denied(_) = refusal {
                    state.cpu.charge_denial();
                }
                refusal.into()
            })
        })
    }

    /// Parks a strand until everything up to the ticket is durable, or cannot be made so; then `call` goes on.
    ///
    /// # Errors
    /// INVALID: no process runs. RATE_LIMITED: too many calls wait already.
    pub(crate) fn await_record(
        &mut self,
        strand: StrandId,
        ticket: Ticket,
        call: Box<dyn GoOn>,
    ) -> Result<(), Failure> {
        let state = self.state_mut()?;
        let (local, token) = (state.local, state.waits.on_record(strand, call)?);
        self.kernel.await_record(local, ticket, token);
        Ok(())
    }

    /// The running process may have its record.
    pub(crate) fn recorded(&mut self, token: u64) {
        let Some((strand, call)) =
            self.current.as_deref_mut().and_then(|state| state.waits.take_record(token))
        else {
            return;
        };
        if let Some(reply) = call.go_on(self, strand)
            && let Some(state) = self.current.as_deref_mut()
        {
            state.waits.answer(strand, reply);
        }
    }

    /// Now, on the monotonic clock, in nanoseconds.
    pub(crate) fn now_ns(&self) -> u64 {
        self.kernel.node().clock().monotonic_ns()
    }

    /// Now, by the wall clock.
    pub(crate) fn wall(&self) -> SystemTime {
        self.kernel.node().clock().wall()
    }

    /// Takes what a channel has now: a value and true, nil and false when it is closed and drained, nothing
    /// when it is empty.
    ///
    /// # Errors
    /// INVALID: no process runs.
    pub(crate) fn take(&mut self, channel: &Channel) -> Result<Option<(Item<Object>, bool)>, Failure> {
        let Self { kernel, current, .. } = self;
        let state = current.as_deref_mut().ok_or_else(|| Failure::invalid("no process context"))?;
        if channel.is_mail() && !channel.is_closed() {
            return Ok(take_mail(kernel, state.local, &state.mail, channel).map(|item| (item, true)));
        }
        Ok(state.waits.receive(channel))
    }

    /// Gives what has arrived to the strands that wait for it.
    pub(crate) fn settle_mail(&mut self) {
        let Self { kernel, current, .. } = self;
        let Some(state) = current.as_deref_mut() else { return };
        let (local, mail, waits) = (state.local, &state.mail, &mut state.waits);
        let found = Cell::new(None);
        loop {
            let wanted = |topic: &str| {
                let channel = mail.topics.get(topic).or(mail.inbox.as_ref());
                found.set(channel.and_then(|channel| Some((channel, waits.receiver(channel)?))));
                let taken = found.take();
                let is_wanted = taken.is_some();
                found.set(taken);
                is_wanted
            };
            let Some(message) = kernel.take_new_message(local, &wanted) else { break };
            if let Some((channel, receiver)) = found.take() {
                waits.hand(receiver, message_item(channel, message));
            }
        }
        while let Some(events) = &mail.events
            && waits.has_receiver(events)
            && let Some(event) = kernel.take_event(local)
            && let Some(receiver) = waits.receiver(events)
        {
            waits.hand(receiver, Item::Value(event_table(event)));
        }
    }

    /// Starts a timer of the running process.
    ///
    /// # Errors
    /// RATE_LIMITED: it has too many.
    pub(crate) fn start_timer(&mut self, token: Token, after_ns: u64, what: Use) -> Result<(), Failure> {
        self.cancel_abandoned();
        let state = self.state_mut()?;
        if state.timers.want_collection() {
            state.ledger.ask_for_collection();
        }
        let local = state.local;
        let timer = self.kernel.start_timer(local, std::time::Duration::from_nanos(after_ns), token)?;
        self.state_mut()?.timers.running.insert(token, (timer, what));
        Ok(())
    }

    /// Stops a timer of the running process; whether it was still running.
    pub(crate) fn stop_timer(&mut self, token: Token) -> bool {
        let Some(state) = self.current.as_deref_mut() else { return false };
        match state.timers.running.remove(&token) {
            Some((timer, _)) => {
                self.kernel.cancel_timer(state.local, timer);
                true
            }
            None => false,
        }
    }

    /// Cancels the timers that nobody can receive from any more.
    pub(crate) fn cancel_abandoned(&mut self) {
        let Some(state) = self.current.as_deref() else { return };
        let tokens = std::mem::take(&mut *state.timers.abandoned.borrow_mut());
        for token in tokens {
            self.stop_timer(token);
        }
    }

    /// A timer of the running process has fired.
    pub(crate) fn fired(&mut self, token: Token) {
        let wall = self.wall();
        let Some(state) = self.current.as_deref_mut() else { return };
        let Some((_, what)) = state.timers.running.remove(&token) else { return };
        match what {
            Use::Sleep => state.waits.wake_sleeper(token),
            Use::Once(channel) => {
                if let Some(channel) = channel.upgrade() {
                    if let Source::Timer(guard) = channel.source() {
                        guard.set_running(false);
                    }
                    state.waits.deliver(&channel, time_of(wall));
                }
            }
            Use::Tick { channel: weak, period_ns, due_ns } => {
                let Some(channel) = weak.upgrade() else { return };
                state.waits.deliver(&channel, time_of(wall));
                let now_ns = self.now_ns();
                // Ticks that were missed while the process did not run are not made up for.
                let missed = now_ns.saturating_sub(due_ns) / period_ns;
                let due_ns = due_ns.saturating_add((missed + 1).saturating_mul(period_ns));
                let again = Use::Tick { channel: weak, period_ns, due_ns };
                if self.start_timer(token, due_ns.saturating_sub(now_ns), again).is_err()
                    && let Source::Timer(guard) = channel.source()
                {
                    guard.set_running(false);
                }
            }
        }
    }
}

/// The time that a timer delivers; nil when the host's clock is beyond what times can say.
fn time_of(wall: SystemTime) -> Held {
    Moment::now(wall).map_or(Held::Value(Value::Nil), |moment| Held::Time(Box::new(moment)))
}

/// What waits for a channel over the mailbox, if anything does.
fn take_mail(
    kernel: &mut Kernel<Program>,
    local: actor::LocalId,
    mail: &Subscriptions,
    channel: &Channel,
) -> Option<Item<Object>> {
    let message = match channel.source() {
        Source::Inbox => {
            let unlistened = |topic: &str| !mail.topics.contains_key(topic);
            kernel.take_message(local, &Take::Unlistened(&unlistened))?
        }
        Source::Topic { topic, .. } => kernel.take_message(local, &Take::Topic(topic))?,
        Source::Events => return kernel.take_event(local).map(|event| Item::Value(event_table(event))),
        Source::Plain | Source::Timer(_) => return None,
    };
    Some(message_item(channel, message))
}

/// A message as the receivers of a channel get it: the payload alone for a topic, unless they asked for messages.
fn message_item(channel: &Channel, message: actor::Message) -> Item<Object> {
    match channel.source() {
        Source::Topic { as_message, .. } if !as_message.get() => Item::Value(message.payload),
        _ => Item::Object(Object::Message(Box::new(Message {
            topic: message.topic.to_string(),
            from: message.from.as_deref().map(str::to_owned),
            payload: message.payload,
        }))),
    }
}

/// An event as scripts see it.
fn event_table(event: Event) -> Value {
    let result_table = |result: &actor::ExitResult| {
        Value::Map(vec![match result {
            Ok(value) => ("value".into(), value.clone()),
            Err(failure) => ("error".into(), failure.to_string().into()),
        }])
    };
    match event {
        Event::Cancel { from, deadline } => {
            let mut entries = vec![("kind".into(), "pid.cancel".into())];
            if let Some(from) = from {
                entries.push(("from".into(), (&*from).into()));
            }
            if let Some(deadline) = deadline {
                entries.push(("deadline".into(), deadline.into()));
            }
            Value::Map(entries)
        }
        Event::Exit { from, result } => Value::Map(vec![
            ("kind".into(), "pid.exit".into()),
            ("from".into(), (&*from).into()),
            ("result".into(), result_table(&result)),
        ]),
        Event::LinkDown { from, result } => Value::Map(vec![
            ("kind".into(), "pid.link.down".into()),
            ("from".into(), (&*from).into()),
            ("result".into(), result_table(&result)),
        ]),
    }
}
