//! Every bound of the virtual machine, with unit and reason.

/// Bytes of one source text: 256 KiB, which compiles in about 50 ms and 20 MB.
pub const SOURCE_BYTES_MAX: usize = 256 * 1024;

/// Bytes of bytecode that one source may become: 4 MiB. Ordinary code is about as large as its text; constant
/// strings that the compiler joins can make a text of 256 KiB into 100 MB.
pub const BYTECODE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Bytes of the name of a piece of code: 200, since Luau cuts names in messages at 256.
pub const CODE_NAME_BYTES_MAX: usize = 200;

/// Stack of the thread that compiles, in bytes: 16 MiB. Luau's parser recurses up to 1 000 levels of nesting,
/// and a worker's own stack may be 2 MiB.
pub const COMPILE_STACK_BYTES: usize = 16 * 1024 * 1024;

/// Bodies that live in one pod at once: 250. Luau counts memory in 256 categories; one is the pod's own and
/// five are slack.
pub const POD_BODIES_MAX: usize = 250;

/// Heap of a pod past which it takes no more bodies: 32 MiB, of which a full collection takes 8 ms.
pub const POD_HEAP_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Bytes of bytecode that a pod keeps loaded for all its bodies, in its own account: 8 MiB, each piece
/// counted with 256 bytes more. Further code is loaded for each body, in the body's account.
pub const POD_CODE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Bytes that may remain in the memory category of an ended body for it to be used again: 64 KiB (strings
/// that others share). They are the next body's baseline.
pub const CATEGORY_REMAINS_BYTES_MAX: usize = 64 * 1024;

/// Ended bodies in a pod without a free category for which a whole collection (8 ms at 32 MB) is made before the next
/// body starts: 32, so that a start costs a quarter of a millisecond of it. With fewer the body goes to another pod.
pub const CATEGORIES_WORTH_A_COLLECTION: usize = 32;

/// Smallest memory limit of a body: 64 KiB, in which a script of a few hundred lines can start.
pub const BODY_MEMORY_BYTES_MIN: usize = 64 * 1024;

/// Bytes past its limit that a body's allocations may reach before one is refused: half of its limit and
/// this, 256 KiB. Between limit and refusal a collection decides whether what is there is garbage.
pub const ALLOCATION_SLACK_BYTES: usize = 256 * 1024;

/// Strands of one body: 10 000, below what the default memory limit allows; each is about 1 KB of Lua stack.
pub const STRANDS_MAX: usize = 10_000;

/// Coroutines that resume each other in one strand: 200, as Luau bounds nested C calls.
pub const COROUTINES_NESTED_MAX: usize = 200;

/// Safepoints (loop back edges, calls, pattern steps) between two looks at the clock: at most 32. A look
/// costs 25 ns, so this adds 1 ns to a safepoint; a string operation of a body with an 8 MiB limit takes up
/// to 8 ms, so this also bounds how late a pre-emption can be.
pub const SAFEPOINTS_PER_LOOK_MAX: u32 = 32;

/// Time between two looks at the clock that is long, in nanoseconds: 100 us. After a longer one the next
/// safepoint looks again.
pub const LOOK_INTERVAL_NS: u64 = 100_000;

/// Bytes or elements that one library call may work through without a look at the clock: 4 096, a microsecond
/// of copying.
pub const WORK_WITHOUT_LOOK_MAX: usize = 4_096;

/// How long past its slice code that cannot yield may run, in nanoseconds: 50 ms.
pub const OVERRUN_NS: u64 = 50_000_000;

/// Steps that one pattern item may take between two safepoints: 2^23, about 20 ms. A set such as `[%w_]`
/// costs its length for each byte of the subject, without a safepoint: this one fits 2 MiB of it.
pub const PATTERN_STEPS_MAX: usize = 1 << 23;

/// Strings that `string.split` makes between two looks at the clock: 256, at most 20 ms of them when 70 000 strings
/// that hash alike are there already (measured 2026-11-27).
pub const PIECES_WITHOUT_LOOK: i32 = 256;

/// Levels of a call stack that errors and tracebacks show: 32.
pub const FRAMES_MAX: usize = 32;

/// Bytes of the message of an uncaught error: 4 KiB; the rest is cut.
pub const ERROR_MESSAGE_BYTES_MAX: usize = 4 * 1024;

/// Object types of a surface: 100, since Luau has 128 userdata tags.
pub const OBJECT_TYPES_MAX: usize = 100;

/// Functions of a surface, methods included: 10 000, far from the 65 535 that an id can hold.
pub const FUNCTIONS_MAX: usize = 10_000;
