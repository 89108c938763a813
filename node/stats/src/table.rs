//! The result of a question over its sites.

use crate::{
    answer::{SiteAnswer, SiteState, SiteTable},
    reader::Reader,
    shown::Shown,
};
use countersign_circuits::{dictionary::Dictionary, statement::Wiring};
use countersign_query::{Ask, Question};

/// Most sites of one result.
pub const SITES_MAX: usize = 1000;

/// Why answers cannot be tabulated. The caller is at fault: verified answers have the wiring's shape.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// An answer has another number of cells than the wiring.
    #[error("the answer of {site} has {found} cells; the question has {expected}. It is not an answer to this question")]
    Cells {
        /// The site.
        site: String,
        /// Cells of the answer.
        found: usize,
        /// Cells of the wiring.
        expected: usize,
    },
    /// The wiring was made from another statement.
    #[error("the wiring does not belong to this question: {0}")]
    Wiring(&'static str),
    /// No site, too many, or one twice.
    #[error("a result has 1 to {SITES_MAX} sites with different names")]
    Sites,
}

/// One row: a group, and what each item shows for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Attribute and band, in the order of GROUP BY.
    pub group: Vec<(String, String)>,
    /// One for each of [`ResultTable::items`].
    pub shown: Vec<Shown>,
}

/// One site's state and, if its answer was accepted, its rows.
#[derive(Debug, Clone, PartialEq)]
pub struct SiteResult {
    /// The site.
    pub site: String,
    /// What became of the question there, without the cells.
    pub state: SiteState,
    /// The same rows as the pooled table, from this site only; empty without an accepted answer.
    pub rows: Vec<Row>,
}

/// An item of the result: every item of the question that is not a group's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Column title.
    pub title: String,
    /// What it shows.
    pub ask: Ask,
    /// The attribute or attributes it is about, `*` for rows.
    pub term: String,
    /// Unit of its values, if any.
    pub unit: Option<String>,
}

/// A result, ready to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct ResultTable {
    /// `id@version` of the dictionary.
    pub dictionary: String,
    /// Grouping attributes, in the order of GROUP BY.
    pub grouping: Vec<String>,
    /// Columns.
    pub items: Vec<Item>,
    /// Pooled rows over the sites whose answers were accepted; empty if there are none.
    pub rows: Vec<Row>,
    /// All sites, in the order given.
    pub sites: Vec<SiteResult>,
    /// The rule's minimum.
    pub k_min: u32,
    /// What must be said with the result.
    pub warnings: Vec<String>,
}

impl ResultTable {
    /// Number of sites whose answers were accepted.
    pub fn accepted(&self) -> usize {
        self.sites.iter().filter(|s| matches!(s.state, SiteState::Accepted(_))).count()
    }
}

/// Tabulates the sites' answers to a question.
///
/// # Errors
/// The wiring or an answer is not of this question's shape, or the sites are none, too many or repeated.
pub fn tabulate(
    question: &Question,
    dictionary: &Dictionary,
    wiring: &Wiring,
    k_min: u32,
    answers: &[SiteAnswer],
) -> Result<ResultTable, TableError> {
    let reader = Reader::new(question, dictionary, wiring, k_min)?;
    let repeated = answers.iter().enumerate().any(|(i, a)| answers[..i].iter().any(|b| a.site == b.site));
    if answers.is_empty() || answers.len() > SITES_MAX || repeated {
        return Err(TableError::Sites);
    }
    let mut accepted: Vec<&SiteTable> = Vec::new();
    let mut sites = Vec::new();
    for answer in answers {
        let mut rows = Vec::new();
        if let SiteState::Accepted(table) = &answer.state {
            let (found, expected) = (table.cells.len(), wiring.cells().len());
            if found != expected {
                return Err(TableError::Cells { site: answer.site.clone(), found, expected });
            }
            accepted.push(table);
            rows = reader.rows(&[table]);
        }
        sites.push(SiteResult { site: answer.site.clone(), state: answer.state.clone(), rows });
    }
    let rows = if accepted.is_empty() { Vec::new() } else { reader.rows(&accepted) };
    let mut out = ResultTable {
        dictionary: dictionary.reference(),
        grouping: reader.grouping().map(|axis| reader.name(axis.attribute)).collect(),
        items: reader.items(),
        rows,
        sites,
        k_min,
        warnings: Vec::new(),
    };
    out.warnings = warnings(&out);
    Ok(out)
}

fn warnings(table: &ResultTable) -> Vec<String> {
    let mut out = vec!["People are counted once per hospital.".to_owned(), "Not differentially private.".to_owned()];
    let (accepted, all) = (table.accepted(), table.sites.len());
    if accepted < all {
        out.push(format!("Only {accepted} of {all} sites are in the pooled figures."));
    }
    if table.k_min < 5 {
        out.push(format!("k_min {} is below the floor of 5: development only.", table.k_min));
    }
    out
}
