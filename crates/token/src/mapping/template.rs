//! The last part of an actor's id, as an issuer's entry writes it: literal text, and claims that are filled in.

use policy::{ActorKind, encode_subject};

use super::InvalidMapping;
use crate::limits::SUBJECT_BYTES_MAX;
use crate::strict::Object;

/// `kind/part/...`: the actor's kind, then parts that are literal text with at most one `{claim}` in each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    text: String,
    kind: ActorKind,
    // INVARIANT: one claim at most between two `/`, so that no two tokens of different claims make one id.
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    before: String,
    claim: Option<String>,
    after: String,
}

impl Template {
    /// The template of that text.
    ///
    /// # Errors
    /// The kind is not literally `user` or `operator`, no claim is named, a part names two, or a character cannot be in an id.
    pub fn parse(text: &str) -> Result<Self, InvalidMapping> {
        let wrong = |why: &str| InvalidMapping(format!("`{text}` is no template of an actor's id: {why}"));
        let (kind, rest) = text.split_once('/').ok_or_else(|| wrong("write `user/{sub}`"))?;
        let kind = match kind {
            "user" => ActorKind::User,
            "operator" => ActorKind::Operator,
            _ => return Err(wrong("its kind is `user` or `operator`, written out")),
        };
        let parts: Vec<Part> = rest.split('/').map(Part::parse).collect::<Result<_, _>>().map_err(wrong)?;
        if parts.iter().all(|part| part.claim.is_none()) {
            return Err(wrong("it names no claim, so that all tokens would be one actor; write `{sub}`"));
        }
        Ok(Self { text: text.to_owned(), kind, parts })
    }

    /// The kind of the actors that it makes.
    pub fn kind(&self) -> ActorKind {
        self.kind
    }

    /// The template as it is written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The claims that it names.
    pub(super) fn claims(&self) -> Vec<String> {
        self.parts.iter().filter_map(|part| part.claim.clone()).collect()
    }

    /// The last part of an actor's id, what comes from the token percent-encoded.
    pub(super) fn fill(&self, all: &Object) -> Result<String, String> {
        let mut filled = Vec::new();
        for part in &self.parts {
            let value = match &part.claim {
                None => String::new(),
                Some(claim) => {
                    let value = all.get(claim).ok_or_else(|| format!("claim `{claim}` is missing"))?;
                    let text =
                        value.as_str().filter(|text| !text.is_empty() && text.len() <= SUBJECT_BYTES_MAX);
                    encode_subject(
                        text.ok_or_else(|| format!("claim `{claim}` is not text of 1 to 256 bytes"))?,
                    )
                }
            };
            filled.push(format!("{}{value}{}", part.before, part.after));
        }
        Ok(filled.join("/"))
    }
}

impl Part {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let literal =
            |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._@-".contains(&byte));
        let Some((before, rest)) = text.split_once('{') else {
            return match !text.is_empty() && literal(text) {
                true => Ok(Self { before: text.to_owned(), claim: None, after: String::new() }),
                false => Err("a part is letters, digits, `.`, `_`, `@`, `-` and at most one `{claim}`"),
            };
        };
        let (claim, after) = rest.split_once('}').ok_or("`{` without `}`")?;
        let named = !claim.is_empty()
            && claim.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte));
        if !named {
            return Err("between `{` and `}` is the name of a claim");
        }
        if after.contains('{') {
            return Err("a part names at most one claim: put `/` between two");
        }
        if !literal(before) || !literal(after) {
            return Err("a part is letters, digits, `.`, `_`, `@`, `-` and at most one `{claim}`");
        }
        Ok(Self { before: before.to_owned(), claim: Some(claim.to_owned()), after: after.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_says_the_kind_itself_and_cannot_join_two_claims() {
        for text in [
            "user/{sub}",
            "user/{org}/{sub}",
            "user/ldap-{sub}",
            "user/a/{sub}@example.org",
            "operator/{sub}",
        ] {
            assert!(Template::parse(text).is_ok(), "{text}");
        }
        for text in [
            "{sub}",
            "{kind}/{sub}",
            "service/{sub}",
            "derived/{sub}",
            "user/",
            "user/bob",
            "user/{a}{b}",
            "user/{a}-{b}",
            "user//{sub}",
            "user/{}",
            "user/{sub",
            "user/a b{sub}",
            "user/{/a}",
            "acme/user/{sub}",
            "user/%41{sub}",
        ] {
            assert!(Template::parse(text).is_err(), "{text}");
        }
    }
}
