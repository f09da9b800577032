//! URLs in logs and messages.

use std::fmt;

use url::{Position, Url};

/// Shows a URL without what may be a credential: user name, password, query and fragment. The query of a presigned URL
/// holds its signature. `?…` marks what is left out.
pub(crate) struct WithoutSecrets<'a>(
    /// The URL.
    pub(crate) &'a Url,
);

impl fmt::Display for WithoutSecrets<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(url) = self;
        if url.has_authority() {
            write!(f, "{}://{}", url.scheme(), &url[Position::BeforeHost..Position::AfterPath])?;
        } else {
            f.write_str(&url[..Position::AfterPath])?;
        }
        let is_cut = url.query().is_some() || url.fragment().is_some();
        f.write_str(if is_cut { "?…" } else { "" })
    }
}

impl fmt::Debug for WithoutSecrets<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_no_part_that_can_be_a_credential() {
        let cases = [
            ("https://example.com/a%20b.jpg", "https://example.com/a%20b.jpg"),
            ("https://example.com:8443/a.jpg?X-Amz-Signature=secret", "https://example.com:8443/a.jpg?…"),
            ("http://[::1]:80/?#secret", "http://[::1]/?…"),
            ("https://me:secret@example.com/a#secret", "https://example.com/a?…"),
            ("https://secret@example.com", "https://example.com/"),
            ("data:text/plain,a?secret", "data:text/plain,a?…"),
        ];
        for (url, shown) in cases {
            let url = url.parse().expect(url);
            assert_eq!(WithoutSecrets(&url).to_string(), shown);
            assert_eq!(format!("{:?}", WithoutSecrets(&url)), format!("\"{shown}\""));
        }
    }
}
