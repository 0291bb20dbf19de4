//! The text of policies as it was when they decided: from where the log keeps it, or the app still has it.
//!
//! A record names a policy set by its digest, which covers every text in it. Only a text that belongs to that digest is shown:
//! what the file says today may be something else.

use std::cell::OnceCell;
use std::path::Path;
use std::sync::Arc;

use app::Archive;
use app::study::Premises;
use diagnostic::Source;
use policy::Archived;
use policy::study::{Study, policy_at};
use review::Quotation;
use serde_json::Value as Json;

/// Where the texts of the policies of one decision are looked for.
pub(super) struct PolicyTexts<'a> {
    app: &'a Path,
    log: &'a Path,
    digest: &'a str,
    /// The scopes that were held: with the guard, all that can have decided.
    scopes: Vec<&'a str>,
    /// The name that the load of the set gives it below `policies/` of the log.
    archive: Option<&'a str>,
    kept: OnceCell<Option<Archived>>,
    now: OnceCell<Option<Study>>,
}

impl<'a> PolicyTexts<'a> {
    /// Those of a decision, by its record.
    pub(super) fn new(app: &'a Path, log: &'a Path, record: &'a Json, archive: Option<&'a str>) -> Self {
        let digest = record.get("policy_set").and_then(Json::as_str).unwrap_or_default();
        let scopes = record.get("scopes").and_then(Json::as_array).into_iter().flatten();
        let scopes = scopes.filter_map(Json::as_str).collect();
        Self { app, log, digest, scopes, archive, kept: OnceCell::new(), now: OnceCell::new() }
    }

    /// Puts a policy's text into its quotation, with where it was found; or why it was not.
    pub(super) fn quote(&self, policy: &mut Quotation) {
        match self.find(policy) {
            Some((source, text)) => {
                policy.text = Some(text);
                policy.source = source.to_owned();
            }
            None => policy.source = "whose text of then is neither with the log nor in the app".to_owned(),
        }
    }

    fn find(&self, policy: &Quotation) -> Option<(&'static str, String)> {
        let with = |place: &'static str| move |text: String| (place, text);
        let kept = || self.kept_with_the_log(policy).map(with("as the log keeps it"));
        let still = || self.in_the_app(policy).map(with("as the app has it still"));
        let left = || self.kept_by_the_app(policy).map(with("as the app keeps it below `data/policies`"));
        kept().or_else(still).or_else(left)
    }

    fn kept_with_the_log(&self, policy: &Quotation) -> Option<String> {
        let read =
            || Archived::read(self.log, self.archive?).ok().filter(|kept| kept.digest() == self.digest);
        let kept = self.kept.get_or_init(read).as_ref()?;
        let mut named = kept.files(&self.scopes).filter(|file| file.path == policy.file);
        named.find_map(|file| cut(file, policy))
    }

    fn in_the_app(&self, policy: &Quotation) -> Option<String> {
        let study = self.now.get_or_init(|| {
            let study = Premises::of_app(self.app).ok()?.study().ok()?;
            (**study.bundle().digest() == *self.digest).then_some(study)
        });
        // Two tenants may have policies of the same id.
        let spans = study.as_ref()?.spans(std::slice::from_ref(&policy.id)).ok()?;
        let mut named = spans.iter().filter(|span| span.source.path == policy.file);
        named.find_map(|span| cut(&span.source, policy))
    }

    fn kept_by_the_app(&self, policy: &Quotation) -> Option<String> {
        let source = Archive::of(self.app).ok()??.source(self.digest, &policy.file).ok()?;
        cut(&source, policy)
    }
}

/// The policy in a file, if it begins where the record says and has the id that the record says.
fn cut(source: &Arc<Source>, policy: &Quotation) -> Option<String> {
    let at = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let span = policy_at(source, &policy.id, at(policy.line), at(policy.column))?;
    source.text.get(span.start..span.end).map(str::to_owned)
}
