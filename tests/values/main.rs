//! Values of every type, parameters, and rows as structs, against real servers and on every runtime.
