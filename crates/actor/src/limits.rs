//! Every bound of this crate, with its unit and the reason for the number.

use std::time::Duration;

/// Processes of one worker: 2^20 slots. Above what 16 GB can hold at the 5 KB a parked process costs, so that
/// memory, not the table, is what an operator runs out of.
pub const PROCESSES_PER_WORKER_MAX: usize = 1 << 20;

/// Slots of the process table that are made at once: 1 024, so that a small node stays small.
pub(crate) const SLOTS_PER_CHUNK: usize = 1024;

/// Workers of one node: what 8 bits of an address can name.
pub const WORKERS_MAX: usize = 256;

/// Messages that wait in one mailbox unless the definition says otherwise: 1 000.
pub const MAILBOX_MESSAGES_DEFAULT: u32 = 1_000;

/// Bytes that wait in one mailbox unless the definition says otherwise: 1 MiB, so that the largest value fits
/// an empty mailbox.
pub const MAILBOX_BYTES_DEFAULT: u64 = value::VALUE_BYTES_MAX as u64;

/// Messages that any mailbox may be given: 100 000. Taking by topic walks the mailbox, so this also bounds how
/// long one take may last (about a millisecond).
pub const MAILBOX_MESSAGES_MAX: u32 = 100_000;

/// Bytes of a topic: 256. Topics are names written in code; the room for a message does not count them.
pub const TOPIC_BYTES_MAX: usize = 256;

/// Bytes of a name in the registry: 128, from the specification's pattern.
pub const NAME_BYTES_MAX: usize = 128;

/// Names that one process may hold: 64. A process needs one or two; more is a leak.
pub const NAMES_PER_PROCESS_MAX: usize = 64;

/// Event slots of one process: 10 000. Each monitor and each link holds one from when it is made until its
/// event has been read, so a supervisor can watch that many children.
pub const EVENT_SLOTS_MAX: u32 = 10_000;

/// Bytes that one event slot is charged to the tenant: the edge at both of its ends, what it was permitted as, and the
/// queued event.
pub const EVENT_SLOT_BYTES: u64 = 512;

/// Deadlines of cancels that are kept for one process: the 8 earliest. The first ends it; the others count only if
/// policies have changed and whoever set the first may no longer.
pub const CANCEL_DEADLINES_MAX: usize = 8;

/// Bytes of results in one process's unread events: 1 MiB. Event slots are many and a result may be large;
/// a result over this arrives as an error that says so.
pub const EVENT_RESULT_BYTES_MAX: usize = 1024 * 1024;

/// Bytes of the result that an ended process leaves to those who hear of it: 64 KiB. It is kept once, however
/// many hear of it.
pub const RESULT_BYTES_MAX: usize = 64 * 1024;

/// Timers of one process that run, or have fired and are not yet taken: 1 000.
pub const TIMERS_PER_PROCESS_MAX: usize = 1_000;

/// The longest timer: 10 years. Longer ones are shortened to it; nobody will notice.
pub const TIMER_MAX: Duration = Duration::from_secs(10 * 366 * 24 * 3600);

/// Calls of one process that wait for their result at the same time: 1 000.
pub const CALLS_PER_PROCESS_MAX: usize = 1_000;

/// Calls within calls: 16. A chain this deep is a recursion that will not end.
pub const CALL_DEPTH_MAX: u8 = 16;

/// Processes of one tenant unless its quota says otherwise: 100 000.
pub const TENANT_PROCESSES_DEFAULT: u32 = 100_000;

/// Parcels that one poll of a worker's inbox takes: 4 096, so that a flood from other workers cannot keep
/// this one from running its own processes.
pub(crate) const PARCELS_PER_POLL: usize = 4_096;

/// Time that a tenant may use before the next tenant's turn: 1 ms. A neighbour that wakes waits about this
/// long for each busy tenant.
pub(crate) const QUANTUM_NS: i64 = 1_000_000;

/// Time that a tenant can owe: 100 ms. One slice that runs as long as it can past its end is paid back twice over; an hour on otherwise idle workers is
/// not held against it for ever.
pub(crate) const DEBT_NS_MAX: i64 = 100_000_000;

/// Runnable processes of a worker above which a child may start on another one: 16. Below it, staying on the
/// spawner's worker is cheaper than waking another.
pub(crate) const LOAD_MARK: u32 = 16;

/// Sessions of tokens that one process carries: 16. Each start under an actor from another token adds one, so only a
/// chain of that many delegations comes near it.
pub const SESSIONS_PER_PROCESS_MAX: usize = 16;

/// Tokens that one tenant may have verified in a second, all at once or spread: 50. With the largest key that is 3 % of a core
/// (0.6 ms each for RSA of 8 192 bits).
pub const TOKENS_PER_SECOND: u32 = 50;
