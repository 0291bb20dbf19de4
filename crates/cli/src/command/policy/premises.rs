//! What verbs of `moonward policy` begin with: an app's policies and facts, or files of policies on their own.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use app::study::Premises;
use clap::Args;
use policy::study::{Assumed, Study};
use policy::{Actor, ScopeSet, Spec, permission};

use crate::fault::Fault;
use crate::shell;

/// The policies that a verb is about.
#[derive(Debug, Args)]
pub(super) struct Source {
    /// Folder of the app
    #[arg(default_value = ".")]
    pub(super) app: PathBuf,
    /// File or folder of policies, instead of an app's; can be given more than once. Permits are a scope that
    /// everybody holds, forbids join the shipped guard, and every tenant that is named exists
    #[arg(long = "policies", value_name = "PATH")]
    pub(super) policies: Vec<PathBuf>,
}

impl Source {
    /// The arguments that name them, as a shell takes them.
    pub(super) fn words(&self) -> String {
        let app = shell::path(&self.app);
        self.policies.iter().fold(app, |words, path| format!("{words} --policies {}", shell::path(path)))
    }

    /// Reads them.
    ///
    /// # Errors
    /// Everything that is wrong in the folder or the files.
    pub(super) fn premises(&self, entities: Option<&Path>) -> Result<Premises, Fault> {
        let premises = match self.policies.as_slice() {
            [] => Premises::of_app(&self.app),
            policies => Premises::of_policies(policies),
        };
        let mut premises = premises.map_err(Fault::Invalid)?;
        if let Some(file) = entities {
            premises.add_file(file).map_err(Fault::Invalid)?;
        }
        Ok(premises)
    }
}

/// An actor, and the scopes that it runs under: those named, or the usual ones.
///
/// # Errors
/// Nobody declared one of them.
pub(super) fn asker(
    premises: &mut Premises,
    actor: &str,
    scopes: &[String],
) -> Result<(Arc<Actor>, ScopeSet), Fault> {
    let found = premises.facts.actor_or(actor, Assumed::StandIns).map_err(|unknown| {
        // An id is enough, so that what is wrong with one is what matters.
        match Actor::parse(actor) {
            Err(invalid) => usage(&invalid),
            Ok(_) => usage_with(&unknown, unknown.help.as_deref()),
        }
    })?;
    premises.facts.declare([found.tenant()]);
    let scopes = match scopes {
        [] => premises.usual_scopes(actor, &found).map_err(|why| usage(&why))?,
        ids => premises
            .scopes(ids.iter().map(String::as_str))
            .map_err(|unknown| usage_with(&unknown, unknown.help.as_deref()))?,
    };
    Ok((found, scopes))
}

/// The permission of that name.
///
/// # Errors
/// There is none.
pub(super) fn action(name: &str) -> Result<&'static Spec, Fault> {
    permission::find(name)
        .ok_or_else(|| usage(&policy::InvalidQuestion::UnknownAction { action: name.to_owned() }))
}

/// The study of everything.
///
/// # Errors
/// Everything that is wrong with any policy.
pub(super) fn study(premises: &Premises) -> Result<Study, Fault> {
    premises.study().map_err(Fault::Invalid)
}

/// Arguments that ask for what there is not.
pub(super) fn usage(why: &dyn std::fmt::Display) -> Fault {
    usage_with(why, None)
}

/// The same with what there is, where that is known.
pub(super) fn usage_with(why: &dyn std::fmt::Display, help: Option<&str>) -> Fault {
    let help = help.unwrap_or("`--help` after the command shows what it takes, with examples");
    Fault::usage(why.to_string(), help)
}

/// The system gave no thread.
pub(super) fn failed(error: &std::io::Error) -> Fault {
    Fault::failed(format!("the policies cannot be studied: {error}"))
}
