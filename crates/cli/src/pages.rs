//! The pages of `docs/lints`, one for each code of a finding: what it is, why it matters, and what is written instead.
//!
//! They are part of the binary. What finds something, and how much a finding counts, is not known here;
//! `tests/lint_pages.rs` holds the list against the codes that are used, and runs every example.

/// The page of a code.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Page {
    /// The code, `family.something`.
    pub(crate) code: &'static str,
    /// Markdown: a title, one sentence that says what it is, and the rest.
    pub(crate) text: &'static str,
}

macro_rules! pages {
    ($($code:literal)*) => {
        &[$(Page { code: $code, text: include_str!(concat!("../../../docs/lints/", $code, ".md")) }),*]
    };
}

/// Every page, by code.
pub(crate) const PAGES: &[Page] = pages! {
    "app.identity"
    "app.reload"
    "manifest.actor"
    "manifest.alias"
    "manifest.anchor"
    "manifest.character"
    "manifest.cycle"
    "manifest.development-key"
    "manifest.documents"
    "manifest.duplicate-id"
    "manifest.duplicate-item"
    "manifest.duplicate-key"
    "manifest.environment"
    "manifest.file"
    "manifest.folder"
    "manifest.guard"
    "manifest.import"
    "manifest.issuer"
    "manifest.length"
    "manifest.link"
    "manifest.merge-key"
    "manifest.missing-key"
    "manifest.more"
    "manifest.nested"
    "manifest.never-started"
    "manifest.none"
    "manifest.not-shared"
    "manifest.not-the-tenants"
    "manifest.reference"
    "manifest.reference-key"
    "manifest.replaced-key"
    "manifest.replaced-kind"
    "manifest.syntax"
    "manifest.tag"
    "manifest.two-owners"
    "manifest.unknown-key"
    "manifest.unknown-kind"
    "manifest.unsupported"
    "manifest.value"
    "policy.action-unfit"
    "policy.action-unknown"
    "policy.always-true"
    "policy.annotation-unknown"
    "policy.another-tenant"
    "policy.arithmetic"
    "policy.attribute-optional"
    "policy.attribute-unknown"
    "policy.audit-unknown"
    "policy.bidirectional"
    "policy.confusable"
    "policy.doors"
    "policy.entities"
    "policy.entity-literal"
    "policy.file-twice"
    "policy.fixture"
    "policy.forbid-in-scope"
    "policy.guard-in-shadow"
    "policy.has-unknown"
    "policy.id-invalid"
    "policy.id-missing"
    "policy.id-twice"
    "policy.identity"
    "policy.impossible"
    "policy.invalid"
    "policy.invariant"
    "policy.invisible"
    "policy.level"
    "policy.like-open"
    "policy.load"
    "policy.mixed-script"
    "policy.mode-unknown"
    "policy.more"
    "policy.no-app"
    "policy.no-tests"
    "policy.none"
    "policy.not-followed"
    "policy.not-remembered"
    "policy.permit-in-guard"
    "policy.scope-twice"
    "policy.set-unfit"
    "policy.set-unknown"
    "policy.shipped-guard-replaced"
    "policy.syntax"
    "policy.template"
    "policy.tenant-twice"
    "policy.test"
    "policy.too-deep"
    "policy.too-large"
    "policy.too-many"
    "policy.type-unknown"
    "policy.undeclared"
    "policy.unformatted"
    "policy.unknown"
    "policy.unreadable"
    "policy.unwritable"
    "policy.warning"
    "source.imports"
    "source.syntax"
};

/// The page of that code.
pub(crate) fn page(code: &str) -> Option<&'static Page> {
    PAGES.iter().find(|page| page.code == code)
}

impl Page {
    /// The sentence under the title, in one line.
    pub(crate) fn summary(&self) -> String {
        let paragraph: Vec<&str> = self.text.lines().skip(2).take_while(|line| !line.is_empty()).collect();
        paragraph.join(" ")
    }

    /// The page for a terminal: examples indented instead of fenced, the title bare.
    pub(crate) fn plain(&self) -> String {
        let mut text = String::new();
        let mut in_example = false;
        for line in self.text.lines() {
            if line.starts_with("```") {
                in_example = !in_example;
                continue;
            }
            match (in_example, line) {
                (_, "") => {}
                (true, _) => text.extend(["    ", line]),
                (false, _) => text.push_str(line.strip_prefix("# ").unwrap_or(line)),
            }
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_in_order_and_each_is_found_by_its_code() {
        assert!(PAGES.is_sorted_by_key(|page| page.code));
        for one in PAGES {
            assert_eq!(page(one.code).unwrap().text, one.text);
        }
        assert!(page("policy.nothing").is_none());
    }

    #[test]
    fn a_page_loses_its_markup_and_keeps_its_words() {
        let text =
            "# a.b\n\nOne thing\nor two.\n\nInstead of\n\n```yaml bad\na:\n\n  # b\n```\n\nwrite `c`.\n";
        let page = Page { code: "a.b", text };
        assert_eq!(page.summary(), "One thing or two.");
        assert_eq!(
            page.plain(),
            "a.b\n\nOne thing\nor two.\n\nInstead of\n\n    a:\n\n      # b\n\nwrite `c`.\n"
        );
    }
}
