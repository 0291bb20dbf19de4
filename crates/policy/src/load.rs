//! Loading: files become a bundle, or a list of everything that is wrong with them.
//!
//! Which files there are and whose they are is the caller's to know; nothing here reads the disk.

mod apart;
mod arithmetic;
mod code;
mod confine;
mod constant;
mod depth;
mod hidden;
mod lexeme;
mod like;
mod lint;
mod literal;
mod policy;
mod presence;
mod scan;
mod validate;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Arc, LazyLock};

use cedar_policy::{Effect, Validator};
use diagnostic::{Diagnostic, Severity, Source};

use crate::bundle::{Bundle, BundleSources, Loaded, LoadedScope, ScopeSources};
use crate::cedar::SCHEMA;
use crate::entity::Tenants;
use crate::identity::{Tenant, TenantId};
use crate::limits::{EVALUATION_STACK_BYTES, FINDINGS_MAX, MESSAGE_CHARS_MAX, TENANT_TOKENS_MAX};
use crate::schema;
use crate::slice::Slice;
pub(crate) use apart::{apart, blanked, policy_at};
pub use code::{CODES, Code, Weight, code};
pub(crate) use lexeme::{Lexeme, comments, lexemes};
use literal::Known;
use scan::Statement;
pub(crate) use scan::{expression, statements};
pub(crate) use validate::in_file;

/// The guard that is always loaded.
pub(crate) static SHIPPED_GUARD: LazyLock<Arc<Source>> = LazyLock::new(|| {
    let text = include_str!("../../../policies/guard.cedar").to_owned();
    Arc::new(Source { path: "policies/guard.cedar".to_owned(), text })
});

/// What a file's policies may be.
#[derive(Clone, Copy)]
enum Place<'a> {
    /// The guard: `forbid`s only, and its warnings are errors.
    Guard,
    /// A scope of this tenant: `permit`s only.
    Scope(&'a TenantId),
    /// Nobody says: a `forbid` is the guard's, a `permit` a scope's of the operator.
    Loose,
}

impl Place<'_> {
    /// The place of a policy with this effect.
    fn of(self, effect: Effect) -> Self {
        match (self, effect) {
            (Self::Loose, Effect::Forbid) => Self::Guard,
            _ => self,
        }
    }

    /// What a policy here must be, where that is said.
    fn effect(self) -> Option<Effect> {
        match self {
            Self::Guard => Some(Effect::Forbid),
            Self::Scope(_) => Some(Effect::Permit),
            Self::Loose => None,
        }
    }

    fn owner(self) -> TenantId {
        match self {
            Self::Guard | Self::Loose => TenantId::system(),
            Self::Scope(tenant) => tenant.clone(),
        }
    }
}

/// Loads what an app declares.
pub(crate) fn bundle(sources: BundleSources, shipped_guard: Arc<Source>) -> Result<Bundle, Vec<Diagnostic>> {
    on_large_stack(move || Loading::new(Known::of(&sources)).load(&sources, shipped_guard))?
}

/// The guard that this version of the product brings.
pub(crate) fn shipped_guard() -> Arc<Source> {
    SHIPPED_GUARD.clone()
}

/// Looks at files of which nobody says where they belong: how many policies there are, and everything that was found.
pub(crate) fn loose(files: Vec<Arc<Source>>) -> (usize, Vec<Diagnostic>) {
    let looked = on_large_stack(move || {
        let mut loading = Loading::new(Known::nothing());
        let policies = loading.files(&files, Place::Loose).len();
        loading.found.append(&mut loading.warnings);
        (policies, bounded(loading.found))
    });
    looked.unwrap_or_else(|found| (0, found))
}

/// What makes an invariant say nothing: nothing breaks it, whatever policies allow.
const SAYS_NOTHING: [&str; 4] =
    ["policy.undeclared", "policy.impossible", "policy.action-unfit", "policy.has-unknown"];

/// Reads files of invariants about these policies: each is held to the rules that one of its effect is where nobody says whose it is,
/// and has to be about something.
pub(crate) fn invariants(
    files: Vec<Arc<Source>>,
    about: BundleSources,
) -> Result<Vec<Arc<Loaded>>, Vec<Diagnostic>> {
    on_large_stack(move || {
        let mut loading = Loading::new(Known::of(&about));
        let policies = loading.files(&files, Place::Loose);
        let says_nothing = |warning: &Diagnostic| SAYS_NOTHING.contains(&warning.code);
        let empty = loading.warnings.into_iter().filter(says_nothing);
        loading.found.extend(empty.map(|warning| Diagnostic { severity: Severity::Error, ..warning }));
        if loading.found.is_empty() { Ok(policies) } else { Err(bounded(loading.found)) }
    })?
}

/// Does it on a thread with a large stack: Cedar parses, validates, formats and drops by recursion.
pub(crate) fn on_large_stack<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Vec<Diagnostic>> {
    let failed = |why: String| {
        let message = format!("policies cannot be loaded: {why}");
        vec![Diagnostic::error("policy.load", message)]
    };
    std::thread::Builder::new()
        .name("policy load".to_owned())
        .stack_size(EVALUATION_STACK_BYTES)
        .spawn(work)
        .map_err(|error| failed(error.to_string()))?
        .join()
        .map_err(|_| failed("the policy engine gave up".to_owned()))
}

/// At most as many findings as somebody reads, and of each so much: it may quote what is as long as a file.
pub(crate) fn bounded(mut found: Vec<Diagnostic>) -> Vec<Diagnostic> {
    if found.len() > FINDINGS_MAX {
        let wrong = found.iter().any(|found| found.severity == Severity::Error);
        let more = if wrong { Diagnostic::error } else { Diagnostic::warning };
        let message = format!("{} more findings are not shown", found.len() - FINDINGS_MAX);
        found.truncate(FINDINGS_MAX);
        found.push(more("policy.more", message));
    }
    for diagnostic in &mut found {
        shorten(&mut diagnostic.message);
        diagnostic.help.iter_mut().for_each(shorten);
    }
    found
}

fn shorten(text: &mut String) {
    if let Some((end, _)) = text.char_indices().nth(MESSAGE_CHARS_MAX) {
        text.truncate(end);
        text.push_str("...");
    }
}

/// A load under way, with all that was found so far.
struct Loading<'a> {
    validator: Validator,
    known: Known<'a>,
    found: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
    /// Tokens so far of each tenant's own policies.
    tokens: BTreeMap<TenantId, usize>,
    /// Where each id was first used, by the tenant whose policy has it.
    ids: BTreeMap<(TenantId, Arc<str>), Arc<Loaded>>,
}

impl<'a> Loading<'a> {
    fn new(known: Known<'a>) -> Self {
        let validator = Validator::new(SCHEMA.clone());
        Self {
            validator,
            known,
            found: Vec::new(),
            warnings: Vec::new(),
            tokens: BTreeMap::new(),
            ids: BTreeMap::new(),
        }
    }

    fn load(
        mut self,
        sources: &BundleSources,
        shipped_guard: Arc<Source>,
    ) -> Result<Bundle, Vec<Diagnostic>> {
        let tenants = self.tenants(&sources.tenants);
        let mut guards = self.shipped_guard(sources, &shipped_guard);
        let own_guards = self.files(&sources.guards, Place::Guard);
        // The operator's scopes first: a tenant's policy may not take the id of one of the operator's.
        let mut ordered: Vec<&ScopeSources> = sources.scopes.iter().collect();
        ordered.sort_by_key(|sources| !sources.scope.tenant().is_system());
        let mut scopes = BTreeMap::new();
        for ScopeSources { scope, files } in ordered {
            let policies = self.files(files, Place::Scope(scope.tenant()));
            match scopes.entry(scope.id().clone()) {
                Entry::Vacant(entry) => {
                    entry.insert(LoadedScope { scope: scope.clone(), policies: Slice::new(policies) });
                }
                Entry::Occupied(_) => {
                    let message = format!("scope `{}` is declared twice", scope.id());
                    self.found.push(Diagnostic::error("policy.scope-twice", message).about(&**scope.id()));
                }
            }
        }
        if !self.found.is_empty() {
            self.found.append(&mut self.warnings);
            return Err(bounded(self.found));
        }
        let own_digest = own_digest(&own_guards, &scopes, &tenants);
        let brought = match sources.replace_shipped_guard {
            true => "",
            false => shipped_guard.text.as_str(),
        };
        let digest = digest(&hash(&[&schema::render(), brought]), &own_digest).into();
        guards.extend(own_guards);
        let guards = Slice::new(guards);
        let (warnings, sources) = (bounded(self.warnings), sources.clone());
        Ok(Bundle {
            guards,
            scopes,
            tenants,
            digest,
            own_digest,
            warnings,
            sources,
            shipped_guard,
            joined: None,
        })
    }

    fn tenants(&mut self, declared: &[Tenant]) -> Tenants {
        let system = TenantId::system();
        let mut tenants = Tenants::from([(system.clone(), Tenant::new(system.clone()))]);
        for tenant in declared {
            let before = tenants.insert(tenant.id.clone(), tenant.clone());
            if before.is_some() && tenant.id != system {
                let message = format!("tenant `{}` is declared twice", tenant.id);
                self.found.push(Diagnostic::error("policy.tenant-twice", message));
            }
        }
        tenants
    }

    fn shipped_guard(&mut self, sources: &BundleSources, guard: &Arc<Source>) -> Vec<Arc<Loaded>> {
        if sources.replace_shipped_guard {
            let message = "the shipped guard is replaced: nothing else keeps tenants apart";
            self.warnings.push(Diagnostic::warning("policy.shipped-guard-replaced", message));
            return Vec::new();
        }
        self.files(std::slice::from_ref(guard), Place::Guard)
    }

    fn files(&mut self, files: &[Arc<Source>], place: Place<'_>) -> Vec<Arc<Loaded>> {
        let mut policies = Vec::new();
        for file in files {
            self.found.append(&mut hidden::check(file));
            let statements = match scan::statements(file) {
                Ok(statements) => statements,
                Err(found) => {
                    self.found.extend(found);
                    continue;
                }
            };
            for statement in statements {
                if !self.fits(&statement, place) {
                    return policies;
                }
                let read = policy::read(&self.validator, statement, place, &self.known);
                self.warnings.extend(read.warnings);
                self.found.extend(read.errors);
                let Some(loaded) = read.policy.map(Arc::new) else { continue };
                if self.first_of_its_id(&loaded, place) {
                    policies.push(loaded);
                }
            }
        }
        policies
    }

    /// Whether a policy stays within what its tenant may have. Said once for each tenant.
    fn fits(&mut self, statement: &Statement, place: Place<'_>) -> bool {
        let owner = place.owner();
        if owner.is_system() {
            return true;
        }
        let before = self.tokens.entry(owner.clone()).or_default();
        let was_within = *before <= TENANT_TOKENS_MAX;
        *before += statement.tokens;
        let fits = *before <= TENANT_TOKENS_MAX;
        if was_within && !fits {
            let message =
                format!("the policies of tenant `{owner}` are over {TENANT_TOKENS_MAX} words and marks long");
            self.found.push(Diagnostic::error("policy.too-many", message).at(statement.span.clone()));
        }
        fits
    }

    /// An id names one policy among all that can be considered together: the operator's and one tenant's.
    fn first_of_its_id(&mut self, loaded: &Arc<Loaded>, place: Place<'_>) -> bool {
        let owner = place.owner();
        let operators = (TenantId::system(), loaded.id.clone());
        let own = (owner, loaded.id.clone());
        let Some(before) = self.ids.get(&operators).or_else(|| self.ids.get(&own)) else {
            self.ids.insert(own, loaded.clone());
            return true;
        };
        if (&before.file, before.line) == (&loaded.file, loaded.line) {
            let message = format!("the file `{}` is in two scopes that one actor can hold", loaded.file);
            let help =
                "a policy belongs to one scope; make the file a scope of its own, and list that beside both";
            let twice = Diagnostic::error("policy.file-twice", message).at(loaded.span.clone()).help(help);
            if !self.found.iter().any(|found| found.message == twice.message) {
                self.found.push(twice);
            }
            return false;
        }
        let message = format!("the id `{}` is used twice", loaded.id);
        let help =
            format!("it is also in {}:{}; give this policy an id of its own", before.file, before.line);
        self.found.push(Diagnostic::error("policy.id-twice", message).at(loaded.span.clone()).help(help));
        false
    }
}

/// SHA-256, in hex, of what the product brings to the digest of a bundle: its schema and, unless that is replaced, its guard.
pub fn shipped_digest(guard_replaced: bool) -> String {
    let guard = if guard_replaced { "" } else { SHIPPED_GUARD.text.as_str() };
    hash(&[&schema::render(), guard])
}

/// The digest of a bundle: of what the product brings, and what the app does. Two levels, so that a bundle that was loaded
/// by another version of the product can be told by what is known of that version, [`shipped_digest`].
pub(crate) fn digest(shipped: &str, own: &str) -> String {
    hash(&[shipped, own])
}

/// SHA-256 of everything of an app that can change an answer.
fn own_digest(guards: &[Arc<Loaded>], scopes: &BTreeMap<Arc<str>, LoadedScope>, tenants: &Tenants) -> String {
    let mut parts = Vec::new();
    for tenant in tenants.values() {
        let suspended = if tenant.suspended { "suspended" } else { "" };
        parts.extend(["tenant", tenant.id.as_str(), suspended, &tenant.plan]);
    }
    for guard in guards {
        parts.extend(["guard", guard.text()]);
    }
    for (id, LoadedScope { scope, policies }) in scopes {
        let shared = if scope.shared() { "shared" } else { "" };
        parts.extend(["scope", id, scope.tenant().as_str(), shared]);
        parts.extend(policies.iter().map(|policy| policy.text()));
    }
    hash(&parts)
}

/// SHA-256, in hex, of these, every part with its length before it.
pub(crate) fn hash(parts: &[&str]) -> String {
    let mut text = Vec::new();
    for part in parts {
        text.extend_from_slice(&part.len().to_le_bytes());
        text.extend_from_slice(part.as_bytes());
    }
    audit::digest::hex(&audit::digest::sha256(&text))
}
