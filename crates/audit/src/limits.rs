//! Bounds of the audit log: how long a line, how full the queue, how large a file, how long a wait.

use std::time::Duration;

/// Bytes of one line with its line break: 16 KiB. A decision with its entities is 2 to 6 KiB; tools that read
/// line by line may rely on the bound.
pub const LINE_BYTES_MAX: usize = 16 * 1024;

/// Records accepted and not yet durable: 65 536, two thirds of a second at 100 000 records a second.
pub const QUEUE_RECORDS_MAX: usize = 65_536;

/// Bytes of records accepted and not yet durable: 64 MiB, 1 KiB for each record of a full queue.
pub const QUEUE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// What one tenant's records may take of the queue, records and bytes alike: a quarter, so that its flood of denials
/// leaves the others room.
pub(crate) const QUEUE_TENANT_SHARE: usize = 4;

/// Records between two checkpoints: 1 000, a hundredth of a second at 100 000 records a second. A signature costs 20
/// microseconds.
pub const CHECKPOINT_RECORDS_MAX: u64 = 1_000;

/// Time between two checkpoints while records come in: 1 s, so that no more than that is held by the chain alone.
pub const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(1);

/// Bytes kept free at the end of a segment for its checkpoint: 1 KiB. Such a line has some 600.
pub(crate) const CHECKPOINT_LINE_BYTES: u64 = 1024;

/// Time that closing a log waits for the last checkpoint to be copied: 2 s; a place that takes longer does not answer.
pub const CHECKPOINT_COPY_WAIT: Duration = Duration::from_secs(2);

/// Bytes of a file with a key: 4 KiB. Ours have 119, and OpenSSL's no more than 1 KiB with all that it may add.
pub const KEY_FILE_BYTES_MAX: u64 = 4 * 1024;

/// Bytes that a start reads on the way back to where the last run began, after one that did not end in order: 64 MiB,
/// the last segment or two. Before that, roll-ups that were left open are not found.
pub const RECOVERY_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Members that a log can redact: 16, each with a path of at most [`REDACT_PATH_BYTES_MAX`]; a record lists them.
pub const REDACT_PATHS_MAX: usize = 16;

/// Bytes of the path of a member that is redacted: 64, `entities.attrs.` and a name.
pub const REDACT_PATH_BYTES_MAX: usize = 64;

/// Places of one text at which a name is replaced: 16, as each gets longer by it. A text with more is replaced whole.
pub(crate) const REDACT_REPEATS_MAX: usize = 16;

/// Bytes that one tenant's records may have stored beside one segment because they do not fit into a line: 16 MiB, a quarter
/// of what the segment has itself. Past it the parts are lost, and the records say so.
pub const STORED_TENANT_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Roll-ups that one `recovered` record names: 256, half a line.
pub const RECOVERED_ROLLUPS_MAX: usize = 256;

/// Bytes of one segment file: 64 MiB, about 40 000 decisions; small enough to copy, search and compress whole.
pub const SEGMENT_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Age of a segment's first record at which the next commit begins another segment: 24 h, so that a quiet log too is
/// signed, compressed and removed by the day.
pub const SEGMENT_AGE_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Records of one commit: 1 024, at most 16 MiB of lines, typically 2 MiB.
pub const BATCH_RECORDS_MAX: usize = 1_024;

/// Time between two commits while records come in and nobody waits for them: 5 ms, so that a busy log syncs at
/// most 200 times a second and no record waits longer than that for its sync to begin.
pub const COMMIT_INTERVAL: Duration = Duration::from_millis(5);

/// Time between two attempts while the disk does not take lines: 100 ms.
pub const RETRY_INTERVAL: Duration = Duration::from_millis(100);

/// Time to wait for a log that another process holds: 2 s, longer than a `moonward call` needs to end.
pub const LOCK_WAIT: Duration = Duration::from_secs(2);

/// Time between two looks at a held lock: 20 ms.
pub(crate) const LOCK_POLL: Duration = Duration::from_millis(20);

/// Bytes of the disk that are held to be given up when it is full: 1 MiB, for the record that says so and some hundreds that
/// were accepted before.
pub const RESERVE_BYTES: u64 = 1024 * 1024;

/// Longest time between the first records of two segments with which the clock is believed at once, when old segments
/// are to be removed: 7 days. A longer one is a machine that was off, or a clock that is wrong. No segment gets older.
pub(crate) const CLOCK_JUMP_MAX: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Time that a log goes on after such a jump before old segments are removed: 24 h, for a person to see the warning.
pub(crate) const CLOCK_CONFIRMED_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// Level of gzip for complete segments, of 1 to 9: 6. Decisions come out at an eighth of their size, 14 % smaller than at
/// level 1; level 9 takes twice as long for 3 % more (measured 2026-11-27).
pub(crate) const GZIP_LEVEL: u32 = 6;

/// Rest of the thread that compresses after each piece, in times that the piece took: 4, a fifth of a core at most. Some 15 MiB a
/// second come out at that, more than a log writes for long.
pub(crate) const COMPRESS_REST: u32 = 4;

/// Time that the end of a log waits for the segment that is being compressed: 3 s, for 64 MiB on a busy machine. One that
/// takes longer is left for the next start.
pub(crate) const COMPRESS_CLOSE_WAIT: Duration = Duration::from_secs(3);

/// Bytes that are read of a copied checkpoint: 4 KiB, ten times what one has.
pub(crate) const CHECKPOINT_COPY_BYTES_MAX: u64 = 4 * 1024;

/// Numbers that the last segment may be above the one before while it is empty: 1 000. Each failed attempt to make a file skips
/// one; a number near the largest, which somebody gave a file, would leave none.
pub(crate) const SEGMENT_NUMBERS_SKIPPED_MAX: u64 = 1_000;

/// Stretches of records without a witness that a verifier names: 16, a line or two. All of them are counted.
pub(crate) const VERIFY_UNWITNESSED_MAX: usize = 16;

/// Bytes that are read of a segment at once, and decompressed at once: 64 KiB, four of the longest lines.
pub(crate) const READ_BYTES: usize = 64 * 1024;

/// Bytes of a policy set as it is archived: 512 MiB, several times what all files of an app may have, since characters are
/// escaped.
pub(crate) const ARCHIVED_BYTES_MAX: usize = 512 * 1024 * 1024;

/// Records of their own that decisions which are alike (tenant, actor, action, sort of answer) have at once: 100, enough to see
/// what a loop does; past it they are counted.
pub(crate) const ROLLUP_KEY_BURST: u32 = 100;

/// Time for one record of its own more, of decisions that are alike: 100 ms, 10 a second.
pub(crate) const ROLLUP_KEY_EACH: Duration = Duration::from_millis(100);

/// Records of their own that all decisions of one tenant have at once: 500, 2 MiB of a typical 4 KiB.
pub(crate) const ROLLUP_TENANT_BURST: u32 = 500;

/// Time for one record of its own more, of all decisions of one tenant: 20 ms, 50 a second. A flood over many actors and
/// actions writes some 200 KiB a second, 17 GiB a day.
pub(crate) const ROLLUP_TENANT_EACH: Duration = Duration::from_millis(20);

/// Kinds of decisions of one tenant that are told apart by their actors: 64. Past it an actor that was not seen of late is
/// counted with all others that did the same, so that there are at most as many more as permissions times sorts of answers.
pub(crate) const ROLLUP_ACTOR_KEYS_MAX: usize = 64;

/// Tenants whose decisions are counted: 4 096 within [`ROLLUP_IDLE`]. Every decision of one more has a record of its own,
/// within its share of the queue.
pub(crate) const ROLLUP_TENANTS_MAX: usize = 4_096;

/// Time between two records of a count that changes: 1 s, which is also what a crash may leave uncounted.
pub(crate) const ROLLUP_INTERVAL: Duration = Duration::from_secs(1);

/// Time without a decision after which a count is closed: 10 s, when records of their own are due again.
pub(crate) const ROLLUP_IDLE: Duration = Duration::from_secs(10);

/// Time between two looks at counts of what is allowed: 60 s. One is told when it is twice what was told before, so that it
/// has at most 64 records of it, and a crash leaves half of it uncounted at most, or a minute.
pub(crate) const TALLY_INTERVAL: Duration = Duration::from_secs(60);

// What is forgotten is what would be so if it were made anew: a count that has been idle has its whole burst again.
const _: () = assert!(
    ROLLUP_KEY_EACH.as_millis() * ROLLUP_KEY_BURST as u128 <= ROLLUP_IDLE.as_millis(),
    "a count is not forgotten before its burst is whole"
);

/// Bytes, as escaped in the line, that a text keeps when it has to be cut: 256.
pub(crate) const CUT_TEXT_BYTES_MAX: usize = 256;

/// Elements that a list keeps when it has to be cut: 4.
pub(crate) const CUT_ITEMS_MAX: usize = 4;

/// Elements that a list inside an event's detail keeps when it has to be cut: 16; there are no others beside it.
pub(crate) const CUT_DETAIL_ITEMS_MAX: usize = 16;

/// Keys that one log can have been signed with, for a verifier: 1 024, a rotation each week for ten years.
pub(crate) const VERIFY_KEYS_MAX: usize = 1_024;

/// Key ids that a verifier names of a log in which no key is known: 4 of each segment.
pub(crate) const VERIFY_ID_SAMPLES_MAX: usize = 4;

/// Policy sets that a verifier remembers to have looked at: 65 536, 2 MiB of hashes; others are read again.
pub(crate) const VERIFY_ARCHIVES_MAX: usize = 65_536;

/// Bytes that a verifier reads at once, for each core: 256 KiB, a tenth of a millisecond of hashing.
pub(crate) const VERIFY_BUFFER_BYTES: usize = 256 * 1024;

/// Bytes between two words of a verifier on how far it is: 1 MiB.
pub(crate) const VERIFY_PROGRESS_BYTES: u64 = 1024 * 1024;

// A line with everything cut fits: 10 texts of the request and 7 displayed ones; 4 scopes, 4 chain ids, 4 errors;
// 4 policies with id and file, enforced and shadow. What is left over holds member names, numbers and the two
// stand-ins for context and entities (under 2 KiB together), and paths of what is redacted.
const _: () = assert!(
    (10 + 7 + CUT_ITEMS_MAX * (3 + 2 * 2)) * CUT_TEXT_BYTES_MAX
        + REDACT_PATHS_MAX * (REDACT_PATH_BYTES_MAX + 3)
        + 2 * 1024
        < LINE_BYTES_MAX,
    "a line with everything cut has to fit"
);
