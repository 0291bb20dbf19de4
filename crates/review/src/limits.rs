//! Bounds of reviewing a log: what is held in memory, and how long a part of the work takes.

use std::time::Duration;

/// Records that are indexed in one transaction: 2 000, some tens of milliseconds, for which a second reader waits.
pub const INDEX_BATCH_RECORDS: usize = 2_000;

/// Bytes of lines that are indexed in one transaction: 8 MiB, so that long records do not make it longer.
pub const INDEX_BATCH_BYTES: u64 = 8 * 1024 * 1024;

/// Time to wait for another process that writes the index: 10 s, many times what a transaction takes.
pub const INDEX_BUSY_WAIT: Duration = Duration::from_secs(10);

/// Troubles with a log that are kept word by word: 1 000; the first of them is what a person looks at, and one is enough for
/// an answer to be incomplete.
pub const TROUBLES_MAX: usize = 1_000;

/// Bytes of SQLite's own memory for pages: 32 MiB, which holds the upper levels of an index over ten million records.
pub const INDEX_CACHE_BYTES: usize = 32 * 1024 * 1024;

/// Time between two looks of the background indexer for new records: 1 s; what came since is indexed before an answer.
pub const KEEPER_INTERVAL: Duration = Duration::from_secs(1);

/// Rest of the background indexer after a transaction, in times that it took: 4, a fifth of a core at most.
pub const KEEPER_REST: u32 = 4;

/// Bytes of the end of a log that are looked through for the newest matches: 64 MiB, a segment; a query looks at all.
pub const RECENT_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Time between two looks of a follower for new lines: 100 ms, what a person takes for at once.
pub const FOLLOW_INTERVAL: Duration = Duration::from_millis(100);

/// Records that a query reads between two words on how far it is: 256, some milliseconds.
pub const QUERY_PROGRESS_RECORDS: u64 = 256;

/// Groups that are counted apart: 10 000, some megabytes whatever tenants call their actors; the others are counted as one.
pub const GROUPS_MAX: usize = 10_000;

/// Reasons for not matching that are counted apart: 100. A filter has a few places that can fail; the others are counted as one.
pub const REASONS_MAX: usize = 100;

/// Records that are exported between two places where an export can go on: 1 000, some megabytes that may come twice.
pub const EXPORT_BATCH_RECORDS: u64 = 1_000;

/// Bytes of a cursor file: 4 KiB; ours has 300.
pub const CURSOR_BYTES_MAX: u64 = 4 * 1024;

/// Records told before and after one, of its causal chain and of its actor: 5 each, about what one screen holds.
pub const STORY_NEIGHBOURS_MAX: usize = 5;

/// Lines of a policy that a story shows: 20; the rest is in the file.
pub const STORY_POLICY_LINES_MAX: usize = 20;

/// Characters of one value that a story shows: 200, three lines of a terminal; `-o json` has all of them.
pub const STORY_VALUE_CHARACTERS_MAX: usize = 200;

/// Rows of each table of a report, unless asked otherwise: 10, what somebody reads.
pub const REPORT_ROWS: usize = 10;

/// Rows of each table of a report at most: 1 000, a page that a browser shows at once.
pub const REPORT_ROWS_MAX: usize = 1_000;

/// Different names that one table counts: 20 000, some 60 MiB in all if all of them are long. Those that come later are counted
/// together, and the report says so.
pub const REPORT_NAMES_MAX: usize = 20_000;

/// Sorts of denials of which it is remembered that they were there before: 1 000 000 at 8 bytes.
pub const REPORT_KNOWN_MAX: usize = 1_000_000;

/// Steps of time that a trend has: 96, each some pixels of a chart. With more the steps become longer.
pub const REPORT_BUCKETS_MAX: usize = 96;

/// Steps of time that a trend has as text: 24 lines, one screen.
pub const REPORT_LINES_MAX: usize = 24;

/// Loads of policies, and incidents of the log, that a report lists: 50 each, the newest; the others are counted.
pub const REPORT_EVENTS_MAX: usize = 50;

/// Kinds of records that a report counts by name: 64; a log of ours has a dozen and a half.
pub const REPORT_KINDS_MAX: usize = 64;

/// Troubles that a report tells word by word: 20; what is wrong a thousand times is told a few times.
pub const REPORT_NOTES_MAX: usize = 20;

/// Seconds before and after a load of policies whose denials are compared: 60, long enough for services to act.
pub const LOAD_WINDOW_SECONDS: u64 = 60;

/// Denials after a load that are no burst, however few there were before: under 10.
pub const LOAD_BURST_MIN: u64 = 10;

/// How many times the denials before a load those after it are, in a burst: 3.
pub const LOAD_BURST_FACTOR: u64 = 3;

/// Sorts of denials counted after one load, to say which were most: 100.
pub const LOAD_SORTS_MAX: usize = 100;

/// Decisions of which it is remembered which policies they had: the last 4 096. A roll-up's first line comes in the second of its
/// opening record.
pub const REPORT_OPENINGS_MAX: usize = 4_096;

/// Roll-ups whose last count is remembered: 65 536 at some 100 bytes. With more, counts of the oldest could be added twice;
/// whoever counts says so.
pub const ROLLUPS_MAX: usize = 65_536;
