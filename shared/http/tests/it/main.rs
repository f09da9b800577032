//! The router as a client sees it: every shape of the contract, byte by byte, and every bad request. The
//! ports are those in memory; requests go in at the router and not over a socket.

mod arbitrary;
mod budget;
mod edge;
mod files;
mod keys;
mod params;
mod parts;
mod ports;
mod socket;
mod status;
mod support;
mod upload;
