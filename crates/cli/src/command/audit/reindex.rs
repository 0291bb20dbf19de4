//! `moonward audit reindex`: the index made anew from the segments.

use std::time::Instant;

use clap::Args;
use serde_json::json;

use super::{Place, say_no_log};
use crate::command::OutputForm;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::print::{Output, Printer};
use crate::progress::ProgressLine;

/// Make the index of the log anew
///
/// Never needed for right answers: an index that does not fit the log is made anew by itself. It is for who deleted it, and
/// wants the next query to be fast.
///
/// Exits with 4 when a line or segment cannot be read, or records are missing between those that can.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  moonward audit reindex my-app")]
pub(super) struct Reindex {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    pub(super) output: OutputForm,
}

impl Reindex {
    /// Makes it, and says how much there was to do.
    pub(super) fn run(&self, printer: &Printer) -> Result<Exit, Fault> {
        let folder = self.place.folder()?;
        if !review::has_records(&folder) {
            say_no_log(&folder, printer);
            return Ok(Exit::Done);
        }
        let begun = Instant::now();
        let (mut index, indexed) = {
            let mut progress = ProgressLine::new();
            review::reindex(&folder, &mut |at| progress.at("indexing", at.done, at.in_all))?
        };
        let seconds = begun.elapsed().as_secs_f64();
        index.take_notes().iter().for_each(|note| printer.say(&format!("warning: {note}")));
        let troubles = index.troubles()?;
        super::warnings(&troubles).iter().for_each(|warning| printer.say(warning));
        let Some(bytes) = index.bytes() else {
            return Err(Fault::failed("the index cannot be kept beside the log"));
        };
        if printer.output() == Output::Json {
            printer.json(&json!({
                "schema": "moonward.audit-reindex/1",
                "records": indexed.records,
                "segments": indexed.segments,
                "log_bytes": indexed.bytes,
                "index_bytes": bytes,
                "seconds": seconds,
                "troubles": troubles,
            }))?;
        } else {
            let segments = if indexed.segments == 1 { "segment" } else { "segments" };
            printer.data(&format!(
                "{} records of {} {segments} ({}) in {seconds:.1} s; the index has {}\n",
                indexed.records,
                indexed.segments,
                size(indexed.bytes),
                size(bytes),
            ))?;
        }
        Ok(if troubles.is_empty() { Exit::Done } else { Exit::Undetermined })
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_048_576 => format!("{} KiB", bytes.div_ceil(1024)),
        _ => format!("{} MiB", bytes / 1_048_576),
    }
}
