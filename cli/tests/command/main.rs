//! The command `gotrace`, run as a user runs it.

mod answers;
mod command_line;
mod doctor;
mod goldens;
mod heap;
mod verdict;
mod views;
