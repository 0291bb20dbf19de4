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
use policy::study::{Study, policy_at};
use review::Quotation;
use serde_json::Value as Json;

/// Where the texts of one policy set are looked for.
pub(super) struct PolicyTexts<'a> {
    app: &'a Path,
    log: &'a Path,
    digest: &'a str,
    /// The name that the load of the set gives it below `policies/` of the log.
    archive: Option<&'a str>,
    kept: OnceCell<Option<Json>>,
    now: OnceCell<Option<Study>>,
}

impl<'a> PolicyTexts<'a> {
    pub(super) fn new(app: &'a Path, log: &'a Path, digest: &'a str, archive: Option<&'a str>) -> Self {
        Self { app, log, digest, archive, kept: OnceCell::new(), now: OnceCell::new() }
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
        let at = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let cut = |source: Arc<Source>| {
            let span = policy_at(&source, at(policy.line), at(policy.column))?;
            span.source.text.get(span.start..span.end).map(str::to_owned)
        };
        let with = |place: &'static str| move |text: String| (place, text);
        let kept = self.kept_with_the_log(&policy.file).and_then(cut).map(with("as the log keeps it"));
        let still = || self.in_the_app(&policy.id).and_then(cut).map(with("as the app has it still"));
        let left = || self.kept_by_the_app(&policy.file).and_then(cut);
        kept.or_else(still).or_else(|| left().map(with("as the app keeps it below `data/policies`")))
    }

    fn kept_with_the_log(&self, file: &str) -> Option<Arc<Source>> {
        let kept = self.kept.get_or_init(|| audit::archived(self.log, self.archive?).ok()).as_ref()?;
        let text = text_of(kept, file)?;
        Some(Arc::new(Source { path: file.to_owned(), text: text.to_owned() }))
    }

    fn in_the_app(&self, id: &str) -> Option<Arc<Source>> {
        let study = self.now.get_or_init(|| {
            let study = Premises::of_app(self.app).ok()?.study().ok()?;
            (**study.bundle().digest() == *self.digest).then_some(study)
        });
        let spans = study.as_ref()?.spans(&[id.to_owned()]).ok()?;
        Some(spans.first()?.source.clone())
    }

    fn kept_by_the_app(&self, file: &str) -> Option<Arc<Source>> {
        Archive::of(self.app).ok()??.source(self.digest, file).ok()
    }
}

/// The text of a file, wherever in a set it stands: a member of that name, or an object with its `path` and `text`.
fn text_of<'k>(kept: &'k Json, file: &str) -> Option<&'k str> {
    let mut waiting = vec![kept];
    while let Some(value) = waiting.pop() {
        match value {
            Json::Array(items) => waiting.extend(items),
            Json::Object(members) => {
                if members.get("path").and_then(Json::as_str) == Some(file) {
                    return members.get("text")?.as_str();
                }
                if let Some(text) = members.get(file).and_then(Json::as_str) {
                    return Some(text);
                }
                waiting.extend(members.values());
            }
            _ => {}
        }
    }
    None
}
