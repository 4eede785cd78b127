"""An export as files: plain text that people can read, integers exact, one order of everything."""
