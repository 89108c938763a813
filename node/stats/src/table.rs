//! The result of a question over its sites.

use crate::{
    amount::{Count, Parts, site_count},
    answer::{CellStatus, SiteAnswer, SiteState, SiteTable},
    exact::Line,
    quantile::{Bin, Quantile, quantile},
    statistic::{BandCount, Estimate, Moments, Pair, Shown, share},
};
use countersign_circuits::{
    dictionary::Dictionary,
    statement::{CellMeaning, Measure, Measures, Plan},
};
use countersign_query::{Ask, Axis, AxisRole, Question};
use num_bigint::BigInt;

/// Most sites of one result.
pub const SITES_MAX: usize = 1000;

/// Why answers cannot be tabulated. The caller is at fault: verified answers have the plan's shape.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// An answer has another number of cells than the plan.
    #[error("the answer of {site} has {found} cells; the question has {expected}. It is not an answer to this question")]
    Cells {
        /// The site.
        site: String,
        /// Cells of the answer.
        found: usize,
        /// Cells of the plan.
        expected: usize,
    },
    /// The plan was made from another statement.
    #[error("the plan does not belong to this question: {0}")]
    Plan(&'static str),
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
/// The plan or an answer is not of this question's shape, or the sites are none, too many or repeated.
pub fn tabulate(
    question: &Question,
    dictionary: &Dictionary,
    plan: &Plan,
    k_min: u32,
    answers: &[SiteAnswer],
) -> Result<ResultTable, TableError> {
    let reader = Reader::new(question, dictionary, plan, k_min)?;
    let repeated = answers.iter().enumerate().any(|(i, a)| answers[..i].iter().any(|b| a.site == b.site));
    if answers.is_empty() || answers.len() > SITES_MAX || repeated {
        return Err(TableError::Sites);
    }
    let mut accepted: Vec<&SiteTable> = Vec::new();
    let mut sites = Vec::new();
    for answer in answers {
        let mut rows = Vec::new();
        if let SiteState::Accepted(table) = &answer.state {
            let (found, expected) = (table.cells.len(), plan.cells().len());
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

/// Reads cells by group and meaning.
struct Reader<'a> {
    question: &'a Question,
    dictionary: &'a Dictionary,
    plan: &'a Plan,
    minimum: u32,
    per_group: usize,
    count_rows: bool,
}

impl<'a> Reader<'a> {
    fn new(question: &'a Question, dictionary: &'a Dictionary, plan: &'a Plan, k_min: u32) -> Result<Self, TableError> {
        let groups: usize = question.groups.iter().map(|axis| axis.bands.len()).product();
        if plan.group_count() != groups || groups == 0 || plan.cells().is_empty() {
            return Err(TableError::Plan("it has another number of groups"));
        }
        let count_rows = !matches!(question.statement.measures, Measures::Descriptive { count_rows: false, .. });
        let per_group = plan.cells().len() / groups;
        Ok(Self { question, dictionary, plan, minimum: plan.gate_minimum(k_min), per_group, count_rows })
    }

    fn name(&self, attribute: u16) -> String {
        self.dictionary.attribute(attribute).map_or_else(|| format!("#{attribute}"), |a| a.name().to_owned())
    }

    /// Grouping axes in the order of GROUP BY.
    fn grouping(&self) -> impl Iterator<Item = &'a Axis> {
        self.question.grouping_order.iter().filter_map(|i| self.question.groups.get(*i))
    }

    fn distribution(&self) -> Option<&'a Axis> {
        self.question.groups.iter().find(|axis| axis.role == AxisRole::Distribution)
    }

    fn items(&self) -> Vec<Item> {
        let unit = |a: u16| self.dictionary.attribute(a).and_then(|a| a.unit()).map(str::to_owned);
        let shown = self.question.items.iter().filter(|i| !matches!(i.ask, Ask::Group { .. }));
        shown
            .map(|item| {
                let (term, unit) = match item.ask {
                    Ask::Rows => ("*".to_owned(), None),
                    Ask::Covariance { x, y } | Ask::Correlation { x, y } => (format!("{}, {}", self.name(x), self.name(y)), None),
                    Ask::Sum { attribute: a }
                    | Ask::Mean { attribute: a }
                    | Ask::StdDev { attribute: a }
                    | Ask::Quantile { attribute: a, .. } => (self.name(a), unit(a)),
                    Ask::Known { attribute: a }
                    | Ask::Variance { attribute: a }
                    | Ask::Share { attribute: a, .. }
                    | Ask::Histogram { attribute: a }
                    | Ask::Group { attribute: a } => (self.name(a), None),
                };
                Item { title: item.title.clone(), ask: item.ask.clone(), term, unit }
            })
            .collect()
    }

    /// The pooled rows of some sites' tables.
    fn rows(&self, tables: &[&SiteTable]) -> Vec<Row> {
        let axes: Vec<&Axis> = self.grouping().collect();
        let count: usize = axes.iter().map(|a| a.bands.len()).product();
        (0..count)
            .map(|row| {
                // the last axis runs fastest
                let mut rest = row;
                let mut bands = vec![0; axes.len()];
                for (band, axis) in bands.iter_mut().zip(&axes).rev() {
                    *band = rest % axis.bands.len();
                    rest /= axis.bands.len();
                }
                let place = Place { reader: self, tables, bands: &bands };
                let asked = self.question.items.iter().filter(|i| !matches!(i.ask, Ask::Group { .. }));
                Row {
                    group: axes.iter().zip(&bands).map(|(axis, b)| (self.name(axis.attribute), axis.bands[*b].label.clone())).collect(),
                    shown: asked.map(|item| place.shown(&item.ask)).collect(),
                }
            })
            .collect()
    }

    fn offset(&self, meaning: CellMeaning) -> Option<usize> {
        self.plan.cells().get(..self.per_group)?.iter().position(|c| c.meaning == meaning)
    }
}

/// One row of the result: a band of each grouping axis.
struct Place<'a> {
    reader: &'a Reader<'a>,
    tables: &'a [&'a SiteTable],
    bands: &'a [usize],
}

impl Place<'_> {
    /// Index of the statement's group, with a band of the distribution axis if there is one.
    fn group(&self, distribution: usize) -> usize {
        let (mut index, mut stride) = (0, 1);
        for (i, axis) in self.reader.question.groups.iter().enumerate() {
            let band = self.reader.question.grouping_order.iter().position(|o| *o == i).map_or(distribution, |o| self.bands[o]);
            index += band * stride;
            stride *= axis.bands.len();
        }
        index
    }

    fn cell(&self, table: &SiteTable, band: usize, meaning: CellMeaning) -> CellStatus {
        let at = self.reader.offset(meaning).map(|o| self.group(band) * self.reader.per_group + o);
        at.and_then(|at| table.cells.get(at).copied()).unwrap_or(CellStatus::NotReleased)
    }

    /// One site's count, with what is known of its bounds.
    fn count_at(&self, table: &SiteTable, band: usize, meaning: CellMeaning) -> Count {
        let cell = self.cell(table, band, meaning);
        let rows = (self.reader.count_rows && meaning != CellMeaning::Rows).then(|| self.cell(table, band, CellMeaning::Rows));
        let alone = match meaning {
            CellMeaning::Rows => true,
            // a missing gate decides about the block, too, if the plan has one
            CellMeaning::Known(a) => !self.reader.plan.cells().iter().any(|c| c.meaning == CellMeaning::Missing(a)),
            _ => false,
        };
        site_count(cell, rows, alone, self.reader.minimum)
    }

    /// Over all tables; a single one keeps its own reason.
    fn pool(&self, one: impl Fn(&SiteTable) -> Count) -> Count {
        let list: Vec<Count> = self.tables.iter().map(|t| one(t)).collect();
        if let [single] = list.as_slice() { *single } else { Count::sum(&list, Parts::Sites) }
    }

    fn count(&self, band: usize, meaning: CellMeaning) -> Count {
        self.pool(|t| self.count_at(t, band, meaning))
    }

    /// Over several bands of the distribution axis.
    fn count_bands(&self, bands: &[usize]) -> Count {
        self.pool(|t| self.bands_at(t, bands))
    }

    fn bands_at(&self, table: &SiteTable, bands: &[usize]) -> Count {
        let list: Vec<Count> = bands.iter().map(|b| self.count_at(table, *b, CellMeaning::Rows)).collect();
        Count::sum(&list, Parts::Bands)
    }

    /// The sum of a cell over all tables, if every part is released or is known to be over nobody: `people` are those of a site it sums over.
    fn plain(&self, meaning: CellMeaning, people: impl Fn(&SiteTable) -> Count) -> Option<BigInt> {
        self.tables.iter().try_fold(BigInt::from(0u8), |sum, t| match self.cell(t, 0, meaning) {
            CellStatus::Exact(v) => Some(sum + v),
            _ if people(t) == Count::Exact(0) => Some(sum),
            _ => None,
        })
    }

    fn shown(&self, ask: &Ask) -> Shown {
        match *ask {
            Ask::Rows => match self.reader.distribution() {
                Some(axis) => Shown::Count(self.count_bands(&(0..axis.bands.len()).collect::<Vec<_>>())),
                None => Shown::Count(self.count(0, CellMeaning::Rows)),
            },
            Ask::Known { attribute } => Shown::Count(self.known(attribute)),
            Ask::Sum { attribute } => self.moments(attribute, Estimate::Sum),
            Ask::Mean { attribute } => self.moments(attribute, Estimate::Mean),
            Ask::Variance { attribute } => self.moments(attribute, Estimate::Variance),
            Ask::StdDev { attribute } => self.moments(attribute, Estimate::StdDev),
            Ask::Share { attribute, bin } => self.share(attribute, bin),
            Ask::Covariance { x, y } => self.pair(x, y, |pair, x, y| pair.covariance(x, y)),
            Ask::Correlation { x, y } => self.pair(x, y, |pair, _, _| pair.correlation()),
            Ask::Histogram { .. } => self.reader.distribution().map_or(Shown::Bands(Vec::new()), |axis| {
                let band = |(i, b): (usize, &countersign_query::AxisBand)| BandCount {
                    label: b.label.clone(),
                    count: self.count(i, CellMeaning::Rows),
                };
                Shown::Bands(axis.bands.iter().enumerate().map(band).collect())
            }),
            Ask::Quantile { attribute, p } => self.quantile(attribute, p),
            Ask::Group { .. } => Shown::Undefined { reason: "a group's name", n: 0 },
        }
    }

    /// People where an attribute is known: a cell, the sum of its parts, or of the bands of its distribution.
    fn known(&self, attribute: u16) -> Count {
        self.pool(|t| self.known_at(t, attribute))
    }

    /// The same at one site.
    fn known_at(&self, table: &SiteTable, attribute: u16) -> Count {
        if let Some(axis) = self.reader.distribution() {
            let known: Vec<usize> = axis.bands.iter().enumerate().filter(|(_, b)| b.levels.is_some()).map(|(i, _)| i).collect();
            return self.bands_at(table, &known);
        }
        let parts = self.parts(attribute).map_or(0, <[_]>::len);
        if parts == 0 {
            return self.count_at(table, 0, CellMeaning::Known(attribute));
        }
        let list: Vec<Count> = (0..parts).map(|i| self.count_at(table, 0, CellMeaning::Part(attribute, i as u16))).collect();
        match list.iter().find(|c| c.exact().is_none()) {
            // the block is hidden as a whole: the same bounds for the sum as for a part
            Some(hidden) => *hidden,
            None => Count::sum(&list, Parts::Bands),
        }
    }

    fn parts(&self, attribute: u16) -> Option<&[Vec<u16>]> {
        let Measures::Descriptive { of, .. } = &self.reader.question.statement.measures else { return None };
        of.iter().find_map(|m| match m {
            Measure::Parts { attribute: a, parts } if *a == attribute => Some(parts.as_slice()),
            _ => None,
        })
    }

    fn line(&self, attribute: u16) -> Option<Line> {
        self.reader.dictionary.attribute(attribute)?.scale().map(Line::of)
    }

    fn moments(&self, attribute: u16, estimate: fn(Moments) -> Estimate) -> Shown {
        let known = self.known(attribute);
        let sum = |meaning| self.plain(meaning, |t| self.known_at(t, attribute));
        let sums = || Some((sum(CellMeaning::Sum(attribute))?, sum(CellMeaning::SumOfSquares(attribute))?));
        let (Some(n), Some((s1, s2)), Some(line)) = (known.exact(), sums(), self.line(attribute)) else {
            return Shown::NoEstimate(known);
        };
        let Some(moments) = Moments::new(&line, n, &s1, &s2) else {
            return Shown::Undefined { reason: "the sums contradict each other", n };
        };
        let defined = match estimate(moments.clone()) {
            Estimate::Mean(m) => m.mean.is_some(),
            Estimate::Variance(m) | Estimate::StdDev(m) => m.variance.is_some(),
            _ => true,
        };
        if defined { Shown::Estimate(estimate(moments)) } else { Shown::Undefined { reason: "too few people", n } }
    }

    fn share(&self, attribute: u16, bin: u16) -> Shown {
        let known = self.known(attribute);
        let part = self.parts(attribute).and_then(|parts| parts.iter().position(|p| p.as_slice() == [bin]));
        let count = part.map(|i| self.count(0, CellMeaning::Part(attribute, i as u16)));
        match (count.and_then(|c| c.exact()), known.exact()) {
            (Some(count), Some(n)) => share(count, n),
            _ => Shown::NoEstimate(known),
        }
    }

    fn pair(&self, x: u16, y: u16, statistic: impl Fn(&Pair, &Line, &Line) -> Shown) -> Shown {
        let rows = self.count(0, CellMeaning::Rows);
        let sum = |meaning| self.plain(meaning, |t| self.count_at(t, 0, CellMeaning::Rows));
        let read = || {
            let pair = Pair {
                n: rows.exact()?,
                x: sum(CellMeaning::Sum(x))?,
                y: sum(CellMeaning::Sum(y))?,
                xx: sum(CellMeaning::SumOfSquares(x))?,
                yy: sum(CellMeaning::SumOfSquares(y))?,
                xy: sum(CellMeaning::Product(x.min(y), x.max(y)))?,
            };
            Some(statistic(&pair, &self.line(x)?, &self.line(y)?))
        };
        read().unwrap_or(Shown::NoEstimate(rows))
    }

    fn quantile(&self, attribute: u16, p: rust_decimal::Decimal) -> Shown {
        let scale = self.reader.dictionary.attribute(attribute).and_then(|a| a.scale());
        let (Some(axis), Some(scale)) = (self.reader.distribution(), scale) else {
            return Shown::NoEstimate(self.known(attribute));
        };
        let bin = |(i, levels): (usize, Option<(u32, u32)>)| Some(Bin { levels: levels?, count: self.count(i, CellMeaning::Rows) });
        let bins: Vec<Bin> = axis.bands.iter().map(|b| b.levels).enumerate().filter_map(bin).collect();
        match quantile(scale, p, &bins) {
            Quantile::Point { value, band, ci95, n } => Shown::Estimate(Estimate::Quantile { n, value, band, ci95 }),
            Quantile::Between(range) => Shown::QuantileBetween { range, n: self.known(attribute) },
            Quantile::Empty => Shown::Undefined { reason: "nobody is known", n: 0 },
        }
    }
}
