//! Databases of older formats.
