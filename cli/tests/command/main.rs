//! Tests that run the command `gotrace` as a process.

mod answers;
mod command_line;
mod diagnose;
mod doctor;
mod dumps;
mod goldens;
mod heap;
mod help;
mod mistakes;
mod readme;
mod schema;
mod selections;
mod views;
mod widths;
