//! Ctrl-C, and SIGTERM, which means the same: how a command hears of it, and how it ends at once.

use std::io;
use std::sync::mpsc;
use std::time::Duration;

use audit::Log;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::fault::Fault;
use crate::log_lines;
use crate::print::Printer;

/// How long an end at once waits for the disk: a healthy one syncs in milliseconds.
const SYNC_WAIT: Duration = Duration::from_secs(1);

/// Requests to end, one after the other.
pub(crate) struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
}

impl Interrupts {
    /// Listens from now on; the system's own way of ending is off. Needs a tokio runtime.
    ///
    /// # Errors
    /// The system refuses.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// The next request.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// A runtime for one thread, to wait on.
///
/// # Errors
/// The system refuses.
pub(crate) fn waiting_place() -> Result<tokio::runtime::Runtime, Fault> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(refused)
}

/// Does work that waits; a request to end meanwhile ends this process.
///
/// # Errors
/// The system does not let us listen.
pub(crate) fn unless_interrupted<T: Send>(
    log: &Log,
    printer: &Printer,
    work: impl FnOnce() -> T + Send,
) -> Result<T, Fault> {
    let place = waiting_place()?;
    std::thread::scope(|scope| {
        let (sender, done) = tokio::sync::oneshot::channel();
        scope.spawn(move || sender.send(work()));
        place.block_on(async {
            let mut interrupts = Interrupts::listen().map_err(refused)?;
            tokio::select! {
                outcome = done => outcome.map_err(|_| Fault::failed("the work ended without a result")),
                () = interrupts.next() => end(log, printer),
            }
        })
    })
}

/// Ends this process at once, as soon as what was recorded is durable. The log takes nothing more, so that no script
/// hears of a decision that is not in it.
pub(crate) fn end(log: &Log, printer: &Printer) -> ! {
    let (sender, durable) = mpsc::channel();
    let log = log.clone();
    std::thread::spawn(move || sender.send(log.close()));
    // A disk that hangs must not hold up who asked twice.
    let _ = durable.recv_timeout(SYNC_WAIT);
    log_lines::flush();
    std::process::exit(printer.fault(&Fault::Interrupted).code().into())
}

pub(crate) fn refused(error: io::Error) -> Fault {
    Fault::failed(format!("signals cannot be waited for: {error}"))
}
