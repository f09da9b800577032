//! Where the server keeps things: on this machine, or in a deployment on AWS. Chosen by name; neither is ever
//! taken in place of the other.

use clap::ValueEnum;
use cutline_core::Policy;
use url::Url;

use super::ServeArgs;
#[cfg(feature = "aws")]
use super::aws::Deployment;
use super::ports::Ports;
use super::stores::Stores;

/// The choices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum BackendArg {
    /// SQLite and files, in the data folder.
    Local,
    /// The DynamoDB table, SQS queue and S3 bucket that CUTLINE_TABLE, CUTLINE_QUEUE_URL, CUTLINE_BUCKET and
    /// CUTLINE_DELIVERY_ROLE_ARN name.
    Aws,
}

/// What was chosen, opened.
pub(crate) enum Backend {
    Local(Box<Stores>),
    #[cfg(feature = "aws")]
    Aws(Box<Deployment>),
}

impl Backend {
    pub(crate) async fn open(args: &ServeArgs, policy: Policy) -> anyhow::Result<Self> {
        match args.backend {
            BackendArg::Local => {
                let stores = Stores::open(&args.data.folder()?, args.watch.as_deref(), policy)?;
                Ok(Self::Local(Box::new(stores)))
            }
            BackendArg::Aws if args.watch.is_some() => anyhow::bail!(
                "on AWS files are dropped into the bucket, under drops/; a folder is watched by the local backend alone \
                 (--watch, or CUTLINE_WATCH)"
            ),
            #[cfg(feature = "aws")]
            BackendArg::Aws => Ok(Self::Aws(Box::new(Deployment::from_env().await?))),
            #[cfg(not(feature = "aws"))]
            BackendArg::Aws => anyhow::bail!(
                "this program was built without the AWS stores; build it with `--features aws` (--backend, or \
                 CUTLINE_BACKEND)"
            ),
        }
    }

    /// The ports on it. `public_url` is where links to this server lead, if it serves the files.
    pub(crate) fn ports(&self, public_url: Url) -> Ports {
        match self {
            Self::Local(stores) => stores.ports(public_url),
            #[cfg(feature = "aws")]
            Self::Aws(deployment) => deployment.ports(),
        }
    }

    /// The stores of this machine, which nobody but this server looks after.
    pub(crate) fn local(&self) -> Option<&Stores> {
        match self {
            Self::Local(stores) => Some(stores),
            #[cfg(feature = "aws")]
            Self::Aws(_) => None,
        }
    }

    /// Where things are kept, in words.
    pub(crate) fn place(&self) -> String {
        match self {
            Self::Local(stores) => format!("Data in {}", stores.folder().display()),
            #[cfg(feature = "aws")]
            Self::Aws(deployment) => deployment.place(),
        }
    }

    /// The command that makes another key.
    pub(crate) fn new_key(&self, args: &ServeArgs) -> String {
        match self {
            Self::Local(_) => format!("cutline keys create{}", args.data.as_flag()),
            #[cfg(feature = "aws")]
            Self::Aws(deployment) => deployment.new_key(),
        }
    }
}
