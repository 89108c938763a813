//! What each route answers, over HTTP, against a real chain.

use crate::common::{harness::*, *};
use countersign_circuits::{
    consent::{Day, ScopeRegistry},
    hash::Digest32,
};
use countersign_ledger::*;
use countersign_messages::*;
use reqwest::StatusCode;
use serde_json::{Value, json};

fn hex_id(value: &Value) -> Digest32 {
    value.as_str().unwrap().parse().unwrap()
}

/// [`Served::json`] does the reading.
#[tokio::test]
async fn every_answer_in_json_reads_back_as_its_type() {
    let served = serve().await;
    let transaction = served.json("/blocks/8").await["transactions"][1]["id"].clone();
    let proposal = served.json("/proposals").await["items"][0]["id"].clone();
    let dictionary = served.json("/dictionaries").await["items"][0]["digest"].clone();
    let hospital = id(HospitalA).to_string();
    let (study, query) = (served.study.to_string(), served.query.to_string());
    let enrolled = served.node.sign(HospitalA, enrol(served.node.state().network(), HospitalA, &[(7, 1)]));
    assert_eq!(served.post("?wait=20", &enrolled).await.status(), StatusCode::OK);
    let key = PatientKey::from(&patient(1).verifying_key()).to_string();
    let mut asked = 0;
    for (path, item) in schema::DOCUMENT["paths"].as_object().unwrap() {
        if !item["get"]["responses"]["200"]["content"]["application/json"].is_object() {
            continue;
        }
        let id = match path.split('/').nth(2).unwrap() {
            "transactions" => transaction.as_str().unwrap(),
            "proposals" => proposal.as_str().unwrap(),
            "studies" => &study,
            _ => &query,
        };
        let path = path
            .replace("{id}", id)
            .replace("{height}", "8")
            .replace("{hospital}", &hospital)
            .replace("{key}", &key)
            .replace("{member}", &hospital)
            .replace("{slot}", "7")
            .replace("{digest}", dictionary.as_str().unwrap());
        served.json(path.strip_prefix("/v1").unwrap()).await;
        asked += 1;
    }
    assert_eq!(asked, 21);
}

#[tokio::test]
async fn blocks() {
    let served = serve().await;
    let last = served.node.state().tip().height.0;
    let all = served.json("/blocks").await;
    assert_eq!((all["items"].as_array().unwrap().len() as u64, &all["last"], all.get("next")), (last, &json!(last), None));
    let page = served.json("/blocks?from=2&limit=3").await;
    let heights: Vec<u64> = page["items"].as_array().unwrap().iter().map(|h| h["height"].as_u64().unwrap()).collect();
    assert_eq!((heights, page["next"].as_u64()), (vec![2, 3, 4], Some(5)));
    let newest = served.json("/blocks?limit=1").await;
    assert_eq!((&newest["items"][0]["height"], newest.get("next")), (&json!(last), None));
    let beyond = served.json(&format!("/blocks?from={}", u64::MAX)).await;
    assert_eq!((beyond["items"].as_array().unwrap().len(), beyond.get("next")), (0, None));

    let block = served.json(&format!("/blocks/{last}")).await;
    let stored = served.node.store().block(Height(last)).await.unwrap().unwrap();
    assert_eq!(hex_id(&block["header"]["id"]), stored.block.header.id().0);
    assert_eq!(block["header"]["time"]["ms"], stored.block.header.time.0);
    assert_eq!(block["header"]["time"]["utc"], "2024-10-04T12:00:08.000Z");
    let signed = &block["certificate"]["signatures"][0];
    assert_eq!(signed["validator"], id(Validator).to_string());
    assert_eq!(signed["signature"], hex::encode(stored.certificate.signatures[0].1.0));
    let verdicts: Vec<_> = block["transactions"].as_array().unwrap().iter().map(|t| t["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts, ["rejected", "accepted", "accepted"]);
    assert_eq!(block["transactions"][0]["code"], "L179");
    assert_eq!(block["transactions"][1]["effect"]["kind"], "answered");

    let raw = served.get(&format!("/blocks/{last}/raw")).await;
    assert!(raw.headers()["cache-control"].to_str().unwrap().contains("immutable"));
    assert_eq!(raw.headers()["content-type"], "application/octet-stream");
    assert_eq!(Block::decode(&raw.bytes().await.unwrap()).unwrap(), stored.block);
    assert_eq!(served.bytes("/genesis").await, genesis().encode());
}

#[tokio::test]
async fn a_patients_key_is_found_and_leaves() {
    let served = serve().await;
    let network = served.node.state().network();
    let key = PatientKey::from(&patient(1).verifying_key());
    let path = format!("/patients/{key}");
    problem(served.get(&path).await, 404, "not-found").await;
    problem(served.get(&format!("{path}/uses")).await, 404, "not-found").await;
    problem(served.post("", &leave(network, 1, HospitalA, 7)).await, 409, "no-slot").await;

    let enrolled = served.node.sign(HospitalA, enrol(network, HospitalA, &[(7, 1), (8, 2)]));
    let sent: Value = served.post("?wait=20", &enrolled).await.json().await.unwrap();
    schema::check("post", "/transactions", 200, &sent);
    assert_eq!((&sent["effect"]["kind"], &sent["effect"]["keys"]), (&json!("enrolled"), &json!(2)));
    let slot = served.json(&path).await;
    assert_eq!((&slot["slot"], &slot["hospital"], slot.get("left")), (&json!(7), &json!(id(HospitalA).to_string()), None));
    assert_eq!(slot["transaction"], enrolled.id().0.to_string());

    // nobody else's key takes it out, and the own one only this slot
    problem(served.post("", &leave(network, 2, HospitalA, 7)).await, 409, "no-slot").await;
    problem(served.post("", &leave(network, 1, HospitalB, 7)).await, 409, "no-slot").await;
    let mut forged = leave(network, 1, HospitalA, 7);
    forged.signature.0[3] ^= 1;
    problem(served.post("", &forged).await, 403, "bad-signature").await;
    let left = served.post("?wait=20", &leave(network, 1, HospitalA, 7)).await;
    let left: Value = left.json().await.unwrap();
    assert_eq!(left["effect"]["slots"], json!({"key": 1, "word": 0, "source": 0}));
    let slot = served.json(&path).await;
    assert_eq!(slot["left"], json!({"height": left["height"], "by": "key"}));
    let again: Value = served.post("", &leave(network, 1, HospitalA, 7)).await.json().await.unwrap();
    assert_eq!(again, left, "sending it again is harmless");

    let anchored = served.json(&format!("/members/{}/slots/7", id(HospitalA))).await;
    assert_eq!((&anchored["slot"], &anchored["left"]), (&json!(7), &slot["left"]));
    let rows = anchored["rows"].as_array().unwrap();
    assert!(
        !rows.is_empty() && rows.iter().any(|row| row["studies"] == json!([1])) && rows.iter().any(|row| row["name"] == "consents"),
        "{rows:?}"
    );
    assert!(rows.iter().all(|row| row["segment"] == 0 && row["height"].as_u64().is_some()));
    for nothing in [format!("/members/{}/slots/1000000", id(HospitalA)), format!("/members/{}/slots/7", id(Validator))] {
        problem(served.get(&nothing).await, 404, "not-found").await;
    }

    // it was in force when the answer was made, and could be counted in it
    let uses = served.json(&format!("{path}/uses")).await;
    assert_eq!((&uses["total"], &uses["items"][0]["query"]), (&json!(1), &json!(served.query.0.to_string())));
    // a slot that had left before could not
    let record = served.node.state();
    assert!(record.uses(&id(HospitalA), 3).is_empty() && record.uses(&id(HospitalA), 1_000_000).is_empty());
}

#[tokio::test]
async fn transactions_are_sent_found_and_proven() {
    let served = serve().await;
    let transaction = served.withdrawal(4);
    let id = transaction.id();
    problem(served.get(&format!("/transactions/{id}")).await, 404, "not-found").await;
    let response = served.post("?wait=20", &transaction).await;
    assert_eq!(response.status(), StatusCode::OK);
    let sent: Value = response.json().await.unwrap();
    schema::check("post", "/transactions", 200, &sent);
    assert_eq!((&sent["verdict"], &sent["effect"]["slots"]["word"]), (&json!("accepted"), &json!(1)));
    assert_eq!(sent, served.json(&format!("/transactions/{id}")).await);

    // the paths lead to the roots of the header
    let header = served.json(&format!("/blocks/{}", sent["height"])).await["header"].clone();
    assert_eq!(header["id"], sent["block"]);
    for (path, root) in [("transaction_path", "transactions_root"), ("result_path", "results_root")] {
        let path = &sent[path];
        let number = |name: &str| path[name].as_u64().unwrap() as u32;
        let siblings = path["siblings"].as_array().unwrap().iter().map(hex_id).collect();
        let merkle = merkle::Path { index: number("index"), count: number("count"), siblings };
        assert!(merkle.verify(&hex_id(&path["leaf"]), &hex_id(&header[root])));
    }
    assert_eq!(hex_id(&sent["transaction_path"]["leaf"]), merkle::leaf(&id.0.0));

    // sending it again is harmless, and as JSON the same
    let again = served
        .post_bytes("", "application/json; charset=utf-8", json!({"bytes": hex::encode(transaction.encode())}).to_string().into())
        .await;
    assert_eq!((again.status(), again.json::<Value>().await.unwrap()), (StatusCode::OK, sent));

    // a transaction that breaks a rule is in a block with the reason
    let bad = served.post("?wait=20", &served.withdrawal(4)).await.json::<Value>().await.unwrap();
    assert_eq!((&bad["verdict"], &bad["code"]), (&json!("rejected"), &json!("L132")));
    assert!(bad["words"].as_str().unwrap().contains("already out of force"));
}

#[tokio::test]
async fn a_transaction_that_waits_is_queued_and_then_found() {
    let served = serve().await;
    served.node.set(Mood::Holding);
    let transaction = served.withdrawal(4);
    for _ in 0..2 {
        // the second time it is known already
        let response = served.post("", &transaction).await;
        assert_eq!(response.status(), StatusCode::ACCEPTED);
        let body = response.text().await.unwrap();
        let queued: Value = serde_json::from_str(&body).unwrap();
        schema::check("post", "/transactions", 202, &queued);
        shape::same::<json::Queued>(&body);
        assert_eq!(queued, json!({"id": transaction.id().to_string(), "status": "queued"}));
    }
    // whoever waits is told when the block comes
    let (waiting, block) = tokio::join!(served.post("?wait=25", &transaction), async {
        served.node.entered.notified().await;
        let held = std::mem::take(&mut *served.node.held.lock().unwrap());
        served.node.block(held).await
    });
    assert_eq!((waiting.status(), block.len()), (StatusCode::OK, 1));
}

#[tokio::test]
async fn studies_and_queries() {
    let served = serve().await;
    let (study, query) = (served.study, served.query);
    let studies = served.json("/studies").await;
    assert_eq!((&studies["total"], &studies["items"][0]["standing"]), (&json!(1), &json!("open")));
    let shown = served.json(&format!("/studies/{study}")).await;
    assert_eq!((&shown["title"], &shown["number"], &shown["expiry"]), (&json!("Heart"), &json!(1), &json!("2024-11-03")));
    assert_eq!(shown["accepted_by"][0]["hospital"], id(HospitalA).to_string());
    let approval = &shown["decisions"][0];
    assert_eq!((&approval["act"], &approval["by"]), (&json!("approve"), &json!(id(Board).to_string())));
    assert_eq!((&approval["signatures"][0]["office"], &approval["signatures"][1]["office"]), (&json!("chair"), &json!("secretary")));
    assert_eq!((&shown["waiting"], &shown["recused"]), (&json!([]), &json!([])));

    for path in ["/queries".to_owned(), format!("/queries?study={study}")] {
        let queries = served.json(&path).await;
        assert_eq!((&queries["total"], &queries["items"][0]["id"]), (&json!(1), &json!(query.to_string())));
    }
    assert_eq!(served.json(&format!("/queries?study={}", digest("other"))).await["total"], 0);
    let shown = served.json(&format!("/queries/{query}")).await;
    let sites = shown["status_by_site"].as_array().unwrap();
    assert_eq!((&shown["open"], sites.len()), (&json!(true), 2));
    assert_eq!((&sites[0]["status"], &sites[0]["asked"], &sites[0]["marked"]), (&json!("answered"), &json!(true), &json!(false)));
    assert_eq!(sites[0]["gates"]["released"], 1);
    assert_eq!((&sites[1]["status"], &sites[1]["asked"], &sites[1]["code"]), (&json!("declined"), &json!(false), &json!("Q30")));

    let (answered, declined) = (id(HospitalA), id(HospitalB));
    let answer = served.json(&format!("/queries/{query}/answers/{answered}")).await;
    assert_eq!((&answer["sealed"], &answer["k_min"]), (&json!(digest("sealed").to_string()), &json!(5)));
    problem(served.get(&format!("/queries/{query}/answers/{declined}")).await, 404, "not-found").await;
    let export = served.bytes(&format!("/queries/{query}/answers/{answered}/export")).await;
    let finding = light::AnswerExport::decode(&export).unwrap().check(&Script::default()).unwrap();
    assert_eq!((finding.answer.hospital, finding.block), (answered, served.node.state().tip().block));
    problem(served.get(&format!("/queries/{query}/answers/{declined}/export")).await, 404, "not-found").await;
}

#[tokio::test]
async fn what_a_board_has_begun_to_decide() {
    let served = serve().await;
    let (state, study) = (served.node.state(), served.study);
    let stop = decision_on(&state, Board, study, Act::Stop);
    let recuse = BoardStatement::Recuse { study, person: person(Board, Office::Deputy).key, reason: "a relative".into() };
    let sign = |ahead, office, statement| served.node.sign_ahead(Board, ahead, sign_statement(&state, Board, office, statement));
    let first = sign(0, Office::Chair, stop);
    let alone = sign(1, Office::Deputy, recuse);
    let results = served.node.block(vec![first.clone(), alone.clone()]).await;
    assert!(results.iter().all(|result| result.effect().is_some()), "{results:?}");
    let shown = served.json(&format!("/studies/{study}")).await;
    let waiting = &shown["waiting"][0];
    assert_eq!((&shown["standing"], &waiting["act"], &waiting["reason"]), (&json!("open"), &json!("stop"), &json!("stop for a reason")));
    assert_eq!((&waiting["board"], &waiting["signatures"][0]["office"]), (&json!(id(Board).to_string()), &json!("chair")));
    assert_eq!(shown["recused"], json!([person(Board, Office::Deputy).key.to_string()]));
    for (transaction, effect) in [(&first, "signed"), (&alone, "recused")] {
        let shown = served.json(&format!("/transactions/{}", transaction.id())).await;
        assert_eq!((&shown["kind"], &shown["effect"]["kind"]), (&json!("sign"), &json!(effect)), "{shown}");
    }
}

#[tokio::test]
async fn queries_that_nobody_answered() {
    let served = serve().await;
    let ask = Query {
        study: served.study,
        statement: filtered(0, 0),
        question: "men?".into(),
        deadline: served.node.state().tip().time.plus_ms(5_000),
    };
    let sent = served.post("?wait=20", &served.node.sign(Researcher, Payload::Query(ask))).await.json::<Value>().await.unwrap();
    let path = format!("/queries/{}", sent["id"].as_str().unwrap());
    assert_eq!(
        served.json(&path).await["status_by_site"][0],
        json!({"hospital": id(HospitalA).to_string(), "asked": true, "status": "open", "invalid": 0})
    );
    for _ in 0..3 {
        let answer = Answer {
            query: QueryId(TransactionId(hex_id(&sent["id"]))),
            height: served.node.state().tip().height,
            proof: b"bad".to_vec(),
            sealed: digest("sealed"),
        };
        served.post("?wait=20", &served.node.sign(HospitalA, Payload::Answer(answer))).await;
    }
    assert_eq!(served.json(&path).await["status_by_site"][0]["status"], "closed");
    for _ in 0..3 {
        served.node.block(vec![]).await;
    }
    let late = served.json(&path).await;
    assert_eq!((&late["open"], &late["status_by_site"][0]["status"]), (&json!(false), &json!("overdue")));
}

#[tokio::test]
async fn sealed_answers_are_kept_if_an_answer_names_them() {
    let served = serve().await;
    let (query, hospital) = (served.query, id(HospitalA));
    let path = format!("/blobs/{}", digest("sealed"));
    problem(served.get(&path).await, 404, "not-found").await;
    let put = async |hospital: MemberId, bytes: Vec<u8>| {
        let url = served.url(&format!("/blobs?query={query}&hospital={hospital}"));
        served.client.put(url).header("content-type", "application/octet-stream").body(bytes).send().await.unwrap()
    };
    for _ in 0..2 {
        let kept = put(hospital, b"sealed".to_vec()).await;
        assert_eq!(kept.status(), StatusCode::OK);
        let body = kept.text().await.unwrap();
        schema::check("put", "/blobs", 200, &serde_json::from_str(&body).unwrap());
        shape::same::<json::Kept>(&body);
    }
    assert_eq!(served.bytes(&path).await, b"sealed");
    problem(put(hospital, b"other".to_vec()).await, 409, "blob-not-named").await;
    problem(put(id(HospitalB), b"sealed".to_vec()).await, 404, "not-found").await;
    problem(put(hospital, vec![0; countersign_store::BLOB_BYTES_MAX + 1]).await, 413, "body-too-large").await;
    assert_eq!(served.node.store().blobs().await.unwrap(), [digest("sealed")]);
}

#[tokio::test]
async fn the_network() {
    let served = serve().await;
    let members = served.json("/members").await;
    assert_eq!(members["total"], 7);
    let hospital = members["items"].as_array().unwrap().iter().find(|m| m["name"] == "Hospital A").unwrap();
    assert_eq!((&hospital["roles"], &hospital["next_sequence"]), (&json!(["hospital"]), &json!(6)));
    let page = served.json("/members?offset=5&limit=1").await;
    assert_eq!((&page["items"][0], &page["next"]), (&members["items"][5], &json!(6)));
    let validators = served.json("/validators").await;
    assert_eq!((&validators["quorum"], &validators["members"]), (&json!(1), &json!([id(Validator).to_string()])));
    let last = served.json("/blocks?limit=1").await;
    assert_eq!(validators["digest"], last["items"][0]["validators"]);

    let dictionaries = served.json("/dictionaries").await;
    assert_eq!((&dictionaries["items"][0]["name"], &dictionaries["items"][0]["attributes"]), (&json!("test"), &json!(3)));
    let path = format!("/dictionaries/{}", dictionaries["items"][0]["digest"].as_str().unwrap());
    assert_eq!(served.bytes(&path).await, dictionary(), "byte for byte");
}

#[tokio::test]
async fn governance() {
    let served = serve().await;
    let proposals = served.json("/proposals").await;
    assert_eq!((&proposals["total"], &proposals["items"][0]["status"]), (&json!(1), &json!("in-force")));
    let first = served.json(&format!("/proposals/{}", proposals["items"][0]["id"].as_str().unwrap())).await;
    assert_eq!((&first["change"]["kind"], &first["votes"][0]["approve"]), (&json!("dictionary"), &json!(true)));
    assert_eq!(first["change"]["dictionary"], Digest32::of(&dictionary()).to_string());
    problem(served.get(&format!("/proposals/{}", digest("none"))).await, 404, "not-found").await;

    // a member is admitted: proposed, carried, in force, listed
    let admit = Change::Admit(member(GovernanceB, "Dr Costa", &[Role::Researcher]));
    let rules = Change::Rules(Rules { points_a_day: u64::MAX, ..rules() });
    let keys = Change::CircuitKeys(CircuitKeys { digest: other_keys_digest(), development: true });
    let registry = Change::Registry(ScopeRegistry { grid: vec![Day(21_000)], ..registry() });
    for (change, kind) in [(admit, "admit"), (rules, "rules"), (keys, "circuit-keys"), (registry, "registry")] {
        let sent = served.post("?wait=20", &served.node.sign(Governance, propose(change))).await.json::<Value>().await.unwrap();
        schema::check("post", "/transactions", 200, &sent);
        assert_eq!((&sent["effect"]["kind"], &sent["effect"]["standing"]["status"]), (&json!("proposed"), &json!("carried")), "{sent}");
        let shown = served.json(&format!("/proposals/{}", sent["id"].as_str().unwrap())).await;
        assert_eq!((&shown["change"]["kind"], &shown["status"]), (&json!(kind), &json!("in-force")));
        if kind == "rules" {
            assert_eq!(shown["change"]["points_a_day"], "18446744073709551615", "numbers above 2^53 are strings");
        }
    }
    assert_eq!(served.json("/members").await["total"], 8);
    assert_eq!(served.json("/proposals?offset=4").await["items"][0]["number"], 5);
}

#[tokio::test]
async fn the_node() {
    let served = serve().await;
    let sync = served.json("/sync").await;
    assert_eq!((&sync["height"], &sync["progress"], &sync["behind"]), (&json!(8), &json!("current"), &json!(0)));
    assert_eq!((&sync["alerts"][0]["code"], &sync["peers"][0]["connected"]), (&json!("A01"), &json!(true)));
    served.json("/health").await;
    served.json("/ready").await;
    *served.node.progress.lock().unwrap() = countersign_api::Progress::Syncing;
    served.json("/health").await;
    problem(served.get("/ready").await, 503, "syncing").await;
    *served.node.progress.lock().unwrap() = countersign_api::Progress::Stuck { since_ms: START.0 };
    assert!(problem(served.get("/health").await, 503, "stuck").await.contains("2024-10-04T12:00:00.000Z"));
    problem(served.get("/ready").await, 503, "stuck").await;
    assert_eq!(served.json("/sync").await["since"]["ms"], START.0);
    let document = served.json("/openapi.json").await;
    assert_eq!(document, *schema::DOCUMENT);
}

#[tokio::test]
async fn metrics_are_in_prometheus_text() {
    let served = serve().await;
    served.get("/blocks/1").await;
    served.get("/blocks/2").await;
    served.get("/none").await;
    let response = served.get("/metrics").await;
    assert_eq!(response.headers()["content-type"], "text/plain; version=0.0.4");
    let text = response.text().await.unwrap();
    for line in [
        "countersign_http_requests_total{route=\"/v1/blocks/{height}\",method=\"GET\",status=\"200\"} ",
        "countersign_http_requests_total{route=\"none\",method=\"GET\",status=\"404\"} ",
        "# TYPE countersign_http_request_seconds ",
        "# HELP countersign_node_height ",
        "countersign_node_height ",
        "countersign_node_peers_connected 1",
        "countersign_http_connections ",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    assert!(!text.contains("/blocks/1"), "labels are patterns, not paths");
    for line in text.lines().filter(|l| !l.is_empty() && !l.starts_with('#')) {
        let (_, value) = line.rsplit_once(' ').unwrap();
        assert!(value.parse::<f64>().is_ok(), "{line}");
    }
}

#[tokio::test]
async fn answers_carry_the_headers_against_misuse() {
    let served = serve().await;
    for path in ["/sync", "/blocks/1", "/none"] {
        let response = served.get(path).await;
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(response.headers()[name], value, "{path}");
        }
        assert!(!response.headers().contains_key("access-control-allow-origin"));
    }
}
