//! Links that work without a key, for an hour: the local twin of a presigned URL.
//!
//! A link is `<base>/files/<storage key>?expires=<unix seconds>&signature=<hex>`, signed with HMAC-SHA256
//! over what it names and when it expires. Whoever serves that path asks [`LocalLinks::verify`] what it
//! leads to.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use cutline_core::ports::{Link, Links, PortError};
use cutline_core::{Clock, StorageKey};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;
use tempfile::NamedTempFile;
use url::Url;

use crate::data_dir::DataDir;
use crate::error::{OpenError, StoreError};
use crate::files::sync_folder;

/// How long a link works, in seconds.
const LIFETIME: i64 = 3600;

/// What signs links: 32 random bytes, kept in the data folder so that links survive a restart.
#[derive(Clone)]
pub struct LinkSecret([u8; 32]);

impl LinkSecret {
    /// Reads the folder's secret, and makes one if there is none.
    ///
    /// # Errors
    /// [`OpenError`] if the secret is damaged, or cannot be read or made.
    pub fn open(folder: &DataDir) -> Result<Self, OpenError> {
        let path = folder.link_secret();
        if let Some(secret) = read(&path)? {
            return Ok(secret);
        }
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(OpenError::NoRandomness)?;
        // A temporary file is its owner's alone (0600), and keeps that when it is given its name.
        let mut file = NamedTempFile::new_in(folder.path()).map_err(StoreError::at(folder.path()))?;
        file.write_all(&secret).and_then(|()| file.as_file().sync_all()).map_err(StoreError::at(&path))?;
        match file.persist_noclobber(&path) {
            Ok(_) => {
                sync_folder(folder.path())?;
                Ok(Self(secret))
            }
            // Somebody else made one in between: it is as good.
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

/// Why a link is not served. The reason is for tests and logs; a caller is told the same for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkRefused {
    /// It was never signed so.
    #[error("the link is not one of ours")]
    Invalid,
    /// It worked once.
    #[error("the link has expired")]
    Expired,
}

/// [`Links`] that lead back to this server.
#[derive(Clone)]
pub struct LocalLinks {
    secret: LinkSecret,
    base: Arc<Url>,
    clock: Arc<dyn Clock>,
}

impl LocalLinks {
    /// Links below `base`, the address by which callers reach the server; a path in it is kept.
    pub fn new(secret: LinkSecret, base: Url, clock: Arc<dyn Clock>) -> Self {
        Self { secret, base: Arc::new(base), clock }
    }

    /// What a link leads to. `path_and_query` is all of it after host and port, as it came:
    /// `/files/…?expires=…&signature=…`. Comparing takes the same time wherever a signature is wrong.
    ///
    /// # Errors
    /// [`LinkRefused`] if anything in it was changed or added, or its time is over.
    pub fn verify(&self, path_and_query: &str) -> Result<StorageKey, LinkRefused> {
        let (path, expires, signature) = split(path_and_query).ok_or(LinkRefused::Invalid)?;
        let signature = from_hex(signature).ok_or(LinkRefused::Invalid)?;
        self.mac(path, expires).verify_slice(&signature).map_err(|_| LinkRefused::Invalid)?;
        // It was signed here, so its parts are as they are written here.
        let key = StorageKey::parse(path).ok_or(LinkRefused::Invalid)?;
        let expires: i64 = expires.parse().map_err(|_| LinkRefused::Invalid)?;
        if expires <= self.clock.now().as_second() { Err(LinkRefused::Expired) } else { Ok(key) }
    }

    /// The code over a link's parts. Neither part of a link of ours holds a line break.
    fn mac(&self, key: &str, expires: &str) -> Hmac<Sha256> {
        // HMAC fills a key up to SHA-256's block of 64 bytes with zeros; doing so here cannot fail.
        let mut block = [0; 64];
        block[..32].copy_from_slice(&self.secret.0);
        let mut mac = <Hmac<Sha256> as KeyInit>::new(&block.into());
        for part in ["cutline file link 1", key, expires] {
            mac.update(part.as_bytes());
            mac.update(b"\n");
        }
        mac
    }
}

#[async_trait]
impl Links for LocalLinks {
    async fn sign(&self, key: &StorageKey) -> Result<Link, PortError> {
        let key = key.to_string();
        let expires = self.clock.now().as_second() + LIFETIME;
        let signature = to_hex(&self.mac(&key, &expires.to_string()).finalize().into_bytes());
        let mut url = Url::clone(&self.base);
        url.path_segments_mut()
            .map_err(|()| PortError::fail("the public URL cannot have a path"))?
            .pop_if_empty()
            .push("files")
            .extend(key.split('/'));
        url.set_query(Some(&format!("expires={expires}&signature={signature}")));
        let expires_at = Timestamp::from_second(expires).map_err(PortError::fail)?;
        Ok(Link { url, expires_at })
    }
}

/// Storage key, expiry and signature, as they stand in a link.
fn split(path_and_query: &str) -> Option<(&str, &str, &str)> {
    let (path, query) = path_and_query.split_once('?')?;
    let (expires, signature) = query.split_once('&')?;
    Some((path.strip_prefix("/files/")?, expires.strip_prefix("expires=")?, signature.strip_prefix("signature=")?))
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes of lower-case hexadecimal digits: a signature has one spelling.
fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}
