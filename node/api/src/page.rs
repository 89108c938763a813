//! Lists in pages.

use crate::problem::{Problem, ProblemKind};
use countersign_messages::json::Page;
use serde::Deserialize;
use utoipa::IntoParams;

/// Which part of a list.
#[derive(Debug, Clone, Copy, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageAsked {
    /// How many items to pass over; lists only grow at their end.
    pub(crate) offset: Option<usize>,
    /// How many items at most.
    pub(crate) limit: Option<usize>,
}

/// Checks the length of a page against the limit.
pub(crate) fn page_limit(asked: Option<usize>, max: usize) -> Result<usize, Problem> {
    match asked {
        None => Ok(max),
        Some(limit) if (1..=max).contains(&limit) => Ok(limit),
        Some(_) => Err(Problem::new(ProblemKind::BadParameter, format!("limit is from 1 to {max}"))),
    }
}

/// Cuts the page out of the whole list and makes its items.
pub(crate) fn cut<R, T>(list: &[R], asked: PageAsked, max: usize, make: impl FnMut(&R) -> T) -> Result<Page<T>, Problem> {
    let limit = page_limit(asked.limit, max)?;
    let offset = asked.offset.unwrap_or(0).min(list.len());
    let items: Vec<T> = list.iter().skip(offset).take(limit).map(make).collect();
    let end = offset + items.len();
    Ok(Page { items, offset, total: list.len(), next: (end < list.len()).then_some(end) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_cover_a_list_once() {
        let list: Vec<u32> = (0..7).collect();
        let (mut seen, mut offset) = (Vec::new(), Some(0));
        while let Some(at) = offset {
            let page = cut(&list, PageAsked { offset: Some(at), limit: Some(3) }, 5, |n| *n).unwrap();
            seen.extend(page.items);
            offset = page.next;
        }
        assert_eq!(seen, list);
        let beyond = cut(&list, PageAsked { offset: Some(usize::MAX), limit: None }, 5, |n| *n).unwrap();
        assert!(beyond.items.is_empty() && beyond.next.is_none());
        for limit in [0, 6] {
            assert!(cut(&list, PageAsked { offset: None, limit: Some(limit) }, 5, |n| *n).is_err());
        }
    }
}
