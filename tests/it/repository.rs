//! Rules of the repository, so that a demo can be copied and the docs can be believed.

mod copies;
mod docs;
mod floors;
mod manifests;
mod nested_cargo;
mod own_demo;
mod path;
mod russian;
mod sizes;
mod templates;
