//! `process.upgrade`: the same process, other code.

use std::sync::Arc;

use luau::Accepts;
use policy::{Permit, ProcessSpawn, Via};
use value::{Failure, Kind, Value};

use crate::declaration::Doc;
use crate::definition::Definition;
use crate::function::{Function, Outcome};
use crate::question::Question;
use crate::scene::Scene;

pub(super) struct Upgrade;

impl Function for Upgrade {
    const DOC: Doc = Doc {
        name: "process.upgrade",
        signature: "(source: string?, ...any) -> (nil, error)",
        text: "Starts this process anew with other code, or with `nil` the same code as it is now, and these \
               arguments. Kept: pid, names, monitors, links, actor, scopes, context values, budgets and the \
               whole mailbox. Dropped: the Lua state, subscriptions, coroutines and `trap_links`. Does not \
               return when it succeeds; after that a failure to load is the process's error exit.",
        permissions: &["process.spawn"],
        errors: &[
            (Kind::Invalid, "the source is not `namespace:name`, an argument cannot be copied"),
            (Kind::NotFound, "no such definition in one's own tenant"),
            (
                Kind::PermissionDenied,
                "policy does not permit `process.spawn` of the new source; with `nil` it is asked for when the code is another \
                 tenant's",
            ),
        ],
        example: "local event = process.spawn_monitored(\"app.workers:counter\", \"app:processes\", 0)\n\
                  assert(process.events():receive().result.value == 3)",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data];
    const REST: Option<Accepts> = Some(Accepts::Data);
    type Asks = Option<ProcessSpawn>;
    type Payload = (Arc<Definition>, Vec<Value>);

    fn ask(
        question: &mut Question<'_>,
    ) -> Result<(Option<ProcessSpawn>, (Arc<Definition>, Vec<Value>)), Failure> {
        let source = question.optional_text(0, "source")?;
        let arguments = question.rest(1, "argument")?;
        let Some(source) = source else {
            // What the catalogue has now: after a reload, the new code under the same id.
            let id: &str = question.state.program.facts.id();
            let program = question.world.catalogue.definition(id).unwrap_or(&question.state.program).clone();
            // Its own tenant's code is its own. Another tenant's may be shared no longer, and be other code.
            let foreign = program.facts.tenant() != question.state.actor.tenant();
            let ask = foreign.then(|| spawn(question, program.facts.clone()));
            return Ok((ask, (program, arguments)));
        };
        let found =
            question.world.catalogue.find_definition(question.state.actor.tenant(), "source", &source)?;
        let ask = spawn(question, found.facts);
        // One that does not exist is foreign: policy is asked, and denies, before anything is said of it.
        let program = found.definition.unwrap_or_else(|| question.state.program.clone());
        Ok((Some(ask), (program, arguments)))
    }

    fn run(
        scene: &mut Scene<'_>,
        permit: Option<Permit<ProcessSpawn>>,
        (program, arguments): (Arc<Definition>, Vec<Value>),
    ) -> Result<Outcome, Failure> {
        if let Some(permit) = &permit
            && permit.request().definition.id() != program.facts.id()
        {
            return Err(Failure::not_found(format!(
                "definition `{}` does not exist",
                permit.request().definition.id()
            )));
        }
        scene.state_mut()?.upgrade = Some(crate::process_state::Upgrade { program, arguments, permit });
        Ok(Outcome::Never)
    }
}

fn spawn(question: &Question<'_>, definition: Arc<policy::Definition>) -> ProcessSpawn {
    ProcessSpawn {
        definition,
        host: question.state.facts.host().clone(),
        monitored: false,
        linked: false,
        name: None,
        via: Via::Upgrade,
    }
}
