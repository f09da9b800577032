//! Signed links that work without a key for an hour: the local equivalent of presigned URLs.
//!
//! A link is `<base>/files/<storage key>?expires=<unix seconds>[&name=<file name>]&signature=<hex>`, signed with
//! HMAC-SHA256 over the key, the expiry and the name. The HTTP server passes path and query to [`LocalLinks::verify`], which
//! returns the key and the name.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use cutline_core::domain::file_name::FileName;
use cutline_core::domain::percent::{percent_decode, percent_encode};
use cutline_core::ports::{Link, Links, PortError};
use cutline_core::{Clock, StorageKey};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;
use url::Url;

use crate::data_dir::DataDir;
use crate::disk::sync_folder;
use crate::error::{OpenError, StoreError};
use crate::private::temporary_file;

/// Lifetime of a link, in seconds.
pub(crate) const LIFETIME: i64 = 3600;

/// Distinguishes these signatures from all others of the same secret.
const PURPOSE: &str = "cutline file link 1";

/// The key that signs links: 32 random bytes, stored in the data folder so that links survive a restart.
#[derive(Clone)]
pub struct LinkSecret([u8; 32]);

impl LinkSecret {
    /// Reads the data folder's secret. Creates a missing one.
    ///
    /// # Errors
    /// [`OpenError`] if the secret is damaged, or cannot be read or created.
    pub fn open(folder: &DataDir) -> Result<Self, OpenError> {
        let path = folder.link_secret();
        if let Some(secret) = read(&path)? {
            return Ok(secret);
        }
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(OpenError::NoRandomness)?;
        let mut file = temporary_file(folder.path()).map_err(StoreError::at(folder.path()))?;
        file.write_all(&secret).and_then(|()| file.as_file().sync_all()).map_err(StoreError::at(&path))?;
        match file.persist_noclobber(&path) {
            Ok(_) => {
                sync_folder(folder.path())?;
                Ok(Self(secret))
            }
            // Another process created one in between; use that.
            Err(error) if error.error.kind() == ErrorKind::AlreadyExists => {
                read(&path)?.ok_or(OpenError::BadSecret(path))
            }
            Err(error) => Err(StoreError::at(&path)(error.error).into()),
        }
    }
}

fn read(path: &Path) -> Result<Option<LinkSecret>, OpenError> {
    match fs::read(path) {
        Ok(bytes) => match bytes.try_into() {
            Ok(secret) => Ok(Some(LinkSecret(secret))),
            Err(_) => Err(OpenError::BadSecret(path.to_owned())),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::at(path)(error).into()),
    }
}

/// The reason why a link is refused. For logs and tests: callers get the same answer for both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// The link was not signed here, or was changed since.
    #[error("the link's signature is invalid")]
    Invalid,
    /// The link's lifetime is over.
    #[error("the link has expired")]
    Expired,
}

/// The file that a valid link leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkedFile {
    /// The file.
    pub key: StorageKey,
    /// The name to save it under, if the link has one.
    pub name: Option<String>,
}

/// [`Links`] to this server.
#[derive(Clone)]
pub struct LocalLinks {
    secret: LinkSecret,
    base: Arc<Url>,
    clock: Arc<dyn Clock>,
}

impl LocalLinks {
    /// Links below `base`, the server's public address. A path in it is kept.
    pub fn new(secret: LinkSecret, base: Url, clock: Arc<dyn Clock>) -> Self {
        Self { secret, base: Arc::new(base), clock }
    }

    /// Checks a link and returns its file. `path_and_query` is the link without scheme, host and port:
    /// `/files/…?expires=…&signature=…`. The signature is compared in constant time.
    ///
    /// # Errors
    /// [`LinkError`] if the link was changed or has expired.
    pub fn verify(&self, path_and_query: &str) -> Result<LinkedFile, LinkError> {
        let LinkParts { path, expires, name, signature } = split(path_and_query).ok_or(LinkError::Invalid)?;
        check(&self.secret, &signed_parts(path, expires, name), signature)?;
        let key = StorageKey::parse(path).ok_or(LinkError::Invalid)?;
        let name = name.map(|name| percent_decode(name).ok_or(LinkError::Invalid)).transpose()?;
        let expires: i64 = expires.parse().map_err(|_| LinkError::Invalid)?;
        if expires <= self.clock.now().as_second() { Err(LinkError::Expired) } else { Ok(LinkedFile { key, name }) }
    }
}

/// The parts of a link that are signed.
fn signed_parts<'a>(key: &'a str, expires: &'a str, name: Option<&'a str>) -> Vec<&'a str> {
    [PURPOSE, key, expires].into_iter().chain(name).collect()
}

/// The authentication code of a link's parts, the first of which is its purpose. No part contains a line break.
fn mac(secret: &LinkSecret, parts: &[&str]) -> Hmac<Sha256> {
    // HMAC pads a key with zeros to SHA-256's block of 64 bytes. Padding it here needs no fallible constructor.
    let mut block = [0; 64];
    block[..32].copy_from_slice(&secret.0);
    let mut mac = <Hmac<Sha256> as KeyInit>::new(&block.into());
    for part in parts {
        mac.update(part.as_bytes());
        mac.update(b"\n");
    }
    mac
}

/// The signature of a link's parts.
pub(crate) fn signature(secret: &LinkSecret, parts: &[&str]) -> String {
    hex::encode(mac(secret, parts).finalize().into_bytes())
}

/// Checks the signature of a link's parts, in constant time.
///
/// # Errors
/// [`LinkError::Invalid`].
pub(crate) fn check(secret: &LinkSecret, parts: &[&str], signature: &str) -> Result<(), LinkError> {
    let bytes = hex::decode(signature).map_err(|_| LinkError::Invalid)?;
    mac(secret, parts).verify_slice(&bytes).map_err(|_| LinkError::Invalid)?;
    // A signature has one spelling: lower case.
    if signature == hex::encode(bytes) { Ok(()) } else { Err(LinkError::Invalid) }
}

#[async_trait]
impl Links for LocalLinks {
    async fn sign(&self, key: &StorageKey, file_name: Option<&FileName>) -> Result<Link, PortError> {
        let key = key.to_string();
        let expires = self.clock.now().as_second() + LIFETIME;
        let name = file_name.map(|name| percent_encode(name.as_str()));
        let signature = signature(&self.secret, &signed_parts(&key, &expires.to_string(), name.as_deref()));
        let mut url = Url::clone(&self.base);
        url.path_segments_mut()
            .map_err(|()| PortError::fail("the public URL cannot have a path"))?
            .pop_if_empty()
            .push("files")
            .extend(key.split('/'));
        let name = name.map(|name| format!("&name={name}")).unwrap_or_default();
        url.set_query(Some(&format!("expires={expires}{name}&signature={signature}")));
        let expires_at = Timestamp::from_second(expires).map_err(PortError::fail)?;
        Ok(Link { url, expires_at })
    }
}

/// The parts of a link, as it has them.
struct LinkParts<'a> {
    /// The storage key.
    path: &'a str,
    expires: &'a str,
    name: Option<&'a str>,
    signature: &'a str,
}

fn split(path_and_query: &str) -> Option<LinkParts<'_>> {
    let (path, query) = path_and_query.split_once('?')?;
    let (expires, rest) = query.split_once('&')?;
    let (name, signature) = match rest.strip_prefix("name=") {
        Some(rest) => {
            let (name, signature) = rest.split_once('&')?;
            (Some(name), signature)
        }
        None => (None, rest),
    };
    let (path, expires) = (path.strip_prefix("/files/")?, expires.strip_prefix("expires=")?);
    Some(LinkParts { path, expires, name, signature: signature.strip_prefix("signature=")? })
}
