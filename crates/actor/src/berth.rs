//! What a process takes up from its birth to its end: an address, and its place in the quotas of its tenant and
//! its host. Dropping it gives all of it back.

use std::sync::Arc;

use value::{Failure, Kind};

use crate::account::Account;
use crate::address::Address;
use crate::host::HostUse;
use crate::node::Node;
use crate::table::Table;

/// A process's place on the node.
#[derive(Debug)]
pub(crate) struct Berth {
    pub(crate) address: Address,
    table: Arc<Table>,
    pub(crate) account: Arc<Account>,
    host: Arc<HostUse>,
}

impl Berth {
    /// Takes a place, on the spawner's worker if that will do.
    pub(crate) fn take<P>(
        node: &Node<P>,
        account: &Arc<Account>,
        host: &Arc<HostUse>,
        spawner: Option<u8>,
    ) -> Result<Self, Failure> {
        account.reserve_process()?;
        host.reserve_process().inspect_err(|_| account.release_process())?;
        let worker = host.place(spawner, |worker| node.load(worker));
        match worker.and_then(|worker| node.table().claim(worker)) {
            Some(address) => {
                let (table, account, host) = (node.table().clone(), account.clone(), host.clone());
                Ok(Self { address, table, account, host })
            }
            None => {
                host.release_process();
                account.release_process();
                Err(Failure::new(Kind::RateLimited, "no worker of the host has room for another process"))
            }
        }
    }
}

impl Drop for Berth {
    fn drop(&mut self) {
        self.host.release_process();
        self.account.release_process();
        self.table.recycle(self.address);
    }
}
