//! The trace of an invocation, passed on with its messages.

use std::process::Command;
use std::time::Duration;

use cutline_core::contract::samples;
use cutline_core::domain::job::ReportId;
use cutline_core::domain::report_message::ReportMessage;
use cutline_core::ports::ReportQueue;

use crate::server::Script;

const VARIABLE: &str = "_X_AMZN_TRACE_ID";
const TRACE: &str = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=557abcec3ee5a047;Sampled=1";

async fn sent() -> String {
    let script = Script::new([(200, r#"{"MessageId":"1"}"#)]);
    let id = samples::job(&samples::owner(), false).id;
    let message = ReportMessage { job_id: id, report_id: ReportId::manifest() };
    let queue = script.aws().await.queue("http://localhost/1/reports");
    queue.send_report(&message, Duration::ZERO).await.expect("sends");
    script.requests().remove(0)
}

/// The variable belongs to the process, so the test runs itself again with it.
#[tokio::test]
async fn a_message_carries_the_trace_of_its_invocation() {
    if std::env::var_os(VARIABLE).is_some() {
        let request = sent().await;
        let attribute = format!(r#""AWSTraceHeader":{{"StringValue":"{TRACE}","DataType":"String"}}"#);
        assert!(request.contains(&attribute), "{request}");
        return;
    }
    assert!(!sent().await.contains("AWSTraceHeader"), "nothing to pass on outside of Lambda");
    let this = std::env::current_exe().expect("a path");
    let name = "trace::a_message_carries_the_trace_of_its_invocation";
    let output = Command::new(this).args(["--exact", name]).env(VARIABLE, TRACE).output().expect("runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}{}", String::from_utf8_lossy(&output.stderr));
}
