//! The record that somebody names: by its id, by the beginning of it, or as the newest denial.

use std::path::Path;

use audit::{Line, ReadError, read, read_with};
use diagnostic::{did_you_mean, visible};
use review::moment;
use serde_json::{Value as Json, json};

use crate::fault::Fault;

/// What stands for the newest denial. No id begins so: an L is in none.
const NEWEST: &str = "last";

/// Characters of an id that are asked for at least: its time to the second.
const PREFIX_MIN: usize = 8;

/// Characters of a whole id.
const ID_LENGTH: usize = 26;

/// Records that are listed when several begin alike.
const ALIKE_MAX: usize = 10;

/// The record that is named. `place` are the arguments that name the log, as a shell takes them.
///
/// # Errors
/// It is no name of a record, no record has it, or several begin so; with what is nearest.
pub(super) fn recorded(name: &str, log: &Path, place: &str) -> Result<Line, Fault> {
    if !log.is_dir() {
        let shown = visible(&log.display().to_string());
        return Err(Fault::failed(format!(
            "there is no audit log in `{shown}`: nothing was recorded there yet"
        ))
        .with_help("`--log DIR` names another log"));
    }
    match prefix(name)? {
        None => newest_denial(log),
        Some(prefix) => record(&prefix, log, place),
    }
}

/// The id, or what was given of it, as records write it; nothing for the newest denial.
fn prefix(name: &str) -> Result<Option<String>, Fault> {
    if name == NEWEST {
        return Ok(None);
    }
    let prefix = name.to_ascii_uppercase();
    // Crockford's base 32, which has no I, L, O and U.
    let fits = |byte: u8| byte.is_ascii_digit() || (byte.is_ascii_uppercase() && !b"ILOU".contains(&byte));
    if (PREFIX_MIN..=ID_LENGTH).contains(&prefix.len()) && prefix.bytes().all(fits) {
        return Ok(Some(prefix));
    }
    let message = format!("`{}` is no id of a record, and no beginning of one", visible(name));
    let help = format!(
        "an id is {ID_LENGTH} digits and letters without I, L, O and U; its first {PREFIX_MIN} are enough if no other record \
         has them; `{NEWEST}` is the newest denial"
    );
    Err(Fault::usage(message, help))
}

/// The only record whose id begins so.
fn record(prefix: &str, log: &Path, place: &str) -> Result<Line, Fault> {
    let (mut found, mut unreadable) = (Vec::new(), Vec::new());
    for line in read_with(log, &[&format!("\"id\":\"{prefix}")]) {
        match line {
            Ok(line) if text(&line.record, "id").starts_with(prefix) => found.push(line),
            Ok(_) => {}
            Err(error) => unreadable.push(error),
        }
        // A whole id is one record's.
        if found.len() > ALIKE_MAX || (prefix.len() == ID_LENGTH && !found.is_empty()) {
            break;
        }
    }
    if found.is_empty() {
        found = rewritten(log, |record| text(record, "id").starts_with(prefix));
    }
    match (found.pop(), found.as_slice()) {
        (None, _) => Err(unknown(prefix, (log, place), &unreadable)),
        (Some(line), []) => Ok(line),
        (Some(line), _) => {
            found.push(line);
            Err(alike(prefix, &found))
        }
    }
}

/// The first of such records however their lines are written, with white space, say, by whom they went through.
fn rewritten(log: &Path, is_it: impl Fn(&Json) -> bool) -> Vec<Line> {
    read(log).flatten().filter(|line| is_it(&line.record)).take(ALIKE_MAX + 1).collect()
}

/// No record begins so: what is nearest, and what the log has.
fn unknown(prefix: &str, (log, place): (&Path, &str), unreadable: &[ReadError]) -> Fault {
    let mut message =
        format!("no record begins with `{prefix}` in `{}`", visible(&log.display().to_string()));
    if let Some(error) = unreadable.first() {
        message.push_str(&format!(
            "; of {} that cannot be read any may have been it: {}",
            if unreadable.len() == 1 {
                "what follows".to_owned()
            } else {
                format!("{} lines", unreadable.len())
            },
            visible(&error.to_string())
        ));
    }
    let (mut nearest, mut ends) = (None::<String>, None::<(Json, Json)>);
    for line in read(log).flatten() {
        let record = line.record;
        let id = text(&record, "id");
        if prefix.len() == ID_LENGTH {
            nearest = did_you_mean(prefix, nearest.as_deref().into_iter().chain([id])).map(str::to_owned);
        }
        let short = json!({"seq": record.get("seq"), "ts": record.get("ts")});
        ends = Some(match ends {
            None => (short.clone(), short),
            Some((first, _)) => (first, short),
        });
    }
    let help = match (nearest, ends) {
        (Some(id), _) => format!("did you mean `{}`?", visible(&id)),
        (None, Some((first, last))) => format!(
            "the log has records {} to {}, {} to {}; `moonward audit query {}` lists them, `--log DIR` names another log",
            visible(text(&first, "seq")),
            visible(text(&last, "seq")),
            visible(&moment(text(&first, "ts"))),
            visible(&moment(text(&last, "ts"))),
            place
        ),
        (None, None) => "there is no record in that log; `--log DIR` names another one".to_owned(),
    };
    Fault::failed(message).with_help(help)
}

/// The newest denial of a log.
fn newest_denial(log: &Path) -> Result<Line, Fault> {
    let mut newest = None;
    let mut unreadable = None;
    for line in read_with(log, &[r#""decision":"deny""#]) {
        match line {
            Ok(line) if text(&line.record, "decision") == "deny" => newest = Some(line),
            Ok(_) => {}
            Err(error) => unreadable = Some(error),
        }
    }
    let is_denial = |line: &Line| text(&line.record, "decision") == "deny";
    newest.or_else(|| read(log).flatten().filter(is_denial).last()).ok_or_else(|| {
        let folder = visible(&log.display().to_string());
        let but = unreadable.map_or_else(String::new, |error| {
            format!(", as far as it can be read: {}", visible(&error.to_string()))
        });
        Fault::failed(format!("there is no denial in `{folder}`{but}"))
            .with_help("an id tells the story of any other record; `moonward audit query` lists them")
    })
}

/// Several records begin so.
fn alike(prefix: &str, found: &[Line]) -> Fault {
    let mut listed = String::from("more characters of one of these:");
    for record in found.iter().map(|line| &line.record).take(ALIKE_MAX) {
        let says = ["kind", "decision", "actor", "action"].map(|name| visible(text(record, name))).join(" ");
        let says = says.trim_end();
        listed.push_str(&format!(
            "\n  {}  {}  {says}",
            visible(text(record, "id")),
            visible(&moment(text(record, "ts")))
        ));
    }
    if found.len() > ALIKE_MAX {
        listed.push_str("\n  and more");
    }
    Fault::failed(format!("several records begin with `{prefix}`")).with_help(listed)
}

fn text<'r>(record: &'r Json, name: &str) -> &'r str {
    record.get(name).and_then(Json::as_str).unwrap_or_default()
}
