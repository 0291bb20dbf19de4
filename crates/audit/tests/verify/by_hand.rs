//! A log written by hand: a second implementation of docs/audit-format.md, that shares no code with the first. Times, ids
//! and keys are fixed, so that the same calls make the same bytes.

use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::path::Path;

use audit::VerifyingKey;
use ed25519_dalek::{Signer as _, SigningKey};
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};
use value::base64::{Alphabet, encode};

/// Seeds of keys: the one that logs are signed with, the one after it, and a stranger's.
pub(crate) const KEY: u8 = 7;
pub(crate) const NEXT_KEY: u8 = 8;
pub(crate) const STRANGER: u8 = 66;

/// The public half of a key, as the product reads it.
pub(crate) fn verifying(seed: u8) -> VerifyingKey {
    verifier_key(&SigningKey::from_bytes(&[seed; 32])).parse().unwrap()
}

/// A log that grows in memory, line by line.
#[derive(Clone)]
pub(crate) struct ByHand {
    key: SigningKey,
    /// What ids begin with: another log has others.
    era: &'static str,
    pub(crate) seq: u64,
    prev: [u8; 32],
    /// The lines of each segment.
    pub(crate) segments: Vec<Vec<Vec<u8>>>,
}

impl ByHand {
    pub(crate) fn new(seed: u8) -> Self {
        Self {
            key: SigningKey::from_bytes(&[seed; 32]),
            era: "01JDA7E0Q4",
            seq: 0,
            prev: [0; 32],
            segments: vec![vec![]],
        }
    }

    /// A log of another beginning.
    pub(crate) fn of_another_era(seed: u8) -> Self {
        Self { era: "01JDB00000", ..Self::new(seed) }
    }

    fn id(&self, seq: u64) -> String {
        format!("{}{seq:016}", self.era)
    }

    /// The origin that its notes name.
    pub(crate) fn origin(&self) -> String {
        format!("moonward.audit/{}", self.id(1))
    }

    /// The line that would come next, with these members after its head.
    pub(crate) fn line(&self, kind: &str, members: &str) -> Vec<u8> {
        let seq = self.seq + 1;
        let (minute, second) = (seq / 60 % 60, seq % 60);
        let mut line = format!(
            "{{\"schema\":\"moonward.audit/1\",\"seq\":\"{seq}\",\"id\":\"{}\",\
             \"ts\":\"2026-11-27T13:{minute:02}:{second:02}.000000001Z\",\"prev\":\"{}\",\"kind\":\"{kind}\"",
            self.id(seq),
            hex(&self.prev),
        );
        if !members.is_empty() {
            write!(line, ",{members}").unwrap();
        }
        line.push_str("}\n");
        line.into_bytes()
    }

    /// Writes a record.
    pub(crate) fn record(&mut self, kind: &str, members: &str) -> &mut Self {
        let line = self.line(kind, members);
        self.prev = Sha256::digest(&line).into();
        self.seq += 1;
        self.segments.last_mut().unwrap().push(line);
        self
    }

    /// Writes some administrative acts.
    pub(crate) fn acts(&mut self, count: u64) -> &mut Self {
        for _ in 0..count {
            let members = format!("\"detail\":{{\"act\":\"test\",\"number\":\"{}\"}}", self.seq + 1);
            self.record("admin", &members);
        }
        self
    }

    /// The signed note on what was written so far.
    pub(crate) fn note(&self) -> String {
        let text = format!("{}\n{}\n{}\n", self.origin(), self.seq, encode(&self.prev, Alphabet::Standard));
        signed(&text, &[&self.key])
    }

    pub(crate) fn checkpoint(&mut self, reason: &str) -> &mut Self {
        let members = format!("\"detail\":{{\"note\":{},\"reason\":\"{reason}\"}}", ascii_json(&self.note()));
        self.record("checkpoint", &members)
    }

    /// Hands over to another key, with the signatures of these.
    pub(crate) fn rotate_signed(&mut self, seed: u8, signers: &[u8]) -> &mut Self {
        let from = verifier_key(&self.key);
        self.rotate_from(&from, seed, signers)
    }

    /// Another key signs from here on; the one before is gone, and only its id is known.
    pub(crate) fn lose_key(&mut self, seed: u8) -> &mut Self {
        let from = hex(&key_id(&self.key));
        self.rotate_from(&from, seed, &[seed])
    }

    fn rotate_from(&mut self, from: &str, seed: u8, signers: &[u8]) -> &mut Self {
        let new = SigningKey::from_bytes(&[seed; 32]);
        let to = verifier_key(&new);
        let head = encode(&self.prev, Alphabet::Standard);
        let text = format!("{} key\n{}\n{head}\nold {from}\nnew {to}\n", self.origin(), self.seq);
        let signers: Vec<_> = signers.iter().map(|seed| SigningKey::from_bytes(&[*seed; 32])).collect();
        let note = ascii_json(&signed(&text, &signers.iter().collect::<Vec<_>>()));
        self.record(
            "key_rotate",
            &format!("\"detail\":{{\"new\":\"{to}\",\"old\":\"{from}\",\"note\":{note}}}"),
        );
        self.key = new;
        self
    }

    /// Hands over to another key, with the signatures of both.
    pub(crate) fn rotate(&mut self, seed: u8) -> &mut Self {
        let old = self.key.to_bytes()[0];
        self.rotate_signed(seed, &[old, seed])
    }

    /// Says that everything up to a record was removed; give the last line that was.
    pub(crate) fn retention(&mut self, through: u64, last: &[u8]) -> &mut Self {
        let head = hex(&Sha256::digest(last));
        self.record("retention", &format!("\"detail\":{{\"through\":\"{through}\",\"head\":\"{head}\"}}"))
    }

    /// Begins the next segment.
    pub(crate) fn segment(&mut self) -> &mut Self {
        self.segments.push(vec![]);
        self
    }

    /// Makes the key another one, without a word.
    pub(crate) fn take_key(&mut self, seed: u8) -> &mut Self {
        self.key = SigningKey::from_bytes(&[seed; 32]);
        self
    }

    /// The line of a record.
    pub(crate) fn at(&self, seq: u64) -> &[u8] {
        self.segments.iter().flatten().nth(seq as usize - 1).unwrap()
    }

    /// Writes the segments into a folder, those of these numbers compressed.
    pub(crate) fn write(&self, folder: &Path, compressed: &[usize]) {
        write(&self.segments, folder, compressed);
    }
}

/// Writes segments into a folder, those of these numbers compressed.
pub(crate) fn write(segments: &[Vec<Vec<u8>>], folder: &Path, compressed: &[usize]) {
    for (number, lines) in (1..).zip(segments) {
        let text = lines.concat();
        let name = format!("{number:08}.jsonl");
        if compressed.contains(&number) {
            fs::write(folder.join(name + ".gz"), packed(&text)).unwrap();
        } else {
            fs::write(folder.join(name), text).unwrap();
        }
    }
}

/// A text as gzip has it.
pub(crate) fn packed(text: &[u8]) -> Vec<u8> {
    let mut packing = GzEncoder::new(Vec::new(), Compression::default());
    packing.write_all(text).unwrap();
    packing.finish().unwrap()
}

/// The text of a file that gzip can unpack.
pub(crate) fn unpacked(packed: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    MultiGzDecoder::new(packed).read_to_end(&mut text).unwrap();
    text
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn key_id(key: &SigningKey) -> [u8; 4] {
    let named = [b"moonward.audit\n\x01", key.verifying_key().as_bytes().as_slice()].concat();
    Sha256::digest(named)[..4].try_into().unwrap()
}

fn verifier_key(key: &SigningKey) -> String {
    let bytes = [&[1], key.verifying_key().as_bytes().as_slice()].concat();
    format!("moonward.audit+{}+{}", hex(&key_id(key)), encode(&bytes, Alphabet::Standard))
}

fn signed(text: &str, keys: &[&SigningKey]) -> String {
    let mut note = format!("{text}\n");
    for key in keys {
        let bytes = [key_id(key).as_slice(), &key.sign(text.as_bytes()).to_bytes()].concat();
        writeln!(note, "\u{2014} moonward.audit {}", encode(&bytes, Alphabet::Standard)).unwrap();
    }
    note
}

/// A text as a JSON string of printable ASCII; notes hold nothing else that would have to be escaped.
fn ascii_json(text: &str) -> String {
    format!("\"{}\"", text.replace('\n', "\\n").replace('\u{2014}', "\\u2014"))
}
