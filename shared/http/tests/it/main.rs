//! The router as a client sees it: every response of the contract, byte by byte, and every bad request. It runs on
//! in-memory ports, and except in `socket` requests go straight to the router.

mod account;
mod arbitrary;
mod budget;
mod desk;
mod direct_uploads;
mod docs;
mod document;
mod failing_ports;
mod files;
mod job_routes;
mod jobs;
mod keys;
mod layers;
mod params;
mod parts;
mod rate_limits;
mod recuts;
mod reviews;
mod signed_uploads;
mod snapshots;
mod socket;
mod status;
mod support;
mod upload;
mod waiting;
mod webhooks;
