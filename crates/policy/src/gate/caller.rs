//! Who asks, and from where.

use std::sync::Arc;

use audit::{AssertedBy, Place};

use crate::identity::{Actor, ScopeSet};
use crate::resource::Process;

/// Whoever is about to do something.
#[derive(Clone, Copy)]
pub struct Caller<'a> {
    /// The principal. Without one everything is denied, and the denial recorded.
    pub actor: Option<&'a Arc<Actor>>,
    /// The scopes it runs under. Without them everything is denied, as with none in them.
    pub scopes: Option<&'a ScopeSet>,
    /// The process that asks; `None` for calls from HTTP or the command line.
    pub process: Option<&'a Arc<Process>>,
    /// The causal id of the call chain; empty without one.
    pub chain: &'a str,
    /// Where in the script the call stands. Called only when a record is made.
    pub place: &'a dyn Fn() -> Option<Place>,
    /// Who said on the command line that the caller is this actor.
    pub asserted_by: Option<&'a AssertedBy>,
}

impl<'a> Caller<'a> {
    /// A caller from outside any process: an actor under scopes, with no place in a script.
    pub fn outside(actor: &'a Arc<Actor>, scopes: &'a ScopeSet) -> Self {
        Self {
            actor: Some(actor),
            scopes: Some(scopes),
            process: None,
            chain: "",
            place: &|| None,
            asserted_by: None,
        }
    }
}
