//! Presigned links to upload files under `uploads/`, signed by a role that can write there and nothing else.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use aws_config::SdkConfig;
use cutline_core::Clock;
use cutline_core::domain::upload::Upload;
use cutline_core::ports::{Link, PortError, UploadLinks};
use url::Url;

use crate::error::fault;
use crate::role_session::{RoleSession, SIGN, Signer, unsigned};

/// [`UploadLinks`] to an S3 bucket.
pub struct S3UploadLinks {
    session: RoleSession,
    bucket: String,
}

impl S3UploadLinks {
    pub(crate) fn new(config: &SdkConfig, bucket: String, role_arn: String, clock: Arc<dyn Clock>) -> Self {
        Self { session: RoleSession::new(config, role_arn, "cutline-upload", clock), bucket }
    }
}

#[async_trait]
impl UploadLinks for S3UploadLinks {
    async fn sign(&self, upload: &Upload) -> Result<Link, PortError> {
        let Signer { client, presigning, expires_at } = self.session.signer().await?;
        let size = i64::try_from(upload.request.size).map_err(|error| unsigned(error.to_string()))?;
        let request = client
            .put_object()
            .bucket(&self.bucket)
            .key(upload.key.object())
            .content_type(upload.request.content_type.as_str())
            .content_length(size)
            .set_checksum_sha256(upload.request.sha256.map(|digest| digest.to_base64()))
            .presigned(presigning);
        let request = request.await.map_err(|error| fault(SIGN, error))?;
        let url = Url::parse(request.uri()).map_err(|error| unsigned(error.to_string()))?;
        check_signed(upload, &url)?;
        Ok(Link { url, expires_at })
    }
}

/// Checks that a link signs the announced headers and no others: a header that is not signed could be left out or changed
/// (<https://github.com/awslabs/aws-sdk-rust/issues/1103>), and the client could not know of another one.
fn check_signed(upload: &Upload, url: &Url) -> Result<(), PortError> {
    let signed = url.query_pairs().find(|(name, _)| name == "X-Amz-SignedHeaders");
    let signed = signed.map(|(_, names)| names.into_owned()).unwrap_or_default();
    let signed: BTreeSet<&str> = signed.split(';').collect();
    let announced: Vec<String> = upload.headers().into_keys().map(str::to_ascii_lowercase).collect();
    let expected = announced.iter().map(String::as_str).chain(["content-length", "host"]).collect();
    if signed == expected {
        Ok(())
    } else {
        Err(unsigned(format!("the link signs {signed:?}, and must sign {expected:?}")).into())
    }
}
