//! The files of an app read into entries as they are written, with everything that is wrong in any one file.
//!
//! How entries relate to each other is not asked here.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use diagnostic::{Diagnostic, Source, Span};

use super::check::{Declared, check, name_place};
use super::document::{Document, Node};
use super::folder::{Folder, Refused};
use super::form::FILE;
use super::scan::scan;
use super::written::Written;
use super::yaml;
use crate::findings::Findings;
use crate::identifier::Id;
use crate::limits::{ENTRIES_MAX, FILES_BYTES_MAX, FILES_MAX};

/// One entry as written, and where.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) id: Id,
    pub(crate) written: Written,
    document: Rc<Document>,
    index: usize,
}

impl Entry {
    /// The place of the value at a path such as `lifecycle.requires.0`; of an empty path, of the entry's
    /// name.
    pub(crate) fn span(&self, path: &str) -> Span {
        let items = self.document.root.get("entries").map(Node::items).unwrap_or_default();
        let item = items.get(self.index).unwrap_or(&self.document.root);
        let place = if path.is_empty() { name_place(item) } else { item.place_of(path) };
        self.document.span(place)
    }

    /// An error about the value at a path.
    pub(crate) fn error(&self, code: &'static str, path: &str, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(code, message).at(self.span(path)).about(self.id.as_str())
    }

    /// The path in the app of a file that this entry names as `file://...`.
    pub(crate) fn file(&self, written: &str) -> Option<String> {
        let below = written.strip_prefix(FILE)?;
        let manifest = &self.document.source.path;
        Some(
            manifest
                .rsplit_once('/')
                .map_or_else(|| below.to_owned(), |(folder, _)| format!("{folder}/{below}")),
        )
    }
}

/// Where an id is declared, and as what.
#[derive(Debug)]
pub(crate) struct Declaration {
    /// Name of the kind; `None` when it is not one that is read.
    pub(crate) kind: Option<&'static str>,
    pub(crate) span: Span,
}

/// Every file and entry of an app.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    /// Entries with nothing wrong in themselves.
    pub(crate) entries: Vec<Entry>,
    /// Every id, of entries with something wrong too, so that naming one is not called a mistake.
    pub(crate) declared: BTreeMap<Id, Declaration>,
    /// Whether every file could be scanned: else ids that nobody declares may be in one that could not.
    pub(crate) complete: bool,
}

impl Gathered {
    /// Whether every tenant that is declared was read: else nobody can tell who owns what.
    pub(crate) fn tenants_are_known(&self) -> bool {
        let declared =
            self.declared.values().filter(|declaration| declaration.kind == Some("tenant")).count();
        let read = self.entries.iter().filter(|entry| matches!(entry.written, Written::Tenant(_))).count();
        self.complete && declared == read
    }
}

/// Reads every manifest in the folder.
pub(crate) fn gather(sources: &mut Sources, findings: &mut Findings) -> Gathered {
    let listing = sources.folder.list();
    let mut gathered = Gathered { complete: true, ..Gathered::default() };
    for (path, refused) in &listing.refused {
        let name = if path.is_empty() { "the app's folder" } else { path };
        let error = Diagnostic::error("manifest.file", format!("`{name}` cannot be read: {refused}"));
        let error = error.at(Span::unread(name));
        findings.push(match refused {
            Refused::Link => error.help(LINK_HELP),
            _ => error,
        });
        gathered.complete = false;
    }
    for link in &listing.links {
        let message = format!("`{link}` is a symbolic link and is not looked through");
        let help = "put manifests into a folder of the app";
        findings.push(Diagnostic::warning("manifest.link", message).at(Span::unread(link)).help(help));
    }
    if listing.files.is_empty() && listing.refused.is_empty() {
        let help = "a manifest's name ends in `.yaml`, as in `_index.yaml`; `moonward init DIR` writes one";
        findings
            .push(Diagnostic::error("manifest.none", "there is no manifest in the app's folder").help(help));
    }
    for path in &listing.files {
        let complete = match sources.read(path) {
            Ok(source) => gathered.file(&source, findings),
            Err(reason) => {
                let error = Diagnostic::error("manifest.file", format!("`{path}` cannot be read: {reason}"));
                findings.push(error.at(Span::unread(path)));
                false
            }
        };
        gathered.complete &= complete;
        if gathered.declared.len() > ENTRIES_MAX {
            let message = format!("the app has more than {ENTRIES_MAX} entries");
            findings.push(Diagnostic::error("manifest.length", message));
            gathered.complete = false;
            break;
        }
    }
    gathered
}

const LINK_HELP: &str = "no link inside an app is followed; where whole versions are swapped by a link, give that link as \
                         the app's folder: in a mounted ConfigMap it is `..data`";

impl Gathered {
    /// Adds the entries of one file; false when they could not all be told.
    fn file(&mut self, source: &Arc<Source>, findings: &mut Findings) -> bool {
        let Some(document) = scan(source, findings) else { return false };
        let Some(mut outline) = check(&document, findings) else { return false };
        for (declared, item) in outline.entries.iter_mut().zip(items(&document)) {
            self.declare(&document, declared, item, findings);
        }
        let read = match yaml::read(source, &outline) {
            Ok(read) => read,
            Err(refused) => {
                findings.push(*refused);
                return false;
            }
        };
        let document = Rc::new(document);
        for (index, written) in read {
            if let Some(id) = outline.entries.get(index).and_then(|declared| declared.id.clone()) {
                self.entries.push(Entry { id, written, document: document.clone(), index });
            }
        }
        true
    }

    /// Notes an id; the second entry of one id is a mistake, and is not read.
    fn declare(
        &mut self,
        document: &Document,
        declared: &mut Declared,
        item: &Node,
        findings: &mut Findings,
    ) {
        let Some(id) = &declared.id else { return };
        let span = document.span(name_place(item));
        if let Some(first) = self.declared.get(id) {
            let help = format!("the first is at {}", place(&first.span));
            let again = Diagnostic::error("manifest.duplicate-id", format!("`{id}` is declared twice"));
            findings.push(again.at(span).about(id.as_str()).help(help));
            declared.sound = false;
        } else {
            let kind = declared.kind.map(|kind| kind.name);
            self.declared.insert(id.clone(), Declaration { kind, span });
        }
    }
}

fn items(document: &Document) -> &[Node] {
    document.root.get("entries").map(Node::items).unwrap_or_default()
}

/// A place in words: `file:line:column`.
pub(crate) fn place(span: &Span) -> String {
    let (line, column) = span.position();
    format!("{}:{line}:{column}", span.source.path)
}

/// The files of an app that were read, each once.
#[derive(Debug)]
pub(crate) struct Sources {
    folder: Arc<Folder>,
    /// Texts that are read instead of what the folder has.
    instead: BTreeMap<String, Arc<Source>>,
    read: BTreeMap<String, Result<Arc<Source>, String>>,
    bytes: usize,
}

impl Sources {
    pub(crate) fn new(folder: Folder, instead: BTreeMap<String, Arc<Source>>) -> Self {
        Self { folder: Arc::new(folder), instead, read: BTreeMap::new(), bytes: 0 }
    }

    /// The text of a file, by its path in the app.
    ///
    /// # Errors
    /// Why it cannot be read, in words.
    pub(crate) fn read(&mut self, path: &str) -> Result<Arc<Source>, String> {
        if let Some(read) = self.read.get(path) {
            return read.clone();
        }
        if self.read.len() >= FILES_MAX || self.bytes > FILES_BYTES_MAX {
            let mebibytes = FILES_BYTES_MAX / (1024 * 1024);
            return Err(format!("an app has at most {FILES_MAX} files and {mebibytes} MiB of them"));
        }
        let read = match self.instead.get(path) {
            Some(source) => Ok(source.clone()),
            None => self.folder.read(path).map_err(|refused| refused.to_string()),
        };
        self.bytes += read.as_ref().map_or(0, |source| source.text.len());
        self.read.insert(path.to_owned(), read.clone());
        read
    }

    /// A file that is read again and again after the app was loaded, as it is then, with the same care.
    pub(crate) fn reader(&self, path: &str) -> impl Fn() -> Result<String, String> + Send + Sync + use<> {
        let (folder, path) = (self.folder.clone(), path.to_owned());
        move || folder.read(&path).map(|source| source.text.clone()).map_err(|refused| refused.to_string())
    }

    /// Every file that was read, by path.
    pub(crate) fn finish(self) -> Vec<Arc<Source>> {
        self.read.into_values().filter_map(Result::ok).collect()
    }
}
