//! Tests of the console as a whole: messages in, the model and whole screens out. Tests of one file stand in that file.

mod sample;

mod screens;

mod causes;

mod rewound;

mod smooth;

mod staged;

mod truthful;

mod update;
