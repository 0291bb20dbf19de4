//! A question without consequence: what the gate would say, for scripts that want to know beforehand.

use super::{Caller, Gate};
use crate::asked::{self, InvalidQuestion};
use crate::generation::{AnswerKind, Question};
use crate::permission::{Datum, Resource};

impl Gate {
    /// Whether the caller would be allowed the action on the resource, with these fields in the context. Grants
    /// nothing, records nothing, and may be out of date at once. A declared field that is not given is false, 0,
    /// empty or absent; `via` is `spawn`. About anything of another tenant that is not open to all, and while
    /// the log cannot be written, the answer is no.
    ///
    /// # Errors
    /// An action that is none of [`crate::permission::ALL`], a resource of another type, a field that the action
    /// does not declare, or that is of another type; no value for a field that must name an entity.
    pub fn can(
        &self,
        caller: &Caller<'_>,
        action: &str,
        resource: Resource<'_>,
        fields: &[(&str, Datum<'_>)],
    ) -> Result<bool, InvalidQuestion> {
        let (spec, context) = asked::pose(action, resource.entity_type(), fields)?;
        let (Some(actor), Some(scopes)) = (caller.actor, caller.scopes) else { return Ok(false) };
        let open = matches!(resource, Resource::Definition(definition) if definition.shared());
        let foreign = !open && resource.tenant().is_some_and(|tenant| tenant != actor.tenant());
        if foreign || !self.log.writable() {
            return Ok(false);
        }
        let question = Question { actor, scopes, process: caller.process, spec, resource, context: &context };
        let allowed = self.local().answer(&question).answer.kind == AnswerKind::Allow;
        tracing::trace!(%actor, action, allowed, "a script asked what it can do");
        Ok(allowed)
    }
}
