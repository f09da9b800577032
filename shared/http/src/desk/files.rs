//! The files of `desk/`, embedded. A test compares the list with the folder.

/// The try page. `{files}` stands for the folder of the files, `{preloads}` for links to all modules of the page, and other
/// names in braces for [`PARTS`].
pub(super) const TRY_PAGE: &str = include_str!("../../../../desk/index.html");

/// The review page, in the same form.
pub(super) const REVIEW_PAGE: &str = include_str!("../../../../desk/review.html");

/// What pages share, and where it stands in them.
pub(super) const PARTS: [(&str, &str); 5] = [
    ("{head}", include_str!("../../../../desk/parts/head.html")),
    ("{symbols}", include_str!("../../../../desk/parts/symbols.html")),
    ("{bar}", include_str!("../../../../desk/parts/bar.html")),
    ("{stage}", include_str!("../../../../desk/parts/stage.html")),
    ("{dialogs}", include_str!("../../../../desk/parts/dialogs.html")),
];

macro_rules! embedded {
    ($($name:literal,)*) => {
        /// Each file's name below `desk/`, and its content.
        pub(super) const ALL: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../../../../desk/", $name))),)*];
    };
}

embedded! {
    "correct/choose.js",
    "correct/correct.js",
    "correct/cut.js",
    "correct/draft.js",
    "correct/geodesic.js",
    "correct/gesture.js",
    "correct/hand.js",
    "correct/holes.js",
    "correct/keys.js",
    "correct/levels.js",
    "correct/loupe.js",
    "correct/mask.js",
    "correct/matted.js",
    "correct/open.js",
    "correct/overlay.js",
    "correct/pointer.js",
    "correct/previous.js",
    "correct/regions.js",
    "correct/send.js",
    "correct/session.js",
    "correct/tools.js",
    "css/base.css",
    "css/correct.css",
    "css/layout.css",
    "css/panel.css",
    "css/photos.css",
    "css/places.css",
    "css/review.css",
    "css/viewer.css",
    "icon.svg",
    "lib/api.js",
    "lib/backdrops.js",
    "lib/connection.js",
    "lib/divider.js",
    "lib/dom.js",
    "lib/gestures.js",
    "lib/identity.js",
    "lib/key-dialog.js",
    "lib/key.js",
    "lib/limit.js",
    "lib/numbers.js",
    "lib/persist.js",
    "lib/pictures.js",
    "lib/placement.js",
    "lib/problems.js",
    "lib/put.js",
    "lib/shell.js",
    "lib/shortcuts.js",
    "lib/stage.js",
    "lib/texts-review.js",
    "lib/texts.js",
    "lib/upload.js",
    "lib/zip.js",
    "review/attention.js",
    "review/bulk.js",
    "review/correcting.js",
    "review/csv.js",
    "review/decisions.js",
    "review/filters.js",
    "review/grid.js",
    "review/jobs.js",
    "review/loader.js",
    "review/main.js",
    "review/marks.js",
    "review/names.js",
    "review/order.js",
    "review/overview.js",
    "review/panel.js",
    "review/retouch.js",
    "review/shown.js",
    "review/statuses.js",
    "review/table.js",
    "review/thumbs.js",
    "review/viewer.js",
    "theme.js",
    "try/curl.js",
    "try/details.js",
    "try/downloads.js",
    "try/intake.js",
    "try/main.js",
    "try/photos.js",
    "try/runner.js",
    "try/settings.js",
    "try/strip.js",
    "try/thumbnails.js",
    "try/viewer.js",
}
