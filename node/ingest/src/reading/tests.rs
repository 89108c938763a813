use super::*;
use crate::shipped;

fn refused(from: &str, to: &str) -> String {
    assert!(shipped::CARDIOMETABOLIC_CORE.contains(from), "the test no longer finds {from}");
    Reading::from_toml(&shipped::CARDIOMETABOLIC_CORE.replacen(from, to, 1)).unwrap_err().to_string()
}

#[test]
fn shipped_dictionaries_are_read() {
    let core = Reading::from_toml(shipped::CARDIOMETABOLIC_CORE).unwrap();
    assert_eq!(core.dictionary().reference(), "cardiometabolic-core@1");
    assert_eq!(core.dictionary().attributes().len(), 11);
    assert!(core.population_consented());
    assert_eq!(Reading::from_canonical(core.canonical()).unwrap(), core);
    let heart = Reading::from_toml(shipped::HEART_DISEASE).unwrap();
    assert_eq!(heart.index(), &Index::Column);
    assert!(!heart.population_consented());
}

#[test]
fn unknown_keys_are_named_with_their_place() {
    for (from, to, key) in [
        ("language = \"en\"", "langage = \"en\"", "langage"),
        ("alive_at_index = true", "alive = true", "alive"),
        ("unit_missing = ", "unit_mising = ", "unit_mising"),
        ("active_at_index = true", "active_on_index = true", "active_on_index"),
        ("cuts = [\"5.7\"", "cut = [\"5.7\"", "cut"),
        ("min_encounters = 1", "minimum = 1, min_encounters = 1", "minimum"),
        ("kind = \"fixed\"", "kind = \"fixed\"\nday = 3", "day"),
    ] {
        let message = refused(from, to);
        assert!(message.contains(&format!("`{key}`")), "{message}");
    }
    assert!(refused("active_at_index = true", "active_on_index = true").contains("diabetes"));
}

#[test]
fn senseless_rules_are_refused() {
    for (from, to, part) in [
        ("[\"-2y\", \"0d\"]", "[\"0d\", \"-2y\"]", "from comes before to"),
        ("[\"-2y\", \"0d\"]", "[\"-2w\", \"0d\"]", "-2w"),
        ("valueset = \"diabetes\"", "valueset = \"diabets\"", "diabets"),
        ("event = \"died\"", "event = \"sex\"", "sex"),
        ("to = \"former\"", "to = \"ex\"", "none of its levels"),
        ("absent = \"no\"", "absent = \"yes\"", "absent"),
        ("pick = \"latest_day_mean\"", "pick = \"lastest\"", "lastest"),
        ("round = \"half_even\"", "round = \"up\"", "half_even"),
        ("scale = \"0.0915\"", "scale = \"0,0915\"", "scale"),
        ("scale = \"0.0915\"", "scale = 0.0915", "floating-point"),
        ("scale = \"0.0915\"", "scale = \"0.0\"", "every value would become the same"),
        ("2019-01-01", "2019-02-30", "2019-02-30"),
        ("path = \"gender\"", "path = \"name\"", "gender"),
        ("require = [\"birth_date\"]", "require = [\"address\"]", "address"),
        ("observed = ", "# observed = ", "population.observed"),
    ] {
        let message = refused(from, to);
        assert!(message.contains(part), "{from} -> {to}: {message}");
    }
}

#[test]
fn icd_prefixes_ignore_dots_and_case() {
    let sets = [CodeSet { system: "icd".into(), listed: vec!["Z1".into()], under: vec!["E11".into(), "I1.0".into()] }];
    let hit = |code: &str| code_matches(&[("icd".into(), code.into())], &sets);
    assert!(hit("E11.9") && hit("e119") && hit("I10.00") && hit("Z1"));
    assert!(!hit("E1") && !hit("Z11") && !hit("z1") && !hit("E10.9"));
    assert!(!code_matches(&[("icd-10".into(), "E11".into())], &sets));
}
