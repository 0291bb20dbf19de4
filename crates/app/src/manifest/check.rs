//! A scanned file held against the vocabulary: every unknown or missing key and every value of the wrong
//! shape, all at once and each at its place.
//!
//! What passes can be read by the typed reader, key by key; whether it makes sense together is not asked
//! here.

use std::collections::HashSet;

use diagnostic::{Diagnostic, did_you_mean};

use super::document::{Content, Document, Node, Place, Word, place_under};
use super::form::{Form, quoted};
use super::scalar::{expected, fits};
use super::scan::short;
use super::vocabulary::{ENTRY_KEYS, FILE_KEYS, KINDS, Key, Kind, Shape, Standing, UNREAD_KINDS, Unread};
use crate::findings::Findings;
use crate::identifier::{Id, is_namespace};
use crate::limits::ITEMS_MAX;

/// What a file declares.
#[derive(Debug)]
pub(crate) struct Outline {
    pub(crate) namespace: String,
    /// One for each item of `entries`, in order.
    pub(crate) entries: Vec<Declared>,
}

/// One entry, before it is read.
#[derive(Debug)]
pub(crate) struct Declared {
    /// Its id, when namespace and name are valid.
    pub(crate) id: Option<Id>,
    /// Its kind, when that is one that is read.
    pub(crate) kind: Option<&'static Kind>,
    /// Whether it can be read: nothing is wrong with it but keys that are not read.
    pub(crate) sound: bool,
}

/// Holds a file against the vocabulary; `None` when it does not even tell its namespace and entries.
pub(crate) fn check(document: &Document, findings: &mut Findings) -> Option<Outline> {
    let mut check = Check { document, subject: None, findings, unread: 0 };
    let root = &document.root;
    check.keys(Label::Whole("the file", root.place), root, &[FILE_KEYS]);
    let namespace = root.get("namespace").and_then(Node::text).filter(|text| is_namespace(text));
    let Some(Content::List(items)) = root.get("entries").map(|entries| &entries.content) else { return None };
    // Without a namespace entries have no id; what is wrong inside them is told all the same.
    let name = namespace.unwrap_or_default();
    let entries = items.iter().enumerate().map(|(index, item)| check.entry(name, index, item)).collect();
    namespace.map(|namespace| Outline { namespace: namespace.to_owned(), entries })
}

/// Holds the keys of another file than a manifest against its tables; false when something is wrong with it.
pub(crate) fn check_file(document: &Document, tables: &[&'static [Key]], findings: &mut Findings) -> bool {
    let errors = findings.errors();
    let mut check = Check { document, subject: None, findings, unread: 0 };
    check.keys(Label::Whole("the file", document.root.place), &document.root, tables);
    check.findings.errors() == errors
}

/// What a message is about, and what it underlines when the value has no text of its own.
#[derive(Clone, Copy)]
enum Label<'a> {
    /// The file or an entry.
    Whole(&'static str, Place),
    /// The value of a key.
    Key(&'a Word),
    /// An item of the list under a key.
    Item(&'a Word),
}

impl Label<'_> {
    fn phrase(self) -> String {
        match self {
            Self::Whole(what, _) => what.to_owned(),
            Self::Key(word) => format!("`{}`", short(&word.text)),
            Self::Item(word) => format!("an item of `{}`", short(&word.text)),
        }
    }

    fn place(self) -> Place {
        match self {
            Self::Whole(_, place) => place,
            Self::Key(word) | Self::Item(word) => word.place,
        }
    }
}

struct Check<'a> {
    document: &'a Document,
    subject: Option<String>,
    findings: &'a mut Findings,
    /// Errors about keys that are not read, and so keep nothing else of their entry from being read.
    unread: usize,
}

impl Check<'_> {
    fn entry(&mut self, namespace: &str, index: usize, item: &Node) -> Declared {
        let in_the_way = self.in_the_way();
        let name = item.get("name").and_then(Node::text);
        let id = name.and_then(|name| Id::join(namespace, name));
        let nameless = || format!("entry {}", index + 1);
        self.subject = Some(id.as_ref().map_or_else(nameless, |id| id.as_str().to_owned()));
        let kind = item.get("kind").and_then(Node::text).and_then(|kind| self.kind(kind, item));
        let label = Label::Whole("the entry", name_place(item));
        match (kind, &item.content) {
            (Some(kind), _) => self.keys(label, item, &[ENTRY_KEYS, kind.keys]),
            // Of an unknown kind only what every entry has can be held against it.
            (None, Content::Keys(_)) => self.shared_keys(label, item),
            (None, _) => self.expected(label, item, "keys such as `name` and `kind`", None),
        }
        self.subject = None;
        Declared { id, kind, sound: self.in_the_way() == in_the_way }
    }

    /// Errors that keep an entry from being read.
    fn in_the_way(&self) -> usize {
        self.findings.errors().saturating_sub(self.unread)
    }

    /// The kind of that name; a finding when it is not one that is read.
    fn kind(&mut self, name: &str, item: &Node) -> Option<&'static Kind> {
        if let Some(kind) = KINDS.iter().find(|kind| kind.name == name) {
            return Some(kind);
        }
        let place = item.place_of("kind");
        match UNREAD_KINDS.iter().find(|(unread, _)| *unread == name) {
            Some((_, Unread::Later)) => {
                let message = format!("kind `{name}` is not supported by this version");
                self.error("manifest.unsupported", place, message, None);
            }
            Some((_, Unread::Replaced(by))) => {
                let message = format!("kind `{name}` is not read");
                let help = format!("{by}; docs/porting.md shows how");
                self.error("manifest.replaced-kind", place, message, Some(help));
            }
            None => {
                let names = || KINDS.iter().map(|kind| kind.name);
                let help = match did_you_mean(&short(name), names()) {
                    Some(kind) => format!("did you mean `{kind}`?"),
                    None => format!("allowed here: {}", quoted(&names().collect::<Vec<_>>())),
                };
                self.error(
                    "manifest.unknown-kind",
                    place,
                    format!("unknown kind `{}`", short(name)),
                    Some(help),
                );
            }
        }
        None
    }

    /// The keys of one place against its tables.
    fn keys(&mut self, label: Label<'_>, node: &Node, tables: &[&'static [Key]]) {
        let Content::Keys(found) = &node.content else {
            let names: Vec<&str> = known(tables).collect();
            return self.expected(label, node, &format!("keys such as {}", quoted(&names)), None);
        };
        for (word, value) in found {
            match tables.iter().copied().flatten().find(|key| key.name == word.text) {
                Some(key) => self.key(key, word, value),
                None => self.unknown(word, tables),
            }
        }
        self.required(label, node, tables);
    }

    /// As [`Check::keys`], where other keys may be there too.
    fn shared_keys(&mut self, label: Label<'_>, node: &Node) {
        for key in ENTRY_KEYS {
            if let Some((word, value)) = node.find(key.name) {
                self.key(key, word, value);
            }
        }
        self.required(label, node, &[ENTRY_KEYS]);
    }

    fn required(&mut self, label: Label<'_>, node: &Node, tables: &[&'static [Key]]) {
        for key in tables.iter().copied().flatten().filter(|key| key.standing == Standing::Required) {
            if node.get(key.name).is_none() {
                let message = format!("key `{}` is missing", key.name);
                self.error("manifest.missing-key", label.place(), message, Some(phrase(key.doc)));
            }
        }
    }

    fn unknown(&mut self, word: &Word, tables: &[&'static [Key]]) {
        let help = match did_you_mean(&short(&word.text), known(tables)) {
            Some(key) => format!("did you mean `{key}`?"),
            None => format!("allowed here: {}", quoted(&known(tables).collect::<Vec<_>>())),
        };
        let message = format!("unknown key `{}`", short(&word.text));
        self.unread += 1;
        self.error("manifest.unknown-key", word.place, message, Some(help));
    }

    fn key(&mut self, key: &'static Key, word: &Word, value: &Node) {
        match key.standing {
            Standing::Required | Standing::Optional => self.value(&key.shape, Label::Key(word), value),
            Standing::ReadAs(other) => {
                let message = format!("`{}` is read as {other}", key.name);
                self.warning(word.place, message, format!("write {other}"));
                self.value(&key.shape, Label::Key(word), value);
            }
            Standing::Ignored => {
                let message = format!("`{}` has no meaning here and is ignored", key.name);
                self.warning(word.place, message, "remove it".to_owned());
            }
            Standing::Instead(help) => {
                let message = format!("`{}` is not read here", key.name);
                self.unread += 1;
                self.error("manifest.replaced-key", word.place, message, Some(help.to_owned()));
            }
            Standing::Later => {
                self.unread += 1;
                let message = format!("`{}` is not supported by this version", key.name);
                self.error("manifest.unsupported", word.place, message, None);
            }
        }
    }

    fn value(&mut self, shape: &'static Shape, label: Label<'_>, value: &Node) {
        match (shape, label) {
            (Shape::Free, _) => {}
            (Shape::Data, _) => self.data(label, value),
            (Shape::Keys(table), _) => self.keys(label, value, &[table]),
            (Shape::List { of, min }, Label::Key(word)) => self.list(of, *min, word, value),
            (Shape::Named { key, of }, Label::Key(word)) => self.named(*key, of, word, value),
            (scalar, _) => {
                if !value.text().is_some_and(|text| fits(scalar, text, value)) {
                    let help = match scalar {
                        Shape::Text(form) => value.text().and_then(|text| form.help(&short(text))),
                        _ => None,
                    };
                    self.expected(label, value, &expected(scalar), help);
                }
            }
        }
    }

    fn list(&mut self, of: &'static Shape, min: usize, word: &Word, value: &Node) {
        let Content::List(items) = &value.content else {
            return self.expected(Label::Key(word), value, "a list", None);
        };
        if items.len() < min {
            let message = format!("`{}` has no item, at least {min} is needed", word.text);
            self.error("manifest.length", word.place, message, None);
        }
        if matches!(of, Shape::Free) {
            return;
        }
        self.bound(word, items.len());
        let mut seen = HashSet::new();
        for item in items.iter().take(ITEMS_MAX) {
            self.value(of, Label::Item(word), item);
            if let Some(text) = item.text().filter(|text| !seen.insert(*text)) {
                let message = format!("`{}` is given twice in `{}`", short(text), word.text);
                self.error(
                    "manifest.duplicate-item",
                    item.place,
                    message,
                    Some("keep one of them".to_owned()),
                );
            }
        }
    }

    fn named(&mut self, form: Form, of: &'static Shape, word: &Word, value: &Node) {
        let Content::Keys(found) = &value.content else {
            return self.expected(Label::Key(word), value, "keys with a value each", None);
        };
        self.bound(word, found.len());
        for (name, value) in found.iter().take(ITEMS_MAX) {
            if !form.fits(&name.text) {
                let message = format!("key `{}`, expected {}", short(&name.text), form.expected());
                self.error("manifest.value", name.place, message, None);
            }
            self.value(of, Label::Key(name), value);
        }
    }

    fn bound(&mut self, word: &Word, items: usize) {
        if items > ITEMS_MAX {
            let message = format!("`{}` has {items} items, at most {ITEMS_MAX} allowed", word.text);
            self.error("manifest.length", word.place, message, None);
        }
    }

    /// Refuses numbers that data cannot carry; its size is bounded where it is turned into a script's values.
    fn data(&mut self, label: Label<'_>, value: &Node) {
        let mut waiting = vec![value];
        while let Some(node) = waiting.pop() {
            match &node.content {
                Content::List(items) => waiting.extend(items),
                Content::Keys(keys) => waiting.extend(keys.iter().map(|(_, value)| value)),
                Content::Scalar { text, plain } => {
                    let number = text.trim_start_matches(['+', '-']).to_ascii_lowercase();
                    if *plain && [".inf", ".nan"].contains(&number.as_str()) {
                        let message = format!("{} holds `{text}`, expected finite numbers", label.phrase());
                        self.error("manifest.value", node.place, message, None);
                    }
                }
            }
        }
    }

    /// The finding that a value is not what is expected.
    fn expected(&mut self, label: Label<'_>, value: &Node, expected: &str, help: Option<String>) {
        let place = if value.is_null() { label.place() } else { underlined(label, value) };
        let found = match &value.content {
            Content::List(_) => "a list".to_owned(),
            Content::Keys(_) => "a set of keys".to_owned(),
            Content::Scalar { .. } if value.is_null() => "empty".to_owned(),
            Content::Scalar { text, plain: true } => format!("`{}`", short(text)),
            Content::Scalar { text, plain: false } => format!("the text `{}`", short(text)),
        };
        let message = format!("{} is {found}, expected {expected}", label.phrase());
        self.error("manifest.value", place, message, help);
    }

    fn error(&mut self, code: &'static str, place: Place, message: String, help: Option<String>) {
        self.push(Diagnostic::error(code, message), place, help);
    }

    fn warning(&mut self, place: Place, message: String, help: String) {
        self.push(Diagnostic::warning("manifest.reference-key", message), place, Some(help));
    }

    fn push(&mut self, diagnostic: Diagnostic, place: Place, help: Option<String>) {
        let mut diagnostic = diagnostic.at(self.document.span(place));
        diagnostic.subject.clone_from(&self.subject);
        diagnostic.help = help;
        self.findings.push(diagnostic);
    }
}

/// What to underline for a whole entry: its name, else where it begins.
pub(crate) fn name_place(item: &Node) -> Place {
    item.find("name").map_or(item.place, |(word, value)| place_under(word, value))
}

/// What to underline for a value that is there: text itself, of anything else what it stands under.
fn underlined(label: Label<'_>, value: &Node) -> Place {
    match (&value.content, label) {
        (Content::Scalar { .. }, _) | (_, Label::Item(_)) => value.place,
        _ => label.place(),
    }
}

/// A sentence of the documentation as the words of a help line.
fn phrase(sentence: &str) -> String {
    let mut characters = sentence.trim_end_matches('.').chars();
    let first = characters.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(characters).collect()
}

/// The keys that may be suggested: those that are read, under their own names.
fn known<'a>(tables: &'a [&'static [Key]]) -> impl Iterator<Item = &'static str> + 'a {
    let suggested = |key: &&'static Key| matches!(key.standing, Standing::Required | Standing::Optional);
    tables.iter().copied().flatten().filter(suggested).map(|key| key.name)
}
