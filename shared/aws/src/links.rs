//! Presigned links to outputs, signed by a role that can read outputs and nothing else.
//!
//! A link grants what its signer may do, and ends with the signer's credentials. The function's own credentials may
//! do more, and expire at a time we do not choose. So links are signed with a session of the delivery role. A session
//! of a role assumed from another role's session lasts an hour at most.
//!
//! Nothing runs between calls: a call that finds the session too old renews it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_s3::config::{Credentials, IdentityCache};
use aws_sdk_s3::presigning::PresigningConfig;
use cutline_core::domain::file_name::{FileName, content_disposition};
use cutline_core::ports::{Link, Links, PortError};
use cutline_core::{Clock, StorageKey};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;
use url::Url;

use crate::error::{AwsError, fault};
use crate::sdk::s3_config;

const ASSUME: &str = "sts:AssumeRole";
const SIGN: &str = "s3:presign";

/// The longest lifetime of a link, and of a session.
const MAX_LIFETIME: SignedDuration = SignedDuration::from_secs(60 * 60);

/// The shortest lifetime of a link.
const MIN_LIFETIME: SignedDuration = SignedDuration::from_secs(15 * 60);

/// A session with less than this left is renewed. After a failed renewal, the margin leaves time for more attempts
/// before links get too short.
const RENEW_BELOW: SignedDuration = SignedDuration::from_secs(30 * 60);

/// [`Links`] to the objects of an S3 bucket.
pub struct S3Links {
    config: SdkConfig,
    sts: aws_sdk_sts::Client,
    bucket: String,
    role_arn: String,
    clock: Arc<dyn Clock>,
    session: Mutex<Option<Session>>,
}

/// A session of the delivery role.
#[derive(Clone)]
struct Session {
    signer: aws_sdk_s3::Client,
    expires_at: Timestamp,
}

impl Session {
    fn has_left(&self, min: SignedDuration, now: Timestamp) -> bool {
        self.expires_at.duration_since(now) >= min
    }
}

impl S3Links {
    pub(crate) fn new(config: &SdkConfig, bucket: String, role_arn: String, clock: Arc<dyn Clock>) -> Self {
        let sts = aws_sdk_sts::Client::new(config);
        Self { config: config.clone(), sts, bucket, role_arn, clock, session: Mutex::default() }
    }

    /// A session that lasts long enough. Of several concurrent calls, one renews it and the others wait.
    async fn session(&self, now: Timestamp) -> Result<Session, PortError> {
        let mut current = self.session.lock().await;
        if let Some(session) = current.as_ref().filter(|session| session.has_left(RENEW_BELOW, now)) {
            return Ok(session.clone());
        }
        match (self.assume(now).await, current.as_ref()) {
            (Ok(session), _) => Ok(current.insert(session).clone()),
            (Err(error), Some(old)) if old.has_left(MIN_LIFETIME, now) => {
                tracing::warn!(%error, "cannot renew the delivery role's session; using the current one");
                Ok(old.clone())
            }
            (Err(error), _) => Err(error),
        }
    }

    /// A new session of the delivery role.
    async fn assume(&self, now: Timestamp) -> Result<Session, PortError> {
        let request = self
            .sts
            .assume_role()
            .role_arn(&self.role_arn)
            .role_session_name("cutline-delivery")
            .duration_seconds(i32::try_from(MAX_LIFETIME.as_secs()).unwrap_or(i32::MAX));
        let answer = request.send().await.map_err(|error| fault(ASSUME, error))?;
        let no_session =
            |detail: &str| AwsError::Failed { operation: ASSUME, detail: detail.to_owned(), transient: true };
        let session = answer.credentials.ok_or_else(|| no_session("no credentials in the answer"))?;
        let expiry = SystemTime::try_from(session.expiration).map_err(|_| no_session("invalid expiration"))?;
        let expires_at = Timestamp::try_from(expiry).map_err(|_| no_session("invalid expiration"))?;
        let credentials = Credentials::new(
            session.access_key_id,
            session.secret_access_key,
            Some(session.session_token),
            Some(expiry),
            "delivery role",
        );
        let config =
            s3_config(&self.config).credentials_provider(credentials).identity_cache(IdentityCache::no_cache());
        let session = Session { signer: aws_sdk_s3::Client::from_conf(config.build()), expires_at };
        if session.has_left(MIN_LIFETIME, now) {
            Ok(session)
        } else {
            Err(no_session("the session expires too soon, or the clock is wrong").into())
        }
    }
}

#[async_trait]
impl Links for S3Links {
    async fn sign(&self, key: &StorageKey, file_name: Option<&FileName>) -> Result<Link, PortError> {
        let unsigned = |detail: String| AwsError::Failed { operation: SIGN, detail, transient: false };
        // Signatures count whole seconds; round down.
        let now = self.clock.now();
        let now = Timestamp::from_second(now.as_second()).unwrap_or(now);
        let session = self.session(now).await?;
        let lifetime = session.expires_at.duration_since(now).min(MAX_LIFETIME);
        let presigning = PresigningConfig::builder()
            .start_time(now.into())
            .expires_in(Duration::try_from(lifetime).map_err(|error| unsigned(error.to_string()))?)
            .build()
            .map_err(|error| unsigned(error.to_string()))?;
        let request = session
            .signer
            .get_object()
            .bucket(&self.bucket)
            .key(key.to_string())
            .set_response_content_disposition(file_name.map(|name| content_disposition(name.as_str())))
            .presigned(presigning)
            .await
            .map_err(|error| fault(SIGN, error))?;
        let url = Url::parse(request.uri()).map_err(|error| unsigned(error.to_string()))?;
        Ok(Link { url, expires_at: now + lifetime })
    }
}
