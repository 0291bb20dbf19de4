//! What a manifest can say: every kind of entry with its keys, what may stand at each, and what it means.
//!
//! One table for the check that every file passes, for the errors about what is not there (yet, or any more),
//! and for the JSON Schema that editors use. A key that the reference system has and that means nothing here
//! is in the table too. What the values do is not known here.

mod issuer;

use super::form::Form;
use crate::limits::{
    HOST_PROCESSES_MAX, HOST_WORKERS_MAX, LOG_SEGMENT_MAX, LOG_SEGMENT_MIN, MAILBOX_MESSAGES_MAX,
    PROCESS_MEMORY_MAX, PROCESS_MEMORY_MIN, RESTART_ATTEMPTS_MAX, RESTART_BACKOFF_FACTOR_MAX,
    TENANT_MEMORY_MAX, TENANT_MEMORY_MIN,
};

/// What may stand at a key.
#[derive(Debug)]
pub(crate) enum Shape {
    /// Text of a form.
    Text(Form),
    /// `true` or `false`.
    Flag,
    /// A whole number.
    Count { min: u64, max: u64 },
    /// A number.
    Number { min: f64, max: f64 },
    /// A duration, as humantime writes it.
    Duration,
    /// The same, or nothing at all: `0s`.
    DurationOrNone,
    /// A size with a binary unit.
    Size { min: u64, max: u64 },
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Items of one shape, none twice.
    List { of: &'static Shape, min: usize },
    /// Keys that the author names, and values of one shape.
    Named { key: Form, of: &'static Shape },
    /// Keys of a table.
    Keys(&'static [Key]),
    /// Data for a script.
    Data,
    /// Anything; it is not read.
    Free,
}

/// One key.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    pub(crate) standing: Standing,
    pub(crate) doc: &'static str,
}

/// What becomes of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It has to be there.
    Required,
    /// It may be there.
    Optional,
    /// The reference system's word for another key, which this names: read as that one, with a warning.
    ReadAs(&'static str),
    /// A key of the reference system that means nothing here: a warning.
    Ignored,
    /// A key of the reference system whose meaning is written in another way, which this says: an error.
    Instead(&'static str),
    /// A key of ours whose effect is not built: an error.
    Later,
}

/// One kind of entry that is read.
#[derive(Debug)]
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) sort: Sort,
    pub(crate) keys: &'static [Key],
    pub(crate) doc: &'static str,
}

/// Which kind, for a `match`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sort {
    Host,
    Definition,
    Library,
    Service,
    Tenant,
    Scope,
    Issuer,
    AuditLog,
}

/// Why a kind is not read.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Unread {
    /// It is ours, and not built.
    Later,
    /// It is the reference system's; this says what is written instead.
    Replaced(&'static str),
}

const fn required(name: &'static str, shape: Shape, doc: &'static str) -> Key {
    Key { name, shape, standing: Standing::Required, doc }
}

const fn optional(name: &'static str, shape: Shape, doc: &'static str) -> Key {
    Key { name, shape, standing: Standing::Optional, doc }
}

const fn read_as(name: &'static str, other: &'static str, shape: Shape) -> Key {
    Key {
        name,
        shape,
        standing: Standing::ReadAs(other),
        doc: "The reference system's word for another key.",
    }
}

const fn ignored(name: &'static str) -> Key {
    let doc = "A key of the reference system that has no meaning here.";
    Key { name, shape: Shape::Free, standing: Standing::Ignored, doc }
}

const fn instead(name: &'static str, help: &'static str) -> Key {
    Key { name, shape: Shape::Free, standing: Standing::Instead(help), doc: "Written in another way here." }
}

const fn later(name: &'static str) -> Key {
    Key { name, shape: Shape::Free, standing: Standing::Later, doc: "Not supported by this version." }
}

/// Keys of a file.
pub(crate) const FILE_KEYS: &[Key] = &[
    optional("version", Shape::Text(Form::Version), "Version of the manifest's form."),
    required("namespace", Shape::Text(Form::Namespace), "First part of the id of every entry of this file."),
    required("entries", Shape::List { of: &Shape::Free, min: 0 }, "What this file declares."),
];

/// Keys of every entry.
pub(crate) const ENTRY_KEYS: &[Key] = &[
    required("name", Shape::Text(Form::Name), "Last part of the entry's id, `namespace:name`."),
    required("kind", Shape::Text(Form::Text), "What is declared."),
    optional("meta", Shape::Free, "Notes for people and other tools; not read."),
];

/// Every kind that is read, in the order of the documentation.
pub(crate) const KINDS: &[Kind] = &[
    Kind {
        name: "process.host",
        sort: Sort::Host,
        keys: HOST_KEYS,
        doc: "Where processes run: how many workers serve it, and how many processes it takes.",
    },
    Kind {
        name: "process.lua",
        sort: Sort::Definition,
        keys: DEFINITION_KEYS,
        doc: "A definition: Lua source that can be spawned as a process.",
    },
    Kind {
        name: "library.lua",
        sort: Sort::Library,
        keys: LIBRARY_KEYS,
        doc: "Lua source that definitions and other libraries load with `require`.",
    },
    Kind {
        name: "process.service",
        sort: Sort::Service,
        keys: SERVICE_KEYS,
        doc: "A supervised process: started with the app, and again when it fails.",
    },
    Kind {
        name: "tenant",
        sort: Sort::Tenant,
        keys: TENANT_KEYS,
        doc: "A tenant: the namespaces it owns, its quotas, and the scopes its actors have by default.",
    },
    Kind {
        name: "security.scope",
        sort: Sort::Scope,
        keys: SCOPE_KEYS,
        doc: "A named set of Cedar permits that processes run under; with `always`, forbids that bind all.",
    },
    Kind {
        name: "security.issuer",
        sort: Sort::Issuer,
        keys: issuer::KEYS,
        doc: "Whose tokens are accepted, for which tenant, and what their claims are worth. The operator's only.",
    },
    Kind {
        name: "audit.log",
        sort: Sort::AuditLog,
        keys: AUDIT_KEYS,
        doc: "Where decisions are recorded, and what happens when they cannot be.",
    },
];

/// Kinds that are known and not read.
pub(crate) const UNREAD_KINDS: &[(&str, Unread)] = &[
    ("http.service", Unread::Later),
    ("plan", Unread::Later),
    ("function.lua", Unread::Replaced("declare a `process.lua` and run it with `process.call`")),
    ("security.policy", Unread::Replaced("write the policy in a `.cedar` file of a `security.scope`")),
    ("process.lua.bc", BYTECODE),
    ("library.lua.bc", BYTECODE),
    ("function.lua.bc", BYTECODE),
    ("process.bc.lua", BYTECODE),
    ("library.bc.lua", BYTECODE),
    ("function.bc.lua", BYTECODE),
];

const BYTECODE: Unread =
    Unread::Replaced("give the source in a `process.lua` or `library.lua`: bytecode is not accepted");

const HOST_KEYS: &[Key] =
    &[optional("host", Shape::Keys(HOST_BOUNDS), "Bounds of this host."), ignored("lifecycle")];

const HOST_BOUNDS: &[Key] = &[
    optional(
        "workers",
        Shape::Count { min: 1, max: HOST_WORKERS_MAX as u64 },
        "Workers that serve this host; as many as the machine has cores unless given.",
    ),
    optional(
        "max_processes",
        Shape::Count { min: 1, max: HOST_PROCESSES_MAX as u64 },
        "Processes that run here at a time.",
    ),
    ignored("queue_size"),
    ignored("local_queue_size"),
];

const SOURCE: Key =
    required("source", Shape::Text(Form::Script), "`file://NAME.lua` in or below this folder, or Lua text.");
const MODULE_LIST: Key = optional(
    "modules",
    Shape::List { of: &Shape::Text(Form::Module), min: 0 },
    "Modules that `require` may load.",
);
const IMPORTS: Key = optional(
    "imports",
    Shape::Named { key: Form::Alias, of: &Shape::Text(Form::Reference("library.lua")) },
    "Libraries by the name under which `require` finds them.",
);
const SHARED: Key = optional("shared", Shape::Flag, "Whether other tenants may use it.");

const DEFINITION_KEYS: &[Key] = &[
    SOURCE,
    optional("method", Shape::Text(Form::Function), "Function that the process runs; `main` unless given."),
    MODULE_LIST,
    IMPORTS,
    optional("limits", Shape::Keys(LIMIT_KEYS), "What one process may use before it is ended."),
    optional(
        "isolation",
        Shape::Choice(&["process"]),
        "`process`: a virtual machine for each process alone.",
    ),
    SHARED,
    ignored("pool"),
];

const LIMIT_KEYS: &[Key] = &[
    optional(
        "memory",
        Shape::Size { min: PROCESS_MEMORY_MIN, max: PROCESS_MEMORY_MAX },
        "Memory of one process.",
    ),
    optional("cpu", Shape::Duration, "CPU time since the process last had to wait."),
    optional("cpu_total", Shape::Duration, "CPU time of the whole process; not bounded unless given."),
    optional(
        "mailbox",
        Shape::Count { min: 1, max: MAILBOX_MESSAGES_MAX as u64 },
        "Messages that wait at a time.",
    ),
    optional("lifetime", Shape::Duration, "Time from start to end; not bounded unless given."),
];

const LIBRARY_KEYS: &[Key] = &[SOURCE, MODULE_LIST, IMPORTS, SHARED];

const SERVICE_KEYS: &[Key] = &[
    required("process", Shape::Text(Form::Reference("process.lua")), "Definition that it runs."),
    optional(
        "host",
        Shape::Text(Form::Reference("process.host")),
        "Host that it runs on; the app's only one unless given.",
    ),
    optional(
        "input",
        Shape::Data,
        "Arguments: a list is one argument an item, anything else the only argument.",
    ),
    optional("security", Shape::Keys(SECURITY_KEYS), "Who it runs as."),
    optional("lifecycle", Shape::Keys(LIFECYCLE_KEYS), "When it starts, stops and starts again."),
];

const SECURITY_KEYS: &[Key] = &[
    optional("actor", Shape::Keys(ACTOR_KEYS), "Its actor; `TENANT/service/NAME` unless given."),
    optional("scopes", SCOPE_LIST, "Its scopes; the tenant's default scopes unless given."),
];

const ACTOR_KEYS: &[Key] = &[
    required("id", Shape::Text(Form::Actor), "Id of the actor, `TENANT/service/NAME`."),
    optional("meta", ACTOR_META, "Tags that policies can read."),
];

const ACTOR_META: Shape = Shape::Named { key: Form::TagKey, of: &Shape::Text(Form::Tag) };
const SCOPE_LIST: Shape = Shape::List { of: &Shape::Text(Form::Reference("security.scope")), min: 0 };
const SERVICE_LIST: Shape = Shape::List { of: &Shape::Text(Form::Reference("process.service")), min: 0 };

const LIFECYCLE_KEYS: &[Key] = &[
    optional("auto_start", Shape::Flag, "Whether it starts with the app, needed by another service or not."),
    optional("stop_timeout", Shape::Duration, "Time between being asked to stop and being terminated."),
    optional("stable_threshold", Shape::Duration, "Time after which it counts as running well."),
    optional("requires", SERVICE_LIST, "Services that run before it."),
    optional("restart", Shape::Keys(RESTART_KEYS), "How it starts again after an error."),
    read_as("depends_on", "`requires`", SERVICE_LIST),
    read_as("security", "the entry's `security`", Shape::Keys(REFERENCE_SECURITY_KEYS)),
    ignored("start_timeout"),
];

const RESTART_KEYS: &[Key] = &[
    optional("initial_delay", Shape::Duration, "Wait before the first restart."),
    optional("max_delay", Shape::Duration, "Longest wait before a restart."),
    optional(
        "backoff_factor",
        Shape::Number { min: 1.0, max: RESTART_BACKOFF_FACTOR_MAX },
        "How much longer each wait is than the one before.",
    ),
    optional("jitter", Shape::Number { min: 0.0, max: 1.0 }, "Part of each wait that is random."),
    optional(
        "max_attempts",
        Shape::Count { min: 0, max: RESTART_ATTEMPTS_MAX as u64 },
        "Restarts before it counts as failed; 0 is no limit.",
    ),
];

const REFERENCE_SECURITY_KEYS: &[Key] = &[
    optional("actor", Shape::Keys(REFERENCE_ACTOR_KEYS), "Its actor."),
    optional("scopes", SCOPE_LIST, "Its scopes."),
    read_as("groups", "`scopes`", SCOPE_LIST),
    instead(
        "policies",
        "declare a `security.scope` whose `policies` are `.cedar` files, and name it in `security.scopes`",
    ),
];

const REFERENCE_ACTOR_KEYS: &[Key] = &[
    required("id", Shape::Text(Form::LooseActor), "Name of the actor."),
    optional("meta", ACTOR_META, "Tags that policies can read."),
];

const TENANT_KEYS: &[Key] = &[
    required(
        "namespaces",
        Shape::List { of: &Shape::Text(Form::Namespace), min: 1 },
        "Namespaces that it owns, each with all below it.",
    ),
    optional("default_scopes", SCOPE_LIST, "Scopes of its actors that name none."),
    optional("quotas", Shape::Keys(QUOTA_KEYS), "What all its processes together may use."),
    later("issuers"),
    later("isolation"),
    optional(
        "max_lifetime",
        Shape::Duration,
        "How long what runs under one of its tokens may go on, from when the token was accepted; as long as the token is good, \
         unless given.",
    ),
    later("plan"),
];

const QUOTA_KEYS: &[Key] = &[
    optional("processes", Shape::Count { min: 1, max: HOST_PROCESSES_MAX as u64 }, "Processes at a time."),
    optional(
        "memory",
        Shape::Size { min: TENANT_MEMORY_MIN, max: TENANT_MEMORY_MAX },
        "Memory of all processes together.",
    ),
    later("audit"),
    later("cpu"),
    later("cpu_share"),
    later("mailbox"),
    later("messages"),
    later("names"),
    later("spawns"),
    later("timers"),
];

const SCOPE_KEYS: &[Key] = &[
    required(
        "policies",
        Shape::List { of: &Shape::Text(Form::Policy), min: 1 },
        "Cedar files with its policies.",
    ),
    optional(
        "always",
        Shape::Flag,
        "Whether it is a guard: forbids that bind every check. The operator's only.",
    ),
    optional(
        "replace_shipped_guard",
        Shape::Flag,
        "Whether this guard stands in for the shipped one. The operator's only.",
    ),
    optional("shared", Shape::Flag, "Whether actors of every tenant may have it. The operator's only."),
];

const AUDIT_KEYS: &[Key] = &[
    optional(
        "path",
        Shape::Text(Form::Folder),
        "Folder of the log, below the app's; `data/audit` unless given.",
    ),
    optional(
        "mode",
        Shape::Choice(&["strict", "best_effort"]),
        "`strict`: nothing is done that cannot be recorded. `best_effort`: for development.",
    ),
    optional(
        "key",
        Shape::Text(Form::Place),
        "File of the key that signs the log, outside of its folder; `data/keys/audit.ed25519` unless given.",
    ),
    optional(
        "public_key",
        Shape::Text(Form::VerifyingKey),
        "What `moonward audit verify` trusts, instead of the key in the file.",
    ),
    optional(
        "checkpoints",
        Shape::Text(Form::PlaceOrStdout),
        "Folder that the signed heads of the log are copied to, out of reach of who can write the log; `-` is stdout of \
         `moonward run`.",
    ),
    optional(
        "redact",
        Shape::List { of: &Shape::Text(Form::RedactPath), min: 1 },
        "Members of records of which only a keyed commitment is kept.",
    ),
    optional("retain", Shape::Duration, "How long records are kept at the least; for ever unless given."),
    optional("rotate", Shape::Keys(ROTATE_KEYS), "When a segment of the log ends."),
];

const ROTATE_KEYS: &[Key] = &[
    optional(
        "size",
        Shape::Size { min: LOG_SEGMENT_MIN, max: LOG_SEGMENT_MAX },
        "Bytes of one segment; 64 MiB unless given.",
    ),
    optional("age", Shape::Duration, "Time from its first record on."),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_key_is_once_in_its_table_and_says_what_it_is() {
        fn check(keys: &[Key]) {
            for (at, key) in keys.iter().enumerate() {
                assert!(key.doc.ends_with('.'), "{}", key.name);
                assert!(keys[at + 1..].iter().all(|other| other.name != key.name), "{}", key.name);
                if let Shape::Keys(below) = key.shape {
                    check(below);
                }
            }
        }
        check(FILE_KEYS);
        check(ENTRY_KEYS);
        KINDS.iter().for_each(|kind| check(kind.keys));
    }

    /// Names of the keys that stand so, in a table and below it.
    fn standing(keys: &'static [Key], is_meant: fn(&Standing) -> bool) -> BTreeSet<&'static str> {
        let mut names = BTreeSet::new();
        for key in keys {
            if is_meant(&key.standing) {
                names.insert(key.name);
            }
            if let Shape::Keys(below) = key.shape {
                names.append(&mut standing(below, is_meant));
            }
        }
        names
    }

    /// The words in backticks.
    fn words(text: &str) -> impl Iterator<Item = &str> {
        text.split('`').skip(1).step_by(2)
    }

    /// The words in the first column of a table.
    fn first_column(table: &str) -> BTreeSet<&str> {
        let rows = table.lines().filter(|line| line.starts_with("| `"));
        rows.flat_map(|row| words(row.split(" | ").next().unwrap())).collect()
    }

    #[test]
    fn the_page_on_porting_lists_what_is_not_read_and_nothing_that_is() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/porting.md");
        let page = std::fs::read_to_string(page).unwrap();
        let (_, page) = page.split_once("\n## Manifest\n").unwrap();
        let (warned, page) = page.split_once("\nRefused, with the replacement:\n").unwrap();
        let (replaced, page) = page.split_once("\nRefused because this version does not have it:").unwrap();
        let (missing, _) = page.split_once(" Every other kind").unwrap();
        // Issuers are none of the reference system's.
        let kinds = || KINDS.iter().filter(|kind| kind.sort != Sort::Issuer);
        let keys =
            |is_meant: fn(&Standing) -> bool| kinds().flat_map(move |kind| standing(kind.keys, is_meant));

        let accepted = keys(|standing| matches!(standing, Standing::Ignored | Standing::ReadAs(_)));
        assert_eq!(first_column(warned), accepted.collect());

        let spelled = |name: &&str| !name.contains(".bc.");
        let unread = |later: bool| {
            let meant = move |unread: &Unread| matches!(unread, Unread::Later) == later;
            UNREAD_KINDS.iter().filter(move |(_, unread)| meant(unread)).map(|(name, _)| *name)
        };
        let mut expected: BTreeSet<&str> = unread(false).filter(spelled).collect();
        expected.extend(keys(|standing| matches!(standing, Standing::Instead(_))));
        let mut said = first_column(replaced);
        assert!(said.remove("lifecycle.security"));
        assert_eq!(said, expected);

        // Of quotas those are named that are read.
        let quotas = standing(QUOTA_KEYS, |standing| *standing == Standing::Later);
        let read = standing(QUOTA_KEYS, |standing| *standing != Standing::Later);
        let later = keys(|standing| *standing == Standing::Later).filter(|key| !quotas.contains(key));
        let expected: BTreeSet<&str> = unread(true).chain(later).chain(read).chain(["tenant"]).collect();
        assert_eq!(words(missing).collect::<BTreeSet<&str>>(), expected);
    }
}
