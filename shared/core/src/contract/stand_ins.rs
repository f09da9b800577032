//! The outside world of use cases that run on real stores: a web without surprises, and a pipeline without networks.

use async_trait::async_trait;
use bytes::Bytes;

use crate::domain::failure::Fault;
use crate::domain::job::WebhookResult;
use crate::domain::outcome::{Confidence, Warnings};
use crate::domain::params::ParamSet;
use crate::domain::request::{Mode, SourceUrl};
use crate::domain::variation::Variation;
use crate::ports::{
    EncodedPicture, OutgoingWebhook, Pipeline, PipelineInput, PipelineOutput, Progress, SourceFetcher, Stage,
    WebhookClient,
};

/// Has the same bytes at every address.
pub(super) struct Internet;

#[async_trait]
impl SourceFetcher for Internet {
    async fn fetch(&self, _: &SourceUrl) -> Result<Bytes, Fault> {
        Ok(Bytes::from_static(b"fetched"))
    }
}

/// Receives no webhooks: no job of the previous release has one.
pub(super) struct Nobody;

#[async_trait]
impl WebhookClient for Nobody {
    async fn send(&self, webhook: OutgoingWebhook) -> WebhookResult {
        panic!("a webhook: {webhook:?}")
    }
}

/// A pipeline that returns the source as every picture.
pub(super) struct Copies;

impl Pipeline for Copies {
    fn run(&self, input: &PipelineInput, progress: &Progress<'_>) -> Result<PipelineOutput, Fault> {
        progress(Stage::Background, 100);
        let planned = input.set.as_ref().map(ParamSet::planned);
        let (made, final_picture, ignored) = match (planned, input.mode) {
            (Some(planned), _) => (planned.made, planned.final_picture, planned.ignored),
            (None, Mode::Clipping) => {
                (vec![Variation::Background, Variation::Clipping], Some(Variation::Clipping), vec![])
            }
            (None, _) => (vec![Variation::Background], Some(Variation::Background), vec![]),
        };
        let picture = |variation| {
            let format = input.file(variation).0.encoded().unwrap_or_default().into();
            EncodedPicture { variation, format, bytes: input.source.clone(), width: 1, height: 1 }
        };
        Ok(PipelineOutput {
            pictures: made.into_iter().map(picture).collect(),
            final_picture: final_picture.unwrap_or(Variation::Background),
            assets: Vec::new(),
            confidence: Confidence::DOUBTFUL,
            crop_box: None,
            attention: Vec::new(),
            pixel_check: None,
            warnings: Warnings::new(),
            ignored,
        })
    }

    fn memory_needed(&self, _: &PipelineInput) -> u64 {
        0
    }

    fn version(&self) -> &str {
        "copies"
    }
}
