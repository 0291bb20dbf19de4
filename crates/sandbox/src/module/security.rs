//! The `security` module: who one is, what one runs under, and questions to the gate; actors, scopes and tokens have a file each.
//!
//! Making an actor or a scope grants nothing: giving it to a child is what `process.security` is asked for.

mod actor;
mod authenticate;
mod scope;

use std::sync::Arc;

use luau::Accepts;
use policy::{Actor, ScopeSet};
use value::{Failure, Kind, Value};

pub(crate) use actor::ACTOR;
pub(crate) use scope::SCOPE;

use crate::declaration::{Doc, Module};
use crate::function::{Function, Outcome, declare};
use crate::object::Object;
use crate::question::Question;
use crate::scene::Scene;

pub(crate) static MODULE: Module = Module {
    name: "security",
    global: false,
    text: "The caller's actor and scopes, questions to the gate, and actors and scopes to give to children with \
           `spawner:with_actor` and `:with_scope`. These objects cannot be forged, put in a message or read as \
           tables; making one grants nothing.",
    functions: &[
        declare::<CurrentActor>(),
        declare::<CurrentScope>(),
        declare::<Can>(),
        declare::<authenticate::Authenticate>(),
        declare::<actor::NewActor>(),
        declare::<scope::NamedScope>(),
        declare::<scope::NewScope>(),
    ],
    constants: &[],
    tables: &[],
};

struct CurrentActor;

impl Function for CurrentActor {
    const DOC: Doc = Doc {
        name: "security.actor",
        signature: "() -> actor?",
        text: "Who this process runs as; nil without an actor.",
        permissions: &[],
        errors: &[],
        example: "local security = require(\"security\")\nassert(security.actor():id():match(\"/\"))",
    };
    const ACCEPTS: &'static [Accepts] = &[];
    type Asks = ();
    type Payload = Arc<Actor>;

    fn ask(question: &mut Question<'_>) -> Result<((), Arc<Actor>), Failure> {
        Ok(((), question.state.actor.clone()))
    }

    fn run(_: &mut Scene<'_>, (): (), actor: Arc<Actor>) -> Result<Outcome, Failure> {
        Ok(Outcome::object(Object::Actor(actor)))
    }
}

struct CurrentScope;

impl Function for CurrentScope {
    const DOC: Doc = Doc {
        name: "security.scope",
        signature: "() -> scope",
        text: "What this process runs under.",
        permissions: &[],
        errors: &[],
        example: "local security = require(\"security\")\nassert(#security.scope():policies() >= 1)",
    };
    const ACCEPTS: &'static [Accepts] = &[];
    type Asks = ();
    type Payload = ScopeSet;

    fn ask(question: &mut Question<'_>) -> Result<((), ScopeSet), Failure> {
        Ok(((), question.state.scopes.clone()))
    }

    fn run(_: &mut Scene<'_>, (): (), scopes: ScopeSet) -> Result<Outcome, Failure> {
        Ok(Outcome::object(Object::Scope(scopes)))
    }
}

struct Can;

impl Function for Can {
    const DOC: Doc = Doc {
        name: "security.can",
        signature: "(action: string, resource: string, fields: {[string]: any}?) -> (boolean?, error?)",
        text: "Asks the gate about this process: would `action` on `resource` be permitted now? Product actions \
               only. `fields` are those of the action's context that the host does not set. False for anything \
               foreign or unknown. It makes no permit, and promises nothing for later.",
        permissions: &[],
        errors: &[(Kind::Invalid, "an unknown action, or a field that the action does not have")],
        example: "local security = require(\"security\")\n\
                  assert(security.can(\"process.terminate\", process.pid()) == true)\n\
                  local ok, err = security.can(\"fly\", \"moon\")\nassert(err:kind() == errors.INVALID)",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data, Accepts::Data, Accepts::Data];
    type Asks = ();
    type Payload = (String, String, Vec<(String, Value)>);

    fn ask(question: &mut Question<'_>) -> Result<((), Self::Payload), Failure> {
        let action = question.text(0, "action")?;
        let resource = question.text(1, "resource")?;
        let fields = question.optional_fields(2, "fields")?;
        Ok(((), (action, resource, fields)))
    }

    fn run(
        scene: &mut Scene<'_>,
        (): (),
        (action, resource, fields): (String, String, Vec<(String, Value)>),
    ) -> Result<Outcome, Failure> {
        Ok(Outcome::value(scene.world.can(scene.site, &action, &resource, fields)?))
    }
}
