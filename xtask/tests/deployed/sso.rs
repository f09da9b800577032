//! The command line with an SSO profile: region and credentials come from files as `aws sso login` leaves them, and from a
//! portal that answers like IAM Identity Center.

use std::fs;
use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};
use axum::Router;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::routing::get;
use cutline_deployment::program;
use serde_json::json;
use tokio::net::TcpListener;

use crate::world::World;

/// The token of the signed-in user.
const TOKEN: &str = "token-of-the-session";

/// The SHA-1 of the session's name, `shop`: the name of the file with its token.
const TOKEN_FILE: &str = "5042d146667518a1a5017644946b8650aafca44c.json";

/// Serves the admin's credentials to the signed-in user. It ends with the runtime.
async fn portal(world: &World) -> Result<String> {
    let admin = &world.stack.admin;
    let credentials = json!({"roleCredentials": {
        "accessKeyId": admin.aws_access_key_id, "secretAccessKey": admin.aws_secret_access_key,
        // Milliseconds: the end of the century.
        "expiration": 4_102_444_800_000_u64,
    }});
    let answer = credentials.to_string();
    let credentials = get(move |uri: Uri, headers: HeaderMap| {
        let query = uri.query().unwrap_or_default();
        let names_role = query.contains("role_name=Operator") && query.contains("account_id=123456789012");
        let is_signed_in = headers.get("x-amz-sso_bearer_token").is_some_and(|token| token == TOKEN);
        let answer = if names_role && is_signed_in {
            (StatusCode::OK, answer.clone())
        } else {
            (StatusCode::UNAUTHORIZED, "{}".to_owned())
        };
        async move { answer }
    });
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let routes = Router::new().route("/federation/credentials", credentials);
    tokio::spawn(async move { axum::serve(listener, routes).await });
    Ok(format!("http://{address}"))
}

/// `cutline keys list` for a user with this token.
async fn keys_list(world: &World, portal: String, token: &str) -> Result<Output> {
    let home = world.log_path("sso");
    let cache = home.join(".aws/sso/cache");
    fs::create_dir_all(&cache)?;
    let profile = format!(
        "[profile staff]\nsso_session = shop\nsso_account_id = 123456789012\nsso_role_name = Operator\nregion = {region}\n\
         [sso-session shop]\nsso_start_url = https://shop.awsapps.com/start\nsso_region = {region}\n",
        region = world.stack.region
    );
    fs::write(home.join(".aws/config"), profile)?;
    let cached = json!({"accessToken": token, "expiresAt": "2099-01-01T00:00:00Z", "region": world.stack.region});
    fs::write(cache.join(TOKEN_FILE), cached.to_string())?;
    let mut command = Command::new(program("cutline")?);
    command
        .args(["keys", "list", "--aws", &world.stack.outputs.table_name])
        .env_clear()
        .env("HOME", &home)
        .env("AWS_PROFILE", "staff")
        .env("AWS_ENDPOINT_URL", &world.stack.endpoint)
        .env("AWS_ENDPOINT_URL_SSO", portal)
        // No other place has credentials.
        .env("AWS_EC2_METADATA_DISABLED", "true");
    // Another thread, because the portal is in this process.
    let output = tokio::task::spawn_blocking(move || command.output()).await?;
    output.context("cannot run cutline keys list")
}

pub(crate) async fn an_sso_profile_gives_region_and_credentials(world: &World) -> Result<()> {
    let portal = portal(world).await?;
    let output = keys_list(world, portal.clone(), TOKEN).await?;
    let (listed, errors) = (String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?);
    ensure!(output.status.success() && listed.contains("shop"), "{:?}: {listed}{errors}", output.status);

    let refused = keys_list(world, portal, "expired").await?;
    ensure!(!refused.status.success(), "a token that the portal refuses works");
    Ok(())
}
