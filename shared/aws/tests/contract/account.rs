//! The emulator, and the resources that a test needs in it.

use std::time::Duration;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType,
};
use aws_sdk_sqs::types::QueueAttributeName;
use cutline_aws::config::QueueUrls;
use cutline_aws::{Aws, SqsLanes, SqsQueue};
use cutline_core::domain::job::Route;
use uuid::Uuid;

pub(crate) const REGION: &str = "eu-central-1";

/// The emulator, and a resource name unique to the test.
pub(crate) struct Account {
    pub(crate) endpoint: String,
    pub(crate) aws: Aws,
    pub(crate) name: String,
}

impl Account {
    pub(crate) async fn new() -> Self {
        let endpoint = std::env::var("CUTLINE_TEST_AWS_ENDPOINT").unwrap_or_else(|_| {
            panic!("CUTLINE_TEST_AWS_ENDPOINT is not set; `cargo xtask test` starts an emulator and sets it")
        });
        let aws = Aws::at(&endpoint, REGION, "test", "test").await;
        Self { aws, endpoint, name: format!("cutline-{}", Uuid::now_v7().simple()) }
    }

    /// An SDK configuration for creating resources.
    pub(crate) async fn sdk(&self) -> aws_config::SdkConfig {
        let credentials = aws_sdk_s3::config::Credentials::new("test", "test", None, None, "test");
        aws_config::defaults(aws_config::BehaviorVersion::v2026_01_12())
            .endpoint_url(&self.endpoint)
            .region(aws_config::Region::new(REGION))
            .credentials_provider(credentials)
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .load()
            .await
    }

    /// A table with the keys and indexes of `template.yaml`.
    pub(crate) async fn table(&self) -> cutline_aws::DynamoTable {
        let key = |name: &str, key_type| {
            KeySchemaElement::builder().attribute_name(name).key_type(key_type).build().expect("complete")
        };
        let attribute = |name: &str, kind| {
            AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build().expect("complete")
        };
        let index = |name: &str, range: &str, projection: Projection| {
            let index = GlobalSecondaryIndex::builder().index_name(name).projection(projection);
            let index = index.key_schema(key(name, KeyType::Hash)).key_schema(key(range, KeyType::Range));
            index.build().expect("complete")
        };
        let keys_only = Projection::builder().projection_type(ProjectionType::KeysOnly).build();
        let summary =
            Projection::builder().projection_type(ProjectionType::Include).non_key_attributes("summary").build();
        aws_sdk_dynamodb::Client::new(&self.sdk().await)
            .create_table()
            .table_name(&self.name)
            .billing_mode(BillingMode::PayPerRequest)
            .attribute_definitions(attribute("pk", ScalarAttributeType::S))
            .attribute_definitions(attribute("sk", ScalarAttributeType::S))
            .attribute_definitions(attribute("due", ScalarAttributeType::S))
            .attribute_definitions(attribute("due_at", ScalarAttributeType::N))
            .attribute_definitions(attribute("id", ScalarAttributeType::S))
            .attribute_definitions(attribute("by_owner", ScalarAttributeType::S))
            .attribute_definitions(attribute("by_external_id", ScalarAttributeType::S))
            .key_schema(key("pk", KeyType::Hash))
            .key_schema(key("sk", KeyType::Range))
            .global_secondary_indexes(index("due", "due_at", keys_only))
            .global_secondary_indexes(index("by_owner", "id", summary.clone()))
            .global_secondary_indexes(index("by_external_id", "id", summary))
            .send()
            .await
            .expect("a table");
        self.aws.table(&self.name)
    }

    pub(crate) async fn bucket(&self) -> cutline_aws::S3Bucket {
        use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
        let config = aws_sdk_s3::config::Builder::from(&self.sdk().await).force_path_style(true);
        let location = CreateBucketConfiguration::builder().location_constraint(BucketLocationConstraint::EuCentral1);
        aws_sdk_s3::Client::from_conf(config.build())
            .create_bucket()
            .bucket(&self.name)
            .create_bucket_configuration(location.build())
            .send()
            .await
            .expect("a bucket");
        self.aws.bucket(&self.name)
    }

    /// The live queue of jobs, and the dead-letter queue.
    pub(crate) async fn queues(&self, visibility: Duration, max_receives: u32) -> (SqsQueue, SqsQueue) {
        let (lanes, dead) = self.lanes(visibility, max_receives).await;
        (lanes.queue(Route::ALL[0]).clone(), dead)
    }

    /// The queues of jobs, and the dead-letter queue that takes their messages after `max_receives` deliveries.
    pub(crate) async fn lanes(&self, visibility: Duration, max_receives: u32) -> (SqsLanes, SqsQueue) {
        let sqs = aws_sdk_sqs::Client::new(&self.sdk().await);
        let visibility = visibility.as_secs().to_string();
        let create = |suffix: &str| {
            let name = format!("{}-{suffix}", self.name);
            sqs.create_queue().queue_name(name).attributes(QueueAttributeName::VisibilityTimeout, &visibility)
        };
        let dead = create("dead").send().await.expect("a queue").queue_url.expect("its URL");
        let attributes = sqs.get_queue_attributes().queue_url(&dead).attribute_names(QueueAttributeName::QueueArn);
        let attributes = attributes.send().await.expect("attributes").attributes.expect("attributes");
        let arn = &attributes[&QueueAttributeName::QueueArn];
        let redrive = format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":"{max_receives}"}}"#);
        let jobs = async |suffix: &str| {
            let queue = create(suffix).attributes(QueueAttributeName::RedrivePolicy, &redrive);
            queue.send().await.expect("a queue").queue_url.expect("its URL")
        };
        let urls = QueueUrls {
            queue_url: jobs("jobs").await,
            bulk_queue_url: jobs("bulk").await,
            intake_queue_url: jobs("intake").await,
            intake_bulk_queue_url: jobs("intake-bulk").await,
        };
        (self.aws.lanes(&urls), self.aws.queue(dead))
    }
}
