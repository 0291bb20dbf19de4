//! Actors as scripts hold them: what they say of themselves, and new ones of one's own tenant.

use std::sync::Arc;

use luau::Accepts;
use policy::{Actor, ActorKind};
use value::{Failure, Kind, Value};

use crate::declaration::{Doc, Type};
use crate::function::{Function, Outcome, declare};
use crate::limits::ACTOR_META_MAX;
use crate::object::Object;
use crate::question::Question;
use crate::scene::Scene;

pub(crate) static ACTOR: Type = Type {
    name: "actor",
    text: "Who a process runs as.",
    methods: &[declare::<ActorId>(), declare::<ActorMeta>()],
};

pub(super) struct NewActor;

impl Function for NewActor {
    const DOC: Doc = Doc {
        name: "security.new_actor",
        signature: "(id: string, meta: {[string]: string}?) -> (actor?, error?)",
        text: "An actor of one's own tenant, `<tenant>/derived/<id>`, not verified. `meta` becomes tags that \
               policies read; `meta.roles`, a list, may name roles of the caller only. At most 32 entries of 1 024 \
               bytes. Making one grants nothing.",
        permissions: &[],
        errors: &[(Kind::Invalid, "an id or meta value that is not allowed, a role that the caller has not")],
        example: "local security = require(\"security\")\n\
                  local actor = security.new_actor(\"orders\", {team = \"blue\"})\n\
                  assert(actor:id():match(\"/derived/orders$\") and actor:meta().team == \"blue\")",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data, Accepts::Data];
    type Asks = ();
    type Payload = Arc<Actor>;

    fn ask(question: &mut Question<'_>) -> Result<((), Arc<Actor>), Failure> {
        let id = question.text(0, "id")?;
        let mut tags = Vec::new();
        let mut roles = Vec::new();
        let caller = question.state.actor.clone();
        for (key, value) in question.optional_fields(1, "meta")? {
            match (key.as_str(), value) {
                ("roles", Value::Array(list)) => {
                    for role in list {
                        let role = crate::question::text_of(role, "meta.roles")?;
                        if !caller.roles().any(|held| held == role) {
                            return Err(Failure::invalid(format!(
                                "`meta.roles`: the caller does not have `{role}`"
                            )));
                        }
                        roles.push(role);
                    }
                }
                ("roles", other) => {
                    return Err(crate::question::wrong_type(
                        "meta.roles",
                        "a list of roles",
                        other.type_name(),
                    ));
                }
                (name, value) => {
                    let text = crate::question::text_of(value, &format!("meta.{name}"))?;
                    tags.push((key, text));
                }
            }
        }
        if tags.len() > ACTOR_META_MAX {
            return Err(Failure::invalid(format!(
                "`meta` may have {ACTOR_META_MAX} entries, got {}",
                tags.len()
            )));
        }
        let invalid = |why: policy::InvalidIdentity| Failure::invalid(why.to_string());
        let actor = Actor::new(caller.tenant(), ActorKind::Derived, &id)
            .and_then(|actor| actor.with_roles(roles.iter().map(String::as_str)))
            .and_then(|actor| actor.with_tags(tags))
            .map_err(invalid)?;
        Ok(((), Arc::new(actor)))
    }

    fn run(_: &mut Scene<'_>, (): (), actor: Arc<Actor>) -> Result<Outcome, Failure> {
        Ok(Outcome::object(Object::Actor(actor)))
    }
}

struct ActorId;

impl Function for ActorId {
    const DOC: Doc = Doc {
        name: "actor:id",
        signature: "() -> string",
        text: "`tenant/kind/rest`.",
        permissions: &[],
        errors: &[],
        example: "assert(type(require(\"security\").actor():id()) == \"string\")",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data];
    type Asks = ();
    type Payload = String;

    fn ask(question: &mut Question<'_>) -> Result<((), String), Failure> {
        Ok(((), question.actor(0, "self")?.id().to_string()))
    }

    fn run(_: &mut Scene<'_>, (): (), id: String) -> Result<Outcome, Failure> {
        Ok(Outcome::value(id))
    }
}

struct ActorMeta;

impl Function for ActorMeta {
    const DOC: Doc = Doc {
        name: "actor:meta",
        signature: "() -> {[string]: string}",
        text: "A copy of its tags: claims of a token, or meta values.",
        permissions: &[],
        errors: &[],
        example: "assert(type(require(\"security\").actor():meta()) == \"table\")",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data];
    type Asks = ();
    type Payload = Value;

    fn ask(question: &mut Question<'_>) -> Result<((), Value), Failure> {
        let actor = question.actor(0, "self")?;
        let tags = actor.tags().map(|(key, value)| (key.into(), value.into())).collect();
        Ok(((), Value::Map(tags)))
    }

    fn run(_: &mut Scene<'_>, (): (), meta: Value) -> Result<Outcome, Failure> {
        Ok(Outcome::value(meta))
    }
}
