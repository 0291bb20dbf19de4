//! What a test of policies, and a file of fixtures, can say. What the values do is not known here.

use policy::DecisionKind;

use crate::manifest::form::Form;
use crate::manifest::vocabulary::{Key, Shape, Standing};

const fn required(name: &'static str, shape: Shape, doc: &'static str) -> Key {
    Key { name, shape, standing: Standing::Required, doc }
}

const fn optional(name: &'static str, shape: Shape, doc: &'static str) -> Key {
    Key { name, shape, standing: Standing::Optional, doc }
}

const TEXT: Shape = Shape::Text(Form::Text);
const TEXTS: Shape = Shape::List { of: &TEXT, min: 1 };
const TAGS: Shape = Shape::Named { key: Form::TagKey, of: &Shape::Text(Form::Tag) };

/// Keys of a test file beside fixtures.
pub(crate) const FILE: &[Key] = &[
    optional("scopes", TEXTS, "Scopes that every principal runs under."),
    optional("policies", TEXTS, "Policy files that are tested, instead of an app's."),
    optional("fixtures", TEXT, "A folder with files of fixtures."),
    required("tests", Shape::List { of: &Shape::Keys(TEST), min: 1 }, "The tests."),
];

const TEST: &[Key] = &[
    required("name", TEXT, "What the test claims."),
    required("principals", TEXTS, "Who asks: names of principals."),
    required("actions", TEXTS, "What for: names of permissions."),
    required("resources", TEXTS, "On what: `process:p1`, `definition:acme:worker`, ..."),
    optional("scopes", TEXTS, "Scopes that the principals run under in this test."),
    optional("context", Shape::Data, "Fields of the context by name, and `pid` for the process that asks."),
    optional("allow", Shape::Free, "The cells that are allowed, as `[principal, action, resource]`."),
    optional(
        "kind",
        Shape::Named { key: Form::Text, of: &Shape::Choice(KINDS) },
        "Sorts of denials by cell.",
    ),
    optional(
        "reason",
        Shape::Named { key: Form::Text, of: &TEXTS },
        "Policies that must have determined it, by cell.",
    ),
    optional("num_errors", Shape::Count { min: 0, max: 10_000 }, "How many policies fail in every cell."),
];

/// Sorts of denials.
pub(crate) const KINDS: &[&str] =
    &[DecisionKind::DenyForbid.text(), DecisionKind::DenyDefault.text(), DecisionKind::DenyError.text()];

/// Keys of a file of fixtures, and of a test file that brings its own.
pub(crate) const FIXTURES: &[Key] = &[
    optional("tenants", Shape::Named { key: Form::Tenant, of: &Shape::Keys(TENANT) }, "Tenants."),
    optional("principals", Shape::Named { key: Form::Text, of: &Shape::Keys(PRINCIPAL) }, "Actors."),
    optional("definitions", Shape::Named { key: Form::Text, of: &Shape::Keys(OWNED) }, "Definitions."),
    optional("hosts", Shape::Named { key: Form::Text, of: &Shape::Keys(HOST) }, "Hosts."),
    optional("processes", Shape::Named { key: Form::Text, of: &Shape::Keys(PROCESS) }, "Processes, by pid."),
];

/// Keys of a file of fixtures alone: in a test file `scopes` are those that its principals run under.
pub(crate) const SCOPES: &[Key] = &[optional(
    "scopes",
    Shape::Named { key: Form::Text, of: &Shape::Keys(OWNED) },
    "Scopes, for `context.scope`.",
)];

const TENANT: &[Key] = &[
    optional("suspended", Shape::Flag, "Whether everything of it is refused."),
    optional("plan", TEXT, "The name of its plan."),
];

const PRINCIPAL: &[Key] = &[
    optional("id", TEXT, "Id of the actor, where the name is another."),
    optional("roles", TEXTS, "Roles, as `tenant/role`."),
    optional("tags", TAGS, "Claims and meta values."),
    optional("scopes", TEXTS, "Scopes that it runs under where the test names none."),
    optional("verified", Shape::Flag, "Whether a token or the manifest established it."),
    optional(
        "auth_time",
        Shape::Count { min: 0, max: 1 << 53 },
        "When it authenticated, in seconds since 1970.",
    ),
];

const OWNED: &[Key] = &[
    optional("tenant", TEXT, "Whose it is; without it, the owner of its namespace."),
    optional("shared", Shape::Flag, "Whether other tenants may use it."),
];

const HOST: &[Key] = &[optional("tenant", TEXT, "The only tenant that may use it.")];

const PROCESS: &[Key] = &[
    required("owner", TEXT, "Name of the principal that it runs for."),
    optional("definition", TEXT, "What it was started from."),
    optional("host", TEXT, "Where it runs."),
    optional("parent", TEXT, "The process that spawned it."),
];
