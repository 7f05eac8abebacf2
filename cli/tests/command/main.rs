//! The command `gotrace`, run as a user runs it.

mod answers;
mod command_line;
mod doctor;
mod goldens;
mod heap;
mod help;
mod readme;
mod schema;
mod selections;
mod verdict;
mod views;
mod widths;
