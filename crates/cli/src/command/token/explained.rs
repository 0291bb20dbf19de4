//! An inspected token, for people and for programs. All of its text is somebody else's.

use std::fmt::Write as _;

use diagnostic::visible;
use serde_json::{Map, Value as Json, json};
use token::{Authenticated, Cause, Inspection};

use super::time;

/// Claims that are times.
const TIMES: [&str; 4] = ["exp", "nbf", "iat", "auth_time"];

/// For people.
pub(super) fn text(inspection: &Inspection) -> String {
    let mut text = String::new();
    let key =
        inspection.kid.as_ref().map_or("the issuer's only key".to_owned(), |kid| format!("key `{kid}`"));
    let whose = match &inspection.issuer {
        Some((id, place)) => format!("a token of `{id}` ({place})"),
        None => "a token of no issuer of this app".to_owned(),
    };
    let _ = writeln!(text, "{}", visible(&format!("{whose}, {}, {key}", inspection.algorithm)));
    let _ = writeln!(text, "\nClaims");
    let rows = inspection.claims.iter().map(|claim| {
        let counts = if claim.counts.is_empty() {
            "nothing: no rule reads it".to_owned()
        } else {
            claim.counts.join(", ")
        };
        let counts = match claim.value.as_i64().filter(|_| TIMES.contains(&claim.name.as_str())) {
            Some(seconds) => format!("{counts}: {}", time(seconds)),
            None => counts,
        };
        [claim.name.clone(), claim.value.to_string(), counts]
    });
    table(&mut text, rows.collect());
    if !inspection.rules.is_empty() {
        let _ = writeln!(text, "\nRules");
        let rows = inspection.rules.iter().map(|rule| {
            let gave = match (rule.gave.as_slice(), &rule.why_not) {
                ([], why) => format!("nothing: {}", why.as_deref().unwrap_or("the claim is empty")),
                (gave, None) => gave.join(", "),
                (gave, Some(why)) => format!("{}; not all: {why}", gave.join(", ")),
            };
            [rule.place.to_string(), rule.rule.clone(), gave]
        });
        table(&mut text, rows.collect());
    }
    match &inspection.verdict {
        Ok(good) => accepted(&mut text, good),
        Err(cause) => refused(&mut text, inspection, cause),
    }
    text
}

/// For people, of a token of which nothing but its header is looked at.
pub(super) fn refusal(cause: &Cause) -> String {
    format!("Refused: {}\nhelp: {}\n", visible(&cause.to_string()), cause.hint())
}

/// The same for programs.
pub(super) fn refusal_json(cause: &Cause) -> Json {
    json!({"accepted": false, "reason": cause.to_string(), "help": cause.hint()})
}

fn accepted(text: &mut String, good: &Authenticated) {
    let list = |items: Vec<String>| if items.is_empty() { "none".to_owned() } else { items.join(", ") };
    let _ = writeln!(text, "\nAccepted");
    let scopes = good.scopes.iter().map(ToString::to_string).collect::<Vec<_>>();
    let scopes = if scopes.is_empty() { "none: everything is denied".to_owned() } else { scopes.join(", ") };
    let rows = [
        ("actor", good.actor.id().to_string()),
        ("roles", list(good.actor.roles().map(str::to_owned).collect())),
        ("tags", list(good.actor.tags().map(|(name, value)| format!("{name} = {value}")).collect())),
        ("scopes", scopes),
        ("until", time(good.session.ends_at)),
    ];
    for (name, value) in rows {
        let _ = writeln!(text, "  {name:<6}  {}", visible(&value));
    }
}

fn refused(text: &mut String, inspection: &Inspection, cause: &Cause) {
    let _ = writeln!(text, "\nRefused: {}", visible(&cause.to_string()));
    if matches!(cause, Cause::UnknownKey { .. }) {
        let served: Vec<String> = inspection.keys.iter().map(|kid| format!("`{kid}`")).collect();
        let served = if served.is_empty() { "none".to_owned() } else { served.join(", ") };
        let _ = writeln!(text, "  keys that it has: {}", visible(&served));
        for left_out in &inspection.left_out {
            let _ = writeln!(text, "  not used: {}", visible(left_out));
        }
    }
    let _ = writeln!(text, "help: {}", cause.hint());
}

/// Rows of three, the first two as wide as they need within bounds.
fn table(text: &mut String, rows: Vec<[String; 3]>) {
    /// Characters of the first two columns: claims of some providers are URLs, values can be anything.
    const WIDTHS: [usize; 2] = [24, 44];
    let rows: Vec<[String; 3]> = rows.into_iter().map(|row| row.map(|cell| visible(&cell))).collect();
    let width = |at: fn(&[String; 3]) -> &String, most: usize| {
        rows.iter().map(|row| at(row).chars().count()).max().unwrap_or_default().min(most)
    };
    let (first, second) = (width(|[cell, ..]| cell, WIDTHS[0]), width(|[_, cell, _]| cell, WIDTHS[1]));
    for [one, two, three] in &rows {
        let _ = writeln!(text, "  {one:<first$}  {two:<second$}  {three}");
    }
}

/// For programs.
pub(super) fn json(inspection: &Inspection) -> Json {
    let claims = inspection.claims.iter();
    let claims =
        claims.map(|claim| json!({"name": claim.name, "value": claim.value, "counts": claim.counts}));
    let rules = inspection.rules.iter().map(|rule| {
        json!({"place": &*rule.place, "rule": rule.rule, "claims": rule.claims, "gave": rule.gave, "why_not": rule.why_not})
    });
    let mut object = Map::new();
    object.insert("accepted".to_owned(), inspection.verdict.is_ok().into());
    match &inspection.verdict {
        Ok(good) => {
            let tags: Map<String, Json> =
                good.actor.tags().map(|(name, value)| (name.to_owned(), value.into())).collect();
            let actor = json!({"id": &**good.actor.id(), "tenant": good.actor.tenant().as_str(), "kind": good.actor.kind().text(),
                "roles": good.actor.roles().collect::<Vec<_>>(), "tags": tags, "auth_time": good.actor.auth_time()});
            object.insert("actor".to_owned(), actor);
            object
                .insert("scopes".to_owned(), good.scopes.iter().map(|scope| Json::from(&**scope)).collect());
            object.insert("ends_at".to_owned(), good.session.ends_at.into());
        }
        Err(cause) => {
            object.insert("reason".to_owned(), cause.to_string().into());
            object.insert("help".to_owned(), cause.hint().into());
        }
    }
    let issuer = inspection.issuer.as_ref().map(|(id, place)| json!({"id": &**id, "place": &**place}));
    object.insert("issuer".to_owned(), issuer.unwrap_or_default());
    object.insert("algorithm".to_owned(), inspection.algorithm.name().into());
    object.insert("kid".to_owned(), inspection.kid.as_deref().into());
    object.insert("keys".to_owned(), inspection.keys.iter().map(|kid| Json::from(&**kid)).collect());
    object.insert(
        "left_out".to_owned(),
        inspection.left_out.iter().map(|why| Json::from(why.as_str())).collect(),
    );
    object.insert("claims".to_owned(), claims.collect());
    object.insert("rules".to_owned(), rules.collect());
    Json::Object(object)
}
