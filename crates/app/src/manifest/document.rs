//! One manifest as a tree of places: which key and value stands where, before anybody says what they mean.

use std::sync::Arc;

use diagnostic::{Source, Span};

/// One file, scanned.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) source: Arc<Source>,
    pub(crate) root: Node,
}

/// A stretch of the file, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// A value and its place: the whole text of a scalar, the opening bracket or first key of anything else.
#[derive(Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) content: Content,
}

/// What stands there.
#[derive(Debug, PartialEq)]
pub(crate) enum Content {
    /// Text as it is meant, without quotes; `plain` when it had none.
    Scalar { text: String, plain: bool },
    /// Items, in order.
    List(Vec<Node>),
    /// Keys and their values, in order, each key once.
    Keys(Vec<(Word, Node)>),
}

/// A key and its place.
#[derive(Debug, PartialEq)]
pub(crate) struct Word {
    pub(crate) text: String,
    pub(crate) place: Place,
}

impl Document {
    /// The place in this file, for a message.
    pub(crate) fn span(&self, place: Place) -> Span {
        Span { source: self.source.clone(), start: place.start, end: place.end }
    }
}

impl Node {
    /// The value under a key.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.find(key).map(|(_, node)| node)
    }

    /// A key with its value.
    pub(crate) fn find(&self, key: &str) -> Option<(&Word, &Node)> {
        let Content::Keys(keys) = &self.content else { return None };
        keys.iter().find(|(word, _)| word.text == key).map(|(word, node)| (word, node))
    }

    /// The text of a scalar that is not null.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar { text, .. } if !self.is_null() => Some(text),
            _ => None,
        }
    }

    /// The items of a list; none of anything else.
    pub(crate) fn items(&self) -> &[Node] {
        match &self.content {
            Content::List(items) => items,
            _ => &[],
        }
    }

    /// Whether it is nothing: no text, or one of the ways in which YAML writes null.
    pub(crate) fn is_null(&self) -> bool {
        let null = ["", "~", "null", "Null", "NULL"];
        matches!(&self.content, Content::Scalar { text, plain: true } if null.contains(&text.as_str()))
    }

    /// The place to underline for the value at a path such as `lifecycle.requires.0`: of a scalar itself, of
    /// anything else the key it stands under; of what is not there, the nearest that is.
    pub(crate) fn place_of(&self, path: &str) -> Place {
        let mut node = self;
        let mut place = self.place;
        for step in path.split('.') {
            let next = match &node.content {
                Content::Scalar { .. } => None,
                Content::List(items) => step
                    .parse::<usize>()
                    .ok()
                    .and_then(|index| items.get(index))
                    .map(|item| (item.place, item)),
                Content::Keys(_) => node.find(step).map(|(word, value)| (place_under(word, value), value)),
            };
            let Some((there, value)) = next else { break };
            (place, node) = (there, value);
        }
        place
    }
}

/// The place to underline for a value: its own if it is a scalar with text, else its key.
pub(crate) fn place_under(key: &Word, value: &Node) -> Place {
    match &value.content {
        Content::Scalar { text, plain } if !(text.is_empty() && *plain) => value.place,
        _ => key.place,
    }
}
