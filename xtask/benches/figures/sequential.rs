//! One client of `cutline serve` that waits for each picture before it sends the next photo: what a single user sees, and
//! what a change of the way from the request to the worker and back costs.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tokio::time::sleep;

use crate::Setup;
use crate::client::Connection;
use crate::load;
use crate::machine::Scratch;
use crate::pictures::Pictures;
use crate::report::{Report, quantile};
use crate::serve::Server;

const UPLOADS: usize = 30;
/// Uploads before those that are timed.
const WARM_UP: usize = 3;
/// The pause between questions: short compared to a picture's time, and too long to take processor time from it.
const POLL: Duration = Duration::from_millis(5);
const PATIENCE: Duration = Duration::from_secs(60);
const TWO_MEGAPIXELS: (u32, u32) = (1632, 1224);

pub(crate) async fn run(setup: &Setup, report: &mut Report) -> Result<()> {
    report.begin("serve, one photo after another");
    println!(
        "{UPLOADS} uploads of a photo of two megapixels, from the request until the status, asked for every {} ms, is done",
        POLL.as_millis()
    );
    let scratch = Scratch::new("sequential")?;
    let server = Server::start(setup, scratch.path(), true).await?;
    let photo = Pictures::read()?.jpeg(0, TWO_MEGAPIXELS.0, TWO_MEGAPIXELS.1)?;
    let (content_type, body) = load::form(&photo);
    let head = format!(
        "POST /api/v1/upload HTTP/1.1\r\nHost: {}\r\nX-API-Key: {}\r\nContent-Type: {content_type}\r\n\
         Content-Length: {}\r\n\r\n",
        server.address,
        server.key,
        body.len(),
    );
    let request = [head.as_bytes(), &body[..]].concat();
    let mut connection = Connection::open(server.address).await.context("cannot connect")?;
    let mut times = Vec::with_capacity(UPLOADS);
    for upload in 0..WARM_UP + UPLOADS {
        let begun = Instant::now();
        let answer = connection.send(&request).await.context("no answer")?;
        let id = load::id_in(answer.body).context("the upload was refused")?;
        let question = load::status(server.address, &server.key, &id);
        let status = until_ended(&mut connection, &question).await?;
        let time = begun.elapsed();
        ensure!(status["status"] == "done", "the photo has no picture: {status}");
        if upload >= WARM_UP {
            times.push(time);
        }
    }
    times.sort_unstable();
    let p50 = quantile(&times, 0.5).context("no upload")?;
    report.tell("serve, 2 MP: from upload to result, p50", format!("{:.0} ms", p50.as_secs_f64() * 1e3));
    Ok(())
}

/// The status of the job once it has ended.
async fn until_ended(connection: &mut Connection, question: &[u8]) -> Result<Value> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        let answer = connection.send(question).await.context("no answer")?;
        let status: Value = serde_json::from_slice(answer.body).context("not JSON")?;
        if status["state"] == "done" {
            return Ok(status);
        }
        sleep(POLL).await;
    }
    bail!("a photo took more than {} s", PATIENCE.as_secs())
}
