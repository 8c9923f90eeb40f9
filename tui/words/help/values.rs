//! What was expected where the value of an option does not fit.

pub const TEXTS: &[(&str, &str)] = &[
    (
        "expected a number of seconds above 0, as 5, or a number with a unit, as 500ms",
        "esperava um número de segundos acima de 0, como 5, ou um número com unidade, como 500ms",
    ),
    (
        "expected a number of bytes from 1000 on, as 64MB or 500KB",
        "esperava um número de bytes a partir de 1000, como 64MB ou 500KB",
    ),
    ("expected columns and rows up to 500, as 120x36", "esperava colunas e linhas até 500, como 120x36"),
    ("expected a factor from 0.01 to 16, as 2", "esperava um fator de 0.01 a 16, como 2"),
    (
        "expected a name that ends in .md for Markdown or in .html for a page",
        "esperava um nome que termine em .md para Markdown ou em .html para uma página",
    ),
    ("expected N=ADDRESS, as 2=127.0.0.1:7102", "esperava N=ENDEREÇO, como 2=127.0.0.1:7102"),
];
