//! Parameter sets: the requests to DynamoDB, and how its answers are read.

use cutline_core::contract::samples;
use cutline_core::domain::params::SetName;
use cutline_core::ports::{ParamSets, PortError, Precondition, PutSetError, StoredSet, WriteError};
use cutline_core::{Ids, SystemIds};
use serde_json::{Value, json};

use crate::server::Script;

fn name() -> SetName {
    "Test-Api".parse().expect("a name")
}

fn stored() -> StoredSet {
    StoredSet { name: name(), revision: SystemIds.revision(), updated_at: samples::now(), set: samples::set() }
}

fn error(code: &str) -> (u16, String) {
    (400, format!(r#"{{"__type":"com.amazonaws.dynamodb.v20120810#{code}","message":"no reason given"}}"#))
}

fn answer(body: Value) -> (u16, String) {
    (200, body.to_string())
}

/// The requests so far.
fn requests(script: &Script) -> Vec<Value> {
    script.requests().iter().map(|body| serde_json::from_str(body).expect("JSON")).collect()
}

#[tokio::test]
async fn lists_sets_page_by_page_without_their_documents() {
    let (owner, set) = (samples::owner(), stored());
    let listed_item = |name: &str| {
        let (revision, updated_at) = (serde_json::to_value(set.revision).expect("text"), set.updated_at.to_string());
        json!({ "name": {"S": name}, "revision": {"S": revision}, "updated_at": {"S": updated_at} })
    };
    let key = json!({ "pk": {"S": format!("owner#{owner}")}, "sk": {"S": "set#b"} });
    let script = Script::new([
        answer(json!({ "Items": [listed_item("a"), listed_item("b")], "LastEvaluatedKey": key })),
        answer(json!({ "Items": [listed_item("c")] })),
    ]);
    let listed = script.aws().await.table("t").list(&owner, None, 100).await.expect("a list");
    let expected = ["a", "b", "c"].map(|name| (name.parse().expect("a name"), set.revision, set.updated_at));
    assert_eq!(listed, expected);

    let requests = requests(&script);
    assert_eq!(requests.len(), 2);
    for request in &requests {
        assert_eq!(request["ConsistentRead"], true);
        assert_eq!(request["ProjectionExpression"], "#name, revision, updated_at");
        let values = json!({
            ":owner": {"S": format!("owner#{owner}")}, ":from": {"S": "set#"}, ":end": {"S": "set#~"},
        });
        assert_eq!(request["ExpressionAttributeValues"], values);
    }
    assert_eq!(requests[1]["ExclusiveStartKey"], key);
}

#[tokio::test]
async fn reads_no_more_pages_than_a_part_of_the_list_needs() {
    let (owner, set) = (samples::owner(), stored());
    let item = json!({
        "name": {"S": "b"}, "revision": {"S": serde_json::to_value(set.revision).expect("text")},
        "updated_at": {"S": set.updated_at.to_string()},
    });
    let key = json!({ "pk": {"S": format!("owner#{owner}")}, "sk": {"S": "set#b"} });
    let script = Script::new([answer(json!({ "Items": [item], "LastEvaluatedKey": key }))]);
    let from = "a".parse().expect("a name");
    let listed = script.aws().await.table("t").list(&owner, Some(&from), 1).await.expect("a list");
    assert_eq!(listed.len(), 1);
    let requests = requests(&script);
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0]["ExpressionAttributeValues"][":from"], json!({ "S": "set#a" }));
    assert_eq!(requests[0]["Limit"], 1);
}

#[tokio::test]
async fn counts_the_owners_sets_before_a_new_one_is_stored() {
    let (owner, set) = (samples::owner(), stored());
    let missing = || answer(json!({}));
    let counted = |count: usize, more: bool| {
        let key = json!({ "pk": {"S": format!("owner#{owner}")}, "sk": {"S": "set#b"} });
        answer(if more { json!({ "Count": count, "LastEvaluatedKey": key }) } else { json!({ "Count": count }) })
    };
    for precondition in [Precondition::Any, Precondition::Absent] {
        let script = Script::new([missing(), counted(600, true), counted(399, false), missing()]);
        let made = script.aws().await.table("t").put(&owner, &set, &precondition).await;
        assert!(matches!(made, Ok(false)), "{made:?}");
        let requests = self::requests(&script);
        assert_eq!(requests.len(), 4);
        assert!(requests[1..3].iter().all(|request| request["Select"] == "COUNT" && request["ConsistentRead"] == true));
        assert_eq!(requests[3]["Item"]["sk"], json!({ "S": "set#Test-Api" }));

        let script = Script::new([missing(), counted(600, true), counted(400, true)]);
        let refused = script.aws().await.table("t").put(&owner, &set, &precondition).await;
        assert!(matches!(refused, Err(PutSetError::TooMany)), "{refused:?}");
        assert_eq!(self::requests(&script).len(), 3, "neither the rest is counted nor the set stored");
    }
    let existing = || answer(json!({ "Item": {"pk": {"S": "owner#x"}} }));
    let script = Script::new([existing(), answer(json!({ "Attributes": {"pk": {"S": "owner#x"}} }))]);
    let replaced = script.aws().await.table("t").put(&owner, &set, &Precondition::Any).await;
    assert!(matches!(replaced, Ok(true)), "{replaced:?}");
    assert_eq!(requests(&script).len(), 2, "replacing needs no count");
}

#[tokio::test]
async fn a_change_returns_whether_there_was_a_set() {
    let (owner, set) = (samples::owner(), stored());
    let old = || answer(json!({ "Attributes": {"pk": {"S": "owner#x"}} }));
    let none = || answer(json!({}));
    for (answer, existed) in [(old(), true), (none(), false)] {
        // The set is looked up, so it is a replacement and needs no count.
        let found = self::answer(json!({ "Item": {"pk": {"S": "owner#x"}} }));
        let script = Script::new([found, answer]);
        let table = script.aws().await.table("t");
        assert_eq!(table.put(&owner, &set, &Precondition::Any).await.expect("put"), existed);
        assert_eq!(table.delete(&owner, &set.name, &Precondition::Any).await.expect("delete"), existed);
        for request in &requests(&script)[1..] {
            assert_eq!(request["ReturnValues"], "ALL_OLD");
            assert!(request.get("ConditionExpression").is_none(), "{request}");
        }
    }
}

#[tokio::test]
async fn dynamodb_checks_preconditions() {
    let (owner, set) = (samples::owner(), stored());
    let one_of = Precondition::OneOf(vec![SystemIds.revision(), set.revision]);
    for (precondition, condition) in [
        (&Precondition::Absent, "attribute_not_exists(pk)"),
        (&Precondition::Present, "attribute_exists(pk)"),
        (&one_of, "revision IN ("),
    ] {
        let found = answer(json!({ "Item": {"pk": {"S": "owner#x"}} }));
        let looked_up = precondition.allows(None).then_some(found);
        let lookups = usize::from(looked_up.is_some());
        let script = Script::new(looked_up.into_iter().chain([error("ConditionalCheckFailedException")]));
        let table = script.aws().await.table("t");
        let put = table.put(&owner, &set, precondition).await;
        assert!(matches!(put, Err(PutSetError::Conflict)), "{precondition:?}: {put:?}");
        let deleted = table.delete(&owner, &set.name, precondition).await;
        assert!(matches!(deleted, Err(WriteError::Conflict)), "{precondition:?}: {deleted:?}");
        for request in &requests(&script)[lookups..] {
            let sent = request["ConditionExpression"].as_str().expect("a condition");
            assert!(sent.starts_with(condition), "{sent}");
        }
    }
    // No request is sent for a precondition that nothing can meet or that DynamoDB cannot express.
    let script = Script::new([answer(json!({}))]);
    let table = script.aws().await.table("t");
    let put = table.put(&owner, &set, &Precondition::OneOf(Vec::new())).await;
    assert!(matches!(put, Err(PutSetError::Conflict)), "{put:?}");
    let too_many = Precondition::OneOf((0..101).map(|_| SystemIds.revision()).collect());
    let deleted = table.delete(&owner, &set.name, &too_many).await;
    assert!(matches!(deleted, Err(WriteError::Port(PortError::Fail(_)))), "{deleted:?}");
    assert!(requests(&script).is_empty());
}

#[tokio::test]
async fn classifies_errors_by_their_code() {
    let (owner, set) = (samples::owner(), stored());
    for (code, transient) in [("ThrottlingException", true), ("AccessDeniedException", false)] {
        let table = Script::new([error(code)]).aws().await.table("t");
        let as_expected = |fault: &PortError| matches!(fault, PortError::Retry(_)) == transient;
        assert!(table.get(&owner, &set.name).await.is_err_and(|fault| as_expected(&fault)), "{code}");
        assert!(table.list(&owner, None, 10).await.is_err_and(|fault| as_expected(&fault)), "{code}");
        let put = table.put(&owner, &set, &Precondition::Any).await;
        assert!(matches!(&put, Err(PutSetError::Port(fault)) if as_expected(fault)), "{code}: {put:?}");
        let deleted = table.delete(&owner, &set.name, &Precondition::Any).await;
        assert!(matches!(&deleted, Err(WriteError::Port(fault)) if as_expected(fault)), "{code}: {deleted:?}");
    }
    let item = json!({ "Item": {"pk": {"S": "owner#x"}, "sk": {"S": "set#x"}, "name": {"S": "x"}} });
    let found = Script::new([answer(item)]).aws().await.table("t").get(&owner, &set.name).await;
    assert!(matches!(&found, Err(PortError::Fail(_))), "{found:?}");
    assert!(found.is_err_and(|fault| fault.to_string().contains("set#Test-Api")), "the message names the item");
}
