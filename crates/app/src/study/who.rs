//! Who may do one thing: every actor that is known asked about, each under its usual scopes, and who else could be let in.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::sync::Arc;

use diagnostic::Diagnostic;
use policy::study::{Assumed, Inquiry, InvalidCase, May, Opening, Others, Posed, Unknown};
use policy::{Actor, Resource, ScopeSet, Spec, TenantId};
use serde_json::{Map, Value as Json};

use super::Premises;

/// What is asked.
#[derive(Debug)]
pub struct Ask<'a> {
    /// The permission.
    pub spec: &'static Spec,
    /// What it is asked on, as people write it.
    pub resource: &'a str,
    /// The fields of the context that are given, and `pid` for the process that asks. One that is null is not there.
    pub context: Map<String, Json>,
    /// The scopes that everybody is asked about under; none for each one's usual ones.
    pub scopes: &'a [String],
    /// The tenant whose actors are asked about; nothing for all.
    pub tenant: Option<TenantId>,
}

/// What is answered.
#[derive(Debug)]
pub struct Roll {
    /// Type and id of what was asked about.
    pub resource: (&'static str, String),
    /// Everybody who was asked about, ordered by name.
    pub asked: Vec<Asked>,
    /// The permits that could let in somebody else.
    pub openings: Vec<Opening>,
    /// The tenants that somebody else could be of; `nobody` stands for every one that is not named, where any may be.
    pub tenants: Vec<TenantId>,
    /// Things that were named and that no fact tells of, in words.
    pub stand_ins: Vec<String>,
}

/// One actor that was asked about.
#[derive(Debug)]
pub struct Asked {
    /// Its name: its id, or another where two tokens of one user are told apart.
    pub name: String,
    /// Its id.
    pub id: String,
    /// The scopes that it was asked about under.
    pub scopes: ScopeSet,
    /// Whether it may.
    ///
    /// # Errors
    /// Why its scopes cannot be told, in words.
    pub may: Result<May, String>,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum NoRoll {
    /// What is asked does not fit the permission, or names what there is not.
    Case(InvalidCase),
    /// A scope that nobody declared.
    Scope(Unknown),
    /// A name without its tenant is another one for each actor.
    BareName,
    /// Everything that is wrong with the policies.
    Policies(Vec<Diagnostic>),
    /// The system gave no thread.
    Thread(io::Error),
}

/// An actor with the scopes that it is asked about under, or why they cannot be told.
type Known = (String, Arc<Actor>, Result<ScopeSet, String>);

impl Premises {
    /// Asks who may do something. `progress` is told how many of how many actors were asked about.
    ///
    /// # Errors
    /// [`NoRoll`].
    pub fn who(&mut self, ask: Ask<'_>, progress: impl FnMut(usize, usize) + Send) -> Result<Roll, NoRoll> {
        let mut context = ask.context;
        let said: BTreeSet<String> = context.keys().cloned().collect();
        let optional =
            |name: &str| ask.spec.context.iter().any(|field| field.name == name && !field.required);
        context.retain(|name, value| !(value.is_null() && optional(name)));
        let (action, nobody) = (ask.spec.action, TenantId::nobody());
        let posed = Posed::of_nobody(&self.facts, action, ask.resource, &context).map_err(NoRoll::Case)?;
        let resource = posed.subject.resource();
        if matches!(resource, Resource::Name(name) if *name.tenant() == nobody) {
            return Err(NoRoll::BareName);
        }
        let shown = match resource {
            Resource::Name(name) => format!("{}/{}", name.tenant(), name.value()),
            other => other.text().to_owned(),
        };
        let resource = (resource.entity_type().name(), shown);
        self.facts.declare(posed.tenants());
        let named = self.scopes(ask.scopes.iter().map(String::as_str)).map_err(NoRoll::Scope)?;
        let under = (!ask.scopes.is_empty()).then_some(&named);
        let is_meant = |tenant: &TenantId| ask.tenant.as_ref().is_none_or(|meant| meant == tenant);
        let known: Vec<Known> = (self.facts.actors())
            .filter(|(_, actor)| is_meant(actor.tenant()))
            .map(|(name, actor)| {
                let scopes = under.map_or_else(|| self.usual_scopes(name, actor), |named| Ok(named.clone()));
                (name.to_owned(), actor.clone(), scopes)
            })
            .collect();
        let mut study = self.study().map_err(NoRoll::Policies)?;
        if self.facts.is_open() {
            // Every tenant that is named exists, and so do others.
            self.facts.declare(study.tenants_named(ask.spec).iter().chain([&nobody]));
            study = study.with_tenants(self.facts.tenants().cloned());
        }
        let tenants = self.facts.tenants().map(|tenant| tenant.id.clone());
        let tenants: BTreeSet<TenantId> = tenants.chain([TenantId::system()]).collect();
        let tenants: Vec<TenantId> = tenants.into_iter().filter(|tenant| is_meant(tenant)).collect();
        let stand_ins: Vec<String> = posed.assumed.iter().take(posed.stand_ins).cloned().collect();
        let premises = &*self;
        let (asked, openings) = study
            .inquire(ask.spec, &said, |inquiry| -> Result<_, InvalidCase> {
                let pose = |actor: &Arc<Actor>, scopes: &ScopeSet| {
                    let (facts, asker) = (&premises.facts, (actor, scopes));
                    Posed::new(facts, Assumed::Unsaid, asker, action, ask.resource, &context)
                };
                let asked = everybody(inquiry, &known, pose, progress)?;
                let others = Others { tenants: &tenants, scopes: under, known: &by_id(&known) };
                Ok((asked, inquiry.openings(&posed, others)?))
            })
            .map_err(NoRoll::Thread)?
            .map_err(NoRoll::Case)?;
        Ok(Roll { resource, asked, openings, tenants, stand_ins })
    }
}

fn everybody(
    inquiry: &mut Inquiry<'_>,
    known: &[Known],
    pose: impl Fn(&Arc<Actor>, &ScopeSet) -> Result<Posed, InvalidCase>,
    mut progress: impl FnMut(usize, usize),
) -> Result<Vec<Asked>, InvalidCase> {
    let mut asked = Vec::with_capacity(known.len());
    for (name, actor, scopes) in known {
        progress(asked.len(), known.len());
        let may = match scopes {
            Ok(scopes) => Ok(inquiry.may(&pose(actor, scopes)?)?),
            Err(why) => Err(why.clone()),
        };
        let (name, id) = (name.clone(), actor.id().to_string());
        asked.push(Asked { name, id, scopes: scopes.clone().unwrap_or_default(), may });
    }
    Ok(asked)
}

/// Those whose scopes can be told, by id.
fn by_id(known: &[Known]) -> HashMap<&str, Vec<(&Actor, &ScopeSet)>> {
    let mut by_id: HashMap<&str, Vec<(&Actor, &ScopeSet)>> = HashMap::new();
    for (_, actor, scopes) in known {
        by_id.entry(&**actor.id()).or_default().extend(scopes.iter().map(|scopes| (&**actor, scopes)));
    }
    by_id
}
