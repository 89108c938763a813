//! A bounded queue of messages. Pure.

use bytes::Bytes;
use std::collections::VecDeque;

/// What waits to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) id: u32,
    pub(crate) bytes: Bytes,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Push {
    Queued,
    /// It waits; so many older ones went.
    DroppedOldest(usize),
    Full,
}

#[derive(Debug)]
pub(crate) struct Queue {
    items: VecDeque<Item>,
    bytes: usize,
    messages_max: usize,
    bytes_max: usize,
    drops_oldest: bool,
}

impl Queue {
    pub(crate) fn new(messages_max: usize, bytes_max: usize, drops_oldest: bool) -> Self {
        Self { items: VecDeque::new(), bytes: 0, messages_max, bytes_max, drops_oldest }
    }

    pub(crate) fn push(&mut self, item: Item) -> Push {
        let length = item.bytes.len();
        if length > self.bytes_max || self.messages_max == 0 {
            return Push::Full;
        }
        let mut dropped = 0;
        while self.items.len() >= self.messages_max || self.bytes + length > self.bytes_max {
            if !self.drops_oldest {
                return Push::Full;
            }
            self.pop();
            dropped += 1;
        }
        self.bytes += length;
        self.items.push_back(item);
        if dropped == 0 { Push::Queued } else { Push::DroppedOldest(dropped) }
    }

    pub(crate) fn pop(&mut self) -> Option<Item> {
        let item = self.items.pop_front()?;
        self.bytes -= item.bytes.len();
        Some(item)
    }

    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn item(id: u32, length: usize) -> Item {
        Item { id, bytes: vec![0; length].into() }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn a_queue_keeps_its_bounds_and_its_order(
            steps in prop::collection::vec((any::<bool>(), 0..40usize), 0..200), drops in any::<bool>()
        ) {
            let mut queue = Queue::new(5, 100, drops);
            let mut model: VecDeque<Item> = VecDeque::new();
            for (id, (push, length)) in steps.into_iter().enumerate() {
                if push {
                    let item = item(id as u32, length);
                    match queue.push(item.clone()) {
                        Push::Queued => model.push_back(item),
                        Push::DroppedOldest(n) => {
                            prop_assert!(drops && n > 0);
                            model.drain(..n);
                            model.push_back(item);
                        }
                        Push::Full => prop_assert!(!drops),
                    }
                } else {
                    prop_assert_eq!(queue.pop(), model.pop_front());
                }
                prop_assert!(queue.len() <= 5 && queue.bytes() <= 100);
                prop_assert_eq!(queue.len(), model.len());
                prop_assert_eq!(queue.bytes(), model.iter().map(|i| i.bytes.len()).sum::<usize>());
            }
        }
    }

    #[test]
    fn a_full_queue_refuses_or_drops_its_oldest() {
        let mut refuses = Queue::new(2, 100, false);
        let mut drops = Queue::new(2, 100, true);
        for id in 0..2 {
            assert_eq!((refuses.push(item(id, 1)), drops.push(item(id, 1))), (Push::Queued, Push::Queued));
        }
        assert_eq!(refuses.push(item(2, 1)), Push::Full);
        assert_eq!(drops.push(item(2, 1)), Push::DroppedOldest(1));
        assert_eq!(drops.push(item(3, 100)), Push::DroppedOldest(2));
        assert_eq!(drops.push(item(4, 101)), Push::Full);
        assert_eq!((refuses.pop().map(|i| i.id), drops.pop().map(|i| i.id)), (Some(0), Some(3)));
    }
}
