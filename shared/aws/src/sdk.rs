//! Time limits and client settings that every adapter shares.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;

/// Time limit for opening a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Time limit for one attempt of a call to S3, body included: 50 MB at 5 MB/s, a tenth of a function's bandwidth.
const TRANSFER_TIMEOUT: Duration = Duration::from_secs(10);

/// Time limit for a whole S3 call, in attempts: 20 seconds. The upload function has 29, so it can still answer.
const TRANSFER_ATTEMPTS: u32 = 2;

/// An attempt whose S3 transfer stalls for this long is given up.
const STALL_TIMEOUT: Duration = Duration::from_secs(5);

/// Limits one attempt to `attempt`, and the whole call to `attempts` times that.
pub(crate) fn timeouts(attempt: Duration, attempts: u32) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(attempt)
        .operation_attempt_timeout(attempt)
        .operation_timeout(attempt * attempts)
        .build()
}

/// Settings for S3 clients: longer limits for transfers, stalled transfers end early. A custom endpoint has no host
/// name per bucket, so there the bucket goes into the path.
pub(crate) fn s3_config(config: &SdkConfig) -> aws_sdk_s3::config::Builder {
    let stalled = StalledStreamProtectionConfig::enabled().grace_period(STALL_TIMEOUT).build();
    aws_sdk_s3::config::Builder::from(config)
        .timeout_config(timeouts(TRANSFER_TIMEOUT, TRANSFER_ATTEMPTS))
        .stalled_stream_protection(stalled)
        .force_path_style(config.endpoint_url().is_some())
}
