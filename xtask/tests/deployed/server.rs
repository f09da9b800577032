//! `cutline serve --backend aws` next to the functions: it accepts uploads that are too large for their gateway, and shows
//! the web pages.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use cutline_deployment::{SAMPLE_KEY, free_address, program};
use serde_json::Value;

use crate::checks::download;
use crate::pages::{Site, check_pages};
use crate::photo;
use crate::world::World;

/// Bytes after a JPEG's end are ignored. With so many, the photo exceeds the gateway's limit.
const PADDING: usize = 7_000_000;

/// Longer than the start or an answer takes, even on a slow and busy machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// A running server, killed on drop.
struct Server {
    process: Child,
    origin: String,
    base: String,
    client: reqwest::Client,
}

impl Server {
    async fn start(world: &World) -> Result<Self> {
        let address = free_address()?;
        let stack = &world.stack;
        let process = Command::new(program("cutline")?)
            .args(["serve", "--backend", "aws", "--listen", &address.to_string()])
            .env_clear()
            .envs(&stack.functions["UploadFunction"].environment)
            .envs(&stack.functions["StatusFunction"].environment)
            .env("AWS_REGION", &stack.region)
            .env("AWS_ENDPOINT_URL", &stack.endpoint)
            .envs(stack.server.variables())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .context("cannot start cutline serve")?;
        let client = reqwest::Client::builder().timeout(PATIENCE).no_proxy().build()?;
        let origin = format!("http://{address}");
        let mut server = Self { process, base: format!("{origin}/api/v1"), origin, client };
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if let Some(status) = server.process.try_wait()? {
                bail!("the server ended: {status}");
            }
            if server.client.get(format!("{}/status", server.base)).send().await.is_ok() {
                return Ok(server);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!("the server does not answer")
    }

    async fn upload(&self, photo: &[u8]) -> Result<(u16, Value)> {
        let mut body = b"--x\r\nContent-Disposition: form-data; name=\"mode\"\r\n\r\nbackground\r\n--x\r\n\
            Content-Disposition: form-data; name=\"file\"; filename=\"photo.jpg\"\r\n\r\n"
            .to_vec();
        body.extend(photo);
        body.extend(b"\r\n--x--\r\n");
        let request = self.client.post(format!("{}/upload", self.base)).header("X-API-Key", SAMPLE_KEY);
        let answer = request.header("Content-Type", "multipart/form-data; boundary=x").body(body).send().await?;
        let status = answer.status().as_u16();
        Ok((status, serde_json::from_slice(&answer.bytes().await?)?))
    }

    async fn status(&self, job: &str) -> Result<Value> {
        let request = self.client.get(format!("{}/status?job_id={job}", self.base)).header("X-API-Key", SAMPLE_KEY);
        Ok(serde_json::from_slice(&request.send().await?.bytes().await?)?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub(crate) async fn a_server_accepts_uploads_too_large_for_the_gateway(world: &World) -> Result<()> {
    let server = Server::start(world).await?;
    let (status, body) = server.upload(&[photo::PHOTO, &vec![0; PADDING]].concat()).await?;
    ensure!(status == 202, "{status} {body}");
    let job = body["job_id"].as_str().context("no job_id")?;

    // The process function handles the job like any other.
    let message = world.jobs.receive_one().await?;
    let reported = world.jobs.deliver(&[message], &world.process).await?;
    ensure!(reported.is_empty(), "{reported:?}");

    let body = server.status(job).await?;
    ensure!(body["status"] == "done", "{body}");
    let link = &body["final_urls"]["background"];
    ensure!(
        link.as_str().is_some_and(|link| link.starts_with(&world.stack.endpoint)),
        "the link does not lead to S3: {body}"
    );
    let (status, bytes) = download(link).await?;
    ensure!(status == 200, "link {link}: {status}");
    photo::check(&bytes)
}

pub(crate) async fn a_server_shows_the_pages_of_its_deployment(world: &World) -> Result<()> {
    let server = Server::start(world).await?;
    check_pages(&Site::new(&server.origin, &world.stack.endpoint, SAMPLE_KEY)?).await
}
