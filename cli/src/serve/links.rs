//! The files behind signed links.

use std::sync::Arc;

use async_trait::async_trait;
use cutline_http::{LinkError, SignedFile, SignedFiles};
use cutline_local::{LinkedFile, LocalFiles, LocalLinks, StoredFile};
use futures::{StreamExt, stream};

/// [`SignedFiles`] of the local file store.
pub(crate) struct LinkedFiles {
    links: LocalLinks,
    files: Arc<LocalFiles>,
}

impl LinkedFiles {
    pub(crate) fn new(links: LocalLinks, files: Arc<LocalFiles>) -> Self {
        Self { links, files }
    }
}

#[async_trait]
impl SignedFiles for LinkedFiles {
    async fn open(&self, path_and_query: &str) -> Result<SignedFile, LinkError> {
        let LinkedFile { key, name } = self.links.verify(path_and_query).map_err(|reason| {
            tracing::debug!(%reason, "link rejected");
            LinkError::Forbidden
        })?;
        let stored = self.files.stored(&key).await?.ok_or(LinkError::NotFound)?;
        let len = stored.size();
        let bytes = stream::try_unfold(stored, |mut stored: StoredFile| async move {
            Ok(stored.next_frame().await?.map(|frame| (frame, stored)))
        });
        let file_name = name.unwrap_or_else(|| key.download_name());
        Ok(SignedFile { content_type: key.content_type(), file_name, len, bytes: bytes.boxed() })
    }
}

#[cfg(test)]
mod tests {
    use cutline_core::Variation;
    use cutline_core::ports::{Blobs, Links};
    use cutline_core::{Ids, OutputFormat, StorageKey, SystemClock, SystemIds};
    use cutline_local::{DataDir, LinkSecret};
    use futures::TryStreamExt;

    use super::*;

    #[tokio::test]
    async fn serves_a_file_in_chunks() {
        let folder = tempfile::tempdir().expect("a folder");
        let data = DataDir::open(&folder.path().join("data")).expect("a data folder");
        let files = Arc::new(LocalFiles::open(&data.files()).expect("the files"));
        let secret = LinkSecret::open(&data).expect("a secret");
        let base = "http://127.0.0.1:8787".parse().expect("a URL");
        let links = LocalLinks::new(secret, base, Arc::new(SystemClock));
        let (job, lease) = (SystemIds.job(), SystemIds.lease());
        let key =
            StorageKey::Output { job, lease, variation: Variation::Background, format: OutputFormat::Webp.into() };
        let link = links.sign(&key, None).await.expect("signed").url;
        let path = format!("{}?{}", link.path(), link.query().expect("a signature"));
        let served = LinkedFiles::new(links, files.clone());
        assert!(matches!(served.open(&path).await, Err(LinkError::NotFound)));

        files.put(&key, vec![7; 150_000].into()).await.expect("stored");
        let file = served.open(&path).await.expect("opened");
        let name = format!("{job}-background.webp");
        assert_eq!((file.len, file.content_type, file.file_name), (150_000, "image/webp", name));
        let chunks: Vec<_> = file.bytes.try_collect().await.expect("read");
        assert!(chunks.len() > 1 && chunks.concat() == [7; 150_000], "{} chunks", chunks.len());
    }
}
