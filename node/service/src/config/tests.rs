use super::*;
use countersign_member::Card;
use countersign_messages::Role;

fn fault(text: &str) -> String {
    Config::parse(text).unwrap_err().to_string()
}

#[test]
fn a_name_is_enough_and_each_default_is_as_documented() {
    let config = Config::parse("name = \"a\"").unwrap();
    assert_eq!((config.keys.to_str(), config.data.to_str()), (Some("keys.toml"), Some(".")));
    assert!(config.storage.is_none() && config.circuit_keys.is_empty());
    assert_eq!(config.network, NetworkSection { listen: None, tcp: true, peers: Vec::new() });
    assert!(!config.validator.enabled);
    assert_eq!(config.validator.pace, PaceSection { block_min_ms: 200, idle_ms: 5_000, propose_ms: 2_000, vote_ms: 500, delta_ms: 500 });
    assert_eq!(config.pace(), Pace::default());
    assert_eq!((config.gateway.listen.to_string().as_str(), config.gateway.behind_proxy), ("127.0.0.1:7480", false));
    assert_eq!(config.gateway.limits, countersign_api::Limits::default());
    assert_eq!((config.hospital.answer, config.log.filter.as_str()), (AnswerMode::Ask, "info,arc_malachitebft=error"));
}

#[test]
fn passwords_in_addresses_are_seen_in_every_place() {
    for url in
        ["postgres://u:p@h/d", "postgres://h/d?password=p", "postgres://h/d?sslmode=require&PASSWORD=p", "postgres://h/d?%70assword=p"]
    {
        assert!(has_password(url), "{url}");
    }
    for url in ["sqlite:chain.sqlite", "postgres://u@h/d", "postgres://u@h:5432/d?sslmode=require"] {
        assert!(!has_password(url), "{url}");
    }
}

#[test]
fn the_file_of_init_shows_the_defaults() {
    let shown = template::text("a", &[Role::Hospital], None);
    assert_eq!(Config::parse(&shown), Config::parse("name = \"a\""));
    // with every key's comment taken off, the same: `storage` and `listen` have no default in the type
    let is_key = |line: &str| line.starts_with('#') && line[1..].starts_with(|c: char| c.is_ascii_lowercase());
    let all: String = shown.lines().map(|l| if is_key(l) { format!("{}\n", &l[1..]) } else { format!("{l}\n") }).collect();
    let mut config = Config::parse(&all).unwrap();
    assert_eq!(config.network.listen.take().unwrap().port(), 7479);
    assert_eq!(config.store_url().unwrap(), Config { storage: None, ..config.clone() }.store_url().unwrap());
    config.storage = None;
    assert_eq!(Ok(config), Config::parse("name = \"a\""));
    let validator = Config::parse(&template::text("v", &[Role::Validator], "10.0.0.1:7479".parse().ok())).unwrap();
    assert!(validator.validator.enabled && validator.network.listen.is_some());
}

#[test]
fn what_is_wrong_is_named_with_line_and_key() {
    for (text, expected) in [
        ("", "missing field `name`"),
        ("name = \"a\"\nnaem = 1", "2: naem: unknown field `naem`"),
        ("name = \"a\"\n[network]\nlisten = 7", "3: network.listen: "),
        ("name = \"a\"\n\n[gateway]\n# x\nlisten = \"here\"", "5: gateway.listen: invalid socket address"),
        ("name = \"a\"\n[gateway]\nbehind_proxy = \"yes\"", "3: gateway.behind_proxy: invalid type: string \"yes\", expected a boolean"),
        ("name = \"a\"\n[gateway.limits]\nrequest = 1", "3: gateway.limits.request: unknown field `request`"),
        ("name = \"a\"\n[hospital]\nanswer = \"never\"", "3: hospital.answer: unknown variant `never`"),
        ("name = \"a/b\"", "1: name: "),
        ("name = \"a\"\n[validator]\nenabled = true", "3: validator.enabled: a validator listens"),
        ("name = \"a\"\n[validator.pace]\nidle_ms = 0", "3: validator.pace.idle_ms: 0 is not from 1"),
        ("name = \"a\"\n[[network.peers]]\nmember = \"00\"\naddress = \"x:1\"", "3: network.peers.member: a digest is 64"),
        (
            &format!("name = \"a\"\n[[network.peers]]\nmember = \"{}\"\naddress = \"x\"", "0".repeat(64)),
            "4: network.peers.address: \"x\" is not HOST:PORT",
        ),
        ("name = \"a\"\nstorage = \"mysql://u:hunter2@h/d\"", "2: storage: "),
        ("name = a", "1: name: "),
    ] {
        let found = fault(text);
        assert!(found.contains(expected) && !found.contains("hunter2"), "{text:?}: {found}");
    }
}

#[test]
fn flags_go_before_the_file_and_paths_start_at_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("node.toml");
    std::fs::write(&file, "name = \"a\"\ndata = \"d\"\nstorage = \"sqlite:x.sqlite\"\n[gateway]\nlisten = \"127.0.0.1:1\"").unwrap();
    let config = Config::load(&file, &Overrides::default()).unwrap();
    assert_eq!(config.store_url().unwrap().file(), Some(folder.path().join("d/x.sqlite").as_path()));
    assert_eq!(config.gateway_url(), "http://127.0.0.1:1");
    let overrides = Overrides { storage: Some("y.sqlite".to_owned().into()), gateway: "127.0.0.1:0".parse().ok() };
    let config = Config::load(&file, &overrides).unwrap();
    assert_eq!(config.store_url().unwrap().file(), Some(folder.path().join("d/y.sqlite").as_path()));
    std::fs::create_dir(folder.path().join("d")).unwrap();
    std::fs::write(config.gateway_file(), "127.0.0.1:4321\n").unwrap();
    assert_eq!(config.gateway_url(), "http://127.0.0.1:4321");
    std::fs::write(&file, "nome = 1").unwrap();
    let error = Config::load(&file, &Overrides::default()).unwrap_err().to_string();
    assert!(error.contains("node.toml:1: nome: unknown field"), "{error}");
}

#[test]
fn peers_are_added_once_and_comments_stay() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("node.toml");
    let card =
        |name: &str, address: Option<&str>| Card::new(&Member::generate(name, &[Role::Validator]).unwrap(), address.map(ToOwned::to_owned));
    let (me, other, silent) = (card("me", Some("h:1")), card("other", Some("[::1]:2")), card("silent", None));
    let mine = format!("{}# my own words\n", template::text("me", &[Role::Hospital], None));
    std::fs::write(&file, &mine).unwrap();
    let cards = [me.clone(), other.clone(), silent];
    assert_eq!(peers::add(&file, &me, &cards).unwrap(), ["other"]);
    assert!(peers::add(&file, &me, &cards).unwrap().is_empty());
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.starts_with(&mine));
    let peers = Config::parse(&text).unwrap().network.peers;
    assert_eq!((peers.len(), peers[0].member, peers[0].address.as_str()), (1, other.member.digest(), "[::1]:2"));
    // a list in brackets cannot be appended to: nothing is changed, and the lines are shown
    let listed = "name = \"me\"\n[network]\npeers = []\n";
    std::fs::write(&file, listed).unwrap();
    let error = peers::add(&file, &me, &cards).unwrap_err().to_string();
    assert!(error.contains(&other.member.to_string()), "{error}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), listed);
}
