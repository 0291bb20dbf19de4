//! Bounds and defaults of a manifest, each with its unit and the reason for the number.
//!
//! Declared once: the constants are what the code uses, [`LIMITS`] is what `docs/limits.md` is rendered from.

/// One bound or default, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Name of the constant.
    pub name: &'static str,
    /// The number, in `unit`.
    pub value: u64,
    /// What it counts.
    pub unit: &'static str,
    /// What it bounds, and why it is this number.
    pub reason: &'static str,
}

macro_rules! limits {
    ($($name:ident: $type:ty = $value:expr, $unit:literal, $reason:literal;)*) => {
        $(#[doc = $reason] #[doc = concat!("\n\nUnit: ", $unit, ".")] pub const $name: $type = $value;)*

        /// Every bound and default of a manifest, in the order of the documentation.
        pub const LIMITS: &[Limit] = &[
            $(Limit { name: stringify!($name), value: $name as u64, unit: $unit, reason: $reason },)*
        ];
    };
}

limits! {
    FILE_BYTES_MAX: usize = 256 * 1024, "bytes",
        "One manifest, script or policy file: what a reviewer can read, and what the parsers behind it take in \
         well under a second whatever it says.";
    FILES_MAX: usize = 10_000, "files",
        "Files of one app that are read: manifests, scripts and policies. As many as it may have entries.";
    FILES_BYTES_MAX: usize = 64 * 1024 * 1024, "bytes",
        "All files of one app together, since they stay in memory for messages about them.";
    FOLDERS_NESTED_MAX: usize = 32, "levels",
        "Folders inside folders that are looked through for manifests.";
    FOLDER_ENTRIES_MAX: usize = 100_000, "names",
        "Names in all folders that are looked at, manifests or not: a wrong folder, such as a home folder, \
         is refused instead of read.";
    LEVELS_MAX: usize = 64, "levels",
        "Lists and keys inside each other in one manifest; what the manifest can say needs six, free data is \
         bounded to 64 everywhere.";
    ENTRIES_MAX: usize = 10_000, "entries",
        "Entries of one app. References between them are checked by name, and each may become a supervised \
         service.";
    FINDINGS_MAX: usize = 200, "findings",
        "Errors and warnings of one load; whoever has this many reads the first.";
    NAME_BYTES_MAX: usize = 128, "bytes",
        "Name of an entry: the part of an id after the colon.";
    NAMESPACE_BYTES_MAX: usize = 128, "bytes",
        "Namespace: the part of an id before the colon.";
    TENANT_BYTES_MAX: usize = 64, "bytes",
        "Name of a tenant; it is part of every actor's id.";
    ACTOR_BYTES_MAX: usize = 512, "bytes",
        "Id of an actor: tenant, kind and the rest, as the policy engine bounds it.";
    TAGS_MAX: usize = 64, "tags",
        "Values in the `meta` of one actor.";
    TAG_KEY_BYTES_MAX: usize = 128, "bytes",
        "Key of one value in the `meta` of an actor.";
    TAG_VALUE_BYTES_MAX: usize = 1024, "bytes",
        "One value in the `meta` of an actor.";
    TAGS_BYTES_MAX: usize = 4 * 1024, "bytes",
        "Keys and values in the `meta` of one actor together: all are in the record of each of its denials.";
    PATH_BYTES_MAX: usize = 1024, "bytes",
        "Path of a file inside an app; a quarter of what the system allows, so that the app's own place \
         leaves room.";
    ITEMS_MAX: usize = 256, "items",
        "Items of one list: modules, scopes, required services, namespaces, policy files.";

    HOST_PROCESSES_DEFAULT: u32 = 100_000, "processes",
        "Processes that run on one host at a time; 460 MB of processes at 4.6 KB each (measured, in shared \
         pods).";
    HOST_PROCESSES_MAX: u32 = 10_000_000, "processes",
        "Largest `max_processes` of a host.";
    HOST_WORKERS_MAX: u32 = 1024, "workers",
        "Largest `workers` of a host; a machine with fewer cores gives what it has.";
    TENANT_PROCESSES_DEFAULT: u32 = 100_000, "processes",
        "Processes of one tenant at a time: those of a host with its default.";
    TENANT_MEMORY_MIN: u64 = 1024 * 1024, "bytes",
        "Smallest memory quota of a tenant: one pod with one process.";
    TENANT_MEMORY_MAX: u64 = 1 << 40, "bytes",
        "Largest memory quota of a tenant: 1 TiB, more than any machine we measure on.";
    PROCESS_MEMORY_DEFAULT: u64 = 8 * 1024 * 1024, "bytes",
        "Memory of one process: a thousand times what an idle one needs.";
    PROCESS_MEMORY_MIN: u64 = 64 * 1024, "bytes",
        "Smallest memory limit of a process; below it the modules of a small script do not fit.";
    PROCESS_MEMORY_MAX: u64 = 256 * 1024 * 1024, "bytes",
        "Largest memory limit of a process: a full collection of 32 MB takes 8 ms, so one of 256 MiB about \
         65 ms, in which its worker does nothing else.";
    PROCESS_CPU_DEFAULT_MS: u64 = 2_000, "milliseconds",
        "CPU time of a process since it last had to wait: long for an actor, short for an endless loop.";
    DURATION_MIN_MS: u64 = 1, "milliseconds",
        "Shortest duration: timers count in milliseconds.";
    DURATION_MAX_MS: u64 = 3650 * 24 * 3_600_000, "milliseconds",
        "Longest duration: ten years, so that a sum of deadlines in nanoseconds never overflows.";
    MAILBOX_MESSAGES_DEFAULT: u32 = 1_000, "messages",
        "Messages that wait in one mailbox; over it `send` answers RATE_LIMITED.";
    MAILBOX_MESSAGES_MAX: u32 = 100_000, "messages",
        "Largest mailbox; its bytes are bounded to 1 MiB whatever its messages.";
    LOG_SEGMENT_MIN: u64 = 1024 * 1024, "bytes",
        "Smallest segment of an audit log: one commit of its longest lines is 16 MiB, and still goes into one.";
    LOG_SEGMENT_MAX: u64 = 1 << 30, "bytes",
        "Largest segment of an audit log: 1 GiB, what a person still copies, searches and compresses whole.";
    STOP_TIMEOUT_DEFAULT_MS: u64 = 10_000, "milliseconds",
        "Time between asking a service to stop and terminating it.";
    STABLE_THRESHOLD_DEFAULT_MS: u64 = 5_000, "milliseconds",
        "Time after which a service that runs counts as recovered, and its attempts from none.";
    RESTART_INITIAL_DELAY_DEFAULT_MS: u64 = 1_000, "milliseconds",
        "Wait before the first restart of a service.";
    RESTART_MAX_DELAY_DEFAULT_MS: u64 = 90_000, "milliseconds",
        "Longest wait before a restart of a service.";
    RESTART_ATTEMPTS_MAX: u32 = 1_000_000, "attempts",
        "Largest `max_attempts`; 0 is no limit.";
    IMPORTS_NESTED_MAX: usize = 16, "levels",
        "Libraries that import each other in a line; each level is a protected call on the script's stack.";
    TEST_CELLS_MAX: usize = 100_000, "cells",
        "Cells of one file of policy tests, each a case that is put together before any is decided: some 100 MB.";
    PROOFS_MAX: usize = 256, "files",
        "Proofs of policies that are remembered; past it the oldest are forgotten.";
    PROOF_FILE_BYTES_MAX: u64 = 4 * 1024, "bytes",
        "A proof that is remembered, of which 150 are written; a longer file is none.";
    KILL_WAIT_MS: u64 = 1_000, "milliseconds",
        "Wait for the end of a process that is ended at a timeout: a worker that is not stuck needs one slice.";
    SESSIONS_LOOK_MS: u64 = 10_000, "milliseconds",
        "Longest time between two looks at which sessions of tokens are over; a change of keys or a revocation is looked at once. \
         With it a session whose issuer cannot be reached for too long ends within that time.";
    OWED_RECORDS_MAX: usize = 65_536, "records",
        "Records of revocations and ended sessions that wait while the log takes none: as many as an app can have revocations. \
         One more is said in the program's log only.";
    ARCHIVE_SETS_MAX: usize = 100, "sets",
        "Policy sets that are kept to come back to; the oldest goes, never the one that is live.";
    ARCHIVE_BYTES_MAX: usize = 64 * 1024 * 1024, "bytes",
        "All policy sets that are kept, together: as much as all files of an app.";
    ARCHIVE_FILES_MAX: usize = 1_000, "files",
        "Files of a policy set that is kept; their list is read as one file of an app.";
    ARCHIVE_STALE_MS: u64 = 600_000, "milliseconds",
        "Time after which a policy set that was left half kept, by a crash, is removed.";
    ROLLBACKS_UNRECORDED_MAX: usize = 100, "rollbacks",
        "Rollbacks that are left to be recorded by the app that holds the audit log; with more, it takes none up, and no more \
         are done.";
    ROLLBACK_BYTES_MAX: usize = 64 * 1024, "bytes",
        "What is left to be recorded of one rollback: 50 names of files of the longest sort, and who did it.";
    HISTORY_ROWS_MAX: usize = 1_000, "rows",
        "Changes of policies that are listed, the newest; the log has them all.";
    SUGGEST_CASES_MAX: usize = 50_000, "cases",
        "Denials of a log that a policy could tell apart and that are held against each other to suggest permits: 150 MB at 3 KB \
         each. With more there is no suggestion.";
    SUGGEST_CHOSEN_MAX: usize = 1_000_000, "records",
        "Records of a log that permits are suggested for at a time: 64 MB of their places and ids.";
    SUGGEST_ROUNDS_MAX: usize = 8, "rounds",
        "Times that suggested permits are tried on a whole log; what is not settled by then is left out.";
    SUGGEST_RECORDS_LISTED: usize = 100_000, "records",
        "Chosen records of a log that programs are given the ids of, by the permits that they stand behind: 12 MB. Past these each          sort of denial has the first few.";
    SUGGEST_RECORDS_TOLD: usize = 3, "records",
        "Records that people are told of one action of a suggested permit, or one reason to leave some out; the others are counted.";
    SUGGEST_REASONS_MAX: usize = 100, "reasons",
        "Different reasons that are told of records that no permit is suggested for; whoever has this many reads the first.";
    REPLAY_THREADS_MAX: usize = 8, "threads",
        "Threads that decide a log again; each remembers up to 64 MiB of answers of each policy set.";
    REPLAY_BATCH_LINES: usize = 128, "lines",
        "Lines of a log that are handed to one thread at a time: some 350 KB, 5 ms of work.";
    REPLAY_PENDING_BATCHES: usize = 4, "batches",
        "Batches of lines that wait for one thread, or for those before them, when a log is decided again.";
    REPLAY_GROUPS_MAX: usize = 1_000, "groups",
        "Groups of decisions that would change alike: more than anybody reads; the others are counted as one.";
    REPLAY_GROUPS_SHOWN: usize = 8, "groups",
        "Groups of each sort of change that are shown to people: a report on a change is read beside it, in less than 60 lines.";
    REPLAY_OPENINGS_MAX: usize = 100_000, "records",
        "Records that would change and may stand for others that were only counted: some 10 MB. Of those beyond, what was \
         counted under them is told in the sum only.";
    DIFF_SHOWN: usize = 8, "differences",
        "Differences of two policy sets in text that are shown to people, with what they change.";
    DIFF_LINES_SHOWN: usize = 6, "lines",
        "Lines of a policy that are gone, and lines that are new, that are shown to people.";
    FOLDER_LOOK_MS: u64 = 400, "milliseconds",
        "Time between two looks at the path of a watched folder: a link that is turned to another folder is told to \
         nobody, and what is behind it is to be in force within a second.";
    QUIET_MS: u64 = 300, "milliseconds",
        "Time without a change after which a watched folder is read: a burst of saves is one reload.";
    UNQUIET_MAX_MS: u64 = 3_000, "milliseconds",
        "Longest wait for a watched folder to come to rest; then it is read as it is.";
}

/// How much longer each wait before a restart is than the one before: 2, as the reference system has it.
pub const RESTART_BACKOFF_FACTOR_DEFAULT: f64 = 2.0;

/// Largest `backoff_factor`: 100, past which the second wait is the longest one anyway.
pub const RESTART_BACKOFF_FACTOR_MAX: f64 = 100.0;

/// Part of a wait before a restart that is random, from 0 to 1: a tenth, so that services that failed
/// together do not come back together.
pub const RESTART_JITTER_DEFAULT: f64 = 0.1;

#[cfg(test)]
mod tests {
    use super::LIMITS;

    #[test]
    fn every_limit_says_what_it_bounds() {
        for limit in LIMITS {
            assert!(limit.reason.ends_with('.') && limit.reason.len() > 30, "{}", limit.name);
        }
    }
}
