//! Texts and lists made shorter, each to its bound, and the names of the members that were. Which ones are to give way is
//! not known here.

use std::sync::Arc;

use serde_json::Value;

use crate::ascii;
use crate::decision::PolicyReference;
use crate::digest::{hex, sha256};
use crate::limits::{CUT_DETAIL_ITEMS_MAX, CUT_ITEMS_MAX, CUT_TEXT_BYTES_MAX};

/// The names of the members that were cut, each once, in the order of cutting.
#[derive(Default)]
pub(super) struct Cut(pub(super) Vec<&'static str>);

/// A text that is over the bound, shorter; nothing when it is not.
pub(super) type Shorten = fn(&str) -> Option<String>;

impl Cut {
    fn note(&mut self, member: &'static str) {
        if !self.0.contains(&member) {
            self.0.push(member);
        }
    }

    pub(super) fn text(&mut self, member: &'static str, text: &mut Arc<str>, shorten: Shorten) {
        if let Some(shorter) = shorten(text) {
            *text = shorter.into();
            self.note(member);
        }
    }

    pub(super) fn optional(&mut self, member: &'static str, text: &mut Option<Arc<str>>, shorten: Shorten) {
        if let Some(text) = text {
            self.text(member, text, shorten);
        }
    }

    pub(super) fn texts(&mut self, member: &'static str, texts: &mut Vec<Arc<str>>, shorten: Shorten) {
        self.items(member, texts);
        for text in texts {
            self.text(member, text, shorten);
        }
    }

    pub(super) fn policies(&mut self, member: &'static str, policies: &mut Vec<PolicyReference>) {
        self.items(member, policies);
        for policy in policies {
            self.text(member, &mut policy.id, shortened);
            self.text(member, &mut policy.file, shortened);
        }
    }

    fn items<T>(&mut self, member: &'static str, items: &mut Vec<T>) {
        if items.len() > CUT_ITEMS_MAX {
            items.truncate(CUT_ITEMS_MAX);
            self.note(member);
        }
    }
}

/// The texts and lists of an event's detail, however deep, each to its bound.
pub(super) fn cut_detail(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some(shorter) = shortened(text) {
                *text = shorter;
            }
        }
        Value::Array(items) => {
            items.truncate(CUT_DETAIL_ITEMS_MAX);
            items.iter_mut().for_each(cut_detail);
        }
        Value::Object(members) => members.values_mut().for_each(cut_detail),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The beginning of a text, and a mark.
pub(super) fn shortened(text: &str) -> Option<String> {
    const MARK: &str = "...";
    over_bound(text).then(|| format!("{}{MARK}", beginning(text, CUT_TEXT_BYTES_MAX - MARK.len())))
}

/// A name has to stay tellable from every other: its digest goes with it.
pub(super) fn with_digest(text: &str) -> Option<String> {
    let mark = || format!("...sha256:{}", hex(&sha256(text.as_bytes())));
    over_bound(text)
        .then(mark)
        .map(|mark| format!("{}{mark}", beginning(text, CUT_TEXT_BYTES_MAX - mark.len())))
}

fn over_bound(text: &str) -> bool {
    beginning(text, CUT_TEXT_BYTES_MAX).len() < text.len()
}

/// As many of the first characters as fit into some bytes once escaped.
fn beginning(text: &str, escaped_bytes_max: usize) -> &str {
    let mut bytes = 0;
    for (at, character) in text.char_indices() {
        bytes += ascii::escaped_len(character);
        if bytes > escaped_bytes_max {
            return text.get(..at).unwrap_or_default();
        }
    }
    text
}
