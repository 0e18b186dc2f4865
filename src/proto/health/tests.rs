mod kit;

mod rules;
