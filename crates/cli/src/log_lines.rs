//! Log lines on stderr: what tenants' scripts log, what happens to services, and what operators have to know.
//!
//! A line is `time level target: message key=value...`; a script's has its tenant and definition for a target. All
//! text in it is foreign, and shown as text. Lines are written by a thread of their own: whoever reads stderr slowly, or
//! not at all, holds up no worker.

use std::fmt::{self, Write as _};
use std::io::{self, Write as _};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, SystemTime};

use diagnostic::visible;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::{FmtContext, MakeWriter};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{EnvFilter, fmt as lines};

use crate::fault::Fault;

/// The variable with the filter, in the form of `tracing_subscriber`'s `EnvFilter`: `warn,tenant=debug`.
const VARIABLE: &str = "MOONWARD_LOG";

/// What is shown without the variable: scripts and services from `info` on, the rest when something is wrong.
const FILTER: &str = "warn,tenant=info,service=info";

/// Sends events of this process to stderr, for good.
///
/// # Errors
/// The filter in `MOONWARD_LOG` is not one.
pub(crate) fn install() -> Result<(), Fault> {
    let wanted = std::env::var(VARIABLE).unwrap_or_default();
    let filter = if wanted.trim().is_empty() { FILTER } else { wanted.trim() };
    let filter = EnvFilter::try_new(filter).map_err(|error| {
        let help = format!("write `level` or `target=level`, separated by commas, such as `{FILTER}`");
        Fault::usage(format!("`{VARIABLE}` is not a filter: {error}"), help)
    })?;
    lines().with_env_filter(filter).event_format(Line).with_writer(Queue).init();
    Ok(())
}

/// Waits until the lines so far are written, but not for long: before this process ends.
pub(crate) fn flush() {
    let (done, written) = sync_channel(1);
    if WRITER.send(Order::Flush(done)).is_ok() {
        let _ = written.recv_timeout(FLUSH_WAIT);
    }
}

/// Lines that wait to be written: 4 096, some hundred KiB, a second of 40 processes at their full rate.
const LINES_WAITING_MAX: usize = 4096;

/// How long the end of this process waits for who reads its lines.
const FLUSH_WAIT: Duration = Duration::from_secs(1);

/// Lines that found no room since the last one that did.
static DROPPED: AtomicU64 = AtomicU64::new(0);

static WRITER: LazyLock<SyncSender<Order>> = LazyLock::new(|| {
    let (sender, orders) = sync_channel(LINES_WAITING_MAX);
    std::thread::spawn(move || write_all(&orders));
    sender
});

enum Order {
    Line(Vec<u8>),
    Flush(SyncSender<()>),
}

fn write_all(orders: &Receiver<Order>) {
    for order in orders {
        match order {
            Order::Line(line) => {
                let dropped = DROPPED.swap(0, Ordering::Relaxed);
                if dropped > 0 {
                    let _ = writeln!(
                        io::stderr(),
                        "... {dropped} log lines are missing here: they came faster than they were read"
                    );
                }
                // One call a line. Nobody to read it is no error.
                let _ = io::stderr().lock().write_all(&line);
            }
            Order::Flush(done) => drop(done.try_send(())),
        }
    }
}

/// The queue as the subscriber sees it. Never waits.
struct Queue;

impl MakeWriter<'_> for Queue {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        Self
    }
}

impl io::Write for Queue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if WRITER.try_send(Order::Line(line.to_vec())).is_err() {
            DROPPED.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The form of a line.
struct Line;

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let time = value::rfc3339_millis(SystemTime::now());
        writeln!(writer, "{time} {}", body(event.metadata(), fields))
    }
}

fn body(metadata: &Metadata<'_>, mut fields: Fields) -> String {
    let level = match *metadata.level() {
        Level::ERROR => "error",
        Level::WARN => "warn ",
        Level::INFO => "info ",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    };
    let target = match (fields.take("tenant"), fields.take("definition")) {
        (Some(tenant), Some(definition)) => format!("{tenant} {definition}"),
        (Some(tenant), None) => format!("{} {tenant}", metadata.target()),
        _ => metadata.target().to_owned(),
    };
    let mut line = format!("{level} {target}: {}", fields.message);
    for (name, value) in &fields.others {
        // Writing to a string cannot fail.
        let _ = write!(line, " {name}={value}");
    }
    line
}

/// The fields of an event, made visible.
#[derive(Default)]
struct Fields {
    message: String,
    others: Vec<(&'static str, String)>,
}

impl Fields {
    fn take(&mut self, name: &str) -> Option<String> {
        let index = self.others.iter().position(|(candidate, _)| *candidate == name)?;
        Some(self.others.remove(index).1)
    }

    fn put(&mut self, field: &Field, text: String) {
        match field.name() {
            "message" => self.message = text,
            name => self.others.push((name, text)),
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, visible(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, visible(&format!("{value:?}")));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

    use super::{Event, Fields, Subscriber, body};

    struct Kept(Arc<Mutex<Vec<String>>>);

    impl<S: Subscriber> Layer<S> for Kept {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            let mut fields = Fields::default();
            event.record(&mut fields);
            self.0.lock().unwrap().push(body(event.metadata(), fields));
        }
    }

    #[test]
    fn a_line_names_whose_it_is_and_shows_foreign_text_as_text() {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let subscriber = tracing_subscriber::registry().with(Kept(kept.clone()));
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(target: "tenant", tenant = "acme", pid = "p1", definition = "acme:x", "hi \x1b[2J");
            tracing::warn!(target: "service", service = %"acme:s", attempt = 2, "failed\nagain");
        });
        assert_eq!(
            *kept.lock().unwrap(),
            [
                "info  acme acme:x: hi \\u{1b}[2J pid=p1",
                "warn  service: failed\\u{a}again service=acme:s attempt=2"
            ]
        );
    }
}
