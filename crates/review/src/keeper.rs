//! The index kept up in the background, so that whoever asks finds it warm.
//!
//! Takes a fifth of a core at most, and only when there are new records. What goes wrong is said once: whoever asks brings
//! the index up to now anyway.

use std::io;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::index::{Index, IndexError};
use crate::limits::{KEEPER_INTERVAL, KEEPER_REST};
use audit::has_records;

/// A thread that keeps the index of one log up. It ends when this is dropped, after the transaction that it is in.
#[derive(Debug)]
pub struct Keeper {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Starts the thread. The folder may come to be later.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(folder: &Path) -> io::Result<Self> {
        let folder = folder.to_owned();
        let (stop, stopped) = channel();
        let thread = thread::Builder::new()
            .name("moonward-index".to_owned())
            .spawn(move || keep(&folder, &stopped))?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the background indexer of the audit log panicked");
        }
    }
}

fn keep(folder: &Path, stopped: &Receiver<()>) {
    let mut said = false;
    let mut index = None;
    let mut rest = Duration::ZERO;
    while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(rest) {
        let begun = Instant::now();
        rest = match step(folder, &mut index) {
            Ok(true) => KEEPER_INTERVAL,
            Ok(false) => begun.elapsed() * KEEPER_REST,
            Err(why) => {
                index = None;
                if !std::mem::replace(&mut said, true) {
                    tracing::warn!(folder = %folder.display(), "the audit log is not indexed in the background: {why}");
                }
                KEEPER_INTERVAL
            }
        };
    }
}

/// One transaction. True when there is nothing more to do for now.
fn step(folder: &Path, kept: &mut Option<Index>) -> Result<bool, String> {
    let index = match kept {
        Some(index) => index,
        None => {
            if !has_records(folder) {
                return Ok(true);
            }
            let opened = Index::open(folder).map_err(|error| error.to_string())?;
            if opened.bytes().is_none() {
                return Err("it cannot be kept beside the log".to_owned());
            }
            kept.insert(opened)
        }
    };
    match index.step() {
        Ok(step) => Ok(step.at_end),
        // Somebody else is at it.
        Err(IndexError::Sqlite(error))
            if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) =>
        {
            Ok(true)
        }
        Err(error) => Err(error.to_string()),
    }
}
