//! `init`, `genesis`, `join` and `status` of members: what they say, what they write, and what they refuse.

use crate::common::{arguments, folder, run};
use crate::organisations::{Organisation, genesis};
use countersign_member::{Card, Member};
use serde_json::json;
use std::os::unix::fs::PermissionsExt;

#[test]
fn init_makes_keys_a_configuration_and_a_card() {
    let network = folder();
    let at = network.path().join("clinic");
    let said = run(arguments!["init", "--member", "clinic", "--role", "hospital", "--folder", at]).done();
    for part in
        ["keys.toml  secret keys", "node.toml  the node's configuration", "clinic.member.json  the public card", "countersign genesis"]
    {
        assert!(said.stdout.contains(part), "{said:?}");
    }
    let mode = |file: &str| at.join(file).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("keys.toml"), 0o600);
    let card: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(at.join("clinic.member.json")).unwrap()).unwrap();
    assert_eq!((&card["name"], &card["roles"], &card["address"]), (&json!("clinic"), &json!(["hospital"]), &json!(null)));
    let keys = std::fs::read_to_string(at.join("keys.toml")).unwrap();
    for secret in keys.lines().filter_map(|l| l.strip_prefix("signing = ").or(l.strip_prefix("sealing = "))) {
        let secret = secret.trim_matches('"');
        assert_eq!(secret.len(), 64);
        assert!(!card.to_string().contains(secret) && !said.stdout.contains(secret));
    }
    // nothing is ever written over
    let again = run(arguments!["init", "--member", "clinic", "--role", "hospital", "--folder", at]).failed(2);
    assert!(again.stderr.contains("never written over"), "{again:?}");
    assert_eq!(std::fs::read_to_string(at.join("keys.toml")).unwrap(), keys);

    let other = network.path().join("other");
    for (arguments, words) in [
        (arguments!["init", "--member", "a/b", "--role", "hospital", "--folder", other], "cannot be a member's name"),
        (arguments!["init", "--member", "a", "--role", "king", "--folder", other], "no role"),
        (arguments!["init", "--member", "a", "--role", "validator", "--folder", other], "--listen"),
        (arguments!["init", "--member", "a", "--role", "validator", "--folder", other, "--listen", "0.0.0.0:1"], "--address HOST:PORT"),
        (arguments!["init", "--member", "a", "--folder", other], "--role"),
        (arguments!["init", "--folder", other], "--data"),
    ] {
        let said = run(arguments).failed(2);
        assert!(said.stderr.contains(words), "{words}: {said:?}");
    }
    assert!(!other.exists(), "a refused init leaves nothing");
}

#[test]
fn a_genesis_and_who_joins_it() {
    let network = folder();
    let member = |name: &str, roles: &[&str]| Organisation::init(network.path(), name, roles);
    let (verifier, board) = (member("verifier", &["validator", "governance"]), member("board", &["board"]));
    let late = member("late", &["hospital"]);
    let file = genesis(network.path(), &[&verifier, &board]);

    // without --development, development keys are refused; without a validator, there is no network
    let out = network.path().join("other.genesis");
    let said = run(arguments!["genesis", "--out", out, "--card", verifier.card()]).failed(2);
    assert!(said.stderr.contains("development keys") && said.stderr.contains("--development"), "{said:?}");
    let said = run(arguments!["genesis", "--development", "--out", out, "--card", board.card()]).failed(2);
    assert!(said.stderr.contains("at least one validator"), "{said:?}");
    let said = run(arguments!["genesis", "--development", "--out", file, "--card", verifier.card()]).failed(1);
    assert!(said.stderr.contains("cannot write"), "{said:?}");
    let registry = network.path().join("registry.toml");
    std::fs::write(&registry, "scopes = [\"p.health\"]\ngrids = []\n").unwrap();
    let said = run(arguments!["genesis", "--development", "--out", out, "--card", verifier.card(), "--registry", registry]).failed(2);
    assert!(said.stderr.contains("registry.toml:2: unknown field `grids`"), "{said:?}");
    assert!(!out.exists());

    // before joining there is nothing to run, and what to do is said
    let said = run(arguments!["node", "--config", board.config()]).failed(2);
    assert!(said.stderr.contains("countersign join"), "{said:?}");
    let said = run(arguments!["status", "--config", board.config()]).failed(2);
    assert!(said.stderr.contains("countersign join"), "{said:?}");

    let cards = [verifier.card(), board.card()];
    let joined = board.join(&file, &cards).json();
    assert_eq!((&joined["member"], &joined["peers_added"]), (&json!(true), &json!(["verifier"])));
    assert!(std::fs::read_to_string(board.config()).unwrap().contains("# The member's name. Required."), "comments stay");
    // again: nothing more to do
    assert_eq!(board.join(&file, &cards).json()["peers_added"], json!([]));
    let joined = run(arguments!["join", "--folder", late.folder, "--genesis", file, "--peer", cards[0]]).done();
    for part in [
        "compare this id",
        "is not in the genesis",
        "one of verifier runs `countersign propose member late.member.json",
        "countersign node",
    ] {
        assert!(joined.stdout.contains(part), "{joined:?}");
    }
    let status = board.status();
    assert_eq!((&status["running"], &status["height"], &status["name"]), (&json!(false), &json!(0), &json!("board")));
    let said = run(arguments!["status", "--config", board.config()]).done();
    assert!(said.stdout.contains("is not running") && said.stdout.contains("block 0"), "{said:?}");

    // another network's genesis, a file that is none, a card that is another's
    let other = network.path().join("second.genesis");
    run(arguments!["genesis", "--development", "--name", "second", "--out", other, "--card", verifier.card()]).done();
    let said = run(arguments!["join", "--folder", board.folder, "--genesis", other]).failed(2);
    assert!(said.stderr.contains("another network"), "{said:?}");
    let said = run(arguments!["join", "--folder", board.folder, "--genesis", board.config()]).failed(2);
    assert!(said.stderr.contains("is no genesis"), "{said:?}");
    let text = std::fs::read_to_string(verifier.card()).unwrap().replace("\"verifier\"", "\"imposter\"");
    let imposter = network.path().join("imposter.member.json");
    std::fs::write(&imposter, text).unwrap();
    let said = run(arguments!["join", "--folder", board.folder, "--genesis", file, "--peer", imposter]).failed(2);
    assert!(said.stderr.contains("was changed after the member signed it"), "{said:?}");
    // signed by the member itself, under another name than the genesis has
    let mut renamed = Member::load(&verifier.folder.join("keys.toml")).unwrap();
    renamed.name = "imposter".into();
    std::fs::write(&imposter, Card::new(&renamed, None).to_text()).unwrap();
    let said = run(arguments!["join", "--folder", board.folder, "--genesis", file, "--peer", imposter]).failed(2);
    assert!(said.stderr.contains("has the key of \"verifier\""), "{said:?}");
}

#[test]
fn commands_beside_a_node_that_does_not_run_say_so() {
    let network = folder();
    let verifier = Organisation::init(network.path(), "verifier", &["validator", "governance"]);
    let file = genesis(network.path(), &[&verifier]);
    verifier.join(&file, &[verifier.card()]);
    let rules = network.path().join("rules.toml");
    std::fs::write(&rules, "k_min = 11\n").unwrap();
    let said = verifier.run(arguments!["propose", "rules", rules, "--reason", "a test"]).failed(1);
    assert!(said.error()["message"].as_str().unwrap().contains("countersign node --config"), "{said:?}");
    let said = run(arguments!["status", "--url", "https://127.0.0.1:1"]).failed(2);
    assert!(said.stderr.contains("http://"), "{said:?}");
    let broken = network.path().join("broken.toml");
    std::fs::write(&broken, "name = \"x\"\n[gateway]\nlisten = 1\n").unwrap();
    let said = run(arguments!["node", "--config", broken]).failed(2);
    assert!(said.stderr.contains("broken.toml:3: gateway.listen: "), "{said:?}");
}
