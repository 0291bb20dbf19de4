//! `security.authenticate`: a token in, an actor and scopes out. What a token is is not known here.

use ::actor::unix_seconds;
use diagnostic::visible;
use luau::{Accepts, Item};
use token::{Authenticated, Refused};
use value::{Failure, Kind};

use crate::declaration::Doc;
use crate::function::{Function, Outcome};
use crate::object::Object;
use crate::question::Question;
use crate::scene::Scene;

pub(super) struct Authenticate;

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
                if let Some(event) = world.refused_tokens.count(tenant, refused.cause()) {
                    world.gate.record(event);
                }
                let why = visible(&refused.cause().to_string());
                tracing::warn!(target: "token", %tenant, pid = %state.facts.pid(), why, "a token is not accepted");
                Err(Failure::invalid(refused.to_string()))
            }
        }
    }
}
