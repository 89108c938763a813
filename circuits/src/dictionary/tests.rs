//! Layout of one-block and two-block attributes, strictness of the canonical form, hostile input.

use super::*;
use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::json;

/// Canonical bytes of a dictionary of some attributes.
fn bytes(attributes: Value) -> Vec<u8> {
    canonical_json(&json!({"attribute": attributes, "format": "countersign-dictionary/1", "id": "test", "title": "T", "version": 1}))
        .unwrap()
}

fn read(attributes: Value) -> Result<Dictionary, DictionaryError> {
    Dictionary::from_canonical(&bytes(attributes))
}

fn number(levels: u32, edges: &[u32]) -> Attribute {
    let edges: Vec<String> = edges.iter().map(|e| (e + 10).to_string()).collect();
    let value = json!([{"category": "labs", "cuts": edges, "kind": "number", "name": "x", "range": ["10", (levels + 9).to_string()]}]);
    read(value).unwrap().attributes()[0].clone()
}

/// A linear form at the bins of a level.
fn at(attribute: &Attribute, form: &[(usize, u64)], level: Option<u32>) -> u64 {
    let bins = attribute.bins(level).unwrap();
    let mut rows = vec![attribute.blocks()[0].first_row() + usize::from(bins.first)];
    rows.extend(bins.fine.map(|fine| attribute.blocks()[1].first_row() + usize::from(fine)));
    form.iter().filter(|(row, _)| rows.contains(row)).map(|(_, w)| w).sum()
}

#[test]
fn forms_are_level_and_square_for_every_level() {
    for (levels, edges) in
        [(2, vec![]), (256, vec![100]), (257, vec![]), (257, vec![1, 256]), (1000, vec![3, 300, 301, 999]), (70_000, vec![500])]
    {
        let attribute = number(levels, &edges);
        assert_eq!(attribute.blocks().len(), if levels <= 256 { 1 } else { 2 }, "{levels}");
        let (value, square) = (attribute.value_form(), attribute.square_form());
        assert_eq!(square.is_some(), levels <= 256);
        assert_eq!(at(&attribute, &value, None), 0, "missing adds nothing");
        let mut seen = std::collections::HashSet::new();
        for level in 0..levels {
            assert_eq!(at(&attribute, &value, Some(level)), u64::from(level), "{levels} {level}");
            if let Some(square) = &square {
                assert_eq!(at(&attribute, square, Some(level)), u64::from(level).pow(2));
            }
            let bins = attribute.bins(Some(level)).unwrap();
            assert!(usize::from(bins.first) < attribute.blocks()[0].bins() && bins.first > 0);
            assert_eq!(bins.fine.is_some(), levels > 256);
            assert!(bins.fine.is_none_or(|f| f > 0 && usize::from(f) < attribute.blocks()[1].bins()));
            assert!(seen.insert((bins.first, bins.fine)), "no two levels share their bins");
        }
        assert_eq!(attribute.bins(Some(levels)), None);
        assert_eq!(attribute.bins(Some(u32::MAX)), None);
        assert_eq!(attribute.bins(None).unwrap(), Bins { first: 0, fine: (levels > 256).then_some(0) });
    }
}

/// Bands cover every level once, and a band's bins are those of its levels, also where a wide band is cut into more coarse bins.
#[test]
fn bands_are_whole_sets_of_bins() {
    for (levels, edges) in [(256, vec![1, 128, 255]), (257, vec![256]), (1000, vec![600, 700]), (5000, vec![])] {
        let attribute = number(levels, &edges);
        assert_eq!(attribute.bands().len(), edges.len() + 1);
        for level in 0..levels {
            let first = attribute.bins(Some(level)).unwrap().first;
            let inside: Vec<&Band> = attribute.bands().iter().filter(|b| b.levels.0 <= level && level <= b.levels.1).collect();
            assert_eq!(inside.len(), 1);
            assert!(attribute.bands().iter().all(|b| b.bins.contains(&first) == std::ptr::eq(b, inside[0])));
        }
    }
    // 5000 levels without an edge: 20 coarse bins of at most 256 levels, all of one band
    let wide = number(5000, &[]);
    assert_eq!(wide.blocks().iter().map(BinBlock::bins).collect::<Vec<_>>(), [21, 257]);
    assert_eq!(wide.bands()[0].bins, (1..=20).collect::<Vec<u16>>());
    // the fine block is as wide as the widest coarse bin: [0, 256), [256, 512), [512, 600), [600, 700), [700, 956), [956, 1000)
    let banded = number(1000, &[600, 700]);
    assert_eq!(banded.blocks().iter().map(BinBlock::bins).collect::<Vec<_>>(), [7, 257]);
    assert_eq!(banded.bands().iter().map(|b| b.bins.clone()).collect::<Vec<_>>(), [vec![1, 2, 3], vec![4], vec![5, 6]]);
    assert_eq!(banded.bands().iter().map(|b| b.label.as_str()).collect::<Vec<_>>(), ["<610", "610-709", ">=710"]);
}

#[test]
fn scale_rounds_half_even_and_is_bounded() {
    let dictionary = read(json!([{"category": "labs", "kind": "number", "name": "x", "range": ["0", "10"], "step": "0.1"}])).unwrap();
    let scale = dictionary.attributes()[0].scale().unwrap();
    assert_eq!((scale.levels, scale.hi()), (101, Decimal::TEN));
    for (text, level) in [
        ("0", Some(0)),
        ("0.05", Some(0)),
        ("0.15", Some(2)),
        ("0.25", Some(2)),
        ("10", Some(100)),
        ("10.05", Some(100)),
        ("10.06", None),
        ("-0.06", None),
    ] {
        assert_eq!(scale.level(decimal(text).unwrap()), level, "{text}");
    }
    for level in 0..101 {
        assert_eq!(scale.level(scale.value(level)), Some(level));
    }
    for x in [Decimal::MAX, Decimal::MIN] {
        assert_eq!(scale.level(x), None);
    }
}

#[test]
fn layout_ties_missing_of_coarse_and_fine() {
    let dictionary = read(json!([
        {"category": "a", "kind": "flag", "name": "f"},
        {"category": "a", "kind": "number", "name": "x", "range": ["0", "256"]},
        {"category": "a", "kind": "category", "levels": ["u", "v", "w"], "name": "c"},
    ]))
    .unwrap();
    let layout = dictionary.layout();
    assert_eq!(layout.blocks, [3, 3, 257, 4]);
    assert_eq!(layout.tied, [(3, 6)]);
    assert_eq!((layout.bin_rows(), layout.rows()), (267, 268));
    assert_eq!(dictionary.find("c").unwrap().1.first_block().first_row(), 263);
}

/// Every text is shown to others: a line of its own, an escape sequence or a mark that turns the writing would read as somebody else's words.
#[test]
fn every_text_is_one_plain_line() {
    let with = |title: &str, level: &str, key: &str| {
        let attribute = json!({"category": "a", "kind": "category", "name": "f", "levels": ["x", level], key: "y"});
        let value = json!({"attribute": [attribute], "format": "countersign-dictionary/1", "id": "test", "title": title, "version": 1});
        Dictionary::from_canonical(&canonical_json(&value).unwrap())
    };
    assert!(with("T", "z", "label").is_ok());
    for bad in ["a\u{1b}[31m", "a\nb", "\u{202e}a", "a\u{2028}b", "\u{200f}"] {
        for found in [with(bad, "z", "label"), with("T", bad, "label"), with("T", "z", bad)] {
            let Err(DictionaryError::Text { place }) = found else { panic!("{bad:?}: {found:?}") };
            assert!(!place.chars().any(crate::text::is_unprintable), "{place:?}");
        }
    }
}

#[test]
fn canonical_form_is_strict() {
    let good = bytes(json!([{"category": "a", "kind": "flag", "name": "f"}]));
    let text = String::from_utf8(good.clone()).unwrap();
    assert!(Dictionary::from_canonical(&good).is_ok());
    let spelling = Err(DictionaryError::Canonical(CanonicalError::Spelling));
    for other in [
        text.replace(",\"id\"", ", \"id\""),
        format!("{text}\n"),
        text.replace("\"id\":\"test\",\"title\":\"T\"", "\"title\":\"T\",\"id\":\"test\""),
        text.replace("\"id\":\"test\"", "\"id\":\"no\",\"id\":\"test\""),
        text.replace("test", "t\\u0065st"),
    ] {
        assert_eq!(Dictionary::from_canonical(other.as_bytes()), spelling, "{other}");
    }
    for float in ["1.0", "1e0", "0.5", "1e400"] {
        let other = text.replace("\"version\":1", &format!("\"version\":{float}"));
        assert!(matches!(Dictionary::from_canonical(other.as_bytes()), Err(DictionaryError::Canonical(_))), "{float}");
    }
    for version in ["-1", "4294967296", "\"1\"", "null"] {
        let other = text.replace("\"version\":1", &format!("\"version\":{version}"));
        assert!(matches!(Dictionary::from_canonical(other.as_bytes()), Err(DictionaryError::Key { .. })), "{version}");
    }
    assert!(canonical_json(&json!({"x": [{"y": 0.5}]})).is_err());
    for bad in ["", "1e5", "0x10", "NaN", "inf", "1.2.3", "79228162514264337593543950336", "0.00000000000000000000000000001"] {
        assert!(decimal(bad).is_err(), "{bad}");
    }
}

#[test]
fn refuses_what_cannot_be_laid_out() {
    let number = |key: &str, value: Value| {
        let mut entry = json!({"category": "a", "kind": "number", "name": "x", "range": ["0", "100"]});
        entry[key] = value;
        read(json!([entry]))
    };
    assert!(number("unit", json!("mg")).is_ok());
    for (key, value) in [
        ("range", json!(["0", "1048576"])),
        ("range", json!(["5", "5"])),
        ("range", json!(["5", "4"])),
        ("range", json!([0, 100])),
        ("range", json!(["0"])),
        ("range", json!(["-79228162514264337593543950335", "79228162514264337593543950335"])),
        ("step", json!("0")),
        ("step", json!("-1")),
        ("step", json!("0.3")),
        ("step", json!("0.0000000000000000000000000001")),
        ("cuts", json!(["0"])),
        ("cuts", json!(["101"])),
        ("cuts", json!(["50", "50"])),
        ("cuts", json!(["50", "40"])),
        ("cuts", json!(["1.5"])),
        ("beyond", json!("other")),
        ("name", json!("Bad Name")),
        ("name", json!("")),
        ("kind", json!("text")),
        ("category", json!([])),
    ] {
        assert!(number(key, value.clone()).is_err(), "{key} {value}");
    }
    let levels = |n: usize| {
        let names: Vec<String> = (0..n).map(|i| format!("l{i}")).collect();
        read(json!([{"category": "a", "kind": "category", "levels": names, "name": "c"}]))
    };
    assert!(levels(0).is_err() && levels(1).is_ok() && levels(256).is_ok() && levels(257).is_err());
    let flag = json!({"category": "a", "kind": "flag", "name": "f"});
    assert!(matches!(read(json!([flag, flag])), Err(DictionaryError::Attribute { .. })));
    let wide: Vec<Value> =
        (0..16).map(|i| json!({"category": "a", "kind": "number", "name": format!("x{i}"), "range": ["1", "256"]})).collect();
    assert_eq!(read(json!(wide)), Err(DictionaryError::TooManyRows { rows: 16 * 257 }));
}

proptest! {
    #[test]
    fn hostile_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Dictionary::from_canonical(&bytes);
    }

    #[test]
    fn hostile_quantities_never_panic(
        lo in "-?[0-9]{1,30}(\\.[0-9]{1,30})?", hi in "-?[0-9]{1,29}(\\.[0-9]{0,5})?", step in "[0-9]{0,2}\\.[0-9]{1,28}",
        edge in "-?[0-9]{1,29}", x in "-?[0-9]{1,20}\\.[0-9]{1,8}", kind in "number|count",
    ) {
        let value = json!([{"category": "a", "cuts": [edge], "kind": kind, "name": "x", "plausible": [lo, hi], "range": [lo, hi], "step": step}]);
        if let Ok(dictionary) = read(value) {
            let scale = dictionary.attributes()[0].scale().unwrap();
            let _ = (scale.hi(), decimal(&x).map(|x| scale.level(x)));
        }
    }
}

fn flagged(extra: Value) -> Result<Attribute, DictionaryError> {
    let mut value = json!({"category": "labs", "kind": "number", "name": "x", "range": ["0", "999"], "beyond": "clip"});
    value.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    read(json!([value])).map(|d| d.attributes()[0].clone())
}

#[test]
fn a_complete_attribute_has_no_missing_bin() {
    for (levels, blocks) in [(2_u32, vec![2]), (256, vec![256]), (1000, vec![4, 256])] {
        let attribute = flagged(json!({"range": ["0", (levels - 1).to_string()], "complete": true})).unwrap();
        assert_eq!(attribute.blocks().iter().map(BinBlock::bins).collect::<Vec<_>>(), blocks);
        assert_eq!((attribute.missing_bin(), attribute.first_known(), attribute.bins(None)), (None, 0, None));
        assert_eq!(attribute.known_bins().len(), attribute.first_block().bins());
        let form = attribute.value_form();
        let mut seen = std::collections::HashSet::new();
        for level in 0..levels {
            assert_eq!(at(&attribute, &form, Some(level)), u64::from(level));
            assert!(seen.insert(
                attribute.bins(Some(level)).unwrap().first as u32 * 1000
                    + u32::from(attribute.bins(Some(level)).unwrap().fine.unwrap_or(0))
            ));
            let first = attribute.bins(Some(level)).unwrap().first;
            assert_eq!(attribute.bands().iter().filter(|b| b.bins.contains(&first)).count(), 1);
        }
        assert_eq!(attribute.bins(Some(levels)), None);
    }
    // nothing ties two blocks that have no "missing"
    let dictionary = read(json!([{"category": "labs", "kind": "number", "name": "x", "range": ["0", "999"], "complete": true}])).unwrap();
    assert!(dictionary.layout().tied.is_empty());
    // one bin would be the occupancy column again
    let one = json!([{"category": "labs", "kind": "category", "levels": ["only"], "name": "x", "complete": true}]);
    assert!(read(one).unwrap_err().to_string().contains("two levels"));
}

#[test]
fn missingness_is_public_only_where_it_says_nothing() {
    let of = |extra: Value| flagged(extra).unwrap().missingness();
    assert_eq!(of(json!({})), Missingness::Public);
    assert_eq!(of(json!({"missingness": "protected"})), Missingness::Protected);
    for (extra, why) in [
        (json!({"sensitive": true}), "sensitive"),
        (json!({"category": "conditions"}), "category"),
        (json!({"category": ["labs", "medications"]}), "category"),
        (json!({"beyond": "missing"}), "beyond"),
        (json!({"comparator": "missing"}), "bounds"),
        (json!({"from": {"use": "time_to", "event": "died"}}), "events"),
    ] {
        assert_eq!(of(extra.clone()), Missingness::Protected, "{extra}");
        let mut public = extra.clone();
        public.as_object_mut().unwrap().insert("missingness".into(), json!("public"));
        let refused = flagged(public).unwrap_err().to_string();
        assert!(refused.contains("cannot be \"public\"") && refused.contains(why), "{refused}");
    }
    // a category nobody has named yet is protected until somebody says it is public
    assert_eq!(of(json!({"category": "wearables"})), Missingness::Protected);
    assert_eq!(of(json!({"category": "wearables", "missingness": "public"})), Missingness::Public);
    for wrong in [json!({"missingness": "open"}), json!({"complete": "yes"}), json!({"complete": true, "missingness": "public"})] {
        assert!(flagged(wrong).is_err());
    }
}

#[test]
fn attributes_meet_in_their_source_codes() {
    let of = |codes: Value| flagged(json!({"any_of": [{"use": "observation", "codes": codes}]})).unwrap().sources().to_vec();
    let meet = |a: &[Digest32], b: &[Digest32]| a.iter().any(|d| b.contains(d));
    let loinc = |code: &str| of(json!([{"system": "http://loinc.org", "in": [code]}]));
    assert!(meet(&of(json!([{"system": "http://loinc.org", "in": ["4548-4", "17856-6"]}])), &loinc("4548-4")));
    assert!(!meet(&loinc("4548-4"), &loinc("17856-6")) && !meet(&loinc("4548-4"), &of(json!([{"system": "urn:x", "in": ["4548-4"]}]))));
    // a code meets the prefix it stands under
    let icd = |key: &str, code: &str| of(json!([{"system": "icd", key: [code]}]));
    assert!(meet(&icd("under", "E11"), &icd("in", "E11.9")) && !meet(&icd("under", "E11"), &icd("in", "E10.9")));
    // a value set is its codes; a column is its name
    let dictionary = json!({
        "attribute": [
            {"category": "conditions", "kind": "flag", "name": "a", "any_of": [{"use": "condition", "valueset": "s"}]},
            {"category": "conditions", "kind": "flag", "name": "b", "any_of": [{"use": "observation", "codes": [{"system": "icd", "in": ["E11.9"]}]}]},
            {"category": "labs", "kind": "flag", "name": "c"},
        ],
        "format": "countersign-dictionary/1", "id": "test", "title": "T", "version": 1,
        "valueset": {"s": {"codes": [{"system": "icd", "under": ["E11"]}]}},
    });
    let dictionary = Dictionary::from_canonical(&canonical_json(&dictionary).unwrap()).unwrap();
    let [a, b, c] = [0, 1, 2].map(|i| dictionary.attribute(i).unwrap().sources());
    assert!(meet(a, b) && !meet(a, c) && c.len() == 1);
}

/// What one governance key could once stop a network with: bounds come before everything that grows with what was sent.
#[test]
fn hostile_sizes_are_refused_before_any_layout() {
    let edges: Vec<String> = (1..66_000).map(|e| e.to_string()).collect();
    let hostile = json!([{"category": "labs", "cuts": edges, "kind": "number", "name": "x", "range": ["0", "66000"]}]);
    assert!(read(hostile).unwrap_err().to_string().contains("cuts"));
    let levels: Vec<String> = (0..130_000).map(|l| format!("{l:x}")).collect();
    assert!(read(json!([{"category": "labs", "kind": "category", "levels": levels, "name": "x"}])).is_err());
    // a value set that is used again and again
    let codes: Vec<String> = (0..10_000).map(|c| c.to_string()).collect();
    let uses: Vec<Value> = (0..100).map(|_| json!({"use": "condition", "valueset": "s"})).collect();
    let dictionary = json!({
        "attribute": [{"category": "labs", "kind": "flag", "name": "x", "any_of": uses}],
        "format": "countersign-dictionary/1", "id": "test", "title": "T", "version": 1,
        "valueset": {"s": {"codes": [{"system": "s", "in": codes}]}},
    });
    let refused = Dictionary::from_canonical(&canonical_json(&dictionary).unwrap()).unwrap_err().to_string();
    assert!(refused.contains("codes"), "{refused}");
    // fewer edges than rows, and with what carries the values of a number more rows than there are; and some that fit
    let number = |edges: u32| {
        let edges: Vec<String> = (1..edges).map(|e| e.to_string()).collect();
        read(json!([{"category": "labs", "cuts": edges, "kind": "number", "name": "x", "range": ["0", "66000"]}]))
    };
    assert!(matches!(number(4_000), Err(DictionaryError::TooManyRows { rows: 4_500 })));
    number(3_500).unwrap();
}

#[test]
fn bands_below_zero_have_labels_that_can_be_read() {
    let value = json!([{"category": "labs", "cuts": ["-50", "0"], "kind": "number", "name": "x", "range": ["-100", "100"], "step": "0.1"}]);
    let labels: Vec<String> = read(value).unwrap().attributes()[0].bands().iter().map(|b| b.label.clone()).collect();
    assert_eq!(labels, ["<-50", "-50 to -0.1", ">=0"]);
}
