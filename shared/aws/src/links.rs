//! Presigned links to outputs, signed by a role that can read outputs and nothing else.

use std::sync::Arc;

use async_trait::async_trait;
use aws_config::SdkConfig;
use cutline_core::domain::file_name::{FileName, content_disposition};
use cutline_core::ports::{Link, Links, PortError};
use cutline_core::{Clock, StorageKey};
use url::Url;

use crate::error::fault;
use crate::role_session::{RoleSession, SIGN, Signer, unsigned};

/// [`Links`] to the objects of an S3 bucket.
pub struct S3Links {
    session: RoleSession,
    bucket: String,
}

impl S3Links {
    pub(crate) fn new(config: &SdkConfig, bucket: String, role_arn: String, clock: Arc<dyn Clock>) -> Self {
        Self { session: RoleSession::new(config, role_arn, "cutline-delivery", clock), bucket }
    }
}

#[async_trait]
impl Links for S3Links {
    async fn sign(&self, key: &StorageKey, file_name: Option<&FileName>) -> Result<Link, PortError> {
        let Signer { client, presigning, expires_at } = self.session.signer().await?;
        let request = client
            .get_object()
            .bucket(&self.bucket)
            .key(key.to_string())
            .set_response_content_disposition(file_name.map(|name| content_disposition(name.as_str())))
            .presigned(presigning);
        let request = request.await.map_err(|error| fault(SIGN, error))?;
        let url = Url::parse(request.uri()).map_err(|error| unsigned(error.to_string()))?;
        Ok(Link { url, expires_at })
    }
}
