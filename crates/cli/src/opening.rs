//! What commands that run an app begin and end with: the app loaded, its log opened and closed.

use std::path::Path;

use app::App;
use audit::Log;

use crate::fault::Fault;
use crate::print::Printer;

/// Loads an app; what is probably not meant is said, and does not stop it.
///
/// # Errors
/// Everything that is wrong in the folder.
pub(crate) fn load(folder: &Path, printer: &Printer) -> Result<App, Fault> {
    let (app, warnings) = App::load(folder).map_err(Fault::NotRun)?;
    printer.diagnostics(&warnings);
    Ok(app)
}

/// Opens the app's log, or the one that was named instead. Waits for a moment when another process holds it.
///
/// # Errors
/// It is held, damaged or cannot be written.
pub(crate) fn open_log(app: &App, folder: Option<&Path>) -> Result<Log, Fault> {
    Ok(Log::open(app.log_options(folder))?)
}
