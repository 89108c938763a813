use super::*;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

/// Reads a text and writes it again.
fn again<T: DeserializeOwned + Serialize>(text: &str) -> String {
    serde_json::to_string(&serde_json::from_str::<T>(text).unwrap()).unwrap()
}

fn id(digit: &str) -> String {
    digit.repeat(64)
}

#[test]
fn what_is_seldom_sent_reads_back_byte_for_byte() {
    let (a, b) = (id("a"), id("b"));
    let leavers = r#"{"key":1,"word":2,"source":3}"#;
    assert_eq!(again::<Leavers>(leavers), leavers);
    let gates = r#"{"released":1,"small":2,"withheld_overlap":3,"withheld_dominance":4,"withheld_local":5}"#;
    for status in [
        r#""status":"open","invalid":2"#.to_owned(),
        r#""status":"overdue""#.to_owned(),
        r#""status":"closed""#.to_owned(),
        format!(r#""status":"answered","height":7,"transaction":"{b}","gates":{gates},"marked":true"#),
        format!(r#""status":"declined","code":"Q30","reason":"\u001b\"no","height":7,"transaction":"{b}","after_acceptance":false"#),
    ] {
        let text = format!(r#"{{"hospital":"{a}","asked":true,{status}}}"#);
        assert_eq!(again::<SiteOfQuery>(&text), text);
    }
    for (standing, word, pending) in [
        (r#"{"status":"open"}"#, "open", true),
        (r#"{"status":"carried","due":18446744073709551615}"#, "carried", true),
        (r#"{"status":"in-force","since":8}"#, "in-force", false),
        (r#"{"status":"refused","decided":8}"#, "refused", false),
        (r#"{"status":"expired","decided":8}"#, "expired", false),
        (r#"{"status":"lapsed","decided":8,"code":"L150"}"#, "lapsed", false),
    ] {
        assert_eq!(again::<ProposalStanding>(standing), standing);
        let read: ProposalStanding = serde_json::from_str(standing).unwrap();
        assert_eq!((read.to_string().as_str(), read.is_pending()), (word, pending));
        let voted = format!(
            r#"{{"id":"{a}","position":0,"kind":"vote","signer":"{b}","sequence":3,"verdict":"accepted","effect":{{"kind":"voted","proposal":"{a}","approve":true,"tally":{{"approve":1,"reject":0,"voters":3}},"standing":{standing}}}}}"#
        );
        assert_eq!(again::<TransactionSummary>(&voted), voted);
    }
    for (progress, word) in [
        (r#"{"progress":"current"}"#, "current"),
        (r#"{"progress":"syncing"}"#, "syncing"),
        (r#"{"progress":"stuck","since":{"ms":1,"utc":"1970-01-01T00:00:00.001Z"}}"#, "stuck"),
    ] {
        assert_eq!(again::<Progress>(progress), progress);
        assert_eq!(serde_json::from_str::<Progress>(progress).unwrap().to_string(), word);
    }
    for change in
        [format!(r#"{{"kind":"remove","member":"{a}"}}"#), r#"{"kind":"registry","scopes":["x"],"dates":["2031-12-31"]}"#.to_owned()]
    {
        assert_eq!(again::<Change>(&change), change);
    }
}

/// A status as a gateway sends it.
fn sync() -> Value {
    let time = json!({"ms": 1, "utc": "1970-01-01T00:00:00.001Z"});
    json!({
        "name": "a", "roles": ["gateway"], "version": "0.1.0", "network": id("0"), "height": 7, "time": time, "behind": 0, "progress": "current",
        "peers": [{"member": id("1"), "connected": true, "transport": "quic"}], "mempool_transactions": 0, "mempool_bytes": 0, "alerts": []
    })
}

#[test]
fn a_newer_gateway_may_say_more() {
    let mut said = sync();
    said["more"] = json!({"deep": [1, 2, {"er": null}]});
    said["peers"][0]["more"] = json!(1.5);
    let read: Sync = serde_json::from_value(said).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), sync());
}

#[test]
fn what_is_no_answer_is_refused() {
    for (field, value) in [
        ("network", json!("00")),
        ("network", json!(id("g"))),
        ("network", json!(null)),
        ("height", json!(-1)),
        ("height", json!(1.5)),
        ("height", json!("7")),
        ("progress", json!("sideways")),
        ("progress", json!("stuck")),
        ("peers", json!({})),
        ("peers", json!([null])),
        ("name", json!(7)),
    ] {
        let mut said = sync();
        said[field] = value;
        assert!(serde_json::from_value::<Sync>(said.clone()).is_err(), "{said}");
    }
    for text in ["", "{}", "[]", "null", "7", "\"x\"", "{", "[[[["] {
        assert!(serde_json::from_str::<Sync>(text).is_err(), "{text}");
    }
    let deep = format!(r#"{{"items":{}"#, "[".repeat(1 << 20));
    assert!(serde_json::from_str::<Page<Member>>(&deep).is_err());
    let deep = format!(r#"{{"more":{}"#, "[".repeat(1 << 20));
    assert!(serde_json::from_str::<Sync>(&deep).is_err());
    let signed = |signature: &str| format!(r#"{{"round":0,"signatures":[{{"validator":"{}","signature":"{signature}"}}]}}"#, id("1"));
    assert!(serde_json::from_str::<Certificate>(&signed(&"0".repeat(128))).is_ok());
    for bad in ["", "0", &"0".repeat(127), &"0".repeat(130), &"g".repeat(128)] {
        assert!(serde_json::from_str::<Certificate>(&signed(bad)).is_err(), "{bad}");
    }
}

#[test]
fn a_certificate_comes_back_as_it_was() {
    use crate::{BlockId, Height, MemberId, Signature};
    use countersign_circuits::hash::Digest32;

    let signatures = vec![(MemberId([1; 32]), Signature([2; 64])), (MemberId([3; 32]), Signature([4; 64]))];
    let block = BlockId(Digest32([5; 32]));
    let certificate = crate::Certificate { height: Height(7), round: 1, block, signatures };
    let text = serde_json::to_string(&Certificate::from(&certificate)).unwrap();
    assert_eq!(serde_json::from_str::<Certificate>(&text).unwrap().of_block(Height(7), block), certificate);
}
