//! The backend of the server: this machine, or a deployment on AWS. The user chooses it; there is no fallback from one
//! to the other.

use std::sync::Arc;

use cutline_core::Policy;
use cutline_core::ports::Metrics;
use url::Url;

use super::args::{BackendArg, ServeArgs};
#[cfg(feature = "aws")]
use super::aws::AwsDeployment;
use super::local::LocalStores;
use super::metrics::PrometheusMetrics;
use super::ports::Ports;

/// An open backend.
pub(crate) enum Backend {
    Local(Box<LocalStores>),
    #[cfg(feature = "aws")]
    Aws(Box<AwsDeployment>),
}

impl Backend {
    pub(crate) async fn open(args: &ServeArgs, policy: Policy) -> anyhow::Result<Self> {
        match args.backend {
            BackendArg::Local => {
                let stores = LocalStores::open(&args.data.folder()?, args.watch.as_deref(), policy)?;
                Ok(Self::Local(Box::new(stores)))
            }
            BackendArg::Aws if args.watch.is_some() => anyhow::bail!(
                "--watch (CUTLINE_WATCH) needs the local backend; on AWS, drop files into the bucket, under drops/"
            ),
            // DynamoDB deletes records up to days late, S3 deletes files on a schedule of its own, and several functions
            // accept jobs at once: a count would be wrong in both directions.
            BackendArg::Aws if args.max_stored_bytes_per_owner.is_some() => anyhow::bail!(
                "--max-stored-bytes-per-owner (CUTLINE_MAX_STORED_BYTES_PER_OWNER) needs the local backend: on AWS, \
                 expired files are deleted without notice and cannot be counted exactly; leave it out"
            ),
            #[cfg(feature = "aws")]
            BackendArg::Aws => Ok(Self::Aws(Box::new(AwsDeployment::from_env().await?))),
            #[cfg(not(feature = "aws"))]
            BackendArg::Aws => anyhow::bail!(
                "this program was built without the AWS backend; build it with `--features aws` (--backend or \
                 CUTLINE_BACKEND)"
            ),
        }
    }

    /// The ports. `public_url` is the address of this server for clients, if it serves the files.
    pub(crate) fn ports(&self, public_url: Url) -> Ports {
        match self {
            Self::Local(stores) => stores.ports(public_url),
            #[cfg(feature = "aws")]
            Self::Aws(deployment) => deployment.ports(),
        }
    }

    /// Where measurements go: to Prometheus, and on AWS to CloudWatch too if the environment names a namespace.
    pub(crate) fn metrics(&self, prometheus: PrometheusMetrics) -> Arc<dyn Metrics> {
        match self {
            Self::Local(_) => Arc::new(prometheus),
            #[cfg(feature = "aws")]
            Self::Aws(deployment) => deployment.metrics(prometheus),
        }
    }

    /// The local stores, which need this server's upkeep.
    pub(crate) fn local(&self) -> Option<&LocalStores> {
        match self {
            Self::Local(stores) => Some(stores),
            #[cfg(feature = "aws")]
            Self::Aws(_) => None,
        }
    }

    /// The place of the data, for the startup message.
    pub(crate) fn description(&self) -> String {
        match self {
            Self::Local(stores) => format!("Data in {}", stores.folder().display()),
            #[cfg(feature = "aws")]
            Self::Aws(deployment) => deployment.description(),
        }
    }

    /// The command that creates another key.
    pub(crate) fn new_key_command(&self, args: &ServeArgs) -> String {
        match self {
            Self::Local(_) => format!("cutline keys create{}", args.data.as_flag()),
            #[cfg(feature = "aws")]
            Self::Aws(deployment) => deployment.new_key_command(),
        }
    }
}
