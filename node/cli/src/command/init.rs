//! `countersign init`: a member's keys and configuration, or a development network in a data folder.

use super::{Session, noticed};
use crate::{failure::Failure, keyed_connection::KeyedConnection};
use async_recursion::async_recursion as boxed;
use clap::Args;
use countersign_consortium::{DataFolder, NetworkOptions};
use countersign_member::role;
use countersign_messages::Role;
use countersign_service::{NewMember, new_member};
use serde_json::json;
use std::{
    net::SocketAddr,
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
#[boxed]
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
    let network = KeyedConnection::create(DataFolder::new(data), &session.keys, &options).await?;
    let (id, development) = (network.state().network(), network.development());
    network.close().await?;
    let text =
        || noticed(format!("development network {id} in {}\nhospitals: {}", data.display(), arguments.sites.join(", ")), development);
    session.screen.result(text, || json!({ "network": id.to_string(), "folder": data, "sites": arguments.sites, "k_min": arguments.k_min, "development_keys": development }));
    Ok(())
}

fn member(session: &Session, arguments: &InitArguments, name: &str, folder: &Path) -> Result<(), Failure> {
    let new =
        NewMember { name: name.to_owned(), roles: arguments.roles.clone(), listen: arguments.listen, address: arguments.address.clone() };
    let made = new_member(&new, folder)?;
    let text = || {
        format!(
            "{name}, member {}\n  {}  secret keys: keep a copy in a safe place, show it to nobody\n  {}  the node's configuration, with comments\n  {}  \
             the public card: give it to the coordinator and the other members\nnext: the coordinator makes the genesis from all cards (`countersign \
             genesis`), or a governance member proposes you (`countersign propose member`)",
            made.member,
            made.keys.display(),
            made.config.display(),
            made.card.display()
        )
    };
    let value = || json!({ "name": name, "member": made.member.to_string(), "keys": made.keys, "config": made.config, "card": made.card });
    session.screen.result(text, value);
    Ok(())
}
