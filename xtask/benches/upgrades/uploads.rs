//! The jobs that are uploaded.

use anyhow::Result;
use serde_json::{Value, json};

use crate::origin::{DAMAGED, Origin, PHOTO};
use crate::server::Server;

/// A parameter set with most of the settings of the first release.
pub(crate) fn studio() -> Value {
    json!({
        "canvas": {"width": 640, "height": 480}, "background": "#f5f5f5", "margin": "5%",
        "align": {"x": "center", "y": "bottom", "by": "box"}, "enlargement": 2,
        "shadow_top": {"opacity": 0.35, "blur": "4%"}, "variations": ["background", "compose", "shadowTop"],
        "final": "compose",
        "output": {"format": "jpg", "quality": 82, "per_variation": {"background": {"format": "png"}}},
    })
}

/// A parameter set with a picture behind the subject, as a request contains it.
fn backdrop(origin: &Origin) -> String {
    json!({ "canvas": {"aspect": "1:1"}, "background": {"image_url": origin.photo(), "fit": "tile"} }).to_string()
}

/// Uploads jobs of every mode that end.
pub(crate) async fn upload_ending(server: &Server) -> Result<Vec<String>> {
    let psd = [("output_format", "psd"), ("dpi", "300"), ("path_name", "Pfad 1"), ("path_flatness", "0.7")];
    Ok(vec![
        server.accepted(&[("mode", "background")], Some(PHOTO)).await?,
        server.accepted(&psd, Some(PHOTO)).await?,
        server.accepted(&[("mode", "params"), ("params", "studio")], Some(PHOTO)).await?,
        server.accepted(&[("mode", "background"), ("channels", "alpha")], Some(DAMAGED)).await?,
    ])
}

/// Uploads jobs of every kind that wait.
pub(crate) async fn upload_waiting(server: &Server, origin: &Origin) -> Result<()> {
    let (photo, set) = (origin.photo(), backdrop(origin));
    server.accepted(&[("output_format", "webp"), ("lossless", "true")], Some(PHOTO)).await?;
    server
        .accepted(&[("mode", "background"), ("file_url", photo.as_str()), ("delivery_mode", "final_url")], None)
        .await?;
    server.accepted(&[("mode", "params"), ("params", set.as_str())], Some(PHOTO)).await?;
    Ok(())
}
