//! `countersign genesis`: the coordinator makes what a network starts from, from the cards of its members.

use super::{Session, noticed};
use crate::failure::Failure;
use anyhow::Context;
use clap::Args;
use countersign_circuits::consent::Day;
use countersign_consortium::{Founding, rule_files, usual_registry};
use countersign_member::{Card, PersonCard, now};
use countersign_messages::{Genesis, Member, MemberId, Office, Person, Role, Rules, Wire, limits::PERSON_DAYS_MAX};
use serde_json::json;
use std::{collections::BTreeSet, io::Write, path::PathBuf};

/// Arguments of `genesis`.
#[derive(Debug, Args)]
pub struct GenesisArguments {
    /// A member's card; repeat for every member, or name several
    #[arg(long = "card", value_name = "FILE", required = true, num_args = 1..)]
    pub cards: Vec<PathBuf>,
    /// The file to write
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// The network's name
    #[arg(long, value_name = "NAME", default_value = "countersign")]
    pub name: String,
    /// Least number of people behind a released number
    #[arg(long, value_name = "K")]
    pub k_min: Option<u32>,
    /// Other governed numbers: a TOML file
    #[arg(long, value_name = "FILE")]
    pub rules: Option<PathBuf>,
    /// Consent scopes and expiry grid: a TOML file; the usual ones if left out
    #[arg(long, value_name = "FILE")]
    pub registry: Option<PathBuf>,
    /// Card of a person who chairs an ethics board; repeat for several, also those below
    #[arg(long = "chair", value_name = "FILE")]
    pub chairs: Vec<PathBuf>,
    /// Card of a person who stands in for the chair
    #[arg(long = "deputy", value_name = "FILE")]
    pub deputies: Vec<PathBuf>,
    /// Card of the secretary of an ethics board
    #[arg(long = "secretary", value_name = "FILE")]
    pub secretaries: Vec<PathBuf>,
    /// Card of another person of an ethics board
    #[arg(long = "assessor", value_name = "FILE")]
    pub assessors: Vec<PathBuf>,
    /// A network that may use development circuit keys and a small k_min; its answers protect nobody
    #[arg(long)]
    pub development: bool,
}

/// The persons of the cards, each with their board, for the longest time there is.
fn persons(arguments: &GenesisArguments, today: Day) -> Result<Vec<(MemberId, Person)>, Failure> {
    let until = Day(today.0.saturating_add(PERSON_DAYS_MAX));
    let offices = [
        (&arguments.chairs, Office::Chair),
        (&arguments.deputies, Office::Deputy),
        (&arguments.secretaries, Office::Secretary),
        (&arguments.assessors, Office::Assessor),
    ];
    let all = offices.into_iter().flat_map(|(files, office)| files.iter().map(move |file| (file, office)));
    all.map(|(file, office)| PersonCard::load(file).map(|card| (card.board, card.listed(office, until))))
        .collect::<Result<_, _>>()
        .map_err(Failure::from)
}

/// What to say of boards that cannot decide: who decides has two persons for it.
fn undecided(genesis: &Genesis) -> Vec<String> {
    let boards = genesis.members.iter().filter(|m| m.has_role(Role::Board));
    let decides = |board: &Member| {
        let offices: Vec<Office> = genesis.persons.iter().filter(|(of, _)| *of == board.id).map(|(_, person)| person.office).collect();
        offices.iter().any(|a| offices.iter().any(|b| a.decides_with(*b)))
    };
    let words = "has no chair and secretary: until both are admitted (`countersign propose person`) it approves nothing";
    boards.filter(|board| !decides(board)).map(|board| format!("note: the ethics board {} {words}", board.name)).collect()
}

/// Runs it.
///
/// # Errors
/// A card or file is malformed, the members make no network, or the circuit keys are development keys and the network is none.
pub fn run(session: &Session, arguments: &GenesisArguments) -> Result<(), Failure> {
    if arguments.development {
        session.ensure_keys()?;
    }
    let cards = arguments.cards.iter().map(|path| Card::load(path)).collect::<Result<Vec<_>, _>>()?;
    let members = cards.iter().map(Card::listed).collect::<Result<Vec<Member>, _>>()?;
    let time = now();
    let mut rules = Rules::standard();
    if let Some(file) = &arguments.rules {
        rules = rule_files::rules(file, &rules)?;
    }
    rules.k_min = arguments.k_min.unwrap_or(rules.k_min);
    let registry = match &arguments.registry {
        Some(file) => rule_files::registry(file)?,
        None => usual_registry(&BTreeSet::new(), time.day())?,
    };
    let keys = session.keys.verifying()?;
    let development_keys = keys.development();
    let founding = Founding {
        name: arguments.name.clone(),
        development: arguments.development,
        time,
        members,
        persons: persons(arguments, time.day())?,
        registry,
        rules,
    };
    let genesis = founding.genesis(keys)?;
    let write = || std::fs::File::create_new(&arguments.out)?.write_all(&genesis.encode());
    write().with_context(|| format!("cannot write {}", arguments.out.display()))?;
    let count = |role: Role| genesis.members.iter().filter(|m| m.has_role(role)).count();
    let text = || {
        let roles = Role::ALL.into_iter().map(|role| format!("{} {role}", count(role))).collect::<Vec<_>>().join(", ");
        let text = format!(
            "network {} (\"{}\"), {} members ({roles}), k_min {}\nwritten: {}\nnext: give this file and the cards to every member, who compares the \
             network's id with what you say, and runs `countersign join`",
            genesis.network(),
            genesis.name,
            genesis.members.len(),
            genesis.rules.k_min,
            arguments.out.display()
        );
        let text = undecided(&genesis).into_iter().fold(text, |text, note| format!("{text}\n{note}"));
        noticed(text, development_keys)
    };
    let value = || {
        json!({ "network": genesis.network().to_string(), "file": arguments.out, "members": genesis.members.len(), "validators": count(Role::Validator),
            "k_min": genesis.rules.k_min, "persons": genesis.persons.len(), "notes": undecided(&genesis), "development_keys": development_keys })
    };
    session.screen.result(text, value);
    Ok(())
}
