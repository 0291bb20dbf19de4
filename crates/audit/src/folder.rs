//! The names in a log's folder, and the segments found there. Opens none of them.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What a compressed segment's name has after that of the segment.
pub(crate) const PACKED: &str = ".gz";

/// The name of a segment: `00000001.jsonl`, with more digits once eight do not suffice.
pub(crate) fn segment_name(number: u64) -> String {
    format!("{number:08}.jsonl")
}

/// The segments of a folder by number, in order; of one that is there as it was written and compressed, the first.
/// Files by other names are somebody else's.
///
/// # Errors
/// The folder cannot be listed.
pub fn segments(folder: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut segments = BTreeMap::new();
    // A folder that changes while it is listed may show a segment under neither name when it is being compressed; its
    // new name was there before the old one went, so the second look finds it.
    for _look in 0..2 {
        for file in fs::read_dir(folder)? {
            let path = file?.path();
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
            if let Some(number) = segment_number(name) {
                segments.insert(number, path);
            } else if let Some(number) = name.strip_suffix(PACKED).and_then(segment_number) {
                segments.entry(number).or_insert(path);
            }
        }
    }
    Ok(segments.into_iter().collect())
}

/// Where a segment is once it is compressed.
pub(crate) fn packed(segment: &Path) -> PathBuf {
    let mut path = segment.as_os_str().to_owned();
    path.push(PACKED);
    path.into()
}

/// Where a file is written before it gets its name.
pub(crate) fn partial(file: &Path) -> PathBuf {
    let mut path = file.as_os_str().to_owned();
    path.push(".partial");
    path.into()
}

/// Where the parts of records are that were too large for their lines.
pub(crate) fn objects(folder: &Path) -> PathBuf {
    folder.join("objects")
}

/// The folders of such parts that belong to segments up to a number; none where there are no such parts.
pub(crate) fn objects_through(objects: &Path, last: u64) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(objects) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).map(|name| format!("{name}.jsonl"));
        if name.and_then(|name| segment_number(&name)).is_some_and(|number| number <= last) {
            found.push(path);
        }
    }
    Ok(found)
}

/// Whether this is the path of a compressed segment, which has to be read from its beginning to be read at all.
pub fn is_packed(segment: &Path) -> bool {
    segment.as_os_str().as_encoded_bytes().ends_with(PACKED.as_bytes())
}

fn segment_number(name: &str) -> Option<u64> {
    let number = name.strip_suffix(".jsonl")?.parse().ok()?;
    (number > 0 && segment_name(number) == name).then_some(number)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn only_names_that_the_log_gives_are_segments() {
        for (name, expected) in [
            ("00000001.jsonl", Some(1)),
            ("00000120.jsonl", Some(120)),
            ("123456789.jsonl", Some(123_456_789)),
            ("00000001.jsonl.gz", Some(1)),
            ("1.jsonl", None),
            ("00000000.jsonl", None),
            ("+0000001.jsonl", None),
            ("00000001.jsonl.bak", None),
            ("00000001.jsonl.gz.partial", None),
            ("00000001.gz", None),
            ("lock", None),
        ] {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join(name), "").unwrap();
            let numbers: Vec<_> =
                segments(folder.path()).unwrap().iter().map(|(number, _)| *number).collect();
            assert_eq!(numbers, expected.into_iter().collect::<Vec<_>>(), "{name}");
        }
    }

    #[test]
    fn of_a_segment_in_both_forms_the_one_that_was_written_counts() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["00000002.jsonl.gz", "00000001.jsonl.gz", "00000001.jsonl"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let found = segments(folder.path()).unwrap();
        let names: Vec<_> = found.iter().map(|(_, path)| path.file_name().unwrap()).collect();
        assert_eq!(names, ["00000001.jsonl", "00000002.jsonl.gz"]);
        assert!(!is_packed(&found[0].1) && is_packed(&found[1].1));
        assert_eq!(packed(&segments(folder.path()).unwrap()[0].1), folder.path().join("00000001.jsonl.gz"));
    }
}
