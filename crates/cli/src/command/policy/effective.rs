//! `moonward policy effective`: which policies apply to an actor, and why the others of its scopes do not.

use std::fmt::Write as _;

use clap::Args;
use diagnostic::visible;
use policy::study::{Considered, Effective as Found, ScopeShare, Share};
use serde::Serialize;
use serde_json::json;

use super::super::OutputForm;
use super::answer::{IN_SHADOW, Policy};
use super::premises::{Source, action, asker, failed, study};
use crate::exit::Exit;
use crate::fault::Fault;
use crate::print::{Output, Printer};

/// Show the guard and the scopes that apply to an actor, and what is left out of them and why
///
/// A policy applies if its head lets it match; whether it does depends on its conditions and the case. Without
/// `--scope` the actor has the scopes of the service that runs as it, or else its tenant's default ones.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  moonward policy effective my-app --actor default/user/ada
  moonward policy effective my-app --actor default/user/ada --scope app:permits --action process.send -o json")]
pub(super) struct Effective {
    #[command(flatten)]
    source: Source,
    /// Actor, as `tenant/kind/name`
    #[arg(long, value_name = "ID")]
    actor: String,
    /// Scope that it runs under, as `namespace:name`; can be given more than once
    #[arg(long = "scope", value_name = "ID")]
    scopes: Vec<String>,
    /// Permission, such as `process.send` [default: all]
    #[arg(long, value_name = "NAME")]
    action: Option<String>,
    #[command(flatten)]
    pub(super) output: OutputForm,
}

/// Policies of the guard or of a scope.
#[derive(Debug, Serialize)]
struct Shown {
    /// The scope; `guard` for the guard.
    place: String,
    /// Owner of the scope.
    tenant: String,
    /// Whether its policies are looked at.
    considered: &'static str,
    /// Those that apply.
    applies: Vec<Policy>,
    /// Those that do not.
    left_out: Vec<LeftOut>,
}

/// A policy that does not apply.
#[derive(Debug, Serialize)]
struct LeftOut {
    #[serde(flatten)]
    policy: Policy,
    /// Why not.
    why: String,
}

impl Effective {
    /// Prints what applies.
    pub(super) fn run(&self, printer: &Printer) -> Result<Exit, Fault> {
        let mut premises = self.source.premises(None)?;
        let spec = self.action.as_deref().map(action).transpose()?;
        let (actor, scopes) = asker(&mut premises, &self.actor, &self.scopes)?;
        let study = study(&premises)?;
        let found = study.sit(|_| study.effective(&actor, &scopes, spec)).map_err(|error| failed(&error))?;
        if printer.output() == Output::Json {
            let ids: Vec<&str> = scopes.ids().collect();
            printer.json(&json!({
                "schema": "moonward.policy-effective/1",
                "actor": **actor.id(),
                "scopes": ids,
                "action": spec.map(|spec| spec.action),
                "shares": shown(&found),
            }))?;
            return Ok(Exit::Done);
        }
        let held: Vec<String> = scopes.ids().map(|id| format!("`{id}`")).collect();
        let held =
            if held.is_empty() { "without scopes".to_owned() } else { format!("under {}", held.join(", ")) };
        let asked = spec.map_or_else(String::new, |spec| format!(", for `{}`", spec.action));
        let mut text = format!("`{}` {held}{asked}\n", visible(actor.id()));
        let _ = write!(text, "\nthe guard, which binds every check\n{}", lines(&found.guard));
        for held in &found.scopes {
            let _ = write!(
                text,
                "\nscope `{}` of tenant `{}`: {}\n",
                held.scope.id(),
                held.scope.tenant(),
                words(held)
            );
            text.push_str(&lines(&held.share));
        }
        printer.data(&text)?;
        if held_nothing(&found) {
            printer.say("help: no permit applies, so everything is denied; name scopes with `--scope ID`, or add a permit");
        }
        Ok(Exit::Done)
    }
}

fn held_nothing(found: &Found) -> bool {
    found.scopes.iter().all(|held| held.share.applies.is_empty())
}

fn words(held: &ScopeShare) -> &'static str {
    match held.considered {
        Considered::Always => "the operator's, looked at for everybody who holds it",
        Considered::ButForDoors => "looked at for its own actors, and never for the product's doors",
        Considered::NotForAnotherTenant => "another tenant's, whose permits count for its own actors alone",
        Considered::NotLoaded => "not declared, so it permits nothing",
    }
}

fn lines(share: &Share) -> String {
    let mut text = String::new();
    for policy in &share.applies {
        let (line, column) = policy.span.position();
        let path = visible(&policy.span.source.path);
        let mode = if policy.shadow { IN_SHADOW } else { "" };
        let _ = writeln!(text, "  {:<32} {path}:{line}:{column}{mode}", policy.id);
    }
    if share.applies.is_empty() {
        text.push_str("  nothing applies\n");
    }
    for (policy, why) in &share.left_out {
        let _ =
            writeln!(text, "  left out: {} ({}): {}", policy.id, visible(&policy.position()), visible(why));
    }
    text
}

fn shown(found: &Found) -> Vec<Shown> {
    let of = |share: &Share, place: &str, tenant: &str, considered| Shown {
        place: place.to_owned(),
        tenant: tenant.to_owned(),
        considered,
        applies: share.applies.iter().map(Policy::of).collect(),
        left_out: (share.left_out.iter())
            .map(|(policy, why)| LeftOut { policy: Policy::of(policy), why: why.clone() })
            .collect(),
    };
    let guard = of(&found.guard, "guard", "system", "always");
    let scopes = found.scopes.iter().map(|held| {
        let considered = match held.considered {
            Considered::Always => "always",
            Considered::ButForDoors => "but_for_doors",
            Considered::NotForAnotherTenant => "not_for_another_tenant",
            Considered::NotLoaded => "not_loaded",
        };
        of(&held.share, held.scope.id(), held.scope.tenant().as_str(), considered)
    });
    std::iter::once(guard).chain(scopes).collect()
}
