"""REST: the same services as pages and command line, as JSON over HTTP."""
