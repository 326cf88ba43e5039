//! `ship`: what is published arrives whole or not at all, over any server, whenever it is killed.
//!
//! Each test has a [publisher](publisher::Publisher) of small snapshots and [hosts](host::Host) that pull them, in
//! this process for speed, or with the program.

mod attacks;
mod damage;
mod fleet;
mod host;
mod hostile;
mod kills;
mod memory;
mod publications;
mod publisher;
mod routes;
mod servers;
mod static_builds;
mod stock;
mod watching;
mod web;
