//! Who is connected, who was sent away, and what was the matter with those who are away.

use crate::{
    connection::Connection,
    reason::Reason,
    tie::{Winner, winner},
};
use countersign_messages::MemberId;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

#[derive(Debug)]
pub(crate) struct Registry {
    me: MemberId,
    inner: Mutex<Inner>,
}

/// Each map has at most one entry a member.
#[derive(Debug, Default)]
struct Inner {
    connections: BTreeMap<MemberId, Arc<Connection>>,
    bans: BTreeMap<MemberId, Instant>,
    errors: BTreeMap<MemberId, String>,
    closed: bool,
}

impl Registry {
    pub(crate) fn new(me: MemberId) -> Self {
        Self { me, inner: Mutex::default() }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a connection in, and gives the one it replaces.
    pub(crate) fn admit(&self, new: &Arc<Connection>, now: Instant) -> Result<Option<Arc<Connection>>, Reason> {
        let mut inner = self.inner();
        if inner.closed {
            return Err(Reason::Shutdown);
        }
        if inner.bans.get(&new.member).is_some_and(|until| now < *until) {
            return Err(Reason::Banned);
        }
        let old = inner.connections.get(&new.member).cloned();
        if let Some(old) = &old {
            if winner(old.claim, new.claim, self.me, new.member) == Winner::Old {
                return Err(Reason::Duplicate);
            }
            let both = old.claim.instance == new.claim.instance && old.claim.dialled_by != new.claim.dialled_by;
            if old.claim.instance == new.claim.instance {
                new.outbox.adopt(&old.outbox);
            }
            old.stop(if both { Reason::Duplicate } else { Reason::Replaced });
        }
        inner.errors.remove(&new.member);
        inner.connections.insert(new.member, new.clone());
        Ok(old)
    }

    /// Takes a connection out, unless another has taken its place.
    pub(crate) fn leave(&self, connection: &Arc<Connection>, reason: &Reason) {
        let mut inner = self.inner();
        if inner.connections.get(&connection.member).is_some_and(|c| Arc::ptr_eq(c, connection)) {
            inner.connections.remove(&connection.member);
            inner.errors.insert(connection.member, reason.to_string());
        }
    }

    pub(crate) fn get(&self, member: &MemberId) -> Option<Arc<Connection>> {
        self.inner().connections.get(member).cloned()
    }

    pub(crate) fn all(&self) -> Vec<Arc<Connection>> {
        self.inner().connections.values().cloned().collect()
    }

    /// Refuses a member until then, and gives its connection.
    pub(crate) fn ban(&self, member: MemberId, until: Instant, now: Instant) -> Option<Arc<Connection>> {
        let mut inner = self.inner();
        inner.bans.retain(|_, until| now < *until);
        if now < until {
            inner.bans.insert(member, until);
        }
        inner.connections.get(&member).cloned()
    }

    pub(crate) fn banned_until(&self, member: &MemberId) -> Option<Instant> {
        self.inner().bans.get(member).copied()
    }

    pub(crate) fn set_error(&self, member: MemberId, error: String) {
        self.inner().errors.insert(member, error);
    }

    pub(crate) fn error(&self, member: &MemberId) -> Option<String> {
        self.inner().errors.get(member).cloned()
    }

    /// Lets nobody in any more, and gives who is there.
    pub(crate) fn close(&self) -> Vec<Arc<Connection>> {
        self.inner().closed = true;
        self.all()
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.inner().closed
    }
}
