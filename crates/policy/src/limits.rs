//! Bounds of this crate, each with its unit and the reason for the number.

use std::time::Duration;

/// Stack of every thread that calls [`crate::Operation::check`] or [`crate::Gate::can`], and of the thread that
/// loads: 64 MiB. Cedar evaluates by recursion and reports an error when its stack runs out, and an error is a
/// denial; [`EXPRESSION_DEPTH_MAX`] levels stay far below it, in unoptimised builds too.
pub const EVALUATION_STACK_BYTES: usize = 64 * 1024 * 1024;

/// Bytes of one policy file: 256 KiB, the bound of every file of an app.
pub const POLICY_FILE_BYTES_MAX: usize = 256 * 1024;

/// Nested brackets in a policy: 64. Cedar's parser has no depth guard and kills the process at 200 nested
/// parentheses on a stack of 2 MiB (measured 2026-11-22).
pub const BRACKETS_NESTED_MAX: usize = 64;

/// Operators of one kind in a row (`||`, `&&`, `+` and `-`, `*`, `.`, clauses of one policy): 200. Each
/// becomes one level of Cedar's syntax tree.
pub const CHAIN_OPERATORS_MAX: usize = 200;

/// `if`s within one another: 8. Where a test is always true, Cedar's typed tree shares a branch, and its check of
/// levels walks every path through it: twice the time for each `if` more (24 of them: 0.24 s, measured
/// 2026-11-24 with 4.14.1).
pub const IFS_NESTED_MAX: usize = 8;

/// Levels of one policy's syntax tree, chains and brackets together: 1 000. Cedar validates, evaluates and drops
/// trees by recursion; this leaves 64 KiB of stack a level.
pub const EXPRESSION_DEPTH_MAX: usize = 1000;

/// Tokens of one policy: 10 000, at most 0.7 ms of evaluation (66 ns a token in a debug build, measured 2026-11-27).
/// Policies that people write have 30 to 100.
pub const POLICY_TOKENS_MAX: usize = 10_000;

/// Tokens of all policies of one tenant together: 500 000, some ten thousand policies. All of them can be considered in
/// one check, which nothing interrupts; the operator's own are not counted.
pub const TENANT_TOKENS_MAX: usize = 500_000;

/// Characters of one message of Cedar's that are shown: 500. It may quote a whole policy.
pub const CEDAR_MESSAGE_CHARS_MAX: usize = 500;

/// Characters of the message, and of the help, of one finding in policies: 1 000. It may quote a name or a pattern as long as a
/// file.
pub const MESSAGE_CHARS_MAX: usize = 1000;

/// Findings of one load that are kept: 1 000; whoever has this many reads the first.
pub const FINDINGS_MAX: usize = 1000;

/// Ids that nothing declares, in one load, for which what was probably meant is looked for: 100. Each is compared with every
/// id of its sort, of which an app may have 10 000.
pub const NEAREST_LOOKS_MAX: usize = 100;

/// Bytes of one filter of audit records: 16 KiB, what a line of the log may have.
pub const FILTER_BYTES_MAX: usize = 16 * 1024;

/// Columns of a line that policies are formatted to: 80, as Cedar's own tools have it.
pub const POLICY_LINE_COLUMNS: usize = 80;

/// Times that a file is formatted until it stays the same: 3. Comments in odd places take two.
pub const FORMAT_ROUNDS_MAX: usize = 3;

/// Bytes of a policy's `@id`: 128. It is in every record of a decision that it determined.
pub const POLICY_ID_BYTES_MAX: usize = 128;

/// Levels of entities that a policy may look through, and to which every check's entities are complete: 2,
/// as `principal.tenant.suspended` needs.
pub const ENTITY_LEVEL_MAX: u32 = 2;

/// Bytes of a tenant's id: 64.
pub const TENANT_ID_BYTES_MAX: usize = 64;

/// Bytes of an actor's id, a role, a definition's, host's or scope's id: 512, room for a percent-encoded
/// subject of 128 octets and a tenant.
pub const ID_BYTES_MAX: usize = 512;

/// Bytes of a registered name: 128.
pub const NAME_BYTES_MAX: usize = 128;

/// Roles of one actor: 64. Each is an entity in every check of that actor.
pub const ROLES_MAX: usize = 64;

/// Tags of one actor: 64.
pub const TAGS_MAX: usize = 64;

/// Bytes of one tag's key: 128.
pub const TAG_KEY_BYTES_MAX: usize = 128;

/// Bytes of one tag's value: 1 KiB; all of an actor's tags are in the record of each of its denials.
pub const TAG_VALUE_BYTES_MAX: usize = 1024;

/// Bytes of all tags of one actor together: 4 KiB, a quarter of a record.
pub const TAGS_BYTES_MAX: usize = 4 * 1024;

/// Bytes that one thread remembers for the actors of one tenant, as the `MEMO_..._BYTES` below count them: 16 MiB, some 1 500 different
/// (actor, scopes, action) or 60 000 answers. A tenant chooses texts that answers are kept under; past the bound all of
/// that tenant is forgotten.
pub const MEMO_TENANT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Bytes that one thread remembers in all, counted alike: 256 MiB, 20 000 actors that send. Past it all is forgotten.
pub const MEMO_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Bytes that a class of questions may count for to be remembered: half of what its tenant has, so that there is room for
/// its answers.
pub const MEMO_CLASS_BYTES_MAX: usize = MEMO_TENANT_BYTES_MAX / 2;

/// Bytes that a class of questions counts for in the memo, beside its entities and policies: 8 KiB (9.7 KB measured with
/// five policies, 2026-11-27).
pub const MEMO_CLASS_BYTES: usize = 8 * 1024;

/// Bytes that each role, tag and scope of a class counts for in the memo: 1 KiB, twice the longest id.
pub const MEMO_ENTITY_BYTES: usize = 1024;

/// Bytes that each policy of a class counts for in the memo, beside its text, which Cedar copies: 512.
pub const MEMO_POLICY_BYTES: usize = 512;

/// Bytes that an answer counts for in the memo, beside what it is kept under and a pointer for each policy that determined it: 192.
pub const MEMO_ANSWER_BYTES: usize = 192;

/// Classes of questions that are found by where actor and scopes are in memory: 256 places on each thread, 8 KiB. What is
/// not there is found by the digest of the actor.
pub const MEMO_RECENT_CLASSES: usize = 256;

/// Answers that are found by where the two processes are in memory: 1 024 places on each thread, 64 KiB, and as many
/// processes that ended can be held by them, of 200 bytes each. What is not there is found by what policies read.
pub const MEMO_RECENT_ANSWERS: usize = 1024;

/// Time between two answers that are decided again: 250 ms, so that a busy hour has ten thousand of them and an idle one
/// costs nothing to speak of.
pub const SELF_CHECK_IDLE: Duration = Duration::from_millis(250);

/// Rest after an answer was decided again, in times that it took: 99, a hundredth of a core at most, however many policies
/// there are.
pub const SELF_CHECK_REST: u32 = 99;

/// Classes of allowed questions of one tenant whose first is recorded in one generation: 1 000, some 4 MB of records. What
/// is beyond is counted by its action alone, under the first of that.
pub const FIRST_ALLOWS_TENANT_MAX: usize = 1000;

/// Bytes that cases decided on one thread of a study may be remembered in, as the `MEMO_..._BYTES` count them: 64 MiB, some 5 000
/// different (actor, scopes, action) or 250 000 answers; past it all are made again.
pub const STUDY_MEMO_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Sets of policies that questions about who may do one thing are told apart by: 4 096; past it all are made again.
pub const STUDY_KINDS_MAX: usize = 4096;

/// Pairs of a permit and a tenant of which it is found out whether the permit could let in somebody of the tenant: 100 000,
/// some seconds. What is beyond counts as letting in.
pub const STUDY_OPENINGS_MAX: usize = 100_000;

/// Parts of one policy that are told apart to explain a case: 500, more than anybody reads; the conditions of one that has
/// more are each taken as a whole.
pub const EXPLAIN_POLICY_PARTS_MAX: usize = 500;

/// Parts of all policies together that are evaluated to explain one case: 5 000, each of them parsed and evaluated by itself.
pub const EXPLAIN_PARTS_MAX: usize = 5000;

/// Values of what one test reads that are told: 8. Tests that people write read one or two.
pub const EXPLAIN_READS_MAX: usize = 8;

/// Characters of a value that are shown to people: 120, a line; the whole is for programs.
pub const EXPLAIN_VALUE_CHARS_MAX: usize = 120;

/// Items of a set that are shown to people: 5, as many as names of what there is.
pub const EXPLAIN_VALUE_ITEMS_MAX: usize = STUDY_NAMES_MAX;

/// Values that are tried for one test, for each thing that it reads: 4.
pub const EXPLAIN_TURNS_MAX: usize = 4;

/// Policies nearest to a match for which a change of the case is looked for: 8; people read the first.
pub const EXPLAIN_NEAR_MAX: usize = 8;

/// Cases that are decided to find what would allow one: 256, some 20 ms of decisions.
pub const EXPLAIN_TRIES_MAX: usize = 256;

/// Suggestions of one sort: 3, as many as are weighed against each other.
pub const EXPLAIN_REMEDIES_MAX: usize = 3;

/// Clauses of a permit that may say no for a further one to be written that is like it: 3. What differs in more is another permit.
pub const EXPLAIN_WIDER_CLAUSES_MAX: usize = 3;

/// Names of what there is that are told to somebody who names what there is not: 5, a line that is read; the rest is
/// counted.
pub const STUDY_NAMES_MAX: usize = 5;

/// Solvers that prove at once: 4. Each takes a core, and there are not more of them than cores.
pub const SOLVERS_MAX: usize = 4;

/// Claims that one property comes to: 200 000, more than 7 000 policies about every permission have; some 400 bytes each in memory.
pub const PROOF_CLAIMS_MAX: usize = 200_000;

/// Bytes of all policies that one claim is about: 1 MiB, some 6 000 of a line each. They are compiled in one go, which no deadline
/// interrupts.
pub const PROOF_SIDES_BYTES_MAX: usize = 1024 * 1024;

/// Policies of one effect that are compiled one by one for a claim: 500; where there are more, they are put into one. The libraries
/// go through them by recursion (6 000 overflow a stack of 64 MiB in a debug build, measured 2026-11-27).
pub const PROOF_SEPARATE_MAX: usize = 500;

/// Bytes of one question to a solver: 64 MiB, far more than one of a thousand policies has; it is in memory.
pub const PROOF_SCRIPT_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Bytes of one answer of a solver, models included: 16 MiB, so that one that never ends fills no memory.
pub const PROOF_ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Bytes of a program that a proof is remembered for, the solver and this one: 2 GiB, some times what a build for debugging has. It
/// is read in parts.
pub const PROOF_PROGRAM_BYTES_MAX: u64 = 2 * 1024 * 1024 * 1024;

/// Time that one proof may take: a day.
pub const PROOF_WAIT_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Time in which a solver has to say its version: 10 s, a hundred times what it takes.
pub const SOLVER_VERSION_WAIT: Duration = Duration::from_secs(10);

/// Actors, ids or values that one suggested permit names in one place: 32, a list that is still read; there is another permit for
/// more.
pub const SUGGEST_NAMED_MAX: usize = 32;

/// Different texts of one field, such as topics, that one suggested permit is kept to: 8. More are not words that a program
/// says, but drawn from what it is given, and nothing is said of them.
pub const SUGGEST_TEXTS_MAX: usize = 8;
