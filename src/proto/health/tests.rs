// SPDX-License-Identifier: MIT OR Apache-2.0
mod kit;

mod checks;
mod operator;
mod pages;
mod properties;
mod quorum;
mod reload;
mod stop;
mod suspend;
mod table;
mod weights;
