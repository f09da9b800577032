//! The API browser at `/api/v1/docs`: Swagger UI, from the archive in a crate. Nothing comes from other servers.

use std::io::{Cursor, Read};
use std::sync::OnceLock;

use bytes::Bytes;
use cutline_http::{ApiBrowser, DocsFile};
use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
use zip::ZipArchive;

/// The page. It names the other files, and has no inline script or style.
const PAGE: &str = include_str!("browser/page.html");

/// The script that shows the document.
const START: &str = include_str!("browser/start.js");

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

/// Swagger UI. Its files are unpacked when they are first asked for, and then kept.
#[derive(Default)]
pub(crate) struct SwaggerUi {
    script: OnceLock<Option<Bytes>>,
    style: OnceLock<Option<Bytes>>,
    icon: OnceLock<Option<Bytes>>,
}

impl ApiBrowser for SwaggerUi {
    fn page(&self) -> DocsFile {
        DocsFile { content_type: "text/html; charset=utf-8", bytes: Bytes::from_static(PAGE.as_bytes()) }
    }

    fn file(&self, name: &str) -> Option<DocsFile> {
        let (content_type, unpacked) = match name {
            "start.js" => {
                return Some(DocsFile { content_type: JAVASCRIPT, bytes: Bytes::from_static(START.as_bytes()) });
            }
            "swagger-ui-bundle.js" => (JAVASCRIPT, &self.script),
            "swagger-ui.css" => ("text/css; charset=utf-8", &self.style),
            "favicon-32x32.png" => ("image/png", &self.icon),
            _ => return None,
        };
        let bytes = unpacked.get_or_init(|| {
            let unpacked = unpack(name);
            if unpacked.is_none() {
                tracing::error!(name, "cannot unpack a file of Swagger UI");
            }
            unpacked
        });
        Some(DocsFile { content_type, bytes: bytes.clone()? })
    }
}

/// The file of this name in the archive.
fn unpack(name: &str) -> Option<Bytes> {
    let mut archive = ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED)).ok()?;
    let path = archive.file_names().flatten().find(|path| path.ends_with(&format!("/dist/{name}")))?.into_owned();
    let mut unpacked = Vec::new();
    archive.by_name(&path).ok()?.read_to_end(&mut unpacked).ok()?;
    Some(unpacked.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_every_file_that_the_page_names() {
        let browser = SwaggerUi::default();
        let names: Vec<_> = PAGE.split("\"docs/").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert_eq!(names.len(), 4, "{names:?}");
        for name in names {
            let file = browser.file(name).unwrap_or_else(|| panic!("{name} is missing"));
            assert!(file.bytes.len() > 100, "{name}: {} bytes", file.bytes.len());
        }
        let script = browser.file("swagger-ui-bundle.js").expect("the script");
        assert!(str::from_utf8(&script.bytes).expect("text").contains("SwaggerUIBundle"));
        for name in ["", "index.html", "../package.json", "swagger-ui.js"] {
            assert!(browser.file(name).is_none(), "{name}");
        }
    }

    /// The content security policy allows neither inline scripts and styles nor other servers.
    #[test]
    fn the_page_keeps_its_policy() {
        for forbidden in ["<style", "style=", "http:", "https:", "onclick", "<script>"] {
            assert!(!PAGE.contains(forbidden), "{forbidden}");
        }
        assert!(!START.contains("http"));
    }
}
