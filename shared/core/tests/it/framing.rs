//! Settings that frame the photograph, or fix the subject's scale.

use cutline_core::contract::samples;
use cutline_core::domain::crop::CropMargin;
use cutline_core::domain::job::{JobParamSet, JobSpec, RecordVersion};
use cutline_core::domain::params::{Framed, ParamSet};
use cutline_core::{Job, Policy, Variation};
use serde_json::{Value, json};

use crate::params::{faults, paths};

#[test]
fn makes_the_framed_photograph_only_with_its_settings() {
    let planned = |document: Value| ParamSet::read(document).expect("is read").planned();
    let by_default = planned(json!({"framed": {}}));
    assert_eq!(by_default.made, [Variation::Background, Variation::Clipping, Variation::Framed]);
    assert_eq!(by_default.final_picture, Some(Variation::Clipping));
    let without = planned(json!({"variations": ["framed", "background"], "final": "framed"}));
    assert_eq!((without.made, without.ignored), (vec![Variation::Background], vec![Variation::Framed]));
    let last = planned(json!({"framed": {"whiten": true}, "variations": ["framed"]}));
    assert_eq!((last.made, last.final_picture), (vec![Variation::Framed], Some(Variation::Framed)));
}

#[test]
fn reads_the_settings_of_the_framed_photograph() {
    let framed = |settings: Value| ParamSet::read(json!({"framed": settings})).expect("is read").framed;
    let margin = |text: &str| text.parse().expect("a margin");
    assert_eq!(framed(json!({})), Some(Framed { margin: margin("5%"), aspect: None, whiten: false }));
    let all = framed(json!({"margin": "10px 5% 0 5%", "aspect": "4:5", "whiten": true})).expect("has settings");
    assert_eq!((all.margin, all.aspect, all.whiten), (margin("10px 5% 0 5%"), "4:5".parse().ok(), true));
    let written = json!({"version": 1, "framed": {"margin": "10 5% 0 5%", "aspect": "4:5", "whiten": true}});
    let set = ParamSet { framed: Some(all), ..ParamSet::empty() };
    assert_eq!(serde_json::to_value(&set).expect("serializes"), written);
    let found = faults(json!({"framed": {"margin": 8, "aspect": "square", "whiten": 1, "size": 5}}));
    let expected = [
        ("framed.margin", format!("This value must be {}.", CropMargin::EXPECTED)),
        (
            "framed.aspect",
            "This value must be a text such as \"4:5\", of whole numbers from 1 to 100 and at most 20:1 or 1:20."
                .to_owned(),
        ),
        ("framed.whiten", "This value must be true or false.".to_owned()),
        ("framed.size", "There is no such setting. Known here: margin, aspect, whiten.".to_owned()),
    ];
    assert_eq!(found, expected.map(|(path, message)| (path.to_owned(), message)));
    assert_eq!(paths(json!({"framed": true})), ["framed"]);
}

#[test]
fn a_scale_takes_the_place_of_fill_and_a_baseline_that_of_align() {
    let set = ParamSet::read(json!({"canvas": {"width": 900, "height": 900}, "scale": 0.25, "baseline": "92%"}));
    let set = set.expect("is read");
    assert_eq!(
        (set.scale.map(|scale| scale.get()), set.baseline.map(|height| height.share())),
        (Some(0.25), Some(0.92))
    );
    assert!(set.places_subject() && ParamSet::read(json!({"scale": 1})).expect("is read").places_subject());
    assert!(ParamSet::read(json!({"fill": "80%", "baseline": "90%"})).is_ok(), "all stand on one line");
    let fault = |path: &str, message: &str| (path.to_owned(), message.to_owned());
    let both = [fault("scale", "This value takes the place of fill; leave one of them out.")];
    assert_eq!(faults(json!({"scale": 0.5, "fill": "80%"})), both);
    let aligned = [fault("baseline", "This value takes the place of align.y; leave one of them out.")];
    assert_eq!(faults(json!({"baseline": "90%", "align": {"y": "bottom"}})), aligned);
    let room = [fault("baseline", "This value must leave room for the subject below the upper margin.")];
    assert_eq!(faults(json!({"canvas": {"width": 500, "height": 500}, "margin": "100px", "baseline": "20%"})), room);
    let number = fault("scale", "This value must be a number from 0.01 to 10.");
    for bad in [json!(0), json!(-1), json!(10.5), json!("0.5"), json!(0.001)] {
        assert_eq!(faults(json!({"scale": bad})), std::slice::from_ref(&number), "{bad}");
    }
    let height = fault("baseline", "This value must be a text from \"1%\" to \"100%\".");
    for bad in [json!("0%"), json!("101%"), json!("900px"), json!(92)] {
        assert_eq!(faults(json!({"baseline": bad})), std::slice::from_ref(&height), "{bad}");
    }
}

#[test]
fn knows_what_older_releases_cannot_read() {
    let has_framing = |document: Value| ParamSet::read(document).expect("is read").has_framing();
    for framing in [
        json!({"framed": {}}),
        json!({"scale": 2}),
        json!({"baseline": "90%"}),
        json!({"variations": ["clipping", "framed"]}),
        json!({"output": {"per_variation": {"framed": {"dpi": 300}}}}),
    ] {
        assert!(has_framing(framing.clone()), "{framing}");
    }
    assert!(!has_framing(serde_json::to_value(samples::long_set()).expect("serializes")));
    assert!(!has_framing(json!({"fill": "80%", "variations": ["clipping"], "final": "clipping"})));
}

#[test]
fn a_job_that_needs_them_is_refused_by_releases_that_do_not_know_them() {
    let sample = samples::job(&samples::owner(), false);
    let needs = |document: Value| {
        let set = ParamSet::read(document).expect("is read");
        let spec = JobSpec { set: Some(JobParamSet { name: None, revision: None, set }), ..sample.spec.clone() };
        let job = Job::new(sample.id, sample.owner.clone(), spec, sample.created_at, &Policy::default());
        let record = serde_json::to_value(&job).expect("the job serializes");
        assert_eq!(serde_json::from_value::<Job>(record).expect("the record is readable"), job);
        job.needs
    };
    assert_eq!(needs(json!({"framed": {}})), RecordVersion::FRAMING);
    assert_eq!(needs(json!({"scale": 0.5, "baseline": "92%"})), RecordVersion::FRAMING);
    assert_eq!(needs(json!({"fill": "80%"})), RecordVersion::FIRST);
}
