//! The rest of the world: image workers, hosts of sources, receivers of webhooks, and where measurements go.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use cutline_core::domain::job::{Route, WebhookResult, WebhookVerdict};
use cutline_core::domain::metrics::Measurement;
use cutline_core::domain::request::SourceUrl;
use cutline_core::ports::{
    EncodedAsset, EncodedPicture, ImageWorkers, Metrics, OutgoingWebhook, PipelineInput, PipelineOutput, Progress,
    SourceFetcher, Stage, WebhookClient,
};
use cutline_core::{AssetKind, Confidence, FailureCode, Fault, Mode, OwnerId, Variation};
use tokio::time::sleep;

use crate::random::Random;

/// A file that counts as a picture by its first bytes. Nothing here decodes it.
pub(crate) const PHOTO: &[u8] = b"\x89PNG\r\n\x1A\nsimulated";

/// How much the times of pictures differ: the standard deviation of their logarithm.
const PICTURE_SPREAD: f64 = 0.25;

/// Image workers that take their time and return files without content.
pub(crate) struct Makers {
    pub(crate) random: Arc<Random>,
    /// The average time of a picture.
    pub(crate) mean: Duration,
}

#[async_trait]
impl ImageWorkers for Makers {
    async fn run(&self, _: &OwnerId, input: PipelineInput, progress: &Progress<'_>) -> Result<PipelineOutput, Fault> {
        let time = self.random.log_normal(self.mean, PICTURE_SPREAD);
        progress(Stage::Background, 0);
        sleep(time.mul_f64(0.7)).await;
        progress(if input.mode == Mode::Params { Stage::Compose } else { Stage::Clipping }, 0);
        sleep(time.mul_f64(0.3)).await;
        let planned = input.set.as_ref().map(|set| set.planned());
        let pictures =
            planned.as_ref().map_or(vec![Variation::Background, Variation::Clipping], |set| set.made.clone());
        let final_picture = planned.and_then(|set| set.final_picture).unwrap_or(Variation::Clipping);
        let picture = |variation: Variation| {
            let format = input.file(variation).0.encoded().expect("a new file").into();
            EncodedPicture { variation, format, bytes: Bytes::from_static(PHOTO), width: 1, height: 1 }
        };
        Ok(PipelineOutput {
            pictures: pictures.into_iter().map(picture).collect(),
            final_picture,
            assets: vec![EncodedAsset { kind: AssetKind::Matte, bytes: Bytes::from_static(PHOTO) }],
            confidence: Confidence::nearest(0.9),
            crop_box: None,
            attention: Vec::new(),
            pixel_check: None,
            warnings: Default::default(),
            ignored: Vec::new(),
        })
    }

    fn version(&self) -> &str {
        "simulated"
    }
}

/// The beginning of the names of hosts that send a byte now and then, until the fetcher gives up.
pub(crate) const DRIPPING: &str = "dripping.";

/// How long a fetch takes at most.
const MAX_FETCH: Duration = Duration::from_secs(20);

/// Hosts that answer a fetch within seconds, or drip.
pub(crate) struct Hosts {
    pub(crate) random: Arc<Random>,
}

#[async_trait]
impl SourceFetcher for Hosts {
    async fn fetch(&self, url: &SourceUrl) -> Result<Bytes, Fault> {
        if url.as_url().host_str().is_some_and(|host| host.starts_with(DRIPPING)) {
            sleep(MAX_FETCH).await;
            return Err(Fault::retry(FailureCode::SourceTimeout, "the source took too long"));
        }
        sleep(self.random.log_normal(Duration::from_millis(600), 0.5)).await;
        Ok(Bytes::from_static(PHOTO))
    }
}

/// Receivers that accept every webhook.
pub(crate) struct Receivers {
    pub(crate) random: Arc<Random>,
}

#[async_trait]
impl WebhookClient for Receivers {
    async fn send(&self, _: OutgoingWebhook) -> WebhookResult {
        sleep(self.random.log_normal(Duration::from_millis(150), 0.5)).await;
        WebhookResult { status: Some(204), verdict: WebhookVerdict::Delivered }
    }
}

/// The times in queues, by queue, in milliseconds.
#[derive(Debug, Default)]
pub(crate) struct QueueTimes(Mutex<BTreeMap<Route, Vec<u32>>>);

impl QueueTimes {
    /// The times in a queue.
    pub(crate) fn of(&self, route: Route) -> Vec<Duration> {
        let times = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        times.get(&route).into_iter().flatten().map(|ms| Duration::from_millis(u64::from(*ms))).collect()
    }
}

impl Metrics for QueueTimes {
    fn record(&self, measurement: &Measurement) {
        if let Measurement::QueueTime { route, time } = measurement {
            let ms = u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
            self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(*route).or_default().push(ms);
        }
    }
}
