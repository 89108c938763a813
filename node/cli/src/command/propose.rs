//! `countersign propose`: a governance member proposes a change of members, dictionaries, scopes, rules or circuit keys.

use super::{
    Session,
    network_arguments::MemberArguments,
    person::{SeatArguments, key},
    proposals::in_words,
    reading,
};
use crate::failure::Failure;
use async_recursion::async_recursion as boxed;
use clap::{Args, Subcommand};
use countersign_consortium::{Proposed as Recorded, propose, rule_files};
use countersign_ledger::State;
use countersign_member::{Card, PersonCard, VerifyingFolder, named};
use countersign_messages::{Change, CircuitKeys, Height, PersonKey};
use serde_json::json;
use std::path::PathBuf;

/// Arguments of `propose`.
#[derive(Debug, Args)]
pub struct ProposeArguments {
    /// What is to be changed
    #[command(subcommand)]
    pub change: Proposed,
}

/// What every proposal has.
#[derive(Debug, Args)]
pub struct Common {
    /// The governance member's node
    #[command(flatten)]
    pub member: MemberArguments,
    /// The first block the change is in force in; as soon as it is carried if left out
    #[arg(long, value_name = "HEIGHT", default_value_t = 0)]
    pub in_force: u64,
    /// Why, in plain words
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
}

/// A change.
#[derive(Debug, Subcommand)]
pub enum Proposed {
    /// Admit a member, or change the name or roles of one
    Member {
        /// The member's card
        card: PathBuf,
        /// What every proposal has
        #[command(flatten)]
        common: Common,
    },
    /// Remove a member
    RemoveMember {
        /// Its name, or its key
        member: String,
        /// What every proposal has
        #[command(flatten)]
        common: Common,
    },
    /// Publish a dictionary
    Dictionary {
        /// A TOML file, or one as shipped
        file: PathBuf,
        /// What every proposal has
        #[command(flatten)]
        common: Common,
    },
    /// Change the governed numbers
    Rules {
        /// A TOML file; what it leaves out stays
        file: PathBuf,
        /// What every proposal has
        #[command(flatten)]
        common: Common,
    },
    /// Change the consent scopes and their expiry grid
    Registry {
        /// A TOML file
        file: PathBuf,
        /// What every proposal has
        #[command(flatten)]
        common: Common,
    },
    /// Change the circuit keys; every validator must hold them by then (`circuit_keys` in its configuration)
    CircuitKeys {
        /// Folder of the new keys
        folder: PathBuf,
        /// What every proposal has
        #[command(flatten)]
        common: Common,
    },
    /// Admit a person to an ethics board, prolong their time, or change their office
    Person {
        /// The person's card
        card: PathBuf,
        /// As what, and until when
        #[command(flatten)]
        seat: SeatArguments,
        /// What every proposal has
        #[command(flatten)]
        common: Common,
    },
    /// Name the ethics boards that must approve a study before a hospital accepts it
    Boards {
        /// The hospital's name
        #[arg(long, value_name = "NAME")]
        hospital: String,
        /// A board's name; repeat for several; without any, one board of the study is enough
        #[arg(long = "board", value_name = "NAME")]
        boards: Vec<String>,
        /// What every proposal has
        #[command(flatten)]
        common: Common,
    },
    /// End a person of an ethics board, for good
    EndPerson {
        /// Their key (`countersign person list`)
        #[arg(value_parser = key)]
        key: PersonKey,
        /// What every proposal has
        #[command(flatten)]
        common: Common,
    },
}

impl Proposed {
    fn common(&self) -> &Common {
        match self {
            Self::Member { common, .. }
            | Self::RemoveMember { common, .. }
            | Self::Dictionary { common, .. }
            | Self::Rules { common, .. }
            | Self::Registry { common, .. }
            | Self::CircuitKeys { common, .. }
            | Self::Boards { common, .. }
            | Self::Person { common, .. }
            | Self::EndPerson { common, .. } => common,
        }
    }

    /// The change, with what the files say.
    fn change(&self, state: &State) -> Result<Change, Failure> {
        Ok(match self {
            Self::Member { card, .. } => Change::Admit(Card::load(card)?.listed()?),
            Self::RemoveMember { member, .. } => Change::Remove(named::member(state, member)?),
            Self::Dictionary { file, .. } => Change::Dictionary(reading(file)?.canonical().to_vec()),
            Self::Rules { file, .. } => Change::Rules(rule_files::rules(file, state.rules())?),
            Self::Registry { file, .. } => Change::Registry(rule_files::registry(file)?),
            Self::CircuitKeys { folder, .. } => {
                let keys = VerifyingFolder::new(folder).read()?;
                Change::CircuitKeys(CircuitKeys { digest: keys.digest(), development: keys.development() })
            }
            Self::Person { card, seat, .. } => {
                let card = PersonCard::load(card)?;
                Change::AdmitPerson { board: card.board, person: card.listed(seat.office, seat.until) }
            }
            Self::Boards { hospital, boards, .. } => {
                let mut boards = boards.iter().map(|name| named::member(state, name)).collect::<Result<Vec<_>, _>>()?;
                boards.sort_unstable();
                boards.dedup();
                Change::Boards { hospital: named::member(state, hospital)?, boards }
            }
            Self::EndPerson { key, .. } => Change::EndPerson(*key),
        })
    }
}

/// Runs it.
///
/// # Errors
/// A file is malformed, or the ledger refuses the proposal.
#[boxed]
pub async fn run(session: &Session, arguments: &ProposeArguments) -> Result<(), Failure> {
    let common = arguments.change.common();
    let mut network = common.member.open(session).await?;
    let change = arguments.change.change(network.state())?;
    let (words, member) = (in_words(network.state(), &change), network.holder().reader()?);
    let Recorded { proposal, number, status } = propose(&mut network, &member, change, Height(common.in_force), &common.reason).await?;
    network.close().await?;
    let text = || {
        let next = format!("the other governance members vote with `countersign vote G-{number} yes --config node.toml`");
        format!("G-{number} {words}\nid {proposal}\nproposed, with your vote for it: {status}\n{next}")
    };
    let value = || json!({ "proposal": proposal.to_string(), "number": number, "change": words, "status": status.to_string() });
    session.screen.result(text, value);
    Ok(())
}
