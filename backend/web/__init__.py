"""The page: static files and the libraries that they import, served as they are."""
