//! The `security` module: who one is, what one runs under, and actors and scopes for children.
//!
//! Making an actor or a scope grants nothing: giving it to a child is what `process.security` is asked for.

use std::sync::Arc;

use actor::unix_seconds;
use diagnostic::visible;
use luau::{Accepts, Item};
use policy::{Actor, ActorKind, ScopeSet};
use token::{Authenticated, Refused};
use value::{Failure, Kind, Value};

use crate::declaration::{Doc, Module, Type};
use crate::function::{Function, Outcome, declare};
use crate::limits::ACTOR_META_MAX;
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
        declare::<Authenticate>(),
        declare::<NewActor>(),
        declare::<NamedScope>(),
        declare::<NewScope>(),
    ],
    constants: &[],
    tables: &[],
};

pub(crate) static ACTOR: Type = Type {
    name: "actor",
    text: "Who a process runs as.",
    methods: &[declare::<ActorId>(), declare::<ActorMeta>()],
};

pub(crate) static SCOPE: Type = Type {
    name: "scope",
    text: "A set of named scopes, whose permits are united. An empty one permits nothing.",
    methods: &[
        declare::<ScopePolicies>(),
        declare::<ScopeContains>(),
        declare::<ScopeWith>(),
        declare::<ScopeWithout>(),
    ],
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
        Ok(Outcome::value(scene.world.can(scene.call, &action, &resource, fields)?))
    }
}

struct Authenticate;

impl Function for Authenticate {
    const DOC: Doc = Doc {
        name: "security.authenticate",
        signature: "(token: string) -> (actor?, scope | error)",
        text: "Who a JSON Web Token of one of this tenant's issuers says that somebody is, and the scopes that the \
               issuer's grants give; give both to a child with `spawner:with_actor` and `:with_scope`. A child that runs \
               as this actor, and all that comes of it, ends when the token is revoked or expires. Every token that is \
               not accepted has the same answer; the reason is in the operator's log. At most 50 tokens a second for a \
               tenant. Making an actor grants nothing.",
        permissions: &[],
        errors: &[
            (Kind::Invalid, "the token is not valid, or no string"),
            (Kind::RateLimited, "more tokens than a tenant may have verified in a second"),
        ],
        example: "local security = require(\"security\")\n\
                  local actor, err = security.authenticate(\"e30.e30.\")\n\
                  assert(actor == nil and err:kind() == errors.INVALID)",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data];
    type Asks = ();
    type Payload = Box<[u8]>;

    fn ask(question: &mut Question<'_>) -> Result<((), Box<[u8]>), Failure> {
        Ok(((), question.bytes(0, "token")?))
    }

    fn run(scene: &mut Scene<'_>, (): (), token: Box<[u8]>) -> Result<Outcome, Failure> {
        let world = &*scene.world;
        let state = world.state()?;
        state.entry.account().take_token(world.now_ns())?;
        let now = unix_seconds(world.wall());
        let (tenant, issuers) = (state.actor.tenant(), world.catalogue.issuers());
        match issuers.authenticate(&token, Some(tenant), now) {
            Ok(Authenticated { actor, scopes, session }) => {
                // Known first, so that no end of it is missed; and asked again, should it have ended in between.
                world.sessions.add(&session);
                issuers.still_good(&session, now).map_err(|_| Failure::invalid(Refused::TEXT))?;
                let scopes = world.catalogue.scope_set(scopes.iter().map(|id| &**id));
                Ok(Outcome::Return(vec![
                    Item::Object(Object::Actor(actor)),
                    Item::Object(Object::Scope(scopes)),
                ]))
            }
            Err(refused) => {
                let why = visible(&refused.cause().to_string());
                tracing::warn!(target: "token", %tenant, pid = %state.facts.pid(), why, "a token is not accepted");
                Err(Failure::invalid(refused.to_string()))
            }
        }
    }
}

struct NewActor;

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

/// A scope that the caller may know of: its tenant's, a shared one, or one it holds.
fn named(question: &Question<'_>, id: &str) -> Result<ScopeSet, Failure> {
    let state = question.state;
    let visible = question.world.catalogue.scope(id).filter(|scope| {
        scope.tenant() == state.actor.tenant() || scope.shared() || state.scopes.contains(id)
    });
    match visible {
        Some(scope) => Ok(ScopeSet::new([scope.clone()])),
        None => Err(Failure::not_found(format!("scope `{id}` does not exist"))),
    }
}

struct NamedScope;

impl Function for NamedScope {
    const DOC: Doc = Doc {
        name: "security.named_scope",
        signature: "(id: string) -> (scope?, error?)",
        text: "A scope by its id: one of one's own tenant, a shared one, or one that this process runs under.",
        permissions: &[],
        errors: &[(Kind::Invalid, "the id is missing"), (Kind::NotFound, "no such scope here")],
        example: "local security = require(\"security\")\n\
                  local scope, err = security.named_scope(\"no:where\")\n\
                  assert(scope == nil and err:kind() == errors.NOT_FOUND)",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data];
    type Asks = ();
    type Payload = ScopeSet;

    fn ask(question: &mut Question<'_>) -> Result<((), ScopeSet), Failure> {
        let id = question.text(0, "id")?;
        Ok(((), named(question, &id)?))
    }

    fn run(_: &mut Scene<'_>, (): (), scopes: ScopeSet) -> Result<Outcome, Failure> {
        Ok(Outcome::object(Object::Scope(scopes)))
    }
}

struct NewScope;

impl Function for NewScope {
    const DOC: Doc = Doc {
        name: "security.new_scope",
        signature: "(ids: {string}?) -> (scope?, error?)",
        text: "The union of named scopes; without any, one that permits nothing.",
        permissions: &[],
        errors: &[(Kind::Invalid, "not a list of ids"), (Kind::NotFound, "no such scope here")],
        example: "local security = require(\"security\")\nassert(#security.new_scope({}):policies() == 0)",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data];
    type Asks = ();
    type Payload = ScopeSet;

    fn ask(question: &mut Question<'_>) -> Result<((), ScopeSet), Failure> {
        let ids = match question.value(0, "ids")? {
            Value::Nil => Vec::new(),
            Value::Array(ids) => ids,
            other => return Err(crate::question::wrong_type("ids", "a list of ids", other.type_name())),
        };
        let mut union = ScopeSet::empty();
        for id in ids {
            let id = crate::question::text_of(id, "ids")?;
            union = union.union(&named(question, &id)?);
        }
        Ok(((), union))
    }

    fn run(_: &mut Scene<'_>, (): (), scopes: ScopeSet) -> Result<Outcome, Failure> {
        Ok(Outcome::object(Object::Scope(scopes)))
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

struct ScopePolicies;

impl Function for ScopePolicies {
    const DOC: Doc = Doc {
        name: "scope:policies",
        signature: "() -> {string}",
        text: "The ids of its named scopes, in order.",
        permissions: &[],
        errors: &[],
        example: "assert(type(require(\"security\").scope():policies()[1]) == \"string\")",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data];
    type Asks = ();
    type Payload = Value;

    fn ask(question: &mut Question<'_>) -> Result<((), Value), Failure> {
        let scopes = question.scope(0, "self")?;
        Ok(((), Value::Array(scopes.ids().map(Value::from).collect())))
    }

    fn run(_: &mut Scene<'_>, (): (), ids: Value) -> Result<Outcome, Failure> {
        Ok(Outcome::value(ids))
    }
}

struct ScopeContains;

impl Function for ScopeContains {
    const DOC: Doc = Doc {
        name: "scope:contains",
        signature: "(id: string) -> boolean",
        text: "Whether a named scope is in it.",
        permissions: &[],
        errors: &[(Kind::Invalid, "the id is missing")],
        example: "local scope = require(\"security\").scope()\nassert(scope:contains(scope:policies()[1]))",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data, Accepts::Data];
    type Asks = ();
    type Payload = bool;

    fn ask(question: &mut Question<'_>) -> Result<((), bool), Failure> {
        let scopes = question.scope(0, "self")?;
        Ok(((), scopes.contains(&question.text(1, "id")?)))
    }

    fn run(_: &mut Scene<'_>, (): (), contains: bool) -> Result<Outcome, Failure> {
        Ok(Outcome::value(contains))
    }
}

struct ScopeWith;

impl Function for ScopeWith {
    const DOC: Doc = Doc {
        name: "scope:with",
        signature: "(scope: scope) -> scope",
        text: "The union of both.",
        permissions: &[],
        errors: &[(Kind::Invalid, "not a scope")],
        example: "local security = require(\"security\")\n\
                  local both = security.new_scope({}):with(security.scope())\nassert(#both:policies() >= 1)",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data, Accepts::Data];
    type Asks = ();
    type Payload = ScopeSet;

    fn ask(question: &mut Question<'_>) -> Result<((), ScopeSet), Failure> {
        let scopes = question.scope(0, "self")?;
        Ok(((), scopes.union(&question.scope(1, "scope")?)))
    }

    fn run(_: &mut Scene<'_>, (): (), scopes: ScopeSet) -> Result<Outcome, Failure> {
        Ok(Outcome::object(Object::Scope(scopes)))
    }
}

struct ScopeWithout;

impl Function for ScopeWithout {
    const DOC: Doc = Doc {
        name: "scope:without",
        signature: "(id: string) -> scope",
        text: "The same without a named scope: always narrower.",
        permissions: &[],
        errors: &[(Kind::Invalid, "the id is missing")],
        example: "local scope = require(\"security\").scope()\nlocal first = scope:policies()[1]\n\
                  assert(not scope:without(first):contains(first))",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data, Accepts::Data];
    type Asks = ();
    type Payload = ScopeSet;

    fn ask(question: &mut Question<'_>) -> Result<((), ScopeSet), Failure> {
        let scopes = question.scope(0, "self")?;
        let id = question.text(1, "id")?;
        Ok(((), scopes.without(&id)))
    }

    fn run(_: &mut Scene<'_>, (): (), scopes: ScopeSet) -> Result<Outcome, Failure> {
        Ok(Outcome::object(Object::Scope(scopes)))
    }
}
