//! The contract of [`OwnerWebhooks`].

use futures::future::join_all;

use super::samples;
use crate::domain::keys::{CreditChange, Owner, OwnerChange, RateLimitChange};
use crate::domain::webhook::WebhookUrl;
use crate::domain::webhook_secret::{WebhookSecret, WebhookSecrets};
use crate::ports::{Keys, OwnerWebhooks, WriteError};

fn url(path: &str) -> WebhookUrl {
    format!("https://example.com/{path}?token=a%2Fb").try_into().expect("a URL")
}

fn secret() -> WebhookSecret {
    WebhookSecret::generate().expect("randomness")
}

/// Checks a store of webhook settings, whose owners are in `keys`.
pub async fn owner_webhooks(webhooks: &dyn OwnerWebhooks, keys: &dyn Keys) {
    urls_are_settings(webhooks, keys).await;
    secrets_are_stored_by_version(webhooks, keys).await;
    one_of_many_rotations_wins(webhooks).await;
}

async fn urls_are_settings(webhooks: &dyn OwnerWebhooks, keys: &dyn Keys) {
    let id = samples::owner();
    let stored = async || keys.owner(&id).await.expect("owner");
    assert_eq!(stored().await.webhook_url, None);
    webhooks.set_webhook_url(&id, Some(&url("a"))).await.expect("set");
    let expected = Owner { webhook_url: Some(url("a")), ..Owner::unlimited(id.clone()) };
    assert_eq!(stored().await, expected, "settings are created");
    assert!(keys.is_known(&id).await.expect("is known"));
    let change = OwnerChange {
        credits: Some(CreditChange::Set(3)),
        requests_per_minute: Some(RateLimitChange::Set(60)),
        review: None,
    };
    keys.change_owner(&id, change).await.expect("change");
    webhooks.set_webhook_url(&id, Some(&url("b"))).await.expect("set");
    let expected = Owner { webhook_url: Some(url("b")), credits: Some(3), requests_per_minute: Some(60), ..expected };
    assert_eq!(stored().await, expected, "other settings stay");
    webhooks.set_webhook_url(&id, None).await.expect("remove");
    webhooks.set_webhook_url(&id, None).await.expect("removing twice succeeds");
    assert_eq!(stored().await, Owner { webhook_url: None, ..expected });
}

async fn secrets_are_stored_by_version(webhooks: &dyn OwnerWebhooks, keys: &dyn Keys) {
    let id = samples::owner();
    let stored = async || webhooks.webhook_secrets(&id).await.expect("secrets");
    assert_eq!(stored().await, WebhookSecrets::default(), "secrets that were never stored");
    webhooks.set_webhook_url(&id, Some(&url("a"))).await.expect("set");
    let first = WebhookSecrets::default().rotated(secret(), samples::now());
    webhooks.put_webhook_secrets(&id, &first).await.expect("put");
    assert_eq!(stored().await, first);
    let owner = keys.owner(&id).await.expect("owner");
    assert_eq!((owner.webhook_secret_at, owner.webhook_url), (first.created_at(), Some(url("a"))));
    let second = first.rotated(secret(), samples::now());
    webhooks.put_webhook_secrets(&id, &second).await.expect("put");
    assert_eq!(stored().await, second);
    assert_eq!(keys.owner(&id).await.expect("owner").webhook_secret_at, second.created_at());
    for outdated in
        [first.rotated(secret(), samples::now()), first, WebhookSecrets::default().rotated(secret(), samples::now())]
    {
        let refused = webhooks.put_webhook_secrets(&id, &outdated).await;
        assert!(matches!(refused, Err(WriteError::Conflict)), "{refused:?}");
    }
    assert_eq!(stored().await, second, "a refused change changes nothing");
    assert_eq!(keys.owner(&id).await.expect("owner").webhook_secret_at, second.created_at());
    let other = samples::owner();
    assert_eq!(webhooks.webhook_secrets(&other).await.expect("secrets"), WebhookSecrets::default(), "of one owner");
    let new = WebhookSecrets::default().rotated(secret(), samples::now());
    webhooks.put_webhook_secrets(&other, &new).await.expect("put");
    let created = keys.owner(&other).await.expect("owner");
    assert_eq!(
        created,
        Owner { webhook_secret_at: new.created_at(), ..Owner::unlimited(other) },
        "settings are created"
    );
}

async fn one_of_many_rotations_wins(webhooks: &dyn OwnerWebhooks) {
    let id = samples::owner();
    let rotations: Vec<_> = (0..8).map(|_| WebhookSecrets::default().rotated(secret(), samples::now())).collect();
    let results = join_all(rotations.iter().map(|secrets| webhooks.put_webhook_secrets(&id, secrets))).await;
    let winners: Vec<_> =
        rotations.iter().zip(&results).filter(|(_, result)| result.is_ok()).map(|(one, _)| one).collect();
    // A store may refuse all of them if they collide, but never takes two.
    assert!(winners.len() <= 1, "{results:?}");
    let stored = webhooks.webhook_secrets(&id).await.expect("secrets");
    assert!(winners.iter().all(|winner| **winner == stored) && stored.version <= 1, "{stored:?}");
}
