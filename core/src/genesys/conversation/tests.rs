//! The table of behaviour notes 3.3, row by row.
