//! What one person's documents say together: permits joined, refusals and withdrawals subtracted.

use super::{ConsentPolicy, ConsentReport, documents::Document};
use countersign_circuits::consent::Day;
use std::collections::{BTreeMap, BTreeSet};

/// Days from the first to the last, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Interval {
    pub(super) first: i32,
    pub(super) last: i32,
}

pub(super) const ALWAYS: Interval = Interval { first: i32::MIN, last: i32::MAX };

impl Interval {
    pub(super) fn meet(self, other: Self) -> Self {
        Self { first: self.first.max(other.first), last: self.last.min(other.last) }
    }

    /// What is left without some days.
    fn without(self, other: Self) -> impl Iterator<Item = Self> {
        let before = Self { last: self.last.min(other.first.saturating_sub(1)), ..self };
        let after = Self { first: self.first.max(other.last.saturating_add(1)), ..self };
        let apart = other.first > other.last;
        let parts =
            if apart { [Some(self), None] } else { [(other.first > i32::MIN).then_some(before), (other.last < i32::MAX).then_some(after)] };
        parts.into_iter().flatten().filter(|i| i.first <= i.last)
    }
}

/// Denies: the days for each code.
pub(super) type Rules = BTreeMap<String, Vec<Interval>>;

/// A permit: its days, and the day its document was signed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Permit {
    pub(super) days: Interval,
    pub(super) signed: Option<i32>,
}

/// A withdrawal: from which days it takes everything, and the day its document was signed. Permits signed later stand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Withdrawal {
    pub(super) days: Interval,
    pub(super) signed: Option<i32>,
}

impl Withdrawal {
    /// True unless the permit was certainly signed after the withdrawal.
    fn takes(&self, permit: &Permit) -> bool {
        !matches!((permit.signed, self.signed), (Some(permit), Some(withdrawal)) if permit > withdrawal)
    }
}

/// The joined rules of one person's documents.
#[derive(Default)]
pub(super) struct Joined {
    pub(super) permits: BTreeMap<String, Vec<Permit>>,
    pub(super) denies: Rules,
    pub(super) withdrawals: Vec<Withdrawal>,
    /// Days of which records may be used, document by document, each with its codes that open them to everything of before.
    windows: Vec<(Permit, Vec<String>)>,
    /// When documents were signed that may be meant to permit less.
    lesser: Vec<Option<i32>>,
    /// A document refuses at its root and could not be read as a whole package.
    incomplete: bool,
    review: bool,
}

impl Joined {
    /// True if a person must look before this patient counts: also if a later document that permits less than the package may be meant to narrow
    /// an earlier one.
    pub(super) fn needs_review(&self) -> bool {
        self.review || (self.incomplete && !self.permits.is_empty()) || self.may_be_lessened()
    }

    /// True if a permit was not certainly signed after a document that may be meant to permit less.
    fn may_be_lessened(&self) -> bool {
        let later =
            |permit: &Permit, lesser: Option<i32>| matches!((permit.signed, lesser), (Some(permit), Some(lesser)) if permit > lesser);
        self.permits.values().flatten().any(|permit| self.lesser.iter().any(|lesser| !later(permit, *lesser)))
    }
}

/// Adds a document to what a person said.
pub(super) fn join(person: &mut Joined, document: &Document, policy: &ConsentPolicy, report: &mut ConsentReport) {
    let mut refused = |why: &str| *report.refused.entry(why.to_owned()).or_default() += 1;
    match document {
        Document::Nothing(why) => refused(why),
        Document::Lesser(why, signed) => {
            refused(why);
            person.lesser.push(*signed);
        }
        Document::Review(why) => {
            refused(why);
            person.review = true;
        }
        Document::Withdrawal(why, withdrawal) => {
            refused(why);
            person.withdrawals.push(*withdrawal);
        }
        Document::Rules { permits, denies, ignored, proxy } => {
            for (code, days) in denies {
                person.denies.entry(code.clone()).or_default().extend(days);
            }
            if !policy.is_complete(permits) {
                refused(if permits.is_empty() { "permits-nothing" } else { "package-incomplete" });
                for why in ignored {
                    *report.permits_ignored.entry((*why).to_owned()).or_default() += 1;
                }
                // a document of nothing but denies is understood in full
                person.incomplete |= !permits.is_empty() || !ignored.is_empty();
                return;
            }
            for why in ignored {
                *report.permits_ignored.entry((*why).to_owned()).or_default() += 1;
            }
            for window in policy.window.iter().filter_map(|code| permits.get(code)).flatten() {
                let meets = |permit: &Permit| permit.days.first <= window.days.last && window.days.first <= permit.days.last;
                let opens = |code: &&String| permits.get(*code).is_some_and(|permits| permits.iter().any(meets));
                person.windows.push((*window, policy.retro.iter().filter(opens).cloned().collect()));
            }
            for (code, days) in permits {
                person.permits.entry(code.clone()).or_default().extend(days);
            }
            report.documents_used += 1;
            report.by_proxy += u64::from(*proxy);
        }
    }
}

/// Days of which a person's records may be used, apart from each other or not, if the policy has windows. What was refused or withdrawn of them is not among them.
pub(super) fn windows(person: &Joined, policy: &ConsentPolicy) -> Option<Vec<Interval>> {
    let code = policy.window.as_ref()?;
    let mut days: Vec<Interval> = Vec::new();
    for (permit, retro) in &person.windows {
        let open = retro.iter().any(|code| !person.denies.contains_key(code));
        let first = if open { i32::MIN } else { permit.days.first };
        days.extend(left_of(person, &Permit { days: Interval { first, ..permit.days }, ..*permit }));
    }
    for deny in person.denies.get(code).into_iter().flatten() {
        days = days.into_iter().flat_map(|d| d.without(*deny)).collect();
    }
    Some(days.into_iter().filter(|d| d.first <= d.last).collect())
}

/// What the person's withdrawals leave of a permit.
fn left_of(person: &Joined, permit: &Permit) -> Vec<Interval> {
    let taken = person.withdrawals.iter().filter(|w| w.takes(permit));
    taken.fold(vec![permit.days], |left, w| left.into_iter().flat_map(|d| d.without(w.days)).collect())
}

/// Scopes valid today, with the last day of the stretch that holds today.
pub(super) fn scopes<'p>(person: &Joined, policy: &'p ConsentPolicy, today: Day) -> BTreeMap<&'p str, i32> {
    let mut found: BTreeMap<&str, i32> = BTreeMap::new();
    let mut gated = false;
    for (entries, gate) in [(&policy.gate, true), (&policy.extra, false)] {
        for (code, names) in entries {
            let mut days: Vec<Interval> = Vec::new();
            for permit in person.permits.get(code).into_iter().flatten() {
                days.extend(left_of(person, permit));
            }
            for deny in person.denies.get(code).into_iter().flatten() {
                days = days.into_iter().flat_map(|d| d.without(*deny)).collect();
            }
            let Some(until) = days.iter().filter(|d| d.first <= today.0 && today.0 <= d.last).map(|d| d.last).max() else { continue };
            gated |= gate;
            for name in names {
                let day = found.entry(name).or_insert(until);
                *day = until.max(*day);
            }
        }
    }
    if gated { found } else { BTreeMap::new() }
}

/// Scopes that restrictions take from a person, whatever else is permitted: of any of the documents, in date or not.
pub(super) fn restricted<'p>(person: &Joined, policy: &'p ConsentPolicy) -> BTreeSet<&'p str> {
    let said = policy.restrict.iter().filter(|(code, _)| person.permits.contains_key(*code));
    said.flat_map(|(_, scopes)| scopes.iter().map(String::as_str)).collect()
}
