//! One definition run to its end for somebody outside: who that is, where it runs, and what came of it.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use actor::ExitResult;
use audit::{Event, EventKind};
use diagnostic::{did_you_mean, visible};
use policy::{Actor, ActorKind, ScopeSet, TenantId, Via};
use sandbox::{Catalogue, Definition, StartRequest};
use token::{Refresh, Refused, system_clock};
use value::{Failure, Kind, VALUES_MAX, Value};

use crate::limits::KILL_WAIT_MS;
use crate::running::Running;

/// A definition to be run, and for whom.
#[derive(Debug, Clone)]
pub struct CallRequest {
    /// Id of the definition.
    pub definition: String,
    /// Id of the host; without one, the app's only one.
    pub host: Option<String>,
    /// Id of the actor, `tenant/kind/rest`, of whom nothing is verified. Without one, `T/user/cli` under T's default
    /// scopes, T being the owner of the definition's namespace.
    pub actor: Option<String>,
    /// Scopes of the actor; none is denied everything. Only together with an actor.
    pub scopes: Vec<String>,
    /// A token that says who the actor is and which scopes it has, instead of both.
    pub token: Option<Vec<u8>>,
    /// What its main function is given.
    pub arguments: Vec<Value>,
    /// How long to wait before it is ended; without one, for ever.
    pub timeout: Option<Duration>,
    /// By which way it is started.
    pub via: Via,
}

/// Why there is no value.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CallFailure {
    /// The gate refused the start, or something that the definition then failed with: there is a record.
    #[error("{0}")]
    Denied(Failure),
    /// The token is not accepted; nothing was started. The exact reason is in the program's log.
    #[error("{0}")]
    Refused(Refused),
    /// It failed, or could not be started.
    #[error("{0}")]
    Failed(Failure),
    /// The request makes no sense; nothing was started. For people, with the next step in it.
    #[error("{0}")]
    Usage(String),
    /// It took longer than it was given, and was ended.
    #[error("no result in time: the process was ended")]
    Timeout,
}

impl From<Failure> for CallFailure {
    fn from(failure: Failure) -> Self {
        if failure.record.is_some() { Self::Denied(failure) } else { Self::Failed(failure) }
    }
}

impl Running {
    /// Runs a definition to its end and gives what it returned. Waits for it: not for a thread that serves others.
    ///
    /// # Errors
    /// [`CallFailure`]; a process that is not waited for any longer has been ended.
    pub fn call(&self, request: CallRequest) -> Result<Value, CallFailure> {
        let CallRequest { definition, host, actor, scopes, token, arguments, timeout, via } = request;
        if arguments.len() > VALUES_MAX {
            let message = format!("{} arguments are given, at most {VALUES_MAX} allowed", arguments.len());
            return Err(CallFailure::Usage(message));
        }
        let catalogue = self.runtime().catalogue();
        let host = chosen_host(&catalogue, host)?;
        let (actor, scopes) = match token {
            Some(_) if actor.is_some() || !scopes.is_empty() => {
                let message = "a token says who the actor is and which scopes it has: name no others";
                return Err(CallFailure::Usage(message.to_owned()));
            }
            Some(token) => self.bearer(&catalogue, &definition, &token)?,
            None => self.caller(&catalogue, &definition, actor.as_deref(), &scopes)?,
        };
        let start = StartRequest { definition, host, actor, scopes, arguments, via };
        let (ended, end) = sync_channel(1);
        let on_exit = Box::new(move |result: &ExitResult| {
            // Nobody is there any more who waits.
            let _ = ended.try_send(result.clone());
        });
        let process = self.runtime().spawn(start, on_exit)?;
        let waited = match timeout {
            Some(timeout) => end.recv_timeout(timeout),
            None => end.recv().map_err(RecvTimeoutError::from),
        };
        match waited {
            Ok(result) => Ok(result?),
            Err(RecvTimeoutError::Disconnected) => {
                Err(Failure::new(Kind::Internal, "the node ended before the process did").into())
            }
            Err(RecvTimeoutError::Timeout) => {
                self.runtime().kill_process(&process);
                // Its end is the proof that nothing of it happens any more; a stuck worker is waited for in vain.
                let _ = end.recv_timeout(Duration::from_millis(KILL_WAIT_MS));
                Err(CallFailure::Timeout)
            }
        }
    }

    /// Who calls, and under which scopes.
    fn caller(
        &self,
        catalogue: &Catalogue,
        definition: &str,
        actor: Option<&str>,
        scopes: &[String],
    ) -> Result<(Arc<Actor>, ScopeSet), CallFailure> {
        let Some(found) = catalogue.definition(definition) else {
            return Err(no_definition(catalogue, definition));
        };
        let owner = found.facts.tenant();
        let Some(actor) = actor else {
            if !scopes.is_empty() {
                return Err(CallFailure::Usage("scopes are given without an actor, name one too".to_owned()));
            }
            let actor = Actor::new(owner, ActorKind::User, "cli").map_err(usage)?;
            return Ok((Arc::new(actor), catalogue.default_scopes(owner)));
        };
        let actor = Actor::parse(actor).map_err(usage)?;
        let tenant = actor.tenant();
        if actor.kind() == ActorKind::Operator {
            let refused = format!("actor `{actor}` is an operator, whom only a token can make");
            return Err(CallFailure::Usage(refused));
        }
        if !self.knows(tenant) {
            let tenants = self.tenants();
            let tenants: Vec<&str> = tenants.iter().map(String::as_str).collect();
            let near = instead(tenant.as_str(), &tenants);
            return Err(CallFailure::Usage(format!("there is no tenant `{tenant}`{near}")));
        }
        open_to(found, tenant)?;
        Ok((Arc::new(actor), chosen_scopes(catalogue, scopes)?))
    }

    /// Whoever a token says, and the scopes that it gives. Waits for the issuer's keys.
    fn bearer(
        &self,
        catalogue: &Catalogue,
        definition: &str,
        token: &[u8],
    ) -> Result<(Arc<Actor>, ScopeSet), CallFailure> {
        let Some(found) = catalogue.definition(definition) else {
            return Err(no_definition(catalogue, definition));
        };
        let (issuers, now) = (self.issuers(), system_clock()());
        for Refresh { issuer, outcome, .. } in issuers.refresh_for(token, now) {
            if let Err(why) = outcome {
                tracing::warn!(target: "token", %issuer, why = visible(&why), "the keys of the issuer cannot be had");
            }
        }
        let accepted = issuers.authenticate(token, None, now).map_err(|refused| {
            let why = visible(&refused.cause().to_string());
            tracing::warn!(target: "token", why, "a token is not accepted");
            let tenant = Some(found.facts.tenant().text().clone());
            let event = Event { tenant, ..Event::new(EventKind::TokenRefused) };
            self.gate().record(event.with("cause", refused.cause().sort()).with("count", 1));
            CallFailure::Refused(refused)
        })?;
        open_to(found, accepted.actor.tenant())?;
        let scopes = catalogue.scope_set(accepted.scopes.iter().map(|id| &**id));
        Ok((accepted.actor, scopes))
    }

    fn knows(&self, tenant: &TenantId) -> bool {
        tenant.is_system() || self.tenants().iter().any(|name| name == tenant.as_str())
    }

    fn tenants(&self) -> Vec<String> {
        self.deployed().manifest.tenants.iter().map(|tenant| tenant.name.to_string()).collect()
    }
}

/// Whether a tenant may run a definition at all.
fn open_to(definition: &Definition, tenant: &TenantId) -> Result<(), CallFailure> {
    let (id, owner) = (definition.facts.id(), definition.facts.tenant());
    if tenant == owner || definition.facts.shared() {
        return Ok(());
    }
    Err(CallFailure::Usage(format!("definition `{id}` is tenant `{owner}`'s and not shared with `{tenant}`")))
}

/// The host that is named, or the only one there is.
fn chosen_host(catalogue: &Catalogue, named: Option<String>) -> Result<String, CallFailure> {
    let hosts: Vec<&str> = catalogue.hosts().map(|host| &**host.id()).collect();
    match (named, hosts.as_slice()) {
        (Some(named), hosts) if hosts.contains(&named.as_str()) => Ok(named),
        (Some(named), hosts) => {
            Err(CallFailure::Usage(format!("there is no host `{named}`{}", instead(&named, hosts))))
        }
        (None, [only]) => Ok((*only).to_owned()),
        (None, hosts) => {
            let listed: Vec<String> = hosts.iter().map(|host| format!("`{host}`")).collect();
            Err(CallFailure::Usage(format!(
                "the app has more than one host, name one of {}",
                listed.join(", ")
            )))
        }
    }
}

/// The scopes of these ids.
fn chosen_scopes(catalogue: &Catalogue, ids: &[String]) -> Result<ScopeSet, CallFailure> {
    let scope = |id: &String| {
        catalogue.scope(id).cloned().ok_or_else(|| {
            let ids: Vec<&str> = catalogue.scopes().map(|scope| &**scope.id()).collect();
            CallFailure::Usage(format!("there is no scope `{id}`{}", instead(id, &ids)))
        })
    };
    Ok(ScopeSet::new(ids.iter().map(scope).collect::<Result<Vec<_>, _>>()?))
}

/// Without a namespace it cannot be an id of anything; else it is what `process.call` would answer.
fn no_definition(catalogue: &Catalogue, id: &str) -> CallFailure {
    let ids: Vec<&str> = catalogue.definitions().map(|definition| &**definition.facts.id()).collect();
    if id.contains(':') {
        let message = format!("definition `{id}` does not exist{}", instead(id, &ids));
        return CallFailure::Failed(Failure::not_found(message));
    }
    let named: Vec<&str> = ids.iter().copied().filter(|known| known.rsplit(':').next() == Some(id)).collect();
    let hint = if let [only] = named.as_slice() {
        format!(", did you mean `{only}`?")
    } else {
        instead(id, if named.is_empty() { &ids } else { &named })
    };
    CallFailure::Usage(format!("a definition is named as `namespace:name`, got `{id}`{hint}"))
}

/// What can be named instead of what does not exist: the nearest one, or the first few.
fn instead(text: &str, known: &[&str]) -> String {
    const SHOWN_MAX: usize = 5;
    if let Some(near) = did_you_mean(text, known.iter().copied()) {
        return format!(", did you mean `{near}`?");
    }
    let shown: Vec<String> = known.iter().take(SHOWN_MAX).map(|id| format!("`{id}`")).collect();
    match known.len() {
        0 => "; there is none".to_owned(),
        count if count > SHOWN_MAX => {
            format!("; there are {} and {} more", shown.join(", "), count - SHOWN_MAX)
        }
        1 => format!("; there is {}", shown.join(", ")),
        _ => format!("; there are {}", shown.join(", ")),
    }
}

fn usage(error: impl std::fmt::Display) -> CallFailure {
    CallFailure::Usage(error.to_string())
}
