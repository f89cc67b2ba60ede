//! Where requests wait for each other: `/gate` and `/after` of the embedded server.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::Url;
use tokio::sync::watch;
use tokio::time::timeout;

/// Longest name of a group, in characters.
pub const MAX_NAME: usize = 40;

/// Requests that count for each other: those of one client, or those that give the same name.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Group {
    Client(IpAddr),
    Named(String),
}

impl Group {
    /// The group of a request from `client`; `as=name` in its query names another. None if the name
    /// is too long.
    pub fn of(client: IpAddr, query: Option<&str>) -> Option<Group> {
        let url = query.and_then(|query| Url::parse(&format!("http://server/?{query}")).ok());
        let named = url.as_ref().and_then(|url| url.query_pairs().find(|(key, _)| key == "as"));
        match named {
            Some((_, name)) if name.chars().count() > MAX_NAME => None,
            Some((_, name)) => Some(Group::Named(name.into_owned())),
            None => Some(Group::Client(client)),
        }
    }
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Place {
    Gate(usize),
    After,
}

type Key = (Group, Place);

/// The places where requests wait, each with a count: a gate's is 0 until it opens, the other one
/// counts the requests that arrive. A place goes with its last request, so there are never more
/// places than requests.
#[derive(Default)]
pub struct Gates(Mutex<HashMap<Key, watch::Sender<usize>>>);

impl Gates {
    /// Waits until `n` requests of the group are in its gate. The last one opens it for all.
    pub async fn gate(&self, group: Group, n: usize, patience: Duration) -> bool {
        let key = (group, Place::Gate(n));
        let ticket = self.enter(key.clone());
        if let Entry::Occupied(gate) = self.places().entry(key)
            && gate.get().receiver_count() >= n
        {
            // Later requests find a new gate.
            gate.remove().send_replace(n);
        }
        ticket.wait_for(n, patience).await
    }

    /// Waits until `n` more requests of the group have arrived.
    pub async fn after(&self, group: Group, n: usize, patience: Duration) -> bool {
        let ticket = self.enter((group, Place::After));
        let now = *ticket.count.borrow();
        ticket.wait_for(now + n, patience).await
    }

    /// Counts a request for those that wait in [`Gates::after`].
    pub fn arrived(&self, group: &Group) {
        if let Some(after) = self.places().get(&(group.clone(), Place::After)) {
            after.send_modify(|count| *count += 1);
        }
    }

    fn enter(&self, key: Key) -> Ticket<'_> {
        let count = self.places().entry(key.clone()).or_default().subscribe();
        Ticket { gates: self, key, count }
    }

    /// No holder leaves the map half changed, so a panic elsewhere is no reason to stop.
    fn places(&self) -> MutexGuard<'_, HashMap<Key, watch::Sender<usize>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request's place, given up even if the client hangs up.
struct Ticket<'a> {
    gates: &'a Gates,
    key: Key,
    count: watch::Receiver<usize>,
}

impl Ticket<'_> {
    async fn wait_for(mut self, enough: usize, patience: Duration) -> bool {
        let reached = self.count.wait_for(|count| *count >= enough);
        timeout(patience, reached).await.is_ok_and(|reached| reached.is_ok())
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        let mut places = self.gates.places();
        // Once a gate is open, its key may be a new gate's.
        let is_listed = self.count.has_changed().is_ok();
        if is_listed && places.get(&self.key).is_some_and(|place| place.receiver_count() == 1) {
            places.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const SHORT: Duration = Duration::from_secs(5);
    const LONG: Duration = Duration::from_secs(60);

    fn client(number: u8) -> Group {
        Group::Client(Ipv4Addr::new(10, 0, 0, number).into())
    }

    #[tokio::test(start_paused = true)]
    async fn clients_do_not_open_each_others_gate() {
        let gates = Gates::default();
        let gate = |number| gates.gate(client(number), 2, SHORT);
        assert_eq!(tokio::join!(gate(1), gate(2)), (false, false));
        assert_eq!(tokio::join!(gate(1), gate(2), gate(1)), (true, false, true));
        assert!(gates.places().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn opened_gate_leaves_the_next_alone() {
        let gates = Gates::default();
        let gate = |patience| gates.gate(client(1), 2, patience);
        // The third and the fourth enter a new gate before the first two have left the old one.
        let all = tokio::join!(gate(SHORT), gate(SHORT), gate(LONG), async {
            tokio::time::sleep(SHORT).await;
            gate(LONG).await
        });
        assert_eq!(all, (true, true, true, true));
        assert!(gates.places().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn after_counts_later_requests_of_its_group() {
        let gates = Gates::default();
        let (own, other) = (client(1), client(2));
        gates.arrived(&own);
        let arrive = async |group: &Group| gates.arrived(group);
        let after = |n| gates.after(own.clone(), n, SHORT);
        let waited = tokio::join!(after(1), arrive(&own), arrive(&other), after(1), after(2));
        assert_eq!((waited.0, waited.3, waited.4), (true, false, false));
        assert!(tokio::join!(after(2), arrive(&own), arrive(&own)).0);
        assert!(gates.places().is_empty(), "no place is kept");
    }

    #[tokio::test(start_paused = true)]
    async fn client_that_leaves_gives_up_its_place() {
        let gates = Gates::default();
        let gate = || gates.gate(client(1), 2, LONG);
        assert!(timeout(SHORT, gate()).await.is_err());
        assert!(gates.places().is_empty());
        assert!(!gate().await, "alone again");
    }

    #[test]
    fn name_replaces_the_address() {
        let of = |query: &str| Group::of(Ipv4Addr::LOCALHOST.into(), Some(query));
        let named = |name: &str| Some(Group::Named(name.into()));
        assert!(of("") == Group::of(Ipv4Addr::LOCALHOST.into(), None));
        assert!(of("x=1&as=class") == named("class"));
        assert!(
            of("as=%D0%9A%D0%BB%D0%B0%D1%81%D1%81") == named("Класс")
                && of("as=Класс") == named("Класс")
        );
        assert!(of(&format!("as={}", "é".repeat(40))) == named(&"é".repeat(40)));
        assert!(of(&format!("as={}", "a".repeat(41))).is_none());
    }
}
