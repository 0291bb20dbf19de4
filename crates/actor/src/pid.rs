//! Process ids as text: made by a node, opaque and unguessable to scripts, readable by that node alone.
//!
//! `p~` and 48 characters of base 32: address, tenant tag, node, incarnation and a MAC over them under the
//! node's key. `~` is not allowed in a name, so no pid is ever a name; it needs no quoting in a URL (RFC 3986,
//! unreserved) nor in a shell. The node's key and incarnation make pids of another node or an earlier run
//! different from every pid of this one. From a pid that verifies, its node can tell whose the process was,
//! long after it ended.
//!
//! The fields are not hidden: a script could read how far its worker's slots have been used.

use std::sync::Arc;

use audit::digest::hmac_sha256;
use policy::TenantId;

use crate::address::Address;
use crate::base32;

/// What every pid begins with.
const PREFIX: &str = "p~";
/// Address 8, tag 8, node 2, incarnation 4: what the MAC covers.
const FIELDS_BYTES: usize = 22;
/// 64 bits of MAC: a guess can only be tried online, one check each, and NIST SP 800-107 asks for 32 or more.
const MAC_BYTES: usize = 8;
const BYTES: usize = FIELDS_BYTES + MAC_BYTES;

/// What makes a node's pids its own.
#[derive(Clone)]
pub struct NodeIdentity {
    /// Secret of the node. Who knows it can make pids that verify; kept across restarts, pids of earlier runs
    /// still tell their tenant.
    pub key: [u8; 32],
    /// Which node it is.
    pub node: u16,
    /// Which run of the node: never the same twice under one key.
    pub incarnation: u32,
}

/// A tenant as pids name it: a truncated MAC of its id, so that a pid does not tell scripts whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Tag([u8; 8]);

/// A pid's text taken apart, its MAC not looked at yet.
pub(crate) struct Unverified {
    bytes: [u8; BYTES],
    pub(crate) address: Address,
}

impl NodeIdentity {
    /// The tag of a tenant on this node.
    pub(crate) fn tag(&self, tenant: &TenantId) -> Tag {
        let mac = self.mac(b"moonward tenant\0", tenant.as_str().as_bytes());
        Tag(mac.first_chunk().copied().unwrap_or_default())
    }

    /// The pid of the process at `address`, of the tenant with this tag.
    pub(crate) fn mint(&self, tag: Tag, address: Address) -> Arc<str> {
        let mut bytes = [0; BYTES];
        let fields = address.bits().to_be_bytes().into_iter().chain(tag.0);
        let fields = fields.chain(self.node.to_be_bytes()).chain(self.incarnation.to_be_bytes());
        bytes.iter_mut().zip(fields).for_each(|(byte, field)| *byte = field);
        let (fields, mac) = bytes.split_at_mut(FIELDS_BYTES);
        self.mac(b"moonward pid\0", fields).iter().zip(mac).for_each(|(from, to)| *to = *from);
        let mut text = String::with_capacity(PREFIX.len() + BYTES / 5 * 8);
        text.push_str(PREFIX);
        base32::encode(&bytes, &mut text);
        Arc::from(text)
    }

    /// The tag in a pid, if this node made the pid, in this run or an earlier one.
    pub(crate) fn verify(&self, pid: &Unverified) -> Option<Tag> {
        let (fields, mac) = pid.bytes.split_at(FIELDS_BYTES);
        let expected = self.mac(b"moonward pid\0", fields);
        // Every byte is looked at, so that the time taken does not tell how many were right.
        let different = expected.iter().zip(mac).fold(0, |sum, (one, other)| sum | (one ^ other));
        let tag = fields.get(8..16).and_then(|tag| tag.try_into().ok()).map(Tag);
        tag.filter(|_| different == 0)
    }

    fn mac(&self, purpose: &[u8], data: &[u8]) -> [u8; 32] {
        let mut message = Vec::with_capacity(purpose.len() + data.len());
        message.extend_from_slice(purpose);
        message.extend_from_slice(data);
        hmac_sha256(&self.key, &message)
    }
}

impl Unverified {
    /// The parts of a text in the shape of a pid.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let bytes = base32::decode::<BYTES>(text.strip_prefix(PREFIX)?)?;
        let address = u64::from_be_bytes(*bytes.first_chunk()?);
        Some(Self { bytes, address: Address::from_bits(address) })
    }
}

/// Whether a text has the shape of a pid: it names a process by pid and never by name.
pub(crate) fn is_pid(text: &str) -> bool {
    text.starts_with(PREFIX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(key: u8, node: u16, incarnation: u32) -> NodeIdentity {
        NodeIdentity { key: [key; 32], node, incarnation }
    }

    #[test]
    fn a_pid_tells_its_node_the_address_and_the_tenant() {
        let node = identity(7, 3, 9);
        let (acme, other) = (TenantId::new("acme").unwrap(), TenantId::new("other").unwrap());
        let address = Address::new(5, 1234, 99);
        let pid = node.mint(node.tag(&acme), address);
        assert_eq!(pid.len(), 50);
        assert!(pid.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'~'), "{pid}");
        let read = Unverified::read(&pid).unwrap();
        assert_eq!(read.address, address);
        assert_eq!(node.verify(&read), Some(node.tag(&acme)));
        assert_ne!(node.tag(&acme), node.tag(&other));
        assert_eq!(identity(7, 4, 10).verify(&read), Some(node.tag(&acme)), "the key decides");
        assert_eq!(identity(8, 3, 9).verify(&read), None);
        assert_ne!(pid, identity(7, 3, 10).mint(node.tag(&acme), address), "another run, another pid");
    }

    #[test]
    fn a_changed_pid_verifies_no_more() {
        let node = identity(1, 1, 1);
        let pid = node.mint(node.tag(&TenantId::system()), Address::new(0, 0, 1));
        for at in PREFIX.len()..pid.len() {
            let mut changed = pid.to_string();
            let other = if &changed[at..=at] == "0" { "1" } else { "0" };
            changed.replace_range(at..=at, other);
            let read = Unverified::read(&changed).unwrap();
            assert_eq!(node.verify(&read), None, "{changed}");
        }
        for shape in ["", "p~", "p~0", "x", &pid.to_uppercase(), &pid[..pid.len() - 1], &format!("{pid}0")] {
            assert!(Unverified::read(shape).is_none(), "{shape}");
        }
    }
}
