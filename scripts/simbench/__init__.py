"""Import of grids and profiles of the SimBench data set; its CSV files are read directly."""
