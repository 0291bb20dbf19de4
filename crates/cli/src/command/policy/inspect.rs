//! `moonward policy inspect`: which policies can match, what they read, and whether answers are remembered.

use std::fmt::Write as _;

use clap::Args;
use diagnostic::{Diagnostic, counted, visible};
use policy::permission::ALL;
use policy::study::{Inspection, Study};
use policy::{Spec, TenantId};
use serde::Serialize;
use serde_json::json;

use super::super::OutputForm;
use super::answer::{IN_SHADOW, Policy};
use super::premises::{Source, action, asker, failed, study};
use crate::exit::Exit;
use crate::fault::Fault;
use crate::print::{Output, Printer};

/// Show for each permission which policies can match, what they read, and whether answers are remembered
///
/// The gate looks only at policies whose head can match, and keeps an answer for all cases that agree on what
/// those read. A policy that cannot be followed makes every case of its permissions be decided in full: it is
/// warned of.
///
/// Without `--actor` it is shown for each tenant with its default scopes, whoever of it asks.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  moonward policy inspect my-app
  moonward policy inspect my-app --actor default/user/ada --action process.send
  moonward policy inspect --policies policies/worker.cedar -o json")]
pub(super) struct Inspect {
    #[command(flatten)]
    source: Source,
    /// Actor who asks, as `tenant/kind/name`
    #[arg(long, value_name = "ID")]
    actor: Option<String>,
    /// Scope that the actor runs under, as `namespace:name`; can be given more than once
    #[arg(long = "scope", value_name = "ID", requires = "actor")]
    scopes: Vec<String>,
    /// Permission, such as `process.send` [default: all]
    #[arg(long, value_name = "NAME")]
    action: Option<String>,
    #[command(flatten)]
    pub(super) output: OutputForm,
}

/// What is shown for one actor or tenant.
#[derive(Debug, Serialize)]
struct Shown {
    /// The actor; absent for any of the tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<String>,
    /// The tenant.
    tenant: String,
    /// The scopes held, ordered by id.
    scopes: Vec<String>,
    /// Each permission.
    actions: Vec<Action>,
    #[serde(skip)]
    found: Vec<Inspection>,
}

/// One permission.
#[derive(Debug, Serialize)]
struct Action {
    /// Its name.
    action: &'static str,
    /// Whether answers are remembered.
    remembered: bool,
    /// What the policies read of a case, beside the actor and its scopes, in words; absent when that may be
    /// anything.
    reads: Option<Vec<String>>,
    /// The policies that can match.
    policies: Vec<Followed>,
}

/// A policy, and why it is not followed if it is not.
#[derive(Debug, Serialize)]
struct Followed {
    #[serde(flatten)]
    policy: Policy,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_followed: Option<&'static str>,
}

impl Inspect {
    /// Prints what can match.
    pub(super) fn run(&self, printer: &Printer) -> Result<Exit, Fault> {
        let mut premises = self.source.premises(None)?;
        let specs = match &self.action {
            Some(name) => vec![action(name)?],
            None => ALL.to_vec(),
        };
        let shown = match &self.actor {
            Some(name) => {
                let (actor, scopes) = asker(&mut premises, name, &self.scopes)?;
                let study = study(&premises)?;
                let inspect = || specs.iter().map(|spec| study.inspect(&actor, &scopes, spec)).collect();
                let found = study.sit(|_| inspect()).map_err(|error| failed(&error))?;
                vec![Shown::of(Some(actor.id()), actor.tenant(), scopes.ids(), found)]
            }
            None => {
                let study = study(&premises)?;
                let of_tenant = |(tenant, scopes): (&TenantId, &policy::ScopeSet)| {
                    Shown::of(None, tenant, scopes.ids(), any(&study, tenant, scopes, &specs))
                };
                premises.default_scopes().map(of_tenant).collect()
            }
        };
        if printer.output() == Output::Json {
            printer.json(&json!({ "schema": "moonward.policy-inspect/1", "inspected": shown }))?;
        } else {
            let text: Vec<String> = shown.iter().map(Shown::to_text).collect();
            printer.data(&text.join("\n"))?;
            printer.diagnostics(&warnings(&shown));
        }
        Ok(Exit::Done)
    }
}

fn any(
    study: &Study,
    tenant: &TenantId,
    scopes: &policy::ScopeSet,
    specs: &[&'static Spec],
) -> Vec<Inspection> {
    specs.iter().map(|spec| study.inspect_any(tenant, scopes, spec)).collect()
}

impl Shown {
    fn of<'a>(
        actor: Option<&str>,
        tenant: &TenantId,
        scopes: impl Iterator<Item = &'a str>,
        found: Vec<Inspection>,
    ) -> Self {
        let actions = found.iter().map(|inspection| Action {
            action: inspection.spec.action,
            remembered: inspection.is_remembered(),
            reads: inspection.reads().map(|reads| reads.into_iter().map(str::to_owned).collect()),
            policies: (inspection.policies.iter())
                .map(|one| Followed {
                    policy: Policy::of(&one.policy),
                    not_followed: one.reads.as_ref().err().copied(),
                })
                .collect(),
        });
        Self {
            actor: actor.map(str::to_owned),
            tenant: tenant.to_string(),
            scopes: scopes.map(str::to_owned).collect(),
            actions: actions.collect(),
            found,
        }
    }

    fn to_text(&self) -> String {
        let who = match &self.actor {
            Some(actor) => format!("`{}`", visible(actor)),
            None => format!("any actor of tenant `{}`", self.tenant),
        };
        let scopes: Vec<String> = self.scopes.iter().map(|scope| format!("`{scope}`")).collect();
        let mut text = match scopes.is_empty() {
            true => format!("{who} without scopes\n"),
            false => format!("{who} under {}\n", scopes.join(", ")),
        };
        for (inspection, action) in self.found.iter().zip(&self.actions) {
            let permits = inspection.policies.iter().filter(|one| !one.policy.forbids()).count();
            let remembered = match (action.remembered, permits) {
                (true, _) => "remembered",
                (false, _) => "not remembered",
            };
            let forbids = inspection.policies.len() - permits;
            let _ = writeln!(
                text,
                "\n{}: {} and {} can match; answers are {remembered}",
                action.action,
                counted(permits, "permit", "permits"),
                counted(forbids, "forbid", "forbids"),
            );
            for one in &inspection.policies {
                let position = visible(&one.policy.position());
                let mode = if one.policy.shadow { IN_SHADOW } else { "" };
                let _ = writeln!(text, "  {:<32} {position}{mode}", one.policy.id);
            }
            match &action.reads {
                Some(reads) if reads.is_empty() => text.push_str("  reads nothing of a case but who asks\n"),
                Some(reads) => {
                    let _ = writeln!(text, "  reads {}", reads.join(", "));
                }
                None => text.push_str("  may read anything\n"),
            }
        }
        text
    }
}

/// The policies that keep answers from being remembered, each once.
fn warnings(shown: &[Shown]) -> Vec<Diagnostic> {
    let mut warnings: Vec<Diagnostic> = Vec::new();
    for inspection in shown.iter().flat_map(|shown| &shown.found) {
        for one in &inspection.policies {
            let Err(why) = one.reads else { continue };
            let message =
                format!("answers on which `{}` is looked at are not remembered: {why}", one.policy.id);
            let warning = Diagnostic::warning("policy.not-followed", message).at(one.policy.span.clone());
            if !warnings.contains(&warning) {
                warnings.push(warning);
            }
        }
        if inspection.too_large {
            let message = format!(
                "the policies for `{}` are together too large to be remembered",
                inspection.spec.action
            );
            warnings.push(Diagnostic::warning("policy.not-remembered", message));
        }
    }
    warnings
}
