//! `countersign init`: a member's keys and configuration, or a development network in a data folder.

use super::Session;
use crate::{
    circuit_keys::DEVELOPMENT_NOTICE,
    config::template,
    failure::Failure,
    network::{DataFolder, Network, NetworkOptions},
};
use anyhow::Context;
use clap::Args;
use countersign_member::{Card, Member, is_usable, role};
use countersign_messages::Role;
use serde_json::json;
use std::{
    io::Write,
    net::SocketAddr,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// Arguments of `init`.
#[derive(Debug, Args)]
pub struct InitArguments {
    /// A development network: the data folder to make
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["member", "roles", "folder", "listen", "address"], required_unless_present = "member")]
    pub data: Option<PathBuf>,
    /// A development network: name of a hospital; repeat for every hospital
    #[arg(long = "site", value_name = "NAME", required_unless_present = "member", conflicts_with = "member")]
    pub sites: Vec<String>,
    /// A development network: least number of people behind a released number
    #[arg(long, value_name = "K", default_value_t = 10)]
    pub k_min: u32,
    /// A member of a network: its name (letters, digits, - and _)
    #[arg(long, value_name = "NAME", requires_all = ["roles", "folder"])]
    pub member: Option<String>,
    /// A member of a network: what it does (hospital, validator, researcher, board, governance); repeat for several
    #[arg(long = "role", value_name = "ROLE", value_parser = role)]
    pub roles: Vec<Role>,
    /// A member of a network: the folder to make
    #[arg(long, value_name = "FOLDER")]
    pub folder: Option<PathBuf>,
    /// A member of a network: where its node listens (validators); the port for UDP and TCP
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,
    /// A member of a network: where the others reach it, if that is another HOST:PORT
    #[arg(long, value_name = "HOST:PORT", requires = "listen")]
    pub address: Option<String>,
}

/// Runs it.
///
/// # Errors
/// The folder holds a network or other keys, or a name is not usable.
pub async fn run(session: &Session, arguments: &InitArguments) -> Result<(), Failure> {
    match (&arguments.member, &arguments.folder, &arguments.data) {
        (Some(name), Some(folder), _) => member(session, arguments, name, folder),
        (_, _, Some(data)) => development(session, arguments, data).await,
        _ => Err(Failure::Refused("name a data folder (--data), or a member (--member, --role, --folder)".into())),
    }
}

async fn development(session: &Session, arguments: &InitArguments, data: &Path) -> Result<(), Failure> {
    session.ensure_keys()?;
    let options = NetworkOptions { sites: arguments.sites.clone(), k_min: arguments.k_min, categories: Default::default() };
    let network = Network::create(DataFolder::new(data), &session.keys, &options).await?;
    let id = network.state().network();
    network.close().await?;
    let text =
        || format!("development network {id} in {}\nhospitals: {}\n{DEVELOPMENT_NOTICE}", data.display(), arguments.sites.join(", "));
    session.screen.result(text, || json!({ "network": id.to_string(), "folder": data, "sites": arguments.sites, "k_min": arguments.k_min, "development_keys": true }));
    Ok(())
}

/// The address the others are told.
fn address(arguments: &InitArguments) -> Result<Option<String>, Failure> {
    match (arguments.listen, &arguments.address) {
        (Some(listen), None) if listen.ip().is_unspecified() => {
            let words = "listens on every address of this machine: say with --address HOST:PORT where the others reach it";
            Err(Failure::Refused(format!("{listen} {words}")))
        }
        (Some(listen), None) => Ok(Some(listen.to_string())),
        (_, address) => Ok(address.clone()),
    }
}

fn member(session: &Session, arguments: &InitArguments, name: &str, folder: &Path) -> Result<(), Failure> {
    if !is_usable(name) {
        return Err(Failure::Refused(format!("\"{name}\" cannot be a member's name: 1 to 64 letters, digits, - and _")));
    }
    let address = address(arguments)?;
    if arguments.roles.contains(&Role::Validator) && address.is_none() {
        return Err(Failure::Refused("a validator listens for the others: give --listen ADDRESS:PORT".into()));
    }
    let (keys, config) = (folder.join("keys.toml"), folder.join("node.toml"));
    if let Some(there) = [&keys, &config].into_iter().find(|p| p.exists()) {
        return Err(Failure::Refused(format!("{} is there already; it is never written over. Use another folder", there.display())));
    }
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let member = Member::generate(name, &arguments.roles)?;
    let card = Card::new(&member, address);
    let card_file = folder.join(card.file_name());
    member.save(&keys)?;
    // the configuration may come to hold a database's password
    write_new(&config, &template::text(name, &member.roles, arguments.listen), 0o600)?;
    write_new(&card_file, &card.to_text(), 0o644)?;
    let text = || {
        format!(
            "{name}, member {}\n  {}  secret keys: keep a copy in a safe place, show it to nobody\n  {}  the node's configuration, with comments\n  {}  \
             the public card: give it to the coordinator and the other members\nnext: the coordinator makes the genesis from all cards (`countersign \
             genesis`), or a governance member proposes you (`countersign propose member`)",
            member.id(),
            keys.display(),
            config.display(),
            card_file.display()
        )
    };
    let value = || json!({ "name": name, "member": member.id().to_string(), "keys": keys, "config": config, "card": card_file });
    session.screen.result(text, value);
    Ok(())
}

/// Writes a file that must not be there yet.
fn write_new(path: &Path, text: &str, mode: u32) -> Result<(), Failure> {
    let write = || std::fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?.write_all(text.as_bytes());
    Ok(write().with_context(|| format!("cannot write {}", path.display()))?)
}
