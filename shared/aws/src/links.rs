//! Links to outputs, signed as a role that can read outputs and nothing else.
//!
//! A link can do what its signer can, and dies with the credentials that signed it. So they are not the
//! function's own, which can do more and end at a time that is not ours to choose, but a session of the
//! delivery role. Of a role that is assumed from another role's session, one lasts an hour at most.
//!
//! Nothing runs between two calls: a session is renewed by the call that finds it too old.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_s3::config::{Credentials, IdentityCache};
use aws_sdk_s3::presigning::PresigningConfig;
use cutline_core::ports::{Link, Links, PortError};
use cutline_core::{Clock, StorageKey};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;
use url::Url;

use crate::client::s3_config;
use crate::error::{AwsError, fault};

const ASSUME: &str = "sts:AssumeRole";
const SIGN: &str = "signing a link";

/// The longest that a link holds, and a session lasts.
const LONGEST: SignedDuration = SignedDuration::from_secs(60 * 60);

/// The shortest that a link holds.
const SHORTEST: SignedDuration = SignedDuration::from_secs(15 * 60);

/// A session with less than this left is renewed, so that a renewal that fails can be tried again for a
/// while before links get too short.
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

/// A client that signs as the delivery role, for as long as the session lasts.
#[derive(Clone)]
struct Session {
    signer: aws_sdk_s3::Client,
    ends: Timestamp,
}

impl Session {
    fn has_left(&self, least: SignedDuration, now: Timestamp) -> bool {
        self.ends.duration_since(now) >= least
    }
}

impl S3Links {
    pub(crate) fn new(config: &SdkConfig, bucket: String, role_arn: String, clock: Arc<dyn Clock>) -> Self {
        let sts = aws_sdk_sts::Client::new(config);
        Self { config: config.clone(), sts, bucket, role_arn, clock, session: Mutex::default() }
    }

    /// A session that lasts long enough. Of several calls at once, one renews it and the others wait.
    async fn session(&self, now: Timestamp) -> Result<Session, PortError> {
        let mut held = self.session.lock().await;
        if let Some(session) = held.as_ref().filter(|session| session.has_left(RENEW_BELOW, now)) {
            return Ok(session.clone());
        }
        match (self.assume(now).await, held.as_ref()) {
            (Ok(session), _) => Ok(held.insert(session).clone()),
            (Err(error), Some(old)) if old.has_left(SHORTEST, now) => {
                tracing::warn!(%error, "the delivery role's session could not be renewed; the old one still holds");
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
            .duration_seconds(i32::try_from(LONGEST.as_secs()).unwrap_or(i32::MAX));
        let answer = request.send().await.map_err(|error| fault(ASSUME, error))?;
        let no_session =
            |detail: &str| AwsError::Failed { operation: ASSUME, detail: detail.to_owned(), transient: true };
        let given = answer.credentials.ok_or_else(|| no_session("no credentials in the answer"))?;
        let expires = SystemTime::try_from(given.expiration).map_err(|_| no_session("the session has no end"))?;
        let ends = Timestamp::try_from(expires).map_err(|_| no_session("the session has no end"))?;
        let credentials = Credentials::new(
            given.access_key_id,
            given.secret_access_key,
            Some(given.session_token),
            Some(expires),
            "delivery role",
        );
        let config =
            s3_config(&self.config).credentials_provider(credentials).identity_cache(IdentityCache::no_cache());
        let session = Session { signer: aws_sdk_s3::Client::from_conf(config.build()), ends };
        if session.has_left(SHORTEST, now) {
            Ok(session)
        } else {
            Err(no_session("the session ends too soon, or the clock is wrong").into())
        }
    }
}

#[async_trait]
impl Links for S3Links {
    async fn sign(&self, key: &StorageKey) -> Result<Link, PortError> {
        let unsigned = |detail: String| AwsError::Failed { operation: SIGN, detail, transient: false };
        // A signature counts in whole seconds, from the one that has begun.
        let now = self.clock.now();
        let now = Timestamp::from_second(now.as_second()).unwrap_or(now);
        let session = self.session(now).await?;
        let lifetime = session.ends.duration_since(now).min(LONGEST);
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
            .presigned(presigning)
            .await
            .map_err(|error| fault(SIGN, error))?;
        let url = Url::parse(request.uri()).map_err(|error| unsigned(error.to_string()))?;
        Ok(Link { url, expires_at: now + lifetime })
    }
}
