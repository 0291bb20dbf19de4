//! Every code of a finding in policies: what it means, and what could happen if the policy were used all the same.
//!
//! A code is stable: tools and people filter by it. `docs/policies.md` has this table, and a test compares the two.

/// How a code counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// The bundle is refused.
    Error,
    /// A warning in a scope; in a guard the bundle is refused.
    Doubt,
    /// A warning wherever it is.
    Warning,
}

impl Weight {
    /// In words, as the documentation has it.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Doubt => "warning; in a guard an error",
            Self::Warning => "warning",
        }
    }
}

/// A code of a finding.
#[derive(Debug, Clone, Copy)]
pub struct Code {
    /// Its stable name, `policy.something`.
    pub name: &'static str,
    /// How it counts.
    pub weight: Weight,
    /// What is wrong, and what could come of it: Markdown, one line.
    pub meaning: &'static str,
}

const fn error(name: &'static str, meaning: &'static str) -> Code {
    Code { name, weight: Weight::Error, meaning }
}

const fn doubt(name: &'static str, meaning: &'static str) -> Code {
    Code { name, weight: Weight::Doubt, meaning }
}

/// Every code, by name.
pub const CODES: [Code; 57] = [
    doubt(
        "policy.action-unfit",
        "no action of the head is ever asked about such a resource: the policy never matches",
    ),
    error("policy.action-unknown", "no action of that name: the policy would never match"),
    doubt(
        "policy.always-true",
        "the permit allows everything to everybody who holds the scope; only guards are left",
    ),
    doubt("policy.annotation-unknown", "the annotation is not known and changes nothing"),
    error("policy.another-tenant", "a tenant's scope names somebody else's: it would never match"),
    doubt(
        "policy.arithmetic",
        "`+`, `-`, `*`, `offset` and their like can overflow; Cedar then leaves the `forbid` out, and here every check \
         that comes to it is denied as `deny_error`",
    ),
    error(
        "policy.attribute-optional",
        "the attribute may be absent and is read without `has`: it would fail",
    ),
    error("policy.attribute-unknown", "no attribute of that name: reading it would fail"),
    error("policy.audit-unknown", "a value of `@audit` that is not known"),
    error(
        "policy.bidirectional",
        "characters that turn the text around them: what is read is not what is decided by",
    ),
    doubt(
        "policy.confusable",
        "a name holds a character that looks like another: it matches what nobody sees",
    ),
    error("policy.doors", "a tenant's scope permits the product's doors only, which never counts"),
    error(
        "policy.entities",
        "entities in Cedar's form that are no JSON, or cannot be true of a running system",
    ),
    error(
        "policy.entity-literal",
        "an attribute of a literal entity is read: that entity may be missing from the check",
    ),
    error("policy.file-twice", "one file is in two scopes that one actor can hold"),
    error("policy.fixture", "a fixture that nothing could be, or that names another which there is not"),
    error("policy.forbid-in-scope", "a `forbid` in a scope, where leaving the scope out would lift it"),
    Code {
        name: "policy.guard-in-shadow",
        weight: Weight::Warning,
        meaning: "a guard is in shadow: what it would deny is recorded, and not denied",
    },
    doubt(
        "policy.has-unknown",
        "`has` of an attribute that nothing has: always false, so that an `unless` with it never applies",
    ),
    error("policy.id-invalid", "the `@id` has other characters, or more, than records carry"),
    error("policy.id-missing", "no `@id`: no record could name the policy"),
    error("policy.id-twice", "one `@id` for two policies: a record would not tell which"),
    error(
        "policy.identity",
        "a name in a manifest that no tenant, actor, definition, host or scope can have",
    ),
    doubt(
        "policy.impossible",
        "the condition or the head can never be true: what it was to forbid or permit, it does not",
    ),
    error("policy.invalid", "anything else that strict validation finds, such as a wrong type"),
    error("policy.invariant", "a file of invariants without one, or an invariant that cannot be meant"),
    error(
        "policy.invisible",
        "invisible or control characters: two texts that look the same are not the same",
    ),
    error("policy.level", "the policy looks through more entities than a check has: it would fail"),
    doubt(
        "policy.like-open",
        "a pattern whose wildcard meets a letter or digit: `acme*` matches `acme2` as well",
    ),
    error("policy.load", "the policies could not be loaded at all"),
    doubt(
        "policy.mixed-script",
        "letters of several scripts in one text: two that look alike are not the same",
    ),
    error("policy.mode-unknown", "an unknown `@mode`: nobody could tell whether the policy is enforced"),
    Code {
        name: "policy.more",
        weight: Weight::Warning,
        meaning: "there are more findings than are shown; an error when one of them is",
    },
    error("policy.no-app", "tests name no policies, and there is no app around them"),
    error("policy.no-tests", "there is no test, or the filter matches none: nothing would be tested"),
    error("policy.none", "what was named as policies has none: everything would be denied"),
    Code {
        name: "policy.not-followed",
        weight: Weight::Warning,
        meaning: "what the policy reads cannot be told: each of its cases is decided anew, which costs time only",
    },
    Code {
        name: "policy.not-remembered",
        weight: Weight::Warning,
        meaning: "the policies of a permission are together too large: each of its cases is decided anew",
    },
    error("policy.permit-in-guard", "a `permit` in a guard, where it would hold for everybody"),
    error("policy.scope-twice", "a scope is declared twice"),
    error(
        "policy.set-unfit",
        "the manifest says otherwise than when that set was loaded: its files alone cannot bring it back",
    ),
    error(
        "policy.set-unknown",
        "no kept set has such a digest, or several have, or it is not as it was kept",
    ),
    Code {
        name: "policy.shipped-guard-replaced",
        weight: Weight::Warning,
        meaning: "the shipped guard is left out: nothing else keeps tenants apart",
    },
    error("policy.syntax", "not Cedar"),
    error("policy.template", "a template: nothing links it, so that it would never match"),
    error("policy.tenant-twice", "a tenant is declared twice"),
    error(
        "policy.test",
        "a test that cannot be meant: what it names is misspelt, declared nowhere or in no cell",
    ),
    error("policy.too-deep", "brackets or operators beyond what the engine takes without harm"),
    error("policy.too-large", "a file larger than is read"),
    error("policy.too-many", "a tenant's policies are longer together than one check may take"),
    error("policy.type-unknown", "no type of entity of that name"),
    doubt(
        "policy.undeclared",
        "a tenant, scope, namespace, definition or host that nothing declares, or an id that none can have: the policy \
         never matches it",
    ),
    error(
        "policy.unformatted",
        "what the formatter would write is not the same policy, or lacks a comment: the file is left",
    ),
    error("policy.unknown", "no policy has the id that was named"),
    error("policy.unreadable", "a file or folder of policies, tests or fixtures cannot be read"),
    error("policy.unwritable", "a file of policies cannot be written: it is as it was"),
    doubt("policy.warning", "anything else that Cedar's validator warns of"),
];

/// The code of that name.
pub fn code(name: &str) -> Option<&'static Code> {
    CODES.iter().find(|code| code.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_in_order_and_each_is_found_by_its_name() {
        let names: Vec<&str> = CODES.iter().map(|code| code.name).collect();
        assert!(names.is_sorted(), "{names:?}");
        for name in names {
            assert_eq!(code(name).unwrap().name, name);
        }
        assert!(code("policy.nothing").is_none());
    }
}
