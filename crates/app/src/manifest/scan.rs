//! The scan that every manifest passes before anything reads it: the parser's events, one by one, refused as
//! soon as one is not plain lists, keys and text; what is left is kept with its places.
//!
//! Anchors, aliases, tags and merge keys make a file say what its lines do not; several documents, duplicate
//! keys and characters that readers of YAML take differently make it say two things. None is allowed, so this
//! scan and the reader after it cannot be told different stories. What keys mean is not known here.

use std::collections::HashSet;
use std::sync::Arc;

use diagnostic::{Diagnostic, Source, Span};
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError};

use super::document::{Content, Document, Node, Place, Word};
use crate::findings::Findings;
use crate::limits::LEVELS_MAX;

/// The tree of a file; `None` when it cannot be trusted to mean what it says, with the reasons in `findings`.
pub(crate) fn scan(source: &Arc<Source>, findings: &mut Findings) -> Option<Document> {
    let errors = findings.errors();
    characters(source, findings);
    if findings.errors() > errors {
        return None;
    }
    let mut scan =
        Scan { source, offsets: Offsets::of(&source.text), open: Vec::new(), root: None, findings };
    scan.run();
    let nothing = || Content::Scalar { text: String::new(), plain: true };
    let root = scan.root.unwrap_or_else(|| Node { place: Place { start: 0, end: 0 }, content: nothing() });
    (findings.errors() == errors).then(|| Document { source: source.clone(), root })
}

/// Refuses characters that hide text from whoever reviews the file, or that YAML 1.1 and 1.2 take differently
/// (1.1 breaks lines at U+0085, U+2028 and U+2029).
fn characters(source: &Arc<Source>, findings: &mut Findings) {
    let text = &source.text;
    let found = text.char_indices().find(|(_, character)| match character {
        '\t' | '\n' | '\r' => false,
        '\u{2028}' | '\u{2029}' | '\u{feff}' => true,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        character => character.is_control(),
    });
    if let Some((start, character)) = found {
        let span = Span { source: source.clone(), start, end: start + character.len_utf8() };
        let message = format!("character U+{:04X} is not allowed in a manifest", u32::from(character));
        let mut refused = Diagnostic::error("manifest.character", message).at(span);
        if (start, character) == (0, '\u{feff}') {
            refused = refused.help("save the file as UTF-8 without a byte order mark");
        }
        findings.push(refused);
    }
}

/// Places of the parser, which counts characters, as bytes.
struct Offsets(Vec<usize>);

impl Offsets {
    fn of(text: &str) -> Self {
        Self(text.char_indices().map(|(at, _)| at).chain([text.len()]).collect())
    }

    fn place(&self, start: &Marker, end: &Marker) -> Place {
        let last = self.0.last().copied().unwrap_or_default();
        let at = |marker: &Marker| self.0.get(marker.index()).copied().unwrap_or(last);
        Place { start: at(start), end: at(end).max(at(start)) }
    }
}

/// A list or mapping whose end has not come yet.
enum Open {
    List { place: Place, items: Vec<Node> },
    Keys { place: Place, keys: Vec<(Word, Node)>, words: HashSet<String>, waiting: Option<Word> },
}

struct Scan<'a> {
    source: &'a Arc<Source>,
    offsets: Offsets,
    open: Vec<Open>,
    root: Option<Node>,
    findings: &'a mut Findings,
}

impl Scan<'_> {
    fn run(&mut self) {
        let source = self.source;
        let mut documents = 0;
        for event in Parser::new_from_str(&source.text) {
            let (event, span) = match event {
                Ok(event) => event,
                Err(error) => return self.syntax(&error),
            };
            let place = self.trimmed(self.offsets.place(&span.start, &span.end));
            match event {
                Event::DocumentStart(_) => {
                    documents += 1;
                    if documents > 1 {
                        let help = "write the second document in a file of its own";
                        return self.refuse(
                            "manifest.documents",
                            place,
                            "a second document begins here",
                            help,
                        );
                    }
                }
                Event::SequenceStart(anchor, tag) => {
                    self.plain(place, anchor, tag.is_some());
                    self.open.push(Open::List { place, items: Vec::new() });
                }
                Event::MappingStart(anchor, tag) => {
                    self.plain(place, anchor, tag.is_some());
                    let (keys, words) = (Vec::new(), HashSet::new());
                    self.open.push(Open::Keys { place, keys, words, waiting: None });
                }
                Event::Scalar(text, style, anchor, tag) => {
                    self.plain(place, anchor, tag.is_some());
                    let plain = style == ScalarStyle::Plain;
                    self.scalar(Node { place, content: Content::Scalar { text: text.into_owned(), plain } });
                }
                Event::Alias(_) => {
                    self.alias(place);
                    self.scalar(Node {
                        place,
                        content: Content::Scalar { text: "*".to_owned(), plain: false },
                    });
                }
                Event::SequenceEnd | Event::MappingEnd => self.close(),
                Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
            }
            if self.open.len() > LEVELS_MAX {
                let message = format!("nested more than {LEVELS_MAX} levels");
                return self.refuse("manifest.nested", place, &message, "");
            }
        }
    }

    /// A key if one is due, else a value.
    fn scalar(&mut self, node: Node) {
        let Some(Open::Keys { words, waiting, .. }) = self.open.last_mut() else { return self.value(node) };
        if waiting.is_some() {
            return self.value(node);
        }
        let Content::Scalar { text, plain } = node.content else { return };
        let merge = plain && text == "<<";
        let again = !words.insert(text.clone());
        let place = node.place;
        *waiting = Some(Word { text: text.clone(), place });
        if merge {
            self.refuse("manifest.merge-key", place, "merge keys are not allowed", "write the keys out");
        } else if again {
            let message = format!("key `{}` is given twice", short(&text));
            self.refuse("manifest.duplicate-key", place, &message, "keep one of them");
        } else if text.is_empty() {
            self.refuse("manifest.syntax", place, "a key is missing before `:`", "");
        }
    }

    /// Puts a value where it belongs.
    fn value(&mut self, node: Node) {
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::List { items, .. }) => items.push(node),
            Some(Open::Keys { keys, waiting, .. }) => match waiting.take() {
                Some(word) => keys.push((word, node)),
                None => {
                    // The value of this key comes next; it takes a word's place so that it is not read as a
                    // key.
                    *waiting = Some(Word { text: String::new(), place: node.place });
                    let help = "a key is one line of text";
                    self.refuse(
                        "manifest.syntax",
                        node.place,
                        "a list or keys stand where a key is due",
                        help,
                    );
                }
            },
        }
    }

    fn close(&mut self) {
        let node = match self.open.pop() {
            Some(Open::List { place, items }) => Node { place, content: Content::List(items) },
            Some(Open::Keys { place, keys, .. }) => Node { place, content: Content::Keys(keys) },
            None => return,
        };
        self.value(node);
    }

    /// Refuses an anchor or tag on what begins here.
    fn plain(&mut self, place: Place, anchor: usize, tagged: bool) {
        if anchor > 0 {
            self.refuse(
                "manifest.anchor",
                place,
                "anchors are not allowed",
                "write the value out where it is used",
            );
        }
        if tagged {
            self.refuse("manifest.tag", place, "tags are not allowed", "a value has the type of its key");
        }
    }

    fn alias(&mut self, place: Place) {
        self.refuse(
            "manifest.alias",
            place,
            "aliases are not allowed",
            "write the value out where it is used",
        );
    }

    fn syntax(&mut self, error: &ScanError) {
        let place = self.offsets.place(error.marker(), error.marker());
        if error.info().contains("unknown anchor") {
            return self.alias(place);
        }
        let message = format!("not YAML: {}", error.info().trim_end_matches('.'));
        self.refuse("manifest.syntax", place, &message, "");
    }

    fn refuse(&mut self, code: &'static str, place: Place, message: &str, help: &str) {
        let span = Span { source: self.source.clone(), start: place.start, end: place.end };
        let refused = Diagnostic::error(code, message).at(span);
        self.findings.push(if help.is_empty() { refused } else { refused.help(help) });
    }

    /// Without the space and line breaks that the parser counts to a scalar's end.
    fn trimmed(&self, place: Place) -> Place {
        let text = self.source.text.get(place.start..place.end).unwrap_or_default();
        Place { start: place.start, end: place.start + text.trim_end().len() }
    }
}

/// Text of a file, cut for a message.
pub(crate) fn short(text: &str) -> String {
    const CHARACTERS_MAX: usize = 60;
    match text.char_indices().nth(CHARACTERS_MAX) {
        Some((at, _)) => format!("{}...", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scanned(text: &str) -> Result<Document, Vec<String>> {
        let source = Arc::new(Source { path: "a.yaml".into(), text: text.into() });
        let mut findings = Findings::default();
        let document = scan(&source, &mut findings);
        document.ok_or_else(|| {
            let shown = |diagnostic: &Diagnostic| {
                let (line, column) = diagnostic.span.as_ref().unwrap().position();
                format!("{line}:{column} {}", diagnostic.message)
            };
            findings.finish().unwrap_err().iter().map(shown).collect()
        })
    }

    #[test]
    fn what_makes_a_file_say_something_else_is_refused() {
        for (text, expected) in [
            ("a: &x 1\nb: 2", &["1:4 anchors are not allowed"][..]),
            ("a: &x {b: 1}\nc: *x", &["1:4 anchors are not allowed", "2:4 aliases are not allowed"]),
            ("a: *x", &["1:4 aliases are not allowed"]),
            ("a: !!str 1\nb: !Foo [1]", &["1:4 tags are not allowed", "2:4 tags are not allowed"]),
            ("a: {<<: {b: 1}}", &["1:5 merge keys are not allowed"]),
            ("a: 1\n---\nb: 2", &["2:1 a second document begins here"]),
            ("a: 1\nb: 2\n'a': 3", &["3:1 key `a` is given twice"]),
            ("a: {b: 1, c: 2, b: 3}", &["1:17 key `b` is given twice"]),
            ("? [a]\n: 1", &["1:3 a list or keys stand where a key is due"]),
            ("a: \u{2028}b", &["1:4 character U+2028 is not allowed in a manifest"]),
            ("\u{feff}a: b", &["1:1 character U+FEFF is not allowed in a manifest"]),
            ("a: \u{202e}b", &["1:4 character U+202E is not allowed in a manifest"]),
        ] {
            assert_eq!(scanned(text).map(|document| document.root).unwrap_err(), expected, "{text}");
        }
    }

    #[test]
    fn every_place_is_found_again() {
        let text = "gr\u{fc}n: [a, 'b c', {d: \"e\"}]\r\nsource: |\r\n  one\r\n  two\r\nlast: x y  # z\n";
        let document = scanned(text).unwrap();
        let shown = |path| {
            let place = document.root.place_of(path);
            text.get(place.start..place.end).unwrap()
        };
        for (path, expected) in [
            ("gr\u{fc}n.0", "a"),
            ("gr\u{fc}n.1", "'b c'"),
            ("gr\u{fc}n.2.d", "\"e\""),
            ("gr\u{fc}n", "gr\u{fc}n"),
            ("gr\u{fc}n.7", "gr\u{fc}n"),
            ("last", "x y"),
            ("last.deeper", "x y"),
        ] {
            assert_eq!(shown(path), expected, "{path}");
        }
        assert_eq!(document.root.get("source").unwrap().text(), Some("one\ntwo\n"));
    }

    #[test]
    fn deep_files_are_refused_at_once() {
        let started = std::time::Instant::now();
        for text in ["[".repeat(100_000), "{a: ".repeat(60_000), "- ".repeat(100_000), "? ".repeat(100_000)] {
            assert!(scanned(&text).is_err());
        }
        let laughs = (1..20).map(|n| format!("a{n}: &a{n} [{}]\n", format!("*a{},", n - 1).repeat(9)));
        assert!(scanned(&format!("a0: &a0 ha\n{}", laughs.collect::<String>())).is_err());
        assert!(started.elapsed().as_secs() < 5, "{:?}", started.elapsed());
    }
}
