//! The configuration file `init --member` writes. Every key is there with its meaning, unit and default; what is left at its default is
//! commented out (`#key = value`).

use countersign_messages::Role;
use std::net::SocketAddr;

/// The text of a new configuration.
pub fn text(name: &str, roles: &[Role], listen: Option<SocketAddr>) -> String {
    let listens = listen.map_or_else(|| "#listen = \"0.0.0.0:7479\"".to_owned(), |address| format!("listen = \"{address}\""));
    let validates = if roles.contains(&Role::Validator) { "enabled = true" } else { "#enabled = false" };
    TEMPLATE.replace("@NAME@", name).replace("@LISTEN@", &listens).replace("@VALIDATES@", validates)
}

const TEMPLATE: &str = r##"# A countersign node. Run it with `countersign node --config THIS-FILE`; docs/operating.md says more.
# Flags go before environment variables, those before this file. Unknown keys are refused. Relative paths start at this file's folder.
# A line that starts with # and a key shows the key's default.

# The member's name. Required.
name = "@NAME@"

# File of the member's secret keys, mode 600. Keep a copy of it in a safe place: nobody can make it again.
#keys = "keys.toml"

# Folder of what the node keeps (chain, write-ahead log, a hospital's own keeping). Put it on an encrypted disk.
#data = "."

# Where the chain is kept: sqlite:PATH (relative to the data folder), or postgres://USER@HOST/DATABASE. A password is best left out here and given
# in the environment variable PGPASSWORD. Flag --storage, variable COUNTERSIGN_STORAGE.
#storage = "sqlite:chain.sqlite"

# Folders of circuit keys to hold beside those of --keys: those of a change that is coming, or of earlier blocks.
#circuit_keys = []

# Connections to other members.
[network]
# Address and port to listen on, for QUIC (UDP) and TCP. Needed by validators. Without it the node only connects outwards, as hospitals do.
@LISTEN@
# Whether to listen on TCP too, for members whose networks block UDP.
#tcp = true
# The members to stay connected to are at the end of this file: `countersign join` writes them.

# Deciding blocks.
[validator]
# Whether this node validates whenever its member is a validator of the network.
@VALIDATES@

# How fast validators go, in milliseconds. All validators of a network should have the same.
[validator.pace]
# Least time between two blocks.
#block_min_ms = 200
# Time after which an empty block is made, so that block time goes on: deadlines and consents end by it.
#idle_ms = 5000
# How long a proposal is waited for. Building, sending and verifying a block must fit.
#propose_ms = 2000
# How long missing votes are waited for.
#vote_ms = 500
# How much longer in each further round.
#delta_ms = 500

# The HTTP gateway: how `countersign status` and other commands reach this node. It shows what is public on the ledger.
[gateway]
# Address and port; port 0 lets the system choose. Flag --gateway, variable COUNTERSIGN_GATEWAY.
#listen = "127.0.0.1:7480"
# Whether a proxy that terminates TLS stands in front. Only then may it listen on an address that other machines reach.
#behind_proxy = false
# Names it answers to beside localhost and loopback addresses, as in a URL, without port. Behind a proxy with none listed: all.
#hosts = []

# Bounds on what clients may use; all of them with their defaults are in docs/api.md.
[gateway.limits]
#requests_per_second = 20

# A hospital's part.
[hospital]
# Who answers open queries of studies this hospital has accepted: "automatic" (this node, in the background) or "ask" (a person, with
# `countersign answer`). Accepting a study is always a person's decision.
#answer = "ask"

# The log goes to standard error. It holds no secret and no patient's value.
[log]
# What is logged: error, warn, info, debug, trace, or more by module (tracing's syntax). Flag --log, variable COUNTERSIGN_LOG.
#filter = "info,arc_malachitebft=error"
"##;
