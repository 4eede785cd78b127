"""Each mechanism's contract by itself, against its Python twin, on outcomes honest and bent."""
