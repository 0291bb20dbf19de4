//! One Lua function is one struct: what it asks for, and what it does once it is permitted.
//!
//! [`enter`] is the single loop that every call takes: decode and ask, check, run, encode. Who adds a function
//! writes `ask`, which may look but not touch, and `run`, which gets the permits for exactly what `ask` asked
//! for; there is no place to write a check by hand, and none to forget it. Between check and run a sensitive call
//! waits until its record is durable (`recorded_call`).

use luau::{Accepts, Call, Item, Reply};
use policy::{Asks, Checked};
use value::Failure;

use crate::declaration::{Declared, Doc};
use crate::object::Object;
use crate::question::Question;
use crate::recorded_call::{argument_bytes, may_park, park};
use crate::scene::Scene;
use crate::site::Site;
use crate::world::World;

/// The entry of a declared function.
pub(crate) type Enter = fn(&mut World, Call<'_, Object>) -> Reply<Object>;

/// A function that scripts call.
pub(crate) trait Function: 'static {
    /// Its documentation.
    const DOC: Doc;
    /// How each parameter is read.
    const ACCEPTS: &'static [Accepts];
    /// How further arguments are read.
    const REST: Option<Accepts> = None;
    /// Whether a failure is raised instead of returned as `nil, err`: builder methods, so that a chain stops,
    /// and pure conversions whose misuse is a defect of the script.
    const RAISES: bool = false;
    /// The permissions, in order; `()` for a function that acts on nobody else.
    type Asks: Asks + 'static;
    /// What `run` needs beside the permits.
    type Payload: 'static;

    /// Turns arguments into a request, without any effect.
    ///
    /// # Errors
    /// A wrong argument, or a destination that does not exist.
    fn ask(question: &mut Question<'_>) -> Result<(Self::Asks, Self::Payload), Failure>;

    /// Does it.
    ///
    /// # Errors
    /// What the documentation lists.
    fn run(
        scene: &mut Scene<'_>,
        permits: <Self::Asks as Asks>::Permits,
        payload: Self::Payload,
    ) -> Result<Outcome, Failure>;
}

/// How a function that did not fail goes on.
pub(crate) enum Outcome {
    /// Return these values.
    Return(Vec<Item<Object>>),
    /// The strand waits for what `run` has registered.
    Wait,
    /// The strand goes behind the other ready strands and returns nothing.
    Pass,
    /// The process ends or starts anew: nothing returns.
    Never,
}

impl Outcome {
    /// Returns `true`.
    pub(crate) fn done() -> Self {
        Self::Return(vec![Item::Value(true.into())])
    }

    /// Returns nothing.
    pub(crate) fn nothing() -> Self {
        Self::Return(Vec::new())
    }

    /// Returns one piece of data.
    pub(crate) fn value(value: impl Into<value::Value>) -> Self {
        Self::Return(vec![Item::Value(value.into())])
    }

    /// Returns one object.
    pub(crate) fn object(object: Object) -> Self {
        Self::Return(vec![Item::Object(object)])
    }
}

/// The declaration of a function, for its module's table.
pub(crate) const fn declare<F: Function>() -> Declared {
    Declared { doc: &F::DOC, accepts: F::ACCEPTS, rest: F::REST, enter: enter::<F> }
}

fn enter<F: Function>(world: &mut World, mut call: Call<'_, Object>) -> Reply<Object> {
    let outcome = attempt::<F>(world, &mut call);
    reply::<F>(outcome, &call)
}

/// What the script is answered.
pub(crate) fn reply<F: Function>(outcome: Result<Outcome, Failure>, site: &dyn Site) -> Reply<Object> {
    match outcome {
        Ok(Outcome::Return(items)) => Reply::Return(items),
        Ok(Outcome::Wait) => Reply::Wait,
        Ok(Outcome::Pass) => Reply::Pass,
        Ok(Outcome::Never) => Reply::Never,
        Err(mut failure) => {
            if failure.stack.is_empty() {
                failure.stack = site.stack();
            }
            if F::RAISES { Reply::Raise(failure) } else { Reply::Return(refused(failure)) }
        }
    }
}

fn attempt<F: Function>(world: &mut World, call: &mut Call<'_, Object>) -> Result<Outcome, Failure> {
    world.still_here(call.key)?;
    // Known only now: `ask` takes the arguments.
    let held_bytes = if F::Asks::SENSITIVE { argument_bytes(call) } else { 0 };
    let mut question = Question::new(world, call)?;
    let (asks, payload) = F::ask(&mut question)?;
    let named = question.named;
    if world.gate.is_sensitive(&asks) {
        may_park(world, call)?;
    }
    let checked =
        world.decide(call, named.as_deref(), |operation, caller| operation.try_check(caller, asks))?;
    let mut scene = Scene::new(world, call.strand, call);
    match checked {
        Checked::Granted(permits) => F::run(&mut scene, permits, payload),
        Checked::Recorded(standing, ticket) => {
            park::<F>(&mut scene, (standing, ticket), payload, named, held_bytes)
        }
    }
}

/// `nil, err`.
pub(crate) fn refused(failure: Failure) -> Vec<Item<Object>> {
    vec![Item::Value(value::Value::Nil), Item::Value(failure.into())]
}
