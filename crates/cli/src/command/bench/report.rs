//! The numbers of one measurement, with what they were measured on.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Map, Value as Json, json};

/// What was measured.
#[derive(Debug)]
pub(super) struct Report {
    name: &'static str,
    /// One sentence: what was done.
    what: String,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    key: &'static str,
    text: String,
    json: Json,
}

impl Report {
    /// A report without numbers yet.
    pub(super) fn new(name: &'static str, what: String) -> Self {
        let mut report = Self { name, what, rows: Vec::new() };
        let build = if cfg!(debug_assertions) { "debug" } else { "release" };
        let (system, machine) = (std::env::consts::OS, std::env::consts::ARCH);
        report.row(
            "machine",
            format!("{} cores, {system} {machine}, {build} build", cores()),
            json!({"cores": cores(), "os": system, "arch": machine, "build": build}),
        );
        report
    }

    /// Adds a number, for people and for programs.
    pub(super) fn row(&mut self, key: &'static str, text: String, json: Json) {
        self.rows.push(Row { key, text, json });
    }

    /// Adds the spread of times.
    pub(super) fn times(&mut self, key: &'static str, times: Times) {
        let text = format!(
            "p50 {}, p99 {}, max {} ({} times)",
            milliseconds(times.p50),
            milliseconds(times.p99),
            milliseconds(times.max),
            times.count
        );
        let number = |time: Duration| json!(time.as_nanos().to_string());
        let json = json!({"count": times.count, "p50_ns": number(times.p50), "p99_ns": number(times.p99),
            "max_ns": number(times.max)});
        self.row(key, text, json);
    }

    pub(super) fn to_text(&self) -> String {
        let mut text = format!("{}: {}\n", self.name, self.what);
        for row in &self.rows {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  {:<22} {}", row.key.replace('_', " "), row.text);
        }
        text
    }

    pub(super) fn to_json(&self) -> Json {
        let rows: Map<String, Json> =
            self.rows.iter().map(|row| (row.key.to_owned(), row.json.clone())).collect();
        json!({"bench": self.name, "what": self.what, "results": rows})
    }
}

/// How many threads this machine runs at once.
pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn milliseconds(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1000.0)
}

/// The spread of some times, by nearest rank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Times {
    pub(super) count: usize,
    pub(super) p50: Duration,
    pub(super) p99: Duration,
    pub(super) max: Duration,
}

impl Times {
    /// The spread of these; all nothing of none.
    pub(super) fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let rank = |percent: usize| {
            let rank = (times.len() * percent).div_ceil(100).max(1);
            times.get(rank - 1).copied().unwrap_or_default()
        };
        Self { count: times.len(), p50: rank(50), p99: rank(99), max: rank(100) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Report, Times};

    #[test]
    fn quantiles_are_times_that_were_measured() {
        let times = |milliseconds: std::ops::RangeInclusive<u64>| {
            Times::of(milliseconds.rev().map(Duration::from_millis).collect())
        };
        let hundred = times(1..=100);
        assert_eq!((hundred.p50, hundred.p99), (Duration::from_millis(50), Duration::from_millis(99)));
        assert_eq!(hundred.max, Duration::from_millis(100));
        let one = times(7..=7);
        assert_eq!((one.p50, one.p99, one.max), (one.max, one.max, Duration::from_millis(7)));
        assert_eq!(Times::of(Vec::new()).max, Duration::ZERO);
    }

    #[test]
    fn a_report_says_on_what_it_was_measured() {
        let mut report = Report::new("loops", "nothing".into());
        report.times("time_to_kill", Times::of(vec![Duration::from_micros(1500)]));
        assert!(report.to_text().contains("  machine "), "{}", report.to_text());
        assert!(
            report
                .to_text()
                .ends_with("time to kill           p50 1.50 ms, p99 1.50 ms, max 1.50 ms (1 times)\n")
        );
        assert_eq!(report.to_json()["results"]["time_to_kill"]["p50_ns"], "1500000");
    }
}
