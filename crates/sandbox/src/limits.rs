//! Every bound of the Lua API and its workers, with unit and reason.

/// Bytes of all context values that a process holds, inherited ones included: 64 KiB. They are copied to every
/// child, so that a deep tree costs depth times this.
pub const CONTEXT_BYTES_MAX: usize = 64 * 1024;

/// Bytes of one context key: 256, longer than any identifier that people write.
pub const CONTEXT_KEY_BYTES_MAX: usize = 256;

/// Topics that one process listens to: 1 000. Taking from the inbox asks for each waiting message whether
/// somebody listens to it.
pub const TOPICS_MAX: usize = 1_000;

/// Values that a channel buffers: 100 000, of 16 bytes and more each in the process's own account.
pub const CHANNEL_SIZE_MAX: usize = 100_000;

/// Cases of one select: 256. A parked select has a place in the queue of each channel.
pub const SELECT_CASES_MAX: usize = 256;

/// Strands (main and `coroutine.spawn`) that wait at once in one process: 10 000, below what the default memory
/// limit allows; each is 1 KB of Lua stack.
pub const WAITS_MAX: usize = 10_000;

/// Calls of one process that wait for their own audit record to be durable: 100, of some milliseconds each. What they hold is
/// charged to the process; a tenant's share of the log's queue bounds those of all its processes.
pub const RECORD_WAITS_MAX: usize = 100;

/// Messages that one builder queues with `with_message`: 100.
pub const BUILDER_MESSAGES_MAX: usize = 100;

/// Bytes of one log line, fields included: 8 KiB; the rest is cut and marked.
pub const LOG_LINE_BYTES_MAX: usize = 8 * 1024;

/// Log lines of one process in a second: 100. Past it lines are counted, and the count is logged when the
/// second is over.
pub const LOG_LINES_PER_SECOND: u32 = 100;

/// A slice: 5 ms, so that with a runnable process of each of four tenants a message is seen within 20 ms.
pub const SLICE_NS: u64 = 5_000_000;

/// CPU time that a process is charged for a denial, beside what it uses: 50 us, about what it takes to decide and record one
/// (20 us and 40 us by `moonward bench check`, 2026-11-27). Most of a flood are remembered and only counted, and cost 3 us:
/// so it is the neighbours who gain. A loop of denials has at most 40 000 of them in 2 s.
pub const DENIAL_NS: u64 = 50_000;

/// Metadata entries of an actor made in Lua: 32, each of at most 256 bytes.
pub const ACTOR_META_MAX: usize = 32;

/// Stack of a worker thread in bytes: what the policy engine needs to evaluate its longest permitted condition.
pub const WORKER_STACK_BYTES: usize = policy::limits::EVALUATION_STACK_BYTES;

/// A worker that has not left one slice for 250 ms is reported as stuck.
pub const STUCK_NS: u64 = 250_000_000;

/// Running timers of a process at which those that nobody can receive from any more are looked for, by a collection: 500,
/// half of what it may have. `time.after` in a loop of selects makes one each round.
pub const TIMERS_BEFORE_COLLECTION: usize = 500;
