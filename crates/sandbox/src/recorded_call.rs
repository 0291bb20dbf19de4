//! A call that is permitted and on record, and waits until its record is durable.
//!
//! Kept is what was asked and what `run` needs beside permits, and no permit: when the log has the record on the disk the
//! gate is asked again, and gives one if policies are still the same. If not, it decides and records anew.

use std::rc::Rc;

use luau::{Argument, Call, Ledger, Reply, StrandId};
use policy::{Caller, Checked, Operation, Standing, Ticket};
use value::Failure;

use crate::function::{Function, Outcome, reply};
use crate::module::channel::may_wait;
use crate::object::Object;
use crate::scene::Scene;
use crate::site::Parked;
use crate::world::World;

/// A parked call of any function.
pub(crate) trait GoOn {
    /// Asks again, and does it. Nothing when the strand waits on, or never goes on.
    fn go_on(self: Box<Self>, world: &mut World, strand: StrandId) -> Option<Reply<Object>>;
}

/// A parked call of one function.
pub(crate) struct RecordedCall<F: Function> {
    standing: Standing<F::Asks>,
    payload: F::Payload,
    /// The destination as the script wrote it.
    named: Option<String>,
    site: Rc<Parked>,
    charge: Charge,
}

/// Whether the caller can wait here, before anything is recorded that then could not happen.
///
/// # Errors
/// INVALID: inside a metamethod, comparator or pattern callback. RATE_LIMITED: too many calls wait already.
pub(crate) fn may_park(world: &World, call: &Call<'_, Object>) -> Result<(), Failure> {
    may_wait(call.yieldable)?;
    world.state()?.waits.may_await_record()
}

/// Parks the calling strand until everything up to the ticket is durable.
///
/// # Errors
/// INVALID: no process context. RATE_LIMITED: too many calls wait already.
pub(crate) fn park<F: Function>(
    scene: &mut Scene<'_>,
    (standing, ticket): (Standing<F::Asks>, Ticket),
    payload: F::Payload,
    named: Option<String>,
    held_bytes: usize,
) -> Result<Outcome, Failure> {
    let site = Rc::new(Parked::at(scene.site));
    let charge = Charge::new(scene.state()?.ledger.clone(), held_bytes.saturating_add(site.bytes()));
    let call = RecordedCall::<F> { standing, payload, named, site, charge };
    scene.world.await_record(scene.strand, ticket, Box::new(call))?;
    Ok(Outcome::Wait)
}

impl<F: Function> GoOn for RecordedCall<F> {
    fn go_on(self: Box<Self>, world: &mut World, strand: StrandId) -> Option<Reply<Object>> {
        let site = self.site.clone();
        match self.ask_again(world, strand) {
            Ok(Outcome::Wait | Outcome::Never) => None,
            outcome => Some(reply::<F>(outcome, &*site)),
        }
    }
}

impl<F: Function> RecordedCall<F> {
    /// What was asked, and what has happened to policies since, decide.
    fn ask_again(self, world: &mut World, strand: StrandId) -> Result<Outcome, Failure> {
        world.still_here(world.state()?.local.key())?;
        let Self { standing, payload, named, site, charge } = self;
        let renew = |operation: &Operation<'_>, caller: &Caller<'_>| operation.renew(caller, standing);
        match world.decide(&*site, named.as_deref(), renew)? {
            Checked::Granted(permits) => F::run(&mut Scene::new(world, strand, &*site), permits, payload),
            Checked::Recorded(standing, ticket) => {
                world.await_record(
                    strand,
                    ticket,
                    Box::new(Self { standing, payload, named, site, charge }),
                )?;
                Ok(Outcome::Wait)
            }
        }
    }
}

/// What a parked call holds, charged to its process for as long.
struct Charge {
    ledger: Ledger,
    bytes: usize,
}

impl Charge {
    fn new(ledger: Ledger, bytes: usize) -> Self {
        ledger.add(bytes);
        Self { ledger, bytes }
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.ledger.take(self.bytes);
    }
}

/// What the arguments of a call hold outside its virtual machine.
pub(crate) fn argument_bytes(call: &Call<'_, Object>) -> usize {
    let bytes = |argument: &Argument| match argument {
        Argument::Value(value) => value.bytes(),
        Argument::Object(key) => call.objects.get(*key).map_or(0, luau::Object::bytes),
        Argument::Missing | Argument::Reference(_) | Argument::Shallow(_) | Argument::Wrong(_) => 0,
    };
    call.arguments.iter().map(bytes).sum()
}
