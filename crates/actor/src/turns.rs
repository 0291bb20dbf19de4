//! Whose turn it is on one worker: deficit round robin over tenants, first in first out within a tenant.
//!
//! A tenant's credit is its account's, shared by all workers: what it used on another worker counts here. A
//! tenant alone on its worker runs whatever it owes, and is given nothing for it; otherwise a tenant without
//! credit passes its turn and is given one round's worth. Knows processes by address only.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::account::Account;
use crate::address::Address;
use crate::limits::{DEBT_NS_MAX, QUANTUM_NS};

/// Rounds after which even the deepest debt is paid.
const ROUNDS_MAX: usize = (DEBT_NS_MAX / QUANTUM_NS) as usize + 2;

/// The processes of one worker that wait for their turn.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    lines: BTreeMap<u32, Line>,
    /// The tenants that have somebody waiting; the first one's turn it is.
    round: VecDeque<u32>,
    /// The tenant that had the last turn: it keeps its place in the round while it has credit.
    current: Option<u32>,
    waiting: usize,
}

#[derive(Debug)]
struct Line {
    account: Arc<Account>,
    waiting: VecDeque<Address>,
}

impl Turns {
    /// Puts a process at the end of its tenant's line.
    pub(crate) fn join(&mut self, account: &Arc<Account>, process: Address) {
        let line = self
            .lines
            .entry(account.index())
            .or_insert_with(|| Line { account: account.clone(), waiting: VecDeque::new() });
        if line.waiting.is_empty() {
            if self.current == Some(account.index()) {
                self.round.push_front(account.index());
            } else {
                self.round.push_back(account.index());
            }
        }
        line.waiting.push_back(process);
        self.waiting += 1;
    }

    /// Takes the process whose turn it is.
    pub(crate) fn next(&mut self) -> Option<Address> {
        // Other workers may take credit while this one gives it: after enough rounds the first in line goes.
        for _ in 0..self.round.len().saturating_mul(ROUNDS_MAX) {
            let line = self.round.front().and_then(|tenant| self.lines.get(tenant))?;
            if self.round.len() == 1 || line.account.credit_ns() > 0 {
                break;
            }
            line.account.refill_time();
            self.round.rotate_left(1);
        }
        let tenant = *self.round.front()?;
        let line = self.lines.get_mut(&tenant)?;
        let process = line.waiting.pop_front()?;
        if line.waiting.is_empty() {
            self.round.pop_front();
        }
        self.current = Some(tenant);
        self.waiting -= 1;
        Some(process)
    }

    /// How many processes wait.
    pub(crate) fn len(&self) -> usize {
        self.waiting
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Quotas;
    use crate::pid::NodeIdentity;
    use policy::TenantId;

    fn account(index: u32) -> Arc<Account> {
        let tenant = TenantId::new(&format!("t{index}")).unwrap();
        let tag = NodeIdentity { key: [0; 32], node: 0, incarnation: 0 }.tag(&tenant);
        Arc::new(Account::new(tenant, tag, index, Quotas::default()))
    }

    /// Runs tenants whose processes always want to go on, each using its own slice, for `turns` turns; gives
    /// the time each has had, in units of a quantum.
    fn shares(slices_ns: &[u64], processes: &[u32], turns: usize) -> Vec<u64> {
        let accounts: Vec<_> = (0..slices_ns.len() as u32).map(account).collect();
        let mut queue = Turns::default();
        for (tenant, account) in accounts.iter().enumerate() {
            for process in 0..processes[tenant] {
                queue.join(account, Address::new(0, tenant as u32 * 1000 + process, 1));
            }
        }
        let mut had = vec![0; slices_ns.len()];
        for _ in 0..turns {
            let process = queue.next().unwrap();
            let tenant = process.slot() as usize / 1000;
            had[tenant] += slices_ns[tenant];
            accounts[tenant].charge_time(slices_ns[tenant]);
            queue.join(&accounts[tenant], process);
        }
        assert_eq!(queue.len(), processes.iter().sum::<u32>() as usize);
        had.into_iter().map(|ns| ns / QUANTUM_NS as u64).collect()
    }

    #[test]
    fn tenants_share_time_equally_whatever_their_slices_and_processes() {
        let millisecond = 1_000_000;
        for (slices, processes) in [
            (vec![millisecond, millisecond], vec![1, 1]),
            (vec![5 * millisecond, millisecond / 10], vec![1, 1]),
            (vec![5 * millisecond, millisecond], vec![100, 1]),
            (vec![10_000, 10_000, 3 * millisecond], vec![50, 1, 3]),
        ] {
            let had = shares(&slices, &processes, 20_000);
            let (least, most) = (had.iter().min().unwrap(), had.iter().max().unwrap());
            assert!(most - least <= 40 + most / 50, "{slices:?} {processes:?}: {had:?}");
        }
    }

    #[test]
    fn a_tenant_alone_runs_whatever_it_owes() {
        let account = account(0);
        let mut queue = Turns::default();
        account.charge_time(u64::MAX);
        queue.join(&account, Address::new(0, 1, 1));
        queue.join(&account, Address::new(0, 2, 1));
        assert_eq!(queue.next(), Some(Address::new(0, 1, 1)));
        assert_eq!(queue.next(), Some(Address::new(0, 2, 1)));
        assert_eq!(queue.next(), None);
        assert_eq!(account.credit_ns(), -DEBT_NS_MAX);
    }

    #[test]
    fn time_used_on_another_worker_counts_here() {
        let (busy, calm) = (account(0), account(1));
        let (mut here, mut calm_turns) = (Turns::default(), 0);
        for account in [&busy, &calm] {
            here.join(account, Address::new(0, account.index(), 1));
        }
        for _ in 0..100 {
            busy.charge_time(1_000_000); // on the other worker, where it is alone
            let process = here.next().unwrap();
            let account = if process.slot() == 0 { &busy } else { &calm };
            calm_turns += usize::from(process.slot() == 1);
            account.charge_time(1_000_000);
            here.join(account, process);
        }
        assert!(calm_turns >= 90, "{calm_turns}");
    }
}
