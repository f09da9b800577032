//! Lists of objects and links to them, against a server that checks signatures like S3.

use bytes::Bytes;
use cutline_aws::{ListedObject, ObjectPage};
use cutline_core::contract::Download as _;
use cutline_core::ports::Blobs as _;
use cutline_core::{Ids, StorageKey, SystemClock, SystemIds};

use crate::common::Browser;
use crate::links::{Sts, World};
use crate::server::Script;

#[tokio::test]
async fn a_link_reads_the_listed_object_and_nothing_else() {
    let world = World::new(&[Sts::Denied], SystemClock).await;
    let [one, two] = [SystemIds.job(), SystemIds.job()].map(|job| StorageKey::Source { job });
    for (key, bytes) in [(&one, Bytes::from_static(b"one")), (&two, Bytes::from_static(b"second"))] {
        world.bucket.put(key, bytes).await.expect("put");
    }
    let page = world.bucket.objects("sources/", None).await.expect("a list");
    let listed = |key: &StorageKey, bytes| ListedObject { key: key.to_string(), bytes };
    assert_eq!(page, ObjectPage { objects: vec![listed(&one, 3), listed(&two, 6)], next: None });
    assert_eq!(world.bucket.objects("drops/", None).await.expect("a list"), ObjectPage::default());

    let lifetime = std::time::Duration::from_secs(60);
    let link = world.bucket.presigned_link(&one.to_string(), lifetime).await.expect("a link");
    let answer = Browser::new().get(&link).await;
    assert_eq!((answer.status, answer.body.as_ref()), (200, &b"one"[..]));
    let other = link.as_str().replace(&one.to_string(), &two.to_string()).parse().expect("a URL");
    assert_eq!(Browser::new().get(&other).await.status, 403);
    assert_eq!(world.sts_calls(), 0, "signed with the caller's own credentials");
}

#[tokio::test]
async fn a_list_has_pages_and_its_faults_name_the_call() {
    let page = |key: &str, next: &str| {
        let list = format!(
            "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>{next}</NextContinuationToken>\
             <Contents><Key>{key}</Key><Size>7</Size></Contents></ListBucketResult>"
        );
        (200, list)
    };
    let script =
        Script::new([page("a&amp;b/ü.jpg", "t/1"), (403, "<Error><Code>AccessDenied</Code></Error>".to_owned())]);
    let bucket = script.aws().await.bucket("b");
    let first = bucket.objects("a", None).await.expect("a list");
    assert_eq!(first.objects, [ListedObject { key: "a&b/ü.jpg".to_owned(), bytes: 7 }]);
    let fault = bucket.objects("a", first.next).await.expect_err("a fault").to_string();
    assert!(fault.contains("s3:ListObjectsV2"), "{fault}");
}
