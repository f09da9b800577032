//! Names to addresses, with the guard at the one place that cannot be got round: what this resolver gives
//! is what is connected to. A name looked up beforehand and again for the connection could change between
//! the two.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address::AddressPolicy;

/// Every address of the name is one that may not be connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the name has no address that may be connected to")]
pub(crate) struct ForbiddenAddress;

/// Looks a name up.
pub(crate) type Lookup = Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync>;

/// Looks a name up as the system does.
pub(crate) fn system_lookup() -> Lookup {
    Arc::new(|name| {
        async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        }
        .boxed()
    })
}

/// Gives of a name's addresses those that may be connected to.
pub(crate) struct GuardedResolver {
    pub(crate) lookup: Lookup,
    pub(crate) policy: AddressPolicy,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let found = (self.lookup)(name.as_str().to_owned());
        let policy = self.policy.clone();
        Box::pin(async move {
            let found = found.await?;
            if found.is_empty() {
                return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address").into());
            }
            let allowed: Vec<_> = found.into_iter().filter(|address| policy.allows(*address)).collect();
            if allowed.is_empty() {
                return Err(ForbiddenAddress.into());
            }
            // The port is the URL's: 0 stands for it.
            Ok(Box::new(allowed.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs)
        })
    }
}
