//! What a kept set says of itself: whose each file was, and what it said.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use diagnostic::{Diagnostic, Source};
use serde::{Deserialize, Serialize};

use crate::limits::ARCHIVE_FILES_MAX;
use crate::manifest::{Located, Manifest};

/// Name and version of the form; a reader that does not know it must not guess.
const SCHEMA: &str = "moonward.policy-set/1";

/// `index.json` of a set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetIndex {
    schema: String,
    pub(crate) digest: String,
    /// What the product that loaded it brought to its digest.
    pub(crate) shipped: String,
    shipped_guard_replaced: bool,
    tenants: Vec<String>,
    guards: BTreeMap<String, Vec<String>>,
    scopes: BTreeMap<String, Scope>,
    pub(crate) files: Vec<File>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Scope {
    tenant: String,
    shared: bool,
    files: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) sha256: String,
}

/// SHA-256 of a text, in hex.
pub(super) fn hash(text: &str) -> String {
    audit::digest::hex(&audit::digest::sha256(text.as_bytes()))
}

/// Every policy file that a manifest names, once.
pub(crate) fn files(manifest: &Manifest) -> impl Iterator<Item = &Arc<Source>> {
    let guards = manifest.guards.iter().flat_map(|guard| &guard.policies);
    let scopes = manifest.scopes.iter().flat_map(|scope| &scope.policies);
    let files: BTreeMap<&str, &Arc<Source>> =
        guards.chain(scopes).map(|file| (file.value.path.as_str(), &file.value)).collect();
    files.into_values()
}

impl SetIndex {
    /// The set of a manifest.
    pub(crate) fn of(manifest: &Manifest, digest: &str) -> Self {
        let paths = |policies: &[Located<Arc<Source>>]| {
            policies.iter().map(|file| file.value.path.clone()).collect::<Vec<_>>()
        };
        let shipped_guard_replaced = manifest.guards.iter().any(|guard| guard.replaces_shipped);
        let mut tenants: Vec<String> =
            manifest.tenants.iter().map(|tenant| tenant.name.to_string()).collect();
        tenants.sort();
        let guards = manifest.guards.iter().map(|guard| (guard.id.to_string(), paths(&guard.policies)));
        let scopes = manifest.scopes.iter().map(|scope| {
            let of = Scope {
                tenant: scope.tenant.to_string(),
                shared: scope.shared,
                files: paths(&scope.policies),
            };
            (scope.id.to_string(), of)
        });
        Self {
            schema: SCHEMA.to_owned(),
            digest: digest.to_owned(),
            shipped: policy::shipped_digest(shipped_guard_replaced),
            shipped_guard_replaced,
            tenants,
            guards: guards.collect(),
            scopes: scopes.collect(),
            files: files(manifest)
                .map(|file| File { path: file.path.clone(), sha256: hash(&file.text) })
                .collect(),
        }
    }

    /// Reads it back. Nobody vouches for it: it may be whatever was put in its place.
    ///
    /// # Errors
    /// What is wrong with it; also when it names a file that is no policy of its guards and scopes.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let index: Self =
            serde_json::from_str(text).map_err(|error| format!("its index is not one: {error}"))?;
        if index.schema != SCHEMA {
            return Err(format!("its index is of the form `{}`, expected `{SCHEMA}`", index.schema));
        }
        if index.files.len() > ARCHIVE_FILES_MAX {
            return Err(format!("its index names more than {ARCHIVE_FILES_MAX} files"));
        }
        let leads_out = |path: &str| path.split('/').any(|component| ["", ".", ".."].contains(&component));
        if let Some(file) = index.files.iter().find(|file| leads_out(&file.path)) {
            return Err(format!("its index names `{}`, which is no path in an app", file.path));
        }
        let of_scopes = index.scopes.values().flat_map(|scope| &scope.files);
        let used: BTreeSet<&String> = index.guards.values().flatten().chain(of_scopes).collect();
        let is_policy = |path: &String| path.ends_with(".cedar") && used.contains(path);
        if let Some(file) = index.files.iter().find(|file| !is_policy(&file.path)) {
            return Err(format!(
                "its index names `{}`, which is no policy file of its guards and scopes",
                file.path
            ));
        }
        Ok(index)
    }

    /// As text, for people too.
    pub(super) fn text(&self) -> String {
        // Strings and lists of them: there is nothing that could not be written.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// What keeps this set from being put under another manifest, whose index is `now`: files can be put back, but not
    /// what a manifest says they belong to.
    pub(crate) fn unfit(&self, now: &Self) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        let mut say = |message: String| {
            let help = "policy files are put back, manifests are not: put the manifest right first";
            found.push(Diagnostic::error("policy.set-unfit", message).help(help));
        };
        for (what, then, now) in [
            ("guard", names(self.guards.keys()), names(now.guards.keys())),
            ("scope", names(self.scopes.keys()), names(now.scopes.keys())),
            ("tenant", names(self.tenants.iter()), names(now.tenants.iter())),
        ] {
            for gone in then.iter().filter(|name| !now.contains(*name)) {
                say(format!("the {what} `{gone}` of that set is not in the manifest any more"));
            }
            for new in now.iter().filter(|name| !then.contains(*name)) {
                say(format!("the {what} `{new}` is in the manifest, and was not when that set was loaded"));
            }
        }
        for (id, then) in &self.guards {
            if now.guards.get(id).is_some_and(|now| now != then) {
                say(format!("the guard `{id}` lists other files than it did: then `{}`", then.join("`, `")));
            }
        }
        for (id, then) in &self.scopes {
            let Some(now) = now.scopes.get(id) else { continue };
            if now.files != then.files {
                say(format!(
                    "the scope `{id}` lists other files than it did: then `{}`",
                    then.files.join("`, `")
                ));
            }
            if now.tenant != then.tenant {
                say(format!(
                    "the scope `{id}` was of tenant `{}` and is now of `{}`",
                    then.tenant, now.tenant
                ));
            }
            if now.shared != then.shared {
                let was = if then.shared { "was shared and is not now" } else { "is shared now and was not" };
                say(format!("the scope `{id}` {was}"));
            }
        }
        if self.shipped_guard_replaced != now.shipped_guard_replaced {
            let then = if self.shipped_guard_replaced { "was" } else { "was not" };
            say(format!("the shipped guard {then} replaced when that set was loaded"));
        }
        found
    }
}

fn names<'a>(names: impl Iterator<Item = &'a String>) -> Vec<&'a str> {
    names.map(String::as_str).collect()
}
