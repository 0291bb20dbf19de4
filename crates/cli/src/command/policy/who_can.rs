//! `moonward policy who-can`: which of the actors that are known may do one thing, and who else could be let in.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

use app::study::{Ask, Asked, NoRoll, Roll};
use clap::Args;
use diagnostic::visible;
use policy::TenantId;
use policy::study::{May, Opening, PolicyView, Whom};
use serde_json::{Map, Value as Json, json};

use super::super::OutputForm;
use super::answer::Policy;
use super::case::{given, unfit};
use super::premises::{Source, action, failed, usage_with};
use crate::exit::Exit;
use crate::fault::Fault;
use crate::print::{Output, Printer};
use crate::progress::ProgressLine;

/// Tenants and reasons that are shown to people one by one; the rest is counted.
const SHOWN_MAX: usize = 20;

/// List which actors may do something to a resource, and by which permits
///
/// Asked about is every actor that is known: of services, `T/user/cli` of each tenant, and those of `--entities`; each under
/// its usual scopes, or those given. The answer is complete if nobody else could be let in and nothing that it depends on
/// is left open; it then exits with 0. With `--tenant` or `--scope` it is complete for these alone, and says so. Else it says what is open and exits with 4: a permit that anybody with a role, or of a
/// tenant, could use, since tokens and scripts make actors; or a field of the context that policies read and that `-c`
/// does not give.
///
/// RESOURCE is written as for `simulate`; a name always as `tenant/name`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  moonward policy who-can process.send app:greeter my-app
  moonward policy who-can process.spawn app:hello my-app -c '{\"via\": \"cli\", \"pid\": null}'
  moonward policy who-can process.terminate p1 my-app --entities world.yaml --tenant acme -o json")]
pub(super) struct WhoCan {
    /// Permission, such as `process.send`
    action: String,
    /// What it is asked on
    resource: String,
    #[command(flatten)]
    source: Source,
    /// Fixtures in YAML or a folder of them, or entities as Cedar has them in JSON; can be given more than once
    #[arg(long, value_name = "FILE")]
    entities: Vec<PathBuf>,
    /// Fields of the context as a JSON object; `pid` is the process that asks. One that is null is not there
    #[arg(short, long, value_name = "JSON")]
    context: Option<String>,
    /// Scope that everybody is asked about under, as `namespace:name`, instead of the usual ones; can be given more than
    /// once
    #[arg(long = "scope", value_name = "ID")]
    scopes: Vec<String>,
    /// Ask about the actors of this tenant alone
    #[arg(long, value_name = "ID")]
    tenant: Option<String>,
    #[command(flatten)]
    pub(super) output: OutputForm,
}

impl WhoCan {
    /// Asks about everybody, and prints who may.
    pub(super) fn run(&self, printer: &Printer) -> Result<Exit, Fault> {
        let spec = action(&self.action)?;
        let mut premises = self.source.premises(None)?;
        for file in &self.entities {
            premises.add_file(file).map_err(Fault::Invalid)?;
        }
        let tenant = self.tenant.as_deref().map(|id| premises.facts.tenant(id)).transpose();
        let tenant = tenant.map_err(|unknown| usage_with(&unknown, unknown.help.as_deref()))?;
        let ask = Ask {
            spec,
            resource: &self.resource,
            context: given(self.context.as_deref())?,
            scopes: &self.scopes,
            tenant,
        };
        let mut line = ProgressLine::new();
        let roll = premises.who(ask, |done, of| line.at("asking", done as u64, of as u64));
        drop(line);
        let answer = Answer::of(roll.map_err(|why| self.fault(why))?, self);
        match printer.output() {
            Output::Text => printer.data(&answer.to_text(&self.action))?,
            Output::Json => printer.json(&answer.to_json(&self.action))?,
        }
        Ok(if answer.is_complete() { Exit::Done } else { Exit::Undetermined })
    }

    fn fault(&self, why: NoRoll) -> Fault {
        match why {
            NoRoll::Case(error) => unfit(&error),
            NoRoll::Scope(unknown) => usage_with(&unknown, unknown.help.as_deref()),
            NoRoll::BareName => usage_with(
                &format!("`{}` is another name for each tenant", visible(&self.resource)),
                Some("write it as `tenant/name`"),
            ),
            NoRoll::Policies(found) => Fault::Invalid(found),
            NoRoll::Thread(error) => failed(&error),
        }
    }
}

/// What was found, by answer.
struct Answer<'a> {
    /// The question: who of which tenant, and under which scopes.
    of: &'a WhoCan,
    roll: Roll,
    /// The fields that answers depend on.
    depends: BTreeSet<&'static str>,
    /// How many may, how many that depends for, and how many may not.
    counts: [usize; 3],
    /// Why scopes cannot be told.
    untold: Vec<String>,
}

impl<'a> Answer<'a> {
    fn of(roll: Roll, of: &'a WhoCan) -> Self {
        let (mut depends, mut counts, mut untold) = (BTreeSet::new(), [0; 3], Vec::new());
        for asked in &roll.asked {
            let [may, may_be, may_not] = &mut counts;
            match &asked.may {
                Ok(May::Yes(_)) => *may += 1,
                Ok(May::No) => *may_not += 1,
                Ok(May::Depends { on, .. }) => {
                    *may_be += 1;
                    depends.extend(on);
                }
                Err(why) => {
                    *may_be += 1;
                    untold.push(why.clone());
                }
            }
        }
        Self { of, roll, depends, counts, untold }
    }

    /// Whose actors were asked about, and under which scopes, where not about all under their usual ones.
    fn range(&self) -> (String, String) {
        let of =
            self.of.tenant.as_deref().map_or(String::new(), |id| format!(" of tenant `{}`", visible(id)));
        let scopes: Vec<String> = self.of.scopes.iter().map(|id| format!("`{}`", visible(id))).collect();
        let under = match scopes.as_slice() {
            [] => String::new(),
            scopes => format!(" under {}", scopes.join(", ")),
        };
        (of, under)
    }

    fn is_complete(&self) -> bool {
        self.reasons().next().is_none()
    }

    /// Why it is not complete, in words.
    fn reasons(&self) -> impl Iterator<Item = String> {
        let depends = self.depends.iter().map(|name| {
            let example = if *name == "pid" { ", or null for none" } else { "" };
            format!("answers depend on `context.{name}`, which is not given: give it with `-c`{example}")
        });
        let openings = self.roll.openings.iter().map(|opening| {
            format!("{} could let in {}", opening.policy.placed(), whom(opening, &self.roll.tenants))
        });
        depends.chain(openings).chain(self.untold.iter().cloned()).chain(self.roll.stand_ins.iter().cloned())
    }

    fn to_text(&self, action: &str) -> String {
        let (kind, id) = &self.roll.resource;
        let mut text = format!("who can `{action}` on {kind} `{}`\n", visible(id));
        for asked in &self.roll.asked {
            let said = match &asked.may {
                Ok(May::No) => continue,
                Ok(May::Yes(by)) => format!("may, by {}", places(by)),
                Ok(May::Depends { on, by }) => format!("depends on {}: {}", fields(on), places(by)),
                Err(_) => "depends on its scopes".to_owned(),
            };
            let _ = writeln!(text, "  {:<28} {said}", shown(asked));
        }
        let [may, may_be, may_not] = self.counts;
        let depends = if may_be == 0 { String::new() } else { format!("{may_be} may or may not, ") };
        let (of, under) = self.range();
        let _ = writeln!(text, "{may} may, {depends}{may_not} may not, of the actors{of} that are known");
        let reasons: Vec<String> = self.reasons().collect();
        if reasons.is_empty() {
            let _ = writeln!(text, "complete: nobody else{of} may{under}");
            return text;
        }
        text.push_str("incomplete:\n");
        for reason in reasons.iter().take(SHOWN_MAX) {
            let _ = writeln!(text, "  {}", visible(reason));
        }
        if let Some(more) = reasons.len().checked_sub(SHOWN_MAX).filter(|more| *more > 0) {
            let _ = writeln!(text, "  and {more} more; `-o json` has all");
        }
        text
    }

    fn to_json(&self, action: &str) -> Json {
        let (kind, id) = &self.roll.resource;
        let [may, may_be, may_not] = self.counts;
        let openings: Vec<Json> =
            self.roll.openings.iter().map(|opening| opening_json(opening, &self.roll.tenants)).collect();
        let reasons: Vec<String> = self.reasons().collect();
        json!({
            "schema": "moonward.policy-who-can/1",
            "action": action,
            "resource": { "type": kind, "id": id },
            "tenant": self.of.tenant,
            "scopes": self.of.scopes,
            "actors": self.roll.asked.iter().map(asked_json).collect::<Vec<_>>(),
            "counts": { "allow": may, "depends": may_be, "deny": may_not },
            "complete": reasons.is_empty(),
            "missing": reasons,
            "openings": openings,
            "assumed": self.roll.stand_ins,
        })
    }
}

fn asked_json(asked: &Asked) -> Json {
    let mut json = Map::new();
    json.insert("name".to_owned(), asked.name.as_str().into());
    json.insert("actor".to_owned(), asked.id.as_str().into());
    json.insert("scopes".to_owned(), asked.scopes.ids().collect());
    let (answer, by, on): (_, &[PolicyView], Vec<String>) = match &asked.may {
        Ok(May::Yes(by)) => ("allow", by, Vec::new()),
        Ok(May::No) => ("deny", &[], Vec::new()),
        Ok(May::Depends { on, by }) => {
            ("depends", by, on.iter().map(|name| format!("context.{name}")).collect())
        }
        Err(_) => ("depends", &[], vec!["scopes".to_owned()]),
    };
    json.insert("answer".to_owned(), answer.into());
    json.insert("policies".to_owned(), json!(by.iter().map(Policy::of).collect::<Vec<_>>()));
    json.insert("depends_on".to_owned(), on.into());
    Json::Object(json)
}

fn opening_json(opening: &Opening, all: &[TenantId]) -> Json {
    let (actor, role) = match &opening.whom {
        Whom::Actor(id) => (Some(id), None),
        Whom::Role(role) => (None, Some(role)),
        Whom::Anybody => (None, None),
    };
    let named = opening.tenants.iter().filter(|tenant| **tenant != TenantId::nobody());
    json!({
        "policy": Policy::of(&opening.policy),
        "actor": actor,
        "role": role,
        "tenants": named.map(TenantId::as_str).collect::<Vec<_>>(),
        "any_tenant": is_any(opening, all),
    })
}

/// Whether it lets in somebody of every tenant that is asked about, where there are several.
fn is_any(opening: &Opening, all: &[TenantId]) -> bool {
    all.len() > 1 && opening.tenants.len() == all.len()
}

fn whom(opening: &Opening, all: &[TenantId]) -> String {
    let of = match opening.tenants.as_slice() {
        _ if is_any(opening, all) => "any tenant".to_owned(),
        tenants => {
            let name = |tenant: &TenantId| match *tenant == TenantId::nobody() {
                true => "any that is not named".to_owned(),
                false => format!("`{tenant}`"),
            };
            let shown: Vec<String> = tenants.iter().take(SHOWN_MAX).map(name).collect();
            let more = match tenants.len().saturating_sub(SHOWN_MAX) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let word = if tenants.len() == 1 { "tenant" } else { "tenants" };
            format!("{word} {}{more}", shown.join(", "))
        }
    };
    match &opening.whom {
        Whom::Actor(id) => format!("`{}` with other scopes, roles or tags than are known", visible(id)),
        Whom::Role(role) => format!("any actor of {of} with the role `{}`", visible(role)),
        Whom::Anybody => format!("any actor of {of}"),
    }
}

/// A name, with the actor's id where it is another.
fn shown(asked: &Asked) -> String {
    let name = visible(&asked.name);
    if asked.name == asked.id { name } else { format!("{name} ({})", visible(&asked.id)) }
}

fn fields(on: &BTreeSet<&'static str>) -> String {
    let names: Vec<String> = on.iter().map(|name| format!("context.{name}")).collect();
    names.join(", ")
}

fn places(policies: &[PolicyView]) -> String {
    policies.iter().map(PolicyView::placed).collect::<Vec<_>>().join(", ")
}
