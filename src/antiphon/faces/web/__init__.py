"""The page: a web server in a process of its own, and what it serves."""
