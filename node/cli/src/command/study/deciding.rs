//! Decisions about studies: persons sign for their board, and whoever submitted a study decides for themselves.

use super::{
    super::{Session, day, network_arguments::MemberArguments, person::SigningArguments},
    listing::say,
};
use crate::failure::Failure;
use async_recursion::async_recursion as boxed;
use clap::Args;
use countersign_circuits::consent::Day;
use countersign_ledger::State;
use countersign_member::{Member, named};
use countersign_messages::{Act, BoardStatement, Conditions, MemberId, StudyId};
use countersign_study::{decide, decision, waiting};

/// Arguments of `study approve`.
#[derive(Debug, Args)]
pub struct ApproveArguments {
    /// The study (S-1, or its id)
    pub study: String,
    /// The board's node
    #[command(flatten)]
    pub member: MemberArguments,
    /// Who signs
    #[command(flatten)]
    pub signing: SigningArguments,
    /// Sign the approval that waits for a second signature, with its conditions
    #[arg(long, conflicts_with_all = ["until", "not_before", "k_min", "sites", "condition"])]
    pub same: bool,
    /// A condition: the last day
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub until: Option<Day>,
    /// A condition: nothing is asked before this day
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub not_before: Option<Day>,
    /// A condition: least number of people behind a released number
    #[arg(long, value_name = "K")]
    pub k_min: Option<u32>,
    /// A condition: a hospital that may take part, by its name; repeat for several, and no other may
    #[arg(long = "site", value_name = "NAME")]
    pub sites: Vec<String>,
    /// A condition in words that everybody reads; no program keeps it
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub condition: String,
}

impl ApproveArguments {
    fn conditions(&self, state: &State) -> Result<Conditions, Failure> {
        let mut sites = self.sites.iter().map(|name| named::member(state, name)).collect::<Result<Vec<MemberId>, _>>()?;
        sites.sort_unstable();
        sites.dedup();
        let (until, not_before, k_min) = (self.until, self.not_before, self.k_min);
        Ok(Conditions { until, not_before, k_min, sites, words: self.condition.clone() })
    }
}

/// Arguments of a decision about a study.
#[derive(Debug, Args)]
pub struct DecisionArguments {
    /// The study (S-1, or its id)
    pub study: String,
    /// The member's node
    #[command(flatten)]
    pub member: MemberArguments,
    /// Who signs, for a board
    #[command(flatten)]
    pub signing: SigningArguments,
    /// Sign what waits for a second signature, with its reason
    #[arg(long, conflicts_with = "reason", required_unless_present = "reason")]
    pub same: bool,
    /// Why, in words that everybody reads: they stand on the ledger
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// Arguments of `study recuse`.
#[derive(Debug, Args)]
pub struct RecuseArguments {
    /// The study (S-1, or its id)
    pub study: String,
    /// The board's node
    #[command(flatten)]
    pub member: MemberArguments,
    /// Who signs
    #[command(flatten)]
    pub signing: SigningArguments,
    /// Who takes no part, by the key (`countersign person list`)
    #[arg(long, value_name = "KEY", value_parser = super::super::person::key)]
    pub who: countersign_messages::PersonKey,
    /// Why, in words that everybody reads: they stand on the ledger
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
}

/// A person signs an approval.
#[boxed]
pub(super) async fn approve(session: &Session, arguments: &ApproveArguments) -> Result<(), Failure> {
    let mut network = arguments.member.open(session).await?;
    let id = named::study(network.state(), &arguments.study)?;
    let board = network.holder().reader()?;
    let statement = match arguments.same {
        true => same(network.state(), &board, &id, |act| matches!(act, Act::Approve(_)))?,
        false => {
            let conditions = arguments.conditions(network.state())?;
            decision(network.state(), &board, id, Act::Approve(conditions), "")?
        }
    };
    let words = arguments.signing.sign(session, &mut network, &board, statement).await?;
    let done = "approved; hospitals accept it with `countersign study accept`";
    say(session, network, id, words.as_deref().unwrap_or(done)).await
}

/// A person signs a decision for their board; or whoever submitted the study decides.
#[boxed]
pub(super) async fn decided(session: &Session, arguments: &DecisionArguments, act: Act, done: &str) -> Result<(), Failure> {
    let mut network = arguments.member.open(session).await?;
    let id = named::study(network.state(), &arguments.study)?;
    let member = network.holder().reader()?;
    let reason = arguments.reason.clone().unwrap_or_default();
    if network.state().study(&id).is_some_and(|study| study.submitter == member.id()) {
        if arguments.signing.is_given() {
            return Err(Failure::Refused("who submitted a study decides by their own key, without a person's signature".into()));
        }
        decide(&mut network, &member, id, act, &reason).await?;
        return say(session, network, id, done).await;
    }
    let statement = match arguments.same {
        true => same(network.state(), &member, &id, |other| *other == act)?,
        false => decision(network.state(), &member, id, act, &reason)?,
    };
    let words = arguments.signing.sign(session, &mut network, &member, statement).await?;
    say(session, network, id, words.as_deref().unwrap_or(done)).await
}

/// A person takes no part in a study: so says the person, or two others do.
#[boxed]
pub(super) async fn recuse(session: &Session, arguments: &RecuseArguments) -> Result<(), Failure> {
    let mut network = arguments.member.open(session).await?;
    let id = named::study(network.state(), &arguments.study)?;
    let board = network.holder().reader()?;
    let statement = BoardStatement::Recuse { study: id, person: arguments.who, reason: arguments.reason.clone() };
    let words = arguments.signing.sign(session, &mut network, &board, statement).await?;
    say(session, network, id, words.as_deref().unwrap_or("this person takes no part in it")).await
}

/// The one decision of a kind that waits for a second signature.
fn same(state: &State, board: &Member, study: &StudyId, is: impl Fn(&Act) -> bool) -> Result<BoardStatement, Failure> {
    let all = waiting(state, &board.id(), study).into_iter().map(|waiting| waiting.statement);
    let mut fitting: Vec<BoardStatement> =
        all.filter(|statement| matches!(statement, BoardStatement::Study(decision) if is(&decision.act))).collect();
    match fitting.len() {
        0 => Err(Failure::Refused("nothing of this kind waits for a second signature (`countersign study show`)".into())),
        1 => Ok(fitting.remove(0)),
        _ => Err(Failure::Refused(
            "several of this kind wait for a second signature (`countersign study show`): say the one you sign in full, without --same"
                .into(),
        )),
    }
}
