//! Scopes as scripts hold them: named ones that they may know of, and sets of these.

use luau::Accepts;
use policy::ScopeSet;
use value::{Failure, Kind, Value};

use crate::declaration::{Doc, Type};
use crate::function::{Function, Outcome, declare};
use crate::object::Object;
use crate::question::Question;
use crate::scene::Scene;

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

pub(super) struct NamedScope;

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

pub(super) struct NewScope;

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
        text: "The same without a named scope, and its permits.",
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
