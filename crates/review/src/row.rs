//! What the index knows of a record: its head, and what people ask by.

use std::time::{SystemTime, UNIX_EPOCH};

use audit::{RawLine, ReadError};
use serde::Deserialize;
use serde_json::Value as Json;

/// A record as the index has it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Row {
    /// Its number.
    pub seq: u64,
    /// Its id.
    pub id: String,
    /// Its time, in nanoseconds since 1970.
    pub ts_ns: i64,
    /// Its kind.
    pub kind: String,
    /// The tenant that it concerns.
    pub tenant: Option<String>,
    /// Who asked, or did it.
    pub actor: Option<String>,
    /// What was asked for; of a roll-up, what those that it counts asked for.
    pub action: Option<String>,
    /// On which type of resource.
    pub resource_type: Option<String>,
    /// `allow` or `deny`; of a roll-up, that of those that it counts.
    pub decision: Option<String>,
    /// The sort of the answer.
    pub decision_kind: Option<String>,
    /// The policies that determined it, enforced and shadow, each with a line feed before and after it.
    pub policies: Option<String>,
    /// Of a roll-up, the id of the first decision of those that it counts.
    pub opening: Option<String>,
    /// Of a roll-up, how many it counts until now; of a retention, the number of the last record that was removed.
    pub count: Option<u64>,
    /// Whether the log says with it that it lets happen what it cannot record.
    pub best_effort: bool,
}

impl Row {
    /// Reads a line.
    ///
    /// # Errors
    /// It is not a record, or of a form that is not known; in words.
    pub fn of_line(line: &[u8]) -> Result<Self, String> {
        // Serde takes a list for the members of a structure, too.
        if !line.starts_with(b"{") {
            return Err("not a JSON object".to_owned());
        }
        let written = match serde_json::from_slice::<Written>(line) {
            Ok(written) => written,
            // What a later version says in another form is passed over.
            Err(_) => serde_json::from_slice::<Head>(line).map_err(|error| error.to_string())?.into(),
        };
        Self::of(written)
    }

    /// Reads a line, and gives it back with its row.
    ///
    /// # Errors
    /// As [`Row::of_line`], with the place of the line.
    pub(crate) fn of_raw(line: RawLine) -> Result<(RawLine, Self), ReadError> {
        match Self::of_line(&line.bytes) {
            Ok(row) => Ok((line, row)),
            Err(why) => {
                let file = line.file.to_path_buf();
                Err(ReadError::NotARecord { file, place: line.place, why })
            }
        }
    }

    /// The row of a record that was read already.
    ///
    /// # Errors
    /// As [`Row::of_line`].
    pub fn of_record(record: &Json) -> Result<Self, String> {
        if !record.is_object() {
            return Err("not a JSON object".to_owned());
        }
        let written = match Written::deserialize(record) {
            Ok(written) => written,
            Err(_) => Head::deserialize(record).map_err(|error| error.to_string())?.into(),
        };
        Self::of(written)
    }

    fn of(written: Written) -> Result<Self, String> {
        if written.schema != audit::SCHEMA {
            let schema: String = written.schema.chars().take(64).collect();
            return Err(format!("schema is `{schema}`, expected `{}`", audit::SCHEMA));
        }
        let is_number = written.seq.bytes().all(|byte| byte.is_ascii_digit());
        // SQLite's numbers have a sign.
        let seq = written.seq.parse().ok().filter(|seq| is_number && (1..=i64::MAX as u64).contains(seq));
        let seq = seq.ok_or("`seq` is not a number")?;
        let ts_ns = nanoseconds(&written.ts).ok_or("`ts` is not a time")?;
        let shadow = written.shadow.into_iter().flat_map(|shadow| shadow.policies);
        let mut row = Self {
            seq,
            id: written.id,
            ts_ns,
            kind: written.kind,
            tenant: written.tenant,
            actor: written.actor,
            action: written.action,
            resource_type: written.resource.and_then(|resource| resource.kind),
            decision: written.decision,
            decision_kind: written.decision_kind,
            policies: policies(written.policies.into_iter().chain(shadow)),
            opening: None,
            count: None,
            best_effort: false,
        };
        let detail = written.detail.as_ref();
        row.best_effort = detail.is_some_and(|detail| says_best_effort(&row.kind, detail));
        match row.kind.as_str() {
            "rollup" => row.count_others(&written.detail.unwrap_or_default()),
            "retention" => {
                row.count = written.detail.as_ref().and_then(|detail| decimal(detail.get("through")))
            }
            _ => {}
        }
        Ok(row)
    }

    fn count_others(&mut self, detail: &Json) {
        let text = |name: &str| detail.get(name).and_then(Json::as_str).map(str::to_owned);
        self.opening = text("opening");
        self.count = decimal(detail.get("count"));
        self.action = text("action");
        self.resource_type = text("resource_type");
        self.decision_kind = text("decision_kind");
        let effect = |kind: &str| if kind == "allow" { "allow" } else { "deny" };
        self.decision = self.decision_kind.as_deref().map(|kind| effect(kind).to_owned());
    }

    /// The policies one by one.
    pub fn policies(&self) -> impl Iterator<Item = &str> {
        self.policies.iter().flat_map(|ids| ids.split('\n')).filter(|id| !id.is_empty())
    }
}

/// Whether the `detail` of a record says that the log lets happen what it cannot record: the first checkpoint of a run, or a gap.
pub(crate) fn says_best_effort(kind: &str, detail: &Json) -> bool {
    matches!(kind, "checkpoint" | "gap")
        && detail.get("log_mode").and_then(Json::as_str) == Some("best_effort")
}

/// A number that may be written as text.
fn decimal(value: Option<&Json>) -> Option<u64> {
    let value = value?;
    let number = value.as_u64().or_else(|| value.as_str()?.parse().ok())?;
    (number <= i64::MAX as u64).then_some(number)
}

fn policies(references: impl Iterator<Item = Named>) -> Option<String> {
    let mut text = String::from("\n");
    for id in references.filter_map(|reference| reference.id) {
        text.push_str(&id.replace('\n', " "));
        text.push('\n');
    }
    (text.len() > 1).then_some(text)
}

/// Nanoseconds since 1970 of a time of the log, as far as 64 bits with a sign go (2262).
fn nanoseconds(text: &str) -> Option<i64> {
    let time = humantime::parse_rfc3339(text).ok()?;
    Some(nanoseconds_of(time))
}

/// The same of a time.
pub(crate) fn nanoseconds_of(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

/// A line as this version writes it.
#[derive(Deserialize)]
struct Written {
    schema: String,
    seq: String,
    id: String,
    ts: String,
    kind: String,
    tenant: Option<String>,
    actor: Option<String>,
    action: Option<String>,
    resource: Option<Typed>,
    decision: Option<String>,
    decision_kind: Option<String>,
    #[serde(default)]
    policies: Vec<Named>,
    shadow: Option<Shadow>,
    detail: Option<Json>,
}

/// What every line of any version has.
#[derive(Deserialize)]
struct Head {
    schema: String,
    seq: String,
    id: String,
    ts: String,
    kind: String,
}

impl From<Head> for Written {
    fn from(Head { schema, seq, id, ts, kind }: Head) -> Self {
        let (policies, shadow, detail) = (Vec::new(), None, None);
        let (tenant, actor, action, resource, decision, decision_kind) = (None, None, None, None, None, None);
        Self {
            schema,
            seq,
            id,
            ts,
            kind,
            tenant,
            actor,
            action,
            resource,
            decision,
            decision_kind,
            policies,
            shadow,
            detail,
        }
    }
}

#[derive(Deserialize)]
struct Typed {
    #[serde(rename = "type")]
    kind: Option<String>,
}

#[derive(Deserialize)]
struct Named {
    id: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Shadow {
    policies: Vec<Named>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(members: &str) -> String {
        format!(
            "{{\"schema\":\"moonward.audit/1\",\"seq\":\"2\",\"id\":\"01A\",\"ts\":\"1970-01-01T00:00:01.000000005Z\",\
             \"prev\":\"\",{members}}}"
        )
    }

    /// Read from the line, which is the same as from the record.
    fn read(line: &str) -> Result<Row, String> {
        let row = Row::of_line(line.as_bytes());
        if let Ok(record) = serde_json::from_str::<Json>(line) {
            assert_eq!(Row::of_record(&record), row, "{line}");
        }
        row
    }

    #[test]
    fn a_row_has_what_people_ask_by() {
        let row = read(&line(
            "\"kind\":\"decision\",\"decision\":\"deny\",\"tenant\":\"acme\",\"actor\":\"acme/user/ada\",\
                 \"action\":\"process.send\",\"resource\":{\"type\":\"Process\",\"id\":\"x\"},\
                 \"decision_kind\":\"deny_forbid\",\"policies\":[{\"id\":\"a\"},{\"id\":\"b\\nc\"}],\
                 \"shadow\":{\"policies\":[{\"id\":\"s\"}]},\"entities\":[{}]",
        ))
        .unwrap();
        assert_eq!((row.seq, row.ts_ns, row.decision.as_deref()), (2, 1_000_000_005, Some("deny")));
        assert_eq!(row.policies().collect::<Vec<_>>(), ["a", "b c", "s"]);
        let row = read(&line(
                "\"kind\":\"rollup\",\"tenant\":\"acme\",\"detail\":{\"opening\":\"01X\",\"action\":\"process.send\",\
                 \"resource_type\":\"Process\",\"decision_kind\":\"deny_default\",\"count\":\"12\"}",
        ))
        .unwrap();
        assert_eq!(
            (row.opening.as_deref(), row.count, row.decision.as_deref()),
            (Some("01X"), Some(12), Some("deny"))
        );
    }

    #[test]
    fn a_kind_or_form_of_a_later_version_is_passed_over_and_another_schema_is_not() {
        let row = read(&line("\"kind\":\"new\",\"resource\":\"text\",\"tenant\":\"acme\"")).unwrap();
        assert_eq!((row.kind.as_str(), row.tenant), ("new", None));
        for (line, why) in [
            (line("\"kind\":\"x\"").replace("audit/1", "audit/2"), "schema is `moonward.audit/2`"),
            (line("\"kind\":\"x\"").replace("\"2\"", "\"+2\""), "`seq` is not a number"),
            (line("\"kind\":\"x\"").replace("\"2\"", "\"0\""), "`seq` is not a number"),
            (line("\"kind\":\"x\"").replace("1970-", "70-"), "`ts` is not a time"),
            ("[]".to_owned(), "not a JSON object"),
            ("{\u{1b}".to_owned(), "key must be a string"),
        ] {
            let said = read(&line).unwrap_err();
            assert!(said.contains(why), "{line}: {said}");
        }
    }
}
