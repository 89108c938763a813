//! `countersign person`: who signs for an ethics board. A person makes a key of their own; two of the board, or a vote, admit it; what is to be signed travels as a file.

use super::{Session, day, network_arguments::MemberArguments};
use crate::{failure::Failure, keyed_connection::KeyedConnection, screen::plain};
use anyhow::Context;
use async_recursion::async_recursion as boxed;
use clap::{Args, Subcommand};
use countersign_circuits::{consent::Day, hash::Digest32};
use countersign_ledger::{PersonRecord, State, WaitingStatement};
use countersign_member::{Card, Member, PersonCard, PersonSecret, now};
use countersign_messages::{BoardStatement, MemberId, Name, Office, Payload, PersonKey, Signing, Wire};
use countersign_study::{Signed, SigningRequest, admission, send, sign, statement_in_words};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    io::Write,
    path::{Path, PathBuf},
};

/// What to do about persons.
#[derive(Debug, Subcommand)]
pub enum PersonCommand {
    /// Make a person's key, on their own machine, and the card by which the board admits them
    New {
        /// Their name; it stands on the card, and in no block
        #[arg(long, value_name = "NAME")]
        name: String,
        /// The board's card
        #[arg(long, value_name = "FILE")]
        board: PathBuf,
        /// The file of the secret key to write; the card goes beside it
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Sign what is asked for, on the person's own machine
    Sign {
        /// What `--ask` wrote
        request: PathBuf,
        /// The person's key
        #[arg(long, value_name = "FILE")]
        person: PathBuf,
        /// The file to write, for `countersign person send`; without it, what is to be signed is only shown
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Send what a person signed on a machine of their own (the board's node)
    Send {
        /// What `countersign person sign` wrote
        signature: PathBuf,
        /// The board's node
        #[command(flatten)]
        member: MemberArguments,
    },
    /// Sign that a person is admitted, prolonged, or gets another office (two others of the board)
    Admit {
        /// The person's card
        card: PathBuf,
        /// As what, and until when
        #[command(flatten)]
        seat: SeatArguments,
        /// The board's node
        #[command(flatten)]
        member: MemberArguments,
        /// Who signs
        #[command(flatten)]
        signing: SigningArguments,
    },
    /// End a person, for good (the person, two others of the board, or the board by its own key)
    End {
        /// Their key (`countersign person list`)
        #[arg(value_parser = key)]
        key: PersonKey,
        /// By the board's own key, without a signature: for a key that is lost or stolen
        #[arg(long, conflicts_with_all = ["person", "ask"])]
        by_node: bool,
        /// The board's node
        #[command(flatten)]
        member: MemberArguments,
        /// Who signs
        #[command(flatten)]
        signing: SigningArguments,
    },
    /// List who signs for ethics boards
    List {
        /// Any member's node
        #[command(flatten)]
        member: MemberArguments,
        /// Cards of the board's directory, by which persons are named
        #[arg(long = "card", value_name = "FILE", num_args = 1..)]
        cards: Vec<PathBuf>,
    },
}

/// As what a person signs, and until when.
#[derive(Debug, Args)]
pub struct SeatArguments {
    /// chair, deputy, secretary or assessor
    #[arg(long, value_parser = office)]
    pub office: Office,
    /// The last day they sign on, at most three years from when they are admitted
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub until: Day,
}

/// Who signs for a board.
#[derive(Debug, Args)]
pub struct SigningArguments {
    /// A board signs: the key of the person who does, if it is at hand here
    #[arg(long, value_name = "FILE")]
    pub person: Option<PathBuf>,
    /// A board signs: write what is to be signed to this file, for `countersign person sign` on the person's own machine
    #[arg(long, value_name = "FILE", conflicts_with = "person")]
    pub ask: Option<PathBuf>,
}

impl SigningArguments {
    /// True if a person is to sign.
    pub fn is_given(&self) -> bool {
        self.person.is_some() || self.ask.is_some()
    }

    /// Shows a statement and signs it, or writes it down to be signed. Gives what to say, unless what was signed is so.
    ///
    /// # Errors
    /// Nobody is named who signs, a file cannot be read or written, or the ledger refuses.
    #[boxed]
    pub async fn sign(
        &self,
        session: &Session,
        network: &mut KeyedConnection,
        board: &Member,
        statement: BoardStatement,
    ) -> Result<Option<String>, Failure> {
        let words = |network: &KeyedConnection, statement| {
            let name = |id: &MemberId| network.state().member(id).map_or_else(|| id.to_string(), |member| member.name.to_string());
            statement_in_words(&name, statement).iter().map(|line| format!("  {}", plain(line))).collect::<Vec<_>>().join("\n")
        };
        match (&self.person, &self.ask) {
            (Some(file), _) => {
                let person = PersonSecret::load(file)?;
                session.screen.say(format!("signing:\n{}", words(network, &statement)));
                Ok(match sign(network, board, &person, statement).await? {
                    Signed::Waits(height) => Some(format!("signed in block {height}, and waits for a second signature")),
                    Signed::Done(_) => None,
                })
            }
            (None, Some(file)) => {
                let request = SigningRequest::new(network.state(), board.id(), statement);
                write_new(file, &request.encode())?;
                let next = "on the person's own machine: `countersign person sign FILE --person KEY --out SIGNATURE`";
                Ok(Some(format!("written to {}, to be signed {next}", file.display())))
            }
            (None, None) => Err(Failure::Refused(
                "say who signs for the board: --person FILE with a person's key, or --ask FILE to have it signed elsewhere".into(),
            )),
        }
    }
}

fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let write = || std::fs::File::create_new(path)?.write_all(bytes);
    Ok(write().with_context(|| format!("cannot write {}", path.display()))?)
}

fn read(path: &Path, most: usize) -> Result<Vec<u8>, Failure> {
    let length = std::fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?.len();
    if length > most as u64 {
        return Err(Failure::Refused(format!("{} has {length} bytes: it is none of these files", path.display())));
    }
    Ok(std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?)
}

/// A person's key on the command line.
///
/// # Errors
/// It is none.
pub fn key(text: &str) -> Result<PersonKey, String> {
    text.parse::<Digest32>().map(|digest| PersonKey(digest.0)).map_err(|_| "a key has 64 hexadecimal digits".to_owned())
}

fn office(text: &str) -> Result<Office, String> {
    let all = || Office::ALL.map(|office| office.to_string()).join(", ");
    Office::ALL.into_iter().find(|office| office.to_string() == text).ok_or_else(|| format!("offices are {}", all()))
}

/// Runs it.
///
/// # Errors
/// A file is malformed, or the ledger refuses.
#[boxed]
pub async fn run(session: &Session, command: &PersonCommand) -> Result<(), Failure> {
    match command {
        PersonCommand::New { name, board, out } => new(session, name, board, out),
        PersonCommand::Sign { request, person, out } => sign_request(session, request, person, out.as_deref()),
        PersonCommand::Send { signature, member } => {
            let signing = Signing::decode(&read(signature, Signing::BYTES_MAX)?).map_err(|e| Failure::Refused(e.to_string()))?;
            let mut network = member.open(session).await?;
            let board = network.holder().reader()?;
            let words = match send(&mut network, &board, signing).await? {
                Signed::Waits(height) => format!("sent in block {height}; it waits for a second signature"),
                Signed::Done(height) => format!("sent in block {height}: what was signed is so"),
            };
            say(session, network, &words).await
        }
        PersonCommand::Admit { card, seat: SeatArguments { office, until }, member, signing } => {
            let mut network = member.open(session).await?;
            let (board, card) = (network.holder().reader()?, PersonCard::load(card)?);
            let statement = admission(network.state(), card.listed(*office, *until));
            let words = signing.sign(session, &mut network, &board, statement).await?;
            let done = format!("{office} until {until}; whoever is new or in another office than before signs a day from now");
            say(session, network, &words.unwrap_or(done)).await
        }
        PersonCommand::End { key, by_node, member, signing } => {
            let mut network = member.open(session).await?;
            let board = network.holder().reader()?;
            let words = match by_node {
                true => {
                    network.accepted(&board, Payload::EndPerson(*key)).await.map_err(Failure::from)?;
                    None
                }
                false => signing.sign(session, &mut network, &board, BoardStatement::End { person: *key }).await?,
            };
            say(session, network, &words.unwrap_or_else(|| "this person signs no more".into())).await
        }
        PersonCommand::List { member, cards } => {
            let network = member.open(session).await?;
            let cards = cards.iter().map(|path| PersonCard::load(path)).collect::<Result<Vec<_>, _>>()?;
            list(session, network.state(), &cards);
            network.close().await
        }
    }
}

async fn say(session: &Session, network: KeyedConnection, words: &str) -> Result<(), Failure> {
    session.screen.result(|| words.to_owned(), || json!({ "words": words }));
    network.close().await
}

fn new(session: &Session, name: &str, board: &Path, out: &Path) -> Result<(), Failure> {
    let name = Name::new(name).map_err(|e| Failure::Refused(e.to_string()))?;
    let person = PersonSecret::generate(name, Card::load(board)?.member)?;
    person.save(out)?;
    let card = out.with_extension("person.json");
    person.card().save(&card)?;
    let key = person.key().to_string();
    let text = || {
        format!(
            "key {key}\n  {}  the secret key: keep a copy in a safe place, show it to nobody, whoever runs the board's node too\n  {}  the card, with the name: \
             give it to the board\nnext: it goes into the genesis (`countersign genesis --chair CARD`), two persons of the board admit it (`countersign person \
             admit`), or a governance member proposes it (`countersign propose person`)",
            out.display(),
            card.display()
        )
    };
    session.screen.result(text, || json!({ "key": key, "secret": out, "card": card }));
    Ok(())
}

fn sign_request(session: &Session, request: &Path, person: &Path, out: Option<&Path>) -> Result<(), Failure> {
    let request = SigningRequest::read(&read(request, SigningRequest::BYTES_MAX)?)?;
    let lines: Vec<String> = request.in_words().iter().map(|line| plain(line)).collect();
    session.screen.say(lines.join("\n"));
    let signing = request.sign(&PersonSecret::load(person)?, now().day())?;
    if let Some(out) = out {
        write_new(out, &signing.encode())?;
    }
    let end = match out {
        Some(out) => format!("signed: {}\nnext: whoever runs the board's node sends it (`countersign person send`)", out.display()),
        None => "not signed: sign it with --out FILE".to_owned(),
    };
    session.screen.result(|| end.clone(), || json!({ "words": lines, "signature": out }));
    Ok(())
}

fn list(session: &Session, state: &State, cards: &[PersonCard]) {
    let name = |record: &PersonRecord| {
        let listed = |card: &&PersonCard| {
            let person = card.listed(record.person.office, record.person.until);
            card.key == record.person.key && person.name == record.person.name
        };
        cards.iter().find(listed).map(|card| card.name.to_string())
    };
    let board = |id: &MemberId| state.member(id).map_or_else(|| id.to_string(), |member| member.name.to_string());
    let standing = |record: &PersonRecord| match record.signs(state.tip().time) {
        true => format!("until {}", record.person.until),
        false if record.ended.is_some() => "ended".to_owned(),
        false if record.since > state.tip().time => "signs a day after it was admitted".to_owned(),
        false => format!("the last day was {}", record.person.until),
    };
    let mut all: Vec<&PersonRecord> = state.persons().collect();
    all.sort_unstable_by_key(|record| (record.board, record.person.office, record.person.key));
    let line = |record: &&PersonRecord| {
        let named = name(record).map(|name| format!(" ({})", plain(&name))).unwrap_or_default();
        format!("{}, {}{named}, {}\n     {}", plain(&board(&record.board)), record.person.office, standing(record), record.person.key)
    };
    // what waits about persons; about studies `study show` says it
    let boards: BTreeSet<MemberId> = all.iter().map(|record| record.board).collect();
    let waits = |id: &MemberId| {
        let name = board(id);
        let of_persons = state.waiting_statements(id).filter(|waiting| waiting.statement.study().is_none());
        let one = move |waiting: &WaitingStatement| {
            let words = statement_in_words(&|id| id.to_string(), &waiting.statement).iter().map(|line| plain(line)).collect::<Vec<_>>();
            format!("{} waits for a second signature until {}: {}", plain(&name), waiting.until(), words.join(" "))
        };
        of_persons.map(one).collect::<Vec<_>>()
    };
    let waiting: Vec<String> = boards.iter().flat_map(waits).collect();
    let text = || match all.is_empty() {
        true => "nobody signs for an ethics board".to_owned(),
        false => all.iter().map(line).chain(waiting.iter().cloned()).collect::<Vec<_>>().join("\n"),
    };
    let value = |record: &&PersonRecord| -> Value {
        json!({ "board": board(&record.board), "key": record.person.key.to_string(), "office": record.person.office.to_string(), "name": name(record),
            "until": record.person.until.to_string(), "signs": record.signs(state.tip().time), "ended": record.ended.map(|height| height.0) })
    };
    session.screen.result(text, || json!({ "persons": all.iter().map(value).collect::<Vec<_>>(), "waiting": waiting }));
}
